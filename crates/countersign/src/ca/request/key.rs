//! The key of a request, and whether the request is its own.

use crate::ca::der::{Reader, tag};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm,
};
use std::ops::RangeInclusive;

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const OF_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];

/// What the library verifies.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// The key of a request.
#[derive(Clone, Debug)]
pub struct RequestedKey {
    bits: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl PublicKeyData for RequestedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl RequestedKey {
    /// Whether it has signed `message`.
    pub(super) fn has_signed(
        &self,
        verification: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        UnparsedPublicKey::new(verification, &self.bits)
            .verify(message, signature)
            .is_ok()
    }
}

/// The key in a SubjectPublicKeyInfo, when it is of a kind that is taken.
pub(super) fn public_key(mut info: Reader<'_>) -> Option<RequestedKey> {
    let mut algorithm = info.open(tag::SEQUENCE)?;
    let bits = info.bits().filter(|_| info.is_empty())?;
    let kind = match algorithm.bytes(tag::OBJECT_IDENTIFIER)? {
        EC_PUBLIC_KEY => match algorithm.bytes(tag::OBJECT_IDENTIFIER)? {
            P256 => &PKCS_ECDSA_P256_SHA256,
            P384 => &PKCS_ECDSA_P384_SHA384,
            _ => return None,
        },
        OF_ED25519 => &PKCS_ED25519,
        RSA_ENCRYPTION if RSA_BITS.contains(&rsa_bits(bits)?) => &PKCS_RSA_SHA256,
        _ => return None,
    };
    Some(RequestedKey {
        bits: bits.to_vec(),
        algorithm: kind,
    })
}

/// The length of the modulus of an RSAPublicKey (RFC 8017, appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let modulus = Reader::new(key).open(tag::SEQUENCE)?.bytes(tag::INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let zeros = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    Some(modulus.len() * 8 - zeros)
}

/// How a signature of this kind by this key is verified; none when they do not go together, or it is not taken.
pub(super) fn verification(
    key: &RequestedKey,
    signature: &[u8],
) -> Option<&'static dyn VerificationAlgorithm> {
    let key = key.algorithm;
    Some(match signature {
        ECDSA_SHA256 if key == &PKCS_ECDSA_P256_SHA256 => &ECDSA_P256_SHA256_ASN1,
        ECDSA_SHA384 if key == &PKCS_ECDSA_P256_SHA256 => &ECDSA_P256_SHA384_ASN1,
        ECDSA_SHA256 if key == &PKCS_ECDSA_P384_SHA384 => &ECDSA_P384_SHA256_ASN1,
        ECDSA_SHA384 if key == &PKCS_ECDSA_P384_SHA384 => &ECDSA_P384_SHA384_ASN1,
        OF_ED25519 if key == &PKCS_ED25519 => &ED25519,
        RSA_SHA256 if key == &PKCS_RSA_SHA256 => &RSA_PKCS1_2048_8192_SHA256,
        RSA_SHA384 if key == &PKCS_RSA_SHA256 => &RSA_PKCS1_2048_8192_SHA384,
        RSA_SHA512 if key == &PKCS_RSA_SHA256 => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}
