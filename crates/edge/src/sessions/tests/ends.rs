//! Sessions begin and end: here, everywhere, one or many.

use super::super::SessionSettings;
use super::world::{ISSUER, World, after, gone, live, scope, sealer, settle};
use crate::store::memory::{Limits, MemoryStore};
use countersign_authn::session::life::LEAVES_WITHIN;
use countersign_authn::session::{
    Gone, Purpose, Scope, SessionGroup, SessionId, SessionRecord, Sessions as _,
};
use countersign_core::session::{RecordKey, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const ANN: SessionGroup<'static> = SessionGroup::Subject {
    issuer: ISSUER,
    subject: "ann",
};

#[tokio::test(start_paused = true)]
async fn a_logout_holds_here_at_once_and_on_every_node_within_a_second() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let name = world.begin(&here, world.plain("ann")).await;
    live(world.look(&here, name).await);
    live(world.look(&there, name).await);
    let ended = here.end(name, scope(), world.now()).await.unwrap().unwrap();
    assert_eq!(ended.sid.as_deref(), Some("sid-ann"));
    assert!(world.look_now(&here, name).is_none());
    assert_eq!(gone(&world.look(&here, name).await), Gone::Unknown);
    after(SECOND).await;
    assert!(world.look_now(&there, name).is_none());
    assert_eq!(gone(&world.look(&there, name).await), Gone::Unknown);
    assert!(here.end(name, scope(), world.now()).await.unwrap().is_none());
    assert!(here.stats().ended.contains(&("logout", 1)));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_logout_is_not_served_after_it() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    // The store has looked, and takes its time to say so.
    world.store.slow.store(500, Ordering::SeqCst);
    let reading = {
        let (keeper, owner, now) = (Arc::clone(&keeper), Arc::clone(&world.owner), world.now());
        tokio::spawn(async move { keeper.look(name, scope(), &owner, now).await })
    };
    settle().await;
    keeper.end(name, scope(), world.now()).await.unwrap();
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    assert_eq!(gone(&reading.await.unwrap()), Gone::Unknown);
    assert!(world.look_now(&keeper, name).is_none());
}

#[tokio::test(start_paused = true)]
async fn without_the_store_a_logout_is_not_acknowledged() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    world.store.is_away(true);
    assert!(keeper.end(name, scope(), world.now()).await.is_err());
    assert!(
        world.look_now(&keeper, name).is_none(),
        "and yet nothing is served from memory"
    );
}

#[tokio::test(start_paused = true)]
async fn all_sessions_of_a_subject_end_and_those_of_others_stay() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let first = world.begin(&here, world.plain("ann")).await;
    let second = world.begin(&there, world.plain("ann")).await;
    let bob = world.begin(&here, world.plain("bob")).await;
    let elsewhere = SessionRecord {
        issuer: "https://other.test".into(),
        ..world.plain("ann")
    };
    let other = world.begin(&here, elsewhere).await;
    for name in [first, second, bob, other] {
        live(world.look(&here, name).await);
    }
    assert_eq!(here.end_all(ANN).await, Ok(2));
    for name in [first, second] {
        assert!(world.look_now(&here, name).is_none());
        assert_eq!(gone(&world.look(&here, name).await), Gone::Unknown);
    }
    live(world.look_now(&here, bob).unwrap());
    live(world.look_now(&here, other).unwrap());
    assert!(here.stats().ended.contains(&("revoked", 2)));
}

