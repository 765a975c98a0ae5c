//! The decision, with authenticators that answer as they are told.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_core::BoxFuture;
use countersign_core::authn::{
    Authenticator, Challenge, Effects, Outcome, Presented, Rejection, Unavailable,
};
use countersign_core::certificate::ClientCertificate;
use countersign_core::claims::{ClaimPath, Claims, ClaimsBuilder};
use countersign_core::decide::{Decision, decide};
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::policy::{Named, Requirement};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::{RejectionReason, UnavailableReason};
use countersign_core::request::{Forwarder, OriginalRequest, RequestId};
use countersign_core::route::Route;
use countersign_core::time::{Monotonic, Now, Timestamp};
use http::{HeaderMap, Method};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Absent,
    Unclaimed,
    Yes,
    YesBySession,
    BadToken,
    BadCookie,
    Revoked,
    Down,
}

#[derive(Debug)]
struct Told(Arc<str>, Says, bool);

impl Authenticator for Told {
    fn name(&self) -> &Arc<str> {
        &self.0
    }

    fn is_anonymous(&self) -> bool {
        self.2
    }

    fn try_now(&self, _: &OriginalRequest, _: Now) -> Option<Outcome> {
        let rejection = |presented| Rejection {
            reason: RejectionReason::SignatureInvalid,
            presented,
            authenticator: Arc::clone(&self.0),
            detail: String::new(),
        };
        Some(match self.1 {
            Says::Absent => Outcome::Absent(Effects::none()),
            Says::Unclaimed => Outcome::Unclaimed(Rejection {
                reason: RejectionReason::UnknownIssuer,
                ..rejection(Presented::Explicit)
            }),
            Says::Yes => Outcome::Authenticated(Arc::new(principal(&self.0)), Effects::none()),
            Says::YesBySession => {
                let by_session = Principal {
                    method: AuthenticationMethod::Session,
                    ..principal(&self.0)
                };
                Outcome::Authenticated(Arc::new(by_session), Effects::none())
            }
            Says::BadToken => Outcome::Rejected(rejection(Presented::Explicit), Effects::none()),
            Says::BadCookie => Outcome::Rejected(rejection(Presented::Ambient), Effects::none()),
            Says::Revoked => Outcome::Rejected(
                Rejection {
                    reason: RejectionReason::CertificateRevoked,
                    ..rejection(Presented::Ambient)
                },
                Effects::none(),
            ),
            Says::Down => Outcome::Unavailable(Unavailable {
                reason: UnavailableReason::KeysUnreachable,
                authenticator: Arc::clone(&self.0),
                detail: String::new(),
                retry_after: Duration::from_secs(5),
            }),
        })
    }

    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.try_now(request, now)
                .unwrap_or(Outcome::Absent(Effects::none()))
        })
    }

    fn challenge(&self, _: &OriginalRequest) -> Option<Challenge> {
        (!self.2).then(|| Challenge::Bearer {
            authenticator: Arc::clone(&self.0),
        })
    }
}

fn principal(authenticator: &Arc<str>) -> Principal {
    let mut builder = ClaimsBuilder::default();
    builder.open_object().unwrap();
    builder.key("sub").unwrap();
    builder.string("ann").unwrap();
    builder.close().unwrap();
    let claims: Claims = builder.finish().unwrap();
    let groups = ClaimPath::parse("groups").unwrap();
    Principal {
        authenticator: Arc::clone(authenticator),
        method: AuthenticationMethod::Token,
        issuer: "https://op.test".into(),
        claims,
        written: countersign_core::identity_headers::Written::default(),
        tokens: None,
        facts: Arc::new(FactPaths {
            subject: ClaimPath::subject(),
            groups,
            trust_unverified_email: false,
            leeway: FactPaths::LEEWAY,
        }),
    }
}

fn decision(ways: &[Says], open: bool, require: Requirement) -> String {
    decision_also(ways, open, &[], require)
}

fn decision_also(ways: &[Says], open: bool, also: &[Says], require: Requirement) -> String {
    let told = |(index, says): (usize, &Says)| -> Arc<dyn Authenticator> {
        Arc::new(Told(format!("way.{index}").into(), *says, false))
    };
    let mut accept = ways.iter().enumerate().map(told).collect::<Vec<_>>();
    if open {
        accept.push(Arc::new(Told("anonymous".into(), Says::Yes, true)));
    }
    let route = Arc::new(Route {
        accept,
        also: also.iter().enumerate().map(told).collect(),
        require,
        ..Route::bare("test")
    });
    let request = OriginalRequest {
        id: RequestId(7),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("app.test").unwrap(),
        target: Target::judge("/").unwrap(),
        client: None,
        headers: HeaderMap::new(),
        forwarder: Forwarder::Us,
        certificate: ClientCertificate::default(),
    };
    let now = Now {
        wall: Timestamp::from_seconds(1_893_456_000),
        monotonic: Monotonic::default(),
    };
    let mut future = std::pin::pin!(decide(&route, &request, now));
    let Poll::Ready(decision) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        return "waits".into();
    };
    match decision {
        Decision::Allow(permit) => format!("allow {}", permit.principal().authenticator),
        Decision::Challenge(refusal) => {
            let reason = refusal
                .rejection
                .map_or("nothing", |rejection| rejection.reason.code());
            format!("challenge {reason} {}", refusal.challenges.len())
        }
        Decision::Deny(_, unmet, _) => format!("deny {}", unmet.reason.code()),
        Decision::Unavailable(unavailable) => format!("unavailable {}", unavailable.reason.code()),
        Decision::NoRoute => "no route".into(),
    }
}

