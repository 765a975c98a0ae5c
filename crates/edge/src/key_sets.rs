//! Remote key sets: the driver of the key ring. It owns the fetches, the copy on disk and the timers; what to do and
//! when is decided by [`KeyRing`](countersign_authn::key_ring::KeyRing), below the waterline.
//!
//! Only sets that the configuration names are ever fetched: no token, whatever it says, opens one.

use crate::log::Log;
use countersign_authn::key_ring::Lookup;
use countersign_authn::keys::{Answer, KeyLocation, KeySetFactory, KeySettings, Keys};
use countersign_core::time::Now;
use countersign_core::{BoxFuture, Ports};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::key::Thumbprint;
use remote::RemoteSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

pub use blob::A_KEY_SET;

mod blob;
mod fetch;
mod remote;
#[cfg(test)]
mod tests;

/// How sets are kept fresh between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Each set has a task that fetches it when it is due.
    Background,
    /// Nothing is fetched but by requests and by [`KeySets::tick`]: for tests, where nothing happens by itself.
    ByHand,
}

/// Every remote set of the process, whatever configuration asked for it. Must live inside a tokio runtime.
#[derive(Debug)]
pub struct KeySets {
    ports: Ports,
    refresh: Refresh,
    open: Mutex<Vec<Weak<RemoteKeys>>>,
    log: LateLog,
}

/// The log, once there is one: its form stands in the configuration, which opens the sets.
type LateLog = Arc<OnceLock<Arc<Log>>>;

/// How one set does, for the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetStatus {
    /// The issuer.
    pub issuer: Arc<str>,
    /// How long ago it was fetched; `None` when it never was.
    pub age: Option<Duration>,
    /// How many keys of it can be used.
    pub keys: usize,
    /// Keys that were left out, and why.
    pub left_out: Vec<String>,
    /// Why the last fetch failed; `None` when it succeeded.
    pub last_error: Option<Arc<str>>,
    /// Why the copy on disk could not be read or written the last time.
    pub kept_error: Option<Arc<str>>,
}

/// A set as an authenticator holds it. When the last holder lets go, its task ends.
#[derive(Debug)]
struct RemoteKeys {
    set: Arc<RemoteSet>,
    task: Option<AbortHandle>,
}

impl KeySets {
    /// No sets yet.
    pub fn new(ports: &Ports, refresh: Refresh) -> Arc<Self> {
        Arc::new(Self {
            ports: ports.clone(),
            refresh,
            open: Mutex::new(Vec::new()),
            log: LateLog::default(),
        })
    }

    /// From now on, every fetch that fails has a line in `log`. Those that have failed already get theirs now.
    pub fn tell(&self, log: &Arc<Log>) {
        if self.log.set(Arc::clone(log)).is_ok() {
            for keys in self.held() {
                keys.set.tell_last_error();
                keys.set.tell_kept_error();
            }
        }
    }

    /// Fetches every set that is due at `now` and waits for the ends.
    pub async fn tick(&self, now: Now) {
        for keys in self.held() {
            keys.set.refresh_if_due(now).await;
        }
    }

    /// Lets go of what no configuration holds any more. Their tasks have ended by themselves.
    pub fn forget_unused(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|keys| keys.strong_count() > 0);
    }

    /// How each set does.
    pub fn status(&self, now: Now) -> Vec<KeySetStatus> {
        self.held().iter().map(|keys| keys.set.status(now)).collect()
    }

    fn held(&self) -> Vec<Arc<RemoteKeys>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter_map(Weak::upgrade).collect()
    }
}

impl KeySetFactory for KeySets {
    fn open(&self, location: &KeyLocation, settings: &KeySettings) -> Arc<dyn Keys> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|keys| keys.strong_count() > 0);
        let same = open
            .iter()
            .filter_map(Weak::upgrade)
            .find(|keys| keys.set.is(location, settings));
        if let Some(keys) = same {
            return keys;
        }
        let set = RemoteSet::new(location.clone(), settings.clone(), &self.ports, &self.log);
        let set = Arc::new(set);
        let task = match self.refresh {
            Refresh::Background => Some(tokio::spawn(Arc::clone(&set).keep_fresh()).abort_handle()),
            Refresh::ByHand => None,
        };
        let keys = Arc::new(RemoteKeys { set, task });
        open.push(Arc::downgrade(&keys));
        keys
    }
}

impl Keys for RemoteKeys {
    fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, now: Now) -> Lookup {
        self.set.lookup_now(kid, algorithm, now)
    }

    fn lookup<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm, now: Now) -> BoxFuture<'a, Answer> {
        Box::pin(self.set.lookup(kid, algorithm, now))
    }

    fn holds(&self, thumbprint: Thumbprint, now: Now) -> bool {
        self.set.holds(thumbprint, now)
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
