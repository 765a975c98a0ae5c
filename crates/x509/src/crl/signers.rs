//! The keys a list was held against.

use crate::signature::SignatureFault;
use std::sync::{PoisonError, RwLock};

/// How many keys are remembered that did not sign it. Whoever brings more is told anew each time, and puts out none that did.
const MAX_STRANGE: usize = 16;

/// A key (`SubjectPublicKeyInfo`), and whether it signed the list.
type Asked = (Box<[u8]>, Result<(), SignatureFault>);

/// What is known of who signed a list.
#[derive(Debug, Default)]
pub(super) struct Signers(RwLock<Vec<Asked>>);

impl Signers {
    /// Whether this key signed it: as it was found out before, or by `find_out` now.
    pub(super) fn asked(
        &self,
        spki: &[u8],
        find_out: impl FnOnce() -> Result<(), SignatureFault>,
    ) -> Result<(), SignatureFault> {
        let known = self.read(|asked| {
            let found = asked.iter().find(|(signer, _)| **signer == *spki);
            found.map(|(_, holds)| *holds)
        });
        if let Some(holds) = known {
            return holds;
        }
        let holds = find_out();
        // A lock that was poisoned still holds whole entries: each is pushed at once.
        let mut asked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let strange = asked.iter().filter(|(_, holds)| holds.is_err()).count();
        if holds.is_ok() || strange < MAX_STRANGE {
            asked.push((spki.into(), holds));
        }
        drop(asked);
        holds
    }

    /// Whether any key is known that signed it.
    pub(super) fn any(&self) -> bool {
        self.read(|asked| asked.iter().any(|(_, holds)| holds.is_ok()))
    }

    /// The keys that are known to have signed it.
    pub(super) fn holding(&self) -> Vec<Box<[u8]>> {
        self.read(|asked| {
            let holding = asked.iter().filter(|(_, holds)| holds.is_ok());
            holding.map(|(spki, _)| spki.clone()).collect()
        })
    }

    fn read<T>(&self, of: impl FnOnce(&[Asked]) -> T) -> T {
        of(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
