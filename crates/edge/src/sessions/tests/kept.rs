//! What is kept beside the sessions.

use super::super::{SessionKeeper, SessionSettings};
use super::world::{World, sealer};
use crate::store::memory::{Limits, MemoryStore};
use countersign_authn::session::{Kept, Purpose, Room, SessionGroup, Sessions, Share, Standing};
use countersign_core::session::StoreError;
use countersign_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// When it began, one hour and on; then whose it is.
fn standing(value: &[u8]) -> Standing {
    Standing {
        began: Timestamp::from_seconds(3600 + i64::from(value[0])),
        whose: String::from_utf8_lossy(&value[1..]).into(),
    }
}

fn group<'a>(subject: &'a str, share: Share<'a>) -> SessionGroup<'a> {
    SessionGroup::Provided {
        what: Purpose::Grant,
        issuer: "https://sso.test",
        subject,
        share,
    }
}

fn room(subject: &str) -> Room<'_> {
    group(subject, Share::Client("https://app.test")).most(3, standing)
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_written_over_once() {
    let world = World::new();
    let here: Arc<dyn Sessions> = world.keeper();
    let there: Arc<dyn Sessions> = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    here.keep(Purpose::Grant, b"g", b"1", ends, &[room("ann")])
        .await
        .unwrap();
    let twice = here.keep(Purpose::Grant, b"g", b"1", ends, &[room("ann")]).await;
    assert_eq!(twice, Err(StoreError::Changed));
    let read = there
        .read(Purpose::Grant, b"g", world.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.value, b"1");
    assert!(
        there
            .read(Purpose::Code, b"g", world.now())
            .await
            .unwrap()
            .is_none()
    );
    let next = Kept {
        value: b"2".to_vec(),
        ..read
    };
    here.write(Purpose::Grant, b"g", &next, ends).await.unwrap();
    let late = there.write(Purpose::Grant, b"g", &next, ends).await;
    assert_eq!(late, Err(StoreError::Changed));
    let read = there.read(Purpose::Grant, b"g", world.now()).await.unwrap();
    assert_eq!(read.unwrap().value, b"2");
    assert!(there.forget(Purpose::Grant, b"g").await.unwrap());
    assert!(!here.forget(Purpose::Grant, b"g").await.unwrap());
    let late = here.write(Purpose::Grant, b"g", &next, ends).await;
    assert_eq!(
        late,
        Err(StoreError::Changed),
        "what was ended does not come back"
    );
}

