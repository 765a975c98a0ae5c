//! The requests of one connection, as far as its deadlines go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How many requests are open, and since when none is.
#[derive(Debug)]
pub(super) struct Streams {
    began: Instant,
    open: AtomicUsize,
    has_begun: AtomicBool,
    /// Milliseconds after `began`.
    idle_since: AtomicU64,
}

/// One request; over when dropped.
#[derive(Debug)]
pub(super) struct Open(Arc<Streams>);

impl Streams {
    /// A connection that begins now.
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            open: AtomicUsize::new(0),
            has_begun: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
        }
    }

    /// One more request.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.has_begun.store(true, Ordering::Release);
        Open(Arc::clone(self))
    }

    /// Whether there was a request yet.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// When the connection began.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// Since when no request is open, if none is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        // Written before the last one is no longer counted.
        let none = self.open.load(Ordering::Acquire) == 0;
        none.then(|| self.began + Duration::from_millis(self.idle_since.load(Ordering::Acquire)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.fetch_max(now, Ordering::AcqRel);
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}