#[tokio::test(start_paused = true)]
async fn sessions_that_began_under_an_earlier_key_are_found_by_their_subject() {
    let world = World::new();
    let keeper = world.keeper();
    world.begin(&keeper, world.login("ann")).await;
    keeper.set(SessionSettings::default(), sealer(&[2, 1]));
    let name = world.begin(&keeper, world.plain("ann")).await;
    live(world.look(&keeper, name).await);
    assert_eq!(keeper.list(ANN).await.unwrap().sessions.len(), 2);
    assert_eq!(keeper.end_all(ANN).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn what_was_proved_before_its_session_was_ended_does_not_begin_and_what_is_proved_later_does() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let sid = SessionGroup::Sid {
        issuer: ISSUER,
        sid: "sid-ann",
    };
    for group in [ANN, sid, SessionGroup::All] {
        let (ann, bob) = (world.plain("ann"), world.plain("bob"));
        after(SECOND).await;
        here.end_under_way(group, world.now().wall).await.unwrap();
        // Told twice, it holds from the second time on.
        after(SECOND).await;
        let between = world.plain("ann");
        after(SECOND).await;
        here.end_under_way(group, world.now().wall).await.unwrap();
        for early in [ann, between, world.plain("ann")] {
            let begun = there.begin(early, scope(), None, world.now()).await;
            assert_eq!(begun.err(), Some(StoreError::Changed), "{group:?}");
        }
        let others = there.begin(bob, scope(), None, world.now()).await;
        assert_eq!(others.is_ok(), group != SessionGroup::All, "{group:?}");
        after(SECOND).await;
        let name = world.begin(&there, world.plain("ann")).await;
        live(world.look(&there, name).await);
        here.end_all(SessionGroup::All).await.unwrap();
    }
    // Nothing of those that did not begin is left, and what is remembered ends by itself.
    assert_eq!(world.store.names().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_proved_under_an_earlier_key_is_ended_all_the_same() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    here.set(SessionSettings::default(), sealer(&[2, 1]));
    there.set(SessionSettings::default(), sealer(&[1, 2]));
    let early = world.plain("ann");
    here.end_under_way(ANN, world.now().wall).await.unwrap();
    for node in [here, there] {
        let begun = node.begin(early.clone(), scope(), None, world.now()).await;
        assert_eq!(begun.err(), Some(StoreError::Changed));
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_sessions_end_what_is_kept_beside_them_stays() {
    let world = World::new();
    let keeper = world.keeper();
    let now = world.now();
    let ends = now.wall.plus(Duration::from_hours(1));
    for number in 0..20 {
        let name = world.begin(&keeper, world.plain(&format!("user-{number}"))).await;
        live(world.look(&keeper, name).await);
    }
    keeper
        .put(Purpose::LogoutToken, b"jti", b"", ends, now)
        .await
        .unwrap();
    assert_eq!(keeper.end_all(SessionGroup::All).await, Ok(20));
    assert_eq!(keeper.stats().entries, 0);
    assert_eq!(world.store.names().len(), 1);
    assert!(
        keeper
            .put(Purpose::LogoutToken, b"jti", b"", ends, now)
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_took_the_place_of_ends_soon_and_everywhere_and_takes_no_room() {
    let world = World::new();
    let settings = SessionSettings {
        per_subject: 2,
        ..SessionSettings::default()
    };
    let (here, there) = (world.keeper_with(settings), world.keeper_with(settings));
    let phone = world.begin(&here, world.plain("ann")).await;
    let mut before = None;
    let mut tabs = Vec::new();
    for _ in 0..40 {
        let now = world.now();
        let (id, _) = here
            .begin(world.plain("ann"), scope(), before, now)
            .await
            .unwrap();
        let name = SessionId::parse(&id.to_text()).unwrap().record(&scope());
        if let Some(before) = before {
            live(world.look(&there, before).await);
            let ends = now.wall.plus(LEAVES_WITHIN);
            let node = if tabs.len() % 2 == 0 { &here } else { &there };
            node.leave(before, scope(), ends, now).await.unwrap();
        }
        before = Some(name);
        tabs.push(name);
        after(SECOND / 2).await;
    }
    let (last, left) = tabs.split_last().unwrap();
    // As many as a browser may have under way go on loading; the first of them made room.
    assert_eq!(gone(&world.look(&here, left[0]).await), Gone::Unknown);
    for name in [phone, *last].iter().chain(&left[8..]) {
        live(world.look(&here, *name).await);
        live(world.look(&there, *name).await);
    }
    after(Duration::from_mins(1)).await;
    for name in left {
        gone(&world.look(&here, *name).await);
        gone(&world.look(&there, *name).await);
    }
    for name in [phone, *last] {
        live(world.look(&there, name).await);
    }
    // What has ended, or is another's, is left alone.
    let ends = world.now().wall;
    here.leave(left[0], scope(), ends, world.now()).await.unwrap();
    let elsewhere = Scope::of(ISSUER, "client", "elsewhere.test");
    here.leave(phone, elsewhere, ends, world.now()).await.unwrap();
    live(world.look(&here, phone).await);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_session_of_a_subject_makes_room_for_one_too_many() {
    let world = World::new();
    let settings = SessionSettings {
        per_subject: 3,
        ..SessionSettings::default()
    };
    let keeper = world.keeper_with(settings);
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(world.begin(&keeper, world.plain("ann")).await);
        live(world.look(&keeper, names[names.len() - 1]).await);
        after(SECOND).await;
    }
    let bob = world.begin(&keeper, world.plain("bob")).await;
    for name in &names[..2] {
        assert_eq!(gone(&world.look(&keeper, *name).await), Gone::Unknown);
    }
    for name in names[2..].iter().chain([&bob]) {
        live(world.look(&keeper, *name).await);
    }
    assert!(keeper.stats().ended.contains(&("too_many", 2)));
}

#[tokio::test(start_paused = true)]
async fn in_a_full_store_who_has_as_many_as_there_may_be_logs_in_nevertheless() {
    let world = World::new();
    let limits = Limits {
        max_records: 3,
        ..Limits::default()
    };
    let keeper = world.keeper_on(Arc::new(MemoryStore::new(limits, world.clock.clone())));
    let settings = SessionSettings {
        per_subject: 2,
        ..SessionSettings::default()
    };
    keeper.set(settings, sealer(&[1]));
    let bob = world.begin(&keeper, world.plain("bob")).await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(world.begin(&keeper, world.plain("ann")).await);
        after(SECOND).await;
    }
    assert_eq!(gone(&world.look(&keeper, names[0]).await), Gone::Unknown);
    for name in names[1..].iter().chain([&bob]) {
        live(world.look(&keeper, *name).await);
    }
    let second = keeper.begin(world.plain("bob"), scope(), None, world.now()).await;
    assert!(matches!(second, Err(StoreError::Full(_))), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn twenty_sessions_that_begin_at_once_do_not_end_each_other() {
    let world = World::new();
    let keeper = world.keeper();
    let begin = (0..20).map(|_| world.begin(&keeper, world.plain("ann")));
    for name in futures_util::future::join_all(begin).await {
        live(world.look(&keeper, name).await);
    }
}

#[tokio::test(start_paused = true)]
async fn the_times_of_a_session_are_those_of_the_configuration_at_most() {
    let world = World::new();
    let keeper = world.keeper();
    let name = world.begin(&keeper, world.plain("ann")).await;
    let found = live(world.look(&keeper, name).await);
    assert_eq!(found.record.idle, Duration::from_hours(8));
    assert_eq!(
        found.record.ends.since(found.record.began),
        Duration::from_hours(24)
    );
    let short = SessionRecord {
        idle: Duration::from_mins(10),
        ..world.plain("ann")
    };
    let name = world.begin(&keeper, short).await;
    assert_eq!(
        live(world.look(&keeper, name).await).record.idle,
        Duration::from_mins(10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_tells_who_and_until_when_and_nothing_to_come_in_by() {
    let world = World::new();
    let keeper = world.keeper();
    let (id, _) = keeper
        .begin(world.login("ann"), scope(), None, world.now())
        .await
        .unwrap();
    after(SECOND).await;
    world.begin(&keeper, world.plain("bob")).await;
    let list = keeper.list(SessionGroup::All).await.unwrap();
    let who = list.sessions.iter().map(|one| &*one.subject).collect::<Vec<_>>();
    assert_eq!(who, ["bob", "ann"], "the youngest first");
    assert!(list.sessions[1].refreshable);
    let told = format!("{list:?}");
    for secret in [id.to_text().as_str(), "access-0", "refresh-0"] {
        assert!(!told.contains(secret), "{told}");
    }
    let found = keeper.named(&list.sessions[1].name).await.unwrap();
    assert_eq!(found.as_ref(), Some(&list.sessions[1]));
    assert_eq!(keeper.named("0123456789abcdef").await, Ok(None));
    assert_eq!(keeper.named("").await, Ok(None));
    let name: RecordKey = id.record(&scope());
    live(world.look(&keeper, name).await);
    let revoked = keeper.revoke_named(&list.sessions[1].name).await;
    assert_eq!(revoked, Ok((true, Some(list.sessions[1].clone()))));
    assert_eq!(gone(&world.look(&keeper, name).await), Gone::Unknown);
    let again = keeper.revoke_named(&list.sessions[1].name).await;
    assert_eq!(again, Ok((false, None)));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_open_is_counted_in_a_list() {
    let world = World::new();
    let keeper = world.keeper();
    world.begin(&keeper, world.plain("ann")).await;
    world.store.spoil();
    let list = keeper.list(SessionGroup::All).await.unwrap();
    assert_eq!((list.sessions.len(), list.unopened, list.more), (0, 1, false));
    assert_eq!(
        keeper.end_all(SessionGroup::All).await,
        Ok(1),
        "it can be ended all the same"
    );
}
