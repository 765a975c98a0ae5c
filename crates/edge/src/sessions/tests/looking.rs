//! What is found, how fresh it is, and what becomes of it without its store.

use super::super::SessionSettings;
use super::world::{HOST, ISSUER, World, after, gone, live, scope, sealer, settle};
use countersign_authn::session::{Found, Gone, Purpose, Scope, SessionRecord, Sessions as _};
use countersign_core::session::RecordKey;
use std::sync::atomic::Ordering;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_session_that_began_is_found_and_from_then_on_without_waiting() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    assert!(world.look_now(&keeper, name).is_none());
    let found = live(world.look(&keeper, name).await);
    assert_eq!(found.principal.subject(), "ann");
    assert_eq!(&*found.record.host, HOST);
    let again = live(world.look_now(&keeper, name).unwrap());
    assert!(std::sync::Arc::ptr_eq(&found, &again));
    assert_eq!(keeper.stats().begun, 1);
    assert_eq!(keeper.stats().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_read_again_after_a_second_and_once_for_all_who_ask() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    let before = world.store.loads.load(Ordering::SeqCst);
    after(SECOND).await;
    assert!(world.look_now(&keeper, name).is_none());
    let looks = (0..200).map(|_| world.look(&keeper, name));
    for found in futures_util::future::join_all(looks).await {
        live(found);
    }
    assert_eq!(world.store.loads.load(Ordering::SeqCst), before + 1);
    live(world.look_now(&keeper, name).unwrap());
}

