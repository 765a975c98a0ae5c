//! What is asked of the site and of the provider, and what they answer.

use countersign_core::http_client::{FetchLimits, HttpClient as _, HttpError, Obstacle};
use countersign_core::own_path::{AUTHORIZE, DISCOVERY, LogIn, login_place};
use countersign_core::shown_url::shown_url;
use countersign_edge::http_client::NetworkClient;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{Request, StatusCode, request};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// How long one answer may take, and how much it may be.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 64 * 1024;

/// Who asks.
pub(super) struct Asking {
    /// Asks the site, and shows nothing.
    pub(super) site: NetworkClient,
    /// Asks the provider, and shows the certificate.
    pub(super) provider: NetworkClient,
    /// Who vouches for both.
    pub(super) authorities: Option<Arc<[u8]>>,
}

/// A token.
pub(super) struct Given {
    pub(super) token: String,
    /// All that was answered, in one line.
    pub(super) whole: String,
}

/// None, and why (RFC 6749 section 5.2).
pub(super) struct Refused {
    pub(super) error: String,
    pub(super) description: String,
}

/// What came back, as far as it matters.
struct Answer {
    status: StatusCode,
    location: Option<Url>,
    said: Value,
}

impl Answer {
    /// The string at a place in the JSON (RFC 6901).
    fn text(&self, at: &str) -> Option<&str> {
        self.said.pointer(at).and_then(Value::as_str)
    }
}

/// What to do where nobody answers.
const fn help(error: &HttpError) -> &'static str {
    match error {
        HttpError::InTheWay(obstacle, _) => match obstacle {
            Obstacle::NoAddress => {
                "no host of this name is known here: see to its spelling, and to the resolver of this machine"
            }
            Obstacle::NobodyListens => {
                "nobody listens at this host and port: see to both, and whether the gateway runs"
            }
            Obstacle::UnknownAuthority => {
                "--ca FILE names the authorities of a certificate that the system does not know"
            }
            Obstacle::BadCertificate => {
                "the server's own certificate is another host's, or does not hold (any more): that is mended there"
            }
            Obstacle::NoTls => "this port is plain http: ask at the one that speaks TLS",
        },
        HttpError::TooSlow(_) => {
            "the host is there or not, and does not answer: a firewall may be in the way"
        }
        HttpError::TooLarge(_) => "this is no provider of ours: --issuer names the one to ask",
        HttpError::PrivateAddress(_) | HttpError::Unreachable(_) | HttpError::Unsendable(_) => {
            "see whether `curl` gets an answer there; HTTPS_PROXY and NO_PROXY count here as there"
        }
    }
}

impl Asking {
    async fn ask(
        &self,
        client: &NetworkClient,
        request: request::Builder,
        body: String,
    ) -> Result<Answer, String> {
        let request = request.body(body.into()).map_err(|error| error.to_string())?;
        let url = shown_url(&request.uri().to_string());
        let limits = FetchLimits {
            deadline: PATIENCE,
            body_bytes: MAX_BYTES,
            as_public_as: None,
            authorities: self.authorities.clone(),
        };
        let answer = client.send(request, limits).await;
        let answer = answer.map_err(|error| format!("{url}: {error}\nhelp: {}", help(&error)))?;
        let location = answer.headers().get(LOCATION);
        Ok(Answer {
            status: answer.status(),
            location: location.and_then(|value| Url::parse(value.to_str().ok()?).ok()),
            said: serde_json::from_slice(answer.body()).unwrap_or_default(),
        })
    }

    /// The provider at which people log in who come to the site.
    pub(super) async fn issuer_of(&self, site: &str) -> Result<String, String> {
        let place = format!("{site}{}", login_place("/", LogIn::Anyhow));
        let request = Request::get(&place).header(ACCEPT, "text/html");
        let answer = self.ask(&self.site, request, String::new()).await?;
        let ours = answer
            .location
            .filter(|url| url.scheme() == "https" && url.path() == AUTHORIZE);
        let ours = ours.ok_or_else(|| {
            format!("{site} does not say at which provider of ours people log in\nhelp: --issuer https://sso.home.example")
        })?;
        Ok(ours.origin().ascii_serialization())
    }

    /// Where `issuer` gives tokens to whoever has a certificate (RFC 8414 section 3, RFC 8705 section 5).
    pub(super) async fn token_endpoint(&self, issuer: &str) -> Result<String, String> {
        let url = format!("{issuer}{DISCOVERY}");
        let answer = self
            .ask(&self.provider, Request::get(&url), String::new())
            .await?;
        if answer.text("/issuer") != Some(issuer) {
            return Err(format!(
                "{url}: {}, and nothing that an OpenID Provider of this name says of itself",
                answer.status.as_u16()
            ));
        }
        let alias = answer.text("/mtls_endpoint_aliases/token_endpoint");
        let endpoint = alias.or_else(|| answer.text("/token_endpoint"));
        let endpoint = endpoint.filter(|endpoint| endpoint.starts_with("https://"));
        endpoint
            .map(str::to_owned)
            .ok_or_else(|| format!("{url} names no token endpoint"))
    }

    /// A token from there.
    pub(super) async fn token(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
    ) -> Result<Result<Given, Refused>, String> {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs(form).finish();
        let request = Request::post(endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.ask(&self.provider, request, text).await?;
        let text = |name: &str| answer.text(name).map(str::to_owned);
        if let (true, Some(token)) = (answer.status.is_success(), text("/access_token")) {
            let whole = answer.said.to_string();
            return Ok(Ok(Given { token, whole }));
        }
        match text("/error") {
            Some(error) => Ok(Err(Refused {
                error,
                description: text("/error_description").unwrap_or_default(),
            })),
            None => Err(format!(
                "{}: {}, and no token",
                shown_url(endpoint),
                answer.status.as_u16()
            )),
        }
    }
}
