//! Whose token it says it is, before anybody has vouched for it.

use super::shortened;
use countersign_core::reason::RejectionReason;
use countersign_core::spiffe::{SpiffeId, TrustDomain};
use countersign_jose::claims::Expectation;
use countersign_jose::token::{TokenError, UnverifiedToken};

/// Why the token is not ours to judge, if it is not.
type Another = Option<(RejectionReason, String)>;

/// Looks at the claim by which the expected tokens are known: `iss`, or the trust domain in `sub`.
pub(super) fn whose(token: &UnverifiedToken<'_>, expectation: &Expectation) -> Result<Another, TokenError> {
    match expectation.trust_domain() {
        None => by_issuer(token, expectation),
        Some(trust_domain) => by_trust_domain(token, trust_domain),
    }
}

fn by_issuer(token: &UnverifiedToken<'_>, expectation: &Expectation) -> Result<Another, TokenError> {
    Ok(match token.issuer_unverified()? {
        None => Some((
            RejectionReason::ClaimMissing,
            "`iss` is missing or no string".into(),
        )),
        Some(issuer) if *issuer == **expectation.issuer() => None,
        Some(issuer) => {
            let detail = format!("issuer is {:?}", shortened(issuer));
            Some((RejectionReason::UnknownIssuer, detail))
        }
    })
}

/// A JWT-SVID may have an issuer and need not: another table knows tokens by that. What is no SPIFFE ID at all is
/// another issuer's token; one that is written wrongly is nobody's.
fn by_trust_domain(token: &UnverifiedToken<'_>, trust_domain: &TrustDomain) -> Result<Another, TokenError> {
    let subject = token.subject_unverified()?.unwrap_or("");
    Ok(match SpiffeId::parse(subject) {
        Ok(id) if id.trust_domain() == trust_domain => None,
        Err(error) if subject.starts_with("spiffe://") => Some((
            RejectionReason::ClaimType,
            format!(
                "`sub` is {:?}, which is no SPIFFE ID: {error}",
                shortened(subject)
            ),
        )),
        Ok(_) | Err(_) => Some((
            RejectionReason::UnknownIssuer,
            format!(
                "`sub` is {:?}, which is nobody in the trust domain {trust_domain}",
                shortened(subject)
            ),
        )),
    })
}
