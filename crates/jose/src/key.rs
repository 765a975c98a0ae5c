//! Verification keys. A key knows the algorithms it may verify; a token's header cannot choose another.

use crate::algorithm::{Algorithm, Curve};
use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{Members, Value};
use countersign_core::principal::strings;
use countersign_core::secret::Secret;
use public::{Public, allowed};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use std::fmt;

mod public;

/// Names a key by what it is: SHA-256 over its canonical public form (RFC 7638, except for an elliptic curve's key from
/// a PEM). That of a shared secret is keyed with the secret, and says nothing about it to whoever does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

/// The signature does not hold for this key and algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct SignatureError;

/// Why a key cannot be used. The words are for the log and for configuration messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// `kty`, or the algorithm inside a PEM, is none of RSA, EC, OKP with Ed25519.
    #[error("a kind of key that is not used here: {0}")]
    Kind(String),
    /// A shared secret among public keys: whoever can read the set could sign.
    #[error("a shared secret (`oct`) has no place in a set of public keys")]
    SharedSecret,
    /// The private half is there as well.
    #[error("holds a private key; give the public half alone, and treat this one as lost")]
    Private,
    /// `use` or `key_ops` says it is for something else.
    #[error("meant for `{0}`, not for verifying signatures")]
    Purpose(String),
    /// `alg` is not known, or does not fit the key.
    #[error("`alg` is `{0}`, which does not fit this key")]
    Algorithm(String),
    /// A member is missing, is no strict base64url, or has the wrong length.
    #[error("`{0}` is missing or malformed")]
    Member(&'static str),
    /// The numbers are no key of a size that is accepted (RSA: 2048 to 8192 bits, an odd exponent of 3 or more).
    #[error("not a valid public key of an accepted size (RSA: 2048 to 8192 bits)")]
    Unusable,
    /// The numbers are a key that can be broken.
    #[error("a weak key: {0}; have the issuer make a new one")]
    Weak(&'static str),
    /// A shared secret shorter than the hash it keys (RFC 7518 section 3.2).
    #[error("the secret has {got} bytes; {needed} are the least for this algorithm (RFC 7518 section 3.2)")]
    SecretTooShort {
        /// Bytes of the hash.
        needed: usize,
        /// Bytes there are.
        got: usize,
    },
}

enum Material {
    Public(Box<[(Algorithm, ParsedPublicKey)]>),
    Shared(Box<[(Algorithm, hmac::Key)]>),
}

/// One key, parsed once.
pub struct VerificationKey {
    material: Material,
    kid: Option<Box<str>>,
    thumbprint: Thumbprint,
}

impl VerificationKey {
    /// A key from the members of a JWK (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
    pub fn from_jwk(jwk: Members<'_>) -> Result<Self, KeyError> {
        Self::from_jwk_meant_for("sig", jwk)
    }

    /// The same from an entry of a trust bundle, where `use` is `jwt-svid` (JWT-SVID, section 6.1).
    pub(crate) fn from_jwt_authority(jwk: Members<'_>) -> Result<Self, KeyError> {
        Self::from_jwk_meant_for("jwt-svid", jwk)
    }

    fn from_jwk_meant_for(purpose: &str, jwk: Members<'_>) -> Result<Self, KeyError> {
        let text = |name: &'static str| member(jwk, name);
        let kty = text("kty")?.ok_or(KeyError::Member("kty"))?;
        if kty == "oct" {
            return Err(KeyError::SharedSecret);
        }
        if jwk.member("d").is_some() {
            return Err(KeyError::Private);
        }
        judge_purpose(jwk, text("use")?, purpose)?;
        let bytes = |name: &'static str| {
            let encoded = text(name)?.ok_or(KeyError::Member(name))?;
            BASE64_URL_SAFE_NO_PAD
                .decode(encoded)
                .map_err(|_| KeyError::Member(name))
        };
        let wanted = text("alg")?;
        let kid = text("kid")?.map(Into::into);
        let curve = || text("crv")?.ok_or(KeyError::Member("crv"));
        let public = match kty {
            "RSA" => public::rsa(&bytes("n")?, &bytes("e")?, wanted)?,
            "EC" => {
                let name = curve()?;
                let curve =
                    Curve::parse(name).ok_or_else(|| KeyError::Kind(format!("curve {}", shown(name))))?;
                public::ec(curve, &bytes("x")?, &bytes("y")?, wanted)?
            }
            "OKP" => {
                let name = curve()?;
                if name != "Ed25519" {
                    return Err(KeyError::Kind(format!("curve {}", shown(name))));
                }
                public::ed25519(&bytes("x")?, wanted)?
            }
            other => return Err(KeyError::Kind(shown(other))),
        };
        Ok(Self::of_public(public, kid))
    }

    /// Every public key (`PUBLIC KEY`, RFC 7468 section 13) of a PEM text. A certificate is not one, and a private key
    /// has no place here.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|_| KeyError::Member("PEM"))?;
            if kind != SectionKind::PublicKey {
                return Err(not_public(kind));
            }
            keys.push(Self::of_public(public::spki(&der)?, None));
        }
        if keys.is_empty() {
            return Err(KeyError::Kind("no `BEGIN PUBLIC KEY` in this PEM".to_owned()));
        }
        Ok(keys)
    }

    fn of_public((public, canonical): Public, kid: Option<Box<str>>) -> Self {
        Self {
            material: Material::Public(public),
            kid,
            thumbprint: Thumbprint::of(digest::digest(&digest::SHA256, &canonical).as_ref()),
        }
    }

    /// A shared secret from the members of an `oct` JWK (RFC 7518 section 6.4), for the one who holds it and hands it in:
    /// see [`KeySet::from_operator`](crate::jwks::KeySet::from_operator). No set that was fetched is read with this.
    pub fn from_secret_jwk(jwk: Members<'_>) -> Result<Self, KeyError> {
        let text = |name: &'static str| member(jwk, name);
        if text("kty")? != Some("oct") {
            return Err(KeyError::Member("kty"));
        }
        judge_purpose(jwk, text("use")?, "sig")?;
        let encoded = text("k")?.ok_or(KeyError::Member("k"))?;
        let secret = BASE64_URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| KeyError::Member("k"))?;
        let wanted = text("alg")?;
        let bytes = secret.len();
        let mut algorithms = allowed(wanted, Algorithm::is_hmac)?;
        if wanted.is_none() {
            // Without `alg` it is for what it is long enough for, and too short when that is nothing.
            algorithms.retain(|algorithm| {
                let long_enough = |hmac: hmac::Algorithm| bytes >= hmac.digest_algorithm().output_len();
                *algorithm == Algorithm::Hs256 || algorithm.hmac().is_some_and(long_enough)
            });
        }
        Ok(Self {
            kid: text("kid")?.map(Into::into),
            ..Self::hmac(&Secret::new(secret), &algorithms)?
        })
    }

    /// A shared secret for `algorithms`, all of them HS*. It is never part of a [`KeySet`](crate::jwks::KeySet) that
    /// came from outside.
    pub fn hmac(secret: &Secret<Vec<u8>>, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let mut shared = Vec::new();
        for algorithm in algorithms {
            let hmac = algorithm
                .hmac()
                .ok_or_else(|| KeyError::Algorithm(algorithm.name().to_owned()))?;
            let (needed, got) = (hmac.digest_algorithm().output_len(), secret.expose().len());
            if got < needed {
                return Err(KeyError::SecretTooShort { needed, got });
            }
            shared.push((*algorithm, hmac::Key::new(hmac, secret.expose())));
        }
        let (_, first) = shared.first().ok_or_else(|| KeyError::Algorithm(String::new()))?;
        let tag = hmac::sign(first, b"countersign key thumbprint");
        Ok(Self {
            thumbprint: Thumbprint::of(digest::digest(&digest::SHA256, tag.as_ref()).as_ref()),
            material: Material::Shared(shared.into()),
            kid: None,
        })
    }

    /// The key id it was published under.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it is, to be compared.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Whether it may verify signatures of `algorithm`.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.material {
            Material::Public(keys) => keys.iter().any(|(own, _)| *own == algorithm),
            Material::Shared(keys) => keys.iter().any(|(own, _)| *own == algorithm),
        }
    }

    /// Checks `signature` over `message`.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        match &self.material {
            Material::Public(keys) => {
                let (_, key) = keys
                    .iter()
                    .find(|(own, _)| *own == algorithm)
                    .ok_or(SignatureError)?;
                key.verify_sig(message, signature).map_err(|_| SignatureError)
            }
            Material::Shared(keys) => {
                let (_, key) = keys
                    .iter()
                    .find(|(own, _)| *own == algorithm)
                    .ok_or(SignatureError)?;
                let expected = hmac::sign(key, message);
                constant_time::verify_slices_are_equal(expected.as_ref(), signature)
                    .map_err(|_| SignatureError)
            }
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = Algorithm::ALL
            .into_iter()
            .filter(|algorithm| self.fits(*algorithm))
            .map(Algorithm::name);
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &algorithms.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Thumbprint {
    fn of(sha256: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(sha256);
        Self(bytes)
    }
}

