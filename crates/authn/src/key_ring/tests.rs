use super::*;
use countersign_jose::sign::SigningKey;

const FRESHNESS: Freshness = Freshness {
    refresh: Duration::from_mins(10),
    unknown_kid_interval: Duration::from_secs(30),
    max_staleness: Duration::from_hours(24),
};
const HOUR: u64 = 3600;

fn set(kids: &[&str]) -> KeySet {
    let jwk = |kid: &&str| {
        SigningKey::generate(Algorithm::Es256)
            .unwrap()
            .public_jwk(kid)
            .unwrap()
    };
    let keys = kids.iter().map(jwk).collect::<Vec<_>>().join(",");
    KeySet::parse(format!("{{\"keys\":[{keys}]}}").as_bytes())
        .unwrap()
        .0
}

fn at(seconds: u64) -> Monotonic {
    Monotonic::from_milliseconds(seconds * 1000)
}

fn now(wall: i64, monotonic: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(wall),
        monotonic: at(monotonic),
    }
}

fn look(ring: &KeyRing, kid: &str, seconds: u64) -> &'static str {
    match ring.lookup(Some(kid), Algorithm::Es256, at(seconds)) {
        Lookup::Found(_) => "found",
        Lookup::Unknown => "unknown",
        Lookup::Ambiguous => "ambiguous",
        Lookup::Fetch => "fetch",
        Lookup::Unreachable => "unreachable",
        Lookup::Stale => "stale",
    }
}

/// A ring that fetched `kids` at 0.
fn fetched(kids: &[&str]) -> KeyRing {
    let mut ring = KeyRing::new(FRESHNESS);
    assert!(ring.begin_fetch(at(0)));
    ring.fetched(set(kids), None, at(0));
    ring
}

#[test]
fn the_first_lookup_waits_for_the_first_fetch() {
    let mut ring = KeyRing::new(FRESHNESS);
    assert!(ring.is_due(at(0)));
    assert_eq!(look(&ring, "a", 0), "fetch");
    assert!(ring.begin_fetch(at(0)));
    assert!(!ring.begin_fetch(at(0)), "one at a time");
    assert_eq!(look(&ring, "a", 1), "fetch", "it joins the one that runs");
    ring.fetched(set(&["a"]), None, at(2));
    assert_eq!(look(&ring, "a", 2), "found");
    assert_eq!(ring.age(at(5)), Some(Duration::from_secs(3)));
    assert_eq!(ring.key_count(), 1);
}

#[test]
fn an_unknown_key_is_asked_for_once_an_interval() {
    let mut ring = fetched(&["a"]);
    assert_eq!(look(&ring, "b", 1), "fetch", "a key may be newer than the set");
    assert!(ring.begin_fetch(at(1)));
    assert_eq!(look(&ring, "a", 1), "found", "the others go on meanwhile");
    assert_eq!(look(&ring, "c", 1), "fetch", "and the unknown ones wait together");
    ring.fetched(set(&["a"]), None, at(2));
    for second in 2..31 {
        assert_eq!(look(&ring, "b", second), "unknown");
        assert_eq!(look(&ring, "c", second), "unknown");
    }
    assert_eq!(look(&ring, "b", 31), "fetch");
    assert!(ring.begin_fetch(at(31)));
    ring.failed("down");
    assert_eq!(look(&ring, "b", 32), "unknown", "a failure counts too");
    assert_eq!(look(&ring, "b", 60), "unknown");
    assert_eq!(look(&ring, "b", 61), "fetch");
}

#[test]
fn a_refresh_does_not_use_up_the_unknown_keys_turn() {
    let mut ring = fetched(&["a"]);
    assert!(ring.is_due(at(600)));
    assert!(ring.begin_fetch(at(600)));
    ring.fetched(set(&["a"]), None, at(600));
    assert_eq!(look(&ring, "b", 605), "fetch", "rotated just after the refresh");
}

#[test]
fn a_token_without_a_key_id_finds_the_only_key() {
    let ring = fetched(&["a"]);
    assert!(matches!(
        ring.lookup(None, Algorithm::Es256, at(1)),
        Lookup::Found(_)
    ));
    let ring = fetched(&["a", "b"]);
    assert!(matches!(
        ring.lookup(None, Algorithm::Es256, at(1)),
        Lookup::Ambiguous
    ));
    assert!(matches!(
        ring.lookup(None, Algorithm::Rs256, at(1)),
        Lookup::Fetch
    ));
}

