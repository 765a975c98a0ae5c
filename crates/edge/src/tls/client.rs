//! Clients' certificates in the handshake: any is taken whose key the client is shown to have. Whether it holds is judged
//! with each request, and said in an answer instead of an alert.
//!
//! The connection ends only where the library cannot hold a certificate at all: X.509 version 1, a critical extension that
//! nobody knows, RSA below 2048 or above 8192 bits, keys whose signatures cannot be checked, and chains beyond
//! [`MAX_CHAIN`] certificates or [`MAX_CHAIN_BYTES`].

use super::ClientPolicy;
use super::certificate::provider;
use countersign_core::certificate::{MAX_CHAIN, MAX_CHAIN_BYTES};
use countersign_x509::certificate::{Certificate, KeyKind};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;

/// What the names of authorities may be together, in bytes. Beyond that none is sent: a client then offers whatever it
/// has.
const MAX_HINT_BYTES: usize = 16 * 1024;
/// The lengths of RSA keys whose signatures can be checked, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why a certificate ends the handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unheld {
    /// Too many, or too large.
    #[error("the client's chain has more than {MAX_CHAIN} certificates, or is larger than {} KiB", MAX_CHAIN_BYTES / 1024)]
    Chain,
    /// X.509 before version 3.
    #[error("the client's certificate is X.509 version {0}; only version 3 is taken")]
    Version(u8),
    /// A critical extension that nobody knows.
    #[error("the client's certificate has a critical extension that is not known here: {0}")]
    Critical(Box<str>),
    /// RSA that is too short or too long.
    #[error("the client's key is RSA of {0} bits; 2048 to 8192 are taken")]
    Rsa(usize),
    /// A key of another kind: its algorithm, or its curve.
    #[error("the client's key is of a kind that is not taken here: {0}")]
    Key(Box<str>),
    /// Not a certificate, or not in one way only.
    #[error("the client's certificate cannot be read")]
    Malformed,
}

impl Unheld {
    /// Why a handshake failed, if it was for this.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error else {
            return None;
        };
        inner.downcast_ref::<Self>()
    }
}

impl From<Unheld> for Error {
    fn from(unheld: Unheld) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(unheld))))
    }
}

/// Takes any certificate.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    /// Names the authorities of `policy` to clients.
    pub(super) fn of(policy: &ClientPolicy) -> Self {
        let hints = policy.hints().filter(|name| !name.is_empty()).collect::<Vec<_>>();
        let bytes = hints.iter().map(Vec::len).sum::<usize>();
        let hints = if bytes <= MAX_HINT_BYTES {
            hints
        } else {
            Vec::new()
        };
        Self {
            hints: hints.into_iter().map(DistinguishedName::from).collect(),
            algorithms: provider().signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let bytes = leaf.len() + others.iter().map(|der| der.len()).sum::<usize>();
        if others.len() >= MAX_CHAIN || bytes > MAX_CHAIN_BYTES {
            return Err(Unheld::Chain.into());
        }
        let read = Certificate::parse(leaf);
        if ParsedCertificate::try_from(leaf).is_err() {
            return Err(why(read.as_ref().ok()).into());
        }
        match read.as_ref().map(Certificate::key) {
            Ok(KeyKind::Rsa { bits }) if !RSA_BITS.contains(bits) => Err(Unheld::Rsa(*bits).into()),
            Ok(KeyKind::Other(kind)) => Err(Unheld::Key(kind.clone()).into()),
            Ok(_) | Err(_) => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What the library could not hold.
fn why(read: Option<&Certificate>) -> Unheld {
    let Some(read) = read else {
        return Unheld::Malformed;
    };
    match read.unknown_critical_extension() {
        _ if read.version() != 3 => Unheld::Version(read.version()),
        Some(extension) => Unheld::Critical(extension.into()),
        None => Unheld::Malformed,
    }
}
