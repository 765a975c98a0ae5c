//! The gateway as the reverse proxy.

use super::answer::{refuse, words_for};
use super::fields::{refuse_doubled, take_lines, take_one};
use super::{Asker, Believed, Integration, Purpose, Question, ReadContext, Reply, Unread, answer};
use crate::body::Body;
use crate::proxy::forwarded;
use crate::whoami;
use countersign_core::certificate::ClientCertificate;
use countersign_core::decide::Decision;
use countersign_core::gate::{Host, Scheme, Target, Unreadable, judge_method};
use countersign_core::own_path::is_own;
use countersign_core::peer::PeerAddress;
use countersign_core::reason::UnreadableReason;
use countersign_core::request::{Forwarder, OriginalRequest};
use countersign_core::route::Route;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri, Version};
use std::net::IpAddr;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The dialect.
#[derive(Debug)]
pub(super) struct ReverseProxy {
    believed: Believed,
}

impl ReverseProxy {
    pub(super) const fn new(believed: Believed) -> Self {
        Self { believed }
    }

    /// The client and its certificate: the peer's, or what a trusted peer tells of whom it speaks for.
    fn client(
        &self,
        head: &mut Parts,
        context: &ReadContext<'_>,
    ) -> Result<(Option<IpAddr>, ClientCertificate), Unreadable> {
        let Some(trusted) = self.believed.peers.trust(context.peer, &head.headers) else {
            let address = match context.peer.address {
                PeerAddress::Ip(address) => Some(address),
                PeerAddress::Unix => None,
            };
            return Ok((address, context.certificate.clone()));
        };
        // Whoever speaks for clients has shown its own certificate, not theirs.
        let certificate = self.believed.certificate(&mut head.headers, context.now)?;
        let malformed = || Unreadable::new(UnreadableReason::HeaderMalformed, FOR.as_str());
        let chain = take_lines(&mut head.headers, &FOR).ok_or_else(malformed)?;
        let lines = chain.iter().map(String::as_str).collect::<Vec<_>>();
        match self.believed.peers.client_behind(&trusted, &lines) {
            None if !lines.is_empty() => Err(malformed()),
            client => Ok((client, certificate)),
        }
    }
}

impl Integration for ReverseProxy {
    fn read(&self, mut head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        let method = judge_method(head.method.as_str())?;
        if head.version == Version::HTTP_2 {
            join_crumbs(&mut head.headers)?;
        }
        refuse_doubled(&head.headers, &[AUTHORIZATION, COOKIE, CONTENT_LENGTH])?;
        judge_coding(&head.headers)?;
        let host = host(&mut head, context.scheme)?;
        let target = Target::judge(target(&head.uri))?;
        let purpose = match context.routes.own_page(&host, target.path()) {
            Some(page) => Purpose::of(page),
            None if is_own(target.path()) => return Err(Unread::NotFound),
            None => Purpose::Forward,
        };
        if head.headers.contains_key(UPGRADE) {
            return Err(Unreadable::new(UnreadableReason::Upgrade, "upgrade").into());
        }
        let (client, certificate) = self.client(&mut head, context)?;
        let mut headers = head.headers;
        if let Some(name) = self.believed.peers.secret_header() {
            headers.remove(name);
        }
        forwarded::strip(&mut headers);
        for name in self.believed.read_here(&[]) {
            headers.remove(name);
        }
        context.identity.strip(&mut headers);
        let request = OriginalRequest {
            id: context.id,
            method,
            scheme: context.scheme,
            host,
            target,
            client,
            headers,
            forwarder: Forwarder::Us,
            certificate,
        };
        Ok(Question {
            request,
            purpose,
            endpoint: None,
        })
    }

    fn write(&self, question: &Question, _: Option<&Route>, decision: Decision) -> Reply {
        match decision {
            Decision::Allow(permit) if question.purpose == Purpose::Whoami => {
                Reply::Respond(whoami::render(&question.request, &permit))
            }
            Decision::Allow(permit) => Reply::Forward(permit),
            decision @ (Decision::Challenge(_)
            | Decision::Deny(..)
            | Decision::Unavailable(_)
            | Decision::NoRoute) => {
                Reply::Respond(answer::to_client(&words_for(&question.request, &decision)))
            }
        }
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        let mut response = refuse(unread, asker);
        let ends = match unread {
            Unread::NotFound | Unread::Elsewhere(_) => false,
            // Another certificate can be shown on another connection only.
            Unread::NoCertificate(_) => true,
            // Whoever sends what cannot be read is not listened to any further: what follows may be a part of it.
            Unread::Unreadable(unreadable) => unreadable.reason != UnreadableReason::Misdirected,
        };
        if ends {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }

    fn is_sub_request(&self, _: &str) -> bool {
        false
    }

    fn carries_bodies(&self) -> bool {
        true
    }
}

/// The one coding that can be taken off and put on again on the way: what is under another would arrive as if it were
/// under none (RFC 9112 section 6.1).
fn judge_coding(headers: &HeaderMap) -> Result<(), Unreadable> {
    refuse_doubled(headers, &[TRANSFER_ENCODING])?;
    let coding = headers.get(TRANSFER_ENCODING);
    if coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Ok(());
    }
    Err(Unreadable::new(
        UnreadableReason::HeaderMalformed,
        "transfer-encoding: only chunked can be passed on",
    ))
}

/// The host, from wherever the version of the protocol says it; where two places do, they must agree (RFC 9112 section
/// 3.2.2 would let the target win).
pub(super) fn host(head: &mut Parts, ours: Scheme) -> Result<Host, Unreadable> {
    let named = if head.version == Version::HTTP_2 && !head.headers.contains_key(HOST) {
        None
    } else {
        Some(Host::judge(&take_one(&mut head.headers, &HOST)?)?)
    };
    let Some(authority) = head.uri.authority() else {
        let missing = || Unreadable::new(UnreadableReason::HeaderMissing, ":authority");
        // In HTTP/2 it is asked for: Host alone is what a proxy makes of HTTP/1.1.
        return named
            .filter(|_| head.version != Version::HTTP_2)
            .ok_or_else(missing);
    };
    let Some(scheme) = head.uri.scheme_str() else {
        return Err(Unreadable::new(
            UnreadableReason::TargetMalformed,
            "the target is an authority",
        ));
    };
    if !scheme.eq_ignore_ascii_case(ours.as_str()) {
        return Err(Unreadable::new(
            UnreadableReason::SchemeUnknown,
            format!("the target's scheme is not {}", ours.as_str()),
        ));
    }
    let target = Host::judge(authority.as_str())?;
    let named = named.unwrap_or_else(|| target.clone());
    let agree = target.name() == named.name() && target.port_for(ours) == named.port_for(ours);
    if agree {
        Ok(named)
    } else {
        Err(Unreadable::new(
            UnreadableReason::HostMismatch,
            format!("the target says {target}, Host says {named}"),
        ))
    }
}

/// In HTTP/2 a client may send its cookies in several lines; they mean what they would in one (RFC 9113 section 8.2.3).
fn join_crumbs(headers: &mut HeaderMap) -> Result<(), Unreadable> {
    let crumbs = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let crumbs = crumbs.collect::<Vec<_>>();
    if crumbs.len() < 2 {
        return Ok(());
    }
    let joined = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice()))
        .map_err(|_| Unreadable::new(UnreadableReason::HeaderMalformed, COOKIE.as_str()))?;
    headers.insert(COOKIE, joined);
    Ok(())
}

/// The target in origin form.
pub(super) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("", |target| target.as_str())
}
