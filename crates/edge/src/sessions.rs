//! Login sessions between what a login decides and where records are kept.
//!
//! [`SessionKeeper`] remembers sessions as they were last read and looks again once `session.recheck` is over; loads and
//! renews each once for all who ask at the same time; and moves the ends of those in use. What becomes of a session is
//! decided by [`life`](countersign_authn::session::life), below the waterline.

use crate::log::Log;
use ages::Ages;
use arc_swap::ArcSwap;
use cache::Entries;
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{
    Found, Kept, Purpose, Room, Scope, SessionGroup, SessionId, SessionOwner, SessionRecord, Sessions,
};
use countersign_core::entropy::Entropy;
use countersign_core::session::{RecordKey, SessionStore, StoreError};
use countersign_core::time::{Clock, Now, Timestamp};
use countersign_core::{BoxFuture, Ports};
use flights::Flights;
use look::Wanted;
use stats::Counters;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

mod ages;
mod cache;
mod ends;
mod flights;
mod kept;
mod leaving;
mod listing;
mod look;
mod renewal;
mod stats;
#[cfg(test)]
mod tests;
mod under_way;

pub use listing::{MOST_TOLD, SessionList, SessionSummary};
pub use stats::SessionStats;

/// What can be configured about sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long a session lasts unused, at most.
    pub idle: Duration,
    /// How long it lasts, used or not, at most.
    pub absolute: Duration,
    /// How old what is in memory may be: so long after a logout anywhere a session is served at most.
    pub recheck: Duration,
    /// How much older it may be while the store is away.
    pub grace: Duration,
    /// How many sessions a subject may have.
    pub per_subject: usize,
    /// How much memory sessions may take here, in bytes.
    pub cache_bytes: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            idle: Duration::from_hours(8),
            absolute: Duration::from_hours(24),
            recheck: Duration::from_secs(1),
            grace: Duration::ZERO,
            per_subject: 20,
            cache_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a configuration puts in force.
#[derive(Debug)]
struct InForce {
    store: Arc<dyn SessionStore>,
    sealer: Arc<Sealer>,
    settings: SessionSettings,
    /// As they were opened with these keys.
    ages: Ages,
}

/// Keeps sessions. It outlives every configuration; must live inside a tokio runtime.
#[derive(Debug)]
pub struct SessionKeeper {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    in_force: ArcSwap<InForce>,
    entries: Entries,
    flights: Flights,
    counters: Counters,
    /// While the store does not answer: until when it is not asked about sessions that are known, in milliseconds of the
    /// monotonic clock.
    away: AtomicU64,
    log: OnceLock<Arc<Log>>,
    me: Weak<Self>,
}

impl SessionKeeper {
    /// Keeps sessions in `store`.
    pub fn new(
        ports: &Ports,
        store: Arc<dyn SessionStore>,
        settings: SessionSettings,
        sealer: Arc<Sealer>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            entries: Entries::new(settings.cache_bytes),
            in_force: ArcSwap::from_pointee(InForce {
                store,
                sealer,
                settings,
                ages: Ages::default(),
            }),
            flights: Flights::default(),
            counters: Counters::default(),
            away: AtomicU64::new(0),
            log: OnceLock::new(),
            me: Weak::clone(me),
        })
    }

    /// From now on sessions are in `store`: what is known of those in another is nothing there.
    pub fn keep_in(&self, store: Arc<dyn SessionStore>, settings: SessionSettings, sealer: Arc<Sealer>) {
        self.entries.resize(settings.cache_bytes);
        self.in_force.store(Arc::new(InForce {
            store,
            sealer,
            settings,
            ages: Ages::default(),
        }));
        // What a key opened that is not there any more is read again, and does not open.
        self.entries.end_where(|_| true);
        self.flights.forget_all();
    }

    /// From now on these settings and keys hold; the sessions stay. New times are those of sessions that begin from now on.
    pub fn set(&self, settings: SessionSettings, sealer: Arc<Sealer>) {
        let store = Arc::clone(&self.in_force.load().store);
        self.keep_in(store, settings, sealer);
    }

    /// From now on, what happens to sessions has a line in `log`.
    pub fn tell(&self, log: &Arc<Log>) {
        // The log is set once; a second one would be the same.
        drop(self.log.set(Arc::clone(log)));
    }

    /// What it did so far.
    pub fn stats(&self) -> SessionStats {
        let memory = (self.entries.len(), self.entries.bytes());
        self.counters.stats(memory, self.flights.renewals())
    }

    /// The settings in force.
    pub fn settings(&self) -> SessionSettings {
        self.in_force.load().settings
    }
}

fn wanted(name: RecordKey, scope: Scope, owner: &Arc<dyn SessionOwner>) -> Wanted {
    Wanted {
        name,
        scope,
        owner: Arc::clone(owner),
    }
}

/// Whoever asks holds the keeper, so this is seen by nobody.
fn stopping() -> Found {
    Found::Unavailable("the gateway is stopping".to_owned())
}

impl Sessions for SessionKeeper {
    fn look_now(&self, record: RecordKey, owner: &Arc<dyn SessionOwner>, now: Now) -> Option<Found> {
        self.at_once(record, owner, now)
    }

    fn look<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            match self.me.upgrade() {
                Some(keeper) => keeper.find(&wanted(record, scope, owner), now).await,
                None => stopping(),
            }
        })
    }

    fn renew<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            match self.me.upgrade() {
                Some(keeper) => keeper.find_renewed_now(&wanted(record, scope, owner), now).await,
                None => stopping(),
            }
        })
    }

    fn begin(
        &self,
        record: SessionRecord,
        scope: Scope,
        instead_of: Option<RecordKey>,
        now: Now,
    ) -> BoxFuture<'_, Result<(SessionId, Timestamp), StoreError>> {
        Box::pin(self.begin_one(record, scope, instead_of, now))
    }

    fn leave(
        &self,
        record: RecordKey,
        scope: Scope,
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.leave_one(record, scope, ends, now))
    }

    fn end(
        &self,
        record: RecordKey,
        scope: Scope,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<SessionRecord>, StoreError>> {
        Box::pin(self.end_one(record, scope, now))
    }

    fn end_all<'a>(&'a self, group: SessionGroup<'a>) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(self.end_group(group))
    }

    fn end_under_way<'a>(
        &'a self,
        group: SessionGroup<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.remember_end(group, now))
    }

    fn put<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        _: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.put_one(purpose, name, value, ends))
    }

    fn is_kept<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (name, in_force) = (purpose.record(name), self.in_force.load_full());
            Ok(in_force.store.load(&name, now.wall).await?.is_some())
        })
    }

    fn take<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(self.take_one(purpose, name, now))
    }

    fn keep<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        rooms: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.keep_one(purpose, name, value, ends, rooms))
    }

    fn read<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(self.read_one(purpose, name, now))
    }

    fn write<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        kept: &'a Kept,
        ends: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.write_one(purpose, name, kept, ends))
    }

    fn forget<'a>(&'a self, purpose: Purpose, name: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (name, in_force) = (purpose.record(name), self.in_force.load_full());
            in_force.store.remove(&name).await
        })
    }

    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let in_force = self.in_force.load();
        in_force.sealer.seal(purpose, context, plain, &*self.entropy)
    }

    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.in_force.load().sealer.open(purpose, context, sealed)
    }
}
