//! A store of sessions that can be cut off.

use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, Page, RecordKey, Sealed, SessionStore, StoreError, StoreFuture,
    Version,
};
use countersign_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Another store, while it is there.
#[derive(Debug)]
pub struct Away {
    store: Arc<dyn SessionStore>,
    is_cut_off: Arc<AtomicBool>,
    keeps: Arc<AtomicBool>,
}

impl Away {
    /// `store`, unless `away`; while it `keeps`, nothing is removed from it.
    pub fn new(store: Arc<dyn SessionStore>, away: &Arc<AtomicBool>, keeps: &Arc<AtomicBool>) -> Self {
        Self {
            store,
            is_cut_off: Arc::clone(away),
            keeps: Arc::clone(keeps),
        }
    }

    fn or_keeps<'a, T: Send + 'a>(
        &'a self,
        there: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        if self.keeps.load(Ordering::Relaxed) {
            return Box::pin(async { Err(StoreError::Unavailable("the test lets nothing go".to_owned())) });
        }
        self.or(there)
    }

    fn or<'a, T: Send + 'a>(&'a self, there: impl FnOnce() -> StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        if self.is_cut_off.load(Ordering::Relaxed) {
            return Box::pin(async { Err(StoreError::Unavailable("cut off by the test".to_owned())) });
        }
        there()
    }
}

impl SessionStore for Away {
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        self.or(|| self.store.create(id, sealed, ends, index))
    }

    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.or(|| self.store.create_passing(id, sealed, ends))
    }

    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        self.or(|| self.store.load(id, now))
    }

    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.or(|| self.store.replace(id, sealed, if_version, ends))
    }

    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool> {
        self.or(|| self.store.touch(id, ends, now))
    }

    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        self.or_keeps(|| self.store.take(id, now))
    }

    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool> {
        self.or_keeps(|| self.store.remove(id))
    }

    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64> {
        self.or_keeps(|| self.store.remove_all(key))
    }

    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>> {
        self.or(|| self.store.list(key, page))
    }

    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>> {
        self.or(|| self.store.lease(id, holder, lasts))
    }
}
