//! Revocation lists, kept up to date: files are looked at every second, URLs fetched in the background. What is believed
//! of a list is decided below the waterline. What a list has said is known to the whole process, whichever set of sources it
//! came by, and to the next one.

use crate::kept_folder::KeptMemory;
use crate::key_sets::Refresh;
use crate::log::Log;
use crate::store::NoSessions;
use crate::system::{OsEntropy, SystemClock};
use bytes::Bytes;
use countersign_authn::revocations::{RevocationSources, Revocations, RevocationsFactory};
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::kept::KeptError;
use countersign_core::options::Fault;
use countersign_core::time::Now;
use countersign_core::{BoxFuture, Ports};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::CrlIndex;
use http::{Request, Response};
use known::Known;
use set::ListSet;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

pub use kept::A_LIST;
pub use set::ListStatus;

mod files;
mod kept;
mod known;
mod remote;
mod set;
#[cfg(test)]
mod tests;

/// How often files are looked at. With the time it takes to read a list, this is how long a revocation in a file takes to
/// count on every connection.
pub const LOOKED_AT: Duration = Duration::from_secs(1);

/// The log, once there is one: its form stands in the configuration, which opens the lists.
type LateLog = Arc<OnceLock<Arc<Log>>>;

/// Every revocation list of the process, whatever configuration asked for it. Must live inside a tokio runtime unless
/// refreshed by hand.
#[derive(Debug)]
pub struct RevocationLists {
    ports: Ports,
    refresh: Refresh,
    open: Arc<Open>,
    known: Arc<Known>,
    log: LateLog,
}

/// Those that somebody holds.
type Open = Mutex<Vec<Weak<Held>>>;

/// The lists of one table as its judge holds them. When the last holder lets go, their task ends.
#[derive(Debug)]
struct Held {
    set: Arc<ListSet>,
    known: Arc<Known>,
    open: Arc<Open>,
    task: Option<AbortHandle>,
}

impl RevocationLists {
    /// No lists yet.
    pub fn new(ports: &Ports, refresh: Refresh) -> Arc<Self> {
        let log = LateLog::default();
        Arc::new(Self {
            ports: ports.clone(),
            refresh,
            open: Arc::default(),
            known: Arc::new(Known::new(ports, refresh, &log)),
            log,
        })
    }

    /// Takes what was known to the process before, from where the ports keep it: before any list is opened. What can be read
    /// of it is taken whatever the error says. How many lists that are.
    pub async fn restore(&self) -> Result<usize, KeptError> {
        self.known.restore().await
    }

    /// Takes what is kept once more, while lists are open: it may have come only now.
    pub async fn restore_late(&self) -> Result<usize, KeptError> {
        let restored = self.known.restore().await;
        for held in self.held() {
            held.set.vouch();
        }
        only_open(&self.open, &self.known);
        restored
    }

    /// Writes down what is known, for the last time, which may take `patience`: what could not be written is told by name.
    pub async fn end(&self, patience: Duration) {
        self.known.end(patience).await;
    }

    /// Lists that are read and never fetched: for commands that look at a configuration.
    pub fn offline() -> Arc<Self> {
        let ports = Ports {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy::new()),
            http: Arc::new(NoNetwork),
            sessions: Arc::new(NoSessions),
            kept: Arc::new(KeptMemory::default()),
        };
        Self::new(&ports, Refresh::ByHand)
    }

    /// From now on, every list that is taken or refused has a line in `log`: whatever the first configuration names is open.
    pub fn tell(&self, log: &Arc<Log>) {
        only_open(&self.open, &self.known);

        // Told twice, the first stays.
        if self.log.set(Arc::clone(log)).is_ok() {
            self.held().iter().for_each(|held| held.set.tell_bound());
        }
    }

    /// Looks at every file, and fetches what is due at `now`.
    pub async fn tick(&self, now: Now) {
        for held in self.held() {
            held.set.tick(now).await;
        }
    }

    /// How the lists of each source do.
    pub fn status(&self) -> Vec<ListStatus> {
        // Two tables may name one source.
        let places = self.held().into_iter().flat_map(|held| held.set.status());
        places
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .flatten()
            .collect()
    }

    fn held(&self) -> Vec<Arc<Held>> {
        upgraded(&lock(&self.open))
    }
}

fn lock(open: &Open) -> MutexGuard<'_, Vec<Weak<Held>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

fn upgraded(open: &[Weak<Held>]) -> Vec<Arc<Held>> {
    open.iter().filter_map(Weak::upgrade).collect()
}

impl RevocationsFactory for RevocationLists {
    fn open(
        &self,
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
    ) -> Result<Arc<dyn Revocations>, Vec<Fault>> {
        let others;
        // Nobody is forgotten between: whoever lets go waits. The others go after the lock does.
        let mut open = lock(&self.open);
        others = upgraded(&open);
        let same = others.iter().find(|held| held.set.is(&sources, authorities));
        if let Some(held) = same {
            return Ok(Arc::clone(held) as _);
        }
        let set = ListSet::open(sources, authorities, &self.ports, (&self.known, &self.log))?;
        let set = Arc::new(set);
        set.tell_bound();
        let task = match self.refresh {
            Refresh::Background => Some(tokio::spawn(Arc::clone(&set).keep_fresh()).abort_handle()),
            Refresh::ByHand => None,
        };
        let held = Arc::new(Held {
            set,
            known: Arc::clone(&self.known),
            open: Arc::clone(&self.open),
            task,
        });
        open.retain(|held| held.strong_count() > 0);
        open.push(Arc::downgrade(&held));
        Ok(held)
    }
}

impl Revocations for Held {
    fn index(&self) -> Arc<CrlIndex> {
        self.known.index()
    }

    fn generation(&self) -> u64 {
        self.known.generation()
    }

    fn shortcomings(&self, accept_stale: bool) -> Vec<String> {
        self.set.shortcomings(accept_stale)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        only_open(&self.open, &self.known);
    }
}

/// Whatever is in other places than those of open lists is there no more.
fn only_open(open: &Open, known: &Known) {
    let held;
    // They go after the lock does: to let go of the last takes it, too.
    let open = lock(open);
    held = upgraded(&open);
    let places = held.iter().flat_map(|held| held.set.places());
    known.only(&places.collect());
    drop(open);
}

#[derive(Debug)]
struct NoNetwork;

impl HttpClient for NoNetwork {
    fn send(
        &self,
        _request: Request<Bytes>,
        _limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        let error = HttpError::Unreachable("nothing is fetched here".to_owned());
        Box::pin(std::future::ready(Err(error)))
    }
}
