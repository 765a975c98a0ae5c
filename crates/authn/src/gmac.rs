//! Short names for what is long or secret: a GMAC (NIST SP 800-38D) under a key that nobody else has.
//!
//! It is several times faster than a hash, and who does not know the key cannot make two texts of one name. Names never
//! leave the process, so that a nonce may come again.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use countersign_core::entropy::Entropy;
use std::fmt;

/// What names.
pub(crate) struct Gmac(
    /// `None` is never seen: 32 bytes are a key.
    Option<LessSafeKey>,
);

impl fmt::Debug for Gmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gmac")
    }
}

impl Gmac {
    /// Under a fresh key.
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self(UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new))
    }

    /// The name of `text` among those of one `kind`.
    pub(crate) fn name(&self, kind: u64, text: &[u8]) -> Option<[u8; 16]> {
        let mut nonce = [0; NONCE_LEN];
        for (place, byte) in nonce.iter_mut().zip(kind.to_be_bytes()) {
            *place = byte;
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .as_ref()?
            .seal_in_place_separate_tag(nonce, Aad::from(text), &mut []);
        tag.ok()?.as_ref().try_into().ok()
    }
}