/// What else stood in a PEM.
fn not_public(kind: SectionKind) -> KeyError {
    const PRIVATE: [SectionKind; 3] = [
        SectionKind::PrivateKey,
        SectionKind::RsaPrivateKey,
        SectionKind::EcPrivateKey,
    ];
    if PRIVATE.contains(&kind) {
        KeyError::Private
    } else if kind == SectionKind::Certificate {
        let what = "a certificate; its key alone is what `openssl x509 -noout -pubkey` prints";
        KeyError::Kind(what.to_owned())
    } else {
        KeyError::Kind(format!("{kind:?}"))
    }
}

/// The text of the member `name`, if it is there.
fn member<'a>(jwk: Members<'a>, name: &'static str) -> Result<Option<&'a str>, KeyError> {
    let value = jwk.member(name);
    value
        .map(|value| value.as_str().ok_or(KeyError::Member(name)))
        .transpose()
}

fn judge_purpose(jwk: Members<'_>, usage: Option<&str>, wanted: &str) -> Result<(), KeyError> {
    if let Some(usage) = usage
        && usage != wanted
    {
        return Err(KeyError::Purpose(shown(usage)));
    }
    match jwk.member("key_ops") {
        None => Ok(()),
        Some(operations @ Value::Array(_))
            if strings(Some(operations)).any(|operation| operation == "verify") =>
        {
            Ok(())
        }
        Some(_) => Err(KeyError::Purpose("key_ops without verify".to_owned())),
    }
}

/// A stranger's word, short and printable, for a message.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(40)
        .collect()
}
