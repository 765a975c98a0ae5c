//! What a JWT-SVID must say besides (JWT-SVID, sections 2 and 3): whose workload it names.

use super::{ClaimError, shown};
use crate::algorithm::Algorithm;
use countersign_core::claims::Claims;
use countersign_core::spiffe::{SpiffeId, TrustDomain};

/// The algorithms of a JWT-SVID (JWT-SVID, section 2.1).
pub const JWT_SVID_ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// `sub` names a workload of the trust domain (JWT-SVID, section 3.1).
pub(super) fn check_workload(claims: &Claims, trust_domain: &TrustDomain) -> Result<(), ClaimError> {
    let subject = claims
        .member("sub")
        .ok_or_else(|| ClaimError::Missing("sub".into()))?;
    let id = subject.as_str().and_then(|text| SpiffeId::parse(text).ok());
    match id {
        Some(id) if id.trust_domain() != trust_domain => Err(ClaimError::Issuer {
            got: id.trust_domain().id().to_string(),
            wanted: trust_domain.id().to_string().into(),
        }),
        // Without a path it is the name of the trust domain, which is no workload.
        Some(id) if !id.path().is_empty() => Ok(()),
        Some(_) | None => Err(ClaimError::Type("sub".into())),
    }
}

/// Letter by letter (JWT-SVID, section 2.3).
pub(super) fn check_type(typ: Option<&str>) -> Result<(), ClaimError> {
    match typ {
        None | Some("JWT" | "JOSE") => Ok(()),
        Some(other) => Err(ClaimError::TokenType(format!("`typ` is {:?}", shown(other)))),
    }
}
