//! Whether a verified certificate is an X.509-SVID of one trust domain (SPIFFE X.509-SVID, sections 2 to 5).

use crate::san::NameFault;
use crate::verify::VerifiedChain;
use countersign_core::certificate::{SanKind, SubjectAlternativeName};
use countersign_core::reason::RejectionReason;
use countersign_core::spiffe::{SpiffeId, SpiffeIdError, TrustDomain};

/// A certificate of a workload. Made by [`X509Svid::check`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509Svid {
    id: SpiffeId,
}

/// Why a verified certificate is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It has not exactly one URI among its names.
    #[error("it has {} among its names, and exactly one is wanted", uris(*.0))]
    NotOneUri(usize),
    /// Its one URI is none.
    #[error("the one URI among its names cannot be read: {0}")]
    Misshapen(NameFault),
    /// The URI is no SPIFFE ID.
    #[error("its URI is no SPIFFE ID: {0}")]
    NotASpiffeId(SpiffeIdError),
    /// The SPIFFE ID names the trust domain itself, as authorities do.
    #[error("its SPIFFE ID has no path: it is the trust domain's own, and no workload's")]
    NoPath,
    /// The SPIFFE ID is of another trust domain than these authorities speak for.
    #[error("its SPIFFE ID is of the trust domain {0}, for which these authorities do not speak")]
    OtherTrustDomain(TrustDomain),
    /// It is an authority's, or may sign certificates or lists.
    #[error("it may sign certificates or revocation lists, and a signing certificate never authenticates")]
    Signing,
    /// Its key usage is missing, or without digital signatures.
    #[error("its key usage is missing, or does not allow digital signatures")]
    KeyUsage,
}

fn uris(count: usize) -> String {
    match count {
        0 => "no URI".to_owned(),
        1 => "one URI".to_owned(),
        count => format!("{count} URIs"),
    }
}

impl SvidError {
    /// The word for it.
    pub const fn reason(&self) -> RejectionReason {
        match self {
            Self::OtherTrustDomain(_) => RejectionReason::TrustDomainWrong,
            Self::NotOneUri(_)
            | Self::Misshapen(_)
            | Self::NotASpiffeId(_)
            | Self::NoPath
            | Self::Signing
            | Self::KeyUsage => RejectionReason::SvidInvalid,
        }
    }
}

impl X509Svid {
    /// Checks the leaf of `chain`, whose authorities speak for `domain`.
    pub fn check(chain: &VerifiedChain, domain: &TrustDomain) -> Result<Self, SvidError> {
        let leaf = chain.leaf();
        let broken = leaf.misshapen_names().iter();
        let broken = broken.filter(|name| name.kind == SanKind::Uri);
        let (fault, misshapen) = (broken.clone().next().map(|name| name.fault), broken.count());
        let mut uris = leaf.sans().iter().filter_map(|name| match name {
            SubjectAlternativeName::Uri(uri) => Some(uri),
            SubjectAlternativeName::Dns(_)
            | SubjectAlternativeName::Email(_)
            | SubjectAlternativeName::Ip(_)
            | SubjectAlternativeName::DirectoryName(_)
            | SubjectAlternativeName::Upn(_)
            | SubjectAlternativeName::Other(_) => None,
        });
        let (first, count) = (uris.next(), misshapen + uris.count());
        if let (None, Some(fault), 1) = (first, fault, count) {
            return Err(SvidError::Misshapen(fault));
        }
        let uri = first.filter(|_| count == 0);
        let uri = uri.ok_or(SvidError::NotOneUri(count + usize::from(first.is_some())))?;
        let id = SpiffeId::parse(uri).map_err(SvidError::NotASpiffeId)?;
        if id.trust_domain() != domain {
            return Err(SvidError::OtherTrustDomain(id.trust_domain().clone()));
        }
        if id.path().is_empty() {
            return Err(SvidError::NoPath);
        }
        let usage = leaf.key_usage().ok_or(SvidError::KeyUsage)?;
        if leaf.is_ca() || usage.key_cert_sign() || usage.crl_sign() {
            return Err(SvidError::Signing);
        }
        if !usage.digital_signature() {
            return Err(SvidError::KeyUsage);
        }
        Ok(Self { id })
    }

