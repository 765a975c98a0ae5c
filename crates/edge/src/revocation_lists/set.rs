//! The lists of one `[certificate.NAME]`: what was read, put together as one index.

use super::files::{Files, Look};
use super::remote::{self, Remote};
use super::{LateLog, next};
use arc_swap::ArcSwap;
use countersign_authn::revocations::RevocationSources;
use countersign_core::Ports;
use countersign_core::options::Fault;
use countersign_core::time::{Now, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How one list does, for the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    /// The file or URL it came from.
    pub source: String,
    /// Whose list it is.
    pub issuer: String,
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next is promised.
    pub next_update: Timestamp,
    /// How many certificates it revokes.
    pub revoked: usize,
}

/// One set.
pub(super) struct ListSet {
    sources: RevocationSources,
    authorities: Arc<Authorities>,
    ports: Ports,
    generations: Arc<AtomicU64>,
    log: LateLog,
    index: ArcSwap<CrlIndex>,
    generation: AtomicU64,
    state: Mutex<State>,
    /// One at a time: a tick may outlast the second until the next.
    ticking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    remotes: Vec<Remote>,
    /// Whether the copies of fetched lists were looked for.
    restored: bool,
}

impl fmt::Debug for ListSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListSet({:?})", self.sources)
    }
}

impl ListSet {
    /// Reads the files there are. Nothing is fetched yet.
    pub(super) fn open(
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
        ports: &Ports,
        generations: &Arc<AtomicU64>,
        log: &LateLog,
    ) -> Result<Self, Vec<Fault>> {
        let mut files = Files::default();
        let looked = files.look(&sources.paths, authorities);
        let faults = looked.refused.iter().map(|(path, why)| {
            // Put out of sight of the place in the list by folders, the path says where.
            Fault::new("crls", format!("{}: {why}", path.display()))
        });
        let faults = faults.collect::<Vec<_>>();
        if !faults.is_empty() {
            return Err(faults);
        }
        let state = State {
            files,
            remotes: sources.urls.iter().cloned().map(Remote::new).collect(),
            restored: false,
        };
        let index = CrlIndex::new(state.lists(), authorities).unwrap_or_default();
        Ok(Self {
            sources,
            authorities: Arc::clone(authorities),
            ports: ports.clone(),
            generations: Arc::clone(generations),
            log: Arc::clone(log),
            index: ArcSwap::from_pointee(index),
            generation: AtomicU64::new(next(generations)),
            state: Mutex::new(state),
            ticking: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn is(&self, sources: &RevocationSources, authorities: &Authorities) -> bool {
        self.sources == *sources && *self.authorities == *authorities
    }

    pub(super) fn index(&self) -> Arc<CrlIndex> {
        self.index.load_full()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn status(&self) -> Vec<ListStatus> {
        let state = self.state();
        let status = |(source, list): (String, &Crl)| ListStatus {
            source,
            issuer: list.issuer().rfc4514(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            revoked: list.revoked(),
        };
        state.sourced().map(status).collect()
    }

    /// The life of the background task.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        loop {
            self.tick(self.ports.clock.now()).await;
            tokio::time::sleep(super::LOOKED_AT).await;
        }
    }

    /// Looks at the files, and fetches what is due.
    pub(super) async fn tick(self: &Arc<Self>, now: Now) {
        let one_at_a_time = self.ticking.lock().await;
        let mut changed = self.restore().await;
        changed |= self.look_at_files().await;
        for (place, url) in self.due(now) {
            let fetched = remote::fetch(&url, &self.ports, &self.authorities).await;
            let now = self.ports.clock.now();
            let mut state = self.state();
            let Some(remote) = state.remotes.get_mut(place) else {
                continue;
            };
            match fetched {
                Ok(lists) => {
                    changed = true;
                    remote.fetched(lists, self.sources.refresh, now);
                }
                Err(why) => {
                    remote.failed(self.sources.refresh, now.monotonic);
                    self.tell("warning", "crl_fetch", &format!("{url}: {why}"));
                }
            }
        }
        if changed {
            self.put_together().await;
        }
        drop(one_at_a_time);
    }

    fn due(&self, now: Now) -> Vec<(usize, url::Url)> {
        let state = self.state();
        let remotes = state.remotes.iter().enumerate();
        let due = remotes.filter(|(_, remote)| remote.is_due(now.monotonic));
        due.map(|(place, remote)| (place, remote.url.clone())).collect()
    }

    /// Takes the copies of fetched lists, once.
    async fn restore(&self) -> bool {
        if std::mem::replace(&mut self.state().restored, true) {
            return false;
        }
        let mut any = false;
        for (place, url) in self.sources.urls.iter().enumerate() {
            if let Some(lists) = remote::kept(url, &self.ports, &self.authorities).await
                && let Some(remote) = self.state().remotes.get_mut(place)
            {
                remote.lists = lists;
                any = true;
            }
        }
        any
    }

    /// Reads the files that changed.
    async fn look_at_files(self: &Arc<Self>) -> bool {
        if self.sources.paths.is_empty() {
            return false;
        }
        let set = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            // Only a tick writes them, and there is one at a time.
            let mut files = set.state().files.clone();
            let look = files.look(&set.sources.paths, &set.authorities);
            set.state().files = files;
            look
        });
        let Look { changed, refused } = looked.await.unwrap_or_default();
        for (path, why) in refused {
            let text = format!("{}: {why}; what it held before stays in force", path.display());
            self.tell("error", "crl_refused", &text);
        }
        changed
    }

    /// Makes the index anew of all that was taken.
    async fn put_together(self: &Arc<Self>) {
        let set = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            let lists = set.state().lists();
            let count = lists.len();
            CrlIndex::new(lists, &set.authorities).map(|index| (index, count))
        });
        // Each list was taken by itself, so together they are.
        let Ok(Ok((index, count))) = made.await else {
            return;
        };
        self.index.store(Arc::new(index));
        self.generation.store(next(&self.generations), Ordering::Release);
        self.tell(
            "info",
            "crl_taken",
            &format!("{count} revocation lists are in force"),
        );
    }

    /// How long a revocation takes to count: told when the lists are opened.
    pub(super) fn tell_bound(&self) {
        let looked = super::LOOKED_AT.as_secs();
        if !self.sources.paths.is_empty() {
            let text = format!(
                "files are looked at every {looked} s: what is revoked there is refused from the first request on that comes \
                 after, also on open connections"
            );
            self.tell("info", "crl_watched", &text);
        }
        for url in &self.sources.urls {
            let refresh = self.sources.refresh.as_secs();
            self.tell(
                "info",
                "crl_watched",
                &format!("{url}: fetched every {refresh} s"),
            );
        }
    }

    fn tell(&self, level: &'static str, event: &'static str, text: &str) {
        if let Some(log) = self.log.get() {
            log.event(level, event, text);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sourced(&self) -> impl Iterator<Item = (String, &Crl)> {
        let files = self.files.lists();
        let files = files.map(|(path, list)| (path.display().to_string(), list));
        let remotes = self
            .remotes
            .iter()
            .flat_map(|remote| remote.lists.iter().map(|list| (remote.url.to_string(), list)));
        files.chain(remotes)
    }

    fn lists(&self) -> Vec<Crl> {
        self.sourced().map(|(_, list)| list.clone()).collect()
    }
}
