use super::super::kept;
use super::*;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A process with its two clocks, and what is kept beside it.
struct Process {
    life: KeyLife,
    plan: KeyPlan,
    now: Now,
    kept: Vec<MadeKey>,
}

impl Process {
    fn new() -> Self {
        Self {
            life: KeyLife::default(),
            plan: KeyPlan {
                issuer: "https://sso.test".into(),
                algorithm: Algorithm::Es256,
                rotate_every: 90 * DAY,
                former: Vec::new(),
            },
            now: Now {
                wall: Timestamp::from_seconds(1_893_456_000),
                monotonic: Monotonic::from_milliseconds(1000),
            },
            kept: Vec::new(),
        }
        .restarted()
    }

    /// Another process on the same machine.
    fn restarted(mut self) -> Self {
        self.now.monotonic = Monotonic::from_milliseconds(7);
        self.life = KeyLife::default();
        self.life.take(self.kept.clone(), self.now);
        self.look();
        self
    }

    /// Does what the driver does.
    fn look(&mut self) {
        self.life.go_on(self.now);
        for _ in 0..3 {
            let made = match self.life.wants(&self.plan, self.now) {
                Wants::Nothing => return,
                Wants::Tidying => None,
                Wants::Key => Pair::new(SigningKey::generate(self.plan.algorithm).unwrap()),
            };
            self.kept = self.life.kept_anew(made, self.now);
            self.life.take(self.kept.clone(), self.now);
        }
        panic!("it never has what it wants");
    }

    /// Both clocks go on, and every five minutes it looks.
    fn pass(&mut self, duration: Duration) {
        let minutes = 5;
        for _ in 0..duration.as_secs() / (minutes * 60) {
            self.step(Duration::from_mins(minutes));
            self.look();
        }
    }

    fn step(&mut self, duration: Duration) {
        self.now.monotonic = self.now.monotonic.plus(duration);
        self.turn(duration.as_secs().cast_signed());
    }

    /// The calendar alone is moved.
    const fn turn(&mut self, seconds: i64) {
        let milliseconds = self.now.wall.milliseconds() + seconds * 1000;
        self.now.wall = Timestamp::from_milliseconds(milliseconds);
    }

    fn signs(&self) -> String {
        self.life.signing().unwrap().pair.kid().to_owned()
    }

    fn published(&self) -> Vec<String> {
        self.life.keys().map(|key| key.pair.kid().to_owned()).collect()
    }
}

#[test]
fn the_next_key_is_published_a_day_before_it_signs_and_the_former_a_day_after() {
    let mut process = Process::new();
    let first = process.signs();
    assert_eq!(process.published(), [first.as_str()]);
    process.pass(88 * DAY + 23 * HOUR);
    assert_eq!(process.published().len(), 1);
    process.pass(HOUR);
    let [old, next] = &*process.published() else {
        panic!("two are published");
    };
    let (old, next) = (old.clone(), next.clone());
    assert_eq!(old, first);
    assert_eq!(process.signs(), first);
    process.pass(23 * HOUR);
    assert_eq!(process.signs(), first);
    process.pass(HOUR);
    assert_eq!(process.signs(), next);
    process.pass(23 * HOUR);
    assert_eq!(process.published(), [first, next.clone()]);
    process.pass(HOUR);
    assert_eq!(process.published(), [next]);
    // And so it goes on.
    process.pass(400 * DAY);
    assert!(process.published().len() <= 2);
}

#[test]
fn a_restart_changes_nothing() {
    let mut process = Process::new();
    let first = process.signs();
    process = process.restarted();
    assert_eq!(process.published(), [first.as_str()]);
    process.pass(89 * DAY);
    let published = process.published();
    process = process.restarted();
    assert_eq!((process.signs(), process.published()), (first, published.clone()));
    process.pass(DAY);
    process = process.restarted();
    assert_eq!(
        (process.signs(), process.published()),
        (published[1].clone(), published)
    );
}

