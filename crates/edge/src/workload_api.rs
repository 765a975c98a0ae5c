//! The SPIFFE Workload API: the authorities of trust domains, live, from an agent on this machine.
//!
//! Reading order: `feed` (what was told last, and how a feed is kept open), `client` (the one room that knows the library
//! and the wire), then this file: what is handed to authenticators. Only addresses that the configuration names are asked.

use crate::log::Log;
use client::{JwtStream, X509Stream};
use countersign_authn::bundles::{BundleFactory, BundleSource, WorkloadApiAddress, X509Authorities};
use countersign_authn::key_ring::Lookup;
use countersign_authn::keys::{Answer, Keys};
use countersign_core::BoxFuture;
use countersign_core::reason::UnavailableReason;
use countersign_core::spiffe::TrustDomain;
use countersign_core::time::{Clock, Now};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::{self, KeySet};
use countersign_jose::key::Thumbprint;
use feed::{Feed, Missing};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

mod client;
mod feed;
#[cfg(test)]
mod tests;

/// How long a request waits for the first answer of a Workload API that was just asked.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// What a client is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Every Workload API of the process, whatever configuration named it. Must live inside a tokio runtime.
#[derive(Debug)]
pub struct WorkloadApis {
    clock: Arc<dyn Clock>,
    x509: Mutex<Vec<Weak<Open<X509Authorities>>>>,
    jwt: Mutex<Vec<Weak<Open<JwtAuthorities>>>>,
    log: LateLog,
}

/// The log, once there is one: its form stands in the configuration, which opens the feeds.
type LateLog = Arc<OnceLock<Arc<Log>>>;

/// The keys of one trust domain that sign JWT-SVIDs.
#[derive(Clone, Debug)]
pub(crate) struct JwtAuthorities {
    /// The keys, or why there are none.
    keys: Result<Arc<KeySet>, Arc<str>>,
    /// The set as text, by which two are compared.
    text: Arc<[u8]>,
}

impl PartialEq for JwtAuthorities {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A feed and the task that keeps it open. When the last holder lets go, the task ends.
#[derive(Debug)]
struct Open<A> {
    feed: Arc<Feed<A>>,
    task: AbortHandle,
}

impl<A> Drop for Open<A> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One trust domain of a feed, as an authenticator holds it.
#[derive(Debug)]
struct Watched<A> {
    open: Arc<Open<A>>,
    trust_domain: TrustDomain,
    /// How long the feed may be silent.
    max_staleness: Duration,
}

impl WorkloadApis {
    /// Nobody is asked yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(clock),
            x509: Mutex::default(),
            jwt: Mutex::default(),
            log: LateLog::default(),
        })
    }

    /// From now on, every feed that breaks off or comes back has a line in `log`. Those that failed already get theirs now.
    pub fn tell(&self, log: &Arc<Log>) {
        if self.log.set(Arc::clone(log)).is_ok() {
            for open in held(&self.x509) {
                open.feed.tell_problem();
            }
            for open in held(&self.jwt) {
                open.feed.tell_problem();
            }
        }
    }
}

fn held<A>(all: &Mutex<Vec<Weak<Open<A>>>>) -> Vec<Arc<Open<A>>> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().filter_map(Weak::upgrade).collect()
}

/// The feed of `address`, opened when nobody has it open.
fn feed_of<A>(
    all: &Mutex<Vec<Weak<Open<A>>>>,
    address: &WorkloadApiAddress,
    open: impl FnOnce() -> Open<A>,
) -> Arc<Open<A>> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|one| one.strong_count() > 0);
    let same = all
        .iter()
        .filter_map(Weak::upgrade)
        .find(|one| one.feed.address() == address);
    same.unwrap_or_else(|| {
        let opened = Arc::new(open());
        all.push(Arc::downgrade(&opened));
        opened
    })
}

