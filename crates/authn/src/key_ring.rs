//! The life of one issuer's key set, as a state machine: no socket, no timer, no lock. The edge drives it.
//!
//! - The set is fetched again before it ends, and at once when a token names an unknown key, but for that at most once
//!   an interval, however many such tokens come.
//! - A fetch that fails, or brings no set, changes nothing: the last good set serves on until it is older than
//!   the staleness allowed. Then nothing is decided with it any more.
//! - A set that was fetched replaces the one before whole: a key that is gone is dead.
//! - All is counted on the clock that only goes forward; the age of a set that was kept on disk is counted once, when
//!   it is read.

use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::{self, KeySet};
use countersign_jose::key::{Thumbprint, VerificationKey};
use std::sync::Arc;
use std::time::Duration;

pub use lifetime::lifetime;

mod lifetime;
#[cfg(test)]
mod tests;

/// A set is not fetched again sooner than this after a fetch that succeeded, whatever its cache headers say.
pub const MIN_REFRESH: Duration = Duration::from_secs(30);
/// With no usable set, the first wait after a failed fetch. Each further failure doubles it.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);
/// With no usable set, the longest wait between two fetches.
pub const LAST_RETRY: Duration = Duration::from_secs(30);

/// How a set is kept fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// How long after a fetch the next is due, where the cache headers do not ask for it sooner.
    pub refresh: Duration,
    /// The time between two fetches for an unknown key id.
    pub unknown_kid_interval: Duration,
    /// The age after which a set decides nothing.
    pub max_staleness: Duration,
}

/// What the ring knows about a key that a token names.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// This key.
    Found(Arc<VerificationKey>),
    /// No key of the set fits, and it is too soon to ask again.
    Unknown,
    /// More than one fits, and the token does not say which.
    Ambiguous,
    /// Only a fetch can tell: one is due, or running.
    Fetch,
    /// There is no set yet, and it is too soon to ask again.
    Unreachable,
    /// The set is older than the staleness allowed, and it is too soon to ask again.
    Stale,
}

/// A set and when it was good.
#[derive(Clone, Debug)]
struct Held {
    keys: Arc<KeySet>,
    /// How old the set was at `at`.
    age: Duration,
    at: Monotonic,
    /// When it is to be fetched again.
    due: Monotonic,
}

impl Held {
    const fn age(&self, now: Monotonic) -> Duration {
        self.age.saturating_add(now.since(self.at))
    }
}

/// One issuer's keys over time. Cloning shares the set itself.
#[derive(Clone, Debug)]
pub struct KeyRing {
    freshness: Freshness,
    held: Option<Held>,
    running: bool,
    /// When the last fetch began.
    attempted: Option<Monotonic>,
    /// When the last fetch for an unknown key id began.
    attempted_for_unknown: Option<Monotonic>,
    /// How many fetches in a row have failed.
    failures: u32,
    last_error: Option<Arc<str>>,
}

impl KeyRing {
    /// A ring without a set; its first fetch is due at once.
    pub const fn new(freshness: Freshness) -> Self {
        Self {
            freshness,
            held: None,
            running: false,
            attempted: None,
            attempted_for_unknown: None,
            failures: 0,
            last_error: None,
        }
    }

    /// The key named by `kid` and fit for `algorithm`.
    pub fn lookup(&self, kid: Option<&str>, algorithm: Algorithm, now: Monotonic) -> Lookup {
        let fetch_or = |otherwise| {
            if self.running || self.is_due(now) {
                Lookup::Fetch
            } else {
                otherwise
            }
        };
        let Some(held) = &self.held else {
            return fetch_or(Lookup::Unreachable);
        };
        if held.age(now) > self.freshness.max_staleness {
            return fetch_or(Lookup::Stale);
        }
        match held.keys.find(kid, algorithm) {
            jwks::Lookup::Found(key) => Lookup::Found(key),
            jwks::Lookup::Ambiguous => Lookup::Ambiguous,
            jwks::Lookup::Unknown if self.running || self.may_ask_for_unknown(now) => Lookup::Fetch,
            jwks::Lookup::Unknown => Lookup::Unknown,
        }
    }

