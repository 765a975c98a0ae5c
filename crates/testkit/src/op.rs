//! Issuers in the same process, reached through the gateway's own port for outbound requests.
//!
//! There are three: `op` (`https://op.test`), `other` (`https://other.test`) and `tenant` (`https://op.test/tenant`).
//! Each answers discovery and a JWK Set, and has a switch for every way a real one fails.

use crate::clock::HandClock;
use crate::keys::TestKey;
use bytes::Bytes;
use countersign_core::BoxFuture;
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use url::Url;

pub use provider::{CLIENT_SECRET, Sent};
pub use told::Told;

mod introspection;
mod provider;
mod told;

/// The names and issuer URLs there are, each with the keys it begins with.
const ISSUERS: [(&str, &str, &[&str]); 3] = [
    ("op", "https://op.test", &["rsa-1"]),
    ("other", "https://other.test", &["ec-256"]),
    ("tenant", "https://op.test/tenant", &["rsa-foreign"]),
];

/// The key an issuer signs with unless told otherwise.
pub fn first_key(issuer: &str) -> Option<&'static str> {
    let known = ISSUERS
        .iter()
        .find(|(name, url, _)| *name == issuer || *url == issuer);
    known.and_then(|(.., keys)| keys.first().copied())
}

/// How an issuer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should.
    Up,
    /// No connection.
    Down,
    /// It accepts and never answers within the deadline.
    Slow,
    /// 500 to everything, with a body that looks like a key set.
    Failing,
    /// An HTML page with status 200.
    Html,
    /// JSON that is cut short.
    Broken,
    /// A JWK Set without keys.
    Empty,
    /// A JWK Set whose members are written twice.
    Doubled,
    /// A body without end.
    Huge,
    /// A redirect to an address inside.
    Redirect,
    /// The discovery document names another issuer.
    OtherIssuer,
    /// The discovery document's issuer differs by a slash at the end.
    Slash,
    /// The discovery document points to a JWK Set over http.
    HttpJwks,
    /// The discovery document points to a JWK Set at an address inside.
    PrivateJwks,
    /// The discovery document points to another https host, as Google's does.
    OtherHostJwks,
    /// The discovery document says nothing about keys.
    NoJwks,
    /// Discovery answers and the JWK Set does not.
    JwksDown,
}

const STATES: [(&str, State); 17] = [
    ("up", State::Up),
    ("down", State::Down),
    ("slow", State::Slow),
    ("failing", State::Failing),
    ("html", State::Html),
    ("broken", State::Broken),
    ("empty", State::Empty),
    ("doubled", State::Doubled),
    ("huge", State::Huge),
    ("redirect", State::Redirect),
    ("other-issuer", State::OtherIssuer),
    ("slash", State::Slash),
    ("http-jwks", State::HttpJwks),
    ("private-jwks", State::PrivateJwks),
    ("other-host-jwks", State::OtherHostJwks),
    ("no-jwks", State::NoJwks),
    ("jwks-down", State::JwksDown),
];

#[derive(Debug)]
struct Op {
    name: &'static str,
    issuer: &'static str,
    state: State,
    /// The members of the JWK Set's `keys`.
    keys: Vec<Value>,
    /// The `Cache-Control` of the JWK Set's answer.
    cache_control: Option<String>,
    /// Where people log in.
    provider: provider::Provider,
    /// Where tokens are asked about.
    introspection: introspection::Introspection,
}

/// All issuers, as the gateway reaches them.
#[derive(Debug)]
pub struct Network(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    ops: Vec<Op>,
    /// Every request since [`Network::take_requests`], as its URL.
    requests: Vec<String>,
    /// What a request carried that it must not: credentials of some client.
    leaks: Vec<String>,
    /// Logouts that applications were told of.
    told: Vec<Told>,
    clock: Arc<HandClock>,
}

impl Network {
    /// Every issuer up, with the keys it begins with.
    pub fn new() -> Self {
        Self::with_clock(Arc::default())
    }

