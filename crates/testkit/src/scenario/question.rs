//! One client's request, and the question each front proxy makes of it.
//!
//! The wrapping follows the files in `examples/`, at their most careless: a proxy here passes every header on, in every
//! spelling, also where the real one would drop it.

use super::certificates::{base64_der, escaped_pem, rfc9440};
use crate::tokens::unescape;
use bytes::Bytes;
use http::{Request, Uri};

/// A kind of listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// nginx asks (`speak = "auth-request"`).
    AuthRequest,
    /// Traefik or Caddy asks (`speak = "forward-auth"`).
    ForwardAuth,
    /// The gateway is the proxy (`speak = "reverse-proxy"`).
    ReverseProxy,
    /// The request itself is the question (`speak = "check"`).
    Check,
}

impl Face {
    /// Every face.
    pub const ALL: [Self; 4] = [
        Self::AuthRequest,
        Self::ForwardAuth,
        Self::ReverseProxy,
        Self::Check,
    ];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthRequest => "auth-request",
            Self::ForwardAuth => "forward-auth",
            Self::ReverseProxy => "reverse-proxy",
            Self::Check => "check",
        }
    }
}

/// A request as its client sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    /// The method, as it stands.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// What `Host` says.
    pub host: String,
    /// The host of the request line, where it names one (absolute-form, RFC 9112 section 3.2.2).
    pub line_host: Option<String>,
    /// Path and query.
    pub target: String,
    /// Header lines in order, without `Host`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Bytes,
    /// The client's certificate and what came with it, leaf first; empty for none, `None` where nobody asks for one.
    pub certificate: Option<Vec<Vec<u8>>>,
}

impl ClientRequest {
    /// Reads `METHOD TARGET`, header lines, an empty line and a body. A target may be a URL, which says scheme and host;
    /// with a `Host` line as well it stands in the request line as it is. `\xNN` is a byte.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap_or("");
        let (method, target) = line
            .split_once(' ')
            .ok_or(format!("`{line}` is not METHOD TARGET"))?;
        let (scheme, rest) = match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => (scheme, Some(rest)),
            Some(_) | None => ("http", None),
        };
        let (named, target) = match rest {
            Some(rest) => {
                let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(host.to_owned()), target.to_owned())
            }
            None => (None, target.to_owned()),
        };
        let mut request = Self {
            method: method.to_owned(),
            scheme: scheme.to_owned(),
            host: named.clone().unwrap_or_else(|| "api.test".to_owned()),
            line_host: None,
            target,
            headers: Vec::new(),
            body: Bytes::from(body.trim_end_matches('\n').to_owned()),
            certificate: None,
        };
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or(format!("`{line}` is no header line"))?;
            if name.eq_ignore_ascii_case("host") {
                request.line_host.clone_from(&named);
                value.trim().clone_into(&mut request.host);
            } else {
                request.headers.push((name.to_owned(), unescape(value.trim())));
            }
        }
        Ok(request)
    }

    /// The request to send to a listener of this kind.
    pub fn ask(&self, face: Face, client: &str) -> Result<Request<Bytes>, String> {
        match face {
            Face::AuthRequest => self.as_nginx_asks(client, "/.countersign/decide"),
            Face::ForwardAuth => self.as_traefik_asks(client),
            Face::ReverseProxy if self.certificate.is_some() => self.as_another_proxy_sends_it(client),
            Face::ReverseProxy | Face::Check => self.as_it_is(),
        }
    }

    /// The request for a page of the gateway's own, as a proxy passes it on: whole, to the same path.
    pub fn ask_own(&self, face: Face, client: &str) -> Result<Request<Bytes>, String> {
        let mut request = match face {
            Face::AuthRequest => self.as_nginx_asks(client, &self.target)?,
            Face::ForwardAuth => {
                let mut set = vec![
                    ("X-Forwarded-Proto", self.scheme.clone()),
                    ("X-Forwarded-Host", self.host.clone()),
                    ("X-Forwarded-For", client.to_owned()),
                ];
                if let Some(chain) = &self.certificate {
                    set.push(("X-Forwarded-Tls-Client-Cert", base64_der(chain)));
                }
                let headers = self.overwritten(&set, &["connection"]);
                build(
                    &self.method,
                    &self.target,
                    "127.0.0.1:9180",
                    &headers,
                    Bytes::new(),
                )?
            }
            Face::ReverseProxy | Face::Check => return self.ask(face, client),
        };
        *request.body_mut() = self.body.clone();
        Ok(request)
    }

    /// What nginx asks at `at`: the sub-request of `auth_request`, or the page of a refusal.
    pub fn as_nginx_asks(&self, client: &str, at: &str) -> Result<Request<Bytes>, String> {
        let mut set = vec![
            ("X-Original-Method", self.method.clone()),
            (
                "X-Original-URL",
                format!("{}://{}{}", self.scheme, self.host, self.target),
            ),
            (
                "X-Original-Host",
                self.line_host.as_ref().unwrap_or(&self.host).to_ascii_lowercase(),
            ),
            ("X-Original-Client", client.to_owned()),
        ];
        if let Some(chain) = &self.certificate {
            set.push(("X-Original-Client-Cert", escaped_pem(chain)));
        }
        // A header set to nothing is not sent.
        let method = if at.ends_with("/decide") {
            "GET"
        } else {
            &self.method
        };
        build(
            method,
            at,
            "countersign",
            &self.overwritten(&set, &["content-length", "connection"]),
            Bytes::new(),
        )
    }

    fn as_traefik_asks(&self, client: &str) -> Result<Request<Bytes>, String> {
        let mut set = vec![
            ("X-Forwarded-Method", self.method.clone()),
            ("X-Forwarded-Proto", self.scheme.clone()),
            (
                "X-Forwarded-Host",
                self.line_host.as_ref().unwrap_or(&self.host).clone(),
            ),
            ("X-Forwarded-Uri", self.target.clone()),
            ("X-Forwarded-For", client.to_owned()),
        ];
        if let Some(chain) = &self.certificate {
            set.push(("X-Forwarded-Tls-Client-Cert", base64_der(chain)));
        }
        let headers = self.overwritten(&set, &["content-length", "connection"]);
        build(
            "GET",
            "/.countersign/decide",
            "127.0.0.1:9180",
            &headers,
            Bytes::new(),
        )
    }

    /// Passed on by a proxy that speaks TLS for us.
    fn as_another_proxy_sends_it(&self, client: &str) -> Result<Request<Bytes>, String> {
        let (leaf, others) = rfc9440(self.certificate.as_deref().unwrap_or_default());
        let set = [
            ("X-Forwarded-For", client.to_owned()),
            ("Client-Cert", leaf),
            ("Client-Cert-Chain", others),
        ];
        let headers = self.overwritten(&set, &[]);
        Self {
            headers,
            certificate: None,
            ..self.clone()
        }
        .as_it_is()
    }

    fn as_it_is(&self) -> Result<Request<Bytes>, String> {
        let target = match &self.line_host {
            Some(host) => format!("{}://{host}{}", self.scheme, self.target),
            None => self.target.clone(),
        };
        build(
            &self.method,
            &target,
            &self.host,
            &self.headers,
            self.body.clone(),
        )
    }

    /// The client's headers without `drop`, and with each of `set` in the place of the client's own.
    fn overwritten(&self, set: &[(&str, String)], drop: &[&str]) -> Vec<(String, Vec<u8>)> {
        let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let kept = self.headers.iter().filter(|(name, _)| {
            !drop.iter().any(|other| is(name, other)) && !set.iter().any(|(other, _)| is(name, other))
        });
        let set = set
            .iter()
            .filter(|(name, value)| !(value.is_empty() && name.contains("Cert")))
            .map(|(name, value)| ((*name).to_owned(), unescape(value)));
        kept.cloned().chain(set).collect()
    }
}

