//! Certificates of the edge's own tests, each signed by itself, and a client that takes any.

use crate::tls::{ClientPolicy, Protocols, ServerCertificate, Spoken, TlsHost, TlsVersions};
use maker::{Key, San, Template, pem};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// The test kit's authority, which stands above this crate but needs nothing of what stands between.
#[path = "../../../testkit/src/pki.rs"]
#[expect(unreachable_pub, dead_code, reason = "the test kit's, where it is public")]
pub(crate) mod maker;

/// A certificate and its key.
pub(crate) struct Identity {
    der: Vec<u8>,
    key: Key,
}

/// One with these names, host names and addresses.
pub(crate) fn identity(names: &[&str], key: Key) -> Identity {
    let addresses = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.octets().to_vec(),
        Ok(IpAddr::V6(address)) => address.octets().to_vec(),
        Err(_) => Vec::new(),
    });
    let addresses = addresses.collect::<Vec<_>>();
    let sans = names.iter().zip(&addresses).map(|(name, address)| {
        if address.is_empty() {
            San::Dns(name)
        } else {
            San::Ip(address)
        }
    });
    let template = Template::new(names[0], key).names(&sans.collect::<Vec<_>>());
    Identity {
        der: template.self_signed(),
        key,
    }
}

impl Identity {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.der.clone().into()
    }

    pub(crate) fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.pem().to_owned()
    }

    pub(crate) fn certificate(&self) -> ServerCertificate {
        ServerCertificate::new(vec![self.der()], self.key.pem().as_bytes()).unwrap()
    }

    /// As a host.
    pub(crate) fn host(&self, protocols: Protocols) -> TlsHost {
        self.host_asking(protocols, ClientPolicy::default())
    }

    /// As a host that asks clients for this.
    pub(crate) fn host_asking(&self, protocols: Protocols, policy: ClientPolicy) -> TlsHost {
        let spoken = Spoken {
            versions: TlsVersions::From12,
            protocols,
            resumption: true,
        };
        TlsHost::asking(self.certificate(), spoken, policy).unwrap()
    }
}

/// Takes any certificate whose key the server has.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A client that shows no certificate and asks for these protocols.
pub(crate) fn client(protocols: &[&str]) -> ClientConfig {
    client_with(protocols, None)
}

/// A client that shows this certificate, if there is one, and asks for these protocols.
pub(crate) fn client_with(protocols: &[&str], identity: Option<&Identity>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match identity {
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key.pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![identity.der()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    config
}

/// The same for these versions of TLS.
pub(crate) fn client_of(
    versions: &[&'static rustls::SupportedProtocolVersion],
    identity: Option<&Identity>,
) -> ClientConfig {
    let any = client_with(&[], identity);
    let builder = ClientConfig::builder_with_provider(Arc::clone(any.crypto_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    let verifier = Arc::new(Anybody(Arc::clone(any.crypto_provider())));
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    builder.with_client_cert_resolver(Arc::clone(&any.client_auth_cert_resolver))
}

/// A client without a certificate for this version of TLS, with the suites of the library in their order or turned round.
pub(crate) fn client_of_suites(
    version: &'static rustls::SupportedProtocolVersion,
    turned: bool,
) -> ClientConfig {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if turned {
        provider.cipher_suites.reverse();
    }
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let builder = builder.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    builder.with_no_client_auth()
}

/// Sessions of a client that takes the last one it has to any server.
#[derive(Debug, Default)]
pub(crate) struct AnyName {
    old: Mutex<Option<Tls12ClientSessionValue>>,
    new: Mutex<Option<Tls13ClientSessionValue>>,
}

impl ClientSessionStore for AnyName {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.old.lock().unwrap() = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.old.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        *self.old.lock().unwrap() = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        *self.new.lock().unwrap() = Some(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.new.lock().unwrap().take()
    }
}
