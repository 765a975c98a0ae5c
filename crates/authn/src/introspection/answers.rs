//! What the issuer said, remembered for a while: active tokens by their weight, and the others apart, so that a flood of
//! those crowds out nothing.
//!
//! A token is named by SHA-256 under a salt of this very table: its issuer, endpoint and expectation are in the name, and nothing
//! that was said to one table is found by another. What is remembered holds no token.

use super::verdict::{Active, Verdict};
use aws_lc_rs::digest::{Context, SHA256};
use countersign_core::entropy::Entropy;
use countersign_core::time::{Monotonic, Now};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How much is remembered of active tokens: how many, and their bytes together.
const ACTIVE_TOKENS: usize = 10_000;
const ACTIVE_BYTES: u64 = 16 * 1024 * 1024;
/// What an entry takes beside its claims, in bytes.
const ENTRY_BYTES: u64 = 640;
/// How many tokens are remembered that were refused.
const REFUSED_TOKENS: usize = 10_000;

/// Names one token, at one table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

#[derive(Clone, Debug)]
struct Kept<T> {
    value: T,
    until: Monotonic,
}

#[derive(Clone, Copy)]
struct ByBytes;

impl Weighter<Name, Kept<Arc<Active>>> for ByBytes {
    fn weight(&self, _name: &Name, kept: &Kept<Arc<Active>>) -> u64 {
        let bytes = ENTRY_BYTES + kept.value.principal.claims.heap_bytes() as u64;
        bytes.max(ACTIVE_BYTES / ACTIVE_TOKENS as u64)
    }
}

/// How long answers are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lives {
    /// Of active tokens; never past their end.
    pub(super) active: Duration,
    /// Of others.
    pub(super) refused: Duration,
}

/// The answers of one table.
pub(super) struct Answers {
    salt: [u8; 32],
    lives: Lives,
    active: Cache<Name, Kept<Arc<Active>>, ByBytes>,
    refused: Cache<Name, Kept<Verdict>>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("lives", &self.lives)
            .field("active", &self.active.len())
            .field("refused", &self.refused.len())
            .finish_non_exhaustive()
    }
}

impl Answers {
    /// Nothing is remembered yet. `whose` says everything the answers depend on.
    pub(super) fn new(whose: &str, lives: Lives, entropy: &dyn Entropy) -> Self {
        let mut drawn = [0; 32];
        entropy.fill(&mut drawn);
        Self {
            salt: hash(&drawn, whose.as_bytes()),
            lives,
            active: Cache::with_weighter(ACTIVE_TOKENS, ACTIVE_BYTES, ByBytes),
            refused: Cache::new(REFUSED_TOKENS),
        }
    }

    pub(super) fn name(&self, token: &str) -> Name {
        Name(hash(&self.salt, token.as_bytes()))
    }

    /// What was said of the token, unless it was too long ago.
    pub(super) fn recall(&self, name: &Name, now: Monotonic) -> Option<Verdict> {
        let active = self.active.get(name).filter(|kept| now < kept.until);
        if let Some(kept) = active {
            return Some(Verdict::Active(kept.value));
        }
        let refused = self.refused.get(name).filter(|kept| now < kept.until);
        refused.map(|kept| kept.value)
    }

    /// Remembers what was just said.
    pub(super) fn remember(&self, name: Name, verdict: &Verdict, now: Now) {
        match verdict {
            Verdict::Active(active) => {
                let ends = active.times.expires;
                let left = ends.map_or(Duration::MAX, |ends| ends.since(now.wall));
                let until = now.monotonic.plus(self.lives.active.min(left));
                let value = Arc::clone(active);
                self.active.insert(name, Kept { value, until });
            }
            Verdict::Refused(..) => {
                let until = now.monotonic.plus(self.lives.refused);
                let value = verdict.clone();
                self.refused.insert(name, Kept { value, until });
            }
            Verdict::Unavailable { .. } => {}
        }
    }
}

fn hash(salt: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
