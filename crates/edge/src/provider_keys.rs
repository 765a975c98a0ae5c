//! The keys that our own OpenID Provider makes for itself: the driver of their life. It owns the place where they are kept,
//! the making and the timer; what signs, and when the next one does, is decided by
//! [`KeyLife`], below the waterline.
//!
//! No key signs, and none is published, before it is kept. Of several nodes that share a store one makes a key, and the others
//! find it: what is kept is written once over what was read, or not at all. What cannot be had leaves what is known in force,
//! and makes nothing; where nothing is known, nothing is signed.

use crate::key_sets::Refresh;
use crate::log::Log;
use arc_swap::ArcSwapOption;
use countersign_authn::provider::keys::life::{KeyLife, Wants};
use countersign_authn::provider::keys::set::{Pair, SigningSet};
use countersign_authn::provider::keys::{KeyPlan, SigningKeys, SigningKeysFactory, kept};
use countersign_authn::session::Sessions;
use countersign_core::Ports;
use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use shelf::{Read, Shelf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

mod news;
mod shelf;

pub use shelf::{BLOB, Place};

/// How old what is known may be before the place is asked again: as long as the JWK Set may be kept by whoever has it.
const READ_EVERY: Duration = Duration::from_mins(5);
/// The background task looks so often, and sooner while there is no key.
const LOOKS_EVERY: Duration = Duration::from_secs(30);
const LOOKS_AGAIN: Duration = Duration::from_secs(2);
/// How often one look writes at most: others write, too.
const ROUNDS: usize = 4;

/// Made keys, whatever configuration wants them. Must live inside a tokio runtime.
#[derive(Debug)]
pub struct ProviderKeys {
    clock: Arc<dyn Clock>,
    shelf: Shelf,
    refresh: Refresh,
    live: Arc<Live>,
    in_force: Mutex<Option<Wanted>>,
    /// The configuration is new: what is kept is read, and sealed anew.
    is_new: AtomicBool,
    state: tokio::sync::Mutex<State>,
    status: Mutex<Option<ProviderKeysStatus>>,
    log: OnceLock<Arc<Log>>,
    task: Mutex<Option<AbortHandle>>,
    me: Weak<Self>,
}

/// How they do, for the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderKeysStatus {
    /// From when on the key signs that does.
    pub signs_from: Timestamp,
    /// When the next one does.
    pub next_signs: Timestamp,
    /// How many are published.
    pub published: usize,
}

#[derive(Debug, Default)]
struct Live(ArcSwapOption<SigningSet>);

/// As the provider holds them.
#[derive(Debug)]
struct MadeKeys {
    plan: KeyPlan,
    live: Arc<Live>,
}

impl SigningKeys for MadeKeys {
    fn current(&self) -> Option<Arc<SigningSet>> {
        self.live.0.load_full()
    }

    fn plan(&self) -> Option<&KeyPlan> {
        Some(&self.plan)
    }
}

/// What the configuration in force wants.
#[derive(Clone, Debug)]
struct Wanted {
    plan: KeyPlan,
    place: Place,
}

#[derive(Debug, Default)]
struct State {
    /// Whose keys these are, and where they are kept.
    of: Option<(Place, Box<str>)>,
    life: KeyLife,
    read: Option<Read>,
    read_at: Option<Monotonic>,
    seals_anew: bool,
    /// What went wrong the last time: it is told once.
    error: Option<String>,
}

