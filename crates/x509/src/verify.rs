//! Whether a client's certificate holds: a path to an anchor, and for each certificate of it time, use and revocation.
//!
//! Paths are built by rustls-webpki, without lists. Beyond what it checks, and as OpenSSL does for clients: an authority
//! whose key usage is told must sign certificates; a leaf whose key usage is told must sign or agree on keys; extended
//! key usages, where told, on the leaf and on every authority between, must name client authentication
//! (`anyExtendedKeyUsage` does not). Name constraints are compared for DNS names and addresses; one of any other kind
//! refuses every certificate that has a name of that kind. Unlike OpenSSL an authority's certificate is never a client's,
//! keys and signatures must be of today's strength, and an anchor's own names, usages and life are not judged.

mod constraints;
mod error;
mod path;

use crate::authorities::Authorities;
use crate::certificate::{Certificate, ExtendedKeyUsage};
use crate::crl::CrlIndex;
use crate::name::Name;
use countersign_core::time::Timestamp;
pub use error::VerifyError;
use path::Judgement;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use webpki::EndEntityCert;

/// Of one name that a client presents, how many certificates are tried: two, for an authority whose certificate was
/// renewed or signed by two others. Paths through more are somebody's attempt to keep us busy.
const MAX_OF_ONE_NAME: usize = 2;

/// What is checked besides the path itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checks {
    /// Whether a list that is no longer in force still speaks (`danger_accept_stale_crl`).
    pub accept_stale_crl: bool,
}

/// A certificate whose path to an anchor was verified. Made by [`verify`] only.
///
/// ```compile_fail,E0451
/// # use countersign_x509::{certificate::Certificate, verify::VerifiedChain};
/// fn forged(leaf: Certificate) -> VerifiedChain {
///     VerifiedChain { leaf, issuers: Vec::new(), holds_until: countersign_core::time::Timestamp::from_seconds(0) }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    leaf: Certificate,
    issuers: Vec<Arc<Certificate>>,
    holds_until: Timestamp,
}

impl VerifiedChain {
    /// The one place where one is made, after every check of [`verify`].
    const fn assertion(leaf: Certificate, issuers: Vec<Arc<Certificate>>, holds_until: Timestamp) -> Self {
        Self {
            leaf,
            issuers,
            holds_until,
        }
    }

    /// The client's certificate.
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Who vouches for it, and so on: the anchor last.
    pub fn issuers(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.issuers.iter().map(AsRef::as_ref)
    }

    /// The anchor.
    pub fn anchor(&self) -> Option<&Certificate> {
        self.issuers.last().map(AsRef::as_ref)
    }

    /// Until when this can be relied on, that second included: no certificate of the path but the anchor has expired by
    /// then, and every list that was asked is still in force.
    pub const fn holds_until(&self) -> Timestamp {
        self.holds_until
    }
}

/// Verifies the certificates a client presented, leaf first. Those after the leaf may be in any order, and more than are
/// needed. With `crls` every certificate of the path but the anchor is looked up, and one that nothing is known of is
/// refused.
pub fn verify<'a>(
    chain: impl IntoIterator<Item = &'a [u8]>,
    authorities: &Authorities,
    crls: Option<&CrlIndex>,
    checks: Checks,
    now: Timestamp,
) -> Result<VerifiedChain, VerifyError> {
    let mut chain = chain.into_iter();
    let leaf = Certificate::parse(chain.next().unwrap_or_default()).map_err(VerifyError::Malformed)?;
    let presented = chain
        .take(countersign_core::certificate::MAX_CHAIN)
        .collect::<Vec<_>>();
    check_leaf(&leaf, now)?;
    let judgement = Judgement::new(authorities, crls, checks, now);
    let candidates = candidates(&leaf, &presented, authorities);
    let leaf_der = CertificateDer::from(leaf.der());
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(|error| VerifyError::of(&error))?;
    let built = end_entity.verify_for_usage(
        &authorities.signatures.algorithms(),
        &authorities.trust_anchors,
        &candidates,
        unix_time(now),
        webpki::KeyUsage::client_auth(),
        None,
        Some(&|path| judgement.judge(&leaf, path)),
    );
    match (built, judgement.finish()) {
        (Ok(_), Ok((issuers, holds_until))) => Ok(VerifiedChain::assertion(leaf, issuers, holds_until)),
        // A path was complete, and something on it does not hold: that says more than the path that was not.
        (_, Err(Some(error))) => Err(error),
        (Err(webpki::Error::UnknownIssuer), _) => Err(unknown_issuer(&leaf, &presented)),
        (Err(error), _) => Err(VerifyError::of(&error)),
        (Ok(_), Err(None)) => Err(VerifyError::UnknownIssuer),
    }
}

