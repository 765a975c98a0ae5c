//! What one Workload API told last of all trust domains, and how its stream is kept open.

use super::LateLog;
use arc_swap::{ArcSwap, Guard};
use countersign_authn::bundles::WorkloadApiAddress;
use countersign_core::BoxFuture;
use countersign_core::spiffe::TrustDomain;
use countersign_core::time::{Clock, Monotonic};
use futures_util::stream::{BoxStream, StreamExt as _};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The first pause before a stream that ended is opened again; each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The authorities of every trust domain, as one message tells them.
pub(super) type Bundles<A> = BTreeMap<TrustDomain, A>;

/// The messages of one stream. An error in the middle is a message that could not be read.
pub(super) type Messages<A> = BoxStream<'static, Result<Bundles<A>, String>>;

/// Where streams come from.
pub(super) trait Source<A>: Send + 'static {
    /// Opens the stream; why not, for the log.
    fn open(&self) -> BoxFuture<'_, Result<Messages<A>, String>>;
}

/// What was told last.
#[derive(Clone, Debug)]
pub(super) struct Held<A> {
    /// `None` when nothing was told ever.
    bundles: Option<Bundles<A>>,
    generation: u64,
    /// Whether the first attempt has come to an end, good or bad.
    answered: bool,
    /// Since when nothing is heard; `None` while the stream is open and good.
    silent_since: Option<Monotonic>,
    problem: Option<Arc<str>>,
}

/// Why there are no authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The first attempt is not over.
    NotAnswered,
    /// Nothing was told ever.
    Everything,
    /// Other trust domains were told of, and not this one.
    TrustDomain,
    /// What was told is too old.
    Stale,
}

impl<A> Held<A> {
    const fn nothing() -> Self {
        Self {
            bundles: None,
            generation: 0,
            answered: false,
            silent_since: None,
            problem: None,
        }
    }

    /// What was told last of `trust_domain`.
    pub(super) fn of(&self, trust_domain: &TrustDomain) -> Result<&A, Missing> {
        match &self.bundles {
            Some(bundles) => bundles.get(trust_domain).ok_or(Missing::TrustDomain),
            None if self.answered => Err(Missing::Everything),
            None => Err(Missing::NotAnswered),
        }
    }

    /// The same, unless nothing was heard for longer than `max_staleness`.
    pub(super) fn fresh(
        &self,
        trust_domain: &TrustDomain,
        max_staleness: Duration,
        now: Monotonic,
    ) -> Result<&A, Missing> {
        let told = self.of(trust_domain)?;
        match self.silent_since {
            Some(since) if now.since(since) > max_staleness => Err(Missing::Stale),
            Some(_) | None => Ok(told),
        }
    }

    /// Counts the changes.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The words for the log.
    pub(super) fn why(&self, missing: Missing, trust_domain: &TrustDomain) -> Arc<str> {
        let problem = self.problem.as_deref().unwrap_or("it is silent");
        match missing {
            Missing::NotAnswered => "the Workload API has not answered yet".into(),
            Missing::Everything => format!("the Workload API never told any: {problem}").into(),
            Missing::TrustDomain => {
                format!("the Workload API tells nothing of the trust domain {trust_domain}").into()
            }
            Missing::Stale => format!("what the Workload API told is too old: {problem}").into(),
        }
    }
}

impl<A: PartialEq> Held<A> {
    /// A message came.
    fn told(&mut self, bundles: Bundles<A>) {
        if self.bundles.as_ref() != Some(&bundles) {
            self.generation += 1;
            self.bundles = Some(bundles);
        }
        self.answered = true;
        self.silent_since = None;
        self.problem = None;
    }

    /// An attempt failed, the stream ended, or a message could not be read: the last good one stays.
    fn failed(&mut self, problem: &str, now: Monotonic) {
        self.answered = true;
        self.silent_since = self.silent_since.or(Some(now));
        self.problem = Some(problem.into());
    }
}

/// One stream of one Workload API.
pub(super) struct Feed<A> {
    /// What it tells, for the log.
    what: &'static str,
    address: WorkloadApiAddress,
    clock: Arc<dyn Clock>,
    log: LateLog,
    /// What is read. Written under `writing` only.
    published: ArcSwap<Held<A>>,
    writing: Mutex<()>,
    /// Counts the steps, so that those who wait can look again.
    steps: watch::Sender<u64>,
}

impl<A> fmt::Debug for Feed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed({} of {})", self.what, self.address)
    }
}

impl<A> Feed<A> {
    pub(super) fn new(
        what: &'static str,
        address: &WorkloadApiAddress,
        clock: &Arc<dyn Clock>,
        log: &LateLog,
    ) -> Arc<Self> {
        Arc::new(Self {
            what,
            address: address.clone(),
            clock: Arc::clone(clock),
            log: Arc::clone(log),
            published: ArcSwap::from_pointee(Held::nothing()),
            writing: Mutex::default(),
            steps: watch::Sender::new(0),
        })
    }

    pub(super) const fn address(&self) -> &WorkloadApiAddress {
        &self.address
    }

    /// What was told last.
    pub(super) fn held(&self) -> Guard<Arc<Held<A>>> {
        self.published.load()
    }

    /// Waits until the first attempt is over.
    pub(super) async fn answered(&self) {
        let mut steps = self.steps.subscribe();
        while !self.held().answered {
            if steps.changed().await.is_err() {
                return;
            }
        }
    }

    /// A line for what is wrong, if something is.
    pub(super) fn tell_problem(&self) {
        let held = self.held();
        if let (Some(log), Some(problem)) = (self.log.get(), &held.problem) {
            let left = match held.bundles {
                Some(_) => "the last that were told stay in force",
                None => "what needs them gets 503 until it answers",
            };
            let text = format!("{} from {}: {problem}; {left}", self.what, self.address);
            log.event("warning", "workload_api", &text);
        }
    }
}

impl<A: Clone + PartialEq + Send + Sync + 'static> Feed<A> {
    /// Opens the stream, takes what it tells, and opens it again when it ends: for ever.
    pub(super) async fn keep_open(self: Arc<Self>, source: impl Source<A>) {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.follow(&source).await {
                pause = FIRST_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Follows one stream to its end, and says whether it told anything.
    async fn follow(&self, source: &impl Source<A>) -> bool {
        let mut stream = match source.open().await {
            Ok(stream) => stream,
            Err(error) => {
                self.fail(&error);
                return false;
            }
        };
        let mut good = false;
        while let Some(message) = stream.next().await {
            match message {
                Ok(bundles) => {
                    good = true;
                    self.take(bundles);
                }
                Err(error) => self.fail(&error),
            }
        }
        if self.held().problem.is_none() {
            self.fail("the stream ended");
        }
        good
    }

    fn take(&self, bundles: Bundles<A>) {
        let was_silent = self.held().problem.is_some();
        self.update(|held| held.told(bundles));
        if let (true, Some(log)) = (was_silent, self.log.get()) {
            let text = format!("{} from {} are told again", self.what, self.address);
            log.event("info", "workload_api", &text);
        }
    }

    /// The same failure again is not told again.
    fn fail(&self, problem: &str) {
        let is_new = self.held().problem.as_deref() != Some(problem);
        let now = self.clock.now().monotonic;
        self.update(|held| held.failed(problem, now));
        if is_new {
            self.tell_problem();
        }
    }

    fn update(&self, change: impl FnOnce(&mut Held<A>)) {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = Held::clone(&self.published.load());
        change(&mut held);
        self.published.store(Arc::new(held));
        drop(writing);
        self.steps.send_modify(|step| *step = step.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests;
