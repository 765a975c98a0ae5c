//! Requests to others: no redirects, a deadline, a limit on the body, TLS with one library, and an address policy.

use crate::tls::{ChainFault, KeyFault, ServerCertificate};
use bytes::{Bytes, BytesMut};
use countersign_core::BoxFuture;
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError, Obstacle};
use http::{Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy};
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a connection may take to be made, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses: less than servers keep theirs (Node 5 s, most others longer). One that its
/// server has just closed would take a request with it, and a code or a refresh token holds but once.
const IDLE: Duration = Duration::from_secs(4);
/// How many different authorities (and so clients) are kept.
const MAX_CLIENTS: usize = 64;

/// The proxies to go through, as the environment or the configuration names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// For https URLs.
    pub https_proxy: Option<String>,
    /// For http URLs.
    pub http_proxy: Option<String>,
    /// Hosts and ranges that are reached directly.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// Whether one of the proxies is at `host`.
    fn are_at(&self, host: &str) -> bool {
        let proxies = [&self.https_proxy, &self.http_proxy].into_iter().flatten();
        let mut hosts = proxies.filter_map(|proxy| {
            let url = url::Url::parse(proxy).or_else(|_| url::Url::parse(&format!("http://{proxy}")));
            url.ok()
                .and_then(|url| url.host_str().map(str::to_ascii_lowercase))
        });
        hosts.any(|proxy| proxy.eq_ignore_ascii_case(host))
    }
}

/// Which client answers: by the authorities it believes, and whether it refuses private addresses.
type ClientKey = (Option<Arc<[u8]>>, bool);

/// A certificate and its key, by which we prove ourselves to servers that ask for one.
#[derive(Clone, Debug)]
pub struct Identity(Arc<SingleCertAndKey>);

/// Why two files are no certificate with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// The first holds no certificate.
    #[error("the certificate: {0}")]
    Chain(#[from] ChainFault),
    /// The second does not hold its key.
    #[error("the key: {0}")]
    Key(#[from] KeyFault),
}

impl Identity {
    /// The chain in `certificate`, leaf first, with the key in `key`: PEM both.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, IdentityFault> {
        let chain = ServerCertificate::chain(certificate)?;
        let shown = ServerCertificate::new(chain, key)?;
        Ok(Self(Arc::new(shown.into())))
    }
}

/// The real client.
#[derive(Debug)]
pub struct NetworkClient {
    proxies: ProxySettings,
    identity: Option<Identity>,
    clients: Mutex<HashMap<ClientKey, Client>>,
}

impl NetworkClient {
    /// A client that goes through `proxies`. Fails when one of them is no proxy URL.
    pub fn new(proxies: ProxySettings) -> Result<Self, String> {
        let client = Self {
            proxies,
            identity: None,
            clients: Mutex::default(),
        };
        drop(client.proxied(Client::builder())?);
        Ok(client)
    }

    /// The same, which shows `identity` to every server that asks for a certificate.
    #[must_use]
    pub fn showing(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    fn proxied(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, String> {
        builder = builder.no_proxy();
        let except = || self.proxies.no_proxy.as_deref().and_then(NoProxy::from_string);
        if let Some(proxy) = &self.proxies.https_proxy {
            let proxy = Proxy::https(proxy).map_err(|_| "HTTPS_PROXY is not a proxy URL".to_owned())?;
            builder = builder.proxy(proxy.no_proxy(except()));
        }
        if let Some(proxy) = &self.proxies.http_proxy {
            let proxy = Proxy::http(proxy).map_err(|_| "HTTP_PROXY is not a proxy URL".to_owned())?;
            builder = builder.proxy(proxy.no_proxy(except()));
        }
        Ok(builder)
    }

    fn client(&self, authorities: Option<&Arc<[u8]>>, public_only: bool) -> Result<Client, HttpError> {
        let key = (authorities.cloned(), public_only);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let unsendable = |why: String| HttpError::Unsendable(why);
        let builder = self.proxied(Client::builder()).map_err(unsendable)?;
        let builder = builder
            .tls_backend_preconfigured(self.tls(authorities).map_err(unsendable)?)
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .dns_resolver(SystemResolver {
                public_only,
                proxies: self.proxies.clone(),
            });
        let client = builder.build().map_err(|error| unsendable(error.to_string()))?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        drop(clients.insert(key, client.clone()));
        Ok(client)
    }

    fn tls(&self, authorities: Option<&Arc<[u8]>>) -> Result<ClientConfig, String> {
        let mut config = tls(authorities)?;
        if let Some(Identity(identity)) = &self.identity {
            config.client_auth_cert_resolver = Arc::clone(identity) as _;
        }
        Ok(config)
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: &FetchLimits,
    ) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| HttpError::Unsendable(error.without_url().to_string()))?;
        // The host as the client will read it: `2130706433` and `0x7f.1` are addresses to it.
        let host = request
            .url()
            .host_str()
            .unwrap_or("")
            .trim_matches(['[', ']'])
            .to_owned();
        let public_only = match &limits.as_public_as {
            None => false,
            Some(issuer) => !issuer.eq_ignore_ascii_case(&host) && !is_private_host(issuer).await,
        };
        // A resolver is never asked about an address that is written out, and our proxies pass it.
        let unasked = host.parse::<IpAddr>().is_ok() || self.proxies.are_at(&host);
        if public_only && unasked && is_private_host(&host).await {
            return Err(HttpError::PrivateAddress(host));
        }
        let client = self.client(limits.authorities.as_ref(), public_only)?;
        let mut answer = client
            .execute(request)
            .await
            .map_err(|error| told(&error, &host))?;
        let mut body = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| told(&error, &host))? {
            if body.len() + piece.len() > limits.body_bytes {
                return Err(HttpError::TooLarge(limits.body_bytes));
            }
            body.extend_from_slice(&piece);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        std::mem::swap(response.headers_mut(), answer.headers_mut());
        Ok(response)
    }
}

