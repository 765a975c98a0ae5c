//! Which version of a trust bundle is in force, so that no older one takes its place (SPIFFE Trust Domain and Bundle,
//! section 4.1.1): a key withdrawn since would count again.

use countersign_core::time::Monotonic;
use std::time::Duration;

/// The version in force. Once the bundle is too old to count itself, any other is taken: a trust domain may have begun to
/// count anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Floor {
    sequence: u64,
    until: Monotonic,
}

impl Floor {
    /// Of a bundle that was taken and counts for so long; `None` where it does not say which it is.
    pub(super) fn of(sequence: Option<u64>, counts: Duration, now: Monotonic) -> Option<Self> {
        let until = now.plus(counts);
        sequence.map(|sequence| Self { sequence, until })
    }

    pub(super) fn counts(&self, now: Monotonic) -> bool {
        now <= self.until
    }

    /// Refuses an older one that came.
    pub(super) fn allows(self, came: Option<u64>) -> Result<(), String> {
        let held = self.sequence;
        match came {
            Some(came) if came < held => Err(format!(
                "an older bundle came: its spiffe_sequence is {came}, and {held} is in force"
            )),
            Some(_) => Ok(()),
            None => Err(format!(
                "the bundle that came has no spiffe_sequence, and {held} is in force"
            )),
        }
    }
}
