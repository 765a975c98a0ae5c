//! What a handshake goes by: versions, protocols, tickets.

use super::certificate::provider;
use super::client::AnyCertificate;
use super::{ClientPolicy, ServerCertificate};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

/// Which versions of TLS are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    From12,
    /// 1.3 alone.
    Only13,
}

/// Which protocols are offered (ALPN). A client that asks for none gets HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2, and HTTP/1.1.
    Both,
    /// HTTP/1.1 alone.
    Http1,
}

/// How TLS is spoken at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// In which versions.
    pub versions: TlsVersions,
    /// And what in it.
    pub protocols: Protocols,
    /// Whether a client may go on with a session from before (RFC 8446 section 2.2), and be spared most of a handshake.
    pub resumption: bool,
}

/// The name of HTTP/2 in a handshake.
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// Without early data, which anybody could send again, and with ticket keys and a session store of its own: what was
/// begun at one host is never taken up at another.
pub(super) fn server(
    certificate: &ServerCertificate,
    spoken: Spoken,
    policy: &ClientPolicy,
) -> Result<ServerConfig, rustls::Error> {
    let versions = match spoken.versions {
        TlsVersions::From12 => vec![&TLS13, &TLS12],
        TlsVersions::Only13 => vec![&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
    let builder = builder.with_protocol_versions(&versions)?;
    let builder = if policy.asks() {
        builder.with_client_cert_verifier(Arc::new(AnyCertificate::of(policy)))
    } else {
        builder.with_no_client_auth()
    };
    let resolver = SingleCertAndKey::from(Arc::clone(&certificate.0));
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    if spoken.resumption {
        config.ticketer = Ticketer::new()?;
    } else {
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    config.max_early_data_size = 0;
    // Of the suites that both have, the one that comes first here: nginx's `ssl_prefer_server_ciphers on`.
    config.ignore_client_order = true;
    config.alpn_protocols = match spoken.protocols {
        Protocols::Both => vec![HTTP_2.to_vec(), HTTP_1.to_vec()],
        Protocols::Http1 => vec![HTTP_1.to_vec()],
    };
    Ok(config)
}
