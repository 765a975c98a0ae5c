//! The public half of a key that signs, as others are told of it: as a JWK (RFC 7517) and as PEM (RFC 7468 section 13).

use crate::algorithm::{Algorithm, KeyFamily};
use crate::der::{key_of_spki, rsa_numbers};
use crate::json::{parse_object, quoted};
use crate::key::VerificationKey;
use crate::sign::SigningKey;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

#[cfg(test)]
mod tests;

/// Characters of a line of PEM (RFC 7468 section 2).
const LINE: usize = 64;

/// A public key that holds what it is to hold: RSA of 2048 to 8192 bits, a point on its curve, Ed25519.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The members of its JWK that are the key: `"kty":…`, without braces.
    members: Box<str>,
    family: KeyFamily,
    spki: Box<[u8]>,
    thumbprint: Box<str>,
}

impl PublicKey {
    /// The key of a `SubjectPublicKeyInfo` (RFC 5280 section 4.1); `None` for one that is not used here.
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (family, key) = key_of_spki(spki)?;
        let members = match family {
            KeyFamily::Rsa => {
                let (n, e) = rsa_numbers(key)?;
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, encode(n), encode(e))
            }
            KeyFamily::Ec(curve) => {
                // Uncompressed (SEC 1 section 2.3.3).
                let (x, y) = key
                    .strip_prefix(&[4])?
                    .split_at_checked(curve.coordinate_bytes())?;
                let (curve, x, y) = (curve.name(), encode(x), encode(y));
                format!(r#""kty":"EC","crv":"{curve}","x":"{x}","y":"{y}""#)
            }
            KeyFamily::Ed25519 => format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, encode(key)),
            KeyFamily::Hmac => return None,
        };
        let jwk = parse_object(format!("{{{members}}}").as_bytes()).ok()?;
        let sound = VerificationKey::from_jwk(jwk.root()).ok()?;
        Some(Self {
            members: members.into(),
            family,
            spki: spki.into(),
            thumbprint: encode(&sound.thumbprint().0).into(),
        })
    }

    /// The first public key of a PEM text, or the public half of its private key.
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        if let Ok(spki) = SubjectPublicKeyInfoDer::from_pem_slice(pem) {
            return Self::from_spki(spki.as_ref());
        }
        SigningKey::from_any_pem(pem).ok()?.public_key()
    }

    /// SHA-256 over its canonical form, in base64url: a key id that follows from the key (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// What such a key usually signs with: RS256, the curve's algorithm, or EdDSA.
    pub const fn usual_algorithm(&self) -> Algorithm {
        match self.family {
            KeyFamily::Ec(curve) => curve.algorithm(),
            KeyFamily::Ed25519 => Algorithm::EdDsa,
            // There is none of a shared secret.
            KeyFamily::Rsa | KeyFamily::Hmac => Algorithm::Rs256,
        }
    }

    /// Whether it verifies what this algorithm signs.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        algorithm.family() == self.family
    }

    /// As a JWK under `kid`, for signatures by `algorithm`.
    pub fn jwk(&self, kid: &str, algorithm: Algorithm) -> String {
        let (members, kid, algorithm) = (&self.members, quoted(kid), algorithm.name());
        format!(r#"{{{members},"kid":{kid},"alg":"{algorithm}","use":"sig"}}"#)
    }

    /// As PEM: `BEGIN PUBLIC KEY`, lines of 64 characters, a line feed after each.
    pub fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let text = BASE64_STANDARD.encode(&self.spki);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }
}
