//! Where made keys are kept: on this node, or with the sessions in a store that nodes share.

use countersign_authn::provider::keys::kept::KeptKeysError;
use countersign_authn::session::{Kept as KeptBeside, Purpose, Sessions};
use countersign_core::kept::{Kept, KeptError};
use countersign_core::secret::Secret;
use countersign_core::session::{StoreError, Version};
use countersign_core::time::Now;
use std::sync::Arc;
use std::time::Duration;

/// The blob that holds them.
pub const BLOB: &str = "provider-keys";
/// How long a store keeps them unless they are written again: for as long as a gateway may be off.
const LASTS: Duration = Duration::from_hours(3650 * 24);

/// Where they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this node: in the state folder, where there is one.
    Node,
    /// With the sessions, sealed as they are: whoever shares the store has the same keys.
    Store,
}

impl Place {
    /// What to say where they are there and are none.
    pub(super) fn broken(self, error: KeptKeysError) -> String {
        match self {
            Self::Node => format!(
                "`{BLOB}` in the state folder holds no keys ({error}): put it back; or remove it, and new ones are made"
            ),
            Self::Store => format!(
                "what the store of sessions has for the provider's keys is none ({error}): put it back, or empty the store"
            ),
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Secret<Vec<u8>>,
    version: Option<Version>,
}

/// Both places.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) kept: Arc<dyn Kept>,
    pub(super) sessions: Arc<dyn Sessions>,
}

impl Shelf {
    /// What is kept there for this issuer, if anything is.
    pub(super) async fn read(
        &self,
        (place, issuer): (Place, &str),
        now: Now,
    ) -> Result<Option<Read>, String> {
        let read = match place {
            Place::Node => {
                let loaded = self.kept.load(BLOB).await;
                let loaded =
                    loaded.map_err(|KeptError(why)| format!("the provider's keys cannot be read: {why}"))?;
                return Ok(loaded.map(|bytes| Read {
                    bytes: Secret::new(bytes),
                    version: None,
                }));
            }
            Place::Store => self.sessions.read(Purpose::ProviderKeys, issuer.as_bytes(), now),
        };
        let read = read.await.map_err(cannot_be_had)?;
        if let Some(KeptBeside { value, version }) = read {
            return Ok(Some(Read {
                bytes: Secret::new(value),
                version: Some(version),
            }));
        }
        let is_kept = self
            .sessions
            .is_kept(Purpose::ProviderKeys, issuer.as_bytes(), now);
        if is_kept.await.map_err(cannot_be_had)? {
            return Err(
                "the provider's keys in the store of sessions do not open under any of `session.sealing_keys`: list the key \
                 that they were sealed under, too"
                    .to_owned(),
            );
        }
        Ok(None)
    }

    /// Keeps `bytes` in place of what was `read`. Does nothing where another has written meanwhile.
    pub(super) async fn write(
        &self,
        (place, issuer): (Place, &str),
        bytes: &Secret<Vec<u8>>,
        read: Option<&Read>,
        now: Now,
    ) -> Result<(), String> {
        let (bytes, ends) = (bytes.expose(), now.wall.plus(LASTS));
        let name = issuer.as_bytes();
        let written = match (place, read.and_then(|read| read.version)) {
            (Place::Node, _) => {
                let saved = self.kept.save(BLOB, bytes).await;
                return saved.map_err(|KeptError(why)| format!("the provider's keys cannot be kept: {why}"));
            }
            (Place::Store, Some(version)) => {
                let kept = KeptBeside {
                    value: bytes.clone(),
                    version,
                };
                self.sessions
                    .write(Purpose::ProviderKeys, name, &kept, ends)
                    .await
            }
            (Place::Store, None) => {
                self.sessions
                    .put(Purpose::ProviderKeys, name, bytes, ends, now)
                    .await
            }
        };
        match written {
            Ok(()) | Err(StoreError::Changed) => Ok(()),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(cannot_be_had(error)),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped with")]
fn cannot_be_had(error: StoreError) -> String {
    format!("the provider's keys are in the store of sessions: {error}")
}
