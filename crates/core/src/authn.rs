//! One way of proving who you are, as seen by the decision.

use crate::BoxFuture;
use crate::certificate::CertificateJudge;
use crate::credential_place::CredentialPlace;
use crate::own_path::OwnPage;
use crate::principal::Principal;
use crate::reason::{RejectionReason, UnavailableReason};
use crate::request::OriginalRequest;
use crate::time::Now;
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What an answer must do besides answering: cookies to set or clear, as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Whole `Set-Cookie` values, in order.
    pub cookies: Vec<HeaderValue>,
}

impl Effects {
    /// Nothing to do.
    pub const fn none() -> Self {
        Self { cookies: Vec::new() }
    }

    /// These and then `others`.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        for cookie in others.cookies {
            // Two logins that share a cookie both forget it.
            if !self.cookies.contains(&cookie) {
                self.cookies.push(cookie);
            }
        }
        self
    }
}

/// How the credential came: whether the client chose to send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// A token the client put into this request. When it does not hold, the search ends.
    Explicit,
    /// A certificate or cookie that a browser sends unasked. When it does not hold, it proves nothing, and the route's
    /// other named ways are tried.
    Ambient,
}

/// A credential was presented and does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why, safe to tell.
    pub reason: RejectionReason,
    /// How the credential came.
    pub presented: Presented,
    /// Who judged it, as the configuration names it. Empty when nobody claimed it.
    pub authenticator: Arc<str>,
    /// For the log: what came and what was wanted. Never the credential.
    pub detail: String,
}

/// The credential could not be judged, through no fault of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Why, safe to tell.
    pub reason: UnavailableReason,
    /// Who could not judge.
    pub authenticator: Arc<str>,
    /// For the log: the cause.
    pub detail: String,
    /// When asking again makes sense.
    pub retry_after: Duration,
}

/// What an authenticator found.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nothing here is mine: no credential of this kind.
    Absent(Effects),
    /// A credential of my kind is here and I do not claim it: another issuer's, or nobody's. The rejection stands when
    /// no other authenticator of the route claims it.
    Unclaimed(Rejection),
    /// The credential presented proves this principal.
    Authenticated(Arc<Principal>, Effects),
    /// A credential of mine was presented and does not hold.
    Rejected(Rejection, Effects),
    /// The credential could not be judged, through no fault of the client.
    Unavailable(Unavailable),
}

/// How to ask the client for a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// `WWW-Authenticate: Bearer` (RFC 6750 section 3).
    Bearer {
        /// Who asks, as the configuration names it.
        authenticator: Arc<str>,
    },
    /// A login: a browser is sent to the gateway's own page for it, and on to the provider.
    Login {
        /// Who asks, as the configuration names it.
        authenticator: Arc<str>,
        /// Where a page's script keeps its session from ending, where that is the script's to do: a path of ours.
        renew: Option<&'static str>,
    },
    /// A TLS client certificate: it is asked for in the handshake, so that all an answer can do is to say so.
    Certificate {
        /// Who asks, as the configuration names it.
        authenticator: Arc<str>,
    },
}

/// One way of proving who you are.
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// The name in the configuration: `token.services`, `anonymous`.
    fn name(&self) -> &Arc<str>;

    /// Whether this lets in whoever comes, without a credential. Such a way is never reached past a credential that
    /// failed.
    fn is_anonymous(&self) -> bool {
        false
    }

    /// The answer, when it can be given without waiting for anything. Asked first.
    fn try_now(&self, request: &OriginalRequest, now: Now) -> Option<Outcome>;

    /// Looks for this kind of credential and judges the one it finds. Asked when [`Authenticator::try_now`] had no
    /// answer.
    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome>;

    /// The places this one reads a credential from: kept out of the log, cut from what goes upstream where the route
    /// says so, and from the query always.
    fn credential_places(&self) -> &[CredentialPlace] {
        &[]
    }

    /// The judge of certificates that this one asks, when certificates are its credentials.
    fn certificate_judge(&self) -> Option<Arc<dyn CertificateJudge>> {
        None
    }

    /// Pages of the gateway's own that this one has at other paths than the usual, on every host where a route names it.
    fn own_pages(&self) -> &[(Box<str>, OwnPage)] {
        &[]
    }

    /// How to ask the client for this kind of credential; `None` when asking is no use.
    fn challenge(&self, request: &OriginalRequest) -> Option<Challenge>;
}