/// Attack row 135.
#[test]
fn a_key_that_is_gone_is_dead() {
    let mut ring = fetched(&["a", "b"]);
    let Lookup::Found(key) = ring.lookup(Some("a"), Algorithm::Es256, at(1)) else {
        panic!("not found");
    };
    assert!(ring.holds(key.thumbprint(), at(1)));
    assert!(ring.begin_fetch(at(600)));
    ring.fetched(set(&["b"]), None, at(600));
    assert!(!ring.holds(key.thumbprint(), at(600)));
    assert_eq!(look(&ring, "a", 600), "fetch");
    assert!(ring.begin_fetch(at(600)));
    ring.fetched(set(&["b"]), None, at(600));
    assert_eq!(look(&ring, "a", 601), "unknown");
}

#[test]
fn a_failure_never_takes_the_last_good_set() {
    let mut ring = fetched(&["a"]);
    for second in [600, 700, 800] {
        assert!(ring.begin_fetch(at(second)));
        ring.failed("down");
        assert_eq!(look(&ring, "a", second), "found");
    }
    assert_eq!(ring.last_error().map(|error| &**error), Some("down"));
    assert_eq!(ring.age(at(800)), Some(Duration::from_secs(800)));
}

/// A trust bundle that lists nothing any more. What calls this refuses a JWK Set without keys.
#[test]
fn a_set_without_keys_knows_none() {
    let mut ring = fetched(&["a"]);
    ring.fetched(KeySet::default(), None, at(600));
    assert_ne!(look(&ring, "a", 601), "found");
}

/// Attack row 142.
#[test]
fn keys_older_than_the_staleness_decide_nothing() {
    let mut ring = fetched(&["a"]);
    let Lookup::Found(key) = ring.lookup(Some("a"), Algorithm::Es256, at(1)) else {
        panic!("not found");
    };
    assert!(ring.begin_fetch(at(600)));
    ring.failed("down");
    assert_eq!(look(&ring, "a", 24 * HOUR), "found", "to the very end");
    assert_eq!(look(&ring, "a", 24 * HOUR + 1), "fetch");
    assert!(!ring.holds(key.thumbprint(), at(24 * HOUR + 1)));
    assert!(ring.begin_fetch(at(24 * HOUR + 1)));
    ring.failed("down");
    assert_eq!(look(&ring, "a", 24 * HOUR + 1), "stale");
    assert_eq!(look(&ring, "zzz", 24 * HOUR + 1), "stale");
    let due = ring.next_due(at(24 * HOUR + 1));
    assert_eq!(look(&ring, "a", due.milliseconds() / 1000), "fetch");
    assert!(ring.begin_fetch(due));
    ring.fetched(set(&["a"]), None, due);
    assert_eq!(look(&ring, "a", 24 * HOUR + 60), "found");
}

#[test]
fn an_issuer_that_was_never_reached_is_asked_ever_more_rarely() {
    let mut ring = KeyRing::new(FRESHNESS);
    let mut moment = at(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert!(ring.is_due(moment));
        assert!(ring.begin_fetch(moment));
        ring.failed("down");
        assert_eq!(look(&ring, "a", moment.milliseconds() / 1000), "unreachable");
        let next = ring.next_due(moment);
        waits.push(next.since(moment).as_secs());
        moment = next;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn a_failed_refresh_is_tried_again_within_bounds() {
    let mut ring = fetched(&["a"]);
    let mut moment = ring.next_due(at(0));
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert!(ring.begin_fetch(moment));
        ring.failed("down");
        let next = ring.next_due(moment);
        waits.push(next.since(moment).as_secs());
        moment = next;
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600]);
}

#[test]
fn cache_headers_count_within_bounds() {
    let due = |lifetime: Option<u64>| {
        let mut ring = KeyRing::new(FRESHNESS);
        assert!(ring.begin_fetch(at(0)));
        ring.fetched(set(&["a"]), lifetime.map(Duration::from_secs), at(0));
        ring.next_due(at(0)).milliseconds() / 1000
    };
    assert_eq!(due(None), 600);
    assert_eq!(due(Some(120)), 120);
    assert_eq!(due(Some(0)), 30);
    assert_eq!(due(Some(20_000)), 600);
}

