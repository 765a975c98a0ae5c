//! A configuration put in force: at the start, and with every reload.

use super::asked::{Asked, WantedKeys};
use super::figures::{self, Tokens};
use super::sessions::{Opened, Step};
use super::sockets::{Change, Closed, Sockets};
use super::{Origin, read, told_whole, warn};
use crate::compose::{self, Loaded};
use crate::config::diagnostic::MAX_SHOWN;
use crate::config::{Diagnostic, Environment, Severity, Sources};
use crate::reload::{BETWEEN_READINGS, NotTaken, Recorder, Stamps, judge};
use countersign_authn::token_cache::TokenCache;
use countersign_core::Ports;
use countersign_edge::audit::{Action, Audit};
use countersign_edge::log::Log;
use countersign_edge::metrics::Metrics;
use countersign_edge::serve::{Loopback, Shared};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What every refusal begins with.
const STAYS: &str = "the configuration before stays in force";

/// How long a removed socket may take to be closed: its task has only to be run.
const CLOSES: Duration = Duration::from_secs(5);

/// A running program, as far as its configuration is concerned.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) origin: Origin,
    pub(super) environment: Arc<Environment>,
    pub(super) ports: Ports,
    /// The short way to our own provider.
    pub(super) loopback: Arc<Loopback>,
    pub(super) asked: Asked,
    pub(super) sessions: Opened,
    pub(super) shared: Arc<Shared>,
    pub(super) log: Arc<Log>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) in_force: Mutex<InForce>,
    pub(super) sockets: Mutex<Sockets>,
    /// One reload at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
}

/// The configuration in force.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    sources: Sources,
    /// What the files that it names looked like before they were read.
    stamps: Stamps,
    generation: u64,
    tokens: Tokens,
}

/// A reload that took nothing.
#[derive(Debug)]
struct Refused {
    /// Why, in one line.
    why: String,
    /// The mistakes, a line each.
    mistakes: Vec<String>,
    /// The same for a person at a terminal.
    rendered: Option<String>,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self {
            why,
            mistakes: Vec::new(),
            rendered: None,
        }
    }
}

impl Refused {
    fn because_of(told: &[Diagnostic], sources: &Sources) -> Self {
        let errors = told.iter().filter(|one| one.severity == Severity::Error);
        let (count, shown) = (errors.clone().count(), errors.take(MAX_SHOWN));
        let mut mistakes = shown
            .map(|one| format!("{}: {}", one.location(sources), one.message))
            .collect::<Vec<_>>();
        if count > MAX_SHOWN {
            mistakes.push(format!("and {} more", count - MAX_SHOWN));
        }
        Self {
            why: format!("mistakes in it: {count}"),
            mistakes,
            rendered: Some(told_whole(told, sources)),
        }
    }
}

impl InForce {
    /// What `loaded` puts in force, as the first.
    pub(super) fn first(loaded: &Loaded, sources: Sources, stamps: Stamps) -> Self {
        Self {
            sources,
            stamps,
            generation: 0,
            tokens: Tokens::first(&loaded.tokens),
        }
    }

    fn next(&self, loaded: &Loaded, sources: Sources, stamps: Stamps) -> Self {
        Self {
            sources,
            stamps,
            generation: self.generation + 1,
            tokens: self.tokens.followed_by(&loaded.tokens),
        }
    }
}

/// Reads and checks `sources`. Verified tokens are remembered anew by every configuration: what was verified by the rules
/// before is nothing to the rules after.
pub(super) fn load(
    sources: &Sources,
    environment: &Environment,
    ports: &Ports,
    asked: &Asked,
) -> Result<Loaded, Vec<Diagnostic>> {
    compose::load_with(sources, environment, |limits| {
        asked.parts(Arc::new(TokenCache::new(limits, &*ports.entropy)))
    })
}

