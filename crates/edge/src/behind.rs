//! What is done behind the answer to a request: bounded, and waited for a moment when the gateway stops.

use rounds::Rounds;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub(crate) use rounds::{Failed, Work};

mod rounds;

/// How much is under way at once, at most.
const AT_ONCE: u32 = 256;
/// How long one thing may take.
const TAKES: Duration = Duration::from_secs(20);
/// How long a gateway that stops waits for all of it.
const WAITS: Duration = Duration::from_secs(5);
/// How long it waits then for what is given up to say so: there is nothing to wait for but that.
const SAYS: Duration = Duration::from_secs(1);

/// Why something is given up.
const TOO_SLOW: &str = "it took too long";
const STOPS: &str = "the gateway stops";

/// All that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    places: Arc<Semaphore>,
    stop: Stop,
    rounds: Rounds,
}

impl Behind {
    pub(crate) fn new() -> Self {
        let stop = Stop::new();
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE as usize)),
            rounds: Rounds::new(stop.clone()),
            stop,
        }
    }

    /// Begins `work`; says whether there was room for it. What does not come to its end is given up, for the reason that
    /// `give_up` is told.
    pub(crate) fn begin(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
        give_up: impl FnOnce(&str) + Send + 'static,
    ) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return false;
        };
        let stop = self.stop.clone();
        drop(tokio::spawn(async move {
            match stop.unless_said(timeout(TAKES, work)).await {
                Some(Ok(())) => {}
                Some(Err(_)) => give_up(TOO_SLOW),
                None => give_up(STOPS),
            }
            drop(place);
        }));
        true
    }

    /// Begins all of `works`, of which a few are under way at a time; says whether there was room for that. There is for a few such
    /// rounds of `whose`, so that nobody's are in the way of another's. What has begun is not dropped: it waits for its turn.
    pub(crate) fn begin_round<W: Work>(&self, whose: &str, works: Vec<W>) -> bool {
        self.rounds.begin(whose, works)
    }

    /// When nothing is under way any more. What takes too long is given up, and has said so.
    pub(crate) async fn ended(&self) {
        if timeout(WAITS, self.idle()).await.is_err() {
            self.give_up().await;
        }
    }

    /// Gives up what is under way now, and what begins from now on.
    pub(crate) async fn give_up(&self) {
        self.stop.say();
        drop(timeout(SAYS, self.idle()).await);
    }

    async fn idle(&self) {
        drop(self.places.acquire_many(AT_ONCE).await);
        self.rounds.ended().await;
    }
}

/// That nothing is waited for any more.
#[derive(Clone, Debug)]
struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    fn say(&self) {
        self.0.send_replace(true);
    }

    /// What comes of `work`, unless it is stopped before.
    async fn unless_said<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut told = self.0.subscribe();
        tokio::select! {
            biased;
            _ = told.wait_for(|said| *said) => None,
            done = work => Some(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way_and_not_for_ever() {
        let (behind, began) = (Behind::new(), Instant::now());
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let (done, is_done) = oneshot::channel();
        let work = async {
            sleep(Duration::from_secs(3)).await;
            done.send(()).unwrap();
        };
        assert!(behind.begin(work, |why| panic!("{why}")));
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        is_done.await.unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let give_up = |said: &Arc<Mutex<Vec<String>>>| {
            let said = Arc::clone(said);
            move |why: &str| said.lock().unwrap().push(why.to_owned())
        };
        assert!(behind.begin(std::future::pending(), give_up(&said)));
        behind.ended().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3) + WAITS);
        assert_eq!(*said.lock().unwrap(), [STOPS]);
        assert!(behind.begin(std::future::pending(), give_up(&said)));
        behind.ended().await;
        assert_eq!(*said.lock().unwrap(), [STOPS, STOPS]);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_so_many_until_one_ends_or_takes_too_long() {
        let (behind, said) = (Behind::new(), Arc::new(Mutex::new(0)));
        for number in 0..AT_ONCE {
            let said = Arc::clone(&said);
            let give_up = move |why: &str| {
                assert_eq!(why, TOO_SLOW);
                *said.lock().unwrap() += 1;
            };
            assert!(behind.begin(std::future::pending(), give_up), "{number}");
        }
        assert!(!behind.begin(async {}, |_| {}));
        sleep(TAKES + WAITS).await;
        assert_eq!(*said.lock().unwrap(), AT_ONCE);
        assert!(behind.begin(async {}, |_| {}));
    }
}