    /// Whether the key with `thumbprint` still verifies tokens.
    pub fn holds(&self, thumbprint: Thumbprint, now: Monotonic) -> bool {
        self.usable(now).is_some_and(|held| held.keys.holds(thumbprint))
    }

    /// How long ago the set was fetched.
    pub fn age(&self, now: Monotonic) -> Option<Duration> {
        self.held.as_ref().map(|held| held.age(now))
    }

    /// How many usable keys the set has.
    pub fn key_count(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.keys.keys().len())
    }

    /// Why the last fetch failed; `None` when it succeeded.
    pub const fn last_error(&self) -> Option<&Arc<str>> {
        self.last_error.as_ref()
    }

    /// Whether a fetch is running.
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// When the next fetch is due.
    pub fn next_due(&self, now: Monotonic) -> Monotonic {
        let Some(attempted) = self.attempted else {
            return self.held.as_ref().map_or(now, |held| held.due);
        };
        let doubled = |first: Duration, last: Duration| {
            let factor = 1_u32 << self.failures.saturating_sub(1).min(16);
            attempted.plus(first.saturating_mul(factor).min(last))
        };
        match self.usable(now) {
            Some(held) if self.failures == 0 => held.due,
            Some(_) => doubled(self.freshness.unknown_kid_interval, self.freshness.refresh),
            None if self.failures == 0 => now,
            None => doubled(FIRST_RETRY, LAST_RETRY),
        }
    }

    /// Whether a fetch is due.
    pub fn is_due(&self, now: Monotonic) -> bool {
        self.next_due(now) <= now
    }

    /// Notes that a fetch begins; `false` when one is running already. Every fetch that began must end with
    /// [`KeyRing::fetched`] or [`KeyRing::failed`].
    pub fn begin_fetch(&mut self, now: Monotonic) -> bool {
        if self.running {
            return false;
        }
        if !self.is_due(now) {
            self.attempted_for_unknown = Some(now);
        }
        self.running = true;
        self.attempted = Some(now);
        true
    }

    /// A fetch ended with `keys`, which their server wants kept for `lifetime`. With none of them every key is unknown.
    pub fn fetched(&mut self, keys: KeySet, lifetime: Option<Duration>, now: Monotonic) {
        let lifetime = lifetime.unwrap_or(self.freshness.refresh);
        let lifetime = lifetime.min(self.freshness.refresh).max(MIN_REFRESH);
        self.running = false;
        self.failures = 0;
        self.last_error = None;
        self.held = Some(Held {
            keys: Arc::new(keys),
            age: Duration::ZERO,
            at: now,
            due: now.plus(lifetime),
        });
    }

    /// A fetch ended without a set.
    pub fn failed(&mut self, error: &str) {
        self.running = false;
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error.into());
    }

    /// Takes the set that was kept on disk, fetched at `fetched` by the wall clock, unless there is a set already. It
    /// serves at once, and is due at once. One from the future is as old as a set may be.
    pub fn restore(&mut self, keys: KeySet, fetched: Timestamp, now: Now) {
        if self.held.is_some() {
            return;
        }
        let age = if fetched > now.wall {
            self.freshness.max_staleness
        } else {
            now.wall.since(fetched)
        };
        self.held = Some(Held {
            keys: Arc::new(keys),
            age,
            at: now.monotonic,
            due: now.monotonic,
        });
    }

    fn usable(&self, now: Monotonic) -> Option<&Held> {
        self.held
            .as_ref()
            .filter(|held| held.age(now) <= self.freshness.max_staleness)
    }

    /// A fetch for an unknown key id waits for its interval, and after a failed fetch of any kind as well.
    fn may_ask_for_unknown(&self, now: Monotonic) -> bool {
        let over =
            |at: Option<Monotonic>| at.is_none_or(|at| now.since(at) >= self.freshness.unknown_kid_interval);
        over(self.attempted_for_unknown) && (self.failures == 0 || over(self.attempted))
    }
}
