//! Signatures that held. Every client of an authority brings the same certificate of that authority along, and what held
//! once holds again: the same key over the same bytes. Times, uses and revocation are no part of it and asked each time.

use super::ALGORITHMS;
use aws_lc_rs::digest::{Context, SHA256};
use quick_cache::sync::Cache;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use std::fmt;
use std::sync::Arc;

/// How many are remembered. Those of authorities are met again and again; those of clients push out one another.
const HELD: usize = 1024;

/// The algorithms that are accepted, with a memory they share.
#[derive(Clone, Debug)]
pub(crate) struct Remembered(Arc<[Remembering]>);

struct Remembering {
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    /// By SHA-256 of algorithm, key, bytes and signature, each after its length.
    held: Arc<Cache<[u8; 32], ()>>,
}

impl Default for Remembered {
    fn default() -> Self {
        let held = Arc::new(Cache::new(HELD));
        let remembering = ALGORITHMS.iter().map(|algorithm| Remembering {
            algorithm: *algorithm,
            held: Arc::clone(&held),
        });
        Self(remembering.collect())
    }
}

impl Remembered {
    /// The algorithms, as the library that builds paths takes them.
    pub(crate) fn algorithms(&self) -> Vec<&dyn SignatureVerificationAlgorithm> {
        self.0.iter().map(|one| one as _).collect()
    }
}

impl Remembering {
    fn name(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Option<[u8; 32]> {
        let mut name = Context::new(&SHA256);
        let (kind, own) = (
            self.algorithm.signature_alg_id(),
            self.algorithm.public_key_alg_id(),
        );
        for part in [kind.as_ref(), own.as_ref(), key, message, signature] {
            name.update(&(part.len() as u64).to_be_bytes());
            name.update(part);
        }
        name.finish().as_ref().try_into().ok()
    }
}

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let name = self.name(key, message, signature).ok_or(InvalidSignature)?;
        if self.held.get(&name).is_some() {
            return Ok(());
        }
        self.algorithm.verify_signature(key, message, signature)?;
        self.held.insert(name, ());
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

impl fmt::Debug for Remembering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembering({:?})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{self, Reader};
    use crate::pki::{Authority, Key, Template};
    use crate::signature::Signed;

    #[test]
    fn what_held_is_remembered_and_anything_else_is_looked_at() {
        let root = Authority::root("home", Key(1));
        let leaf = root.issue(&Template::client("ann", Key(2)));
        let signed = Signed::read(&leaf).unwrap();
        let spki = Key(1).spki();
        let mut reader = Reader::whole(&spki, der::SEQUENCE).unwrap();
        reader.expect(der::SEQUENCE).unwrap();
        let key = reader.whole_bits().unwrap();
        let remembered = Remembered::default();
        let all = remembered.algorithms();
        let p256 = all[0];
        let verify =
            |message: &[u8], signature: &[u8]| p256.verify_signature(key, message, signature).is_ok();
        for _ in 0..2 {
            assert!(verify(signed.message, signed.signature));
        }
        let mut other = signed.message.to_vec();
        *other.last_mut().unwrap() ^= 1;
        let mut forged = signed.signature.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        for _ in 0..2 {
            assert!(!verify(&other, signed.signature));
            assert!(!verify(signed.message, &forged));
            let elsewhere = all[1].verify_signature(key, signed.message, signed.signature);
            assert!(elsewhere.is_err(), "remembered for its own algorithm alone");
        }
        assert_eq!(remembered.0[0].held.len(), 1);
    }
}
