//! Made keys as they are kept: one JSON text, whole or not at all.

use super::life::MadeKey;
use super::set::Pair;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::{SignError, SigningKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the form.
const FORM: &str = "countersign-provider-keys-1";
/// The most keys that are read: more than ever follow one another within their overlap.
const MAX_KEYS: usize = 16;

/// Why what is kept cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptKeysError {
    /// It was cut short, or is something else.
    #[error("they are cut short, or something else")]
    Form,
    /// One of the keys is none; it is the one after so many.
    #[error("the key after {0} others is none")]
    Key(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<'a> {
    form: &'a str,
    #[serde(borrow)]
    keys: Vec<KeptKey<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptKey<'a> {
    algorithm: &'a str,
    /// Milliseconds since the epoch.
    signs_from: i64,
    /// PKCS#8, in base64.
    private: String,
}

/// Writes `keys`.
pub fn write(keys: &[MadeKey]) -> Result<Secret<Vec<u8>>, SignError> {
    let mut kept = Vec::with_capacity(keys.len());
    for key in keys {
        let private = key.pair.private().to_pkcs8()?;
        kept.push(KeptKey {
            algorithm: key.pair.algorithm().name(),
            signs_from: key.signs_from.milliseconds(),
            private: BASE64_STANDARD.encode(private.expose()),
        });
    }
    let kept = Kept {
        form: FORM,
        keys: kept,
    };
    // Strings and numbers: this cannot fail.
    Ok(Secret::new(serde_json::to_vec(&kept).unwrap_or_default()))
}

/// Reads what [`write()`] wrote: at least one key.
pub fn read(bytes: &[u8]) -> Result<Vec<MadeKey>, KeptKeysError> {
    let kept = serde_json::from_slice::<Kept<'_>>(bytes).map_err(|_| KeptKeysError::Form)?;
    if kept.form != FORM || !(1..=MAX_KEYS).contains(&kept.keys.len()) {
        return Err(KeptKeysError::Form);
    }
    let keys = kept.keys.into_iter().enumerate();
    let keys = keys.map(|(at, key)| made(&key).ok_or(KeptKeysError::Key(at)));
    keys.collect()
}

fn made(kept: &KeptKey<'_>) -> Option<MadeKey> {
    let algorithm = Algorithm::parse(kept.algorithm)?;
    let private = Secret::new(BASE64_STANDARD.decode(&kept.private).ok()?);
    let key = SigningKey::from_pkcs8(algorithm, private.expose()).ok()?;
    Some(MadeKey {
        pair: Arc::new(Pair::new(key)?),
        signs_from: Timestamp::from_milliseconds(kept.signs_from),
    })
}
