//! `check`: the path asked names a route's `endpoint`, and the credential is in that very request. No original request
//! is read, so nobody need be trusted to tell about one. jwtauthrequest's users ask so.

use super::answer::{refuse, words_for};
use super::fields::refuse_doubled;
use super::{Asker, Integration, Purpose, Question, ReadContext, Reply, Unread, answer};
use crate::body::Body;
use countersign_core::decide::Decision;
use countersign_core::gate::{Host, Scheme, Target, judge_method};
use countersign_core::peer::PeerAddress;
use countersign_core::request::{Forwarder, OriginalRequest};
use countersign_core::route::{ChallengeStyle, Route};
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::request::Parts;
use http::{Response, StatusCode};

/// The dialect.
#[derive(Debug)]
pub(super) struct Check;

impl Integration for Check {
    fn read(&self, head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        let mut headers = head.headers;
        refuse_doubled(&headers, &[AUTHORIZATION, COOKIE, HOST])?;
        let method = judge_method(head.method.as_str())?;
        // The sub-request's own Host means nothing; a HTTP/1.0 one has none.
        let named = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("localhost");
        let host = Host::judge(named)?;
        let target = Target::judge(head.uri.path_and_query().map_or("/", |target| target.as_str()))?;
        let client = match context.peer.address {
            PeerAddress::Ip(address) => Some(address),
            PeerAddress::Unix => None,
        };
        context.identity.strip_or_refuse(&mut headers, &[])?;
        let endpoint = Some(target.path().into());
        let request = OriginalRequest {
            id: context.id,
            method,
            scheme: Scheme::Http,
            host,
            target,
            client,
            headers,
            forwarder: Forwarder::Another,
            certificate: context.certificate.clone(),
        };
        Ok(Question {
            request,
            purpose: Purpose::Decide,
            endpoint,
        })
    }

    fn write(&self, question: &Question, route: Option<&Route>, decision: Decision) -> Reply {
        let request = &question.request;
        Reply::Respond(match decision {
            Decision::Allow(permit) => {
                answer::allow(request, &permit).unwrap_or_else(|words| answer::to_sub_request(&words))
            }
            Decision::NoRoute => {
                answer::with_status(&words_for(request, &Decision::NoRoute), StatusCode::NOT_FOUND)
            }
            decision @ (Decision::Challenge(_) | Decision::Deny(..) | Decision::Unavailable(_)) => {
                let words = words_for(request, &decision);
                // Such a route answers 200 or 403 and nothing else.
                let only_403 = route.is_some_and(|route| route.challenge == ChallengeStyle::Forbidden);
                if only_403 {
                    answer::with_status(&words, StatusCode::FORBIDDEN)
                } else {
                    answer::to_sub_request(&words)
                }
            }
        })
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        refuse(unread, asker)
    }

    fn is_sub_request(&self, _: &str) -> bool {
        true
    }
}
