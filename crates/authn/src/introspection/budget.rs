//! How many tokens that turn out to be unknown an issuer is asked about: so many a second, and a tenth of that for each
//! client, so that a flood of random tokens neither reaches the issuer nor locks out everybody else.
//!
//! A question is paid for when its answer is "not active"; good tokens cost nothing, however many come at once.

use countersign_core::time::Monotonic;
use quick_cache::unsync::Cache;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How many clients are told apart; of more, those are forgotten that were not seen for longest.
const CLIENTS: usize = 10_000;
/// How many seconds' worth may be spent at once.
const BURST_SECONDS: u64 = 4;
/// A client's share: one part in this many.
const SHARE: u64 = 10;

/// Something that fills by so many a second up to a limit. Counted in thousandths; it may be overdrawn by questions that were
/// under way at once.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    thousandths: i64,
    at: Monotonic,
}

/// How a bucket fills.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Thousandths for each millisecond: as many as there are units a second.
    per_second: i64,
    limit: i64,
}

impl Rate {
    fn new(per_second: u64, burst: u64) -> Self {
        let whole = |number: u64| i64::try_from(number.min(1_000_000)).unwrap_or(1);
        Self {
            per_second: whole(per_second.max(1)),
            limit: whole(burst.max(1)) * 1000,
        }
    }
}

impl Bucket {
    const fn full(rate: Rate, now: Monotonic) -> Self {
        Self {
            thousandths: rate.limit,
            at: now,
        }
    }

    /// The bucket as it is by `now`.
    fn filled(self, rate: Rate, now: Monotonic) -> Self {
        let passed = i64::try_from(now.since(self.at).as_millis()).unwrap_or(i64::MAX);
        let gained = passed.saturating_mul(rate.per_second);
        Self {
            thousandths: self.thousandths.saturating_add(gained).min(rate.limit),
            at: now.max(self.at),
        }
    }

    /// How long until there is one whole unit.
    fn wait(self, rate: Rate) -> Option<Duration> {
        let lacking = u64::try_from(1000 - self.thousandths).unwrap_or(0);
        let per_second = u64::try_from(rate.per_second).unwrap_or(1);
        (lacking > 0).then(|| Duration::from_millis(lacking.div_ceil(per_second)))
    }
}

/// What is left to be asked.
pub(super) struct Budget {
    all: Rate,
    each: Rate,
    everybody: Bucket,
    clients: Cache<IpAddr, Bucket>,
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("everybody", &self.everybody)
            .finish_non_exhaustive()
    }
}

impl Budget {
    /// `per_second` unknown tokens a second, and nothing spent yet.
    pub(super) fn new(per_second: u64) -> Self {
        let all = Rate::new(per_second, per_second * BURST_SECONDS);
        Self {
            all,
            each: Rate::new(per_second / SHARE, per_second * BURST_SECONDS / SHARE),
            everybody: Bucket::full(all, Monotonic::default()),
            clients: Cache::new(CLIENTS),
        }
    }

    /// How long `client` must wait before something unknown is asked for it; `None` when it need not.
    pub(super) fn wait(&self, client: Option<IpAddr>, now: Monotonic) -> Option<Duration> {
        let everybody = self.everybody.filled(self.all, now).wait(self.all);
        let own = client.and_then(|client| self.clients.peek(&folded(client)));
        let own = own.and_then(|bucket| bucket.filled(self.each, now).wait(self.each));
        everybody.max(own)
    }

    /// A token of `client` was unknown.
    pub(super) fn spend(&mut self, client: Option<IpAddr>, now: Monotonic) {
        self.everybody = self.everybody.filled(self.all, now);
        self.everybody.thousandths = self.everybody.thousandths.saturating_sub(1000);
        let Some(client) = client.map(folded) else {
            return;
        };
        let bucket = self.clients.get(&client).copied();
        let mut bucket = bucket
            .unwrap_or_else(|| Bucket::full(self.each, now))
            .filled(self.each, now);
        bucket.thousandths = bucket.thousandths.saturating_sub(1000);
        self.clients.insert(client, bucket);
    }
}

/// An IPv6 client has a whole /64 of addresses.
fn folded(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Monotonic {
        Monotonic::from_milliseconds(milliseconds)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_that_floods_waits_and_the_others_do_not() {
        let mut budget = Budget::new(50);
        let (flood, other) = (Some(address("203.0.113.9")), Some(address("203.0.113.10")));
        for _ in 0..20 {
            assert_eq!(budget.wait(flood, at(0)), None);
            budget.spend(flood, at(0));
        }
        assert_eq!(budget.wait(flood, at(0)), Some(Duration::from_millis(200)));
        assert_eq!(budget.wait(other, at(0)), None);
        assert_eq!(budget.wait(None, at(0)), None);
        assert_eq!(budget.wait(flood, at(199)), Some(Duration::from_millis(1)));
        assert_eq!(budget.wait(flood, at(200)), None);
    }

    #[test]
    fn everybody_together_is_bounded_whatever_the_addresses() {
        let mut budget = Budget::new(50);
        for number in 0..200_u32 {
            let client = Some(IpAddr::V4(number.into()));
            assert_eq!(budget.wait(client, at(0)), None, "{number}");
            budget.spend(client, at(0));
        }
        assert_eq!(
            budget.wait(Some(address("198.51.100.1")), at(0)),
            Some(Duration::from_millis(20))
        );
        assert_eq!(budget.wait(None, at(20)), None);
        budget.spend(None, at(1_000_000));
        assert_eq!(
            budget.wait(None, at(1_000_000)),
            None,
            "no more is saved up than may be spent at once"
        );
    }

    #[test]
    fn a_whole_network_of_ipv6_is_one_client() {
        let mut budget = Budget::new(10);
        for number in 0..4 {
            budget.spend(Some(address(&format!("2001:db8:1:2::{number}"))), at(0));
        }
        assert!(
            budget
                .wait(Some(address("2001:db8:1:2:ffff::1")), at(0))
                .is_some()
        );
        assert_eq!(budget.wait(Some(address("2001:db8:1:3::1")), at(0)), None);
    }

    #[test]
    fn the_least_budget_still_moves() {
        let mut budget = Budget::new(1);
        let client = Some(address("203.0.113.9"));
        budget.spend(client, at(0));
        let wait = budget.wait(client, at(0)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(budget.wait(client, at(1000)), None);
    }
}
