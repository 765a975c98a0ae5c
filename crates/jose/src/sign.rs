//! Signing, for tokens the gateway makes itself: test tokens, the demo, the assertions by which it proves itself as a client.

use crate::algorithm::{Algorithm, Curve, KeyFamily};
use crate::der::rsa_numbers;
use crate::json::parse_object;
use crate::key::VerificationKey;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::secret::Secret;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;

/// Why there is no key or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The PEM is not a PKCS#8 private key that fits the algorithm.
    #[error("not a PKCS#8 private key for this algorithm")]
    Key,
    /// The library would not make the key or the signature.
    #[error("the key or the signature could not be made")]
    Library,
}

enum Material {
    Rsa(Box<RsaKeyPair>),
    Ec(Curve, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Hmac(Box<hmac::Key>),
}

/// A key that signs with one algorithm.
pub struct SigningKey {
    algorithm: Algorithm,
    material: Material,
}

impl SigningKey {
    /// A new key for `algorithm`: RSA of 2048 bits, the algorithm's curve, or as many secret bytes as the hash has.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SignError> {
        let material = match algorithm.family() {
            KeyFamily::Rsa => Material::Rsa(Box::new(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| SignError::Library)?,
            )),
            KeyFamily::Ec(curve) => {
                let pair = EcdsaKeyPair::generate(curve.signing()).map_err(|_| SignError::Library)?;
                Material::Ec(curve, Box::new(pair))
            }
            KeyFamily::Ed25519 => Material::Ed25519(Box::new(
                Ed25519KeyPair::generate().map_err(|_| SignError::Library)?,
            )),
            KeyFamily::Hmac => {
                let hmac = algorithm.hmac().ok_or(SignError::Key)?;
                {
                    let key =
                        hmac::Key::generate(hmac, &SystemRandom::new()).map_err(|_| SignError::Library)?;
                    Material::Hmac(Box::new(key))
                }
            }
        };
        Ok(Self { algorithm, material })
    }

    /// The key of a PKCS#8 PEM text (`BEGIN PRIVATE KEY`).
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, SignError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| SignError::Key)?;
        let der = der.secret_pkcs8_der();
        let material = match algorithm.family() {
            KeyFamily::Rsa => {
                Material::Rsa(Box::new(RsaKeyPair::from_pkcs8(der).map_err(|_| SignError::Key)?))
            }
            KeyFamily::Ec(curve) => {
                let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), der).map_err(|_| SignError::Key)?;
                Material::Ec(curve, Box::new(pair))
            }
            KeyFamily::Ed25519 => Material::Ed25519(Box::new(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| SignError::Key)?,
            )),
            KeyFamily::Hmac => return Err(SignError::Key),
        };
        Ok(Self { algorithm, material })
    }

    /// The key of a PKCS#8 PEM text, whatever its kind; it signs with RS256, the curve's algorithm, or EdDSA.
    pub fn from_any_pem(pem: &[u8]) -> Result<Self, SignError> {
        let usual = [
            Algorithm::Es256,
            Algorithm::EdDsa,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::Rs256,
        ];
        let mut keys = usual
            .into_iter()
            .filter_map(|algorithm| Self::from_pem(algorithm, pem).ok());
        keys.next().ok_or(SignError::Key)
    }

    /// What the public half is, as RFC 7638 names it: a key id that follows from the key. `None` for a shared secret.
    pub fn thumbprint(&self) -> Option<String> {
        let jwk = parse_object(self.public_jwk("")?.as_bytes()).ok()?;
        let key = VerificationKey::from_jwk(jwk.root()).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode(key.thumbprint().0))
    }

    /// The shared secret, of whatever length: whether it is long enough is for the verifying side to judge.
    pub fn hmac(algorithm: Algorithm, secret: &Secret<Vec<u8>>) -> Result<Self, SignError> {
        let hmac = algorithm.hmac().ok_or(SignError::Key)?;
        Ok(Self {
            algorithm,
            material: Material::Hmac(Box::new(hmac::Key::new(hmac, secret.expose()))),
        })
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A token of this payload. `extra` are further header members as JSON text without braces (`"kid":"k1"`), or
    /// empty.
    pub fn sign(&self, extra: &str, payload: &[u8]) -> Result<String, SignError> {
        let comma = if extra.is_empty() { "" } else { "," };
        self.sign_with_header(
            &format!(r#"{{"alg":"{}"{comma}{extra}}}"#, self.algorithm.name()),
            payload,
        )
    }

    /// A token with exactly this header, for tests of what is refused.
    pub fn sign_with_header(&self, header: &str, payload: &[u8]) -> Result<String, SignError> {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let text = format!("{}.{}", encode(header.as_bytes()), encode(payload));
        let signature = self.signature(text.as_bytes())?;
        Ok(format!("{text}.{}", encode(&signature)))
    }

    /// The public half as a JWK (RFC 7517) under `kid`; `None` for a shared secret.
    pub fn public_jwk(&self, kid: &str) -> Option<String> {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (name, kid) = (self.algorithm.name(), serde_json::to_string(kid).ok()?);
        let members = match &self.material {
            Material::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref())?;
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, encode(n), encode(e))
            }
            Material::Ec(curve, pair) => {
                let point = pair.public_key().as_ref().get(1..)?;
                let (x, y) = point.split_at_checked(curve.coordinate_bytes())?;
                format!(
                    r#""kty":"EC","crv":"{}","x":"{}","y":"{}""#,
                    curve.name(),
                    encode(x),
                    encode(y)
                )
            }
            Material::Ed25519(pair) => {
                format!(
                    r#""kty":"OKP","crv":"Ed25519","x":"{}""#,
                    encode(pair.public_key().as_ref())
                )
            }
            Material::Hmac(_) => return None,
        };
        Some(format!(r#"{{{members},"kid":{kid},"alg":"{name}","use":"sig"}}"#))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.material {
            Material::Rsa(pair) => {
                let (_, padding) = self.algorithm.rsa().ok_or(SignError::Key)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .map_err(|_| SignError::Library)?;
                Ok(signature)
            }
            Material::Ec(_, pair) => Ok(pair
                .sign(&random, message)
                .map_err(|_| SignError::Library)?
                .as_ref()
                .to_vec()),
            Material::Ed25519(pair) => Ok(pair
                .try_sign(message)
                .map_err(|_| SignError::Library)?
                .as_ref()
                .to_vec()),
            Material::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
