//! Logins that are under way when their sessions are told to end: proved already, and not begun yet.
//!
//! No index finds such a login. So that sessions have ended is remembered for a while, with the time, and whatever was proved
//! until then does not begin. It is remembered before the sessions end, and looked for after one has begun: whichever of the
//! two comes later sees the other.

use super::{InForce, SessionKeeper};
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{Purpose, SessionGroup};
use countersign_core::entropy::Entropy;
use countersign_core::session::{IndexKey, RecordKey, Sealed, StoreError};
use countersign_core::time::Timestamp;
use std::time::Duration;

/// For how long: longer than anything that was proved waits to begin.
const REMEMBERED: Duration = Duration::from_mins(10);
/// Several may tell of one end at once: so often one tries.
const TRIES: usize = 4;
/// Under which all sessions are remembered.
const ALL: &[u8] = b"all";

impl SessionKeeper {
    pub(super) async fn remember_end(
        &self,
        group: SessionGroup<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let in_force = self.in_force.load_full();
        let names = match group {
            SessionGroup::All => vec![Purpose::Ended.record(ALL)],
            SessionGroup::Subject { .. } | SessionGroup::Sid { .. } | SessionGroup::Provided { .. } => {
                let indexes = in_force.sealer.indexes(group);
                indexes.iter().map(name_of).collect()
            }
        };
        for name in names {
            remember(&in_force, &name, now, &*self.entropy).await?;
        }
        Ok(())
    }
}

/// What has ended by `index` is remembered so. A store tells no more of whom that was than by the index.
fn name_of(index: &IndexKey) -> RecordKey {
    Purpose::Ended.record(&index.0)
}

async fn remember(
    in_force: &InForce,
    name: &RecordKey,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), StoreError> {
    let (store, until) = (&in_force.store, now.plus(REMEMBERED));
    let plain = now.milliseconds().to_be_bytes();
    for _ in 0..TRIES {
        let sealed = in_force.sealer.seal(Purpose::Ended, &name.0, &plain, entropy);
        let sealed = Sealed(sealed.into());
        let written = match store.load(name, now).await? {
            Some((_, version)) => store.replace(name, sealed, version, until).await,
            None => store.create(name, sealed, until, &[]).await,
        };
        match written {
            Err(StoreError::Changed) => {}
            Ok(_) => return Ok(()),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => return Err(error),
        }
    }
    Err(StoreError::Changed)
}

/// Whether what is found by one of `index`, and was proved at `began`, has been ended since.
pub(super) async fn has_ended(
    in_force: &InForce,
    index: &[IndexKey],
    began: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let names = index.iter().map(name_of);
    for name in names.chain([Purpose::Ended.record(ALL)]) {
        let Some((sealed, _)) = in_force.store.load(&name, now).await? else {
            continue;
        };
        let ended = ended_at(&in_force.sealer, &name, &sealed);
        // What does not open is of another key: when it was, nobody knows.
        if ended.is_none_or(|ended| began <= ended) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ended_at(sealer: &Sealer, name: &RecordKey, sealed: &Sealed) -> Option<Timestamp> {
    let plain = sealer.open(Purpose::Ended, &name.0, &sealed.0)?;
    let milliseconds = i64::from_be_bytes(plain.try_into().ok()?);
    Some(Timestamp::from_milliseconds(milliseconds))
}
