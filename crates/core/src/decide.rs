//! The decision: original request in, [`Decision`] out. There is no other.

use crate::authn::{Authenticator, Challenge, Effects, Outcome, Presented, Rejection, Unavailable};
use crate::certificate::Verdict;
use crate::policy::Unmet;
use crate::principal::{AuthenticationMethod as Method, Principal};
use crate::reason::{AnswerReason, RejectionReason};
use crate::request::OriginalRequest;
use crate::route::{ChallengeStyle, LoginDemand, Route};
use crate::time::Now;
use std::borrow::Cow;
use std::sync::Arc;

/// Proof that a request was allowed. Made by [`decide`] only; the upstream is reached with one in hand.
///
/// ```compile_fail,E0451
/// # use countersign_core::decide::Permit;
/// # fn forge(principal: std::sync::Arc<countersign_core::principal::Principal>,
/// #          route: std::sync::Arc<countersign_core::route::Route>) -> Permit {
/// Permit { principal, route, effects: Default::default(), certificate: Default::default() }
/// # }
/// ```
#[derive(Debug)]
pub struct Permit {
    principal: Arc<Principal>,
    route: Arc<Route>,
    effects: Effects,
    certificate: Verdict,
}

impl Permit {
    /// Who was let in.
    pub const fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// By which route.
    pub const fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// What became of the client's certificate, whoever was let in.
    pub const fn certificate(&self) -> &Verdict {
        &self.certificate
    }

    /// What the answer must do besides.
    pub const fn effects(&self) -> &Effects {
        &self.effects
    }
}

/// Nobody is logged in, or the credential does not hold: what went wrong and how to do better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was presented and does not hold; `None` when nothing was.
    pub rejection: Option<Rejection>,
    /// What the route asks of a login, where that is what was not met.
    pub demand: Option<LoginDemand>,
    /// Every way of the route, in its order.
    pub challenges: Vec<Challenge>,
    /// How the route wants to be answered for.
    pub style: ChallengeStyle,
    /// What the answer must do besides.
    pub effects: Effects,
}

impl Refusal {
    /// Whether certificates are the only ways that are asked for: those are shown in the handshake or not at all.
    pub fn only_certificates(&self) -> bool {
        !self.challenges.is_empty()
            && self.challenges.iter().all(|challenge| match challenge {
                Challenge::Bearer { .. } | Challenge::Login { .. } => false,
                Challenge::Certificate { .. } => true,
            })
    }

    /// Whether logging in is one of the ways.
    pub fn asks_login(&self) -> bool {
        self.challenges.iter().any(|challenge| match challenge {
            Challenge::Login { .. } => true,
            Challenge::Bearer { .. } | Challenge::Certificate { .. } => false,
        })
    }

    /// Where a page's script keeps its session from ending, where some login here leaves that to it.
    pub fn renew(&self) -> Option<&'static str> {
        self.challenges.iter().find_map(|challenge| match challenge {
            Challenge::Login { renew, .. } => *renew,
            Challenge::Bearer { .. } | Challenge::Certificate { .. } => None,
        })
    }

    /// The word for it, and what it means: what was wrong with the credential, or that there was none.
    pub fn reason(&self) -> (&'static str, &'static str) {
        let none = if self.only_certificates() {
            AnswerReason::CertificateRequired
        } else {
            AnswerReason::NoCredential
        };
        match &self.rejection {
            Some(rejection) => (rejection.reason.code(), rejection.reason.meaning()),
            None => (none.code(), none.meaning()),
        }
    }
}

/// The gateway's answer.
#[derive(Debug)]
pub enum Decision {
    /// Let it through.
    Allow(Permit),
    /// A credential is needed, or a better one.
    Challenge(Refusal),
    /// The principal is known and may not.
    Deny(Arc<Principal>, Unmet, Effects),
    /// It could not be decided, through no fault of the client.
    Unavailable(Unavailable),
    /// Nobody wrote a route for this: no entry.
    NoRoute,
}

/// Decides `request`, which `route` matched: asks its authenticators in order, then its requirement.
pub async fn decide(route: &Arc<Route>, request: &OriginalRequest, now: Now) -> Decision {
    if let Some(permit) = let_in_preflight(route, request, now) {
        return Decision::Allow(permit);
    }
    let mut effects = Effects::none();
    let mut failed: Option<Rejection> = None;
    let mut unclaimed: Option<Rejection> = None;
    let mut unclaimed_by: Vec<&dyn Authenticator> = Vec::new();
    for authenticator in &route.accept {
        // A stranger is let in only where nothing was shown, or what was shown held.
        if authenticator.is_anonymous() && (failed.is_some() || unclaimed.is_some()) {
            continue;
        }
        let outcome = match authenticator.try_now(request, now) {
            Some(outcome) => outcome,
            None => authenticator.authenticate(request, now).await,
        };
        match outcome {
            Outcome::Absent(more) => effects = effects.then(more),
            Outcome::Unclaimed(rejection) => match rejection.presented {
                // What a table says of its own issuer's token tells more than that another does not know the issuer.
                Presented::Explicit => {
                    unclaimed_by.push(&**authenticator);
                    unclaimed = unclaimed
                        .filter(|known| known.reason != RejectionReason::UnknownIssuer)
                        .or(Some(rejection));
                }
                Presented::Ambient => failed = failed.or(Some(rejection)),
            },
            // A token that the client chose to send is not passed over for another proof, or for a token sent elsewhere.
            Outcome::Authenticated(principal, _)
                if unclaimed.is_some()
                    && (principal.method != Method::Token
                        || unclaimed_by
                            .iter()
                            .any(|other| elsewhere(*other, &**authenticator))) =>
            {
                break;
            }
            Outcome::Authenticated(principal, more) => {
                let request = agreeing(request, &**authenticator, now);
                return and_also(route, &request, principal, effects.then(more), now).await;
            }
            Outcome::Rejected(rejection, more) => {
                effects = effects.then(more);
                if ends_the_search(&rejection) {
                    return refuse(route, request, Some(rejection), effects);
                }
                failed = failed.or(Some(rejection));
            }
            Outcome::Unavailable(unavailable) => return Decision::Unavailable(unavailable),
        }
    }
    refuse(route, request, unclaimed.or(failed), effects)
}

