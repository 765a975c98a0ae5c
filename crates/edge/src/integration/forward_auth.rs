//! Traefik's ForwardAuth and Caddy's `forward_auth`: the answer, whatever it is, goes to the client as it stands.

use super::answer::{refuse, words_for};
use super::fields::{each_once, guarded_target, own_page, refuse_doubled, take_lines};
use super::{Asker, Believed, DECIDE, Integration, Purpose, Question, ReadContext, Reply, Unread, answer};
use crate::body::Body;
use crate::whoami;
use countersign_core::decide::Decision;
use countersign_core::gate::{Host, Scheme, Unreadable, judge_method};
use countersign_core::reason::UnreadableReason;
use countersign_core::request::{Forwarder, OriginalRequest};
use countersign_core::route::Route;
use http::header::{AUTHORIZATION, COOKIE, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const TARGET: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const READ_HERE: [HeaderName; 4] = [METHOD, PROTO, HOST, TARGET];

/// The dialect.
#[derive(Debug)]
pub(super) struct ForwardAuth {
    believed: Believed,
    /// Headers that are read here, and are nobody's identity.
    read_here: Vec<HeaderName>,
}

impl ForwardAuth {
    pub(super) fn new(believed: Believed) -> Self {
        Self {
            read_here: believed.read_here(&READ_HERE),
            believed,
        }
    }
}

impl Integration for ForwardAuth {
    fn read(&self, head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        let path = head.uri.path();
        let asks = path == DECIDE;
        if !asks && !context.routes.has_own_page(path) {
            return Err(Unread::NotFound);
        }
        let mut headers = head.headers;
        let Some(trusted) = self.believed.peers.trust(context.peer, &headers) else {
            return Err(Unreadable::new(
                UnreadableReason::UntrustedPeer,
                format!("{:?}", context.peer.address),
            )
            .into());
        };
        if let Some(name) = self.believed.peers.secret_header() {
            headers.remove(name);
        }
        refuse_doubled(&headers, &[AUTHORIZATION, COOKIE])?;
        let (method, proto, host, target) = if asks {
            let [method, proto, host, target] = each_once(&headers, &READ_HERE)?;
            (method, proto, host, target)
        } else {
            // Such a request is not asked about: it is the client's own, passed on.
            let [proto, host] = each_once(&headers, &[PROTO, HOST])?;
            let target = head.uri.path_and_query().map_or("", |target| target.as_str());
            (head.method.as_str(), proto, host, target)
        };
        let method = judge_method(method)?;
        let (scheme, host) = (scheme(proto)?, Host::judge(host)?);
        let (target, purpose) = if asks {
            (guarded_target(target)?, Purpose::Decide)
        } else {
            own_page(target, path, &host, context)?
        };
        let malformed = || Unreadable::new(UnreadableReason::HeaderMalformed, FOR.as_str());
        let chain = take_lines(&mut headers, &FOR).ok_or_else(malformed)?;
        let lines = chain.iter().map(String::as_str).collect::<Vec<_>>();
        let client = self.believed.peers.client_behind(&trusted, &lines);
        if client.is_none() && !lines.is_empty() {
            return Err(malformed().into());
        }
        let certificate = self.believed.certificate(&mut headers, context.now)?;
        context.identity.strip_or_refuse(&mut headers, &self.read_here)?;
        let request = OriginalRequest {
            id: context.id,
            method,
            scheme,
            host,
            target,
            client,
            headers,
            forwarder: Forwarder::Another,
            certificate,
        };
        Ok(Question {
            request,
            purpose,
            endpoint: None,
        })
    }

    fn write(&self, question: &Question, _: Option<&Route>, decision: Decision) -> Reply {
        Reply::Respond(match decision {
            Decision::Allow(permit) if question.purpose == Purpose::Whoami => {
                whoami::render(&question.request, &permit)
            }
            Decision::Allow(permit) => {
                answer::allow(&question.request, &permit).unwrap_or_else(|words| answer::to_client(&words))
            }
            decision @ (Decision::Challenge(_)
            | Decision::Deny(..)
            | Decision::Unavailable(_)
            | Decision::NoRoute) => {
                let mut response = answer::to_client(&words_for(&question.request, &decision));
                complete(&mut response, &question.request);
                response
            }
        })
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        refuse(unread, asker)
    }

    fn is_sub_request(&self, _: &str) -> bool {
        false
    }
}

/// Traefik reads a place without a host as one at the gateway's own address, and sends clients there: the host is said.
fn complete(response: &mut Response<Body>, request: &OriginalRequest) {
    let Some(place) = response.headers().get(LOCATION) else {
        return;
    };
    let place = place.to_str().ok().filter(|place| place.starts_with('/'));
    let whole = place.map(|place| format!("{}://{}{place}", request.scheme.as_str(), request.host));
    if let Some(Ok(whole)) = whole.map(HeaderValue::try_from) {
        response.headers_mut().insert(LOCATION, whole);
    }
}

/// Traefik says `ws` and `wss` for WebSockets.
fn scheme(text: &str) -> Result<Scheme, Unreadable> {
    match text {
        "ws" => Ok(Scheme::Http),
        "wss" => Ok(Scheme::Https),
        other => Scheme::judge(other),
    }
}