#[test]
fn after_a_year_off_the_next_key_is_published_for_a_day_all_the_same() {
    let mut process = Process::new();
    let first = process.signs();
    process.turn(365 * 86_400);
    process = process.restarted();
    assert_eq!((process.signs(), process.published().len()), (first.clone(), 2));
    process.pass(DAY);
    assert_ne!(process.signs(), first);
    assert_eq!(process.published().len(), 2);
    process.pass(DAY);
    assert_eq!(process.published().len(), 1);
}

#[test]
fn a_calendar_that_jumps_forward_lets_no_key_sign_or_end_that_was_not_published_for_two_hours() {
    let mut process = Process::new();
    let first = process.signs();
    process.pass(89 * DAY);
    process.turn(1000 * 86_400);
    process.look();
    assert_eq!(process.signs(), first, "the next was published this minute");
    process.pass(Duration::from_mins(115));
    assert_eq!(process.signs(), first);
    process.pass(Duration::from_mins(5));
    assert_ne!(process.signs(), first);
    assert!(process.published().contains(&first), "what it signed still holds");
    process.pass(SETTLES);
    assert!(!process.published().contains(&first));
}

#[test]
fn a_calendar_that_jumps_back_changes_nothing_while_the_process_runs() {
    let mut process = Process::new();
    process.pass(90 * DAY);
    let (signs, published) = (process.signs(), process.published());
    assert_eq!(published.len(), 2);
    process.turn(-1000 * 86_400);
    process.pass(HOUR);
    assert_eq!((process.signs(), process.published()), (signs, published));
}

#[test]
fn a_key_of_a_clock_that_was_ahead_signs_and_is_told_anew_and_the_next_comes_in_its_time() {
    let mut process = Process::new();
    process.turn(3650 * 86_400);
    process.kept.clear();
    process = process.restarted();
    let first = process.signs();
    process.turn(-3650 * 86_400);
    process = process.restarted();
    assert_eq!(process.signs(), first);
    process.pass(SETTLES);
    assert!(process.kept[0].signs_from <= process.now.wall);
    process.pass(91 * DAY);
    assert_ne!(process.signs(), first);
}

#[test]
fn a_machine_that_forgets_the_date_at_each_start_signs_on_and_makes_few_keys() {
    let mut process = Process::new();
    let first = process.signs();
    let mut signed = first.clone();
    let right = process.now.wall;
    for start in 0..30 {
        // Up in 1970, set right a minute later, off a day later.
        process.now.wall = Timestamp::from_seconds(0);
        process = process.restarted();
        process.step(Duration::from_mins(1));
        process.look();
        process.now.wall = right.plus(DAY * start);
        process.look();
        assert!(
            process.published().contains(&signed),
            "start {start}: what it signed before still holds"
        );
        process.pass(DAY);
        signed = process.signs();
    }
    assert_eq!(process.published(), [first], "and it is too soon for another");
}

#[test]
fn keys_that_are_never_seen_to_end_are_few_all_the_same() {
    let mut process = Process::new();
    process.plan.rotate_every = LEAST_ROTATION;
    for _ in 0..(60 * 24) {
        process.pass(HOUR);
        process = process.restarted();
        assert!(process.published().contains(&process.signs()));
    }
    assert!(
        process.published().len() <= MOST_KEYS,
        "{:?}",
        process.published()
    );
    process.pass(DAY);
    assert!(process.published().len() <= 2, "{:?}", process.published());
}

#[test]
fn who_cannot_choose_an_algorithm_gets_one_key_a_day() {
    let mut process = Process::new();
    for _ in 0..10 {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            process.plan.algorithm = algorithm;
            process.look();
        }
    }
    assert_eq!(process.published().len(), 2);
}

