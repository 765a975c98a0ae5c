//! nginx `auth_request`.
//!
//! nginx asks with a sub-request: it understands 2xx, 401 and 403 and turns the rest into 500, drops the body, and keeps
//! the first of repeated headers. So the answer to the question is short, and a named location asks again at
//! `/.countersign/answer` for what the client is to read.

use super::answer::{refuse, words_for};
use super::fields::{each_once, guarded_target, own_page, refuse_doubled};
use super::{
    ANSWER, Asker, Believed, DECIDE, Integration, Purpose, Question, REFUSAL, ReadContext, Reply, Unread,
    answer,
};
use crate::body::Body;
use crate::whoami;
use countersign_core::decide::Decision;
use countersign_core::gate::{Host, Scheme, Unreadable, judge_method};
use countersign_core::reason::UnreadableReason;
use countersign_core::request::{Forwarder, OriginalRequest};
use countersign_core::route::Route;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderName, Response};
use std::net::IpAddr;

const METHOD: HeaderName = HeaderName::from_static("x-original-method");
const URL: HeaderName = HeaderName::from_static("x-original-url");
const HOST: HeaderName = HeaderName::from_static("x-original-host");
const CLIENT: HeaderName = HeaderName::from_static("x-original-client");

const READ_HERE: [HeaderName; 4] = [METHOD, URL, HOST, CLIENT];

/// The dialect.
#[derive(Debug)]
pub(super) struct AuthRequest {
    believed: Believed,
    /// Headers that are read here, and are nobody's identity.
    read_here: Vec<HeaderName>,
}

impl AuthRequest {
    pub(super) fn new(believed: Believed) -> Self {
        Self {
            read_here: believed.read_here(&READ_HERE),
            believed,
        }
    }
}

impl Integration for AuthRequest {
    fn read(&self, head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        let path = head.uri.path();
        let mut headers = head.headers;
        let asked = match path {
            DECIDE => Some(Purpose::Decide),
            ANSWER => Some(Purpose::Answer {
                refused: headers.remove(REFUSAL).is_some_and(|id| !id.is_empty()),
            }),
            own if context.routes.has_own_page(own) => None,
            _ => return Err(Unread::NotFound),
        };
        if self.believed.peers.trust(context.peer, &headers).is_none() {
            return Err(Unreadable::new(
                UnreadableReason::UntrustedPeer,
                format!("{:?}", context.peer.address),
            )
            .into());
        }
        if let Some(name) = self.believed.peers.secret_header() {
            headers.remove(name);
        }
        refuse_doubled(&headers, &[AUTHORIZATION, COOKIE])?;
        let [method, url, chosen, client] = each_once(&headers, &READ_HERE)?;
        let method = judge_method(method)?;
        let (scheme, authority, target) = split_url(url)?;
        let (scheme, host) = (Scheme::judge(scheme)?, Host::judge(authority)?);
        // Letter for letter the same is the same host, and nearly always so.
        if chosen != authority && Host::judge(chosen)?.name() != host.name() {
            let chosen = Host::judge(chosen)?;
            let detail = format!(
                "the URL says {}, the proxy chose its server by {}",
                host.name(),
                chosen.name()
            );
            return Err(Unreadable::new(UnreadableReason::HostMismatch, detail).into());
        }
        let client = client_address(client)?;
        let (target, purpose) = match asked {
            Some(purpose) => (guarded_target(target)?, purpose),
            None => own_page(target, path, &host, context)?,
        };
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
        Reply::Respond(match (question.purpose, decision) {
            (Purpose::Decide, Decision::Allow(permit)) => answer::allow(&question.request, &permit)
                .unwrap_or_else(|words| answer::to_sub_request(&words)),
            (Purpose::Decide, decision) => answer::to_sub_request(&words_for(&question.request, &decision)),
            (Purpose::Answer { refused }, Decision::Allow(permit)) => {
                match answer::allow(&question.request, &permit) {
                    Ok(_) => answer::allowed_after_all(&question.request, refused),
                    Err(words) => answer::to_client(&words),
                }
            }
            (Purpose::Whoami, Decision::Allow(permit)) => whoami::render(&question.request, &permit),
            (Purpose::Answer { .. } | Purpose::Forward | Purpose::Whoami | Purpose::Own(_), decision) => {
                answer::to_client(&words_for(&question.request, &decision))
            }
        })
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        refuse(unread, asker)
    }

    fn is_sub_request(&self, path: &str) -> bool {
        path == DECIDE
    }
}

/// `scheme://authority` and the target as the client sent it.
fn split_url(url: &str) -> Result<(&str, &str, &str), Unreadable> {
    let malformed = || Unreadable::new(UnreadableReason::HeaderMalformed, URL.as_str());
    let colon = url.bytes().position(|byte| byte == b':');
    let (scheme, rest) = colon
        .and_then(|colon| url.split_at_checked(colon))
        .ok_or_else(malformed)?;
    let rest = rest.strip_prefix("://").ok_or_else(malformed)?;
    let end = rest
        .bytes()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'))
        .unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).ok_or_else(malformed)?;
    Ok((scheme, authority, target))
}

/// nginx's `$remote_addr`: an address, or `unix:` where the client came by a unix socket.
fn client_address(text: &str) -> Result<Option<IpAddr>, Unreadable> {
    if text == "unix:" {
        return Ok(None);
    }
    let address = text.parse::<IpAddr>().map(|address| Some(address.to_canonical()));
    address.map_err(|_| Unreadable::new(UnreadableReason::HeaderMalformed, CLIENT.as_str()))
}
