//! Sessions that are sealed and opened, and kept nowhere.

use crate::keys::Offline;
use crate::session::seal::Sealer;
use crate::session::{
    Found, Kept, Purpose, Room, Scope, SessionGroup, SessionId, SessionOwner, SessionRecord, Sessions,
};
use countersign_core::BoxFuture;
use countersign_core::entropy::Entropy;
use countersign_core::session::{RecordKey, StoreError};
use countersign_core::time::{Now, Timestamp};
use std::sync::Arc;

/// Dice that always fall alike.
#[derive(Debug)]
struct Loaded;

impl Entropy for Loaded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Seals and opens, and keeps nothing.
#[derive(Debug)]
pub(in crate::login) struct Sealing(pub(in crate::login) Sealer);

impl Sessions for Sealing {
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
        Offline.end_all(group)
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
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Offline.put(purpose, name, value, ends, now)
    }

    fn is_kept<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Offline.is_kept(purpose, name, now)
    }

    fn take<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Offline.take(purpose, name, now)
    }

    fn keep<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        rooms: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Offline.keep(purpose, name, value, ends, rooms)
    }

    fn read<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>> {
        Offline.read(purpose, name, now)
    }

    fn write<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        kept: &'a Kept,
        ends: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Offline.write(purpose, name, kept, ends)
    }

    fn forget<'a>(&'a self, purpose: Purpose, name: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>> {
        Offline.forget(purpose, name)
    }

    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0.seal(purpose, context, plain, &Loaded)
    }

    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(purpose, context, sealed)
    }
}
