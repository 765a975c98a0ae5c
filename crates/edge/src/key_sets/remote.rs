//! One remote set: a ring, and at most one fetch at a time that all who need it wait for.

use super::blob::{self, Binding};
use super::fetch::{Fetcher, read};
use super::{KeySetStatus, LateLog};
use arc_swap::ArcSwap;
use countersign_authn::bundle_file::BundleInForce;
use countersign_authn::key_ring::{KeyRing, Lookup};
use countersign_authn::keys::{Answer, KeyLocation, KeySettings};
use countersign_core::Ports;
use countersign_core::kept::Kept;
use countersign_core::reason::UnavailableReason;
use countersign_core::shown_url::shown_url;
use countersign_core::time::{Clock, Monotonic, Now};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::KeySet;
use countersign_jose::key::Thumbprint;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The background task looks at the ring at least this often: a machine that slept must not oversleep a refresh.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The background task never spins, whatever the ring says.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
/// What a client is told to wait at least.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// The set at one location under one set of settings.
pub(super) struct RemoteSet {
    location: KeyLocation,
    settings: KeySettings,
    clock: Arc<dyn Clock>,
    kept: Arc<dyn Kept>,
    log: LateLog,
    fetcher: Fetcher,
    /// What lookups read. Written under `ring` only.
    published: ArcSwap<KeyRing>,
    ring: Mutex<KeyRing>,
    notes: Mutex<Notes>,
    restored: AtomicBool,
    /// Counts the steps of fetches, so that those who wait can look again.
    steps: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Notes {
    left_out: Vec<String>,
    kept_error: Option<Arc<str>>,
}

impl fmt::Debug for RemoteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteSet({})", shown_url(self.location.url().as_str()))
    }
}

/// Ends a run that was cut short, so that the next may begin.
struct RunGuard<'a>(&'a RemoteSet);

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        if self.0.published.load().is_running() {
            self.0.update(|ring| ring.failed("the fetch was interrupted"));
        }
    }
}

impl RemoteSet {
    pub(super) fn new(location: KeyLocation, settings: KeySettings, ports: &Ports, log: &LateLog) -> Self {
        let ring = KeyRing::new(settings.freshness);
        Self {
            fetcher: Fetcher::new(&location, &settings, ports),
            location,
            settings,
            clock: Arc::clone(&ports.clock),
            kept: Arc::clone(&ports.kept),
            log: Arc::clone(log),
            published: ArcSwap::from_pointee(ring.clone()),
            ring: Mutex::new(ring),
            notes: Mutex::default(),
            restored: AtomicBool::new(false),
            steps: watch::Sender::new(0),
        }
    }

    pub(super) fn is(&self, location: &KeyLocation, settings: &KeySettings) -> bool {
        self.location == *location && self.settings == *settings
    }

