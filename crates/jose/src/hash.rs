//! Hashes that OAuth and OpenID Connect put into what is sent.

use crate::algorithm::Algorithm;
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// SHA-256 of `text` in base64url: a code challenge (RFC 7636 section 4.2, S256).
pub fn s256(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

/// The left half of the hash of `token`, in base64url: `at_hash` of an ID Token that is signed with `algorithm` (OpenID
/// Connect Core section 3.1.3.6). The hash is the algorithm's own; for Ed25519 it is SHA-512.
pub fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Hs256 | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::Hs384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
        Algorithm::Hs512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => {
            &SHA512
        }
    };
    let whole = digest(hash, token.as_bytes());
    let half = whole.as_ref().chunks(whole.as_ref().len() / 2).next();
    BASE64_URL_SAFE_NO_PAD.encode(half.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standards_come_out() {
        // RFC 7636 appendix B.
        assert_eq!(
            s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        // OpenID Connect Core appendix A.3.
        assert_eq!(
            half_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(half_hash(Algorithm::Es384, "x").len(), 32);
        assert_eq!(half_hash(Algorithm::EdDsa, "x").len(), 43);
    }
}
