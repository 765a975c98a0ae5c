//! What is kept beside the sessions under a name: codes, grants, what was taken once.

use super::ages::Age;
use super::ends::listed;
use super::leaving::{Held, leaving};
use super::stats::count;
use super::{InForce, SessionKeeper};
use countersign_authn::session::{Bound, Kept, Purpose, Room};
use countersign_core::session::{RecordKey, Sealed, StoreError};
use countersign_core::time::{Now, Timestamp};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// How many records are read at once where one of them makes room: each is a question to the store.
const READ_AT_ONCE: usize = 32;

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
        let create = || in_force.store.create(&name, sealed.clone(), ends, &indexes);
        match create().await {
            // Whoever has as much as there may be of it replaces what is one's own.
            Err(full @ StoreError::Full(_)) => {
                let mut has_room = false;
                for room in rooms {
                    has_room |= self.make_room_for(&in_force, (purpose, name), *room).await?;
                }
                if !has_room {
                    return Err(full);
                }
                create().await?;
            }
            created => drop(created?),
        }
        for room in rooms {
            // It is kept. That there are too many of them is mended with the next.
            let made = self.make_room_for(&in_force, (purpose, name), *room).await;
            if made.is_err() {
                count(&self.counters.away);
            }
        }
        Ok(())
    }

    /// Forgets what has to make room while there are too many beside the one that is kept now; says whether anything had to.
    async fn make_room_for(
        &self,
        in_force: &InForce,
        (purpose, new): (Purpose, RecordKey),
        room: Room<'_>,
    ) -> Result<bool, StoreError> {
        let Some(Bound { most, standing }) = room.bound else {
            return Ok(false);
        };
        let mut found = Vec::new();
        for index in in_force.sealer.indexes(room.group) {
            found.extend(listed(in_force, Some(index), most.saturating_mul(2)).await?);
        }
        found.retain(|one| one.id != new);
        let too_many = found.len().saturating_sub(most.saturating_sub(1));
        if too_many == 0 {
            return Ok(false);
        }
        let (now, mut held, mut unread) = (self.clock.now().wall, Vec::new(), Vec::new());
        for one in found {
            match in_force.known_age(&one) {
                Some(age) => held.push(Held { age, name: one.id }),
                None => unread.push(one),
            }
        }
        let read = stream::iter(unread).map(|one| async move {
            let read = |sealed: &Sealed| {
                let value = in_force.sealer.open(purpose, &one.id.0, &sealed.0)?;
                Some(Age::standing(standing(&value)))
            };
            let age = in_force.age(one, now, read).await?;
            Ok::<_, StoreError>(Held { age, name: one.id })
        });
        held.extend(
            read.buffer_unordered(READ_AT_ONCE)
                .try_collect::<Vec<_>>()
                .await?,
        );
        for name in leaving(held, too_many) {
            in_force.store.remove(&name).await?;
        }
        Ok(true)
    }
}