/// The request, in which the verdict on the certificate is that of `by`, who has let it in: whatever is told of the
/// certificate agrees with who was let in, also where the request came in by other judges.
fn agreeing<'r>(request: &'r OriginalRequest, by: &dyn Authenticator, now: Now) -> Cow<'r, OriginalRequest> {
    let told = request.certificate.verdict.judged();
    if told.is_some_and(|judged| judged.principal.authenticator == *by.name()) {
        return Cow::Borrowed(request);
    }
    let presented = request.certificate.presented.as_ref();
    let judged = by
        .certificate_judge()
        .zip(presented)
        .and_then(|(judge, presented)| judge.judge(presented, now).ok());
    let Some(judged) = judged else {
        return Cow::Borrowed(request);
    };
    let mut request = request.clone();
    request.certificate.verdict = Verdict::Success(judged);
    Cow::Owned(request)
}

/// Whether the two look for their credentials in places of which none is the same: what one saw is not what the other saw.
fn elsewhere(one: &dyn Authenticator, other: &dyn Authenticator) -> bool {
    let (one, other) = (one.credential_places(), other.credential_places());
    !one.is_empty() && !other.is_empty() && !one.iter().any(|place| other.contains(place))
}

/// Whether no other way is tried past this: a credential the client chose to send, or one that somebody took back.
fn ends_the_search(rejection: &Rejection) -> bool {
    let taken_back = matches!(
        rejection.reason,
        RejectionReason::CertificateRevoked | RejectionReason::CertificateDenied
    );
    taken_back || rejection.presented == Presented::Explicit
}

/// Asks for the second proofs of the route: one that is missing or does not hold refuses as if it were the only way.
async fn and_also(
    route: &Arc<Route>,
    request: &OriginalRequest,
    principal: Arc<Principal>,
    mut effects: Effects,
    now: Now,
) -> Decision {
    let mut request = Cow::Borrowed(request);
    for authenticator in &route.also {
        let outcome = match authenticator.try_now(&request, now) {
            Some(outcome) => outcome,
            None => authenticator.authenticate(&request, now).await,
        };
        let rejection = match outcome {
            Outcome::Authenticated(_, more) => {
                effects = effects.then(more);
                // One that held by whoever asked for it first stays told.
                if request.certificate.verdict.facts().is_none() {
                    request = Cow::Owned(agreeing(&request, &**authenticator, now).into_owned());
                }
                continue;
            }
            Outcome::Absent(more) => {
                effects = effects.then(more);
                None
            }
            Outcome::Unclaimed(rejection) => Some(rejection),
            Outcome::Rejected(rejection, more) => {
                effects = effects.then(more);
                Some(rejection)
            }
            Outcome::Unavailable(unavailable) => return Decision::Unavailable(unavailable),
        };
        return Decision::Challenge(Refusal {
            rejection,
            demand: None,
            challenges: authenticator.challenge(&request).into_iter().collect(),
            style: route.challenge,
            effects,
        });
    }
    authorize(route, &request, principal, effects, now)
}

/// A browser's question before a script's request bears no credential by design; what it may learn, the application says.
fn let_in_preflight(route: &Arc<Route>, request: &OriginalRequest, now: Now) -> Option<Permit> {
    let nobody = route.preflight.as_ref().filter(|_| request.is_preflight())?;
    match nobody.try_now(request, now) {
        Some(Outcome::Authenticated(principal, effects)) => Some(Permit {
            principal,
            route: Arc::clone(route),
            effects,
            certificate: Verdict::default(),
        }),
        Some(
            Outcome::Absent(_) | Outcome::Unclaimed(_) | Outcome::Rejected(..) | Outcome::Unavailable(_),
        )
        | None => None,
    }
}

fn authorize(
    route: &Arc<Route>,
    request: &OriginalRequest,
    principal: Arc<Principal>,
    effects: Effects,
    now: Now,
) -> Decision {
    if let Some(reason) = route.login.unmet(&principal, now) {
        let rejection = Rejection {
            reason,
            presented: Presented::Ambient,
            authenticator: Arc::clone(&principal.authenticator),
            detail: String::new(),
        };
        return Decision::Challenge(Refusal {
            demand: Some(route.login.clone()),
            ..refusal(route, request, Some(rejection), effects)
        });
    }
    match route.require.check(&principal, request) {
        Ok(()) => Decision::Allow(Permit {
            principal,
            route: Arc::clone(route),
            effects,
            certificate: request.certificate.verdict.clone(),
        }),
        Err(unmet) => Decision::Deny(principal, unmet, effects),
    }
}

fn refuse(
    route: &Route,
    request: &OriginalRequest,
    rejection: Option<Rejection>,
    effects: Effects,
) -> Decision {
    Decision::Challenge(refusal(route, request, rejection, effects))
}

fn refusal(
    route: &Route,
    request: &OriginalRequest,
    rejection: Option<Rejection>,
    effects: Effects,
) -> Refusal {
    let challenges = route
        .accept
        .iter()
        .filter_map(|authenticator| authenticator.challenge(request))
        .collect();
    Refusal {
        rejection,
        demand: None,
        challenges,
        style: route.challenge,
        effects,
    }
}
