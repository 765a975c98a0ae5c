//! What is done behind the answer to a request: bounded, and waited for a moment when the gateway stops.

use rounds::Rounds;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

mod rounds;

/// How much is under way at once, at most.
const AT_ONCE: u32 = 256;
/// How long one thing may take.
const TAKES: Duration = Duration::from_secs(20);
/// How long a gateway that stops waits for all of it.
const WAITS: Duration = Duration::from_secs(5);

/// All that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    places: Arc<Semaphore>,
    rounds: Rounds,
}

impl Behind {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE as usize)),
            rounds: Rounds::new(),
        }
    }

    /// Begins `work`; says whether there was room for it.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return false;
        };
        drop(tokio::spawn(async move {
            // What takes longer is left alone: it was worth a try.
            drop(timeout(TAKES, work).await);
            drop(place);
        }));
        true
    }

    /// Begins all of `works`, of which a few are under way at a time; says whether there was room for that. There is for a few such
    /// rounds of `whose`, so that nobody's are in the way of another's. What has begun is not dropped: it waits for its turn.
    pub(crate) fn begin_round<W>(&self, whose: &str, works: Vec<W>) -> bool
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.rounds.begin(whose, works)
    }

    /// When nothing is under way any more, or that takes too long.
    pub(crate) async fn ended(&self) {
        let all = async {
            drop(self.places.acquire_many(AT_ONCE).await);
            self.rounds.ended().await;
        };
        drop(timeout(WAITS, all).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way_and_not_for_ever() {
        let (behind, began) = (Behind::new(), Instant::now());
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let (done, is_done) = oneshot::channel();
        assert!(behind.begin(async {
            sleep(Duration::from_secs(3)).await;
            done.send(()).unwrap();
        }));
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        is_done.await.unwrap();
        assert!(behind.begin(std::future::pending()));
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3) + WAITS);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_so_many_until_one_ends_or_takes_too_long() {
        let behind = Behind::new();
        for number in 0..AT_ONCE {
            assert!(behind.begin(std::future::pending()), "{number}");
        }
        assert!(!behind.begin(async {}));
        sleep(TAKES + WAITS).await;
        assert!(behind.begin(async {}));
    }
}
