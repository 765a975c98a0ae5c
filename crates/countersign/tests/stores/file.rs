//! Records in a file.

use countersign_edge::store::file::FileStore;
use countersign_testkit::clock::HandClock;
use countersign_testkit::folder::Folder;
use countersign_testkit::store_suite::{Subject, a_full_store_drops_nothing};
use std::sync::Arc;

suite!();

fn subject() -> (Subject, Folder) {
    limited(1000)
}

fn limited(max_records: u64) -> (Subject, Folder) {
    let (folder, clock) = (Folder::new(), Arc::new(HandClock::new()));
    let path = folder.0.join("sessions.redb");
    let opened = FileStore::with_at_most(max_records, &path, clock.clone());
    let (store, warnings) = opened.unwrap();
    assert_eq!(warnings, [""; 0]);
    (Subject::by_hand(Arc::new(store), clock), folder)
}

#[tokio::test]
async fn as_many_records_as_are_allowed() {
    let (subject, _folder) = limited(20);
    a_full_store_drops_nothing(&subject, 20).await;
}
