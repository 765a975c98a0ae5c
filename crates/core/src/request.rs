//! What the client asked for, however we learnt it.

use crate::certificate::ClientCertificate;
use crate::gate::{Host, Scheme, Target};
use crate::return_to::ReturnTo;
use http::header::ACCEPT;
use http::{HeaderMap, Method};
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// Names one request in the log and to the client: 128 bits, as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u128);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who sends the request on when it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarder {
    /// This gateway: what was judged is, byte for byte, what is forwarded.
    Us,
    /// The proxy that asks: it may read an odd spelling in its own way.
    Another,
}

/// The request as judged. Identity headers are already stripped from `headers`; nobody parses the rest again.
#[derive(Clone, Debug)]
pub struct OriginalRequest {
    /// Names this request.
    pub id: RequestId,
    /// The method, from IANA's registry.
    pub method: Method,
    /// The scheme the client used.
    pub scheme: Scheme,
    /// The host the client asked for.
    pub host: Host,
    /// Path and query.
    pub target: Target,
    /// The client's address, when it is known.
    pub client: Option<IpAddr>,
    /// The client's headers.
    pub headers: HeaderMap,
    /// Who forwards.
    pub forwarder: Forwarder,
    /// The client's certificate, shown to us or to a trusted peer.
    pub certificate: ClientCertificate,
}

impl OriginalRequest {
    /// Whether a browser navigates: fetch metadata says so (and it is no prefetch), or there is none and a GET or HEAD
    /// accepts `text/html` by name, and no script says that it asked.
    pub fn is_navigation(&self) -> bool {
        let says = |name: &str, word: &str| self.headers.get(name).is_some_and(|value| value == word);
        let prefetch = ["purpose", "sec-purpose", "x-moz"].iter().any(|name| {
            self.headers
                .get(*name)
                .is_some_and(|value| value.as_bytes().starts_with(b"prefetch"))
        });
        if self.headers.contains_key("sec-fetch-mode") || self.headers.contains_key("sec-fetch-dest") {
            return says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document") && !prefetch;
        }
        let script = self.headers.contains_key("x-requested-with");
        matches!(self.method, Method::GET | Method::HEAD) && !prefetch && !script && self.accepts_html()
    }

    /// Whether this is a browser's question before a request of another site's script (Fetch standard, CORS preflight).
    pub fn is_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key("origin")
            && self.headers.contains_key("access-control-request-method")
    }

    /// Whether a URL is of the origin that was asked (RFC 6454).
    pub fn is_at_origin_of(&self, url: &Url) -> bool {
        let named = url
            .host_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(self.host.name()));
        let port = Some(self.host.port_for(self.scheme));
        url.scheme() == self.scheme.as_str() && named && url.port_or_known_default() == port
    }

    /// The place that a URL names, when it is of this very origin.
    pub fn place_here(&self, url: &str) -> Option<ReturnTo> {
        let url = Url::parse(url).ok()?;
        let ours = self.is_at_origin_of(&url) && url.username().is_empty() && url.password().is_none();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        ours.then(|| ReturnTo::judge(&format!("{}{query}", url.path())))
            .flatten()
    }

    /// Whether `Accept` lists `text/html` by name.
    pub fn accepts_html(&self) -> bool {
        let values = self
            .headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let media = values.flat_map(|value| value.split(','));
        media
            .map(|range| range.split(';').next().unwrap_or("").trim())
            .any(|range| range.eq_ignore_ascii_case("text/html"))
    }
}