impl Program {
    fn in_force(&self) -> InForce {
        self.in_force
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The sockets.
    pub(super) fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many configurations were taken since the start.
    pub(super) fn generation(&self) -> u64 {
        self.in_force().generation
    }

    /// What the files that the configuration in force names looked like when they were read, and which configuration
    /// that is.
    pub(super) fn stamps(&self) -> (u64, Stamps) {
        let in_force = self.in_force();
        (in_force.generation, in_force.stamps)
    }

    /// Takes what is in the files now, whole, or nothing of it. Answers with what is to be said about it.
    pub(super) async fn reload(self: &Arc<Self>) -> Result<String, String> {
        self.take_anew(None).await
    }

    /// The same for a file that the configuration in force names; the configuration itself is not read.
    pub(super) async fn renew(self: &Arc<Self>, changed: &Path) -> Result<String, String> {
        self.take_anew(Some(changed)).await
    }

    async fn take_anew(self: &Arc<Self>, changed: Option<&Path>) -> Result<String, String> {
        let one_at_a_time = self.reloading.lock().await;
        let kept = changed.map(|_| self.in_force().sources);
        let mut taken = self.try_take(kept).await;
        if let (Ok(said), Some(changed)) = (&mut taken, changed) {
            *said = format!("{} has changed: {said}", changed.display());
        }
        // Of a configuration that was not taken, too, nothing stays behind.
        self.asked.key_sets.forget_unused();
        drop(one_at_a_time);
        self.metrics.reload(taken.is_ok());
        match &taken {
            Ok(said) => self.log.event("info", "reload", said),
            Err(refused) => {
                for line in &refused.mistakes {
                    self.log.event("error", "configuration", line);
                }
                let text = format!("{STAYS}: {}", refused.why);
                self.log.event("error", "reload_refused", &text);
            }
        }
        let audit = Audit {
            detail: match &taken {
                Ok(said) => said,
                Err(refused) => &refused.why,
            },
            ..Audit::new(Action::Reload)
        };
        self.log.audit(&audit, self.ports.clock.now().wall);
        taken.map_err(|refused| match refused.rendered {
            Some(rendered) => format!("{STAYS}: {}\n\n{rendered}", refused.why),
            None => format!("{STAYS}: {}", refused.why),
        })
    }

    /// By the configuration `kept`, or by what is in its files now.
    async fn try_take(self: &Arc<Self>, kept: Option<Sources>) -> Result<String, Refused> {
        let again = kept.clone();
        let first = self
            .aside(|program| {
                let sources = program.sources(kept)?;
                let recorder = Recorder::around(&program.environment);
                compose::look(&sources, recorder.environment());
                Ok(recorder.reading(sources))
            })
            .await?;
        tokio::time::sleep(BETWEEN_READINGS).await;
        let loading = self.loopback.loading();
        let (loaded, second, stamps) = self
            .aside(|program| {
                let sources = program.sources(again)?;
                let recorder = Recorder::around(&program.environment);
                let loaded = load(&sources, recorder.environment(), &program.ports, &program.asked);
                Ok((loaded, recorder.reading(sources), recorder.stamps()))
            })
            .await?;
        let before = self.in_force();
        judge(&before.sources, &first, &second).map_err(|why: NotTaken| why.to_string())?;
        let sources = second.sources;
        let loaded = loaded.map_err(|told| Refused::because_of(&told, &sources))?;
        let step = self.sessions.prepare(&loaded.session, &self.ports).await;
        let step = step.map_err(|told| Refused::because_of(&[told], &sources))?;
        let keys = WantedKeys::of(&loaded);
        let (generation, closed) = self.take(loaded, &before, (sources, stamps), step)?;
        drop(loading);
        self.asked.make_keys(keys).await;
        // Who hears that it was taken finds nobody at an address that was removed.
        let all = async {
            for one in closed {
                drop(one.await);
            }
        };
        drop(tokio::time::timeout(CLOSES, all).await);
        Ok(format!("configuration {generation} is in force"))
    }

    fn sources(&self, kept: Option<Sources>) -> Result<Sources, String> {
        match kept {
            Some(kept) => Ok(kept),
            None => read(&self.origin, &self.environment),
        }
    }

    fn take(
        &self,
        loaded: Loaded,
        before: &InForce,
        (sources, stamps): (Sources, Stamps),
        step: Step,
    ) -> Result<(u64, Vec<Closed>), Refused> {
        let mut sockets = self.sockets();
        if sockets.is_stopped() {
            return Err("the gateway is stopping".to_owned().into());
        }
        let change = sockets
            .prepare(&loaded)
            .map_err(|told| Refused::because_of(&told, &sources))?;
        let after = before.next(&loaded, sources, stamps);
        let generation = after.generation;
        Ok((
            generation,
            self.put_in_force(loaded, after, (change, step), &mut sockets),
        ))
    }

    /// Reading and checking may take their time: requests are served meanwhile.
    pub(super) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let program = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&program)).await;
        done.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// From here on nothing can fail. Requests under way keep the rules they came in by.
    pub(super) fn put_in_force(
        &self,
        mut loaded: Loaded,
        after: InForce,
        (change, step): (Change, Step),
        sockets: &mut Sockets,
    ) -> Vec<Closed> {
        self.sessions.commit(step, &self.asked.sessions, &self.log);
        self.log.set(loaded.log.format, loaded.log.decisions);
        warn(&loaded, &after.sources, &self.log);
        let source = figures::source(&self.asked, &after.tokens, &loaded, &self.ports.clock);
        self.metrics.set_source(source);
        loaded.gateway.generation = after.generation;
        loaded.gateway.faces = sockets.faces(&change);
        self.shared.swap(loaded.gateway);
        let closed = sockets.commit(change, loaded.limits, &self.shared, &self.log);
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner) = after;
        closed
    }
}
