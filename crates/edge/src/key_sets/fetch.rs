//! Fetching one set: discovery where that is how it is found, then the JWK Set.

use bytes::Bytes;
use countersign_authn::key_ring::lifetime;
use countersign_authn::keys::{KeyLocation, KeySettings};
use countersign_core::Ports;
use countersign_core::http_client::{FetchLimits, HttpClient};
use countersign_core::shown_url::shown_url;
use countersign_core::time::{Clock, Monotonic};
use countersign_jose::jwks::{KeySet, MAX_SET_BYTES};
use countersign_jose::trust_bundle::TrustBundle;
use countersign_oidc::discovery::{MAX_DOCUMENT_BYTES, jwks_uri};
use http::header::ACCEPT;
use http::{HeaderValue, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long one fetch may take, discovery included. Requests wait for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// A set that came.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    /// Which keys of it cannot be used, and why.
    pub(super) left_out: Vec<String>,
    /// How long the server wants it kept.
    pub(super) lifetime: Option<Duration>,
    /// Which version it is, where it says so.
    pub(super) sequence: Option<u64>,
    /// The set as it came, to be kept.
    pub(super) body: Bytes,
}

/// A set, read.
pub(super) struct Read {
    pub(super) keys: KeySet,
    left_out: Vec<String>,
    /// How soon the set itself wants to be fetched again.
    refresh_hint: Option<Duration>,
    /// Which version it is, where it says so.
    pub(super) sequence: Option<u64>,
}

/// Reads `body` as what `location` is; why not, for the log. A JWK Set has a key at least; a trust bundle may list none,
/// and then vouches for no token.
pub(super) fn read(location: &KeyLocation, body: &[u8]) -> Result<Read, String> {
    match location {
        KeyLocation::JwkSet { .. } | KeyLocation::Discovery { .. } => {
            let (keys, unusable) = KeySet::parse(body).map_err(|error| error.to_string())?;
            if keys.keys().is_empty() {
                return Err("the set has no usable key".to_owned());
            }
            let left_out = unusable.into_iter().map(|key| {
                let name = key
                    .kid
                    .map_or_else(|| format!("number {}", key.index), |kid| format!("{kid:?}"));
                format!("{name}: {}", key.error)
            });
            Ok(Read {
                keys,
                left_out: left_out.collect(),
                refresh_hint: None,
                sequence: None,
            })
        }
        KeyLocation::TrustBundle { .. } => {
            let bundle = TrustBundle::parse(body).map_err(|error| error.to_string())?;
            if bundle.jwt_authorities().keys().is_empty() && bundle.lists_jwt_authorities() {
                return Err("no entry of the trust bundle that signs JWT-SVIDs can be used".to_owned());
            }
            Ok(Read {
                keys: bundle.jwt_authorities().clone(),
                left_out: bundle.left_out().iter().map(ToString::to_string).collect(),
                refresh_hint: bundle.refresh_hint(),
                sequence: bundle.sequence(),
            })
        }
    }
}

pub(super) struct Fetcher {
    location: KeyLocation,
    allow_http: bool,
    authorities: Option<Arc<[u8]>>,
    http: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
}

impl Fetcher {
    pub(super) fn new(location: &KeyLocation, settings: &KeySettings, ports: &Ports) -> Self {
        Self {
            location: location.clone(),
            allow_http: settings.allow_http,
            authorities: settings.authorities.clone(),
            http: Arc::clone(&ports.http),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Fetches the set; why not, for the log.
    pub(super) async fn fetch(&self) -> Result<Fetched, String> {
        let begun = self.clock.now().monotonic;
        let answer = match &self.location {
            KeyLocation::JwkSet { url, .. } | KeyLocation::TrustBundle { url, .. } => {
                self.get(url, MAX_SET_BYTES, None, begun).await?
            }
            KeyLocation::Discovery { issuer, url } => {
                let document = self.get(url, MAX_DOCUMENT_BYTES, None, begun).await?;
                let jwks_uri = jwks_uri(document.body(), issuer, self.allow_http)
                    .map_err(|error| format!("{}: {error}", shown_url(url.as_str())))?;
                // The operator named this host; where its document points, a stranger may have a say.
                let host = url.host_str().map(Into::into);
                self.get(&jwks_uri, MAX_SET_BYTES, host, begun).await?
            }
        };
        let read = read(&self.location, answer.body())?;
        Ok(Fetched {
            keys: read.keys,
            left_out: read.left_out,
            lifetime: read.refresh_hint.or_else(|| lifetime(answer.headers())),
            sequence: read.sequence,
            body: answer.into_body(),
        })
    }

    async fn get(
        &self,
        url: &Url,
        body_bytes: usize,
        as_public_as: Option<Box<str>>,
        begun: Monotonic,
    ) -> Result<Response<Bytes>, String> {
        let json = HeaderValue::from_static("application/json, application/jwk-set+json");
        let request = Request::get(url.as_str()).header(ACCEPT, json).body(Bytes::new());
        let shown = shown_url(url.as_str());
        let request = request.map_err(|error| format!("{shown}: {error}"))?;
        let spent = self.clock.now().monotonic.since(begun);
        let limits = FetchLimits {
            deadline: DEADLINE.saturating_sub(spent),
            body_bytes,
            as_public_as,
            authorities: self.authorities.clone(),
        };
        let answer = self.http.send(request, limits).await;
        let answer = answer.map_err(|error| format!("{shown}: {error}"))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status if status.is_redirection() => Err(format!(
                "{shown}: the answer is {status}, and redirects are not followed"
            )),
            status => Err(format!("{shown}: the answer is {status}")),
        }
    }
}