    /// The same; issuers tell the time by `clock`.
    pub fn with_clock(clock: Arc<HandClock>) -> Self {
        let ops = ISSUERS.iter().map(|(name, issuer, keys)| Op {
            name,
            issuer,
            state: State::Up,
            keys: keys
                .iter()
                .filter_map(|key| TestKey::named(key))
                .map(|key| Value::Object(key.jwk()))
                .collect(),
            cache_control: None,
            provider: provider::Provider::default(),
            introspection: introspection::Introspection::default(),
        });
        Self(Mutex::new(Inner {
            ops: ops.collect(),
            requests: Vec::new(),
            leaks: Vec::new(),
            told: Vec::new(),
            clock,
        }))
    }

    /// Whether there is an issuer called `name`.
    pub fn knows(&self, name: &str) -> bool {
        self.0.lock().unwrap().ops.iter().any(|op| op.name == name)
    }

    /// Does what `change` says to the issuer `name`: a state (`down`), `rotated` (the first key is replaced by another),
    /// `keys` and the names of keys, or `cache` and a `Cache-Control`.
    pub fn change(&self, name: &str, change: &str) -> Result<(), String> {
        let mut inner = self.0.lock().unwrap();
        let op = inner.ops.iter_mut().find(|op| op.name == name);
        let op = op.ok_or_else(|| format!("there is no issuer called `{name}`"))?;
        let (word, rest) = change.split_once(' ').unwrap_or((change, ""));
        match word {
            "rotated" => op.keys = vec![jwk("rsa-2")?],
            "keys" => op.keys = rest.split_whitespace().map(jwk).collect::<Result<_, _>>()?,
            "cache" => op.cache_control = Some(rest.to_owned()),
            _ if provider::Provider::knows(word) => op.provider.change(word, rest)?,
            _ if introspection::Introspection::knows(word) => op.introspection.change(word, rest)?,
            _ => {
                let state = STATES
                    .iter()
                    .find(|(own, _)| *own == change)
                    .map(|(_, state)| *state);
                op.state = state.ok_or_else(|| format!("an issuer cannot be `{change}`"))?;
            }
        }
        Ok(())
    }

    /// A browser in which `person` can log in comes to `url`; `None` when no issuer is there.
    pub fn visit(&self, url: &str, person: &str) -> Option<Result<Sent, String>> {
        let mut inner = self.0.lock().unwrap();
        let url = Url::parse(url).ok()?;
        let clock = Arc::clone(&inner.clock);
        let place = url.as_str().split('?').next()?;
        let op = inner.ops.iter_mut().find(|op| {
            place
                .strip_prefix(op.issuer)
                .is_some_and(|path| path == "/authorize" || path == "/end")
        })?;
        Some(if place.ends_with("/end") {
            provider::Provider::end_session(&url)
        } else {
            op.provider.authorize(op.issuer, &url, person, &clock)
        })
    }

    /// Gives the issuer `name` the keys of `text`: a JSON array of JWKs, in which `"key": "rsa-1"` stands for the
    /// members of that key.
    pub fn set_keys(&self, name: &str, text: &str) -> Result<(), String> {
        let list =
            serde_json::from_str::<Vec<Map<String, Value>>>(text).map_err(|error| error.to_string())?;
        let keys = list.into_iter().map(|mut own| {
            let mut key = match own.remove("key") {
                Some(Value::String(name)) => TestKey::named(&name).ok_or(format!("no key `{name}`"))?.jwk(),
                Some(_) | None => Map::new(),
            };
            key.extend(own);
            key.retain(|_, value| !value.is_null());
            Ok(Value::Object(key))
        });
        let keys = keys.collect::<Result<Vec<_>, String>>()?;
        let mut inner = self.0.lock().unwrap();
        let op = inner.ops.iter_mut().find(|op| op.name == name);
        op.ok_or_else(|| format!("there is no issuer called `{name}`"))?
            .keys = keys;
        Ok(())
    }