#[test]
fn ways_are_asked_in_order_and_the_first_proof_counts() {
    let none = Requirement::default;
    assert_eq!(
        decision(&[Says::Absent, Says::Yes, Says::BadToken], false, none()),
        "allow way.1"
    );
    assert_eq!(
        decision(&[Says::Absent, Says::Absent], false, none()),
        "challenge nothing 2"
    );
    assert_eq!(decision(&[Says::Absent], true, none()), "allow anonymous");
    assert_eq!(decision(&[], false, none()), "challenge nothing 0");
}

#[test]
fn a_broken_token_is_not_passed_over() {
    assert_eq!(
        decision(&[Says::BadToken, Says::Yes], true, Requirement::default()),
        "challenge signature_invalid 2"
    );
}

#[test]
fn a_broken_cookie_lets_named_ways_be_tried_and_no_stranger_in() {
    assert_eq!(
        decision(&[Says::BadCookie, Says::Yes], true, Requirement::default()),
        "allow way.1"
    );
    assert_eq!(
        decision(&[Says::BadCookie, Says::Absent], true, Requirement::default()),
        "challenge signature_invalid 2"
    );
}

#[test]
fn a_token_nobody_claims_is_refused_even_on_an_open_route() {
    assert_eq!(
        decision(&[Says::Unclaimed, Says::Unclaimed], true, Requirement::default()),
        "challenge unknown_issuer 2"
    );
    assert_eq!(
        decision(&[Says::Unclaimed, Says::Yes], false, Requirement::default()),
        "allow way.1"
    );
}

#[test]
fn a_token_nobody_claims_is_not_passed_over_for_a_session() {
    let ways = [Says::Unclaimed, Says::YesBySession];
    assert_eq!(
        decision(&ways, false, Requirement::default()),
        "challenge unknown_issuer 2"
    );
}

#[test]
fn a_certificate_that_was_revoked_ends_the_search() {
    assert_eq!(
        decision(&[Says::Revoked, Says::Yes], true, Requirement::default()),
        "challenge certificate_revoked 2"
    );
}

#[test]
fn a_second_proof_is_asked_for_after_the_first_and_challenged_alone() {
    let check = |also: &[Says], expect: &str| {
        let ways = [Says::Absent, Says::Yes];
        assert_eq!(
            decision_also(&ways, false, also, Requirement::default()),
            expect,
            "{also:?}"
        );
    };
    check(&[Says::Yes], "allow way.1");
    check(&[Says::Yes, Says::Yes], "allow way.1");
    check(&[Says::Absent], "challenge nothing 1");
    check(&[Says::Yes, Says::Absent], "challenge nothing 1");
    check(&[Says::BadCookie], "challenge signature_invalid 1");
    check(&[Says::Revoked], "challenge certificate_revoked 1");
    check(&[Says::Unclaimed], "challenge unknown_issuer 1");
    check(&[Says::Down], "unavailable keys_unreachable");
    let first = decision_also(&[Says::Absent], false, &[Says::Yes], Requirement::default());
    assert_eq!(first, "challenge nothing 1", "the second alone is not enough");
}

#[test]
fn what_cannot_be_judged_ends_the_search() {
    assert_eq!(
        decision(&[Says::Down, Says::Yes], true, Requirement::default()),
        "unavailable keys_unreachable"
    );
}

#[test]
fn a_principal_that_does_not_meet_the_requirement_is_denied() {
    let ann = |authenticator: Option<&str>| Named {
        authenticator: authenticator.map(Into::into),
        name: "ann".into(),
    };
    let only = |named| Requirement {
        subjects: vec![named],
        ..Requirement::default()
    };
    assert_eq!(decision(&[Says::Yes], false, only(ann(None))), "allow way.0");
    assert_eq!(
        decision(&[Says::Yes], false, only(ann(Some("way.0")))),
        "allow way.0"
    );
    assert_eq!(
        decision(&[Says::Yes], false, only(ann(Some("way.1")))),
        "deny subject_unmet"
    );
    let not = Requirement {
        not_subjects: vec![ann(None)],
        ..only(ann(None))
    };
    assert_eq!(decision(&[Says::Yes], false, not), "deny excluded");
    let group = Requirement {
        groups: vec![ann(None)],
        ..Requirement::default()
    };
    assert_eq!(decision(&[Says::Yes], false, group), "deny group_unmet");
}
