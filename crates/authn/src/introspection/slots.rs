//! So many questions under way at once; a bounded number wait their turn. No timer: a turn comes when a question ends, and
//! each of those has a deadline of its own.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
struct Inner {
    free: usize,
    waiting: VecDeque<(u64, Waker)>,
    /// Those who wait, whether or not they were told that it is their turn.
    waiters: usize,
    next: u64,
}

/// The slots.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    inner: Arc<Mutex<Inner>>,
    most_waiting: usize,
}

/// A slot that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Slot(Slots);

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Slots {
    pub(super) fn new(slots: usize, most_waiting: usize) -> Self {
        let inner = Inner {
            free: slots,
            waiting: VecDeque::new(),
            waiters: 0,
            next: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            most_waiting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot, after waiting for one where none is free.
    pub(super) async fn take(&self) -> Result<Slot, TooMany> {
        let id = {
            let mut inner = self.lock();
            if inner.waiters >= self.most_waiting && inner.free == 0 {
                return Err(TooMany);
            }
            inner.waiters += 1;
            inner.next += 1;
            inner.next
        };
        let mut turn = Turn {
            slots: self,
            id,
            taken: false,
        };
        poll_fn(|context| turn.poll(context)).await;
        Ok(Slot(self.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.free += 1;
        wake_next(inner);
    }
}

/// Somebody who waits.
struct Turn<'a> {
    slots: &'a Slots,
    id: u64,
    taken: bool,
}

impl Turn<'_> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut inner = self.slots.lock();
        inner.waiting.retain(|(id, _)| *id != self.id);
        if inner.free > 0 {
            inner.free -= 1;
            self.taken = true;
            return Poll::Ready(());
        }
        inner.waiting.push_back((self.id, context.waker().clone()));
        Poll::Pending
    }
}

/// Whoever leaves without a slot passes on a turn it may have been told of.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut inner = self.slots.lock();
        inner.waiters -= 1;
        inner.waiting.retain(|(id, _)| *id != self.id);
        if !self.taken {
            wake_next(inner);
        }
    }
}

fn wake_next(mut inner: MutexGuard<'_, Inner>) {
    let next = if inner.free > 0 {
        inner.waiting.pop_front()
    } else {
        None
    };
    drop(inner);
    if let Some((_, waker)) = next {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicU32);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_slot_is_waited_for_and_passed_on() {
        let slots = Slots::new(1, 2);
        let first = slots.take().now_or_never().unwrap().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut second = pin!(slots.take());
        let mut third = Box::pin(slots.take());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert_eq!(slots.take().now_or_never().unwrap().unwrap_err(), TooMany);
        drop(third);
        assert!(
            slots.take().now_or_never().is_none(),
            "there is room to wait again"
        );
        drop(first);
        let Poll::Ready(Ok(held)) = second.as_mut().poll(&mut context) else {
            panic!("its turn has come");
        };
        drop(held);
        assert!(slots.take().now_or_never().unwrap().is_ok());
    }

    #[test]
    fn a_turn_that_nobody_takes_is_the_next_ones() {
        let slots = Slots::new(1, 8);
        let first = slots.take().now_or_never().unwrap().unwrap();
        let told = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&told));
        let mut context = Context::from_waker(&waker);
        let mut second = Box::pin(slots.take());
        let mut third = Box::pin(slots.take());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert_eq!(told.0.load(Ordering::Relaxed), 1, "one is told");
        drop(second);
        assert_eq!(told.0.load(Ordering::Relaxed), 2, "it left, and so another is");
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