#[tokio::test(start_paused = true)]
async fn the_oldest_makes_room_for_one_of_its_group() {
    let world = World::new();
    let keeper = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    for (name, age, subject) in [
        (b"a", 3, "ann"),
        (b"b", 1, "ann"),
        (b"c", 2, "ann"),
        (b"x", 0, "bob"),
        (b"d", 4, "ann"),
    ] {
        let value = [age];
        keeper
            .keep(Purpose::Grant, name, &value, ends, &[room(subject)])
            .await
            .unwrap();
    }
    for (name, there) in [
        (b"a", true),
        (b"b", false),
        (b"c", true),
        (b"d", true),
        (b"x", true),
    ] {
        let kept = keeper.is_kept(Purpose::Grant, name, world.now()).await;
        assert_eq!(kept, Ok(there), "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_clients_make_no_more_room_for_one_subject() {
    let world = World::new();
    let keeper = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    for age in 0..20_u8 {
        let (client, name) = (format!("https://{age}.app.test"), [age]);
        let rooms = [
            group("ann", Share::Client(&client)).most(3, standing),
            group("ann", Share::All).most(5, standing),
        ];
        keeper
            .keep(Purpose::Grant, &name, &[age], ends, &rooms)
            .await
            .unwrap();
    }
    for age in 0..20_u8 {
        let kept = keeper.is_kept(Purpose::Grant, &[age], world.now()).await;
        assert_eq!(kept, Ok(age >= 15), "{age}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_client_under_many_names_takes_nobody_elses_room() {
    let world = World::new();
    let keeper = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    let keep = async |name: &[u8], age: u8, whose: &str| {
        let value = [&[age], whose.as_bytes()].concat();
        let rooms = [group("ann", Share::All).most(5, standing)];
        keeper
            .keep(Purpose::Grant, name, &value, ends, &rooms)
            .await
            .unwrap();
    };
    keep(b"app", 1, "test/app").await;
    keep(b"wiki", 2, "test/wiki").await;
    for age in 3..30 {
        keep(&[age], age, &format!("test/evil/{age}")).await;
    }
    for (name, there) in [
        (b"app".as_slice(), true),
        (b"wiki", true),
        (&[26], false),
        (&[27], true),
        (&[29], true),
    ] {
        let kept = keeper.is_kept(Purpose::Grant, name, world.now()).await;
        assert_eq!(kept, Ok(there), "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_as_much_as_there_may_be_replaces_ones_own_in_a_full_store() {
    let world = World::new();
    let limits = Limits {
        max_records: 5,
        ..Limits::default()
    };
    let keeper = world.keeper_on(Arc::new(MemoryStore::new(limits, world.clock.clone())));
    let ends = world.now().wall.plus(Duration::from_mins(1));
    let keep = async |name: &[u8], subject: &str| {
        let rooms = [room(subject)];
        keeper.keep(Purpose::Grant, name, &name[1..], ends, &rooms).await
    };
    for name in [b"a1", b"a2", b"a3"] {
        keep(name, "ann").await.unwrap();
    }
    for name in [b"b1", b"b2"] {
        keep(name, "bob").await.unwrap();
    }
    // Bob has room of his own left, and there is none.
    assert!(matches!(keep(b"b3", "bob").await, Err(StoreError::Full(_))));
    keep(b"a4", "ann").await.unwrap();
    for (name, there) in [(b"a1", false), (b"a2", true), (b"a4", true), (b"b1", true)] {
        let kept = keeper.is_kept(Purpose::Grant, name, world.now()).await;
        assert_eq!(kept, Ok(there), "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_ends_with_a_group_does_not_come_back() {
    let world = World::new();
    let keeper = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    let inside = group("ann", Share::SignOn("one"));
    for (name, group) in [(b"a", inside), (b"b", group("ann", Share::SignOn("two")))] {
        let rooms = [room("ann"), group.unbounded()];
        keeper
            .keep(Purpose::Grant, name, &[1], ends, &rooms)
            .await
            .unwrap();
    }
    let read = Sessions::read(&*keeper, Purpose::Grant, b"a", world.now()).await;
    let read = read.unwrap().unwrap();
    assert_eq!(keeper.end_all(inside).await, Ok(1));
    assert_eq!(keeper.is_kept(Purpose::Grant, b"a", world.now()).await, Ok(false));
    assert_eq!(keeper.is_kept(Purpose::Grant, b"b", world.now()).await, Ok(true));
    let late = keeper.write(Purpose::Grant, b"a", &read, ends).await;
    assert_eq!(late, Err(StoreError::Changed));
    assert_eq!(keeper.end_all(inside).await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn where_the_oldest_makes_room_each_is_opened_once_by_a_node() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let ends = world.now().wall.plus(Duration::from_mins(1));
    for age in 0..20_u8 {
        here.keep(Purpose::Grant, &[age], &[age], ends, &[room("ann")])
            .await
            .unwrap();
    }
    assert_eq!(
        world.store.loads.swap(0, Ordering::SeqCst),
        19,
        "all but the last"
    );
    for age in 20..40_u8 {
        let node = if age % 2 == 0 { &here } else { &there };
        node.keep(Purpose::Grant, &[age], &[age], ends, &[room("ann")])
            .await
            .unwrap();
    }
    let loads = world.store.loads.load(Ordering::SeqCst);
    assert!(loads <= 40, "each by each of two: {loads}");
    for age in 0..40_u8 {
        let kept = here.is_kept(Purpose::Grant, &[age], world.now()).await;
        assert_eq!(kept, Ok(age >= 37), "{age}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_or_made_anew_elsewhere_is_as_old_as_it_is_now() {
    let world = World::new();
    let (here, there) = (world.keeper(), world.keeper());
    let ends = world.now().wall.plus(Duration::from_mins(1));
    let keep = async |node: &Arc<SessionKeeper>, name: &[u8], age: u8| {
        node.keep(Purpose::Grant, name, &[age], ends, &[room("ann")])
            .await
            .unwrap();
    };
    for (name, age) in [(b"a", 1), (b"b", 2), (b"c", 3), (b"d", 4)] {
        keep(&here, name, age).await;
    }
    let read = Sessions::read(&*there, Purpose::Grant, b"b", world.now()).await;
    let read = read.unwrap();
    let younger = Kept {
        value: vec![5],
        ..read.unwrap()
    };
    there.write(Purpose::Grant, b"b", &younger, ends).await.unwrap();
    there.forget(Purpose::Grant, b"c").await.unwrap();
    keep(&there, b"c", 6).await;
    for (name, age) in [(b"e", 7), (b"f", 8)] {
        keep(&here, name, age).await;
    }
    for (name, there) in [
        (b"d", false),
        (b"b", false),
        (b"c", true),
        (b"e", true),
        (b"f", true),
    ] {
        let kept = here.is_kept(Purpose::Grant, name, world.now()).await;
        assert_eq!(kept, Ok(there), "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_new_key_the_oldest_makes_room_as_before() {
    let world = World::new();
    let keeper = world.keeper();
    let ends = world.now().wall.plus(Duration::from_mins(1));
    let keep = async |name: &[u8], age: u8| {
        keeper
            .keep(Purpose::Grant, name, &[age], ends, &[room("ann")])
            .await
            .unwrap();
    };
    for (name, age) in [(b"a", 1), (b"b", 2), (b"c", 9), (b"d", 4), (b"e", 5)] {
        keep(name, age).await;
    }
    keeper.set(SessionSettings::default(), sealer(&[2, 1]));
    keep(b"f", 3).await;
    for (name, there) in [(b"c", true), (b"d", false), (b"e", true), (b"f", true)] {
        let kept = keeper.is_kept(Purpose::Grant, name, world.now()).await;
        assert_eq!(kept, Ok(there), "{name:?}");
    }
}
