//! A session is looked up: in memory, then in the store; what is due about it is begun or waited for.

use super::cache::{Entry, Place};
use super::flights::{Answer, Errand, Lost};
use super::stats::count;
use super::{InForce, SessionKeeper};
use countersign_authn::session::life::{self, Life, WrittenEnd};
use countersign_authn::session::record::RecordError;
use countersign_authn::session::seal::Opened;
use countersign_authn::session::{Found, Gone, LiveSession, Scope, SessionOwner, SessionRecord};
use countersign_core::session::{RecordKey, Sealed, StoreError, Version};
use countersign_core::time::{Monotonic, Now};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// While the store is away, it is asked again so often.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// What a client is told to wait while a renewal is under way that takes longer than anybody waits.
const UNDER_WAY: Duration = Duration::from_secs(1);
/// A session that ends while it is read is read again, so often at most.
const READ_AGAIN: usize = 4;

/// Which session, and whose.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: RecordKey,
    pub(super) scope: Scope,
    pub(super) owner: Arc<dyn SessionOwner>,
}

impl SessionKeeper {
    /// The session from memory, when nothing has to be waited for.
    pub(super) fn at_once(&self, name: RecordKey, owner: &Arc<dyn SessionOwner>, now: Now) -> Option<Found> {
        let entry = self.entries.get(&name)?;
        let fresh = now.monotonic.since(entry.read()) < self.in_force.load().settings.recheck;
        if !fresh || !entry.is_of(owner) {
            return None;
        }
        match entry.life(now) {
            Life::Serve => {}
            Life::ServeAndRenew => self.renew_behind(name, &entry, owner),
            Life::Wait => return Some(not_renewed(&entry, now)),
            Life::RenewFirst | Life::Gone(_) => return None,
        }
        Some(self.served(name, &entry, now))
    }

    /// The session, after waiting for whatever can tell.
    pub(super) async fn find(self: &Arc<Self>, wanted: &Wanted, now: Now) -> Found {
        let entry = match self.known(wanted, now).await {
            Ok(entry) => entry,
            Err(lost) => return lost.into(),
        };
        match entry.life(now) {
            Life::Serve => {}
            Life::ServeAndRenew => self.renew_behind(wanted.name, &entry, &wanted.owner),
            Life::RenewFirst => return self.find_renewed(wanted, entry).await,
            Life::Wait => return not_renewed(&entry, now),
            Life::Gone(gone) => return self.gone(wanted.name, gone),
        }
        self.served(wanted.name, &entry, now)
    }

    /// Waits for the renewal that is due. When that comes to nothing, the session goes on as it is, for as long as it may.
    async fn find_renewed(self: &Arc<Self>, wanted: &Wanted, entry: Arc<Entry>) -> Found {
        let renewal = self.renewal(wanted.clone(), entry, false);
        match renewal.landed().await {
            Some(Ok(entry)) if entry.is_of(&wanted.owner) => {
                return self.served(wanted.name, &entry, self.clock.now());
            }
            Some(Err(Lost::Gone(gone))) => return Found::Gone(gone),
            Some(Ok(_) | Err(Lost::Unavailable(_))) | None => {}
        }
        // Time has passed: it may have ended meanwhile.
        let now = self.clock.now();
        match self.known(wanted, now).await {
            Ok(entry) => match entry.life(now) {
                Life::Gone(gone) => self.gone(wanted.name, gone),
                Life::Wait => not_renewed(&entry, now),
                Life::RenewFirst if entry.must_be_renewed(now.wall) => not_renewed(&entry, now),
                Life::Serve | Life::ServeAndRenew | Life::RenewFirst => self.served(wanted.name, &entry, now),
            },
            Err(lost) => lost.into(),
        }
    }

    /// The session is used: its end moves.
    fn served(&self, name: RecordKey, entry: &Arc<Entry>, now: Now) -> Found {
        if entry.takes_writing(now) {
            self.write_end(name, entry, now);
        }
        Found::Live(Arc::clone(&entry.live))
    }

