//! The sources of one `[certificate.NAME]`: looked at and fetched, and what is in them made known.

use super::LateLog;
use super::files::{Files, Look, Read};
use super::known::Known;
use super::remote::{self, Remote};
use countersign_authn::revocations::RevocationSources;
use countersign_core::Ports;
use countersign_core::options::Fault;
use countersign_core::time::{Now, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::Crl;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use told::Told;
use url::Url;

mod told;

/// How one list does, for the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    /// The file or URL it came from.
    pub source: String,
    /// Whose list it is.
    pub issuer: String,
    /// When it was made; of several, the one made first.
    pub this_update: Timestamp,
    /// When the next is promised; of several, the one that ends first.
    pub next_update: Timestamp,
    /// How many certificates it revokes, or they.
    pub revoked: usize,
}

impl ListStatus {
    fn of(source: String, list: &Crl) -> Self {
        Self {
            source,
            issuer: list.issuer().rfc4514(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            revoked: list.revoked(),
        }
    }

    fn join(&mut self, other: &Self) {
        self.this_update = self.this_update.min(other.this_update);
        self.next_update = self.next_update.min(other.next_update);
        self.revoked = self.revoked.saturating_add(other.revoked);
    }
}

/// One set.
pub(super) struct ListSet {
    sources: RevocationSources,
    authorities: Arc<Authorities>,
    ports: Ports,
    known: Arc<Known>,
    log: LateLog,
    state: Mutex<State>,
    /// One at a time: a look at files may outlast the second until the next.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    remotes: Vec<Remote>,
    told: Told,
}

impl fmt::Debug for ListSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListSet({:?})", self.sources)
    }
}

impl ListSet {
    /// Reads the files there are. Nothing is fetched yet: of each URL there is what is known of it.
    pub(super) fn open(
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
        ports: &Ports,
        (known, log): (&Arc<Known>, &LateLog),
    ) -> Result<Self, Vec<Fault>> {
        let mut files = Files::default();
        let look = files.look(&sources.paths, authorities);
        // Put out of sight of the place in the list by folders, the path says where.
        let fault = |path: &Path, why: &str| {
            let path = path.display().to_string();
            let Some((begin, _)) = path.split_once('?') else {
                return Fault::new("crls", format!("{path}: {why}"));
            };
            let help = "the path of a file belongs here; a URL is named in `crl_urls`";
            Fault::new("crls", format!("{begin}?…: {why}")).help(help)
        };
        let unread = look.refused.iter().map(|(path, why)| fault(path, why));
        let refused = look.read.iter().flat_map(|(path, read)| {
            let refused = read.refused.iter();
            refused.map(move |why| fault(path, why))
        });
        let faults = unread.chain(refused).collect::<Vec<_>>();
        if !faults.is_empty() {
            return Err(faults);
        }
        let read = look.read.into_iter();
        known.take(read.map(|(path, read)| (place(&path), read.lists)).collect());
        known.learn(authorities);
        known.name(&sources.urls);
        Ok(Self {
            authorities: Arc::clone(authorities),
            ports: ports.clone(),
            known: Arc::clone(known),
            log: Arc::clone(log),
            state: Mutex::new(State {
                files,
                remotes: sources.urls.iter().cloned().map(Remote::new).collect(),
                told: Told::default(),
            }),
            looking: tokio::sync::Mutex::default(),
            sources,
        })
    }

    pub(super) fn is(&self, sources: &RevocationSources, authorities: &Authorities) -> bool {
        self.sources == *sources && *self.authorities == *authorities
    }

    /// Says once more whose keys are known: there may be lists that came past any source.
    pub(super) fn vouch(&self) {
        self.known.learn(&self.authorities);
    }

    /// Where its lists are: files and URLs.
    pub(super) fn places(&self) -> Vec<String> {
        let state = self.state();
        let files = state.files.paths().map(place);
        let urls = self.sources.urls.iter().map(Url::to_string);
        files.chain(urls).collect()
    }

