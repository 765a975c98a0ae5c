//! A disk without room.

use super::super::disk::Room;
use super::*;
use std::sync::atomic::AtomicU64;
use std::{fmt, io};

const PAGE: Page = Page {
    after: None,
    limit: 1000,
};

/// A disk with as much room as a test lets it have.
#[derive(Debug)]
struct Limited {
    /// What ends behind this is not written; at 0 nothing is, as where a file system writes everything elsewhere.
    most: AtomicU64,
    /// Where what was written ends.
    written: AtomicU64,
}

impl Room for Limited {
    fn for_more(&self, end: u64) -> Result<(), io::Error> {
        let most = self.most.load(Ordering::Relaxed);
        if end > most || most == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.fetch_max(end, Ordering::Relaxed);
        Ok(())
    }
}

impl Limited {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            most: AtomicU64::new(u64::MAX),
            written: AtomicU64::new(0),
        })
    }

    /// From now on the file does not grow any more.
    fn grows_no_more(&self) {
        self.most
            .store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn full<T: fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(
        matches!(&answer, Err(StoreError::Full(why)) if why.contains("sessions.redb")),
        "{answer:?}"
    );
}

async fn more(store: &FileStore, id: RecordKey) -> Result<Version, StoreError> {
    store.create(&id, sealed(1), at(START + 900_000), &[]).await
}

/// Creates until there is no room; how many were made.
async fn fill(store: &FileStore, from: u32) -> u32 {
    for number in from.. {
        let made = more(store, numbered(number)).await;
        if made.is_err() {
            full(&made);
            return number;
        }
    }
    from
}

fn numbered(number: u32) -> RecordKey {
    let mut key = [7; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    RecordKey(key)
}

#[tokio::test]
async fn a_full_disk_takes_no_new_session_and_loses_none() {
    for nothing_at_all in [false, true] {
        let (desk, disk) = (Desk::new("store-full-disk"), Limited::new());
        let opened = FileStore::with_room(Some(disk.clone()), 1 << 20, &desk.path, desk.clock.clone());
        let store = opened.unwrap().0;
        for number in 0..50 {
            create(&store, number, START + 900_000).await;
        }
        if nothing_at_all {
            disk.most.store(0, Ordering::Relaxed);
        } else {
            disk.grows_no_more();
        }
        let made = fill(&store, 0).await;
        // For a while, and some more tries, each of which opens the file anew.
        for _ in 0..5 {
            full(&more(&store, numbered(made)).await);
            for number in 0..50 {
                assert!(there(&store, number).await, "{nothing_at_all}: {number}");
            }
            let everything = store.list(None, PAGE).await.unwrap();
            assert_eq!(everything.len(), 50 + made as usize);
            desk.clock.0.fetch_add(1000, Ordering::Relaxed);
        }
        if nothing_at_all {
            full(&store.remove(&record(1)).await);
            assert!(there(&store, 1).await, "what was not acknowledged was not done");
            desk.clock.0.fetch_add(1000, Ordering::Relaxed);
        }
        disk.most.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(store.remove(&record(1)).await, Ok(true), "there is room again");
        create(&store, 100, START + 900_000).await;
        drop(store);
        let store = desk.good();
        assert_eq!(lengths(&store).await.0, 50 + u64::from(made));
        assert!(!there(&store, 1).await && there(&store, 2).await && there(&store, 100).await);
    }
}

#[tokio::test]
async fn a_start_without_room_reads_what_there_is_and_says_so() {
    let (desk, disk) = (Desk::new("store-full-start"), Limited::new());
    let open = || FileStore::with_room(Some(disk.clone()), 1 << 20, &desk.path, desk.clock.clone());
    disk.most.store(0, Ordering::Relaxed);
    let told = open().unwrap_err();
    assert!(told.contains("sessions.redb"), "there is nothing to read: {told}");
    std::fs::remove_file(&desk.path).unwrap();
    disk.most.store(u64::MAX, Ordering::Relaxed);
    create(&open().unwrap().0, 1, START + 900_000).await;

    disk.most.store(0, Ordering::Relaxed);
    let (store, warnings) = open().unwrap();
    assert!(
        matches!(warnings.as_slice(), [warning] if warning.contains("until there is room")),
        "{warnings:?}"
    );
    assert!(there(&store, 1).await);
    full(&more(&store, record(2)).await);
    assert!(there(&store, 1).await);
    disk.most.store(u64::MAX, Ordering::Relaxed);
    desk.clock.0.fetch_add(1000, Ordering::Relaxed);
    create(&store, 2, START + 900_000).await;
    drop(store);
    assert_eq!(lengths(&desk.good()).await.0, 2);
}
