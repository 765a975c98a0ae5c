//! The real clock and the real dice.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use countersign_core::entropy::Entropy;
use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading begins now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        Now {
            wall: Timestamp::from_milliseconds(i64::try_from(wall).unwrap_or(i64::MAX)),
            monotonic: self.monotonic(),
        }
    }

    fn monotonic(&self) -> Monotonic {
        let milliseconds = self.started.elapsed().as_millis();
        Monotonic::from_milliseconds(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }
}

/// The operating system's randomness.
#[derive(Debug, Default)]
pub struct OsEntropy(());

impl OsEntropy {
    /// The operating system's randomness.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness nothing here may go on: better to stop than to draw a key of zeros.
        if SystemRandom::new().fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

/// Names requests: 64 bits drawn once for the process, and a count stirred so that neighbours look nothing alike. They
/// tell requests apart; nothing secret hangs on them.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Ids that begin with what `entropy` gives.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        Self {
            process: u64::from_be_bytes(bytes),
            count: AtomicU64::new(0),
        }
    }

    /// The next one.
    pub fn next(&self) -> countersign_core::request::RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let stirred = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        countersign_core::request::RequestId(
            u128::from(self.process) << 64 | u128::from(stirred ^ (stirred >> 32)),
        )
    }
}