    pub(super) fn gone(&self, name: RecordKey, gone: Gone) -> Found {
        self.entries.end(&name);
        self.counters.gone(gone);
        Found::Gone(gone)
    }

    fn write_end(&self, name: RecordKey, entry: &Arc<Entry>, now: Now) {
        let Some(keeper) = self.me.upgrade() else { return };
        let entry = Arc::clone(entry);
        drop(tokio::spawn(async move {
            let end = life::end(&entry.live.record, now.wall);
            let store = Arc::clone(&keeper.in_force.load().store);
            let end = match store.touch(&name, end, now.wall).await {
                Ok(true) => end,
                Ok(false) => return keeper.entries.end(&name),
                // It is tried again when it is due again.
                Err(_) => {
                    count(&keeper.counters.away);
                    entry.live.idle_ends
                }
            };
            let at = now.monotonic;
            keeper
                .entries
                .swap(name, &entry, entry.written(WrittenEnd { at, end }));
        }));
    }

    /// The session as it was in the store less than `recheck` ago, or is now. While the store is away, for the grace, as
    /// it was.
    pub(super) async fn known(self: &Arc<Self>, wanted: &Wanted, now: Now) -> Answer {
        let settings = self.in_force.load().settings;
        let entry = self.entries.get(&wanted.name);
        let entry = entry.filter(|entry| entry.is_of(&wanted.owner) && entry.scope == wanted.scope);
        let within = |entry: &Arc<Entry>, life: Duration| {
            now.monotonic.since(entry.read()) < life && now.wall < entry.live.idle_ends
        };
        let away = now.monotonic < self.away_until();
        let life = settings.recheck + if away { settings.grace } else { Duration::ZERO };
        if let Some(entry) = entry.as_ref().filter(|entry| within(entry, life)) {
            return Ok(Arc::clone(entry));
        }
        let answer = self.load(wanted).await;
        let Err(Lost::Unavailable(why)) = answer else {
            return answer;
        };
        self.away
            .store(now.monotonic.plus(ASKED_AGAIN).milliseconds(), Ordering::Relaxed);
        match entry.filter(|entry| within(entry, settings.recheck + settings.grace)) {
            Some(entry) => Ok(entry),
            None => Err(Lost::Unavailable(why)),
        }
    }

    fn away_until(&self) -> Monotonic {
        Monotonic::from_milliseconds(self.away.load(Ordering::Relaxed))
    }

    /// Asks the store; once for all who ask at the same time.
    pub(super) async fn load(self: &Arc<Self>, wanted: &Wanted) -> Answer {
        let start = || {
            let (keeper, wanted) = (Arc::clone(self), wanted.clone());
            async move { keeper.read(&wanted).await }
        };
        let flight = self.flights.join(wanted.name, Errand::Load, start);
        let silent = || Err(Lost::Unavailable("the session store does not answer".into()));
        let entry = flight.landed().await.unwrap_or_else(silent)?;
        if entry.scope != wanted.scope {
            return Err(Lost::Gone(Gone::Unknown));
        }
        if entry.is_of(&wanted.owner) {
            return Ok(entry);
        }
        // Asked for by rules before or after ours.
        self.for_owner(&entry, wanted)
    }

    fn for_owner(&self, entry: &Entry, wanted: &Wanted) -> Answer {
        let place = Place {
            scope: entry.scope,
            key: entry.key,
            version: entry.version,
            read: entry.read(),
            written: None,
        };
        self.entry(Arc::clone(&entry.live.record), place, wanted, self.clock.now())
    }

    /// Asks the store.
    pub(super) async fn read(&self, wanted: &Wanted) -> Answer {
        for _ in 0..READ_AGAIN {
            let mark = self.entries.mark(&wanted.name);
            let now = self.clock.now();
            let in_force = self.in_force.load_full();
            let answer = match in_force.store.load(&wanted.name, now.wall).await {
                Ok(None) => return Err(self.no_record(wanted.name, now)),
                Ok(Some((sealed, version))) => self.understood(&in_force, wanted, (&sealed, version), now),
                Err(error) => return Err(self.store_away(&error)),
            };
            match answer {
                Ok(entry) if self.entries.put(wanted.name, mark, Arc::clone(&entry)) => return Ok(entry),
                // A session has ended meanwhile, perhaps this one.
                Ok(_) => {}
                Err(lost) => {
                    self.entries.end(&wanted.name);
                    return Err(lost);
                }
            }
        }
        Err(Lost::Unavailable(
            "sessions end faster than they can be read".into(),
        ))
    }

