//! Who is in whose way, what is tried again, and what is said of what was not done.

use super::*;
use tokio::time::Instant;

/// What has become of some works: who was tried, and who was given up, each after so many seconds.
type Said = Arc<Mutex<Vec<(u64, String)>>>;

/// A thing to do that takes so many seconds each time.
struct Scripted {
    name: String,
    takes: Duration,
    /// What comes of it, time by time; after those it is done.
    fails: Mutex<Vec<Failed>>,
    began: Instant,
    said: Said,
}

impl Scripted {
    fn say(&self, what: &str) {
        let text = format!("{} {what}", self.name);
        let at = self.began.elapsed().as_secs();
        self.said.lock().unwrap().push((at, text));
    }
}

impl Work for Scripted {
    async fn attempt(&self) -> Result<(), Failed> {
        passed(self.takes).await;
        let failed = self.fails.lock().unwrap().pop();
        self.say(if failed.is_some() { "failed" } else { "is done" });
        failed.map_or(Ok(()), Err)
    }

    fn give_up(&self, why: &str) {
        self.say(why);
    }
}

/// So many seconds each time, and for ever.
const SECOND: Duration = Duration::from_secs(1);
const ENDLESS: Duration = Duration::from_hours(1);

/// When so much time has passed.
async fn passed(time: Duration) {
    drop(timeout(time, std::future::pending::<()>()).await);
}

fn rounds() -> Rounds {
    Rounds::new(Stop::new())
}

fn work(name: &str, takes: Duration, fails: &[Failed], said: &Said) -> Scripted {
    Scripted {
        name: name.to_owned(),
        takes,
        fails: Mutex::new(fails.iter().rev().cloned().collect()),
        began: Instant::now(),
        said: Arc::clone(said),
    }
}

fn works(count: usize, takes: Duration) -> (Vec<Scripted>, Said) {
    let said = Said::default();
    let works = (0..count).map(|_| work("it", takes, &[], &said)).collect();
    (works, said)
}

fn count(said: &Said) -> usize {
    said.lock().unwrap().len()
}

fn away() -> Failed {
    Failed {
        why: "is away".to_owned(),
        is_passing: true,
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_does_all_of_it_a_few_at_a_time() {
    let (rounds, began) = (rounds(), Instant::now());
    let (works, said) = works(100, SECOND);
    assert!(rounds.begin("ann", works));
    rounds.ended().await;
    assert_eq!(count(&said), 100);
    assert_eq!(began.elapsed(), Duration::from_secs(13));
    assert!(rounds.of().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobodys_rounds_are_in_the_way_of_anothers() {
    let rounds = rounds();
    let endless = || works(100, ENDLESS).0;
    for _ in 0..OF_ONE {
        assert!(rounds.begin("gus", endless()));
    }
    for _ in 0..1000 {
        assert!(!rounds.begin("gus", endless()));
    }
    let (works, said) = works(8, SECOND);
    assert!(rounds.begin("hal", works));
    passed(Duration::from_millis(1500)).await;
    assert_eq!(count(&said), 8);
    // What takes too long is given up, and then there is room for more.
    rounds.ended().await;
    assert!(rounds.begin("gus", endless()));
}

#[tokio::test(start_paused = true)]
async fn rounds_of_many_wait_for_their_turn_and_there_are_never_too_many() {
    let (rounds, began) = (rounds(), Instant::now());
    let mut all = Vec::new();
    for number in 0..ROUNDS {
        let (works, said) = works(1, SECOND);
        assert!(rounds.begin(&number.to_string(), works), "{number}");
        all.push(said);
    }
    assert!(!rounds.begin("one more", works(1, SECOND).0));
    rounds.ended().await;
    assert!(all.iter().all(|said| count(said) == 1));
    assert_eq!(began.elapsed(), Duration::from_secs(4));
    assert!(rounds.of().is_empty());
}

/// What becomes of one that fails so.
async fn tried(fails: &[Failed]) -> Vec<(u64, String)> {
    let (rounds, said) = (rounds(), Said::default());
    assert!(rounds.begin("ann", vec![work("it", Duration::ZERO, fails, &said)]));
    rounds.ended().await;
    let said = said.lock().unwrap();
    said.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_away_is_tried_again_and_what_refuses_is_not() {
    let refuses = || Failed::for_good("refuses");
    let told = |told: &[(u64, &str)]| {
        let told = told.iter();
        told.map(|(at, what)| (*at, format!("it {what}")))
            .collect::<Vec<_>>()
    };
    assert_eq!(tried(&[]).await, told(&[(0, "is done")]));
    assert_eq!(tried(&[away()]).await, told(&[(0, "failed"), (1, "is done")]));
    assert_eq!(
        tried(&[away(), away()]).await,
        told(&[(0, "failed"), (1, "failed"), (5, "is done")])
    );
    assert_eq!(
        tried(&[away(), away(), away()]).await,
        told(&[(0, "failed"), (1, "failed"), (5, "failed"), (5, "is away")])
    );
    assert_eq!(tried(&[refuses()]).await, told(&[(0, "failed"), (0, "refuses")]));
    assert_eq!(
        tried(&[away(), refuses()]).await,
        told(&[(0, "failed"), (1, "failed"), (1, "refuses")])
    );
}

#[tokio::test(start_paused = true)]
async fn all_are_tried_once_before_one_is_tried_again() {
    let (rounds, said) = (rounds(), Said::default());
    let slow = Duration::from_secs(4);
    let dead = |number: usize| work(&format!("dead-{number}"), slow, &[away(), away(), away()], &said);
    let mut works = (0..20).map(dead).collect::<Vec<_>>();
    works.push(work("the last", SECOND, &[], &said));
    assert!(rounds.begin("ann", works));
    rounds.ended().await;
    let said = said.lock().unwrap();
    let last = said.iter().position(|(_, what)| what == "the last is done");
    assert!(last.unwrap() <= 20, "{said:?}");
    assert_eq!(
        said.iter().filter(|(_, what)| what.ends_with("is away")).count(),
        20
    );
}

#[tokio::test(start_paused = true)]
async fn each_that_is_not_done_when_the_gateway_stops_says_so() {
    let rounds = rounds();
    let (works, said) = works(100, SECOND);
    assert!(rounds.begin("ann", works));
    let waits = Said::default();
    assert!(rounds.begin("bob", vec![work("it", Duration::ZERO, &[away(), away()], &waits)]));
    let began = Instant::now();
    passed(Duration::from_millis(2500)).await;
    rounds.stop.say();
    rounds.ended().await;
    assert_eq!(began.elapsed(), Duration::from_millis(2500));
    let said = said.lock().unwrap();
    let of = |what: &str| {
        said.iter()
            .filter(|(_, said)| *said == format!("it {what}"))
            .count()
    };
    assert_eq!((of("is done"), of(STOPS)), (16, 84));
    let waits = waits.lock().unwrap();
    assert_eq!(waits.last().unwrap().1, format!("it {STOPS}"));
    assert!(rounds.of().is_empty());
}
