//! What is judged of a path once the library has built it: authorities that may vouch, and revocation.

use super::{Checks, VerifyError, constraints};
use crate::authorities::Authorities;
use crate::certificate::{Certificate, KeyUsage};
use crate::crl::{CrlIndex, Signer, Standing, Unknown};
use countersign_core::time::Timestamp;
use std::cell::RefCell;
use std::sync::Arc;
use webpki::VerifiedPath;

/// The issuers of a leaf, the anchor last, and until when all of it holds.
pub(super) type Found = (Vec<Arc<Certificate>>, Timestamp);

/// Judges each path that the library offers, and keeps what it found for after.
#[derive(Debug)]
pub(super) struct Judgement<'a> {
    authorities: &'a Authorities,
    crls: Option<&'a CrlIndex>,
    checks: Checks,
    now: Timestamp,
    /// The path that holds, or the first reason why none did.
    found: RefCell<Result<Found, Option<VerifyError>>>,
}

impl<'a> Judgement<'a> {
    pub(super) const fn new(
        authorities: &'a Authorities,
        crls: Option<&'a CrlIndex>,
        checks: Checks,
        now: Timestamp,
    ) -> Self {
        Self {
            authorities,
            crls,
            checks,
            now,
            found: RefCell::new(Err(None)),
        }
    }

    /// What came of the paths that were offered: `Err(None)` when none was.
    pub(super) fn finish(self) -> Result<Found, Option<VerifyError>> {
        self.found.into_inner()
    }

    /// Judges one path. The library's error only says to try the next: what was wrong is kept here.
    pub(super) fn judge(&self, leaf: &Certificate, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
        let judged = self.issuers(path).and_then(|issuers| {
            check_authorities(leaf, &issuers)?;
            constraints::check(leaf, issuers.iter().map(AsRef::as_ref))?;
            let holds_until = self.holds_until(leaf, &issuers)?;
            Ok((issuers, holds_until))
        });
        let mut found = self.found.borrow_mut();
        match judged {
            Ok(judged) => {
                *found = Ok(judged);
                Ok(())
            }
            Err(error) => {
                if matches!(*found, Err(None)) {
                    *found = Err(Some(error));
                }
                Err(webpki::Error::CertRevoked)
            }
        }
    }

    fn issuers(&self, path: &VerifiedPath<'_>) -> Result<Vec<Arc<Certificate>>, VerifyError> {
        let mut issuers = Vec::new();
        for intermediate in path.intermediate_certificates() {
            let der = intermediate.der();
            let certificate = match self.authorities.intermediate_like(&der) {
                Some(own) => Arc::clone(own),
                None => Arc::new(Certificate::parse(&der).map_err(VerifyError::Malformed)?),
            };
            issuers.push(certificate);
        }
        let anchor = self.authorities.anchor_like(path.anchor());
        issuers.push(Arc::clone(anchor.ok_or(VerifyError::UnknownIssuer)?));
        Ok(issuers)
    }

    /// The earliest end of what was relied on: lives of certificates (but the anchor's), and of lists. What one list says of its
    /// certificate is no less so where another is late.
    fn holds_until(
        &self,
        leaf: &Certificate,
        issuers: &[Arc<Certificate>],
    ) -> Result<Timestamp, VerifyError> {
        let mut until = leaf.not_after();
        let mut certificate = leaf;
        let mut unknown = None;
        for issuer in issuers {
            until = until.min(certificate.not_after());
            // A certificate that is believed by itself is not looked up: who believes it takes it out again.
            if let Some(crls) = self.crls
                && certificate.der() != issuer.der()
            {
                match self.known_until(crls, certificate, issuer) {
                    Ok(known) => until = until.min(known),
                    Err(VerifyError::Revoked) => return Err(VerifyError::Revoked),
                    Err(why) => drop(unknown.get_or_insert(why)),
                }
            }
            certificate = issuer;
        }
        unknown.map_or(Ok(until), Err)
    }

    fn known_until(
        &self,
        crls: &CrlIndex,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Timestamp, VerifyError> {
        let anchor = self.authorities.anchors().any(|anchor| anchor == issuer);
        if !anchor && issuer.key_usage().is_some_and(|usage| !usage.crl_sign()) {
            return Err(VerifyError::CrlSigner(named(issuer)));
        }
        let signer = Signer {
            name: issuer.subject(),
            spki: issuer.subject_public_key_info(),
        };
        match crls.standing(certificate, signer, self.now, self.checks.accept_stale_crl) {
            // A list is in force up to that instant, not in it.
            Standing::Good { until } => Ok(before(until)),
            Standing::Revoked => Err(VerifyError::Revoked),
            Standing::Unknown(Unknown::Missing) => Err(VerifyError::CrlMissing(named(issuer))),
            Standing::Unknown(Unknown::Expired) => Err(VerifyError::CrlExpired(named(issuer))),
            Standing::Unknown(Unknown::NotYetInForce) => Err(VerifyError::CrlNotYetValid(named(issuer))),
            Standing::Unknown(Unknown::Signature) => Err(VerifyError::CrlSignature(named(issuer))),
        }
    }
}

/// Every issuer must be an authority that may sign certificates. Of an anchor only that it does not say it is none: as in
/// OpenSSL an old root may say nothing at all. A leaf that is an anchor itself vouches for nobody but itself.
fn check_authorities(leaf: &Certificate, issuers: &[Arc<Certificate>]) -> Result<(), VerifyError> {
    let Some((anchor, between)) = issuers.split_last() else {
        return Err(VerifyError::UnknownIssuer);
    };
    let signs = |certificate: &Certificate| certificate.key_usage().is_none_or(KeyUsage::key_cert_sign);
    if !between
        .iter()
        .all(|certificate| certificate.is_ca() && signs(certificate))
    {
        return Err(VerifyError::NotAnAuthority);
    }
    let pinned = between.is_empty() && leaf.der() == anchor.der();
    let authority = anchor.basic_constraints().map_or_else(
        || anchor.version() == 1 || anchor.key_usage().is_some_and(KeyUsage::key_cert_sign),
        |basic| basic.ca,
    );
    (pinned || authority)
        .then_some(())
        .ok_or(VerifyError::NotAnAuthority)
}

/// An authority, as the log names it elsewhere.
fn named(authority: &Certificate) -> Box<str> {
    authority.subject().rfc4514().into()
}

/// The last second before `instant`.
fn before(instant: Timestamp) -> Timestamp {
    Timestamp::from_milliseconds(instant.milliseconds().saturating_sub(1000))
}
