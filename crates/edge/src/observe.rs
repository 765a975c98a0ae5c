//! What a request leaves behind: one line and a few counts. Never a token, cookie or secret.

use crate::body::Body;
use crate::errands::Done;
use crate::integration::{Said, Unread};
use crate::log::{Format, Log};
use crate::metrics::{Counted, Metrics};
use crate::proxy::ProxyFailure;
use countersign_core::decide::Decision;
use countersign_core::peer::{Peer, PeerAddress};
use countersign_core::principal::Principal;
use countersign_core::reason::AnswerReason;
use countersign_core::request::{OriginalRequest, RequestId};
use countersign_core::route::Route;
use countersign_core::time::Now;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use line::Line;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

mod line;

/// Stands for a route or authenticator that there is none of.
const NONE: &str = "-";
/// What is noted about one request on its way.
#[derive(Debug)]
pub struct Observation {
    /// The name of the request.
    pub id: RequestId,
    began: Now,
    traceparent: Option<Box<str>>,
    method: Option<Method>,
    place: Option<(Box<str>, Box<str>)>,
    client: Option<IpAddr>,
    route: Option<Arc<Route>>,
    authenticator: Option<Arc<str>>,
    principal: Option<Arc<Principal>>,
    outcome: &'static str,
    reason: &'static str,
    detail: String,
    wants_line: bool,
}

/// Writes lines and counts.
#[derive(Debug)]
pub struct Observer {
    log: Arc<Log>,
    metrics: Arc<Metrics>,
    none: Arc<str>,
}

impl Observation {
    /// Begins with what can be told from the head.
    pub fn new(id: RequestId, began: Now, head: &Parts, wants_line: bool) -> Self {
        let traceparent = if wants_line {
            head.headers.get("traceparent")
        } else {
            None
        };
        let traceparent = traceparent
            .and_then(|value| value.to_str().ok())
            .filter(is_traceparent);
        Self {
            id,
            began,
            traceparent: traceparent.map(Into::into),
            method: None,
            place: None,
            client: None,
            route: None,
            authenticator: None,
            principal: None,
            outcome: "unreadable",
            reason: AnswerReason::NotFound.code(),
            detail: String::new(),
            wants_line,
        }
    }

    /// When it began: the `now` of everything about this request.
    pub const fn began(&self) -> Now {
        self.began
    }

    /// What happened, where nothing better is known.
    pub const fn outcome(&mut self, outcome: &'static str, reason: &'static str) {
        self.outcome = outcome;
        self.reason = reason;
    }

    /// The request that was read. The query is left out: tokens travel there.
    pub(crate) fn asked(&mut self, request: &OriginalRequest) {
        if self.wants_line {
            self.method = Some(request.method.clone());
            self.place = Some((request.host.name().into(), request.target.path().into()));
            self.client = request.client;
        }
    }

    /// There was no question.
    pub(crate) fn unread(&mut self, unread: &Unread) {
        match unread {
            Unread::NotFound => self.outcome("not_found", AnswerReason::NotFound.code()),
            Unread::Elsewhere(_) => self.outcome("redirect", AnswerReason::OverTls.code()),
            Unread::NoCertificate(None) => {
                self.outcome("challenge", AnswerReason::CertificateRequired.code());
            }
            Unread::NoCertificate(Some(failure)) => {
                self.outcome("challenge", failure.rejection.reason.code());
                self.detail.clone_from(&failure.rejection.detail);
                self.authenticator = Some(Arc::clone(&failure.rejection.authenticator));
            }
            Unread::Unreadable(unreadable) => {
                self.outcome("unreadable", unreadable.reason.code());
                self.detail.clone_from(&unreadable.detail);
            }
        }
    }

    /// An allowed request may be refused after all, for a reason of the dialect's: then its answer says so.
    pub(crate) fn answered(&mut self, answer: &Response<Body>) {
        if let Some(Said(reason)) = answer.extensions().get()
            && self.reason == AnswerReason::Allowed.code()
        {
            let told = *reason == AnswerReason::Whoami.code();
            self.outcome(if told { "allow" } else { "deny" }, reason);
        }
    }

    /// A browser's errand is done.
    pub(crate) fn done(&mut self, done: &Done) {
        self.outcome(done.outcome, done.reason);
        self.detail.clone_from(&done.detail);
    }

    /// The application failed.
    pub(crate) fn failed(&mut self, failure: &ProxyFailure) {
        self.outcome("upstream", failure.reason.code());
        self.detail.clone_from(&failure.detail);
    }

