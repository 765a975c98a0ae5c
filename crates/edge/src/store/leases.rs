//! Leases of the stores that one process alone writes to: they need not outlive it, since whoever held one is gone too.

use countersign_core::session::{Fence, LeaseToken, RecordKey, StoreError};
use countersign_core::time::{Monotonic, Now};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most leases held at once.
const MAX_LEASES: usize = 100_000;
/// How many leases are kept before those that ran out are looked for.
const SWEPT_FROM: usize = 1024;

/// Who holds what, until when.
#[derive(Debug)]
pub(super) struct Leases(Mutex<State>);

#[derive(Debug)]
struct State {
    held: HashMap<RecordKey, (LeaseToken, Monotonic)>,
    last: u64,
    sweep_at: usize,
}

impl Leases {
    /// None yet. Fences begin at the calendar's milliseconds, so that they rise across a restart too.
    pub(super) fn new(now: Now) -> Self {
        Self(Mutex::new(State {
            held: HashMap::new(),
            last: u64::try_from(now.wall.milliseconds()).unwrap_or(0),
            sweep_at: SWEPT_FROM,
        }))
    }

    /// Gives `holder` the lease, again if it has it already; not while another has it.
    pub(super) fn take(
        &self,
        id: &RecordKey,
        holder: LeaseToken,
        lasts: Duration,
        now: Monotonic,
    ) -> Result<Option<Fence>, StoreError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.held.get(id);
        if known.is_some_and(|(other, until)| *other != holder && now < *until) {
            return Ok(None);
        }
        if known.is_none() && state.held.len() >= state.sweep_at {
            state.held.retain(|_, (_, until)| now < *until);
            state.sweep_at = (state.held.len() * 2).clamp(SWEPT_FROM, MAX_LEASES);
            if state.held.len() >= MAX_LEASES {
                return Err(StoreError::Full(format!("{MAX_LEASES} leases are held")));
            }
        }
        state.held.insert(*id, (holder, now.plus(lasts)));
        state.last += 1;
        Ok(Some(Fence(state.last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::time::Timestamp;

    #[test]
    fn leases_that_ran_out_make_room() {
        let now = |milliseconds| Monotonic::from_milliseconds(milliseconds);
        let leases = Leases::new(Now {
            wall: Timestamp::from_milliseconds(7),
            monotonic: now(0),
        });
        let record = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            RecordKey(key)
        };
        let holder = LeaseToken([1; 16]);
        let mut last = Fence(7);
        for number in 0..MAX_LEASES {
            let fence = leases.take(&record(number), holder, Duration::from_secs(1), now(0));
            let fence = fence.unwrap().unwrap();
            assert!(fence > last);
            last = fence;
        }
        let more = record(MAX_LEASES);
        let full = leases.take(&more, holder, Duration::from_secs(1), now(999));
        assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
        let room = leases.take(&more, holder, Duration::from_secs(1), now(1000));
        assert!(room.unwrap().unwrap() > last);
        assert_eq!(leases.0.lock().unwrap().held.len(), 1);
    }
}