    /// The URLs asked for since this was last called.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    /// The logouts that applications were told of since this was last called.
    pub fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap().told)
    }

    /// Credentials that some client sent us and that we sent on. Empty, or something is badly wrong.
    pub fn leaks(&self) -> Vec<String> {
        self.0.lock().unwrap().leaks.clone()
    }

    fn answer(&self, request: &Request<Bytes>, limits: &FetchLimits) -> Result<Response<Bytes>, HttpError> {
        let mut inner = self.0.lock().unwrap();
        let url = request.uri().to_string();
        inner.requests.push(url.clone());
        let ours = |name: &str| {
            let endpoint = ["/token", "/userinfo", "/revoke", "/introspect"]
                .iter()
                .any(|path| url.ends_with(path));
            name == "authorization" && endpoint
        };
        for name in ["authorization", "cookie"] {
            if request.headers().contains_key(name) && !ours(name) {
                inner.leaks.push(format!("{name} to {url}"));
            }
        }
        if let Some(answer) = told::answer(request, &mut inner.told) {
            return answer;
        }
        let clock = Arc::clone(&inner.clock);
        let behind = inner.ops.iter_mut().filter(|op| op.state != State::Down);
        let mut behind = behind.filter_map(|op| {
            let asked = op.introspection.answer(op.issuer, request, limits, &clock);
            asked.or_else(|| op.provider.answer(op.issuer, request, limits, &clock))
        });
        if let Some(answer) = behind.next() {
            return answer;
        }
        if url.starts_with("https://10.0.0.1/") {
            return if limits.as_public_as.is_some() {
                Err(HttpError::PrivateAddress("10.0.0.1".into()))
            } else {
                Err(HttpError::Unreachable("nothing listens at 10.0.0.1".into()))
            };
        }
        let op = inner.ops.iter().find(|op| {
            [
                op.discovery(),
                op.jwks(),
                format!("https://keys.test/{}", op.name),
            ]
            .contains(&url)
        });
        match op {
            Some(op) => op.answer(url == op.discovery(), limits),
            None => Err(HttpError::Unreachable(format!("nobody is at {url}"))),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient for Network {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        Box::pin(std::future::ready(self.answer(&request, &limits)))
    }
}

impl Op {
    fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer)
    }

    fn jwks(&self) -> String {
        format!("{}/jwks", self.issuer)
    }

    fn answer(&self, discovery: bool, limits: &FetchLimits) -> Result<Response<Bytes>, HttpError> {
        let body = if discovery {
            self.document()
        } else {
            json!({ "keys": self.keys })
        };
        let ok = |body: String| Ok(self.respond(StatusCode::OK, discovery, body));
        match self.state {
            State::Up
            | State::OtherIssuer
            | State::Slash
            | State::HttpJwks
            | State::PrivateJwks
            | State::OtherHostJwks
            | State::NoJwks => ok(body.to_string()),
            State::JwksDown | State::Empty if discovery => ok(body.to_string()),
            State::Down | State::JwksDown => Err(HttpError::Unreachable("connection refused".into())),
            State::Slow => Err(HttpError::TooSlow(limits.deadline)),
            State::Huge => Err(HttpError::TooLarge(limits.body_bytes)),
            State::Failing => {
                Ok(self.respond(StatusCode::INTERNAL_SERVER_ERROR, discovery, body.to_string()))
            }
            State::Html => ok("<!doctype html><title>Sign in to the hotel's network</title>".into()),
            State::Broken => {
                let text = body.to_string();
                ok(text.chars().take(text.len() / 2).collect())
            }
            State::Empty => ok(json!({ "keys": [] }).to_string()),
            State::Doubled => {
                let text = body.to_string();
                let inner = text.trim_start_matches('{').trim_end_matches('}');
                ok(format!("{{{inner},{inner}}}"))
            }
            State::Redirect => {
                let location = "http://169.254.169.254/latest/meta-data/";
                let redirect = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
                Ok(redirect.header("location", location).body(Bytes::new()).unwrap())
            }
        }
    }

    fn document(&self) -> Value {
        let (mut issuer, mut jwks) = (self.issuer.to_owned(), self.jwks());
        if self.state == State::OtherIssuer {
            "https://evil.test".clone_into(&mut issuer);
        } else if self.state == State::Slash {
            issuer.push('/');
        } else if self.state == State::HttpJwks {
            jwks = jwks.replace("https:", "http:");
        } else if self.state == State::PrivateJwks {
            "https://10.0.0.1/jwks".clone_into(&mut jwks);
        } else if self.state == State::OtherHostJwks {
            jwks = format!("https://keys.test/{}", self.name);
        }
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{}/authorize", self.issuer),
            "token_endpoint": format!("{}/token", self.issuer),
            "jwks_uri": jwks,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        if let Some(members) = document.as_object_mut() {
            provider::document(self.issuer, members);
        }
        self.provider.amend(&mut document);
        if self.state == State::NoJwks
            && let Some(members) = document.as_object_mut()
        {
            members.remove("jwks_uri");
        }
        document
    }

    fn respond(&self, status: StatusCode, discovery: bool, body: String) -> Response<Bytes> {
        let mut response = Response::builder()
            .status(status)
            .header("content-type", "application/json");
        if let (Some(value), false) = (&self.cache_control, discovery) {
            response = response.header("cache-control", value);
        }
        response.body(Bytes::from(body)).unwrap()
    }
}