    /// Whose it is.
    pub const fn id(&self) -> &SpiffeId {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorities::Authorities;
    use crate::pki::{Authority, Key, San, Template};
    use crate::verify::{Checks, verify};
    use countersign_core::time::Timestamp;

    /// What is found of a client certificate with these names, changed by `change`.
    fn found(names: &[San<'_>], change: impl FnOnce(Template) -> Template) -> Result<String, SvidError> {
        let root = Authority::root("home", Key(1));
        let template = Template::client("workload", Key(2));
        // An extension without names is none.
        let template = if names.is_empty() {
            template
        } else {
            template.names(names)
        };
        let template = change(template);
        let leaf = root.issue(&template);
        let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
        let now = Timestamp::from_seconds(1_893_456_000);
        let chain = verify([leaf.as_slice()], &authorities, None, Checks::default(), now).unwrap();
        let domain = TrustDomain::parse("home.example").unwrap();
        X509Svid::check(&chain, &domain).map(|svid| svid.id().to_string())
    }

    fn same(template: Template) -> Template {
        template
    }

    #[test]
    fn one_spiffe_id_of_the_trust_domain_and_other_names_beside_it() {
        let names = [San::Dns("web.example"), San::Uri("spiffe://home.example/web")];
        assert_eq!(found(&names, same), Ok("spiffe://home.example/web".to_owned()));
    }

    #[test]
    fn anything_but_one_spiffe_id_with_a_path_is_no_svid() {
        let web = San::Uri("spiffe://home.example/web");
        assert_eq!(found(&[], same), Err(SvidError::NotOneUri(0)));
        assert_eq!(
            found(&[San::Email("spiffe://home.example/web")], same),
            Err(SvidError::NotOneUri(0))
        );
        let broken = found(&[San::Uri("spiffe://home.example/web\0x")], same).unwrap_err();
        assert_eq!(broken, SvidError::Misshapen(NameFault::ControlCharacter));
        assert_eq!(
            SvidError::NotOneUri(0).to_string(),
            "it has no URI among its names, and exactly one is wanted"
        );
        assert_eq!(found(&[web, web], same), Err(SvidError::NotOneUri(2)));
        assert_eq!(
            found(&[web, San::Uri("https://a.example/")], same),
            Err(SvidError::NotOneUri(2))
        );
        assert_eq!(
            found(&[San::Uri("spiffe://home.example")], same),
            Err(SvidError::NoPath)
        );
        assert!(matches!(
            found(&[San::Uri("spiffe://Home.example/web")], same),
            Err(SvidError::NotASpiffeId(_))
        ));
        let other = found(&[San::Uri("spiffe://evil.example/web")], same);
        assert_eq!(
            other.map_err(|error| error.reason()),
            Err(RejectionReason::TrustDomainWrong)
        );
    }

    #[test]
    fn a_certificate_that_may_sign_others_is_no_svid() {
        let web = [San::Uri("spiffe://home.example/web")];
        let usages = |bits: u8| {
            move |template: Template| {
                let plain = Template::new("workload", Key(2))
                    .names(&web)
                    .basic_constraints(false, None);
                drop(template);
                plain.key_usage(bits)
            }
        };
        assert_eq!(found(&web, usages(0b1000_0100)), Err(SvidError::Signing));
        assert_eq!(found(&web, usages(0b1000_0010)), Err(SvidError::Signing));
        assert!(found(&web, usages(0b1000_0000)).is_ok());
        let without = |_| Template::new("workload", Key(2)).names(&web);
        assert_eq!(found(&web, without), Err(SvidError::KeyUsage));
    }
}
