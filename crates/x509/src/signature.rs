//! Signatures on certificates and lists: which are accepted, and whether one holds.

use crate::der::{self, Reader};
pub(crate) use remembered::Remembered;
use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::aws_lc_rs as algorithm;
use webpki::{Error, RawPublicKeyEntity};

mod remembered;

/// RSA of 2048 to 8192 bits with SHA-2, by PKCS #1 and PSS; ECDSA on P-256, P-384 and P-521 with SHA-2; Ed25519. SHA-1 is
/// none of them.
pub(crate) const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithm::ECDSA_P256_SHA256,
    algorithm::ECDSA_P256_SHA384,
    algorithm::ECDSA_P256_SHA512,
    algorithm::ECDSA_P384_SHA256,
    algorithm::ECDSA_P384_SHA384,
    algorithm::ECDSA_P384_SHA512,
    algorithm::ECDSA_P521_SHA256,
    algorithm::ECDSA_P521_SHA384,
    algorithm::ECDSA_P521_SHA512,
    algorithm::ED25519,
    algorithm::RSA_PKCS1_2048_8192_SHA256,
    algorithm::RSA_PKCS1_2048_8192_SHA384,
    algorithm::RSA_PKCS1_2048_8192_SHA512,
    algorithm::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithm::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithm::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Something signed: the outermost shape of a certificate and of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// The part that is signed, whole.
    pub(crate) message: &'a [u8],
    /// The content of the `AlgorithmIdentifier`.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// It is made in a way that is not accepted, or by another kind of key.
    Unsupported,
    /// It is not this key's over these bytes.
    Invalid,
}

impl<'a> Signed<'a> {
    /// Reads the shape. `None` when these bytes have another.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::whole(bytes, der::SEQUENCE)?;
        let message = reader.element(der::SEQUENCE)?.whole;
        let algorithm = reader.expect(der::SEQUENCE)?;
        let signature = reader.whole_bits()?;
        reader.end()?;
        Some(Self {
            message,
            algorithm,
            signature,
        })
    }

    /// Whether the key of `spki` made the signature.
    pub(crate) fn holds_by(&self, spki: &[u8]) -> Result<(), SignatureFault> {
        let spki = SubjectPublicKeyInfoDer::from(spki);
        let key = RawPublicKeyEntity::try_from(&spki).map_err(|_| SignatureFault::Unsupported)?;
        let mut fault = SignatureFault::Unsupported;
        for algorithm in ALGORITHMS {
            if algorithm.signature_alg_id().as_ref() != self.algorithm {
                continue;
            }
            match key.verify_signature(*algorithm, self.message, self.signature) {
                Ok(()) => return Ok(()),
                Err(Error::InvalidSignatureForPublicKey) => fault = SignatureFault::Invalid,
                // Another curve, or another kind of key.
                Err(_) => {}
            }
        }
        Err(fault)
    }
}
