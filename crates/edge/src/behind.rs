//! What is done behind the answer to a request: bounded, and waited for a moment when the gateway stops.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How much is under way at once, at most.
const AT_ONCE: u32 = 256;
/// How long one thing may take.
const TAKES: Duration = Duration::from_secs(20);
/// How long a gateway that stops waits for all of it.
const WAITS: Duration = Duration::from_secs(5);

/// All that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Behind(Arc<Semaphore>);

impl Behind {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE as usize)))
    }

    /// Begins `work`; says whether there was room for it.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return false;
        };
        drop(tokio::spawn(async move {
            // What takes longer is left alone: it was worth a try.
            drop(timeout(TAKES, work).await);
            drop(place);
        }));
        true
    }

    /// When nothing is under way any more, or that takes too long.
    pub(crate) async fn ended(&self) {
        drop(timeout(WAITS, self.0.acquire_many(AT_ONCE)).await);
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
