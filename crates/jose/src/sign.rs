//! Signing, for tokens the gateway makes itself: test tokens, the demo, the assertions by which it proves itself as a client.

use crate::algorithm::{Algorithm, KeyFamily};
use crate::public_key::PublicKey;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::secret::Secret;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;

/// Why there is no key or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It is not a private key in the clear that fits the algorithm.
    #[error("not a private key in the clear for this algorithm")]
    Key,
    /// The library would not make the key or the signature.
    #[error("the key or the signature could not be made")]
    Library,
}

enum Material {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
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
                Material::Ec(Box::new(pair))
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

    /// The first private key of a PEM text: PKCS#8 (`BEGIN PRIVATE KEY`), or in the older form of its kind, as OpenSSL wrote
    /// them before version 3 (`BEGIN RSA PRIVATE KEY`, RFC 8017; `BEGIN EC PRIVATE KEY`, RFC 5915).
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, SignError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SignError::Key)?;
        Self::from_der(algorithm, &der)
    }

    /// The key that [`Self::to_pkcs8`] wrote.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, SignError> {
        Self::from_der(algorithm, &PrivateKeyDer::Pkcs8(der.into()))
    }

    fn from_der(algorithm: Algorithm, der: &PrivateKeyDer<'_>) -> Result<Self, SignError> {
        let (bytes, is_pkcs8) = (der.secret_der(), matches!(der, PrivateKeyDer::Pkcs8(_)));
        let material = match algorithm.family() {
            KeyFamily::Rsa => {
                let pair = if is_pkcs8 {
                    RsaKeyPair::from_pkcs8(bytes)
                } else {
                    RsaKeyPair::from_der(bytes)
                };
                Material::Rsa(Box::new(pair.map_err(|_| SignError::Key)?))
            }
            KeyFamily::Ec(curve) => {
                let pair = EcdsaKeyPair::from_private_key_der(curve.signing(), bytes);
                Material::Ec(Box::new(pair.map_err(|_| SignError::Key)?))
            }
            KeyFamily::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes);
                Material::Ed25519(Box::new(pair.map_err(|_| SignError::Key)?))
            }
            KeyFamily::Hmac => return Err(SignError::Key),
        };
        Ok(Self { algorithm, material })
    }

    /// The first private key of a PEM text, whatever its kind; it signs with RS256, the curve's algorithm, or EdDSA.
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

    /// The private key as PKCS#8 (RFC 5208), to be kept and read again by [`Self::from_pkcs8`]. Fails for a shared secret.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, SignError> {
        let document = match &self.material {
            Material::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| SignError::Library)?;
                return Ok(Secret::new(der.as_ref().to_vec()));
            }
            Material::Ec(pair) => pair.to_pkcs8v1(),
            Material::Ed25519(pair) => pair.to_pkcs8v1(),
            Material::Hmac(_) => return Err(SignError::Key),
        };
        let document = document.map_err(|_| SignError::Library)?;
        Ok(Secret::new(document.as_ref().to_vec()))
    }

    /// The public half. `None` for a shared secret.
    pub fn public_key(&self) -> Option<PublicKey> {
        let spki: Result<PublicKeyX509Der<'_>, _> = match &self.material {
            Material::Rsa(pair) => pair.public_key().as_der(),
            Material::Ec(pair) => pair.public_key().as_der(),
            Material::Ed25519(pair) => pair.public_key().as_der(),
            Material::Hmac(_) => return None,
        };
        PublicKey::from_spki(spki.ok()?.as_ref())
    }

    /// What the public half is, as RFC 7638 names it: a key id that follows from the key. `None` for a shared secret.
    pub fn thumbprint(&self) -> Option<String> {
        Some(self.public_key()?.thumbprint().to_owned())
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
        Some(self.public_key()?.jwk(kid, self.algorithm))
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
            Material::Ec(pair) => Ok(pair
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
