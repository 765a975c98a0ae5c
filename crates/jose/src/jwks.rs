//! JWK Sets (RFC 7517 section 5).

use crate::algorithm::Algorithm;
use crate::json::parse_object;
use crate::key::{KeyError, Thumbprint, VerificationKey};
use countersign_core::claims::Value;
use std::sync::Arc;

/// The largest set that is read, in bytes.
pub const MAX_SET_BYTES: usize = 1 << 20;
/// The most keys of one set.
pub const MAX_KEYS: usize = 256;

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerificationKey>>,
}

/// A key that was left out, and why; the others stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Its key id, when it has one.
    pub kid: Option<String>,
    /// Why.
    pub error: KeyError,
}

/// Why a set is no set. It never replaces one that was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Larger than [`MAX_SET_BYTES`], or more keys than [`MAX_KEYS`].
    #[error("a key set of more than 1 MiB or 256 keys")]
    TooLarge,
    /// Not a strict JSON object with an array `keys` of objects.
    #[error("not a JWK Set: {0}")]
    Malformed(String),
    /// No key of it can be used here.
    #[error("no key in the set can be used ({0} were left out)")]
    NothingUsable(usize),
}

/// What a set knows about a key id and an algorithm.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Exactly one key fits.
    Found(Arc<VerificationKey>),
    /// More than one key fits, and nothing tells them apart.
    Ambiguous,
    /// No key fits.
    Unknown,
}

impl KeySet {
    /// Reads a JWK Set. A key that cannot be used is left out and told; a set with nothing usable is an error, so that
    /// an empty one never takes the place of a good one.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<UnusableKey>), KeySetError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let document = parse_object(bytes).map_err(|error| KeySetError::Malformed(error.to_string()))?;
        let listed = document.member("keys").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| KeySetError::Malformed("no array `keys`".to_owned()))?;
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for (index, jwk) in listed.enumerate() {
            if index >= MAX_KEYS {
                return Err(KeySetError::TooLarge);
            }
            let members = jwk
                .as_object()
                .ok_or_else(|| KeySetError::Malformed("a key that is no object".to_owned()))?;
            match VerificationKey::from_jwk(members) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(error) => {
                    let kid = members.member("kid").and_then(Value::as_str);
                    let kid = kid.map(|kid| {
                        kid.chars()
                            .filter(|character| !character.is_control())
                            .take(80)
                            .collect()
                    });
                    unusable.push(UnusableKey { index, kid, error });
                }
            }
        }
        if keys.is_empty() {
            Err(KeySetError::NothingUsable(unusable.len()))
        } else {
            Ok((Self { keys }, unusable))
        }
    }

    /// A set of the public keys of a PEM text. They have no key ids.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            keys: VerificationKey::from_pem(pem)?
                .into_iter()
                .map(Arc::new)
                .collect(),
        })
    }

    /// A set of one key that came from the configuration.
    pub fn of(key: VerificationKey) -> Self {
        Self {
            keys: vec![Arc::new(key)],
        }
    }

    /// The key for a token: the one of that id which fits the algorithm. A token without an id finds a key only when
    /// exactly one fits; a key without an id is found by its algorithm alone.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Lookup {
        let fitting = || self.keys.iter().filter(|key| key.fits(algorithm));
        let named = |kid: &str| {
            fitting()
                .filter(move |key| key.kid() == Some(kid))
                .cloned()
                .collect::<Vec<_>>()
        };
        let nameless = || {
            fitting()
                .filter(|key| key.kid().is_none())
                .cloned()
                .collect::<Vec<_>>()
        };
        let found = match kid {
            None => fitting().cloned().collect(),
            Some(kid) => {
                let found = named(kid);
                if found.is_empty() { nameless() } else { found }
            }
        };
        match <[_; 1]>::try_from(found) {
            Ok([key]) => Lookup::Found(key),
            Err(none) if none.is_empty() => Lookup::Unknown,
            Err(_) => Lookup::Ambiguous,
        }
    }

    /// Whether the key of that thumbprint is in the set.
    pub fn holds(&self, thumbprint: Thumbprint) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == thumbprint)
    }

    /// The keys, in the order of the set.
    pub fn keys(&self) -> &[Arc<VerificationKey>] {
        &self.keys
    }
}

#[cfg(test)]
mod tests;