/// What can be said of a leaf alone. Its times come first: they are what OpenSSL, and so nginx, tells when more is wrong.
fn check_leaf(leaf: &Certificate, now: Timestamp) -> Result<(), VerifyError> {
    if now.seconds() > leaf.not_after().seconds() {
        return Err(VerifyError::Expired);
    }
    if now < leaf.not_before() {
        return Err(VerifyError::NotYetValid);
    }
    if leaf.version() != 3 {
        return Err(VerifyError::Version);
    }
    if leaf.unknown_critical_extension().is_some() {
        return Err(VerifyError::CriticalExtension);
    }
    if leaf.is_ca() {
        return Err(VerifyError::AuthorityAsClient);
    }
    let signs = leaf
        .key_usage()
        .is_none_or(|usage| usage.digital_signature() || usage.key_agreement());
    let for_clients = leaf
        .extended_key_usages()
        .is_none_or(|usages| usages.contains(&ExtendedKeyUsage::ClientAuth));
    if !signs || !for_clients {
        return Err(VerifyError::Purpose);
    }
    if !leaf.key().is_accepted() {
        return Err(VerifyError::WeakKey);
    }
    Ok(())
}

/// The certificates a path is built from: the authorities' own first, then those of the presented ones whose names lead
/// from the leaf upwards, and not too many of one name.
fn candidates<'a>(
    leaf: &Certificate,
    presented: &[&'a [u8]],
    authorities: &'a Authorities,
) -> Vec<CertificateDer<'a>> {
    let own = authorities.intermediate_ders.iter();
    let mut candidates = own
        .map(|der| CertificateDer::from(der.as_ref()))
        .collect::<Vec<_>>();
    let own_names = |name: &Name| authorities.intermediates().any(|own| own.issuer() == name);
    let mut left = presented
        .iter()
        .filter_map(|der| Some((*der, Certificate::parse(der).ok()?)))
        .collect::<Vec<_>>();
    let mut taken = Vec::<Certificate>::new();
    while let Some(position) = left.iter().position(|(_, certificate)| {
        let name = certificate.subject();
        let of_this_name = taken.iter().filter(|other| other.subject() == name);
        let leads_up =
            leaf.issuer() == name || taken.iter().any(|other| other.issuer() == name) || own_names(name);
        leads_up && of_this_name.count() < MAX_OF_ONE_NAME
    }) {
        let (der, certificate) = left.remove(position);
        if authorities.intermediate_like(der).is_none() {
            candidates.push(CertificateDer::from(der));
        }
        taken.push(certificate);
    }
    candidates
}

/// Why no issuer was found, in the shades that OpenSSL tells apart.
fn unknown_issuer(leaf: &Certificate, presented: &[&[u8]]) -> VerifyError {
    if leaf.is_self_issued() {
        return VerifyError::SelfSigned;
    }
    if presented.is_empty() {
        return VerifyError::UnknownIssuerAlone;
    }
    let root_sent = presented
        .iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .any(|certificate| certificate.is_self_issued());
    if root_sent {
        VerifyError::SelfSignedInChain
    } else {
        VerifyError::UnknownIssuer
    }
}

fn unix_time(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
