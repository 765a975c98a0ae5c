//! One question for each token, however many ask it at once: all of them wait for the same answer, and whoever still waits
//! carries it on when others leave.

use super::answers::Name;
use super::verdict::Verdict;
use countersign_core::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

type Flight = Shared<BoxFuture<'static, Verdict>>;
type UnderWay = Mutex<HashMap<Name, (u64, WeakShared<BoxFuture<'static, Verdict>>)>>;

/// The questions under way.
#[derive(Default)]
pub(super) struct Flights {
    under_way: Arc<UnderWay>,
    begun: Mutex<u64>,
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}

impl Flights {
    /// The question about `name` that is under way, or the one that `begin` begins.
    pub(super) fn join(
        &self,
        name: Name,
        begin: impl FnOnce() -> BoxFuture<'static, Verdict>,
    ) -> BoxFuture<'static, Verdict> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Option<Flight> = under_way.get(&name).and_then(|(_, flight)| flight.upgrade());
        if let Some(flight) = found {
            return flight.boxed();
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun += 1;
        let landing = Landing {
            under_way: Arc::clone(&self.under_way),
            name,
            number: *begun,
        };
        let question = begin();
        let flight = async move {
            let _landing = landing;
            question.await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.insert(name, (*begun, weak));
        }
        flight.boxed()
    }
}

/// Takes a question off the list when it was answered, or when nobody waits any more.
struct Landing {
    under_way: Arc<UnderWay>,
    name: Name,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may have begun since, when nobody waited for this one.
        if under_way
            .get(&self.name)
            .is_some_and(|(number, _)| *number == self.number)
        {
            under_way.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::introspection::answers::{Answers, Lives};
    use countersign_core::entropy::Entropy;
    use countersign_core::reason::RejectionReason;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    #[derive(Debug)]
    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn name(token: &str) -> Name {
        let lives = Lives {
            active: Duration::ZERO,
            refused: Duration::ZERO,
        };
        Answers::new("x", lives, &Zeros).name(token)
    }

    /// Ready at the second look.
    fn question(asked: &Arc<AtomicU32>) -> BoxFuture<'static, Verdict> {
        asked.fetch_add(1, Ordering::Relaxed);
        let mut looked = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut looked, true) {
                return Poll::Ready(Verdict::Refused(RejectionReason::TokenInactive, "".into()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .boxed()
    }

    fn look(future: &mut BoxFuture<'static, Verdict>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(future).poll(&mut context).is_ready()
    }

    #[test]
    fn all_who_ask_at_once_share_one_question_and_the_next_asks_anew() {
        let (flights, asked) = (Flights::default(), Arc::new(AtomicU32::new(0)));
        let mut all = (0..100)
            .map(|_| flights.join(name("t"), || question(&asked)))
            .collect::<Vec<_>>();
        let mut other = flights.join(name("u"), || question(&asked));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        // The first to look leaves before there is an answer.
        assert!(!look(&mut all[0]));
        drop(all.remove(0));
        assert!(all.iter_mut().all(look));
        assert!(!look(&mut other) && look(&mut other));
        assert!(flights.under_way.lock().unwrap().is_empty());
        let mut again = flights.join(name("t"), || question(&asked));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert!(!look(&mut again));
        drop(again);
        assert!(
            flights.under_way.lock().unwrap().is_empty(),
            "nobody waits, and nothing is left"
        );
    }
}
