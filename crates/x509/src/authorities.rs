//! Whom we believe: the certificates of authorities. Those that signed themselves are anchors, where a path may end; the
//! others help to build one, and are believed no more than if the client had sent them.

use crate::certificate::{Certificate, CertificateError};
use crate::pem::{self, PemError};
use crate::signature::{Remembered, SignatureFault, Signed};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::collections::HashSet;
use std::sync::Arc;

/// The most certificates of authorities that are read for one set.
pub const MAX_AUTHORITIES: usize = 10_000;

/// A set of authorities.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    anchors: Vec<Arc<Certificate>>,
    intermediates: Vec<Arc<Certificate>>,
    /// Of the anchors, in their order: what the library that builds paths needs of them.
    pub(crate) trust_anchors: Vec<TrustAnchor<'static>>,
    /// Of the intermediates, in their order.
    pub(crate) intermediate_ders: Vec<CertificateDer<'static>>,
    /// The signatures that held on paths to these.
    pub(crate) signatures: Remembered,
}

/// Why a set of authorities was refused. Files and certificates are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// A file is not PEM.
    #[error("{error}")]
    Pem {
        /// Which file.
        file: usize,
        /// What is wrong with it.
        error: PemError,
    },
    /// A file holds something else than certificates.
    #[error("it holds a section `{label}`, and only CERTIFICATE has a place here")]
    NotACertificate {
        /// Which file.
        file: usize,
        /// What it holds.
        label: String,
    },
    /// A file holds nothing.
    #[error("it holds no certificate")]
    Empty {
        /// Which file.
        file: usize,
    },
    /// A certificate cannot be read.
    #[error("certificate {}: {error}", certificate + 1)]
    Unreadable {
        /// Which file.
        file: usize,
        /// Which certificate of it.
        certificate: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// None of the certificates signed itself, so that no path can end.
    #[error("none of the certificates signed itself, so no path can end: add the root's certificate")]
    NoAnchor,
    /// There are more than [`MAX_AUTHORITIES`].
    #[error("there are more than {MAX_AUTHORITIES} certificates")]
    TooMany,
}

impl AuthoritiesError {
    /// The file it is about, counted from 0; `None` when it is about all of them.
    pub const fn file(&self) -> Option<usize> {
        match self {
            Self::Pem { file, .. }
            | Self::NotACertificate { file, .. }
            | Self::Empty { file }
            | Self::Unreadable { file, .. } => Some(*file),
            Self::NoAnchor | Self::TooMany => None,
        }
    }
}

/// The same certificates in the same order.
impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.anchors == other.anchors && self.intermediates == other.intermediates
    }
}

impl Eq for Authorities {}

impl Authorities {
    /// Reads PEM files. Each must hold at least one certificate and nothing but certificates, and one at least must have
    /// signed itself.
    pub fn from_pem(files: &[&[u8]]) -> Result<Self, AuthoritiesError> {
        let mut authorities = Self::default();
        for (file, text) in files.iter().enumerate() {
            let sections = pem::sections(text).map_err(|error| AuthoritiesError::Pem { file, error })?;
            if sections.is_empty() {
                return Err(AuthoritiesError::Empty { file });
            }
            for (number, section) in sections.iter().enumerate() {
                if section.label != "CERTIFICATE" {
                    let label = section.label.clone();
                    return Err(AuthoritiesError::NotACertificate { file, label });
                }
                let unreadable = |error| AuthoritiesError::Unreadable {
                    file,
                    certificate: number,
                    error,
                };
                let certificate = Certificate::parse(&section.der).map_err(unreadable)?;
                let anchor = signed_itself(&certificate);
                authorities.add(certificate, anchor).map_err(unreadable)?;
            }
        }
        authorities.whole()
    }

    /// Every one of these certificates (DER) is an anchor, whoever signed it: a SPIFFE bundle says so of its own.
    pub fn all_anchors<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, AuthoritiesError> {
        let mut authorities = Self::default();
        for (number, der) in certificates.into_iter().enumerate() {
            let unreadable = |error| AuthoritiesError::Unreadable {
                file: 0,
                certificate: number,
                error,
            };
            let certificate = Certificate::parse(der).map_err(unreadable)?;
            authorities.add(certificate, true).map_err(unreadable)?;
        }
        authorities.whole()
    }

    fn add(&mut self, certificate: Certificate, anchor: bool) -> Result<(), CertificateError> {
        let der = CertificateDer::from(certificate.der().to_vec());
        if anchor {
            let trust = webpki::anchor_from_trusted_cert(&der).map_err(|_| CertificateError::Structure)?;
            self.trust_anchors.push(trust.to_owned());
            self.anchors.push(Arc::new(certificate));
        } else {
            self.intermediate_ders.push(der);
            self.intermediates.push(Arc::new(certificate));
        }
        Ok(())
    }

