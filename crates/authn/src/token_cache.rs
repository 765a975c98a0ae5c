//! Verified tokens, remembered, so that a signature is checked once and not with every request.
//!
//! - A token is named by a GMAC (NIST SP 800-38D) under a key of this cache: who judges is the nonce, the token what is
//!   authenticated. Names never leave the cache, so a nonce may come again. Who judges is a number each authenticator
//!   draws when it is built, so that nothing verified under one set of expectations is found under another.
//! - An entry holds what was verified: the principal, the times and the key. Whoever takes it checks the times against
//!   the wall clock again, and that the key is still in the issuer's set.
//! - An entry lives 300 s or to the token's end, counted on the clock that only goes forward.
//! - What a route asks of the principal is never part of an entry.
//!
//! Signatures that did not hold are remembered apart, a few and shortly, so that a client that repeats a bad token
//! does not have it checked each time, and cannot crowd out good ones.

use crate::gmac::Gmac;
use crate::presented::Binding;
use countersign_core::entropy::Entropy;
use countersign_core::options::{Field, Kind, Table, Values};
use countersign_core::principal::Principal;
use countersign_core::time::{Monotonic, Now};
use countersign_jose::claims::TokenTimes;
use countersign_jose::key::Thumbprint;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long a verified token is remembered at most.
pub const MAX_LIFE: Duration = Duration::from_mins(5);
/// How long a signature that did not hold is remembered.
pub const BAD_LIFE: Duration = Duration::from_secs(10);
/// How many signatures that did not hold are remembered.
pub const BAD_ENTRIES: usize = 1_000;
/// What an entry takes beside its claims, in bytes: key, entry, principal, its identity headers once they were written,
/// and the tables of the cache.
const ENTRY_BYTES: u64 = 640;

/// `[token_cache]`
pub const OPTIONS: Table = Table {
    doc: "How many verified tokens are remembered. A remembered token costs no signature check; its times, its key \
          and what the route asks are checked with every request all the same.",
    fields: &[
        Field::or(
            "entries",
            Kind::Integer(0, 10_000_000),
            "10000",
            "How many tokens at most. 0 remembers none, nor signatures that did not hold.",
        ),
        Field::or(
            "bytes",
            Kind::Bytes(64 * 1024, 64 * 1024 * 1024 * 1024),
            "\"16MiB\"",
            "How much memory they may take at most.",
        ),
    ],
};

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Tokens at most; 0 for none.
    pub entries: u32,
    /// Bytes at most.
    pub bytes: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            entries: 10_000,
            bytes: 16 * 1024 * 1024,
        }
    }
}

impl CacheLimits {
    /// The limits of a checked `[token_cache]` table.
    pub fn from_values(values: &Values) -> Self {
        let limits = Self::default();
        let entries = values
            .integer("entries")
            .and_then(|number| u32::try_from(number).ok());
        let bytes = values
            .integer("bytes")
            .and_then(|number| u64::try_from(number).ok());
        Self {
            entries: entries.unwrap_or(limits.entries),
            bytes: bytes.unwrap_or(limits.bytes),
        }
    }
}

/// Names one token as one authenticator sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKey([u8; 16]);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// A token that was verified.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// Whom it proves.
    pub principal: Arc<Principal>,
    /// When it holds: to be checked again.
    pub times: TokenTimes,
    /// The key that verified it: to be found in the issuer's set again.
    pub key: Thumbprint,
    /// What must be shown with it, each time.
    pub(crate) bound: Option<Binding>,
}

#[derive(Debug)]
struct Entry {
    token: Remembered,
    until: Monotonic,
    weight: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bad {
    key: Thumbprint,
    until: Monotonic,
}

#[derive(Clone, Copy, Debug)]
struct ByBytes {
    least: u64,
}

/// One limit for both: an entry weighs its bytes, and at least its share of them.
impl Weighter<TokenKey, Arc<Entry>> for ByBytes {
    fn weight(&self, _key: &TokenKey, entry: &Arc<Entry>) -> u64 {
        entry.weight.max(self.least)
    }
}

/// What the cache did so far, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Tokens that were found and had not ended.
    pub hits: u64,
    /// Tokens that were not.
    pub misses: u64,
    /// Tokens there are.
    pub entries: usize,
    /// Bytes they take, as the limit counts them.
    pub bytes: u64,
}

/// The tokens of one configuration: a reload begins with an empty one.
pub struct TokenCache {
    names: Gmac,
    good: Option<Cache<TokenKey, Arc<Entry>, ByBytes>>,
    bad: Cache<TokenKey, Bad>,
    judges: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl TokenCache {
    /// An empty cache under a fresh key.
    pub fn new(limits: CacheLimits, entropy: &dyn Entropy) -> Self {
        let good = (limits.entries > 0).then(|| {
            let least = limits.bytes / u64::from(limits.entries);
            Cache::with_weighter(limits.entries as usize, limits.bytes, ByBytes { least })
        });
        Self {
            names: Gmac::draw(entropy),
            good,
            bad: Cache::new(BAD_ENTRIES),
            judges: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// A number for one authenticator, never given twice.
    pub fn judge(&self) -> u64 {
        self.judges.fetch_add(1, Ordering::Relaxed)
    }

    /// The name of `token` as `judge` sees it; `None` when nothing is remembered, so that none need be made.
    pub fn key(&self, judge: u64, token: &[u8]) -> Option<TokenKey> {
        self.good.as_ref()?;
        self.names.name(judge, token).map(TokenKey)
    }

    /// What was verified of the token, unless it was too long ago.
    pub fn recall(&self, key: &TokenKey, now: Monotonic) -> Option<Remembered> {
        let entry = self.good.as_ref().and_then(|good| good.get(key));
        let token = entry
            .filter(|entry| now < entry.until)
            .map(|entry| entry.token.clone());
        let counter = if token.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        token
    }

    /// Remembers a token that was just verified.
    pub fn remember(&self, key: TokenKey, token: Remembered, now: Now) {
        let Some(good) = &self.good else { return };
        let life = token.times.expires.since(now.wall).min(MAX_LIFE);
        let weight = ENTRY_BYTES + token.principal.claims.heap_bytes() as u64;
        let until = now.monotonic.plus(life);
        good.insert(key, Arc::new(Entry { token, until, weight }));
    }

    /// Forgets a token.
    pub fn forget(&self, key: &TokenKey) {
        self.good.as_ref().and_then(|good| good.remove(key));
    }

    /// Which key the token's signature was found not to hold for, a short while ago.
    pub fn recall_bad(&self, key: &TokenKey, now: Monotonic) -> Option<Thumbprint> {
        self.bad.get(key).filter(|bad| now < bad.until).map(|bad| bad.key)
    }

    /// Remembers that the token's signature does not hold for `signer`. No other verdict may be remembered so: the
    /// clock, a reload or the issuer could change it.
    pub fn remember_bad(&self, key: TokenKey, signer: Thumbprint, now: Monotonic) {
        let until = now.plus(BAD_LIFE);
        self.bad.insert(key, Bad { key: signer, until });
    }

    /// What it did so far.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self.good.as_ref().map_or(0, Cache::len),
            bytes: self.good.as_ref().map_or(0, Cache::weight),
        }
    }
}