    pub(super) fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, now: Now) -> Lookup {
        self.published.load().lookup(kid, algorithm, now.monotonic)
    }

    pub(super) fn holds(&self, thumbprint: Thumbprint, now: Now) -> bool {
        self.published.load().holds(thumbprint, now.monotonic)
    }

    /// Waits as long as a fetch can tell more. Every fetch ends within its deadline, and one for an unknown key id
    /// begins once an interval at most, so this ends.
    pub(super) async fn lookup(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Now,
    ) -> Answer {
        let mut now = now;
        loop {
            let mut steps = self.steps.subscribe();
            match self.lookup_now(kid, algorithm, now) {
                Lookup::Found(key) => return Answer::Found(key),
                Lookup::Unknown => return Answer::Unknown,
                Lookup::Ambiguous => return Answer::Ambiguous,
                Lookup::Unreachable => return self.unavailable(UnavailableReason::KeysUnreachable, now),
                Lookup::Stale => return self.unavailable(UnavailableReason::KeysStale, now),
                Lookup::Fetch => {}
            }
            let wanted = |ring: &KeyRing| matches!(ring.lookup(kid, algorithm, now.monotonic), Lookup::Fetch);
            self.start_if(wanted, now.monotonic);
            if self.published.load().is_running() {
                // The sender lives in `self`: this fails never.
                let _ended = steps.changed().await;
            }
            now = self.clock.now();
        }
    }

    /// Fetches the set if it is due, and waits for the end of what runs.
    pub(super) async fn refresh_if_due(self: &Arc<Self>, now: Now) {
        let mut steps = self.steps.subscribe();
        self.start_if(|ring| ring.is_due(now.monotonic), now.monotonic);
        while self.published.load().is_running() {
            let _stepped = steps.changed().await;
        }
    }

    /// The life of the background task.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        loop {
            let now = self.clock.now();
            self.refresh_if_due(now).await;
            let now = self.clock.now().monotonic;
            let due = self.published.load().next_due(now);
            tokio::time::sleep(due.since(now).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await;
        }
    }

    pub(super) fn status(&self, now: Now) -> KeySetStatus {
        let ring = self.published.load();
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        KeySetStatus {
            issuer: Arc::clone(self.location.issuer()),
            age: ring.age(now.monotonic),
            keys: ring.key_count(),
            left_out: notes.left_out.clone(),
            last_error: ring.last_error().cloned(),
            kept_error: notes.kept_error.clone(),
        }
    }

    fn unavailable(&self, reason: UnavailableReason, now: Now) -> Answer {
        let ring = self.published.load();
        let retry_after = ring.next_due(now.monotonic).since(now.monotonic);
        Answer::Unavailable {
            reason,
            detail: ring
                .last_error()
                .cloned()
                .unwrap_or_else(|| "not fetched yet".into()),
            retry_after: retry_after.max(SHORTEST_RETRY),
        }
    }

    /// Begins a fetch when `wanted` and none runs. It is a task of its own: a client that goes away does not end it.
    fn start_if(self: &Arc<Self>, wanted: impl FnOnce(&KeyRing) -> bool, now: Monotonic) {
        let begun = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            let begun = wanted(&ring) && ring.begin_fetch(now);
            if begun {
                self.published.store(Arc::new(ring.clone()));
            }
            begun
        };
        if begun {
            drop(tokio::spawn(Arc::clone(self).run()));
        }
    }

    /// One run: the copy on disk first, once; then the issuer.
    async fn run(self: Arc<Self>) {
        let _guard = RunGuard(&self);
        if !self.restored.swap(true, Ordering::AcqRel) {
            self.restore().await;
        }
        let fetched = self.fetcher.fetch().await;
        let newer = fetched.and_then(|fetched| self.none_older(fetched.sequence).map(|()| fetched));
        match newer {
            Ok(fetched) => {
                let now = self.clock.now();
                self.raise(fetched.sequence, Duration::ZERO, now);
                self.note(|notes| notes.left_out = fetched.left_out);
                self.tell_withdrawn(&fetched.keys);
                self.update(|ring| ring.fetched(fetched.keys, fetched.lifetime, now.monotonic));
                let bytes = blob::write(&self.binding(), now.wall, &fetched.body);
                let saved = self.kept.save(&self.binding().name(), &bytes).await;
                self.note_kept(saved.err().map(|error| error.0));
            }
            Err(error) => {
                self.update(|ring| ring.failed(&error));
                self.tell_last_error();
            }
        }
    }

    /// Which version of a trust bundle is in force; `None` where the set is none.
    const fn in_force(&self) -> Option<&Arc<BundleInForce>> {
        match &self.location {
            KeyLocation::TrustBundle { in_force, .. } => Some(in_force),
            KeyLocation::Discovery { .. } | KeyLocation::JwkSet { .. } => None,
        }
    }

    fn none_older(&self, came: Option<u64>) -> Result<(), String> {
        let now = self.clock.now().monotonic;
        let allowed = self.in_force().map(|in_force| in_force.allows(came, now));
        allowed
            .unwrap_or(Ok(()))
            .map_err(|older| format!("the bundle that came is not taken: {older}"))
    }

    /// From now on none older than what was taken, which is so old already.
    fn raise(&self, sequence: Option<u64>, age: Duration, now: Now) {
        if let Some(in_force) = self.in_force() {
            let left = self.settings.freshness.max_staleness.saturating_sub(age);
            in_force.taken(sequence, left, now.monotonic);
        }
    }

    /// A line for a bundle that has withdrawn what the one before listed.
    fn tell_withdrawn(&self, keys: &KeySet) {
        let ring = self.published.load();
        let news = ring.key_count() > 0 || ring.age(self.clock.now().monotonic).is_none();
        if let (Some(log), true) = (self.log.get(), news && keys.keys().is_empty()) {
            let issuer = self.location.issuer();
            let text = format!("keys of {issuer}: the bundle lists none for JWT-SVIDs: no token is accepted");
            log.event("warning", "key_set", &text);
        }
    }

    /// A line for the fetch that failed last, if the last one failed.
    pub(super) fn tell_last_error(&self) {
        let ring = self.published.load();
        if let (Some(log), Some(error)) = (self.log.get(), ring.last_error()) {
            let left = match ring.key_count() {
                0 => "its tokens get 503 until a fetch succeeds",
                _ => "the last good set stays in force until it is too old",
            };
            log.event(
                "warning",
                "key_set",
                &format!("keys of {}: {error}; {left}", self.location.issuer()),
            );
        }
    }

    async fn restore(&self) {
        match self.kept.load(&self.binding().name()).await {
            Ok(None) => {}
            Ok(Some(bytes)) => match blob::read(&self.binding(), &bytes) {
                Some((fetched, body)) => {
                    let read = read(&self.location, body).ok();
                    if let Some(read) = read.filter(|read| self.none_older(read.sequence).is_ok()) {
                        let now = self.clock.now();
                        self.update(|ring| ring.restore(read.keys, fetched, now));
                        let age = self.published.load().age(now.monotonic);
                        self.raise(read.sequence, age.unwrap_or_default(), now);
                    }
                }
                None => self.note_kept(Some("the copy on disk is another set's, or broken".into())),
            },
            Err(error) => self.note_kept(Some(error.0)),
        }
    }

    fn binding(&self) -> Binding<'_> {
        Binding::new(&self.location, &self.settings)
    }

    /// What goes wrong with the copy on disk is told once, not with every fetch.
    fn note_kept(&self, error: Option<String>) {
        let error = error.map(Arc::<str>::from);
        let mut is_new = false;
        self.note(|notes| {
            is_new = notes.kept_error != error;
            notes.kept_error = error;
        });
        if is_new {
            self.tell_kept_error();
        }
    }

    /// A line for what is wrong with the copy on disk, if something is.
    pub(super) fn tell_kept_error(&self) {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(log), Some(error)) = (self.log.get(), &notes.kept_error) {
            let issuer = self.location.issuer();
            let text = format!("the copy on disk of the keys of {issuer}: {error}");
            log.event("warning", "key_set", &text);
        }
    }

    fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Changes the ring, publishes it, and wakes who waits.
    fn update(&self, change: impl FnOnce(&mut KeyRing)) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut ring);
        self.published.store(Arc::new(ring.clone()));
        drop(ring);
        self.steps.send_modify(|step| *step = step.wrapping_add(1));
    }
}
