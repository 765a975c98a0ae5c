//! Rounds: many things to do for one reason, as the applications that are told of one logout. All are tried once before one is tried
//! again.

use super::{STOPS, Stop, TAKES, TOO_SLOW};
use futures_util::stream::{StreamExt as _, iter};
use std::collections::HashMap;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// How many rounds there are, at most.
const ROUNDS: u32 = 1024;
/// Of those, for one whose they are.
const OF_ONE: usize = 4;
/// How much of one round is under way at once, and of all.
const AT_ONCE_OF_ONE: usize = 8;
const AT_ONCE: usize = 256;
/// How long to wait before what failed is tried again, once all have been tried.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// One thing of a round.
pub(crate) trait Work: Send + Sync + 'static {
    /// Tries it once.
    fn attempt(&self) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Says that it is not done, and will not be.
    fn give_up(&self, why: &str);
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    /// For the log.
    pub(crate) why: String,
    /// Whether it may do to try again.
    pub(crate) is_passing: bool,
}

impl Failed {
    fn for_good(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            is_passing: false,
        }
    }
}

/// All rounds that have begun.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    room: Arc<Semaphore>,
    places: Arc<Semaphore>,
    stop: Stop,
    /// How many there are of whom.
    of: Arc<Mutex<HashMap<Box<str>, usize>>>,
}

/// One of them, until it is over.
struct Round {
    whose: Box<str>,
    all: Rounds,
    _place: OwnedSemaphorePermit,
}

impl Drop for Round {
    fn drop(&mut self) {
        let mut of = self.all.of();
        if let Some(count) = of.get_mut(&self.whose) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                of.remove(&self.whose);
            }
        }
    }
}

impl Rounds {
    pub(super) fn new(stop: Stop) -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROUNDS as usize)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            stop,
            of: Arc::default(),
        }
    }

    pub(super) fn begin<W: Work>(&self, whose: &str, works: Vec<W>) -> bool {
        if works.is_empty() {
            return true;
        }
        let Some(round) = self.round(whose) else {
            return false;
        };
        drop(tokio::spawn(async move {
            round.all.all_of(works).await;
            drop(round);
        }));
        true
    }

    async fn all_of<W: Work>(&self, works: Vec<W>) {
        let mut left = works;
        for wait in AGAIN_AFTER {
            left = self.once(left, false).await;
            if left.is_empty() {
                return;
            }
            // Where it is stopped meanwhile, each says so next.
            let _stopped = self.stop.unless_said(sleep(wait)).await;
        }
        drop(self.once(left, true).await);
    }

    /// Tries each once, a few at a time; those that are to be tried again.
    async fn once<W: Work>(&self, works: Vec<W>, is_last: bool) -> Vec<W> {
        let tried = works.into_iter().map(|work| async move {
            let failed = self.attempt(&work).await.err()?;
            if failed.is_passing && !is_last {
                return Some(work);
            }
            work.give_up(&failed.why);
            None
        });
        let tried = iter(tried).buffer_unordered(AT_ONCE_OF_ONE);
        tried.filter_map(ready).collect().await
    }

    /// A place is held for no longer than that takes.
    async fn attempt<W: Work>(&self, work: &W) -> Result<(), Failed> {
        let tried = async {
            let place = self.places.acquire().await;
            let tried = timeout(TAKES, work.attempt()).await;
            drop(place);
            tried
        };
        match self.stop.unless_said(tried).await {
            Some(Ok(tried)) => tried,
            Some(Err(_)) => Err(Failed::for_good(TOO_SLOW)),
            None => Err(Failed::for_good(STOPS)),
        }
    }

    /// When there are none any more.
    pub(super) async fn ended(&self) {
        drop(self.room.acquire_many(ROUNDS).await);
    }

    fn round(&self, whose: &str) -> Option<Round> {
        let place = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let mut of = self.of();
        let count = of.entry(whose.into()).or_default();
        if *count >= OF_ONE {
            return None;
        }
        *count += 1;
        Some(Round {
            whose: whose.into(),
            all: self.clone(),
            _place: place,
        })
    }

    fn of(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