/// The request with exactly these header lines and `Host` before them.
fn build(
    method: &str,
    target: &str,
    host: &str,
    headers: &[(String, Vec<u8>)],
    body: Bytes,
) -> Result<Request<Bytes>, String> {
    let target = unescape(target);
    let uri = Uri::try_from(target.as_slice())
        .map_err(|error| format!("the HTTP library refuses the target: {error}"))?;
    let mut request = Request::builder().method(method).uri(uri).header("host", host);
    for (name, value) in headers {
        request = request.header(name, value.as_slice());
    }
    request
        .body(body)
        .map_err(|error| format!("the HTTP library refuses the request: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Vec<&'a str> {
        request
            .headers()
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    #[test]
    fn a_request_is_wrapped_as_each_proxy_does_and_the_clients_own_words_are_overwritten() {
        let text = "POST http://app.test:8080/a?b=c\nX-Original-URL: http://evil/\nx-forwarded-uri: /public\n\nbody\n";
        let request = ClientRequest::parse(text).unwrap();
        let nginx = request.ask(Face::AuthRequest, "203.0.113.9").unwrap();
        assert_eq!(
            (nginx.method().as_str(), nginx.uri().path()),
            ("GET", "/.countersign/decide")
        );
        assert_eq!(header(&nginx, "x-original-url"), ["http://app.test:8080/a?b=c"]);
        assert_eq!(header(&nginx, "x-original-method"), ["POST"]);
        assert_eq!(header(&nginx, "x-forwarded-uri"), ["/public"]);
        let traefik = request.ask(Face::ForwardAuth, "203.0.113.9").unwrap();
        assert_eq!(header(&traefik, "x-forwarded-uri"), ["/a?b=c"]);
        assert_eq!(header(&traefik, "x-forwarded-proto"), ["http"]);
        let proxy = request.ask(Face::ReverseProxy, "203.0.113.9").unwrap();
        assert_eq!(
            (proxy.uri().to_string().as_str(), header(&proxy, "host")),
            ("/a?b=c", vec!["app.test:8080"])
        );
        assert_eq!(proxy.body().as_ref(), b"body");
    }

    #[test]
    fn a_request_line_with_a_host_of_its_own_keeps_it() {
        let request = ClientRequest::parse("GET http://adm.test/\nHost: pub.test\n").unwrap();
        let nginx = request.ask(Face::AuthRequest, "::1").unwrap();
        assert_eq!(header(&nginx, "x-original-url"), ["http://pub.test/"]);
        assert_eq!(header(&nginx, "x-original-host"), ["adm.test"]);
        let proxy = request.ask(Face::ReverseProxy, "::1").unwrap();
        assert_eq!(
            (proxy.uri().to_string().as_str(), header(&proxy, "host")),
            ("http://adm.test/", vec!["pub.test"])
        );
    }
}