    pub(super) fn store_away(&self, error: &StoreError) -> Lost {
        count(&self.counters.away);
        Lost::Unavailable(error.to_string().into())
    }

    /// The store knows nothing of it. One that was known here, and is past its idle time, has ended by that.
    fn no_record(&self, name: RecordKey, now: Now) -> Lost {
        let known = self.entries.get(&name);
        let gone = match known {
            Some(entry) if now.wall >= entry.live.record.ends => Gone::Over,
            Some(entry) if now.wall >= entry.live.idle_ends => Gone::Idle,
            Some(_) | None => Gone::Unknown,
        };
        self.entries.end(&name);
        self.counters.gone(gone);
        Lost::Gone(gone)
    }

    /// What the store had, opened; as it is in memory where that is the same.
    fn understood(
        &self,
        in_force: &InForce,
        wanted: &Wanted,
        (sealed, version): (&Sealed, Version),
        now: Now,
    ) -> Answer {
        let known = self.entries.get(&wanted.name);
        if let Some(entry) = known.filter(|entry| entry.version == version && entry.scope == wanted.scope) {
            let written = entry.is_of(&wanted.owner) && now.wall < entry.live.idle_ends;
            if written {
                entry.still_holds(now.monotonic);
                return Ok(entry);
            }
            let place = Place {
                scope: entry.scope,
                key: entry.key,
                version,
                read: now.monotonic,
                written: None,
            };
            return self.entry(Arc::clone(&entry.live.record), place, wanted, now);
        }
        let Some((opened, record)) = open(in_force, wanted.name, sealed) else {
            self.counters.gone(Gone::Sealed);
            return Err(Lost::Gone(Gone::Sealed));
        };
        if opened.scope != wanted.scope {
            return Err(Lost::Gone(Gone::Unknown));
        }
        let place = Place {
            scope: opened.scope,
            key: opened.key,
            version,
            read: now.monotonic,
            written: None,
        };
        self.entry(Arc::new(record), place, wanted, now)
    }

    /// What the owner makes of `record`.
    pub(super) fn entry(
        &self,
        record: Arc<SessionRecord>,
        place: Place,
        wanted: &Wanted,
        now: Now,
    ) -> Answer {
        if now.wall >= record.ends {
            self.counters.gone(Gone::Over);
            return Err(Lost::Gone(Gone::Over));
        }
        let Some(principal) = wanted.owner.principal(&record) else {
            return Err(Lost::Gone(Gone::Unknown));
        };
        let idle_ends = place
            .written
            .map_or_else(|| life::end(&record, now.wall), |written| written.end);
        let live = LiveSession {
            principal: Arc::new(principal),
            record,
            idle_ends,
        };
        Ok(Arc::new(Entry::new(live, place, &wanted.owner)))
    }
}

/// It proves nobody for now.
fn not_renewed(entry: &Entry, now: Now) -> Found {
    let (why, retry_after) = entry.waits(now).map_or_else(
        || ("its renewal takes too long".to_owned(), UNDER_WAY),
        |(failures, wait)| (format!("renewals failed shortly ago: {failures}"), wait),
    );
    Found::NotRenewed { why, retry_after }
}

/// The record, opened and read.
pub(super) fn open(in_force: &InForce, name: RecordKey, sealed: &Sealed) -> Option<(Opened, SessionRecord)> {
    let opened = in_force.sealer.open_record(&name, sealed)?;
    let record: Result<_, RecordError> = SessionRecord::from_bytes(opened.plain.expose());
    Some((opened, record.ok()?))
}
