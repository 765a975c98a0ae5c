//! One request: the path as one function.

use crate::behind::Behind;
use crate::body::Body;
use crate::errands::Errand;
use crate::gateway::{Face, Gateway};
use crate::integration::{Asker, Integration, Purpose, Reply};
use crate::log::Log;
use crate::observe::{Observation, Observer};
use crate::page::{self, Words};
use crate::proxy::Upstreams;
use crate::system::RequestIds;
use crate::tls::{Session, TlsHosts};
use arc_swap::ArcSwap;
use countersign_core::Ports;
use countersign_core::decide::{Decision, decide};
use countersign_core::peer::Peer;
use countersign_core::reason::UnavailableReason;
use countersign_core::time::Clock;
use futures_util::FutureExt as _;
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use turn::Turn;

pub use itself::{Loading, Loopback};

mod itself;
mod turn;

/// The most header lines of a request that are read; cookies count as one. HTTP/1's parser has the same limit.
pub const MAX_HEAD_LINES: usize = 100;
/// The largest request head that is read: names, values and the target, in bytes.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// What all listeners share: the rules in force and the handles to the world.
#[derive(Debug)]
pub struct Shared {
    gateway: ArcSwap<Gateway>,
    clock: Arc<dyn Clock>,
    ids: RequestIds,
    observer: Arc<Observer>,
    upstreams: Upstreams,
    behind: Behind,
}

impl Shared {
    /// Serves by `gateway`.
    pub fn new(gateway: Gateway, ports: &Ports, observer: Arc<Observer>) -> Arc<Self> {
        Arc::new(Self {
            gateway: ArcSwap::from_pointee(gateway),
            clock: Arc::clone(&ports.clock),
            ids: RequestIds::new(&*ports.entropy),
            observer,
            upstreams: Upstreams::default(),
            behind: Behind::new(),
        })
    }

    /// Puts another set of rules in force; requests under way keep theirs.
    pub fn swap(&self, gateway: Gateway) {
        self.gateway.store(Arc::new(gateway));
        self.upstreams.forget();
    }

    /// When what was left behind answers has come to its end; what takes too long is given up, and has said so.
    pub async fn ended(&self) {
        self.behind.ended().await;
    }

    /// Gives up what was left behind answers, which says so.
    pub async fn give_up(&self) {
        self.behind.give_up().await;
    }

    /// The rules in force.
    pub fn gateway(&self) -> Arc<Gateway> {
        self.gateway.load_full()
    }
}

/// One listener's way of serving.
#[derive(Clone, Debug)]
pub struct Service {
    shared: Arc<Shared>,
    own: Face,
    number: Option<usize>,
}

impl Service {
    /// Serves as this face.
    pub const fn new(shared: Arc<Shared>, own: Face) -> Self {
        Self {
            shared,
            own,
            number: None,
        }
    }

