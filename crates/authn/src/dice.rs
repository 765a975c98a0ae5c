//! Dice for tests.

use countersign_core::entropy::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

/// Dice that always fall alike.
#[derive(Debug)]
pub(crate) struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Bytes that never repeat.
#[derive(Debug, Default)]
pub(crate) struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        for (byte, counted) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = counted;
        }
    }
}
