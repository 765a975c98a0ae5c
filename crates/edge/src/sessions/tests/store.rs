//! Records in memory, with switches: away, slow, and answers that are lost.

use super::world::{PausedClock, pass};
use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, Page, RecordKey, Sealed, SessionStore, StoreError, StoreFuture,
    Version,
};
use countersign_core::time::{Clock as _, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Debug)]
struct Kept {
    sealed: Sealed,
    version: Version,
    ends: Timestamp,
    index: Vec<IndexKey>,
}

/// Records in memory, with switches.
#[derive(Debug)]
pub(super) struct FakeStore {
    clock: Arc<PausedClock>,
    records: Mutex<BTreeMap<RecordKey, Kept>>,
    leases: Mutex<BTreeMap<RecordKey, (LeaseToken, Instant)>>,
    writes: AtomicU64,
    pub(super) away: AtomicBool,
    /// So many answers to `replace` are lost, after the writing.
    pub(super) lost: AtomicUsize,
    pub(super) loads: AtomicUsize,
    pub(super) touches: AtomicUsize,
    /// How long it takes to answer a load, in milliseconds: after it has looked.
    pub(super) slow: AtomicU64,
}

impl FakeStore {
    pub(super) fn new(clock: &Arc<PausedClock>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(clock),
            records: Mutex::default(),
            leases: Mutex::default(),
            writes: AtomicU64::new(0),
            away: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
            loads: AtomicUsize::new(0),
            touches: AtomicUsize::new(0),
            slow: AtomicU64::new(0),
        })
    }

    fn with<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut BTreeMap<RecordKey, Kept>) -> Result<T, StoreError> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            // Others come in between.
            tokio::task::yield_now().await;
            if self.away.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("switched off".to_owned()));
            }
            work(&mut self.records.lock().unwrap())
        })
    }

    fn version(&self) -> Version {
        Version(self.writes.fetch_add(1, Ordering::SeqCst) + 1)
    }

    pub(super) fn names(&self) -> Vec<RecordKey> {
        self.records.lock().unwrap().keys().copied().collect()
    }

    pub(super) fn is_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(super) fn spoil(&self) {
        for kept in self.records.lock().unwrap().values_mut() {
            *kept.sealed.0.last_mut().unwrap() ^= 1;
            kept.version = self.version();
        }
    }
}

impl SessionStore for FakeStore {
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        self.with(move |records| {
            if records
                .get(id)
                .is_some_and(|kept| self.clock.now().wall < kept.ends)
            {
                return Err(StoreError::Changed);
            }
            let (version, index) = (self.version(), index.to_vec());
            records.insert(
                *id,
                Kept {
                    sealed,
                    version,
                    ends,
                    index,
                },
            );
            Ok(version)
        })
    }

    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.create(id, sealed, ends, &[])
    }

    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let looked = self.with(move |records| {
            let kept = records.get(id).filter(|kept| now < kept.ends);
            Ok(kept.map(|kept| (kept.sealed.clone(), kept.version)))
        });
        Box::pin(async move {
            let looked = looked.await;
            pass(Duration::from_millis(self.slow.load(Ordering::SeqCst))).await;
            looked
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.with(move |records| {
            let kept = records.get_mut(id).filter(|kept| kept.version == if_version);
            let kept = kept.ok_or(StoreError::Changed)?;
            kept.version = self.version();
            (kept.sealed, kept.ends) = (sealed, ends);
            let lost = self.lost.load(Ordering::SeqCst);
            if lost > 0 {
                self.lost.store(lost - 1, Ordering::SeqCst);
                return Err(StoreError::Unavailable("the answer is lost".to_owned()));
            }
            Ok(kept.version)
        })
    }

    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool> {
        self.touches.fetch_add(1, Ordering::SeqCst);
        self.with(move |records| {
            let kept = records.get_mut(id).filter(|kept| now < kept.ends);
            Ok(kept.map(|kept| kept.ends = ends).is_some())
        })
    }

    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        self.with(move |records| {
            let kept = records.remove(id).filter(|kept| now < kept.ends);
            Ok(kept.map(|kept| kept.sealed))
        })
    }

    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool> {
        self.with(move |records| Ok(records.remove(id).is_some()))
    }

    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64> {
        self.with(move |records| {
            let before = records.len();
            records.retain(|_, kept| !kept.index.contains(key));
            Ok((before - records.len()) as u64)
        })
    }

    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>> {
        self.with(move |records| {
            let found = records.iter().filter(|(name, kept)| {
                page.after.is_none_or(|after| **name > after)
                    && key.is_none_or(|key| kept.index.contains(key))
            });
            // Fewer than asked for, as a store may.
            Ok(found
                .map(|(id, kept)| Listed {
                    id: *id,
                    version: kept.version,
                    ends: kept.ends,
                })
                .take(page.limit.min(3) as usize)
                .collect())
        })
    }

    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>> {
        self.with(move |_| {
            let mut leases = self.leases.lock().unwrap();
            let now = Instant::now();
            let held = leases.get(id);
            if held.is_some_and(|(other, until)| *other != holder && now < *until) {
                return Ok(None);
            }
            leases.insert(*id, (holder, now + lasts));
            Ok(Some(Fence(self.version().0)))
        })
    }
}
