//! What kind of key a `SubjectPublicKeyInfo` holds.

use crate::der::{self, Reader};
use std::fmt;

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A kind of public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, and how long its modulus is.
    Rsa {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// Another: its algorithm, or its curve, in dots.
    Other(Box<str>),
}

impl KeyKind {
    /// The kind of key in `spki`. `None` when it is not a `SubjectPublicKeyInfo`.
    pub(super) fn of(spki: &[u8]) -> Option<Self> {
        let mut info = Reader::whole(spki, der::SEQUENCE)?;
        let mut algorithm = Reader::new(info.expect(der::SEQUENCE)?);
        let bits = info.whole_bits()?;
        info.end()?;
        let kind = algorithm.expect(der::OBJECT_IDENTIFIER)?;
        match kind {
            RSA_ENCRYPTION | RSASSA_PSS => rsa_bits(bits).map(|bits| Self::Rsa { bits }),
            ED25519 => Some(Self::Ed25519),
            EC_PUBLIC_KEY => match algorithm.optional(der::OBJECT_IDENTIFIER)? {
                Some(P256) => Some(Self::P256),
                Some(P384) => Some(Self::P384),
                Some(P521) => Some(Self::P521),
                curve => der::dotted(curve.unwrap_or(kind)).map(|dots| Self::Other(dots.into())),
            },
            kind => der::dotted(kind).map(|dots| Self::Other(dots.into())),
        }
    }

    /// Whether signatures by such a key are taken here: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519.
    pub const fn is_accepted(&self) -> bool {
        match self {
            Self::Rsa { bits } => 2048 <= *bits && *bits <= 8192,
            Self::P256 | Self::P384 | Self::P521 | Self::Ed25519 => true,
            Self::Other(_) => false,
        }
    }
}

/// As people say it: `RSA 4096 bits`, `P-256`.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits} bits"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(dots) => f.write_str(dots),
        }
    }
}

/// The length of the modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut numbers = Reader::whole(key, der::SEQUENCE)?;
    let modulus = numbers.integer()?;
    numbers.integer()?;
    numbers.end()?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let first = modulus.first()?;
    Some(modulus.len() * 8 - usize::try_from(first.leading_zeros()).ok()?)
}