#[tokio::test(start_paused = true)]
async fn ids_that_nobody_was_given_are_unknown_and_leave_nothing_behind() {
    let world = World::new();
    let keeper = world.keeper();
    for byte in 0..200 {
        let found = world.look(&keeper, RecordKey([byte; 32])).await;
        assert_eq!(gone(&found), Gone::Unknown);
    }
    assert_eq!(keeper.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_worth_nothing_under_another_scope() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    let other = Scope::of(ISSUER, "client", "other.test");
    // Not even to somebody who knows what its record is called.
    let found = keeper.look(name, other, &world.owner, world.now()).await;
    assert_eq!(gone(&found), Gone::Unknown);
    live(world.look(&keeper, name).await);
    let found = keeper.look(name, other, &world.owner, world.now()).await;
    assert_eq!(gone(&found), Gone::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_it_is_not_used_and_lasts_while_it_is() {
    let world = World::new();
    let settings = SessionSettings {
        idle: 30 * MINUTE,
        ..SessionSettings::default()
    };
    let keeper = world.keeper_with(settings);
    let name = world.begin(&keeper, world.plain("ann")).await;
    for _ in 0..12 {
        live(world.look(&keeper, name).await);
        after(20 * MINUTE).await;
    }
    live(world.look(&keeper, name).await);
    after(30 * MINUTE).await;
    assert!(world.look_now(&keeper, name).is_none());
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Idle);
    assert_eq!(
        gone(&world.look(&keeper, name).await),
        Gone::Unknown,
        "and is forgotten"
    );
    let ended = keeper.stats().ended;
    assert!(ended.contains(&("idle", 1)), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_on_another_node_does_not_rest_here() {
    let world = World::new();
    let settings = SessionSettings {
        idle: 30 * MINUTE,
        ..SessionSettings::default()
    };
    let (here, there) = (world.keeper_with(settings), world.keeper_with(settings));
    let name = world.begin(&here, world.plain("ann")).await;
    live(world.look(&here, name).await);
    for _ in 0..4 {
        after(20 * MINUTE).await;
        live(world.look(&there, name).await);
    }
    settle().await;
    live(world.look(&here, name).await);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_in_use_is_written_once_a_minute() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    for _ in 0..600 {
        live(world.look(&keeper, name).await);
        live(world.look_now(&keeper, name).unwrap());
        after(SECOND).await;
    }
    let touches = world.store.touches.load(Ordering::SeqCst);
    assert!((10..=11).contains(&touches), "{touches} in ten minutes");
    let ends = live(world.look(&keeper, name).await).idle_ends;
    let left = ends.since(world.now().wall);
    assert!(left + MINUTE >= SessionSettings::default().idle, "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_whole_time_however_much_it_is_used() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    for _ in 0..23 {
        live(world.look(&keeper, name).await);
        after(Duration::from_hours(1)).await;
    }
    live(world.look(&keeper, name).await);
    after(Duration::from_hours(1)).await;
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Over);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_changed_in_the_store_does_not_open() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    world.store.spoil();
    after(SECOND).await;
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Sealed);
    assert_eq!(keeper.stats().unopened, 1);
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_session_is_served_for_a_second_and_then_not() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    world.store.is_away(true);
    live(world.look_now(&keeper, name).unwrap());
    after(SECOND).await;
    let found = world.look(&keeper, name).await;
    assert!(matches!(found, Found::Unavailable(_)), "{found:?}");
    world.store.is_away(false);
    live(world.look(&keeper, name).await);
    assert!(keeper.stats().away > 0);
}

#[tokio::test(start_paused = true)]
async fn with_a_grace_a_known_session_outlasts_an_absence_of_the_store_and_no_other_does() {
    let world = World::new();
    let settings = SessionSettings {
        grace: 10 * MINUTE,
        ..SessionSettings::default()
    };
    let keeper = world.keeper_with(settings);
    let known = world.begin(&keeper, world.plain("ann")).await;
    let other = world.begin(&keeper, world.plain("bob")).await;
    live(world.look(&keeper, known).await);
    settle().await;
    world.store.is_away(true);
    for _ in 0..10 {
        after(MINUTE).await;
        live(world.look(&keeper, known).await);
    }
    let found = world.look(&keeper, other).await;
    assert!(matches!(found, Found::Unavailable(_)), "{found:?}");
    let asked = world.store.loads.load(Ordering::SeqCst);
    live(world.look(&keeper, known).await);
    assert_eq!(
        world.store.loads.load(Ordering::SeqCst),
        asked,
        "not with every request"
    );
    after(SECOND).await;
    let found = world.look(&keeper, known).await;
    assert!(matches!(found, Found::Unavailable(_)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_sessions_and_makes_their_principals_anew() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    keeper.set(SessionSettings::default(), sealer(&[1]));
    let owner = world.issuer.owner("login.other");
    assert!(keeper.look_now(name, &owner, world.now()).is_none());
    let found = live(keeper.look(name, scope(), &owner, world.now()).await);
    assert_eq!(&*found.principal.authenticator, "login.other");
    // A request that came in by the rules before is answered by them.
    let before = live(world.look(&keeper, name).await);
    assert_eq!(&*before.principal.authenticator, "login.home");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_taken_away_takes_its_sessions_with_it_and_one_that_is_added_none() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    keeper.set(SessionSettings::default(), sealer(&[2, 1]));
    live(world.look(&keeper, name).await);
    keeper.set(SessionSettings::default(), sealer(&[2]));
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Sealed);
}

#[tokio::test(start_paused = true)]
async fn what_memory_sessions_take_is_bounded() {
    let world = World::new();
    let settings = SessionSettings {
        cache_bytes: 64 * 1024,
        ..SessionSettings::default()
    };
    let keeper = world.keeper_with(settings);
    for number in 0..200 {
        let name = world.begin(&keeper, world.plain(&format!("user-{number}"))).await;
        live(world.look(&keeper, name).await);
    }
    let stats = keeper.stats();
    assert!(stats.bytes <= 64 * 1024, "{stats:?}");
    assert!(stats.entries > 16, "{stats:?}");
    assert_eq!(world.store.names().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_once_is_taken_once_and_a_name_is_used_once() {
    let world = World::new();
    let keeper = world.keeper();
    let now = world.now();
    let ends = now.wall.plus(MINUTE);
    keeper
        .put(Purpose::Handoff, b"code", b"value", ends, now)
        .await
        .unwrap();
    let again = keeper.put(Purpose::Handoff, b"code", b"value", ends, now).await;
    assert_eq!(again, Err(countersign_core::session::StoreError::Changed));
    assert_eq!(keeper.take(Purpose::ReturnTo, b"code", now).await, Ok(None));
    let taken = keeper.take(Purpose::Handoff, b"code", now).await;
    assert_eq!(taken.unwrap().unwrap(), b"value");
    assert_eq!(keeper.take(Purpose::Handoff, b"code", now).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_one_node_sealed_another_opens() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let sealed = here.seal(Purpose::State, b"app.test", b"state");
    let open = |context: &[u8]| there.open(Purpose::State, context, &sealed);
    assert_eq!(open(b"app.test").unwrap(), b"state");
    assert_eq!(open(b"other.test"), None);
}

#[tokio::test(start_paused = true)]
async fn a_record_too_long_does_not_begin() {
    let world = World::new();
    let keeper = world.keeper();
    let long = SessionRecord {
        claims: "x".repeat(200_000).into(),
        ..world.plain("ann")
    };
    let begun = keeper.begin(long, scope(), None, world.now()).await;
    assert!(begun.is_err(), "{begun:?}");
    assert!(world.store.names().is_empty());
}
