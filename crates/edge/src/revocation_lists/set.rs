//! The lists of one `[certificate.NAME]`: what was read, put together as one index.

use super::files::{Look, none_older};
use super::remote::{self, Remote};
use super::{LateLog, next};
use arc_swap::ArcSwap;
use countersign_authn::revocations::RevocationSources;
use countersign_core::Ports;
use countersign_core::options::Fault;
use countersign_core::time::{Now, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex};
use state::State;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use url::Url;

mod state;
mod told;

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
    /// One at a time: a look at files may outlast the second until the next.
    looking: tokio::sync::Mutex<()>,
    /// One at a time: what is put together last is what is held now.
    putting: tokio::sync::Mutex<()>,
}

impl fmt::Debug for ListSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListSet({:?})", self.sources)
    }
}

impl ListSet {
    /// Reads the files there are. Nothing is fetched yet: of each URL the set begins with the lists that `others` hold.
    pub(super) fn open(
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
        ports: &Ports,
        (generations, log): (&Arc<AtomicU64>, &LateLog),
        others: &[&Self],
    ) -> Result<Self, Vec<Fault>> {
        let remotes = sources.urls.iter().map(|url| {
            let mut remote = Remote::new(url.clone());
            let held = others.iter().map(|set| set.fetched_from(url, authorities));
            remote.lists = held.max_by_key(Vec::len).unwrap_or_default();
            remote
        });
        let mut state = State {
            remotes: remotes.collect(),
            ..State::default()
        };
        for set in others {
            let mut other = set.state();
            other.remember();
            other.newest.iter().for_each(|list| state.remember_one(list));
        }
        let (now, former) = (ports.clock.now().wall, state.not_fetched());
        let looked = state.files.look(&sources.paths, authorities, &former, now);
        let faults = looked.refused.iter().map(|(path, why)| {
            // Put out of sight of the place in the list by folders, the path says where.
            Fault::new("crls", format!("{}: {why}", path.display()))
        });
        let faults = faults.collect::<Vec<_>>();
        if !faults.is_empty() {
            return Err(faults);
        }
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
            looking: tokio::sync::Mutex::default(),
            putting: tokio::sync::Mutex::default(),
        })
    }

    /// The lists of `url` that hold by `authorities`, which may be others than this set's.
    fn fetched_from(&self, url: &Url, authorities: &Authorities) -> Vec<Crl> {
        let state = self.state();
        let remotes = state.remotes.iter().filter(|remote| remote.url == *url);
        let lists = remotes.flat_map(|remote| &remote.lists).cloned();
        lists
            .filter(|list| CrlIndex::new([list.clone()], authorities).is_ok())
            .collect()
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
        // Dropped with this task, they end with it.
        let mut fetches = JoinSet::new();
        loop {
            self.look().await;
            self.fetch_due(self.ports.clock.now(), &mut fetches);
            while fetches.try_join_next().is_some() {}
            tokio::time::sleep(super::LOOKED_AT).await;
        }
    }

    /// Looks at the files, fetches what is due, and waits for it.
    pub(super) async fn tick(self: &Arc<Self>, now: Now) {
        let mut fetches = JoinSet::new();
        self.look().await;
        self.fetch_due(now, &mut fetches);
        while fetches.join_next().await.is_some() {}
    }

    /// Looks at what is on disk. What is found there counts at once, whatever becomes of fetches.
    async fn look(self: &Arc<Self>) {
        let one_at_a_time = self.looking.lock().await;
        let mut changed = self.restore().await;
        changed |= self.look_at_files().await;
        if changed {
            self.put_together().await;
        } else {
            self.tell_ended();
        }
        drop(one_at_a_time);
    }

    /// Begins the fetches that are due, each apart: one that hangs holds up nothing but itself.
    fn fetch_due(self: &Arc<Self>, now: Now, fetches: &mut JoinSet<()>) {
        for remote in &mut self.state().remotes {
            if remote.is_due(now.monotonic) {
                remote.begun(now.monotonic);
                fetches.spawn(Arc::clone(self).fetch(remote.url.clone()));
            }
        }
    }

    async fn fetch(self: Arc<Self>, url: Url) {
        let fetched = remote::fetch(&url, &self.ports, &self.authorities).await;
        let now = self.ports.clock.now();
        let taken = fetched.and_then(|(lists, body)| {
            let mut state = self.state();
            let remote = state.remotes.iter_mut().find(|remote| remote.url == url);
            let remote = remote.ok_or("nobody asks for it any more")?;
            let lists = none_older(lists, &remote.lists, now.wall)?;
            let came = lists.len();
            remote.fetched(lists, self.sources.refresh, now);
            Ok(remote.copy(body, came))
        });
        match taken {
            Ok(body) => {
                self.put_together().await;
                remote::keep(&url, &body, &self.ports).await;
            }
            Err(why) => {
                self.failed(&url, now);
                self.tell("warning", "crl_fetch", &format!("{url}: {why}"));
                self.tell_lacking(now.wall);
            }
        }
    }

    fn failed(&self, url: &Url, now: Now) {
        let mut state = self.state();
        let failed = state.remotes.iter_mut().filter(|remote| remote.url == *url);
        failed.for_each(|remote| remote.failed(self.sources.refresh, now.monotonic));
    }

    /// Takes the copies of fetched lists, once.
    async fn restore(&self) -> bool {
        if std::mem::replace(&mut self.state().restored, true) {
            return false;
        }
        let mut any = false;
        for (place, url) in self.sources.urls.iter().enumerate() {
            let kept = remote::kept(url, &self.ports, &self.authorities).await;
            if let Some(lists) = kept
                && let Some(remote) = self.state().remotes.get_mut(place)
                && remote.lists.is_empty()
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
            // Only a look writes them, and there is one at a time.
            let (mut files, former) = {
                let mut state = set.state();
                state.remember();
                (state.files.clone(), state.not_fetched())
            };
            let now = set.ports.clock.now().wall;
            let look = files.look(&set.sources.paths, &set.authorities, &former, now);
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
        let one_at_a_time = self.putting.lock().await;
        let set = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            let lists = set.state().lists();
            CrlIndex::new(lists, &set.authorities)
        });
        // Each list was taken by itself, so together they are.
        if let Ok(Ok(index)) = made.await {
            self.index.store(Arc::new(index));
            self.generation.store(next(&self.generations), Ordering::Release);
            self.tell_taken(self.ports.clock.now().wall);
        }
        drop(one_at_a_time);
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