fn jwk(name: &str) -> Result<Value, String> {
    TestKey::named(name)
        .map(|key| Value::Object(key.jwk()))
        .ok_or_else(|| format!("there is no key `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fetch(network: &Network, url: &str) -> Result<Response<Bytes>, HttpError> {
        let limits = FetchLimits {
            deadline: Duration::from_secs(5),
            body_bytes: 1000,
            as_public_as: Some("op.test".into()),
            authorities: None,
        };
        network.answer(&Request::get(url).body(Bytes::new()).unwrap(), &limits)
    }

    #[test]
    fn an_issuer_answers_discovery_and_keys_and_fails_as_it_is_told() {
        let network = Network::new();
        let document = fetch(&network, "https://op.test/.well-known/openid-configuration").unwrap();
        let document = serde_json::from_slice::<Value>(document.body()).unwrap();
        assert_eq!(document["issuer"], "https://op.test");
        assert_eq!(document["jwks_uri"], "https://op.test/jwks");
        let keys = |network: &Network| {
            let answer = fetch(network, "https://op.test/jwks").unwrap();
            let keys = serde_json::from_slice::<Value>(answer.body()).unwrap();
            keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["kid"].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&network), ["\"rsa-1\""]);
        network.change("op", "rotated").unwrap();
        assert_eq!(keys(&network), ["\"rsa-2\""]);
        network
            .set_keys(
                "op",
                r#"[{"key":"ec-256","kid":"x","use":null},{"kty":"odd","kid":"y"}]"#,
            )
            .unwrap();
        assert_eq!(keys(&network), ["\"x\"", "\"y\""]);
        network.change("op", "down").unwrap();
        assert!(matches!(
            fetch(&network, "https://op.test/jwks"),
            Err(HttpError::Unreachable(_))
        ));
        network.change("op", "redirect").unwrap();
        assert_eq!(fetch(&network, "https://op.test/jwks").unwrap().status(), 307);
        assert!(network.change("op", "nonsense").is_err());
        assert!(network.change("nobody", "down").is_err());
        assert_eq!(network.take_requests().len(), 6);
    }

    #[test]
    fn an_address_inside_is_refused_where_the_caller_asks_for_it() {
        let network = Network::new();
        assert!(matches!(
            fetch(&network, "https://10.0.0.1/jwks"),
            Err(HttpError::PrivateAddress(_))
        ));
        assert!(matches!(
            fetch(&network, "https://elsewhere.test/"),
            Err(HttpError::Unreachable(_))
        ));
    }
}
