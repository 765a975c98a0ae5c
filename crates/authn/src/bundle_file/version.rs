//! Which version of a trust domain's bundle is in force at one table, and who says that another is older.

use super::Owner;
use countersign_core::time::Monotonic;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// As long as the process runs.
const ALWAYS: Monotonic = Monotonic::from_milliseconds(u64::MAX);

/// That a bundle is in force at a table, or may be soon: for as long as somebody holds this.
///
/// Two are equal that are of the same trust domain and kind: which version is in force changes, and says nothing of where
/// bundles come from.
#[derive(Debug)]
pub struct BundleInForce {
    pub(super) owner: Owner,
    version: Mutex<Version>,
}

/// What no older one is taken than.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) floors: Vec<Floor>,
    /// Whether that is of a bundle that was taken here, and not only of what was known before.
    pub(super) taken: bool,
}

/// A version than which no older one is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) sequence: u64,
    /// When it says nothing any more.
    until: Monotonic,
}

/// Why a bundle is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    came: Option<u64>,
    held: u64,
}

impl Floor {
    /// That of a file: nobody says until when it counts.
    pub(super) const fn of_file(sequence: u64) -> Self {
        let until = ALWAYS;
        Self { sequence, until }
    }

    /// Whether whatever `other` refuses is refused without it, too.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.sequence >= other.sequence && self.until >= other.until
    }
}

impl BundleInForce {
    pub(super) const fn new(owner: Owner, version: Version) -> Self {
        let version = Mutex::new(version);
        Self { owner, version }
    }

    /// Refuses a bundle with this `spiffe_sequence` that is older than one that counts at `now`. Once that is too old to
    /// count itself, any other is taken: a trust domain may have begun to count anew.
    pub fn allows(&self, came: Option<u64>, now: Monotonic) -> Result<(), Older> {
        let version = self.locked();
        Older::check(came, version.floors.iter().filter(|floor| now <= floor.until))
    }

    /// A bundle with this `spiffe_sequence` was taken, and counts for so long. What came from a file before says longer
    /// which ones are older.
    pub fn taken(&self, sequence: Option<u64>, counts: Duration, now: Monotonic) {
        let until = now.plus(counts);
        let mut version = self.locked();
        version.taken = true;
        if let Some(floor) = sequence.map(|sequence| Floor { sequence, until }) {
            version.floors.retain(|known| !floor.replaces(known));
            version.floors.push(floor);
        }
    }

    pub(super) fn version(&self) -> Version {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Version> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for BundleInForce {
    fn eq(&self, other: &Self) -> bool {
        self.owner.is_of_the_same(&other.owner)
    }
}

impl Eq for BundleInForce {}

impl Hash for BundleInForce {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.owner.trust_domain.hash(state);
        self.owner.svid.hash(state);
    }
}

impl Older {
    /// Refuses what is older than one of `floors`.
    pub(super) fn check<'a>(
        came: Option<u64>,
        floors: impl IntoIterator<Item = &'a Floor>,
    ) -> Result<(), Self> {
        match floors.into_iter().map(|floor| floor.sequence).max() {
            Some(held) if came.is_none_or(|came| came < held) => Err(Self { came, held }),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for Older {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held;
        match self.came {
            Some(came) => write!(
                f,
                "it is an older bundle: its spiffe_sequence is {came}, and {held} is in force or was"
            ),
            None => write!(f, "it has no spiffe_sequence, and {held} is in force or was"),
        }
    }
}
