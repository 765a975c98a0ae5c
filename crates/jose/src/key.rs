//! Verification keys. A key knows the algorithms it may verify; a token's header cannot choose another.

use crate::algorithm::{Algorithm, Curve, KeyFamily};
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{Members, Value};
use countersign_core::principal::strings;
use countersign_core::secret::Secret;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;

/// Names a key by what it is: SHA-256 over its canonical public form (RFC 7638 for a JWK).
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
    /// The numbers are no key of a size that is accepted (RSA: 2048 to 8192 bits).
    #[error("not a valid public key of an accepted size (RSA: 2048 to 8192 bits)")]
    Unusable,
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
        let text = |name: &'static str| {
            jwk.member(name)
                .map(|value| value.as_str().ok_or(KeyError::Member(name)))
                .transpose()
        };
        let kty = text("kty")?.ok_or(KeyError::Member("kty"))?;
        if kty == "oct" {
            return Err(KeyError::SharedSecret);
        }
        if jwk.member("d").is_some() {
            return Err(KeyError::Private);
        }
        judge_purpose(jwk, text("use")?)?;
        let bytes = |name: &'static str| {
            let encoded = text(name)?.ok_or(KeyError::Member(name))?;
            BASE64_URL_SAFE_NO_PAD
                .decode(encoded)
                .map_err(|_| KeyError::Member(name))
        };
        let wanted = text("alg")?;
        let kid = text("kid")?.map(Into::into);
        let (public, canonical) = match kty {
            "RSA" => rsa(bytes("n")?, bytes("e")?, wanted)?,
            "EC" => {
                let name = text("crv")?.ok_or(KeyError::Member("crv"))?;
                let curve =
                    Curve::parse(name).ok_or_else(|| KeyError::Kind(format!("curve {}", shown(name))))?;
                ec(curve, &bytes("x")?, &bytes("y")?, wanted)?
            }
            "OKP" => {
                let name = text("crv")?.ok_or(KeyError::Member("crv"))?;
                if name != "Ed25519" {
                    return Err(KeyError::Kind(format!("curve {}", shown(name))));
                }
                ed25519(&bytes("x")?, wanted)?
            }
            other => return Err(KeyError::Kind(shown(other))),
        };
        Ok(Self {
            material: Material::Public(public),
            kid,
            thumbprint: sha256(canonical.as_bytes()),
        })
    }

    /// Every public key (`PUBLIC KEY`, RFC 7468 section 13) of a PEM text. A certificate is not one.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for der in SubjectPublicKeyInfoDer::pem_slice_iter(pem) {
            keys.push(Self::from_spki(&der.map_err(|_| KeyError::Member("PEM"))?)?);
        }
        if keys.is_empty() {
            return Err(KeyError::Kind("no `BEGIN PUBLIC KEY` in this PEM".to_owned()));
        }
        Ok(keys)
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let parse = |algorithm: Algorithm| -> Option<(Algorithm, ParsedPublicKey)> {
            let verification: &'static dyn signature::VerificationAlgorithm = match algorithm.family() {
                KeyFamily::Rsa => algorithm.rsa()?.0,
                KeyFamily::Ec(curve) => curve.verification(),
                KeyFamily::Ed25519 => &signature::ED25519,
                KeyFamily::Hmac => return None,
            };
            Some((algorithm, ParsedPublicKey::new(verification, der).ok()?))
        };
        let public = Algorithm::ALL.into_iter().filter_map(parse).collect::<Box<[_]>>();
        // An RSA key of 2048 bits takes 294 bytes here; the library refuses the shorter ones too, at their first use.
        let is_rsa = public
            .first()
            .is_some_and(|(algorithm, _)| algorithm.family() == KeyFamily::Rsa);
        if public.is_empty() || is_rsa && der.len() < 290 {
            return Err(KeyError::Unusable);
        }
        Ok(Self {
            material: Material::Public(public),
            kid: None,
            thumbprint: sha256(der),
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
        let thumbprint = sha256(&[b"hmac:".as_slice(), secret.expose()].concat());
        Ok(Self {
            material: Material::Shared(shared.into()),
            kid: None,
            thumbprint,
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

type Public = (Box<[(Algorithm, ParsedPublicKey)]>, String);

fn judge_purpose(jwk: Members<'_>, usage: Option<&str>) -> Result<(), KeyError> {
    if let Some(usage) = usage
        && usage != "sig"
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

/// The algorithms of one family that `wanted` leaves.
fn allowed(wanted: Option<&str>, fits: impl Fn(Algorithm) -> bool) -> Result<Vec<Algorithm>, KeyError> {
    let all = Algorithm::ALL.into_iter().filter(|algorithm| fits(*algorithm));
    let Some(name) = wanted else {
        return Ok(all.collect());
    };
    let one = Algorithm::parse(name).filter(|algorithm| fits(*algorithm));
    one.map(|algorithm| vec![algorithm])
        .ok_or_else(|| KeyError::Algorithm(shown(name)))
}

fn rsa(n: Vec<u8>, e: Vec<u8>, wanted: Option<&str>) -> Result<Public, KeyError> {
    // A modulus of 2048 bits has its highest bit set in 256 bytes; one of 8192 fits 1024.
    let size = n.len() * 8
        - n.first()
            .map_or(0, |byte| byte.leading_zeros() as usize)
            .min(n.len() * 8);
    if !(2048..=8192).contains(&size) {
        return Err(KeyError::Unusable);
    }
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let canonical = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(&e), encode(&n));
    let components = RsaPublicKeyComponents { n, e };
    let parse = |algorithm: Algorithm| {
        let (parameters, _) = algorithm.rsa().ok_or(KeyError::Unusable)?;
        components
            .to_parsed_public_key(parameters)
            .map(|key| (algorithm, key))
            .map_err(|_| KeyError::Unusable)
    };
    let algorithms = allowed(wanted, |algorithm| algorithm.family() == KeyFamily::Rsa)?;
    Ok((
        algorithms.into_iter().map(parse).collect::<Result<_, _>>()?,
        canonical,
    ))
}

fn ec(curve: Curve, x: &[u8], y: &[u8], wanted: Option<&str>) -> Result<Public, KeyError> {
    for (name, coordinate) in [("x", x), ("y", y)] {
        if coordinate.len() != curve.coordinate_bytes() {
            return Err(KeyError::Member(name));
        }
    }
    allowed(wanted, |algorithm| algorithm == curve.algorithm())?;
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let canonical = format!(
        r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
        curve.name(),
        encode(x),
        encode(y)
    );
    let point = [&[4], x, y].concat();
    let key = ParsedPublicKey::new(curve.verification(), point).map_err(|_| KeyError::Unusable)?;
    Ok((Box::new([(curve.algorithm(), key)]), canonical))
}

fn ed25519(x: &[u8], wanted: Option<&str>) -> Result<Public, KeyError> {
    if x.len() != 32 {
        return Err(KeyError::Member("x"));
    }
    allowed(wanted, |algorithm| algorithm == Algorithm::EdDsa)?;
    let canonical = format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
        BASE64_URL_SAFE_NO_PAD.encode(x)
    );
    let key = ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyError::Unusable)?;
    Ok((Box::new([(Algorithm::EdDsa, key)]), canonical))
}

fn sha256(bytes: &[u8]) -> Thumbprint {
    let mut thumbprint = [0; 32];
    thumbprint.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Thumbprint(thumbprint)
}

/// A stranger's word, short and printable, for a message.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(40)
        .collect()
}
