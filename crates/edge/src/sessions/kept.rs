//! What is kept beside the sessions under a name: codes, grants, what was taken once.

use super::ages::Age;
use super::ends::listed;
use super::stats::count;
use super::{InForce, SessionKeeper};
use countersign_authn::session::{Kept, Purpose, Room};
use countersign_core::session::{RecordKey, Sealed, StoreError};
use countersign_core::time::{Now, Timestamp};

impl SessionKeeper {
    fn sealed(&self, in_force: &InForce, purpose: Purpose, name: &RecordKey, value: &[u8]) -> Sealed {
        let sealed = in_force.sealer.seal(purpose, &name.0, value, &*self.entropy);
        Sealed(sealed.into())
    }

    pub(super) async fn put_one(
        &self,
        purpose: Purpose,
        name: &[u8],
        value: &[u8],
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let (name, in_force) = (purpose.record(name), self.in_force.load_full());
        let sealed = self.sealed(&in_force, purpose, &name, value);
        let created = if purpose.is_anybodys() {
            in_force.store.create_passing(&name, sealed, ends)
        } else {
            in_force.store.create(&name, sealed, ends, &[])
        };
        created.await.map(drop)
    }

    pub(super) async fn take_one(
        &self,
        purpose: Purpose,
        name: &[u8],
        now: Now,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let (name, in_force) = (purpose.record(name), self.in_force.load_full());
        let sealed = in_force.store.take(&name, now.wall).await?;
        Ok(sealed.and_then(|sealed| in_force.sealer.open(purpose, &name.0, &sealed.0)))
    }

    pub(super) async fn read_one(
        &self,
        purpose: Purpose,
        name: &[u8],
        now: Now,
    ) -> Result<Option<Kept>, StoreError> {
        let (name, in_force) = (purpose.record(name), self.in_force.load_full());
        let stored = in_force.store.load(&name, now.wall).await?;
        Ok(stored.and_then(|(sealed, version)| {
            let value = in_force.sealer.open(purpose, &name.0, &sealed.0)?;
            Some(Kept { value, version })
        }))
    }

    pub(super) async fn write_one(
        &self,
        purpose: Purpose,
        name: &[u8],
        kept: &Kept,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let (name, in_force) = (purpose.record(name), self.in_force.load_full());
        let sealed = self.sealed(&in_force, purpose, &name, &kept.value);
        let written = in_force.store.replace(&name, sealed, kept.version, ends);
        written.await.map(drop)
    }

    pub(super) async fn keep_one(
        &self,
        purpose: Purpose,
        name: &[u8],
        value: &[u8],
        ends: Timestamp,
        rooms: &[Room<'_>],
    ) -> Result<(), StoreError> {
        let (name, in_force) = (purpose.record(name), self.in_force.load_full());
        let sealed = self.sealed(&in_force, purpose, &name, value);
        let key = in_force.sealer.first();
        let indexes = rooms.iter();
        let indexes = indexes.filter_map(|room| in_force.sealer.index_under(key, room.group));
        let indexes = indexes.collect::<Vec<_>>();
        in_force.store.create(&name, sealed, ends, &indexes).await?;
        for room in rooms {
            // It is kept. That there are too many of them is mended with the next.
            let made = self.make_room_for(&in_force, (purpose, name), *room).await;
            if made.is_err() {
                count(&self.counters.away);
            }
        }
        Ok(())
    }

    /// Forgets the oldest while there are too many of them beside the one that has just been kept.
    async fn make_room_for(
        &self,
        in_force: &InForce,
        (purpose, new): (Purpose, RecordKey),
        room: Room<'_>,
    ) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for index in in_force.sealer.indexes(room.group) {
            found.extend(listed(in_force, Some(index), room.most.saturating_mul(2)).await?);
        }
        found.retain(|one| one.id != new);
        let beside = room.most.saturating_sub(1);
        if found.len() <= beside {
            return Ok(());
        }
        let (now, mut by_age) = (self.clock.now().wall, Vec::with_capacity(found.len()));
        for one in found {
            let read = |sealed: &Sealed| {
                let value = in_force.sealer.open(purpose, &one.id.0, &sealed.0)?;
                Some(Age::since((room.began)(&value)))
            };
            by_age.push((in_force.age(one, now, read).await?.began, one.id));
        }
        by_age.sort_unstable();
        let too_many = by_age.len().saturating_sub(beside);
        for (_, name) in by_age.into_iter().take(too_many) {
            in_force.store.remove(&name).await?;
        }
        Ok(())
    }
}
