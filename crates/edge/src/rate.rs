//! How often one address may ask to log in or out: these endpoints are open to everybody and cost more than a refusal.
//!
//! Each address has a bucket at each endpoint, and all together have one more. What has proved somebody is moved from the
//! address's bucket to that one's own: many may stand behind one address who are all known. The buckets are governor's (GCRA);
//! which bucket a request is counted in, that there are never too many of them, and what time it is, is decided here.

use countersign_core::time::Now;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::{HashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most buckets there are.
pub const MAX_KEYS: usize = 100_000;
/// How many of them are shared: when all others are taken, each address is counted in one of these.
const SHARED: u64 = 4096;
/// How often full buckets are forgotten, at most, when there is no room; in milliseconds.
const SWEEP: u64 = 1000;
/// How often they are forgotten otherwise, in milliseconds.
const TIDY: u64 = 60_000;
/// How many seconds' worth may come at once of all together.
const TOTAL_BURST: u32 = 10;

/// How many seconds' worth may come at once of what proves the same one: nobody has more than a little of what is there for all.
const PROVED_BURST: u32 = 10;

/// Where is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Where logging in begins.
    Login,
    /// Where the provider sends the browser back.
    Callback,
    /// Where logging out begins, and where providers tell of it.
    Logout,
}

/// How often is often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests a second of one address, in the long run, at each endpoint.
    pub address_rate: NonZeroU32,
    /// Of those, at once.
    pub address_burst: NonZeroU32,
    /// Requests a second of all addresses together.
    pub total_rate: NonZeroU32,
}

impl Default for RateLimits {
    /// Two hundred people behind one address, twenty tabs each, all at once; 40 a second in the long run.
    fn default() -> Self {
        let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            address_rate: number(40),
            address_burst: number(4000),
            total_rate: number(2000),
        }
    }
}

/// One request too many: when the next will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// In whole seconds, at least one.
    pub const fn seconds(self) -> u64 {
        let part = if self.0.subsec_nanos() > 0 { 1 } else { 0 };
        let whole = self.0.as_secs().saturating_add(part);
        if whole == 0 { 1 } else { whole }
    }
}

/// The time as it was passed in last; it never goes back.
#[derive(Clone, Debug, Default)]
struct Passed(Arc<AtomicU64>);

impl Clock for Passed {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A bucket: an address at an endpoint, somebody who was proved (a hash), or a number of those that are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(u128, Endpoint),
    Proved(u64),
    Shared(u64),
}

/// What is in the buckets. The limiter takes out of them; we put back.
#[derive(Clone, Debug, Default)]
struct Levels(Arc<HashMapStateStore<Key>>);

impl StateStore for Levels {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl ShrinkableKeyedStateStore<Key> for Levels {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.0.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

type Keyed = RateLimiter<Key, Levels, Passed, NoOpMiddleware<Duration>>;
type Total = RateLimiter<NotKeyed, InMemoryState, Passed, NoOpMiddleware<Duration>>;

/// The buckets.
pub struct Rates {
    keyed: Keyed,
    /// The same for somebody who was proved.
    proved: Keyed,
    levels: Levels,
    /// What one request takes out of a bucket.
    one: Nanos,
    total: Total,
    passed: Passed,
    swept: AtomicU64,
    /// Which shared bucket an address falls into is nobody's to choose.
    hasher: RandomState,
}

impl Rates {
    /// Full buckets of these sizes.
    pub fn new(limits: RateLimits) -> Self {
        let passed = Passed::default();
        let worth =
            |rate: NonZeroU32, seconds: u32| rate.saturating_mul(NonZeroU32::MIN.saturating_add(seconds - 1));
        let address = Quota::per_second(limits.address_rate).allow_burst(limits.address_burst);
        let own = limits.address_burst.min(worth(limits.address_rate, PROVED_BURST));
        let own = Quota::per_second(limits.address_rate).allow_burst(own);
        let total = Quota::per_second(limits.total_rate).allow_burst(worth(limits.total_rate, TOTAL_BURST));
        let levels = Levels::default();
        Self {
            keyed: RateLimiter::new(address, levels.clone(), passed.clone()),
            proved: RateLimiter::new(own, levels.clone(), passed.clone()),
            levels,
            one: address.replenish_interval().into(),
            total: RateLimiter::direct_with_clock(total, passed.clone()),
            passed,
            swept: AtomicU64::new(0),
            hasher: RandomState::new(),
        }
    }

    /// Counts a request of `client` to `endpoint`. Without an address it counts among all alone.
    pub fn allow(&self, endpoint: Endpoint, client: Option<IpAddr>, now: Now) -> Result<(), RetryAfter> {
        self.passed
            .0
            .fetch_max(now.monotonic.milliseconds(), Ordering::Relaxed);
        if let Some(client) = client {
            let key = self.key(Key::Address(folded(client), endpoint));
            let counted = self.keyed.check_key(&key);
            counted.map_err(|until| RetryAfter(until.wait_time_from(self.passed.now())))?;
        }
        let counted = self.total.check();
        counted.map_err(|until| RetryAfter(until.wait_time_from(self.passed.now())))
    }

    /// What `client` asked for at `endpoint`, and was allowed, has proved `whose` it is: it counts as that one's from now on, and
    /// as the address's only where that one has asked too much. Among all it counts as before.
    pub fn proved(&self, endpoint: Endpoint, client: Option<IpAddr>, whose: &str) {
        let Some(client) = client else { return };
        let own = self.key(Key::Proved(self.hasher.hash_one(whose)));
        if self.proved.check_key(&own).is_err() {
            return;
        }
        let address = self.key(Key::Address(folded(client), endpoint));
        let put_back = |level: Option<Nanos>| {
            let level = level.ok_or(())?;
            Ok(((), level.saturating_sub(self.one)))
        };
        // A bucket that was forgotten meanwhile is full.
        let _: Result<(), ()> = self.levels.measure_and_replace(&address, put_back);
    }

    /// How many buckets are kept.
    pub fn keys(&self) -> usize {
        self.keyed.len()
    }

    /// The bucket of `own`; where there is no room for it, one that is shared.
    fn key(&self, own: Key) -> Key {
        if self.has_room() {
            own
        } else {
            Key::Shared(self.hasher.hash_one(own) % SHARED)
        }
    }

    /// Whether there is room for one more address, now and then after those with a full bucket were forgotten.
    fn has_room(&self) -> bool {
        let room =
            |keys: usize| keys < MAX_KEYS.saturating_sub(usize::try_from(SHARED).unwrap_or(usize::MAX));
        let free = room(self.keyed.len());
        let now = self.passed.0.load(Ordering::Relaxed);
        let swept = self.swept.load(Ordering::Relaxed);
        if now.saturating_sub(swept) < if free { TIDY } else { SWEEP } {
            return free;
        }
        let mine = self
            .swept
            .compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            self.keyed.retain_recent();
        }
        room(self.keyed.len())
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::new(RateLimits::default())
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rates({} buckets)", self.keys())
    }
}

/// An address of IPv4 by itself, however it is written; of IPv6 its /64, which is what one household has.
fn folded(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
