//! One client: X25519 and one cipher suite per version, so that every server agrees on the same. It is the one that browsers
//! like best.

use super::pki;
use crate::Failure;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore, SignatureScheme, StreamOwned,
};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a server may take for anything.
const DEADLINE: Duration = Duration::from_secs(30);
/// The most that an answer may be, in bytes.
const MAX_ANSWER: usize = 4096;

/// The only version that is offered.
#[derive(Clone, Copy)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    pub(super) fn by_name(name: &str) -> Result<Self, Failure> {
        match name {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            other => Err(format!("no version {other:?}").into()),
        }
    }
}

/// Which certificates are shown.
#[derive(Clone, Copy)]
pub(super) enum Certificates {
    /// One.
    Same,
    /// So many, each once.
    New(u64),
}

/// An open connection.
pub(super) type Open = StreamOwned<ClientConnection, TcpStream>;

/// A client of one server.
pub(super) struct Client {
    address: SocketAddr,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    shown: Arc<Shown>,
}

impl Client {
    pub(super) fn new(port: u16, version: Version, certificates: Certificates) -> Result<Self, Failure> {
        let mut provider = default_provider();
        // In TLS 1.2 the second says which certificates are understood: the server's is of P-256.
        provider.kx_groups = match version {
            Version::Tls12 => vec![kx_group::X25519, kx_group::SECP256R1],
            Version::Tls13 => vec![kx_group::X25519],
        };
        provider.cipher_suites = vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ];
        let versions = match version {
            Version::Tls12 => [&rustls::version::TLS12],
            Version::Tls13 => [&rustls::version::TLS13],
        };
        let authority = pki::Pki::new();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_slice(authority.server_root()))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder
            .with_protocol_versions(&versions)?
            .with_root_certificates(roots);
        let shown = Arc::new(Shown::new(&authority, certificates)?);
        let mut config = builder.with_client_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesClientCert>);
        config.resumption = Resumption::disabled();
        Ok(Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            name: pki::HOST.try_into()?,
            config: Arc::new(config),
            shown,
        })
    }

    /// Whether every certificate was shown.
    pub(super) fn is_spent(&self) -> bool {
        self.shown.is_spent()
    }

    /// A connection from its beginning to its end: a handshake, a request, an answer.
    pub(super) fn exchange(&self) -> Result<(), Failure> {
        let mut stream = self.connect()?;
        stream.write_all(request("close").as_bytes())?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // The answer's own end says that it is whole.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error.into()),
        }
        judge(&stream.conn, &answer)
    }

    /// A connection that stays, after one request.
    pub(super) fn open(&self) -> Result<Open, Failure> {
        let mut stream = self.connect()?;
        stream.write_all(request("keep-alive").as_bytes())?;
        let (mut answer, mut piece) = (Vec::new(), [0; MAX_ANSWER]);
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_ANSWER {
            let read = stream.read(&mut piece)?;
            if read == 0 {
                return Err("the server hung up".into());
            }
            answer.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
        judge(&stream.conn, &answer)?;
        Ok(stream)
    }

    fn connect(&self) -> Result<Open, Failure> {
        let stream = TcpStream::connect_timeout(&self.address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone())?;
        Ok(StreamOwned::new(connection, stream))
    }
}

fn request(connection: &str) -> String {
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n\r\n",
        pki::PATH,
        pki::HOST
    )
}

/// A good answer names who asked, and was agreed on with X25519 and without a session from before.
fn judge(connection: &ClientConnection, answer: &[u8]) -> Result<(), Failure> {
    let group = connection.negotiated_key_exchange_group();
    let x25519 = group.is_some_and(|group| group.name() == NamedGroup::X25519);
    let kind = connection.handshake_kind();
    if !x25519 || kind != Some(HandshakeKind::Full) {
        return Err(format!("not a full handshake with X25519: {group:?}, {kind:?}").into());
    }
    let text = String::from_utf8_lossy(answer);
    let good = text.starts_with("HTTP/1.1 200 ") || text.starts_with("HTTP/1.1 204 ");
    if good && text.contains(pki::SUBJECT) {
        return Ok(());
    }
    Err(format!("not what a client with a good certificate gets: {text:?}").into())
}

/// What is shown: in turn, or always the one.
#[derive(Debug)]
struct Shown {
    certificates: Vec<Arc<CertifiedKey>>,
    next: AtomicUsize,
}

impl Shown {
    fn new(authority: &pki::Pki, certificates: Certificates) -> Result<Self, Failure> {
        let key = PrivateKeyDer::from_pem_slice(pki::CLIENT_KEY.pem().as_bytes())?;
        let key: Arc<dyn SigningKey> = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?;
        let made = std::process::id();
        let count = match certificates {
            Certificates::Same => 1,
            Certificates::New(count) => count,
        };
        let certificates = (0..count).map(|number| {
            let chain = authority.client(&format!("{made} {number}"));
            let chain = chain.into_iter().map(CertificateDer::from).collect();
            Arc::new(CertifiedKey::new(chain, Arc::clone(&key)))
        });
        Ok(Self {
            certificates: certificates.collect(),
            next: AtomicUsize::new(0),
        })
    }

    fn is_spent(&self) -> bool {
        self.certificates.len() > 1 && self.next.load(Ordering::Relaxed) >= self.certificates.len()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.certificates.len();
        self.certificates.get(number).cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