    fn whole(self) -> Result<Self, AuthoritiesError> {
        if self.anchors.is_empty() {
            return Err(AuthoritiesError::NoAnchor);
        }
        if self.all().count() > MAX_AUTHORITIES {
            return Err(AuthoritiesError::TooMany);
        }
        Ok(self)
    }

    /// Those where a path may end.
    pub fn anchors(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.iter().map(AsRef::as_ref)
    }

    /// Those that help to build one.
    pub fn intermediates(&self) -> impl Iterator<Item = &Certificate> {
        self.intermediates.iter().map(AsRef::as_ref)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors().chain(self.intermediates())
    }

    /// The names of the anchors and the intermediates, DER, each once: what a client is told in a handshake, so that it
    /// knows which certificate is wanted (RFC 8446 section 4.2.4).
    pub fn hints(&self) -> Vec<Vec<u8>> {
        let mut seen = HashSet::new();
        self.all()
            .map(|certificate| certificate.subject().der())
            .filter(|name| seen.insert(*name))
            .map(<[u8]>::to_vec)
            .collect()
    }

    pub(crate) fn anchor_like(&self, trust: &TrustAnchor<'_>) -> Option<&Arc<Certificate>> {
        let position = self.trust_anchors.iter().position(|anchor| anchor == trust)?;
        self.anchors.get(position)
    }

    pub(crate) fn intermediate_like(&self, der: &[u8]) -> Option<&Arc<Certificate>> {
        self.intermediates
            .iter()
            .find(|certificate| certificate.der() == der)
    }
}

/// Whether it names itself as its issuer and no other key is known to have signed it. An old root whose signature is
/// made in a way, or by a key, that is no longer accepted is one: nobody relies on an anchor's own signature. A
/// certificate that hands over to a new key in the old one's name is none.
fn signed_itself(certificate: &Certificate) -> bool {
    let signed = Signed::read(certificate.der());
    let by_itself =
        signed.is_some_and(
            |signed| match signed.holds_by(certificate.subject_public_key_info()) {
                Ok(()) | Err(SignatureFault::Unsupported) => true,
                Err(SignatureFault::Invalid) => !certificate.key().is_accepted(),
            },
        );
    certificate.is_self_issued() && by_itself
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Authority, Key, Template, common, pem};

    #[test]
    fn who_signed_itself_is_an_anchor_and_the_rest_help() {
        let root = Authority::root("Root", Key(1));
        let issuing = root.under("Issuing", Key(2));
        let authorities = Authorities::from_pem(&[root.pem().as_bytes(), issuing.pem().as_bytes()]).unwrap();
        let names = |certificates: &mut dyn Iterator<Item = &Certificate>| {
            certificates
                .map(|certificate| certificate.subject().nginx())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&mut authorities.anchors()), ["CN=Root"]);
        assert_eq!(names(&mut authorities.intermediates()), ["CN=Issuing"]);
        assert_eq!(authorities.hints(), [common("Root"), common("Issuing")]);
        // The root's own name, signed by another key: a hand-over, not an anchor.
        let handed_over = Template::authority("Root", Key(2)).signed_by(&common("Root"), Key(1));
        let both = root.pem() + &pem("CERTIFICATE", &handed_over);
        let authorities = Authorities::from_pem(&[both.as_bytes()]).unwrap();
        assert_eq!(authorities.anchors().count(), 1);
        assert_eq!(authorities.intermediates().count(), 1);
        assert_eq!(authorities.hints().len(), 1);
    }

    #[test]
    fn a_set_that_is_not_what_it_should_be_is_refused() {
        let root = Authority::root("Root", Key(1));
        let issuing = root.under("Issuing", Key(2));
        let refused = |text: &[u8]| Authorities::from_pem(&[root.pem().as_bytes(), text]).unwrap_err();
        assert_eq!(refused(b""), AuthoritiesError::Empty { file: 1 });
        assert_eq!(refused(b"\xff\0 not PEM"), AuthoritiesError::Empty { file: 1 });
        let key = Key(1).pem();
        let label = "PRIVATE KEY".to_owned();
        assert_eq!(
            refused(key.as_bytes()),
            AuthoritiesError::NotACertificate { file: 1, label }
        );
        let garbage = root.pem() + &pem("CERTIFICATE", b"garbage");
        let error = CertificateError::Structure;
        assert_eq!(
            refused(garbage.as_bytes()),
            AuthoritiesError::Unreadable {
                file: 1,
                certificate: 1,
                error
            }
        );
        let half = &root.pem()[..100];
        assert!(matches!(
            refused(half.as_bytes()),
            AuthoritiesError::Pem { file: 1, .. }
        ));
        let alone = Authorities::from_pem(&[issuing.pem().as_bytes()]).unwrap_err();
        assert_eq!((alone.file(), alone), (None, AuthoritiesError::NoAnchor));
        let anchors = Authorities::all_anchors([issuing.certificate.as_slice()]).unwrap();
        assert_eq!(anchors.anchors().count(), 1);
        assert!(Authorities::all_anchors([]).is_err() && Authorities::from_pem(&[]).is_err());
    }
}