#[test]
fn whatever_the_calendar_does_there_are_few_keys_and_one_signs() {
    let mut process = Process::new();
    for turn in [
        1000, -1000, 1, -1, 100, -99, 365, -2000, 3, 91, 91, 91, -273, 5000,
    ] {
        for _ in 0..6 {
            process.turn(turn * 86_400);
            process.pass(7 * HOUR);
            let signs = process.signs();
            assert!(process.published().contains(&signs));
            assert!(
                process.published().len() <= MOST_KEYS,
                "{:?}",
                process.published()
            );
        }
    }
}

#[test]
fn another_algorithm_signs_a_day_after_it_was_chosen() {
    let mut process = Process::new();
    let first = process.signs();
    process.plan.algorithm = Algorithm::EdDsa;
    process.look();
    let set = process.life.set(&[]).unwrap();
    assert_eq!((process.signs(), set.kid()), (first.clone(), &*first));
    assert_eq!(set.algorithms(), [Algorithm::Es256, Algorithm::EdDsa]);
    process.pass(DAY);
    let set = process.life.set(&[]).unwrap();
    assert_eq!(set.algorithms(), [Algorithm::EdDsa, Algorithm::Es256]);
    process.pass(DAY);
    assert_eq!(process.life.set(&[]).unwrap().algorithms(), [Algorithm::EdDsa]);
}

#[test]
fn two_nodes_whose_clocks_differ_by_minutes_publish_whatever_either_signs_with() {
    let mut ahead = Process::new();
    ahead.turn(600);
    let mut behind = Process::new();
    behind.kept = ahead.kept.clone();
    behind.life = KeyLife::default();
    behind.life.take(behind.kept.clone(), behind.now);
    let mut rotations = 0;
    let mut signed = ahead.signs();
    for _ in 0..(200 * 24 * 12) {
        for node in [&mut ahead, &mut behind] {
            node.step(Duration::from_mins(5));
        }
        ahead.look();
        // The other reads what is kept, and writes where it must.
        behind.kept = ahead.kept.clone();
        behind.life.take(behind.kept.clone(), behind.now);
        behind.look();
        ahead.kept = behind.kept.clone();
        ahead.life.take(ahead.kept.clone(), ahead.now);
        assert!(behind.published().contains(&ahead.signs()));
        assert!(ahead.published().contains(&behind.signs()));
        rotations += usize::from(signed != ahead.signs());
        signed = ahead.signs();
    }
    assert_eq!(rotations, 2, "each is made once");
}

#[test]
fn what_is_kept_is_read_again_and_nothing_else_is() {
    let mut process = Process::new();
    process.pass(89 * DAY);
    let bytes = kept::write(&process.kept).unwrap();
    let again = kept::read(bytes.expose()).unwrap();
    let told = |keys: &[MadeKey]| {
        let told = keys.iter().map(|key| (key.pair.kid().to_owned(), key.signs_from));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&again), told(&process.kept));
    for length in 0..bytes.expose().len() {
        assert!(kept::read(&bytes.expose()[..length]).is_err(), "cut to {length}");
    }
    let text = String::from_utf8(bytes.expose().clone()).unwrap();
    for (from, to, why) in [
        ("keys-1", "keys-2", kept::KeptKeysError::Form),
        ("\"keys\":[", "\"keys\":[],\"more\":[", kept::KeptKeysError::Form),
        ("\"ES256\"", "\"RS256\"", kept::KeptKeysError::Key(0)),
        ("\"ES256\"", "\"none\"", kept::KeptKeysError::Key(0)),
        (
            "\"private\":\"MIGH",
            "\"private\":\"MIGG",
            kept::KeptKeysError::Key(0),
        ),
    ] {
        assert!(text.contains(from), "{text}");
        let bent = text.replacen(from, to, 1);
        assert_eq!(kept::read(bent.as_bytes()).unwrap_err(), why, "{to}");
    }
    assert!(!format!("{again:?}").contains("MIGH"), "no key is printed");
}
