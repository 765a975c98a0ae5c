//! Verification: the signature first, then the claims.

use crate::algorithm::Algorithm;
use crate::claims::{ClaimError, Expectation, TokenTimes, check};
use crate::key::{Thumbprint, VerificationKey};
use crate::token::{TokenError, UnverifiedToken};
use countersign_core::claims::Claims;
use countersign_core::time::Timestamp;

/// A token whose signature, algorithm, issuer, audience, type and times all held. Made by [`verify`] only.
///
/// ```compile_fail,E0451
/// # use countersign_jose::verify::VerifiedToken;
/// # fn forge(token: VerifiedToken) -> VerifiedToken {
/// VerifiedToken { ..token }
/// # }
/// ```
#[derive(Debug)]
pub struct VerifiedToken {
    claims: Claims,
    times: TokenTimes,
    key: Thumbprint,
}

impl VerifiedToken {
    /// What it says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What it says, to keep.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// When it holds.
    pub const fn times(&self) -> TokenTimes {
        self.times
    }

    /// The key that verified it.
    pub const fn key(&self) -> Thumbprint {
        self.key
    }
}

/// Claims whose signature held and of which nothing else was checked: an ID Token, a logout token, a signed answer, before
/// the rule of its kind. Made by [`verify_signed`] only.
///
/// ```compile_fail,E0451
/// # use countersign_jose::verify::SignedClaims;
/// # fn forge(signed: SignedClaims) -> SignedClaims {
/// SignedClaims { ..signed }
/// # }
/// ```
#[derive(Debug)]
pub struct SignedClaims {
    claims: Claims,
    algorithm: Algorithm,
    typ: Option<Box<str>>,
}

impl SignedClaims {
    /// What the signer says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What the signer says, to keep.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// How it is signed.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The type that the header names, as written.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

/// Which step failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The algorithm is not one of those expected, or the key is not for it.
    #[error("the algorithm {0} is not allowed here")]
    AlgorithmNotAllowed(&'static str),
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The payload is not one strict JSON object.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A claim does not hold.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}

impl VerifyError {
    /// The reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlgorithmNotAllowed(_) => "algorithm_not_allowed",
            Self::Signature => "signature_invalid",
            Self::Token(error) => error.code(),
            Self::Claim(error) => error.code(),
        }
    }
}

/// Verifies `token` with `key` against `expectation`.
pub fn verify(
    token: UnverifiedToken<'_>,
    key: &VerificationKey,
    expectation: &Expectation,
    now: Timestamp,
) -> Result<VerifiedToken, VerifyError> {
    let algorithm = token.algorithm();
    if !expectation.algorithms().contains(&algorithm) || !key.fits(algorithm) {
        return Err(VerifyError::AlgorithmNotAllowed(algorithm.name()));
    }
    key.verify(algorithm, token.signed().as_bytes(), token.signature())
        .map_err(|_| VerifyError::Signature)?;
    let times = check(token.claims()?, token.typ_unverified(), expectation, now)?;
    Ok(VerifiedToken {
        claims: token.into_claims()?,
        times,
        key: key.thumbprint(),
    })
}

/// Verifies the signature alone, made with one of `algorithms` and no shared secret, and gives the claims to whoever has a
/// rule for their kind.
pub fn verify_signed(
    token: UnverifiedToken<'_>,
    key: &VerificationKey,
    algorithms: &[Algorithm],
) -> Result<SignedClaims, VerifyError> {
    let algorithm = token.algorithm();
    if algorithm.is_hmac() || !algorithms.contains(&algorithm) || !key.fits(algorithm) {
        return Err(VerifyError::AlgorithmNotAllowed(algorithm.name()));
    }
    key.verify(algorithm, token.signed().as_bytes(), token.signature())
        .map_err(|_| VerifyError::Signature)?;
    let typ = token.typ_unverified().map(Into::into);
    Ok(SignedClaims {
        claims: token.into_claims()?,
        algorithm,
        typ,
    })
}

/// Verifies the signature alone and gives the payload's bytes, which may be anything.
pub fn verify_signature(token: &UnverifiedToken<'_>, key: &VerificationKey) -> Result<Vec<u8>, VerifyError> {
    let algorithm = token.algorithm();
    if !key.fits(algorithm) {
        return Err(VerifyError::AlgorithmNotAllowed(algorithm.name()));
    }
    key.verify(algorithm, token.signed().as_bytes(), token.signature())
        .map_err(|_| VerifyError::Signature)?;
    Ok(token.payload_bytes()?)
}
