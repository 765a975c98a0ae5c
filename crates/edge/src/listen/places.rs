//! How many connections there may be at once. The limit may change at any time; who is there stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The connections there are.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: AtomicUsize,
}

/// One connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Places {
    /// A place, unless `most` are taken.
    pub(super) fn take(self: &Arc<Self>, most: usize) -> Option<Place> {
        let one_more = |taken: usize| (taken < most).then_some(taken + 1);
        let before = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        before.is_ok().then(|| Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use std::sync::Arc;

    #[test]
    fn a_lower_limit_sends_nobody_away_and_lets_nobody_in() {
        let places = Arc::<Places>::default();
        let (one, two) = (places.take(2), places.take(2));
        assert!(one.is_some() && two.is_some());
        assert!(places.take(2).is_none());
        assert!(places.take(3).is_some(), "a higher limit has room");
        drop(one);
        assert!(places.take(1).is_none(), "the other one is still there");
        drop(two);
        assert!(places.take(1).is_some());
    }
}
