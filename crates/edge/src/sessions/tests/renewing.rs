//! Renewals: once, by one node, and never against a logout.

use super::super::{SessionKeeper, SessionSettings};
use super::issuer::{ACCESS, DUE, Mood};
use super::world::{ISSUER, World, access, after, gone, live, scope, settle};
use crate::log::{Format, Log};
use crate::store::memory::{Limits, MemoryStore};
use countersign_authn::session::{Found, Gone, SessionGroup, SessionRecord, Sessions as _};
use countersign_core::session::RecordKey;
use countersign_core::time::Monotonic;
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

async fn begun() -> (World, Arc<SessionKeeper>, RecordKey) {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.login("ann")).await;
    live(world.look(&keeper, name).await);
    settle().await;
    (world, keeper, name)
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_behind_while_its_access_token_still_holds() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(SECOND);
    after(DUE).await;
    let began = Instant::now();
    let found = live(world.look(&keeper, name).await);
    assert_eq!(access(&found), "access-0");
    assert_eq!(began.elapsed(), Duration::ZERO, "nobody waits");
    live(world.look_now(&keeper, name).unwrap());
    settle().await;
    after(SECOND).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-1");
    assert_eq!(world.issuer.asked(), 1);
    assert_eq!(keeper.stats().renewed, 1);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_requests_at_the_moment_of_expiry_are_one_renewal() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(SECOND);
    after(ACCESS).await;
    for found in join_all((0..200).map(|_| world.look(&keeper, name))).await {
        assert_eq!(access(&live(found)), "access-1");
    }
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn three_nodes_on_one_store_renew_once_whatever_the_issuer_takes_and_nobody_is_logged_out() {
    for delay in [0, 1, 5] {
        let (world, first, name) = begun().await;
        let nodes = [first, world.keeper(), world.keeper()];
        for node in &nodes {
            live(world.look(node, name).await);
        }
        world.issuer.takes(Duration::from_secs(delay));
        after(ACCESS).await;
        let looks = (0..200).flat_map(|_| nodes.iter().map(|node| world.look(node, name)));
        for found in join_all(looks).await {
            assert_eq!(access(&live(found)), "access-1", "{delay} s");
        }
        assert_eq!(world.issuer.asked(), 1, "{delay} s");
        // And once more, before it expires.
        after(DUE).await;
        for node in &nodes {
            live(world.look(node, name).await);
        }
        after(Duration::from_secs(delay + 1)).await;
        // A node that looked while it was under way looks again.
        after(SECOND).await;
        for node in &nodes {
            assert_eq!(access(&live(world.look(node, name).await)), "access-2");
        }
        assert_eq!(world.issuer.asked(), 2, "{delay} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_ends_after_the_logout_changes_nothing() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(SECOND);
    after(ACCESS).await;
    let waiting = {
        let (keeper, owner, now) = (Arc::clone(&keeper), Arc::clone(&world.owner), world.now());
        tokio::spawn(async move { keeper.look(name, scope(), &owner, now).await })
    };
    settle().await;
    assert_eq!(world.issuer.asked(), 1, "it is under way");
    let ended = keeper.end(name, scope(), world.now()).await.unwrap();
    assert_eq!(ended.unwrap().subject().as_deref(), Some("ann"));
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    after(SECOND).await;
    assert_eq!(gone(&waiting.await.unwrap()), Gone::Unknown);
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    assert!(world.store.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_ends_after_a_logout_at_another_node_changes_nothing() {
    let (world, keeper, name) = begun().await;
    let other = world.keeper();
    world.issuer.takes(5 * SECOND);
    after(DUE).await;
    live(world.look(&keeper, name).await);
    settle().await;
    let group = SessionGroup::Sid {
        issuer: ISSUER,
        sid: "sid-ann",
    };
    assert_eq!(other.end_all(group).await, Ok(1));
    after(5 * SECOND).await;
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    assert!(world.store.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_refuses_ends_the_session_and_the_log_says_so() {
    let (world, keeper, name) = begun().await;
    let (log, lines) = Log::memory(Format::Json);
    keeper.tell(&Arc::new(log));
    world.issuer.is(Mood::Refuses);
    after(ACCESS).await;
    for found in join_all((0..5).map(|_| world.look(&keeper, name))).await {
        assert_eq!(gone(&found), Gone::Refused);
    }
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    assert!(world.store.names().is_empty());
    assert_eq!(keeper.stats().refused, 1);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "\"action\":\"refresh_failed\"",
        "\"who\":\"ann\"",
        "invalid_grant",
        "login.home",
    ] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
    assert!(!lines[0].contains("refresh-0"));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_ends_no_session_and_is_left_alone() {
    let (world, keeper, name) = begun().await;
    world.issuer.is(Mood::Down);
    after(DUE).await;
    for _ in 0..3600 {
        let found = live(world.look(&keeper, name).await);
        assert_eq!(access(&found), "access-0");
        after(SECOND).await;
    }
    let asked = world.issuer.asked();
    assert!((50..=80).contains(&asked), "{asked} times in an hour");
    world.issuer.is(Mood::Well);
    after(Duration::from_mins(1)).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-1");
    assert_eq!(keeper.stats().not_renewed, asked as u64);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_ten_seconds_for_a_renewal_at_most_and_goes_on_without() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(11 * SECOND);
    after(ACCESS).await;
    let began = Instant::now();
    let found = live(world.look(&keeper, name).await);
    assert_eq!(access(&found), "access-0");
    assert_eq!(began.elapsed(), 10 * SECOND);
    // Who comes later does not wait as long again.
    let found = live(world.look(&keeper, name).await);
    assert_eq!(access(&found), "access-0");
    assert_eq!(began.elapsed(), 10 * SECOND);
    after(SECOND).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-1");
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answers_is_given_up_before_the_lease_runs_out() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(Duration::from_hours(1));
    after(ACCESS).await;
    live(world.look(&keeper, name).await);
    after(31 * SECOND).await;
    assert_eq!(keeper.stats().not_renewed, 1);
    live(world.look(&keeper, name).await);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_takes_connections_and_never_answers_proves_nobody_once_the_grace_is_over() {
    let (world, grace) = (World::new(), Duration::from_mins(10));
    world.issuer.is_awaited(grace);
    world.issuer.is(Mood::Down);
    world.issuer.takes(Duration::from_hours(100));
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.login("ann")).await;
    let over = ACCESS + grace;
    let (mut asked, mut served) = (Duration::ZERO, Duration::ZERO);
    while asked < over + Duration::from_mins(5) {
        asked = world.now().monotonic.since(Monotonic::default());
        match world.look(&keeper, name).await {
            Found::Live(live) => {
                assert_eq!(access(&live), "access-0");
                assert!(asked < over, "served {asked:?} after it began");
                served = asked;
            }
            // Nobody is let in while it is not known what becomes of it, and it does not end by that.
            Found::NotRenewed { .. } => assert!(asked + 10 * SECOND >= over, "{asked:?}"),
            found @ (Found::Unavailable(_) | Found::Gone(_)) => panic!("{found:?} after {asked:?}"),
        }
        after(SECOND).await;
    }
    assert!(served + 20 * SECOND > over, "until {served:?}");
    world.issuer.is(Mood::Well);
    world.issuer.takes(Duration::ZERO);
    // What still waits for an answer is given up meanwhile.
    for _ in 0..60 {
        after(SECOND).await;
    }
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-1");
}

#[tokio::test(start_paused = true)]
async fn a_slow_issuer_loses_nobody_the_session_though_nobody_waits_for_it() {
    let (world, keeper, name) = begun().await;
    let other = world.keeper();
    live(world.look(&other, name).await);
    world.issuer.takes(29 * SECOND);
    after(ACCESS).await;
    let began = Instant::now();
    let looks = [&keeper, &other].map(|node| world.look(node, name));
    for found in join_all(looks).await {
        assert_eq!(access(&live(found)), "access-0");
    }
    assert_eq!(began.elapsed(), 10 * SECOND);
    for node in [&keeper, &other] {
        assert_eq!(access(&live(world.look(node, name).await)), "access-0");
    }
    assert_eq!(began.elapsed(), 10 * SECOND, "nor does anybody wait again");
    after(20 * SECOND).await;
    for node in [&keeper, &other] {
        assert_eq!(access(&live(world.look(node, name).await)), "access-1");
    }
    assert_eq!(world.issuer.asked(), 1, "the lease was held all the while");
    world.issuer.takes(Duration::ZERO);
    after(ACCESS).await;
    assert_eq!(access(&live(world.look(&other, name).await)), "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_kept_whatever_comes_of_the_rest() {
    let (world, keeper, name) = begun().await;
    let other = world.keeper();
    live(world.look(&other, name).await);
    world.issuer.proves(false);
    after(ACCESS).await;
    for _ in 0..3 {
        let found = live(world.look(&keeper, name).await);
        assert_eq!(access(&found), "access-0", "what proves nothing is not served");
        after(Duration::from_mins(2)).await;
    }
    assert_eq!(world.issuer.asked(), 3);
    assert_eq!((keeper.stats().not_renewed, keeper.stats().renewed), (3, 0));
    world.issuer.proves(true);
    assert_eq!(access(&live(world.look(&other, name).await)), "access-4");
    after(SECOND).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-4");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_while_its_renewal_is_waited_for_is_not_served() {
    let (world, keeper, name) = begun().await;
    let other = world.keeper();
    world.issuer.takes(Duration::from_hours(1));
    after(ACCESS).await;
    let waiting = {
        let (keeper, owner, now) = (Arc::clone(&keeper), Arc::clone(&world.owner), world.now());
        tokio::spawn(async move { keeper.look(name, scope(), &owner, now).await })
    };
    settle().await;
    other.end(name, scope(), world.now()).await.unwrap();
    assert_eq!(gone(&waiting.await.unwrap()), Gone::Unknown);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_store_that_is_lost_loses_no_tokens() {
    let (world, keeper, name) = begun().await;
    world.store.lost.store(1, Ordering::SeqCst);
    after(ACCESS).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-1");
    after(ACCESS).await;
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-2");
    assert_eq!(world.issuer.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_renewal_brings_moves_neither_the_end_nor_the_place_of_a_session() {
    let (world, keeper, name) = begun().await;
    let before = live(world.look(&keeper, name).await);
    after(ACCESS).await;
    let renewed = live(world.look(&keeper, name).await);
    assert_eq!(access(&renewed), "access-1");
    assert_eq!(renewed.record.ends, before.record.ends);
    assert_eq!(renewed.record.host, before.record.host);
    assert_eq!(renewed.record.began, before.record.began);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_asked_for_happens_at_once_and_once_for_all() {
    let (world, keeper, name) = begun().await;
    world.issuer.takes(SECOND);
    let renew = || keeper.renew(name, scope(), &world.owner, world.now());
    for found in join_all((0..20).map(|_| renew())).await {
        assert_eq!(access(&live(found)), "access-1");
    }
    assert_eq!(world.issuer.asked(), 1);
    world.issuer.is(Mood::Down);
    let found = renew().await;
    assert!(matches!(found, Found::Unavailable(_)), "{found:?}");
    live(world.look(&keeper, name).await);
    let found = renew().await;
    assert!(matches!(found, Found::Unavailable(_)), "{found:?}");
    assert_eq!(world.issuer.asked(), 2, "it is left alone for a while");
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_session_within_the_grace_is_not_renewed() {
    let world = World::new();
    let settings = SessionSettings {
        grace: Duration::from_mins(10),
        ..SessionSettings::default()
    };
    let keeper = world.keeper_with(settings);
    let name = world.begin(&keeper, world.login("ann")).await;
    live(world.look(&keeper, name).await);
    after(DUE).await;
    world.store.is_away(true);
    assert_eq!(access(&live(world.look(&keeper, name).await)), "access-0");
    settle().await;
    assert_eq!(
        world.issuer.asked(),
        0,
        "a token that could not be kept is not spent"
    );
}

/// On threads of their own, by a clock that goes, on the store as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn six_hundred_requests_on_three_nodes_and_four_threads_are_one_renewal() {
    for _ in 0..20 {
        let world = World::new();
        let store = Arc::new(MemoryStore::new(Limits::default(), world.clock.clone()));
        let nodes = [(); 3].map(|()| world.keeper_on(store.clone()));
        let ended = SessionRecord {
            access_ends: Some(world.now().wall),
            ..world.login("ann")
        };
        let name = world.begin(&nodes[0], ended).await;
        let looks = (0..200).flat_map(|_| nodes.iter()).map(|node| {
            let (node, owner, now) = (Arc::clone(node), Arc::clone(&world.owner), world.now());
            tokio::spawn(async move { node.look(name, scope(), &owner, now).await })
        });
        for found in join_all(looks).await {
            assert_eq!(access(&live(found.unwrap())), "access-1");
        }
        assert_eq!(world.issuer.asked(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_be_renewed_proves_nobody_while_its_issuer_cannot_be_asked_and_does_not_end() {
    let (world, keeper, name) = begun().await;
    let other = world.keeper();
    world.issuer.is(Mood::Down);
    world.issuer.wants_to_be_left_alone(7 * SECOND);
    after(ACCESS).await;
    live(world.look(&keeper, name).await);
    settle().await;
    world.issuer.is_awaited(Duration::ZERO);
    let asked = world.issuer.asked();
    for node in [&other, &other] {
        assert_eq!(waits(world.look(node, name).await), 7 * SECOND);
    }
    assert_eq!(waits(world.look_now(&other, name).unwrap()), 7 * SECOND);
    assert_eq!(world.issuer.asked(), asked + 1, "it is left alone as it asks");
    after(7 * SECOND).await;
    world.issuer.wants_to_be_left_alone(Duration::from_hours(1));
    assert_eq!(
        waits(world.look(&other, name).await),
        60 * SECOND,
        "within reason"
    );
    after(60 * SECOND).await;
    world.issuer.is(Mood::Well);
    assert_eq!(access(&live(world.look(&other, name).await)), "access-1");
    assert_eq!(keeper.stats().refused + other.stats().refused, 0);
    // A `no` is no silence.
    world.issuer.is(Mood::Refuses);
    after(ACCESS).await;
    assert_eq!(gone(&world.look(&other, name).await), Gone::Refused);
}

#[tokio::test(start_paused = true)]
async fn what_must_be_renewed_is_tried_again_soon_however_often_that_has_failed() {
    let (world, keeper, name) = begun().await;
    world.issuer.is(Mood::Down);
    after(DUE).await;
    for _ in 0..600 {
        live(world.look(&keeper, name).await);
        after(SECOND).await;
    }
    world.issuer.is_awaited(Duration::ZERO);
    // As after a restart: what is remembered of failures does not outlast it.
    let again = world.keeper();
    for _ in 0..10 {
        drop(world.look(&again, name).await);
        after(3 * SECOND).await;
    }
    assert_eq!(waits(world.look(&again, name).await), 2 * SECOND);
    after(2 * SECOND).await;
    world.issuer.is(Mood::Well);
    assert_eq!(access(&live(world.look(&again, name).await)), "access-1");
}

/// How long somebody waits who is not proved for now.
fn waits(found: Found) -> Duration {
    match found {
        Found::NotRenewed { retry_after, .. } => retry_after,
        other @ (Found::Live(_) | Found::Gone(_) | Found::Unavailable(_)) => {
            panic!("not a session that waits: {other:?}")
        }
    }
}
