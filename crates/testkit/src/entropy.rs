//! Counted bytes in place of random ones: every id in a test is the same each run, and no two are equal.

use countersign_core::entropy::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

/// Hands out 1, 2, 3 … as blocks of eight bytes.
#[derive(Debug, Default)]
pub struct CountedBytes(AtomicU64);

impl Entropy for CountedBytes {
    fn fill(&self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let count = count.to_be_bytes();
            block.copy_from_slice(&count[8 - block.len()..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_the_same_each_run_and_never_repeat() {
        let entropy = CountedBytes::default();
        let (mut first, mut second) = ([0; 16], [0; 3]);
        entropy.fill(&mut first);
        entropy.fill(&mut second);
        assert_eq!(first, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(second, [0, 0, 3]);
    }
}
