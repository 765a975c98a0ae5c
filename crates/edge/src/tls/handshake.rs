//! The handshake: the host is chosen once the whole ClientHello has been read, however it was cut into pieces.

use super::client::Unheld;
use super::config::HTTP_2;
use super::{Asked, TlsHosts};
use countersign_core::certificate::PresentedCertificate;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// What was agreed on in a handshake.
#[derive(Debug)]
pub(crate) struct Session {
    /// The name that was asked for, in lower case and without a trailing dot. An IP address is none.
    pub(crate) name: Option<Box<str>>,
    /// Whether HTTP/2 is spoken.
    pub(crate) http2: bool,
    /// What the client was asked for.
    pub(crate) asked: Arc<Asked>,
    /// What it showed, now or when the session began that this one goes on with.
    pub(crate) presented: Option<Arc<PresentedCertificate>>,
}

/// A handshake that came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not done in time.
    Late,
    /// The client hung up before it had said what it wants.
    Closed,
    /// The connection broke, or the client hung up half-way.
    Broken(io::Error),
    /// It is against the rules, or the two have nothing in common.
    Refused(rustls::Error),
}

impl Failure {
    fn of(error: io::Error, closed: Self) -> Self {
        let refused = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match refused {
            Some(refused) => Self::Refused(refused.clone()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => closed,
            None => Self::Broken(error),
        }
    }

    /// The word it is counted under.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Closed => "closed",
            Self::Broken(_) => "broken",
            Self::Refused(error) => word(error),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls may have other errors; they are counted together"
)]
fn word(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::AlertReceived(_) => "refused_by_the_client",
        rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => "nothing_in_common",
        rustls::Error::InvalidCertificate(_) => "certificate",
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => "not_tls",
        _ => "protocol",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("it was not done in time"),
            Self::Closed => f.write_str("the client hung up before it had said anything whole"),
            Self::Broken(error) => write!(f, "the connection ended: {error}"),
            Self::Refused(error) => match Unheld::of(error) {
                Some(unheld) => write!(f, "{unheld}"),
                None if word(error) == "not_tls" => f.write_str("what was sent is not TLS"),
                None if word(error) == "certificate" => f.write_str(
                    "the client's signature does not hold by the key of its certificate, or is made in a way that is not \
                     taken",
                ),
                None => write!(f, "{error}"),
            },
        }
    }
}

/// Shakes hands by `hosts`.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    hosts: &TlsHosts,
) -> Result<(TlsStream<S>, Session), Failure> {
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let start = acceptor
        .await
        .map_err(|error| Failure::of(error, Failure::Closed))?;
    let name = start.client_hello().server_name().map(folded);
    let host = hosts.chosen(name.as_deref());
    let config = host.config().map_err(Failure::Refused)?;
    let half_way = || Failure::Broken(io::ErrorKind::UnexpectedEof.into());
    let stream = start
        .into_stream(config)
        .await
        .map_err(|error| Failure::of(error, half_way()))?;
    let (_, connection) = stream.get_ref();
    let presented = match connection.peer_certificates() {
        None | Some([]) => None,
        Some(chain) => {
            let chain = chain.iter().map(|der| der.to_vec());
            let presented = PresentedCertificate::new(chain);
            Some(presented.ok_or_else(|| Failure::Refused(Unheld::Chain.into()))?)
        }
    };
    let session = Session {
        name,
        http2: connection.alpn_protocol() == Some(HTTP_2),
        asked: Arc::clone(host.policy().asked()),
        presented: presented.map(Arc::new),
    };
    Ok((stream, session))
}

/// A name as the gate folds the hosts of requests.
fn folded(name: &str) -> Box<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}
