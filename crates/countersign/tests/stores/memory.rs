//! Records in the process.

use countersign_core::session::{Sealed, StoreError, Version};
use countersign_edge::store::memory::{Limits, MemoryStore};
use countersign_testkit::clock::HandClock;
use countersign_testkit::store_suite::{Subject, a_full_store_drops_nothing, record};
use std::sync::Arc;
use std::time::Duration;

suite!();

fn subject() -> (Subject, ()) {
    (limited(Limits::default()), ())
}

fn limited(limits: Limits) -> Subject {
    let clock = Arc::new(HandClock::new());
    Subject::by_hand(Arc::new(MemoryStore::new(limits, clock.clone())), clock)
}

#[tokio::test]
async fn as_many_records_as_are_allowed() {
    let limits = Limits {
        max_records: 20,
        ..Limits::default()
    };
    a_full_store_drops_nothing(&limited(limits), 20).await;
}

#[tokio::test]
async fn as_many_bytes_as_are_allowed() {
    // Each has 256 bytes and as many beside them, and one index key of 128.
    let limits = Limits {
        max_bytes: 20 * 640 + 300,
        ..Limits::default()
    };
    a_full_store_drops_nothing(&limited(limits), 20).await;
}

#[tokio::test]
async fn what_has_ended_makes_room_in_every_part() {
    let limits = Limits {
        max_records: 200,
        ..Limits::default()
    };
    let subject = limited(limits);
    let soon = subject.now.plus(Duration::from_secs(1));
    let create = async |number, ends| {
        let sealed = Sealed([number].into());
        subject.store.create(&record(number), sealed, ends, &[]).await
    };
    for number in 0..200 {
        assert_eq!(create(number, soon).await, Ok(Version(1)), "{number}");
    }
    assert!(matches!(create(200, soon).await, Err(StoreError::Full(_))));
    let clock = subject.clock.as_ref().unwrap();
    clock.move_to(Duration::from_secs(1)).unwrap();
    let later = soon.plus(Duration::from_mins(1));
    for number in 0..200 {
        assert_eq!(create(number, later).await, Ok(Version(1)), "{number} again");
    }
    assert!(matches!(create(200, later).await, Err(StoreError::Full(_))));
}
