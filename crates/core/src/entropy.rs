//! Randomness, passed in to the few constructors that draw it.

use std::fmt;

/// A source of random bytes fit for keys. Only the edge has a real one; tests count.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
