//! Records in this process, and gone with it: for one node, and for trying things out.
//!
//! Bounded by records and by bytes. Full, it takes no new record and keeps what it has; what has ended makes room. Records that
//! anybody can cause have a room of their own.

use super::leases::Leases;
use super::{DEFAULT_MAX_BYTES, DEFAULT_MAX_RECORDS, full_of_passing, must_be_small, must_fit, page_length};
use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, MAX_PASSING, Page, RecordKey, Sealed, SessionStore, StoreError,
    StoreFuture, Version,
};
use countersign_core::time::{Clock, Timestamp};
use room::Room;
use shard::{Record, Shard};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod room;
mod shard;

/// Each has the records whose key begins with the same four bits, so that going through the shards is going by keys.
const SHARDS: usize = 16;

/// How much the room may hold of what anybody can cause.
const PASSING: Limits = Limits {
    max_records: MAX_PASSING,
    // Few of them are long.
    max_bytes: 32 << 20,
};

/// How much the store may hold, beside what anybody can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many records.
    pub max_records: usize,
    /// How many bytes, what a record takes beside its own bytes counted in.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_records: DEFAULT_MAX_RECORDS,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

/// The store. Everything it does is done when it returns: its futures are ready.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    shards: [Mutex<Shard>; SHARDS],
    room: Room,
    passing: Room,
    leases: Leases,
}

impl MemoryStore {
    /// An empty store. `clock` tells what has ended where no `now` is given, and when leases run out.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let leases = Leases::new(clock.now());
        Self {
            clock,
            shards: std::array::from_fn(|_| Mutex::default()),
            room: Room::of(limits),
            passing: Room::of(PASSING),
            leases,
        }
    }

    fn shard(&self, id: &RecordKey) -> MutexGuard<'_, Shard> {
        let [first, ..] = id.0;
        // Four bits, sixteen shards: there is one.
        lock(
            self.shards
                .get(usize::from(first >> 4))
                .unwrap_or(&self.shards[0]),
        )
    }

    /// Where it counts.
    const fn room_of(&self, record: &Record) -> &Room {
        if record.is_passing {
            &self.passing
        } else {
            &self.room
        }
    }

    /// Removes what has ended.
    fn sweep(&self, shard: &mut Shard, now: Timestamp) {
        while let Some((ends, id)) = shard.ends.first().copied() {
            if now < ends {
                return;
            }
            if let Some(record) = shard.remove(&id) {
                self.room_of(&record).release(record.bytes());
            } else {
                shard.ends.remove(&(ends, id));
            }
        }
    }

    fn removed(&self, shard: &mut Shard, id: &RecordKey) -> Option<Record> {
        let record = shard.remove(id)?;
        self.room_of(&record).release(record.bytes());
        Some(record)
    }

    fn create(&self, id: &RecordKey, record: Record) -> Result<Version, StoreError> {
        must_fit(&record.sealed, &record.index)?;
        let now = self.clock.now().wall;
        let (bytes, version) = (record.bytes(), record.version);
        let room = self.room_of(&record);
        if !room.reserve(bytes) {
            for shard in &self.shards {
                self.sweep(&mut lock(shard), now);
            }
            if !room.reserve(bytes) {
                return Err(if record.is_passing {
                    full_of_passing()
                } else {
                    self.full()
                });
            }
        }
        let mut shard = self.shard(id);
        self.sweep(&mut shard, now);
        if shard.records.contains_key(id) {
            room.release(bytes);
            return Err(StoreError::Changed);
        }
        shard.insert(*id, record);
        Ok(version)
    }

    fn full(&self) -> StoreError {
        let (records, bytes) = (
            self.room.records.load(Ordering::Relaxed),
            self.room.bytes.load(Ordering::Relaxed),
        );
        let Limits {
            max_records,
            max_bytes,
        } = self.room.limits;
        StoreError::Full(format!(
            "memory holds {records} of at most {max_records} records in {bytes} of at most {max_bytes} bytes"
        ))
    }

    /// A record may grow beyond the bound of bytes: what a renewal brought is not thrown away.
    fn replace(
        &self,
        id: &RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> Result<Version, StoreError> {
        must_fit(&sealed, &[])?;
        let now = self.clock.now().wall;
        let mut shard = self.shard(id);
        let record = shard.living(id, now).ok_or(StoreError::Changed)?;
        if record.version != if_version {
            return Err(StoreError::Changed);
        }
        let (before, version) = (record.bytes(), Version(if_version.0.saturating_add(1)));
        (record.sealed, record.version) = (sealed, version);
        let after = record.bytes();
        let room = self.room_of(record);
        room.bytes.fetch_add(after, Ordering::Relaxed);
        room.bytes.fetch_sub(before, Ordering::Relaxed);
        shard.move_end(id, ends);
        Ok(version)
    }

    fn remove_all(&self, key: &IndexKey) -> u64 {
        let now = self.clock.now().wall;
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = lock(shard);
            let found = shard.list(Some(key), None, now).collect::<Vec<_>>();
            for one in found {
                removed += u64::from(self.removed(&mut shard, &one.id).is_some());
            }
        }
        removed
    }

    fn list(&self, key: Option<&IndexKey>, page: Page) -> Vec<Listed> {
        let now = self.clock.now().wall;
        let length = page_length(page);
        let mut found = Vec::new();
        for shard in &self.shards {
            let missing = length - found.len();
            if missing == 0 {
                break;
            }
            found.extend(lock(shard).list(key, page.after, now).take(missing));
        }
        found
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ready<'a, T: Send + 'a>(answer: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl SessionStore for MemoryStore {
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        let record = Record {
            sealed,
            version: Version(1),
            ends,
            index: index.into(),
            is_passing: false,
        };
        ready(self.create(id, record))
    }

    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let record = Record {
            sealed,
            version: Version(1),
            ends,
            index: Box::default(),
            is_passing: true,
        };
        let created = must_be_small(&record.sealed).and_then(|()| self.create(id, record));
        ready(created)
    }

    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        let mut shard = self.shard(id);
        let found = shard.living(id, now);
        ready(Ok(found.map(|record| (record.sealed.clone(), record.version))))
    }

    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        ready(self.replace(id, sealed, if_version, ends))
    }

    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool> {
        let mut shard = self.shard(id);
        let living = shard.living(id, now).is_some();
        if living {
            shard.move_end(id, ends);
        }
        ready(Ok(living))
    }

    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        let mut shard = self.shard(id);
        let living = shard.living(id, now).is_some();
        let taken = living.then(|| self.removed(&mut shard, id)).flatten();
        ready(Ok(taken.map(|record| record.sealed)))
    }

    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool> {
        let now = self.clock.now().wall;
        let removed = self.removed(&mut self.shard(id), id);
        ready(Ok(removed.is_some_and(|record| now < record.ends)))
    }

    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64> {
        ready(Ok(self.remove_all(key)))
    }

    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>> {
        ready(Ok(self.list(key, page)))
    }

    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>> {
        ready(self.leases.take(id, holder, lasts, self.clock.monotonic()))
    }
}
