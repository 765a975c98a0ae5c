//! What is asked of the site and of the provider, and what they answer.

use super::super::shown::harmless;
use countersign_core::http_client::{FetchLimits, HttpClient as _, HttpError, Obstacle};
use countersign_core::own_path::{AUTHORIZE, DISCOVERY, LogIn, login_place};
use countersign_core::shown_url::shown_url;
use countersign_edge::http_client::NetworkClient;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
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
    /// In how many seconds it is worth asking again, where that is said (RFC 9110 section 10.2.3).
    again: Option<u64>,
    said: Value,
}

impl Answer {
    /// The string at a place in the JSON (RFC 6901).
    fn text(&self, at: &str) -> Option<&str> {
        self.said.pointer(at).and_then(Value::as_str)
    }

    /// Whether the same question may be answered later.
    fn is_passing(&self) -> bool {
        let passing = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        passing.contains(&self.status)
    }

    /// Why there is nothing of what was asked for at `url`, as far as the answer says (RFC 9457), and what to do.
    fn lacking(&self, url: &str, what: &str) -> String {
        let detail = self
            .text("/detail")
            .map(|detail| format!(": {}", harmless(detail)));
        let again = self
            .again
            .map_or_else(|| "in a while".to_owned(), |seconds| format!("in {seconds} s"));
        let help = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                format!("this passes: ask again {again}; the provider's log says what is missing")
            }
            StatusCode::TOO_MANY_REQUESTS => {
                format!("ask again {again}, and keep a token for as long as it holds: its `expires_in` says how long")
            }
            _ => "--issuer names the provider at which people log in, and no site; without it the site is asked".to_owned(),
        };
        format!(
            "{}: {}, and {what}{}\nhelp: {help}",
            shown_url(url),
            self.status.as_u16(),
            detail.unwrap_or_default()
        )
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
        let again = answer.headers().get(RETRY_AFTER);
        Ok(Answer {
            status: answer.status(),
            location: location.and_then(|value| Url::parse(value.to_str().ok()?).ok()),
            again: again.and_then(|value| value.to_str().ok()?.parse().ok()),
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
            .as_ref()
            .filter(|url| url.scheme() == "https" && url.path() == AUTHORIZE);
        if ours.is_none() && answer.is_passing() {
            return Err(answer.lacking(&place, "no word of where people log in"));
        }
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
            let what = "nothing that an OpenID Provider of this name says of itself";
            return Err(answer.lacking(&url, what));
        }
        let alias = answer.text("/mtls_endpoint_aliases/token_endpoint");
        let endpoint = alias.or_else(|| answer.text("/token_endpoint"));
        let endpoint = endpoint.filter(|endpoint| endpoint.starts_with("https://"));
        endpoint
            .map(str::to_owned)
            .ok_or_else(|| answer.lacking(&url, "no token endpoint is named there"))
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
            None => Err(answer.lacking(endpoint, "no token")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_why_and_when_to_ask_again() {
        let told = |status: u16, again: Option<u64>, said: Value| {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                location: None,
                again,
                said,
            };
            answer.lacking("https://sso.test/.countersign/token", "no token")
        };
        let detail = serde_json::json!({ "detail": "A revocation list is missing.\u{1b}[2J" });
        let late = told(503, Some(7), detail);
        assert!(
            late.starts_with("https://sso.test/.countersign/token: 503, and no token: A revocation list"),
            "{late}"
        );
        assert!(late.contains("help: this passes: ask again in 7 s") && !late.contains('\u{1b}'));
        let many = told(429, None, Value::Null);
        assert!(
            many.contains("429, and no token\nhelp: ask again in a while"),
            "{many}"
        );
        assert!(told(404, None, Value::Null).contains("help: --issuer"));
    }
}