    /// The same, and from the next reload on as the face of this number in [`Gateway::faces`]: whom a listener believes
    /// changes in one step with the rules.
    #[must_use]
    pub const fn at_face(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// The face, by these rules.
    fn face<'a>(&'a self, gateway: &'a Gateway) -> &'a Face {
        let found = self.number.and_then(|number| gateway.faces.get(number));
        found.unwrap_or(&self.own)
    }

    /// The hosts that handshakes go by now, on a listener that speaks TLS.
    pub(crate) fn hosts(&self) -> Option<Arc<TlsHosts>> {
        self.face(&self.shared.gateway.load()).hosts.clone()
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        self.shared.observer.log()
    }

    /// Whether requests and answers have bodies.
    pub fn carries_bodies(&self) -> bool {
        self.own.integration.carries_bodies()
    }

    /// Serves one request of `peer`, whose connection is in the clear. A bug answers 500 with the request's id and takes
    /// nothing else down.
    pub async fn serve(&self, request: Request<Body>, peer: &Peer) -> Response<Body> {
        self.serve_over(None, request, peer).await
    }

    /// The same over TLS: in the handshake the client asked for `name`, and showed what `peer` says if it was asked for a
    /// certificate there. On a listener without hosts the connection is in the clear all the same.
    pub async fn serve_secured(&self, name: &str, request: Request<Body>, peer: &Peer) -> Response<Body> {
        let session = self.hosts().map(|hosts| Session {
            name: Some(name.into()),
            http2: false,
            asked: Arc::clone(hosts.chosen(Some(name)).policy().asked()),
            presented: peer.certificate.clone(),
        });
        self.serve_over(session.as_ref(), request, peer).await
    }

    /// The same over a connection with this TLS session, if it has one.
    pub(crate) async fn serve_over(
        &self,
        session: Option<&Session>,
        request: Request<Body>,
        peer: &Peer,
    ) -> Response<Body> {
        let now = self.shared.clock.now();
        let gateway = self.shared.gateway.load_full();
        let Face { integration, hosts } = self.face(&gateway);
        let (head, body) = request.into_parts();
        let mut observation = Observation::new(
            self.shared.ids.next(),
            now,
            &head,
            self.shared.observer.log().decisions(),
        );
        let asker = asker(&**integration, &head, &observation);
        let closes = !integration.carries_bodies() && announces_body(&head.headers);
        let turn = Turn {
            gateway: &gateway,
            integration: &**integration,
            peer,
            secured: session.zip(hosts.as_deref()),
            asker: &asker,
        };
        let answer = self.answer(turn, head, body, &mut observation);
        let served = AssertUnwindSafe(answer).catch_unwind().await;
        let mut response = served.unwrap_or_else(|_| {
            let reason = UnavailableReason::Internal;
            observation.outcome("error", reason.code());
            page::render(&Words::about(
                &asker,
                StatusCode::INTERNAL_SERVER_ERROR,
                reason.code(),
                reason.meaning(),
            ))
        });
        if let Some((mistake, id)) = gateway.pages.dress(&mut response) {
            let text = format!("a page of request {id} is the built-in one: {mistake}");
            self.log().event("error", "page", &text);
        }
        if closes {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let took = self.shared.clock.monotonic().since(now.monotonic);
        self.shared
            .observer
            .observe(&observation, response.status(), peer, took);
        response
    }

    async fn answer(
        &self,
        turn: Turn<'_>,
        head: Parts,
        body: Body,
        observation: &mut Observation,
    ) -> Response<Body> {
        let Turn {
            integration,
            peer,
            asker,
            ..
        } = turn;
        let found = turn.read(head, observation);
        let (question, route) = match found {
            Ok(found) => found,
            Err(unread) => {
                observation.unread(&unread);
                return integration.refuse(&unread, asker);
            }
        };
        if let Purpose::Own(page) = question.purpose {
            let errand = Errand {
                gateway: turn.gateway,
                request: &question.request,
                log: self.shared.observer.log(),
                behind: &self.shared.behind,
                now: observation.began(),
            };
            // On the heap: every request would have to make room for it otherwise.
            let done = Box::pin(errand.run(page, body)).await;
            observation.done(&done);
            return done.response;
        }
        let decision = match route {
            Some(route) => decide(route, &question.request, observation.began()).await,
            None => Decision::NoRoute,
        };
        observation.decided(route, &decision);
        match integration.write(&question, route.map(|route| &**route), decision) {
            Reply::Respond(response) => {
                observation.answered(&response);
                response
            }
            Reply::Forward(permit) => {
                let forwarded = self
                    .shared
                    .upstreams
                    .forward(permit, question.request, body, peer)
                    .await;
                forwarded.unwrap_or_else(|failure| {
                    observation.failed(&failure);
                    page::render(&failure.words(asker))
                })
            }
        }
    }
}

/// Who must be answered whatever comes of it.
fn asker(integration: &dyn Integration, head: &Parts, observation: &Observation) -> Asker {
    let accepts = head
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    Asker {
        id: observation.id,
        accepts_html: accepts.contains("text/html"),
        sub_request: integration.is_sub_request(head.uri.path()),
        head: head.method == Method::HEAD,
    }
}

fn announces_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests;
