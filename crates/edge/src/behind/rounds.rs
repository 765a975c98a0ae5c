//! Rounds: many things to do for one reason, as the applications that are told of one logout.

use super::TAKES;
use futures_util::stream::{StreamExt as _, iter};
use std::collections::HashMap;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many rounds there are, at most.
const ROUNDS: u32 = 1024;
/// Of those, for one whose they are.
const OF_ONE: usize = 4;
/// How much of one round is under way at once, and of all.
const AT_ONCE_OF_ONE: usize = 8;
const AT_ONCE: usize = 256;

/// All rounds that have begun.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    room: Arc<Semaphore>,
    places: Arc<Semaphore>,
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
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROUNDS as usize)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            of: Arc::default(),
        }
    }

    pub(super) fn begin<W>(&self, whose: &str, works: Vec<W>) -> bool
    where
        W: Future<Output = ()> + Send + 'static,
    {
        if works.is_empty() {
            return true;
        }
        let Some(round) = self.round(whose) else {
            return false;
        };
        let places = Arc::clone(&self.places);
        drop(tokio::spawn(async move {
            let works = works.into_iter().map(move |work| {
                let places = Arc::clone(&places);
                async move {
                    let place = places.acquire().await;
                    // What takes longer is left alone: it was worth a try.
                    drop(timeout(TAKES, work).await);
                    drop(place);
                }
            });
            let works = iter(works).buffer_unordered(AT_ONCE_OF_ONE);
            works.for_each(|()| ready(())).await;
            drop(round);
        }));
        true
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
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    /// So many things to do that take a second each, and how many of them are done.
    fn works(count: usize) -> (Vec<impl Future<Output = ()> + Send + 'static>, Arc<AtomicUsize>) {
        let done = Arc::new(AtomicUsize::new(0));
        let work = |_| {
            let done = Arc::clone(&done);
            async move {
                sleep(Duration::from_secs(1)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let works = (0..count).map(work).collect();
        (works, done)
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_does_all_of_it_a_few_at_a_time() {
        let (rounds, began) = (Rounds::new(), Instant::now());
        let (works, done) = works(100);
        assert!(rounds.begin("ann", works));
        rounds.ended().await;
        assert_eq!(done.load(Ordering::SeqCst), 100);
        assert_eq!(began.elapsed(), Duration::from_secs(13));
        assert!(rounds.of().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobodys_rounds_are_in_the_way_of_anothers() {
        let rounds = Rounds::new();
        let endless = || (0..100).map(|_| std::future::pending::<()>()).collect::<Vec<_>>();
        for _ in 0..OF_ONE {
            assert!(rounds.begin("gus", endless()));
        }
        for _ in 0..1000 {
            assert!(!rounds.begin("gus", endless()));
        }
        let (works, done) = works(8);
        assert!(rounds.begin("hal", works));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(done.load(Ordering::SeqCst), 8);
        // What takes too long is given up, and then there is room for more.
        rounds.ended().await;
        assert!(rounds.begin("gus", endless()));
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_of_many_wait_for_their_turn_and_there_are_never_too_many() {
        let (rounds, began) = (Rounds::new(), Instant::now());
        let mut all = Vec::new();
        for number in 0..ROUNDS {
            let (works, done) = works(1);
            assert!(rounds.begin(&number.to_string(), works), "{number}");
            all.push(done);
        }
        let (more, _) = works(1);
        assert!(!rounds.begin("one more", more));
        rounds.ended().await;
        assert!(all.iter().all(|done| done.load(Ordering::SeqCst) == 1));
        assert_eq!(began.elapsed(), Duration::from_secs(4));
        assert!(rounds.of().is_empty());
    }
}
