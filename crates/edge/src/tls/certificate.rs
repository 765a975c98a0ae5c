//! A server's certificate and its key, read from PEM and held against each other.

use countersign_core::time::Timestamp;
use countersign_x509::certificate::Certificate;
use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::fmt;
use std::sync::Arc;

/// The longest chain that is shown.
const MAX_CHAIN: usize = 10;

/// Why a file holds no certificate that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// No PEM at all, or PEM that is broken.
    #[error("not PEM: no `-----BEGIN CERTIFICATE-----` with sound base64 below it")]
    NotPem,
    /// A key, and no certificate.
    #[error("it holds a key and no certificate")]
    Key,
    /// PEM, but no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// What stands first is no certificate.
    #[error("what its first block holds is no X.509 certificate")]
    NotACertificate,
    /// More certificates than a chain has: a bundle of authorities, probably.
    #[error("it holds more than {MAX_CHAIN} certificates: a bundle of authorities is no chain")]
    TooMany,
}

/// Why a file holds no key for the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// No PEM at all, or PEM that is broken.
    #[error("not PEM: no `-----BEGIN PRIVATE KEY-----` with sound base64 below it")]
    NotPem,
    /// A certificate, and no key.
    #[error("it holds a certificate and no key")]
    Certificate,
    /// A key under a passphrase.
    #[error("the key is encrypted with a passphrase, which nobody would be there to type")]
    Encrypted,
    /// PEM, but no key in it.
    #[error("there is no private key in it")]
    Empty,
    /// More than one.
    #[error("it holds more than one private key")]
    TooMany,
    /// A key that cannot be used.
    #[error(
        "the key is of a kind that is not used for TLS: RSA from 2048 bits, ECDSA P-256, P-384 or P-521, Ed25519"
    )]
    Kind,
    /// Another certificate's key.
    #[error("the key is not that of the certificate")]
    Mismatch,
}

/// A certificate with its chain and its key.
#[derive(Clone)]
pub struct ServerCertificate(pub(super) Arc<CertifiedKey>);

/// To be shown as a client: a certificate with its key is nothing else there.
impl From<ServerCertificate> for SingleCertAndKey {
    fn from(certificate: ServerCertificate) -> Self {
        certificate.0.into()
    }
}

impl ServerCertificate {
    /// The chain in `pem`, leaf first.
    pub fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ChainFault> {
        let mut chain = Vec::new();
        let mut key = false;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|_| ChainFault::NotPem)?;
            if kind == SectionKind::Certificate {
                chain.push(CertificateDer::from(der));
            }
            key |= is_key(kind);
        }
        let Some(leaf) = chain.first() else {
            let nothing = !holds(pem, "-----BEGIN ");
            return Err(match (key, nothing) {
                (true, _) => ChainFault::Key,
                (false, true) => ChainFault::NotPem,
                (false, false) => ChainFault::Empty,
            });
        };
        if rustls::server::ParsedCertificate::try_from(leaf).is_err() {
            return Err(ChainFault::NotACertificate);
        }
        if chain.len() > MAX_CHAIN {
            return Err(ChainFault::TooMany);
        }
        Ok(chain)
    }

    /// `chain` with the key in `pem`: PKCS #8, SEC 1 or PKCS #1.
    pub fn new(chain: Vec<CertificateDer<'static>>, pem: &[u8]) -> Result<Self, KeyFault> {
        let key = signing_key(pem)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(Self(Arc::new(certified))),
            Err(_) => Err(KeyFault::Mismatch),
        }
    }

    /// The certificate itself, DER.
    pub fn leaf(&self) -> &[u8] {
        self.0.cert.first().map_or(&[], AsRef::as_ref)
    }

    /// Until when it holds, where it can be read.
    pub fn not_after(&self) -> Option<Timestamp> {
        let read = Certificate::parse(self.leaf()).ok()?;
        Some(read.not_after())
    }

    /// Whether it is a certificate for `name`: a host name, or an IP address (version 6 in brackets). For `*.` and a
    /// name, whether it is one for every name with a label more.
    pub fn is_for(&self, name: &str) -> bool {
        let one = match name.strip_prefix("*.") {
            Some(suffix) => format!("any-name-below.{suffix}"),
            None => name.trim_matches(['[', ']']).to_owned(),
        };
        let Ok(name) = ServerName::try_from(one) else {
            return false;
        };
        let leaf = self.0.end_entity_cert();
        let parsed = leaf.and_then(rustls::server::ParsedCertificate::try_from);
        parsed.is_ok_and(|leaf| rustls::client::verify_server_name(&leaf, &name).is_ok())
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCertificate({} in its chain)", self.0.cert.len())
    }
}

fn signing_key(pem: &[u8]) -> Result<Arc<dyn SigningKey>, KeyFault> {
    if holds(pem, "ENCRYPTED") {
        return Err(KeyFault::Encrypted);
    }
    let (mut keys, mut certificate) = (Vec::new(), false);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| KeyFault::NotPem)?;
        certificate |= kind == SectionKind::Certificate;
        keys.extend(PrivateKeyDer::from_pem(kind, der));
    }
    let nothing = !holds(pem, "-----BEGIN ");
    let mut keys = keys.into_iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| KeyFault::Kind),
        (Some(_), Some(_)) => Err(KeyFault::TooMany),
        (None, _) if certificate => Err(KeyFault::Certificate),
        (None, _) if nothing => Err(KeyFault::NotPem),
        (None, _) => Err(KeyFault::Empty),
    }
}

fn is_key(kind: SectionKind) -> bool {
    [
        SectionKind::PrivateKey,
        SectionKind::RsaPrivateKey,
        SectionKind::EcPrivateKey,
        SectionKind::PublicKey,
    ]
    .contains(&kind)
}

fn holds(pem: &[u8], word: &str) -> bool {
    pem.windows(word.len()).any(|window| window == word.as_bytes())
}

/// The one library for cryptography, with key exchanges and cipher suites in the order they are preferred.
pub(super) fn provider() -> CryptoProvider {
    use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
    // What browsers like best, too: processors have instructions for SHA-256 and few for SHA-384, which is a tenth of a handshake.
    provider
        .cipher_suites
        .sort_by_key(|suite| !is_light(suite.suite()));
    provider
}

/// Whether it is AES with keys of 128 bits, and SHA-256.
const fn is_light(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}
