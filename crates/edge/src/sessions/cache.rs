//! Sessions as they were last read: decoded, bounded by bytes, and given up at once when they end.

use countersign_authn::session::life::{self, Life, WrittenEnd};
use countersign_authn::session::seal::KeyId;
use countersign_authn::session::{LiveSession, Scope, SessionOwner};
use countersign_core::secret::Secret;
use countersign_core::session::{RecordKey, Version};
use countersign_core::time::{Monotonic, Now, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What an entry takes beside its texts, in bytes.
const ENTRY_BYTES: usize = 1024;
/// How many bytes an entry usually takes: for the size of the tables.
const USUAL_BYTES: u64 = 4096;
/// Ends are counted apart for so many kinds of names, so that the end of one session is not in the way of every other.
const LANES: usize = 256;

/// How often in a row a session could not be renewed, and until when that is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldOff {
    pub(super) failures: u32,
    until: Monotonic,
    /// The same of a session that does not hold before it is renewed: its users wait.
    briefly: Monotonic,
}

impl HeldOff {
    /// After so many failures, the last of them at `now`, when the issuer `asked` for so long.
    pub(super) fn after(failures: u32, asked: Option<Duration>, now: Monotonic) -> Self {
        Self {
            failures,
            until: now.plus(life::hold_off(failures, asked)),
            briefly: now.plus(life::hold_off(1, asked)),
        }
    }
}

/// A session, decoded.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) live: Arc<LiveSession>,
    pub(super) scope: Scope,
    /// The key it is sealed under, and its index made under.
    pub(super) key: KeyId,
    pub(super) version: Version,
    pub(super) held_off: Option<HeldOff>,
    renew_at: Option<Timestamp>,
    /// Until when it holds unless it is renewed.
    holds_unrenewed: Option<Timestamp>,
    /// Held weakly: a configuration that is gone does not live on here, and its place in memory is not given to another.
    owner: Weak<dyn SessionOwner>,
    written: Option<WrittenEnd>,
    /// When the store was last asked, in milliseconds of the monotonic clock.
    read: AtomicU64,
    /// Whether somebody writes its end already.
    writing: AtomicBool,
}

/// What an entry is made of beside the session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) key: KeyId,
    pub(super) version: Version,
    pub(super) read: Monotonic,
    pub(super) written: Option<WrittenEnd>,
}

impl Entry {
    pub(super) fn new(live: LiveSession, place: Place, owner: &Arc<dyn SessionOwner>) -> Self {
        Self {
            renew_at: life::renew_at(&live.record, owner.renew_at(&live.record)),
            holds_unrenewed: owner.holds_unrenewed(&live.record),
            live: Arc::new(live),
            scope: place.scope,
            key: place.key,
            version: place.version,
            held_off: None,
            owner: Arc::downgrade(owner),
            written: place.written,
            read: AtomicU64::new(place.read.milliseconds()),
            writing: AtomicBool::new(false),
        }
    }

    /// The same, whose end was moved.
    pub(super) fn written(&self, written: WrittenEnd) -> Self {
        let live = LiveSession {
            idle_ends: written.end,
            ..LiveSession::clone(&self.live)
        };
        Self {
            live: Arc::new(live),
            written: Some(written),
            ..self.again()
        }
    }

    /// The same, which could not be renewed.
    pub(super) fn held_off(&self, held_off: HeldOff) -> Self {
        Self {
            held_off: Some(held_off),
            ..self.again()
        }
    }

    fn again(&self) -> Self {
        Self {
            live: Arc::clone(&self.live),
            scope: self.scope,
            key: self.key,
            version: self.version,
            held_off: self.held_off,
            renew_at: self.renew_at,
            holds_unrenewed: self.holds_unrenewed,
            owner: Weak::clone(&self.owner),
            written: self.written,
            read: AtomicU64::new(self.read.load(Ordering::Relaxed)),
            writing: AtomicBool::new(false),
        }
    }

    /// Whether this is what `owner` makes of the record.
    pub(super) fn is_of(&self, owner: &Arc<dyn SessionOwner>) -> bool {
        std::ptr::addr_eq(self.owner.as_ptr(), Arc::as_ptr(owner))
    }

    /// When the store was last asked.
    pub(super) fn read(&self) -> Monotonic {
        Monotonic::from_milliseconds(self.read.load(Ordering::Relaxed))
    }

    /// The store was asked at `now`, and had no other.
    pub(super) fn still_holds(&self, now: Monotonic) {
        self.read.fetch_max(now.milliseconds(), Ordering::Relaxed);
    }

    /// What becomes of it. While a renewal that failed is fresh, none is due.
    pub(super) fn life(&self, now: Now) -> Life {
        let (must, waits) = (self.must_be_renewed(now.wall), self.waits(now).is_some());
        let life = life::judge(
            &self.live.record,
            self.live.idle_ends,
            self.renew_at.filter(|_| must || !waits),
            now.wall,
        );
        match life {
            Life::ServeAndRenew | Life::RenewFirst if must && waits => Life::Wait,
            Life::ServeAndRenew if must => Life::RenewFirst,
            Life::Serve | Life::ServeAndRenew | Life::RenewFirst | Life::Wait | Life::Gone(_) => life,
        }
    }