impl ProviderKeys {
    /// None yet. `sessions` knows the store.
    pub fn new(ports: &Ports, sessions: Arc<dyn Sessions>, refresh: Refresh) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            clock: Arc::clone(&ports.clock),
            shelf: Shelf {
                kept: Arc::clone(&ports.kept),
                sessions,
            },
            refresh,
            live: Arc::default(),
            in_force: Mutex::default(),
            is_new: AtomicBool::new(false),
            state: tokio::sync::Mutex::default(),
            status: Mutex::default(),
            log: OnceLock::new(),
            task: Mutex::default(),
            me: Weak::clone(me),
        })
    }

    /// From now on, what happens to keys has a line in `log`.
    pub fn tell(&self, log: &Arc<Log>) {
        // The log is set once; a second one would be the same.
        drop(self.log.set(Arc::clone(log)));
    }

    /// From now on this plan is in force, and its keys are kept there; without a plan, none are made.
    pub fn follow(&self, plan: Option<&KeyPlan>, place: Place) {
        let wanted = plan.map(|plan| Wanted {
            plan: plan.clone(),
            place,
        });
        let is_wanted = wanted.is_some();
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        self.is_new.store(true, Ordering::Release);
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if is_wanted && self.refresh == Refresh::Background && task.is_none() {
            *task = Some(tokio::spawn(keep(Weak::clone(&self.me))).abort_handle());
        }
    }

    /// How they do; nothing while there are none.
    pub fn status(&self) -> Option<ProviderKeysStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does what is due at `now`.
    pub async fn tick(&self, now: Now) {
        let wanted = self
            .in_force
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(wanted) = wanted else {
            self.publish(None, &KeyLife::default());
            return;
        };
        let mut state = self.state.lock().await;
        let of = Some((wanted.place, wanted.plan.issuer.clone()));
        if state.of != of {
            *state = State {
                of,
                ..State::default()
            };
        }
        if self.is_new.swap(false, Ordering::AcqRel) {
            (state.read_at, state.seals_anew) = (None, wanted.place == Place::Store);
        }
        let before = news::Seen::of(&state.life);
        let done = self.look(&mut state, &wanted, now).await;
        self.publish(Some(&wanted.plan), &state.life);
        for line in before.news(&state.life) {
            self.event("info", &line);
        }
        let is_known = state.error.as_ref() == done.as_ref().err();
        state.error = done.err();
        if let (Some(error), false) = (&state.error, is_known) {
            let left = if state.life.keys().len() == 0 {
                "nothing is signed until they can be had"
            } else {
                "those that are known go on, and none is made"
            };
            self.event("error", &format!("{error}; {left}"));
        }
    }

    async fn look(&self, state: &mut State, wanted: &Wanted, now: Now) -> Result<(), String> {
        state.life.go_on(now);
        let is_fresh = |at: Monotonic| now.monotonic.since(at) < READ_EVERY;
        if !state.read_at.is_some_and(is_fresh) {
            self.read(state, wanted, now).await?;
        }
        for _ in 0..ROUNDS {
            let is_lost = state.read.is_none();
            let keys = match state.life.wants(&wanted.plan, now) {
                Wants::Nothing if is_lost || state.seals_anew => state.life.keys().cloned().collect(),
                Wants::Nothing => return Ok(()),
                Wants::Tidying => state.life.kept_anew(None, now),
                Wants::Key => {
                    let made = make(wanted.plan.algorithm).await?;
                    state.life.kept_anew(Some(made), now)
                }
            };
            let bytes = kept::write(&keys).map_err(|error| error.to_string())?;
            let whose = (wanted.place, &*wanted.plan.issuer);
            let before = state.read.as_ref();
            self.shelf.write(whose, &bytes, before, now).await?;
            state.seals_anew = false;
            // What was written, or what another wrote meanwhile.
            self.read(state, wanted, now).await?;
        }
        Err("other nodes write the provider's keys again and again".to_owned())
    }

    async fn read(&self, state: &mut State, wanted: &Wanted, now: Now) -> Result<(), String> {
        let whose = (wanted.place, &*wanted.plan.issuer);
        let read = self.shelf.read(whose, now).await?;
        if let Some(read) = &read {
            let keys = kept::read(read.bytes.expose()).map_err(|error| wanted.place.broken(error))?;
            state.life.take(keys, now);
        }
        state.read = read;
        state.read_at = Some(now.monotonic);
        Ok(())
    }

    fn publish(&self, plan: Option<&KeyPlan>, life: &KeyLife) {
        let set = plan.and_then(|plan| life.set(&plan.former));
        let status = plan
            .zip(life.signing())
            .map(|(plan, signing)| ProviderKeysStatus {
                signs_from: signing.signs_from,
                next_signs: life.next_signs(plan).unwrap_or(signing.signs_from),
                published: life.keys().len().saturating_add(plan.former.len()),
            });
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
        self.live.0.store(set.map(Arc::new));
    }

    fn event(&self, level: &'static str, text: &str) {
        if let Some(log) = self.log.get() {
            log.event(level, "provider_keys", text);
        }
    }

    fn has_none(&self) -> bool {
        self.live.0.load().is_none()
    }
}

impl SigningKeysFactory for ProviderKeys {
    fn open(&self, plan: KeyPlan) -> Arc<dyn SigningKeys> {
        Arc::new(MadeKeys {
            plan,
            live: Arc::clone(&self.live),
        })
    }
}

impl Drop for ProviderKeys {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// The life of the background task.
async fn keep(keys: Weak<ProviderKeys>) {
    while let Some(keys) = keys.upgrade() {
        keys.tick(keys.clock.now()).await;
        let wait = if keys.has_none() { LOOKS_AGAIN } else { LOOKS_EVERY };
        drop(keys);
        tokio::time::sleep(wait).await;
    }
}

/// A key of RSA takes so long to make that nothing else may wait for it.
async fn make(algorithm: Algorithm) -> Result<Pair, String> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    let made = made.map_err(|error| error.to_string())?;
    let pair = made.map_err(|error| error.to_string()).map(Pair::new)?;
    pair.ok_or_else(|| format!("there are no keys for {}", algorithm.name()))
}
