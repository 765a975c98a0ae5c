//! Traefik's ForwardAuth and Caddy's `forward_auth`: the answer, whatever it is, goes to the client as it stands.

use super::answer::{refuse, words_for};
use super::fields::{each_once, guarded_target, refuse_doubled, take_lines};
use super::{Asker, DECIDE, Integration, Purpose, Question, ReadContext, Reply, Unread, answer};
use crate::body::Body;
use countersign_core::certificate::ClientCertificate;
use countersign_core::decide::Decision;
use countersign_core::gate::{Host, Scheme, Unreadable, judge_method};
use countersign_core::peer::TrustedPeers;
use countersign_core::reason::UnreadableReason;
use countersign_core::request::{Forwarder, OriginalRequest};
use countersign_core::route::Route;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderName, Response};

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const TARGET: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const READ_HERE: [HeaderName; 4] = [METHOD, PROTO, HOST, TARGET];

/// The dialect.
#[derive(Debug)]
pub(super) struct ForwardAuth {
    trusted: TrustedPeers,
}

impl ForwardAuth {
    pub(super) const fn new(trusted: TrustedPeers) -> Self {
        Self { trusted }
    }
}

impl Integration for ForwardAuth {
    fn read(&self, head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        if head.uri.path() != DECIDE {
            return Err(Unread::NotFound);
        }
        let mut headers = head.headers;
        let Some(trusted) = self.trusted.trust(context.peer, &headers) else {
            return Err(Unreadable::new(
                UnreadableReason::UntrustedPeer,
                format!("{:?}", context.peer.address),
            )
            .into());
        };
        if let Some(name) = self.trusted.secret_header() {
            headers.remove(name);
        }
        refuse_doubled(&headers, &[AUTHORIZATION, COOKIE])?;
        let [method, proto, host, target] = each_once(&headers, &READ_HERE)?;
        let method = judge_method(method)?;
        let (scheme, host) = (scheme(proto)?, Host::judge(host)?);
        let target = guarded_target(target)?;
        let malformed = || Unreadable::new(UnreadableReason::HeaderMalformed, FOR.as_str());
        let chain = take_lines(&mut headers, &FOR).ok_or_else(malformed)?;
        let lines = chain.iter().map(String::as_str).collect::<Vec<_>>();
        let client = self.trusted.client_behind(&trusted, &lines);
        if client.is_none() && !lines.is_empty() {
            return Err(malformed().into());
        }
        context.identity.strip_or_refuse(&mut headers, &READ_HERE)?;
        let request = OriginalRequest {
            id: context.id,
            method,
            scheme,
            host,
            target,
            client,
            headers,
            forwarder: Forwarder::Another,
            certificate: ClientCertificate::default(),
        };
        Ok(Question {
            request,
            purpose: Purpose::Decide,
            endpoint: None,
        })
    }

    fn write(&self, question: &Question, _: Option<&Route>, decision: Decision) -> Reply {
        Reply::Respond(match decision {
            Decision::Allow(permit) => {
                answer::allow(&question.request, &permit).unwrap_or_else(|words| answer::to_client(&words))
            }
            decision @ (Decision::Challenge(_)
            | Decision::Deny(..)
            | Decision::Unavailable(_)
            | Decision::NoRoute) => answer::to_client(&words_for(&question.request, &decision)),
        })
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        refuse(unread, asker)
    }

    fn is_sub_request(&self, _: &str) -> bool {
        false
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
