//! How much of what there is to hold is held.

use super::Limits;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much is held of how much may be.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) limits: Limits,
    pub(super) records: AtomicUsize,
    pub(super) bytes: AtomicUsize,
}

impl Room {
    pub(super) const fn of(limits: Limits) -> Self {
        Self {
            limits,
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Counts one record more, unless there is no room.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        let records = self.records.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = records <= self.limits.max_records && all <= self.limits.max_bytes;
        if !fits {
            self.release(bytes);
        }
        fits
    }

    pub(super) fn release(&self, bytes: usize) {
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
