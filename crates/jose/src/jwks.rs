//! JWK Sets (RFC 7517 section 5).

use crate::algorithm::Algorithm;
use crate::json::parse_object;
use crate::key::{KeyError, Thumbprint, VerificationKey};
use countersign_core::claims::{Items, Members, Value};
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
    #[error("{}", nothing_usable(*.0))]
    NothingUsable(usize),
    /// A shared secret stands beside public keys, or a PEM holds something else than public keys.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn nothing_usable(left_out: usize) -> String {
    match left_out {
        0 => "there is no key in the set".to_owned(),
        1 => "the only key in the set cannot be used".to_owned(),
        more => format!("no key in the set can be used ({more} were left out)"),
    }
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
        Self::of_listed(listed, VerificationKey::from_jwk)
    }

    /// Reads what the operator hands in and vouches for: a JWK Set, one JWK, or a PEM. Here and nowhere else a shared
    /// secret (`oct`) is a key, unless public keys stand beside it: a set that holds both leaves it open which of them a
    /// token is measured by.
    pub fn from_operator(bytes: &[u8]) -> Result<(Self, Vec<UnusableKey>), KeySetError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Ok((Self::from_pem(bytes)?, Vec::new()));
        }
        let document = parse_object(bytes).map_err(|error| KeySetError::Malformed(error.to_string()))?;
        let is_secret = |jwk: Members<'_>| jwk.member("kty").and_then(Value::as_str) == Some("oct");
        let read = |jwk: Members<'_>| {
            if is_secret(jwk) {
                VerificationKey::from_secret_jwk(jwk)
            } else {
                VerificationKey::from_jwk(jwk)
            }
        };
        let Some(listed) = document.member("keys").and_then(Value::as_array) else {
            return Ok((Self::of(read(document.root())?), Vec::new()));
        };
        let mut secrets = listed.filter_map(Value::as_object).map(is_secret);
        let first = secrets.next();
        if secrets.any(|secret| Some(secret) != first) {
            return Err(KeySetError::Key(KeyError::SharedSecret));
        }
        let (keys, unusable) = Self::of_listed(listed, read)?;
        // Secrets are few and the operator's own: a bad one is a mistake to be mended, not passed over.
        match unusable.first() {
            Some(bad) if first == Some(true) => Err(KeySetError::Key(bad.error.clone())),
            Some(_) | None => Ok((keys, unusable)),
        }
    }

    fn of_listed(
        listed: Items<'_>,
        read: impl Fn(Members<'_>) -> Result<VerificationKey, KeyError>,
    ) -> Result<(Self, Vec<UnusableKey>), KeySetError> {
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for (index, jwk) in listed.enumerate() {
            if index >= MAX_KEYS {
                return Err(KeySetError::TooLarge);
            }
            let members = jwk
                .as_object()
                .ok_or_else(|| KeySetError::Malformed("a key that is no object".to_owned()))?;
            match read(members) {
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

    /// A set of keys that were read one by one.
    pub(crate) const fn of_keys(keys: Vec<Arc<VerificationKey>>) -> Self {
        Self { keys }
    }

    /// The key for a token: the one of that id which fits the algorithm. A token without an id finds a key only when
    /// exactly one fits; a key without an id is found by its algorithm alone.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Lookup {
        let fitting = || self.keys.iter().filter(|key| key.fits(algorithm));
        let Some(kid) = kid else {
            return only(fitting());
        };
        match only(fitting().filter(|key| key.kid() == Some(kid))) {
            Lookup::Unknown => only(fitting().filter(|key| key.kid().is_none())),
            told @ (Lookup::Found(_) | Lookup::Ambiguous) => told,
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

/// The one key there is. The same key listed twice is one.
fn only<'k>(mut keys: impl Iterator<Item = &'k Arc<VerificationKey>>) -> Lookup {
    let Some(first) = keys.next() else {
        return Lookup::Unknown;
    };
    if keys.all(|other| other.thumbprint() == first.thumbprint()) {
        Lookup::Found(Arc::clone(first))
    } else {
        Lookup::Ambiguous
    }
}

#[cfg(test)]
mod tests;
