//! The port of sessions for tests that have no gateway around them: nobody finds a session, and everything else is as it should be.

use super::seal::Sealer;
use super::{
    Found, Kept, Purpose, Room, Scope, SessionGroup, SessionId, SessionOwner, SessionRecord, Sessions,
};
use crate::keys::Offline;
use countersign_core::BoxFuture;
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_core::session::{IndexKey, RecordKey, StoreError, Version};
use countersign_core::time::{Now, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Dice that always fall alike.
#[derive(Debug)]
struct Loaded;

impl Entropy for Loaded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Lets the other one go on once.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// What is kept: a value, how often it was written, and by what it is found.
type All = HashMap<RecordKey, (Vec<u8>, u64, Vec<IndexKey>)>;

/// Seals with keys, keeps what is kept beside sessions in memory, and pauses before each thing it does with that.
#[derive(Debug)]
pub(crate) struct FakeSessions {
    sealer: Sealer,
    kept: Mutex<All>,
}

impl FakeSessions {
    /// Nothing is kept yet; the first key seals.
    pub(crate) fn new(keys: &[u8]) -> Arc<Self> {
        let keys = keys.iter().map(|key| Secret::new(vec![*key; 32]));
        Arc::new(Self {
            sealer: Sealer::new(keys.collect()).unwrap(),
            kept: Mutex::default(),
        })
    }

    fn now<'a, T: Send + 'a>(
        &'a self,
        what: impl FnOnce(&mut All) -> Result<T, StoreError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            Pause(false).await;
            what(&mut self.kept.lock().unwrap())
        })
    }

    fn add<'a>(
        &'a self,
        name: RecordKey,
        value: &'a [u8],
        rooms: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let indexes = rooms.iter().flat_map(|room| self.sealer.indexes(room.group));
        let indexes = indexes.collect::<Vec<_>>();
        self.now(move |all| match all.entry(name) {
            Entry::Occupied(_) => Err(StoreError::Changed),
            Entry::Vacant(vacant) => {
                vacant.insert((value.to_vec(), 1, indexes));
                Ok(())
            }
        })
    }
}

impl Sessions for FakeSessions {
    fn look_now(&self, record: RecordKey, owner: &Arc<dyn SessionOwner>, now: Now) -> Option<Found> {
        Offline.look_now(record, owner, now)
    }

    fn look<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Offline.look(record, scope, owner, now)
    }

    fn renew<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Offline.renew(record, scope, owner, now)
    }

    fn begin(
        &self,
        record: SessionRecord,
        scope: Scope,
        instead_of: Option<RecordKey>,
        now: Now,
    ) -> BoxFuture<'_, Result<(SessionId, Timestamp), StoreError>> {
        Offline.begin(record, scope, instead_of, now)
    }

    fn leave(
        &self,
        record: RecordKey,
        scope: Scope,
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Offline.leave(record, scope, ends, now)
    }

    fn end(
        &self,
        record: RecordKey,
        scope: Scope,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<SessionRecord>, StoreError>> {
        Offline.end(record, scope, now)
    }

    fn end_all<'a>(&'a self, group: SessionGroup<'a>) -> BoxFuture<'a, Result<u64, StoreError>> {
        let indexes = self.sealer.indexes(group);
        self.now(move |all| {
            let before = all.len();
            all.retain(|_, (_, _, found_by)| !found_by.iter().any(|index| indexes.contains(index)));
            Ok((before - all.len()) as u64)
        })
    }

    fn end_under_way<'a>(
        &'a self,
        group: SessionGroup<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Offline.end_under_way(group, now)
    }

    fn put<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        _: Timestamp,
        _: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.add(purpose.record(name), value, &[])
    }

    fn is_kept<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.now(move |all| Ok(all.contains_key(&purpose.record(name))))
    }

    fn take<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.now(move |all| Ok(all.remove(&purpose.record(name)).map(|(value, _, _)| value)))
    }

    fn keep<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        _: Timestamp,
        rooms: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.add(purpose.record(name), value, rooms)
    }

    fn read<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>> {
        self.now(move |all| {
            let kept = all.get(&purpose.record(name)).cloned();
            Ok(kept.map(|(value, version, _)| Kept {
                value,
                version: Version(version),
            }))
        })
    }

    fn write<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        kept: &'a Kept,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.now(move |all| {
            let found = all.get_mut(&purpose.record(name));
            let found = found.filter(|(_, version, _)| Version(*version) == kept.version);
            let (value, version, _) = found.ok_or(StoreError::Changed)?;
            value.clone_from(&kept.value);
            *version += 1;
            Ok(())
        })
    }

    fn forget<'a>(&'a self, purpose: Purpose, name: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.now(move |all| Ok(all.remove(&purpose.record(name)).is_some()))
    }

    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.sealer.seal(purpose, context, plain, &Loaded)
    }

    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.sealer.open(purpose, context, sealed)
    }
}
