//! Dialects: how the question is read and the answer written. Both are pure; statuses are chosen here and nowhere else.

use crate::body::Body;
use countersign_core::certificate::{ClientCertificate, Failure};
use countersign_core::decide::{Decision, Permit};
use countersign_core::gate::{Scheme, Unreadable};
use countersign_core::identity_headers::IdentityHeaders;
use countersign_core::own_path::OwnPage;
use countersign_core::peer::{Peer, TrustedPeers};
use countersign_core::request::{OriginalRequest, RequestId};
use countersign_core::route::{Route, RouteTable};
use countersign_core::time::Now;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use std::fmt;
use std::sync::Arc;

pub(crate) mod answer;
mod auth_request;
mod check;
mod fields;
mod forward_auth;
mod forwarded_certificate;
mod redirect;
mod reverse_proxy;

pub use forwarded_certificate::{CertificateFormat, ForwardedCertificate};

#[cfg(test)]
mod tests;

/// Where a decision listener is asked.
pub const DECIDE: &str = "/.countersign/decide";
/// Where it words the answer to a refused client.
pub const ANSWER: &str = "/.countersign/answer";
/// The header that refusals carry, and by which the answer page knows that we refused.
pub const REFUSAL: &str = "x-countersign-refusal";

/// What reading needs beside the head.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'a> {
    /// Who asks.
    pub peer: &'a Peer,
    /// Whether the connection is in the clear.
    pub scheme: Scheme,
    /// The certificate that was shown in the handshake, judged.
    pub certificate: &'a ClientCertificate,
    /// The name of this request.
    pub id: RequestId,
    /// What is stripped.
    pub identity: &'a IdentityHeaders,
    /// Where the gateway's own pages are.
    pub routes: &'a RouteTable,
    /// When it was asked.
    pub now: Now,
}

/// Whom a listener believes, and about what.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    /// The peers that may tell about the original request.
    pub peers: TrustedPeers,
    /// How they pass on the client's certificate, when they do.
    pub certificate: Option<ForwardedCertificate>,
}

/// Peers that pass no certificate on.
impl From<TrustedPeers> for Believed {
    fn from(peers: TrustedPeers) -> Self {
        Self {
            peers,
            certificate: None,
        }
    }
}

impl Believed {
    /// The client's certificate, as a trusted peer passed it on.
    fn certificate(&self, headers: &mut HeaderMap, now: Now) -> Result<ClientCertificate, Unreadable> {
        match &self.certificate {
            Some(forwarded) => forwarded.take(headers, now),
            None => Ok(ClientCertificate::default()),
        }
    }

    /// `names`, and the headers in which a certificate is passed on: those are read here, and no client's.
    fn read_here(&self, names: &[HeaderName]) -> Vec<HeaderName> {
        let more = self.certificate.iter().flat_map(ForwardedCertificate::headers);
        names.iter().cloned().chain(more).collect()
    }
}

/// Why the question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be told whether the request may pass: the answer is for the proxy that asks.
    Decide,
    /// To word the answer for a client that was refused. `refused` says that the proxy passed our refusal's id on.
    Answer {
        /// Whether we refused it before.
        refused: bool,
    },
    /// To be forwarded by us.
    Forward,
    /// To be told who is asking.
    Whoami,
    /// For another page of our own.
    Own(OwnPage),
}

impl Purpose {
    /// For this page of ours.
    const fn of(page: OwnPage) -> Self {
        match page {
            OwnPage::Whoami => Self::Whoami,
            OwnPage::Login
            | OwnPage::Callback
            | OwnPage::Logout
            | OwnPage::Session
            | OwnPage::Renew
            | OwnPage::BackchannelLogout
            | OwnPage::FrontchannelLogout
            | OwnPage::Jwks
            | OwnPage::Provider(_) => Self::Own(page),
        }
    }
}

/// The question as read.
#[derive(Debug)]
pub struct Question {
    /// What the client asked for.
    pub request: OriginalRequest,
    /// Why we are asked.
    pub purpose: Purpose,
    /// The endpoint that names the route, where the dialect has one; otherwise host, path and method do.
    pub endpoint: Option<Box<str>>,
}

/// Why there is no question.
#[derive(Clone, Debug)]
pub enum Unread {
    /// Nothing is served at this path.
    NotFound,
    /// The host serves nobody without a certificate that holds: why the one that was shown does not, if there was one.
    NoCertificate(Option<Failure>),
    /// It is to be asked at this URL.
    Elsewhere(HeaderValue),
    /// The question cannot be read.
    Unreadable(Unreadable),
}

impl From<Unreadable> for Unread {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

/// Who must be answered when there is no question, found out before reading.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The name of this request.
    pub id: RequestId,
    /// Whether a page is wanted rather than a problem.
    pub accepts_html: bool,
    /// Whether the answer is for the proxy's sub-request.
    pub sub_request: bool,
    /// Whether the request is a HEAD.
    pub head: bool,
}

/// What to do with the request.
#[derive(Debug)]
pub enum Reply {
    /// Answer with this.
    Respond(Response<Body>),
    /// Send it on: only a decided request can.
    Forward(Permit),
}

/// The reason code an answer speaks of: an extension of every response that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said(pub &'static str);

/// One dialect.
pub trait Integration: Send + Sync + fmt::Debug {
    /// Reads the question from the head alone; identity headers of the client are gone from it.
    fn read(&self, head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread>;

    /// Writes the answer. `route` is the one that governs, if there is one.
    fn write(&self, question: &Question, route: Option<&Route>, decision: Decision) -> Reply;

    /// Answers when there is no question.
    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body>;

    /// Whether answers at this path go to a proxy's sub-request.
    fn is_sub_request(&self, path: &str) -> bool;

    /// Whether bodies are carried. Where they are not, a question that announces one is answered with
    /// `Connection: close`.
    fn carries_bodies(&self) -> bool {
        false
    }
}

type Maker = fn(Believed) -> Arc<dyn Integration>;

/// The one list: the name in the configuration, and the maker.
const DIALECTS: &[(&str, Maker)] = &[
    ("auth-request", |believed| {
        Arc::new(auth_request::AuthRequest::new(believed))
    }),
    ("forward-auth", |believed| {
        Arc::new(forward_auth::ForwardAuth::new(believed))
    }),
    ("check", |_| Arc::new(check::Check)),
    ("reverse-proxy", |believed| {
        Arc::new(reverse_proxy::ReverseProxy::new(believed))
    }),
    ("redirect", |_| to_tls(Scheme::Https.default_port())),
];

/// The names of the dialects.
pub const NAMES: &[&str] = &[
    "auth-request",
    "forward-auth",
    "check",
    "reverse-proxy",
    "redirect",
];

/// The dialect called `name`, believing `believed`.
pub fn by_name(name: &str, believed: Believed) -> Option<Arc<dyn Integration>> {
    DIALECTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, make)| make(believed))
}

/// The dialect `redirect`, to this port.
pub fn to_tls(port: u16) -> Arc<dyn Integration> {
    Arc::new(redirect::Redirect::to(port))
}
