//! What `[openid_provider]` signs with: the key that is given, or what is to be made.

use crate::kinds::Parts;
use crate::provider::keys::set::{Pair, Published, SigningSet};
use crate::provider::keys::{GivenKeys, KeyPlan, ROTATE_EVERY, SigningKeys};
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use std::sync::Arc;

/// The keys of the provider `issuer`; what is wrong with them is told.
pub(super) fn signing_keys(
    values: &Values,
    issuer: &str,
    parts: &Parts,
    faults: &mut Vec<Fault>,
) -> Option<Arc<dyn SigningKeys>> {
    let algorithm = values.text("key_algorithm").and_then(Algorithm::parse);
    let former = former(values, algorithm, faults);
    let Some(pem) = values.secret("key") else {
        return Some(parts.signing_keys.open(KeyPlan {
            issuer: issuer.into(),
            algorithm: algorithm.unwrap_or(Algorithm::Es256),
            rotate_every: values.duration("rotate_every").unwrap_or(ROTATE_EVERY),
            former,
        }));
    };
    if values.has("rotate_every") {
        let message = "`rotate_every` is for keys that are made here, and this one is given";
        let help = "leave it out; or leave `key` out, and list it in `former_keys` for a day";
        faults.push(Fault::new("rotate_every", message).help(help));
    }
    let pair = given(pem.expose(), algorithm)
        .map_err(|fault| faults.push(fault))
        .ok()?;
    Some(Arc::new(GivenKeys::new(SigningSet::new(Arc::new(pair), former))))
}

fn given(pem: &[u8], algorithm: Option<Algorithm>) -> Result<Pair, Fault> {
    let any = SigningKey::from_any_pem(pem).ok();
    let Some((any, algorithm)) = any.as_ref().zip(algorithm) else {
        let pair = any.and_then(Pair::new);
        return pair.ok_or_else(|| {
            let message = if contains(pem, b"ENCRYPTED") {
                "the key is encrypted, and nobody is here to type its passphrase"
            } else {
                "not a private key in PEM that can sign here (RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519)"
            };
            Fault::new("key", message).help(
                "`openssl pkey -in key.pem` writes one in the clear; without `key`, one is made",
            )
        });
    };
    let key = SigningKey::from_pem(algorithm, pem).ok().and_then(Pair::new);
    key.ok_or_else(|| {
        let (name, usual) = (algorithm.name(), any.algorithm().name());
        let message =
            format!("the key in `key` does not sign with {name}; usually such a key signs with {usual}");
        Fault::new("key_algorithm", message).help("leave it out")
    })
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn former(values: &Values, algorithm: Option<Algorithm>, faults: &mut Vec<Fault>) -> Vec<Published> {
    let Some(OptionValue::List(list)) = values.value("former_keys") else {
        return Vec::new();
    };
    let mut former = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let OptionValue::Secret(pem) = value else { continue };
        match Published::from_pem(pem.expose(), algorithm) {
            Some(published) => former.push(published),
            None => faults.push(
                Fault::new(
                    &index.to_string(),
                    "not a key in PEM, public or private, that tokens can be signed by",
                )
                .within("former_keys")
                .help("/.countersign/keys.pem of the provider that used it is one"),
            ),
        }
    }
    former
}