impl BundleFactory for WorkloadApis {
    fn watch(&self, address: &WorkloadApiAddress, trust_domain: &TrustDomain) -> Arc<dyn BundleSource> {
        let open = feed_of(&self.x509, address, || {
            let feed = Feed::new("X.509 authorities", address, &self.clock, &self.log);
            let task = tokio::spawn(Arc::clone(&feed).keep_open(X509Stream::of(address)));
            Open {
                feed,
                task: task.abort_handle(),
            }
        });
        Arc::new(Watched {
            open,
            trust_domain: trust_domain.clone(),
            max_staleness: Duration::MAX,
        })
    }

    fn jwt_authorities(
        &self,
        address: &WorkloadApiAddress,
        trust_domain: &TrustDomain,
        max_staleness: Duration,
    ) -> Arc<dyn Keys> {
        let open = feed_of(&self.jwt, address, || {
            let feed = Feed::new("JWT authorities", address, &self.clock, &self.log);
            let task = tokio::spawn(Arc::clone(&feed).keep_open(JwtStream::of(address)));
            Open {
                feed,
                task: task.abort_handle(),
            }
        });
        Arc::new(Watched {
            open,
            trust_domain: trust_domain.clone(),
            max_staleness,
        })
    }
}

impl BundleSource for Watched<X509Authorities> {
    fn x509_authorities(&self) -> Result<X509Authorities, Arc<str>> {
        let held = self.open.feed.held();
        let authorities = held.of(&self.trust_domain).map(Arc::clone);
        authorities.map_err(|missing| held.why(missing, &self.trust_domain))
    }

    fn generation(&self) -> u64 {
        self.open.feed.held().generation()
    }
}

impl Watched<JwtAuthorities> {
    /// The keys now, or why there are none.
    fn keys(&self, now: Now) -> Result<Arc<KeySet>, (Missing, Arc<str>)> {
        let held = self.open.feed.held();
        let missing = |missing| (missing, held.why(missing, &self.trust_domain));
        let authorities = held
            .fresh(&self.trust_domain, self.max_staleness, now.monotonic)
            .map_err(missing)?;
        authorities
            .keys
            .clone()
            .map_err(|error| (Missing::TrustDomain, error))
    }
}

impl Keys for Watched<JwtAuthorities> {
    fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, now: Now) -> Lookup {
        match self.keys(now) {
            Ok(keys) => match keys.find(kid, algorithm) {
                jwks::Lookup::Found(key) => Lookup::Found(key),
                jwks::Lookup::Ambiguous => Lookup::Ambiguous,
                jwks::Lookup::Unknown => Lookup::Unknown,
            },
            Err((Missing::NotAnswered, _)) => Lookup::Fetch,
            Err((Missing::Everything | Missing::TrustDomain, _)) => Lookup::Unreachable,
            Err((Missing::Stale, _)) => Lookup::Stale,
        }
    }

    fn lookup<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm, now: Now) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if matches!(self.keys(now), Err((Missing::NotAnswered, _))) {
                drop(tokio::time::timeout(FIRST_ANSWER, self.open.feed.answered()).await);
            }
            let (missing, detail) = match self.keys(now) {
                Ok(keys) => {
                    return match keys.find(kid, algorithm) {
                        jwks::Lookup::Found(key) => Answer::Found(key),
                        jwks::Lookup::Ambiguous => Answer::Ambiguous,
                        jwks::Lookup::Unknown => Answer::Unknown,
                    };
                }
                Err(told) => told,
            };
            let reason = match missing {
                Missing::Stale => UnavailableReason::KeysStale,
                Missing::NotAnswered | Missing::Everything | Missing::TrustDomain => {
                    UnavailableReason::KeysUnreachable
                }
            };
            Answer::Unavailable {
                reason,
                detail,
                retry_after: RETRY_AFTER,
            }
        })
    }

    fn holds(&self, thumbprint: Thumbprint, now: Now) -> bool {
        self.keys(now).is_ok_and(|keys| keys.holds(thumbprint))
    }
}
