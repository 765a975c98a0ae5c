//! Dice for tests.

use countersign_core::entropy::Entropy;
use std::sync::atomic::{AtomicU8, Ordering};

/// Dice that always fall alike.
#[derive(Debug)]
pub(crate) struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Dice that fall as they are counted: no two alike.
#[derive(Debug, Default)]
pub(crate) struct Counted(AtomicU8);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}
