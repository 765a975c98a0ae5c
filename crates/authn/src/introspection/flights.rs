//! One question for each token, however many ask it at once: all of them wait for the same answer, and whoever still waits
//! carries it on when others leave.
//!
//! A question is carried on by whoever is woken for it. One who leaves may have been: it wakes another, who may have come too
//! late to be woken with it.

use super::answers::Name;
use super::verdict::Verdict;
use countersign_core::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

type Flight = Shared<BoxFuture<'static, Verdict>>;
type UnderWay = Mutex<HashMap<Name, Departed>>;

/// A question under way.
struct Departed {
    number: u64,
    flight: WeakShared<BoxFuture<'static, Verdict>>,
    waiters: Arc<Mutex<Waiters>>,
}

/// Those who wait for one answer, and have looked for it.
#[derive(Default)]
struct Waiters {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

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
        if let Some(departed) = under_way.get(&name)
            && let Some(flight) = departed.flight.upgrade()
        {
            return Waiter::new(flight, &departed.waiters).boxed();
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
        let waiters = Arc::<Mutex<Waiters>>::default();
        if let Some(weak) = flight.downgrade() {
            let departed = Departed {
                number: *begun,
                flight: weak,
                waiters: Arc::clone(&waiters),
            };
            under_way.insert(name, departed);
        }
        Waiter::new(flight, &waiters).boxed()
    }
}

/// One who waits.
struct Waiter {
    flight: Flight,
    all: Arc<Mutex<Waiters>>,
    /// By which it is known to the others, from its first look to the answer.
    id: Option<u64>,
}

impl Waiter {
    fn new(flight: Flight, all: &Arc<Mutex<Waiters>>) -> Self {
        Self {
            flight,
            all: Arc::clone(all),
            id: None,
        }
    }

    /// Takes it off the list of those who wait; whether it was there.
    fn leave(&mut self) -> bool {
        let id = self.id.take();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        id.is_some_and(|id| all.wakers.remove(&id).is_some())
    }
}

impl Future for Waiter {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let this = &mut *self;
        {
            let mut all = this.all.lock().unwrap_or_else(PoisonError::into_inner);
            let id = *this.id.get_or_insert(all.next);
            all.next = all.next.max(id + 1);
            all.wakers.insert(id, context.waker().clone());
        }
        let answer = Pin::new(&mut this.flight).poll(context);
        if answer.is_ready() {
            this.leave();
        }
        answer
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if !self.leave() {
            return;
        }
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let another = all.wakers.values().next().cloned();
        drop(all);
        if let Some(waker) = another {
            waker.wake();
        }
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
            .is_some_and(|departed| departed.number == self.number)
        {
            under_way.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Zeros;
    use crate::introspection::answers::{Answers, Lives};
    use countersign_core::reason::RejectionReason;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::Duration;

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

    #[derive(Debug, Default)]
    struct Told(AtomicU32);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_leaves_after_it_was_told_to_look_again_leaves_that_to_another() {
        let (flights, told) = (Arc::new(Flights::default()), Arc::new(Told::default()));
        let second = Arc::new(Mutex::new(None::<BoxFuture<'static, Verdict>>));
        // While the first looks, the question goes on, which is told to those who wait, and only then another comes to wait.
        let (joins, waits, waker) = (
            Arc::clone(&flights),
            Arc::clone(&second),
            Waker::from(Arc::clone(&told)),
        );
        let mut looks = 0;
        let question = std::future::poll_fn(move |context| {
            looks += 1;
            if looks == 2 {
                return Poll::Ready(Verdict::Refused(RejectionReason::TokenInactive, "".into()));
            }
            context.waker().wake_by_ref();
            let mut other = joins.join(name("t"), || unreachable!());
            assert!(other.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            *waits.lock().unwrap() = Some(other);
            Poll::Pending
        });
        let mut first = flights.join(name("t"), || question.boxed());
        assert!(!look(&mut first));
        drop(first);
        assert!(told.0.load(Ordering::Relaxed) > 0, "nobody carries it on");
        let mut second = second.lock().unwrap().take().unwrap();
        assert!(look(&mut second));
        drop(second);
        assert!(flights.under_way.lock().unwrap().is_empty());
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