    /// Whether it has waited for its issuer as long as it may: it proves nobody until it is renewed.
    pub(super) fn must_be_renewed(&self, now: Timestamp) -> bool {
        self.holds_unrenewed.is_some_and(|until| now >= until)
    }

    /// How often in a row its renewal has failed, and how long it waits for the next.
    pub(super) fn waits(&self, now: Now) -> Option<(u32, Duration)> {
        let held = self.held_off?;
        let until = if self.must_be_renewed(now.wall) {
            held.briefly
        } else {
            held.until
        };
        (now.monotonic < until).then(|| (held.failures, until.since(now.monotonic)))
    }

    /// What becomes of it that could not be renewed.
    pub(super) fn unrenewed(&self, now: Timestamp) -> &'static str {
        match self.holds_unrenewed {
            None => "it goes on until its own end",
            Some(until) if now < until => {
                "it goes on for the `grace` of its login, past the end of its token"
            }
            Some(_) => {
                "it proves nobody before it is, longer than the `grace` of its login past the end of its token"
            }
        }
    }

    /// Whether its renewal is due, whatever failed.
    pub(super) fn is_renewal_due(&self, now: Timestamp) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }

    /// Whether its end must be moved now; who hears so must do it.
    pub(super) fn takes_writing(&self, now: Now) -> bool {
        !self.writing.load(Ordering::Relaxed)
            && life::is_write_due(&self.live.record, self.written, now)
            && !self.writing.swap(true, Ordering::AcqRel)
    }

    fn bytes(&self) -> usize {
        let record = &self.live.record;
        let length = |token: &Option<Secret<String>>| token.as_ref().map_or(0, |token| token.expose().len());
        ENTRY_BYTES
            + record.claims.len()
            + self.live.principal.claims.heap_bytes()
            + length(&record.id_token)
            + length(&record.access_token)
            + length(&record.refresh_token)
    }
}

#[derive(Clone, Copy, Debug)]
struct ByBytes;

impl Weighter<RecordKey, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &RecordKey, entry: &Arc<Entry>) -> u64 {
        entry.bytes() as u64
    }
}

/// How many sessions of one lane have ended when something began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// The entries. What began before a session ended puts nothing in after it.
pub(super) struct Entries {
    cache: Cache<RecordKey, Arc<Entry>, ByBytes>,
    /// Held by whoever changes the cache, so that looking and changing are one step.
    ended: Mutex<[u64; LANES]>,
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions", self.cache.len())
    }
}

fn lane(name: &RecordKey) -> usize {
    let [first, ..] = name.0;
    usize::from(first)
}

impl Entries {
    /// None, and room for so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let usual = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(usual.clamp(16, 1 << 20), bytes, ByBytes),
            ended: Mutex::new([0; LANES]),
        }
    }

    /// From now on there is room for so many bytes.
    pub(super) fn resize(&self, bytes: u64) {
        self.cache.set_capacity(bytes);
    }

    pub(super) fn get(&self, name: &RecordKey) -> Option<Arc<Entry>> {
        self.cache.get(name)
    }

    fn ended(&self) -> MutexGuard<'_, [u64; LANES]> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the store is asked.
    pub(super) fn mark(&self, name: &RecordKey) -> Mark {
        Mark(self.ended().get(lane(name)).copied().unwrap_or(0))
    }

    /// Keeps what was read after `mark`; `false` when a session has ended meanwhile that may have been this one: nothing
    /// is kept then.
    pub(super) fn put(&self, name: RecordKey, mark: Mark, entry: Arc<Entry>) -> bool {
        let ended = self.ended();
        let same = ended.get(lane(&name)).copied() == Some(mark.0);
        if same {
            self.cache.insert(name, entry);
        } else {
            self.cache.remove(&name);
        }
        same
    }

    /// Keeps `next` in the place of `known`, if that still stands there.
    pub(super) fn swap(&self, name: RecordKey, known: &Arc<Entry>, next: Entry) {
        let ended = self.ended();
        let there = self.cache.peek(&name);
        if there.is_some_and(|there| Arc::ptr_eq(&there, known)) {
            self.cache.insert(name, Arc::new(next));
        }
        drop(ended);
    }

    /// The session has ended.
    pub(super) fn end(&self, name: &RecordKey) {
        let mut ended = self.ended();
        if let Some(count) = ended.get_mut(lane(name)) {
            *count += 1;
        }
        self.cache.remove(name);
    }

    /// The sessions of `group` have ended, or all of them.
    pub(super) fn end_where(&self, group: impl Fn(&LiveSession) -> bool) {
        let mut ended = self.ended();
        for count in ended.iter_mut() {
            *count += 1;
        }
        self.cache.retain(|_, entry| !group(&entry.live));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// The bytes they take.
    pub(super) fn bytes(&self) -> u64 {
        self.cache.weight()
    }
}
