//! How the gateway asks its own OpenID Provider: within the process, so that no name, certificate or proxy stands between
//! the guard and the provider that are one.

use super::Shared;
use crate::body::Body;
use crate::errands::{Done, Errand};
use crate::observe::Observation;
use bytes::Bytes;
use countersign_core::BoxFuture;
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target, judge_method};
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::own_path::{OwnPage, ProviderPage};
use countersign_core::peer::Peer;
use countersign_core::request::{Forwarder, OriginalRequest, RequestId};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long what is asked waits for a configuration that is being put in force.
const LOADS: Duration = Duration::from_secs(5);

/// The way out, but for what is asked of our own provider: that is answered here, by the rules in force when it is asked.
#[derive(Debug)]
pub struct Loopback {
    outside: Arc<dyn HttpClient>,
    inside: OnceLock<Weak<Shared>>,
    /// How many configurations are being put in force.
    loading: watch::Sender<usize>,
}

/// A configuration is being put in force: what is asked meanwhile waits until it is, or is not. It may be the one with our
/// provider, and nobody outside is to be asked for what that will know.
#[derive(Debug)]
pub struct Loading(Arc<Loopback>);

impl Drop for Loading {
    fn drop(&mut self) {
        self.0
            .loading
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Loopback {
    /// All requests go out by `outside`, until [`Self::lead_to`].
    pub fn new(outside: Arc<dyn HttpClient>) -> Arc<Self> {
        Arc::new(Self {
            outside,
            inside: OnceLock::new(),
            loading: watch::Sender::new(0),
        })
    }

    /// Until what this gives is dropped, a configuration is being put in force.
    pub fn loading(self: &Arc<Self>) -> Loading {
        self.loading.send_modify(|count| *count += 1);
        Loading(Arc::clone(self))
    }

    /// When no configuration is being put in force any more, or that takes too long.
    async fn settled(&self) {
        let mut loading = self.loading.subscribe();
        drop(timeout(LOADS, loading.wait_for(|count| *count == 0)).await);
    }

    /// From now on requests to the origin of the provider that `shared` has come there. Only the first counts.
    pub fn lead_to(&self, shared: &Arc<Shared>) {
        drop(self.inside.set(Arc::downgrade(shared)));
    }

    /// Who answers within, if `request` goes to the origin of today's provider.
    fn within(&self, request: &Request<Bytes>) -> Option<Arc<Shared>> {
        let shared = self.inside.get()?.upgrade()?;
        let uri = request.uri();
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let is_ours = {
            let gateway = shared.gateway.load();
            let provider = gateway.provider.as_ref();
            provider.is_some_and(|provider| provider.issuer.as_str() == origin)
        };
        is_ours.then_some(shared)
    }
}

impl HttpClient for Loopback {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        match self.within(&request) {
            Some(shared) => Box::pin(whole(shared, request, limits)),
            None if *self.loading.borrow() == 0 => self.outside.send(request, limits),
            None => Box::pin(async move {
                self.settled().await;
                match self.within(&request) {
                    Some(shared) => whole(shared, request, limits).await,
                    None => self.outside.send(request, limits).await,
                }
            }),
        }
    }
}

/// The answer from within, whole and in time.
async fn whole(
    shared: Arc<Shared>,
    request: Request<Bytes>,
    limits: FetchLimits,
) -> Result<Response<Bytes>, HttpError> {
    let answer = async {
        let answer = shared.answer_itself(request).await?;
        let (head, body) = answer.into_parts();
        let whole = Limited::new(body, limits.body_bytes).collect().await;
        let whole = whole.map_err(|_| HttpError::TooLarge(limits.body_bytes))?;
        Ok(Response::from_parts(head, whole.to_bytes()))
    };
    let in_time = timeout(limits.deadline, answer).await;
    in_time.unwrap_or(Err(HttpError::TooSlow(limits.deadline)))
}

impl Shared {
    /// Answers what the gateway asks of its own provider, and leaves a line about it like any request: one without an
    /// address, a certificate or a way into the routes.
    async fn answer_itself(&self, request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        let now = self.clock.now();
        let gateway = self.gateway.load_full();
        let (head, body) = request.into_parts();
        let mut observation = Observation::new(self.ids.next(), now, &head, self.observer.log().decisions());
        let request = read(head, observation.id)?;
        observation.asked(&request);
        let errand = Errand {
            gateway: &gateway,
            request: &request,
            log: self.observer.log(),
            behind: &self.behind,
            now,
        };
        let done = match ProviderPage::at(request.target.path()) {
            // Not limited: strangers who ask too much are none of our guards' business. On the heap: a guard's login, with
            // all it waits for, stands around it.
            Some(page) => Box::pin(errand.run_unlimited(OwnPage::Provider(page), Body::full(body))).await,
            None => Done::nothing_there(&request),
        };
        observation.done(&done);
        let took = self.clock.monotonic().since(now.monotonic);
        let ourselves = Peer::at(IpAddr::V6(Ipv6Addr::LOCALHOST));
        self.observer
            .observe(&observation, done.response.status(), &ourselves, took);
        Ok(done.response)
    }
}

/// The request as any is judged.
fn read(head: Parts, id: RequestId) -> Result<OriginalRequest, HttpError> {
    let authority = head.uri.authority().map_or("", |authority| authority.as_str());
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let judged = || {
        Ok(OriginalRequest {
            id,
            method: judge_method(head.method.as_str())?,
            scheme: Scheme::Https,
            host: Host::judge(authority)?,
            target: Target::judge(target)?,
            client: None,
            headers: head.headers,
            forwarder: Forwarder::Us,
            certificate: ClientCertificate::default(),
        })
    };
    judged()
        .map_err(|unreadable: countersign_core::gate::Unreadable| HttpError::Unsendable(unreadable.detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::served;
    use std::future::poll_fn;
    use std::task::Poll;

    /// Somebody outside, who says so.
    #[derive(Debug)]
    struct Outside;

    impl HttpClient for Outside {
        fn send(
            &self,
            _: Request<Bytes>,
            _: FetchLimits,
        ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
            Box::pin(async { Err(HttpError::Unreachable("outside".to_owned())) })
        }
    }

    fn limits() -> FetchLimits {
        FetchLimits {
            deadline: Duration::from_secs(5),
            body_bytes: 1000,
            as_public_as: None,
            authorities: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_while_a_configuration_is_put_in_force_waits_for_it_and_not_for_ever() {
        let loopback = Loopback::new(Arc::new(Outside));
        loopback.lead_to(&served(None).shared);
        let ask = || loopback.send(Request::new(Bytes::new()), limits());
        let outside = Err(HttpError::Unreachable("outside".to_owned()));
        assert_eq!(ask().await.map(drop), outside);
        let loading = loopback.loading();
        let mut asked = ask();
        let pending = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending())).await;
        assert!(pending);
        drop(loading);
        assert_eq!(asked.await.map(drop), outside);
        let _never_ends = loopback.loading();
        assert_eq!(ask().await.map(drop), outside);
    }
}
