//! What a provider says about itself, fetched when it is first needed and kept for a while.

use bytes::Bytes;
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::time::{Monotonic, Now};
use countersign_oidc::discovery::{DiscoveryError, Endpoint, MAX_DOCUMENT_BYTES, ProviderMetadata};
use countersign_oidc::issuer::IssuerRule;
use http::{Request, Response, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How long a document is used before it is fetched again.
const FRESH: Duration = Duration::from_hours(1);
/// How long after a fetch that failed the next may be made.
const BETWEEN_FAILURES: Duration = Duration::from_secs(2);
/// How long one question to a provider may take.
const DEADLINE: Duration = Duration::from_secs(8);

/// How a provider is reached.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) limits: FetchLimits,
    pub(crate) allow_http: bool,
}

impl Reach {
    /// The provider of `issuer`, whose addresses may be inside where its own is.
    pub(crate) fn of(
        issuer: &str,
        http: &Arc<dyn HttpClient>,
        authorities: Option<Arc<[u8]>>,
        allow_http: bool,
    ) -> Self {
        let host = Url::parse(issuer).ok();
        let host = host.as_ref().and_then(Url::host_str);
        Self {
            http: Arc::clone(http),
            limits: FetchLimits {
                deadline: DEADLINE,
                body_bytes: MAX_DOCUMENT_BYTES,
                as_public_as: host.map(Into::into),
                authorities,
            },
            allow_http,
        }
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.send_within(request, self.limits.deadline).await
    }

    /// The same, with another deadline.
    pub(crate) async fn send_within(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, HttpError> {
        let limits = FetchLimits {
            deadline,
            ..self.limits.clone()
        };
        self.http.send(request, limits).await
    }
}

/// Why a provider cannot be used. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It was not reached.
    #[error("the discovery document: {0}")]
    Unreachable(#[from] HttpError),
    /// It answers something else than a document.
    #[error("the discovery document: the answer is {0}")]
    Status(StatusCode),
    /// The document is not believed.
    #[error(transparent)]
    Document(#[from] DiscoveryError),
    /// It was tried a moment ago.
    #[error("{0} (tried a moment ago)")]
    JustNow(Arc<ProviderError>),
}

impl ProviderError {
    /// Whether the provider does answer, and not as what it should be: waiting will not mend that.
    pub fn is_in_its_words(&self) -> bool {
        match self {
            Self::Unreachable(_) => false,
            Self::Status(status) => status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS,
            Self::Document(_) => true,
            Self::JustNow(before) => before.is_in_its_words(),
        }
    }
}

/// One provider, as one login knows it.
#[derive(Debug)]
pub(crate) struct Provider {
    rule: IssuerRule,
    /// Where its document is; none where the operator says everything.
    discovery: Option<Url>,
    /// What the operator says instead of the document.
    said: Vec<(Endpoint, Url)>,
    reach: Reach,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<(Arc<ProviderMetadata>, Monotonic)>,
    failed: Option<(Arc<ProviderError>, Monotonic)>,
}

impl Provider {
    pub(crate) fn new(
        rule: IssuerRule,
        discovery: Option<Url>,
        said: Vec<(Endpoint, Url)>,
        reach: Reach,
    ) -> Self {
        Self {
            rule,
            discovery,
            said,
            reach,
            state: Mutex::default(),
        }
    }

    pub(crate) const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// What it says about itself. What was said before stands where it does not answer.
    pub(crate) async fn metadata(&self, now: Now) -> Result<Arc<ProviderMetadata>, ProviderError> {
        if let Some(answer) = self.answer_now(now) {
            return answer;
        }
        let fetched = self.fetch().await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                state.known = Some((Arc::clone(&metadata), now.monotonic));
                state.failed = None;
                Ok(metadata)
            }
            Err(error) => {
                let error = Arc::new(error);
                state.failed = Some((Arc::clone(&error), now.monotonic));
                let known = state.known.as_ref().map(|(metadata, _)| Arc::clone(metadata));
                known.ok_or_else(|| Arc::unwrap_or_clone(error))
            }
        }
    }

    fn answer_now(&self, now: Now) -> Option<Result<Arc<ProviderMetadata>, ProviderError>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = state.failed.as_ref();
        let failed = failed.filter(|(_, at)| now.monotonic.since(*at) < BETWEEN_FAILURES);
        match (&state.known, failed) {
            (Some((metadata, at)), _) if now.monotonic.since(*at) < FRESH => Some(Ok(Arc::clone(metadata))),
            (Some((metadata, _)), Some(_)) => Some(Ok(Arc::clone(metadata))),
            (None, Some((why, _))) => Some(Err(ProviderError::JustNow(Arc::clone(why)))),
            (Some(_) | None, None) => None,
        }
    }

    async fn fetch(&self) -> Result<ProviderMetadata, ProviderError> {
        let mut metadata = match &self.discovery {
            None => ProviderMetadata::of_operator(&self.rule),
            Some(url) => {
                let request = Request::get(url.as_str()).body(Bytes::new());
                let request = request.map_err(|error| HttpError::Unsendable(error.to_string()))?;
                let answer = self.reach.send(request).await?;
                if answer.status() != StatusCode::OK {
                    return Err(ProviderError::Status(answer.status()));
                }
                ProviderMetadata::parse(answer.body(), &self.rule, self.reach.allow_http)?
            }
        };
        for (endpoint, url) in &self.said {
            metadata.set(*endpoint, url.clone());
        }
        Ok(metadata)
    }
}