    /// Of each list that a source holds, the one that counts in its place. What one source holds of one authority is told
    /// together.
    pub(super) fn status(&self) -> BTreeMap<String, Vec<ListStatus>> {
        let places = self.places();
        let known = self.known.lists();
        let all = places.into_iter().map(|place| {
            let mut of_place = Vec::<ListStatus>::new();
            for list in known.at(&place) {
                let status = ListStatus::of(self.shown(&place), known.outdated_by(list).unwrap_or(list));
                match of_place.iter_mut().find(|other| other.issuer == status.issuer) {
                    Some(other) => other.join(&status),
                    None => of_place.push(status),
                }
            }
            (place, of_place)
        });
        all.collect()
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

    /// Looks at what is on disk, and at the clock. What is found there counts at once, whatever becomes of fetches.
    async fn look(self: &Arc<Self>) {
        let one_at_a_time = self.looking.lock().await;
        self.known.turn();
        if !self.sources.paths.is_empty() {
            let set = Arc::clone(self);
            // A look that fails says so by itself.
            drop(tokio::task::spawn_blocking(move || set.look_at_files()).await);
        }
        self.tell_changes();
        drop(one_at_a_time);
        self.known.keep().await;
    }

    /// Reads the files that changed.
    fn look_at_files(&self) {
        // Only a look writes them, and there is one at a time.
        let mut files = self.state().files.clone();
        let Look { read, gone, refused } = files.look(&self.sources.paths, &self.authorities);
        self.state().files = files;
        for (path, why) in refused {
            self.tell_refused(&place(&path), &why);
        }
        let gone = gone.into_iter().map(|path| (path, Read::default()));
        let all = read.into_iter().chain(gone);
        self.put(all.map(|(path, read)| (place(&path), read)).collect());
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
        let taken = match remote::fetch(&url, &self.ports).await {
            Ok(body) => {
                let (set, place) = (Arc::clone(&self), url.to_string());
                // Large lists take their time, and requests are served meanwhile.
                let taken = tokio::task::spawn_blocking(move || {
                    let read = Read::of(&body, &set.authorities)?;
                    set.put(vec![(place.clone(), read)]);
                    let known = set.known.lists();
                    Ok(known.at(&place).iter().any(|list| known.holds(list)))
                });
                taken.await.unwrap_or_else(|error| Err(error.to_string()))
            }
            Err(why) => Err(why),
        };
        if let Err(why) = &taken {
            self.tell_refused(url.as_str(), why);
        }
        self.fetched(&url, taken.unwrap_or(false));
        self.state().told.generation = None;
        self.tell_changes();
        self.known.keep().await;
    }

    /// A fetch ended, and brought something that counts, or not.
    fn fetched(&self, url: &Url, counts: bool) {
        let (now, ends) = (self.ports.clock.now(), self.ends(url.as_str()));
        let refresh = self.sources.refresh;
        let mut state = self.state();
        for remote in state.remotes.iter_mut().filter(|remote| remote.url == *url) {
            if counts {
                remote.fetched(ends, refresh, now);
            } else {
                remote.failed(refresh, now.monotonic);
            }
        }
    }

    /// When the first of the lists from there ends.
    fn ends(&self, place: &str) -> Option<Timestamp> {
        let known = self.known.lists();
        let lists = known.at(place).iter();
        let lists = lists.map(|list| known.outdated_by(list).unwrap_or(list));
        lists.map(Crl::next_update).min()
    }

    /// Makes known what is in these places now.
    fn put(&self, all: Vec<(String, Read)>) {
        if all.is_empty() {
            return;
        }
        let mut lists = Vec::new();
        for (place, read) in all {
            for why in &read.refused {
                self.tell_refused(&place, why);
            }
            // Of a place that holds nothing but forged ones nothing is known that was not before.
            if read.refused.is_empty() || !read.lists.is_empty() {
                lists.push((place, read.lists));
            }
        }
        let known = self.known.lists();
        let before = lists
            .iter()
            .map(|(place, _)| (place.clone(), known.at(place).to_vec()));
        let before = before.collect::<Vec<_>>();
        drop(known);
        self.known.take(lists);
        self.tell_left_out(&before);
        self.state().told.generation = None;
    }

    /// What a place is called where others read of it.
    fn shown(&self, place: &str) -> String {
        self.known.shown(place)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a place is no file's. What is looked at there has a whole path.
pub(super) fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

/// What a file is called as a place.
fn place(path: &Path) -> String {
    path.display().to_string()
}