    /// The decision.
    pub(crate) fn decided(&mut self, route: Option<&Arc<Route>>, decision: &Decision) {
        self.route = route.cloned();
        match decision {
            Decision::Allow(permit) => {
                self.outcome("allow", AnswerReason::Allowed.code());
                self.authenticator = Some(Arc::clone(&permit.principal().authenticator));
                self.principal = Some(Arc::clone(permit.principal()));
            }
            Decision::Challenge(refusal) => match &refusal.rejection {
                None => self.outcome("challenge", refusal.reason().0),
                Some(rejection) => {
                    self.outcome("challenge", rejection.reason.code());
                    self.detail.clone_from(&rejection.detail);
                    self.authenticator =
                        Some(Arc::clone(&rejection.authenticator)).filter(|name| !name.is_empty());
                }
            },
            Decision::Deny(principal, unmet, _) => {
                self.outcome("deny", unmet.reason.code());
                self.detail.clone_from(&unmet.detail);
                self.authenticator = Some(Arc::clone(&principal.authenticator));
                self.principal = Some(Arc::clone(principal));
            }
            Decision::Unavailable(unavailable) => {
                self.outcome("unavailable", unavailable.reason.code());
                self.detail.clone_from(&unavailable.detail);
                self.authenticator = Some(Arc::clone(&unavailable.authenticator));
            }
            Decision::NoRoute => self.outcome("no_route", AnswerReason::NoRoute.code()),
        }
    }
}

impl Observer {
    /// Writes to `log` and counts in `metrics`.
    pub fn new(log: Arc<Log>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            log,
            metrics,
            none: NONE.into(),
        })
    }

    /// The figures.
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The log.
    pub const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The request is answered with `status`, so long after it began.
    pub fn observe(&self, observation: &Observation, status: StatusCode, peer: &Peer, took: Duration) {
        let counted = Counted {
            route: observation.route.as_ref().map_or(&self.none, |route| &route.name),
            authenticator: observation.authenticator.as_ref().unwrap_or(&self.none),
            outcome: observation.outcome,
            reason: observation.reason,
        };
        self.metrics.decision(&counted, took.as_secs_f64());
        if observation.wants_line {
            self.log
                .line(line(observation, status, peer, took, self.log.format()));
        }
    }
}

fn line(
    observation: &Observation,
    status: StatusCode,
    peer: &Peer,
    took: Duration,
    format: Format,
) -> String {
    let (host, path) = observation
        .place
        .as_ref()
        .map_or(("", ""), |(host, path)| (&**host, &**path));
    let mut line = Line::new(format);
    line.bare("time", format_args!("{}", observation.began.wall.plus(took)));
    line.text("outcome", observation.outcome);
    line.text("reason", observation.reason);
    line.bare("status", format_args!("{}", status.as_u16()));
    line.text("method", observation.method.as_ref().map_or("", Method::as_str));
    line.text("host", host);
    line.text("path", path);
    line.text(
        "route",
        observation.route.as_ref().map_or("", |route| &route.name),
    );
    line.text(
        "authenticator",
        observation.authenticator.as_deref().unwrap_or(""),
    );
    line.text(
        "subject",
        observation
            .principal
            .as_ref()
            .map_or("", |principal| principal.subject()),
    );
    if let Some(client) = observation.client {
        line.bare("client", format_args!("{client}"));
    }
    match peer.address {
        PeerAddress::Ip(address) => line.bare("peer", format_args!("{address}")),
        PeerAddress::Unix => line.text("peer", "unix"),
    }
    line.bare("ms", format_args!("{}", took.as_millis()));
    line.bare("request_id", format_args!("{}", observation.id));
    line.text("traceparent", observation.traceparent.as_deref().unwrap_or(""));
    line.text("detail", &observation.detail);
    line.finish()
}

/// Version, trace id, parent id and flags in lower-case hex, neither id nothing but zeros (W3C Trace Context section
/// 3.2).
fn is_traceparent(text: &&str) -> bool {
    let hex = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let named = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = text.split('-');
    match (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) {
        (Some(version), Some(trace), Some(parent), Some(flags), None) => {
            let lengths = [version.len(), trace.len(), parent.len(), flags.len()] == [2, 32, 16, 2];
            let all_hex = [version, trace, parent, flags].into_iter().all(hex);
            lengths && all_hex && version != "ff" && named(trace) && named(parent)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
