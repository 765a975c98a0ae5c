//! What is kept beside the sessions.

use super::world::World;
use countersign_authn::session::{Kept, Purpose, Room, SessionGroup, Sessions};
use countersign_core::session::StoreError;
use countersign_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

fn began(value: &[u8]) -> Timestamp {
    Timestamp::from_seconds(i64::from(value[0]))
}

fn room(subject: &str) -> Room<'_> {
    Room {
        group: SessionGroup::Provided {
            what: Purpose::Grant,
            issuer: "https://sso.test",
            subject,
            client_id: Some("https://app.test"),
        },
        most: 3,
        began,
    }
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
        let at = |client_id, most| Room {
            group: SessionGroup::Provided {
                what: Purpose::Grant,
                issuer: "https://sso.test",
                subject: "ann",
                client_id,
            },
            most,
            began,
        };
        let rooms = [at(Some(&*client), 3), at(None, 5)];
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
