//! What the keeper counts, for the metrics.

use countersign_authn::session::Gone;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// Its user logged out.
    Logout,
    /// It was taken back: by its issuer, or by an operator.
    Revoked,
    /// Its issuer refused to renew it.
    Refused,
    /// It was not used for too long, and then asked for.
    Idle,
    /// Its whole time was over, and it was asked for.
    Over,
    /// The same subject has begun too many others since.
    TooMany,
}

impl EndedBy {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Logout, "logout"),
        (Self::Revoked, "revoked"),
        (Self::Refused, "refused"),
        (Self::Idle, "idle"),
        (Self::Over, "over"),
        (Self::TooMany, "too_many"),
    ];
}

/// Counters as they run.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) begun: AtomicU64,
    pub(super) renewed: AtomicU64,
    pub(super) not_renewed: AtomicU64,
    pub(super) unopened: AtomicU64,
    pub(super) away: AtomicU64,
    ended: [AtomicU64; 6],
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    /// So many have ended.
    pub(super) fn ended(&self, by: EndedBy, number: u64) {
        if let Some(counter) = self.ended.get(by as usize) {
            counter.fetch_add(number, Ordering::Relaxed);
        }
    }

    /// One was found to have ended.
    pub(super) fn gone(&self, gone: Gone) {
        match gone {
            Gone::Idle => self.ended(EndedBy::Idle, 1),
            Gone::Over => self.ended(EndedBy::Over, 1),
            Gone::Refused => self.ended(EndedBy::Refused, 1),
            Gone::Sealed => count(&self.unopened),
            Gone::Unknown => {}
        }
    }
}

/// What the keeper did so far.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SessionStats {
    /// Sessions that began.
    pub begun: u64,
    /// Sessions that ended, by why; one that nobody asks for after its end is not among them.
    pub ended: Vec<(&'static str, u64)>,
    /// Renewals that succeeded.
    pub renewed: u64,
    /// Renewals that the issuer refused: the sessions ended.
    pub refused: u64,
    /// Renewals that failed: the sessions went on.
    pub not_renewed: u64,
    /// Records that do not open under any key there is.
    pub unopened: u64,
    /// Questions that the store could not answer.
    pub away: u64,
    /// Sessions in memory, as they were last read.
    pub entries: usize,
    /// Memory they take.
    pub bytes: u64,
    /// Renewals that are under way.
    pub under_way: usize,
}

impl Counters {
    /// As they stand.
    pub(super) fn stats(&self, (entries, bytes): (usize, u64), under_way: usize) -> SessionStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let by = |by: EndedBy| self.ended.get(by as usize).map_or(0, of);
        SessionStats {
            begun: of(&self.begun),
            ended: EndedBy::ALL.iter().map(|(why, word)| (*word, by(*why))).collect(),
            renewed: of(&self.renewed),
            refused: by(EndedBy::Refused),
            not_renewed: of(&self.not_renewed),
            unopened: of(&self.unopened),
            away: of(&self.away),
            entries,
            bytes,
            under_way,
        }
    }
}
