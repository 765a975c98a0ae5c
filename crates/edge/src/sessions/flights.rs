//! One errand at a time for each session: who comes while it is under way waits for its end.

use super::cache::Entry;
use countersign_authn::session::{Found, Gone};
use countersign_core::session::RecordKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long after an errand began somebody waits for it at most.
pub(super) const WAITS: Duration = Duration::from_secs(10);

/// What became of a session.
pub(super) type Answer = Result<Arc<Entry>, Lost>;

/// Why there is none to be had.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    Gone(Gone),
    /// The text is for the log.
    Unavailable(Arc<str>),
}

impl From<Lost> for Found {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Gone(gone) => Self::Gone(gone),
            Lost::Unavailable(why) => Self::Unavailable(why.to_string()),
        }
    }
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Errand {
    /// To ask the store.
    Load,
    /// To ask the issuer.
    Renew,
}

type Key = (RecordKey, Errand);

/// An errand under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    answer: watch::Receiver<Option<Answer>>,
    began: Instant,
}

impl Flight {
    /// Its end; `None` when that is too long in coming.
    pub(super) async fn landed(mut self) -> Option<Answer> {
        let landed = self.answer.wait_for(Option::is_some);
        match timeout_at(self.began + WAITS, landed).await {
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) => Some(Err(Lost::Unavailable("what was under way has failed".into()))),
            Err(_) => None,
        }
    }
}

/// All that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, Flight>>>);

/// Takes a flight from the list when it has landed, however it did.
struct Landing<'a> {
    flights: &'a Flights,
    key: Key,
    answer: watch::Sender<Option<Answer>>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.all();
        let own = |flight: &Flight| flight.answer.same_channel(&self.answer.subscribe());
        if flights.get(&self.key).is_some_and(own) {
            flights.remove(&self.key);
        }
    }
}

impl Flights {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The errand that is under way, or the one that `start` begins. It is a task of its own: a client that goes away does
    /// not end it.
    pub(super) fn join<F>(&self, name: RecordKey, errand: Errand, start: impl FnOnce() -> F) -> Flight
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let key = (name, errand);
        let mut all = self.all();
        if let Some(flight) = all.get(&key) {
            return flight.clone();
        }
        let (sender, answer) = watch::channel(None);
        let flight = Flight {
            answer,
            began: Instant::now(),
        };
        all.insert(key, flight.clone());
        drop(all);
        let (flights, errand) = (self.clone(), start());
        drop(tokio::spawn(async move {
            let landing = Landing {
                flights: &flights,
                key,
                answer: sender,
            };
            let answer = errand.await;
            landing.answer.send_replace(Some(answer));
        }));
        flight
    }

    /// How many renewals are under way.
    pub(super) fn renewals(&self) -> usize {
        self.all()
            .keys()
            .filter(|(_, errand)| *errand == Errand::Renew)
            .count()
    }

    /// Who comes from now on does not wait for what is under way.
    pub(super) fn forget(&self, name: RecordKey) {
        let mut all = self.all();
        for errand in [Errand::Load, Errand::Renew] {
            all.remove(&(name, errand));
        }
    }

    /// The same for all sessions.
    pub(super) fn forget_all(&self) {
        self.all().clear();
    }
}