impl HttpClient for NetworkClient {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            let exchange = tokio::time::timeout(limits.deadline, self.exchange(request, &limits));
            exchange.await.unwrap_or(Err(HttpError::TooSlow(limits.deadline)))
        })
    }
}

/// TLS that believes `authorities`, or the system's.
pub(crate) fn tls(authorities: Option<&Arc<[u8]>>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate =
                    certificate.map_err(|_| "the authorities are not PEM certificates".to_owned())?;
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
        }
        // What cannot be read of the system's authorities is left out; without any, every connection fails.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The cause chain, without the URL: it may hold more than the host.
fn told(error: &reqwest::Error, host: &str) -> HttpError {
    let mut causes: Vec<String> = Vec::new();
    let mut plain = None;
    let mut cause: Option<&dyn Error> = Error::source(error);
    while let Some(one) = cause {
        if one.downcast_ref::<PrivateAddress>().is_some() {
            return HttpError::PrivateAddress(host.to_owned());
        }
        plain = plain.or_else(|| obstacle(one));
        causes.push(one.to_string());
        cause = one.source();
    }
    let told = format!("{host}: {}", causes.join(": "));
    match plain {
        Some(obstacle) => HttpError::InTheWay(obstacle, told),
        None => HttpError::Unreachable(told),
    }
}

/// What one cause says that stood in the way, if it is plain.
fn obstacle(cause: &(dyn Error + 'static)) -> Option<Obstacle> {
    if cause.downcast_ref::<NoAddress>().is_some() {
        return Some(Obstacle::NoAddress);
    }
    let io = cause.downcast_ref::<io::Error>()?;
    if io.kind() == ErrorKind::ConnectionRefused {
        return Some(Obstacle::NobodyListens);
    }
    // An error of input and output has its cause within, and that may be another one.
    let within = io.get_ref()?;
    let Some(tls) = within.downcast_ref::<rustls::Error>() else {
        return obstacle(within);
    };
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    if *tls == unknown {
        Some(Obstacle::UnknownAuthority)
    } else if matches!(tls, rustls::Error::InvalidCertificate(_)) {
        Some(Obstacle::BadCertificate)
    } else {
        matches!(tls, rustls::Error::InvalidMessage(_)).then_some(Obstacle::NoTls)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a loopback, link-local or private address")]
struct PrivateAddress;

#[derive(Debug, thiserror::Error)]
#[error("the name has no address: {0}")]
struct NoAddress(io::Error);

/// The system's resolver. What it gives is judged and then used: a second look-up could give something else.
#[derive(Debug)]
struct SystemResolver {
    public_only: bool,
    proxies: ProxySettings,
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        // A proxy may well be of our own network: the operator named it.
        let public_only = self.public_only && !self.proxies.are_at(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(NoAddress)?.collect::<Vec<_>>();
            if public_only && found.iter().any(|address| is_private(address.ip())) {
                return Err(PrivateAddress.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

async fn is_private_host(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_private(address);
    }
    tokio::net::lookup_host((host, 0))
        .await
        .is_ok_and(|mut found| found.any(|address| is_private(address.ip())))
}

/// Whether an address is of this machine or its own network.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let reserved = first == 0 || first >= 224;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared || reserved
        }
        IpAddr::V6(v6) => {
            let embedded = embedded(v6).is_some_and(|v4| is_private(v4.into()));
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || embedded
        }
    }
}

/// The IPv4 address that a translator (RFC 6052) or a tunnel (RFC 3056) would reach behind this one.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod exchanges;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_network_are_private() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "224.0.0.1",
            "ff02::1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["203.0.113.9", "8.8.8.8", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_refused() {
        let settings = ProxySettings {
            https_proxy: Some("::not a url::".into()),
            ..ProxySettings::default()
        };
        assert!(NetworkClient::new(settings).is_err());
        assert!(NetworkClient::new(ProxySettings::default()).is_ok());
    }
}