#[test]
fn a_set_from_disk_serves_at_once_and_is_fetched_at_once() {
    let mut ring = KeyRing::new(FRESHNESS);
    ring.restore(set(&["a"]), Timestamp::from_seconds(1000), now(4600, 5));
    assert_eq!(look(&ring, "a", 5), "found");
    assert_eq!(ring.age(at(5)), Some(Duration::from_hours(1)));
    assert!(ring.is_due(at(5)));
    assert!(ring.begin_fetch(at(5)));
    ring.failed("down");
    assert_eq!(look(&ring, "a", 5), "found");
    assert_eq!(look(&ring, "a", 5 + 23 * HOUR), "found", "it was an hour old");
    assert_ne!(look(&ring, "a", 5 + 23 * HOUR + 1), "found");
}

#[test]
fn a_set_from_the_future_is_as_old_as_a_set_may_be() {
    let mut ring = KeyRing::new(FRESHNESS);
    ring.restore(set(&["a"]), Timestamp::from_seconds(1001), now(1000, 5));
    assert_eq!(look(&ring, "a", 5), "found");
    assert_ne!(look(&ring, "a", 6), "found");
    let mut old = KeyRing::new(FRESHNESS);
    old.restore(set(&["a"]), Timestamp::from_seconds(0), now(86_401, 5));
    assert_eq!(look(&old, "a", 5), "fetch");
}

#[test]
fn a_set_from_disk_never_takes_the_place_of_a_fetched_one() {
    let mut ring = fetched(&["a"]);
    ring.restore(set(&["b"]), Timestamp::from_seconds(0), now(1, 1));
    assert_eq!(look(&ring, "a", 1), "found");
}

/// The wall clock is read once, for the age of what was on disk. Stepping it moves nothing else.
#[test]
fn a_stepped_wall_clock_moves_nothing() {
    for step in [-86_400_i64, 86_400, 10 * 365 * 86_400] {
        let mut ring = KeyRing::new(FRESHNESS);
        ring.restore(
            set(&["a"]),
            Timestamp::from_seconds(2_000_000_000),
            now(2_000_000_100, 0),
        );
        ring.restore(
            set(&["a"]),
            Timestamp::from_seconds(2_000_000_000),
            now(2_000_000_100 + step, 1),
        );
        assert_eq!(ring.age(at(1)), Some(Duration::from_secs(101)));
        assert_eq!(look(&ring, "a", 1), "found");
    }
}

/// Every order of events that a small seeded walk meets keeps the promises at the top of the module.
#[test]
fn the_promises_hold_in_every_order_of_events() {
    let (first, second) = (set(&["a", "b"]), set(&["b"]));
    for seed in 1..=300_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = |sides: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % sides
        };
        let (mut ring, mut second_now) = (KeyRing::new(FRESHNESS), 0_u64);
        let (mut last_good, mut newest, mut running) = (None::<u64>, "ab", false);
        let (mut unknown_fetches, mut begun) = (Vec::new(), 0_usize);
        for _ in 0..200 {
            second_now += [0, 1, 7, 45, 700, 40_000][usize::try_from(dice(6)).unwrap()];
            let moment = at(second_now);
            match dice(4) {
                0 | 1 => {
                    let due = ring.is_due(moment);
                    if look(&ring, "zzz", second_now) == "fetch" && !running {
                        assert!(ring.begin_fetch(moment));
                        running = true;
                        begun += 1;
                        if !due {
                            unknown_fetches.push(second_now);
                        }
                    }
                }
                2 if running => {
                    let (keys, names) = if dice(2) == 0 {
                        (&first, "ab")
                    } else {
                        (&second, "b")
                    };
                    ring.fetched(keys.clone(), None, moment);
                    (running, last_good, newest) = (false, Some(second_now), names);
                }
                3 if running => {
                    ring.failed("down");
                    running = false;
                }
                _ => {}
            }
            let fresh = last_good.is_some_and(|good| second_now - good <= 24 * HOUR);
            for name in ["a", "b"] {
                let expect = fresh && newest.contains(name);
                assert_eq!(look(&ring, name, second_now) == "found", expect, "seed {seed}");
            }
            assert_eq!(ring.is_running(), running);
        }
        for pair in unknown_fetches.windows(2) {
            assert!(pair[1] - pair[0] >= 30, "seed {seed}: {unknown_fetches:?}");
        }
        assert!(begun > 0);
    }
}
