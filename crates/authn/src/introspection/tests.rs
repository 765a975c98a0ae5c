//! Opaque tokens: which are asked about, how often, and what the answers mean.

use super::*;
use crate::dice::Zeros;
use crate::keys::Offline;
use crate::kinds::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_core::reason::UnavailableReason;
use countersign_core::request::{Forwarder, RequestId};
use countersign_core::time::{Monotonic, Timestamp};
use http::{HeaderMap, Method, Request, Response};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

mod building;
mod floods;

const WALL: i64 = 1_893_456_000;

/// An issuer that answers what it is told to, and nothing while it is held.
#[derive(Debug)]
struct Issuer {
    answers: Mutex<Vec<(u16, String)>>,
    asked: Mutex<Vec<Request<Bytes>>>,
    held: AtomicBool,
    /// Whether it answers at the first look, rather than the second.
    at_once: AtomicBool,
    reachable: AtomicBool,
}

impl HttpClient for Issuer {
    fn send(
        &self,
        request: Request<Bytes>,
        _limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        self.asked.lock().unwrap().push(request);
        let mut looked = self.at_once.load(Ordering::Relaxed);
        Box::pin(std::future::poll_fn(move |context| {
            if !std::mem::replace(&mut looked, true) || self.held.load(Ordering::Relaxed) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.reachable.load(Ordering::Relaxed) {
                return Poll::Ready(Err(HttpError::Unreachable("refused".to_owned())));
            }
            let mut answers = self.answers.lock().unwrap();
            let (status, body) = if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            };
            let answer = Response::builder().status(status).header("retry-after", "9");
            Poll::Ready(Ok(answer.body(Bytes::from(body)).unwrap()))
        }))
    }
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

fn secret(value: &str) -> OptionValue {
    OptionValue::Secret(Secret::new(value.as_bytes().to_vec()))
}

fn seconds(value: u64) -> OptionValue {
    OptionValue::Duration(Duration::from_secs(value))
}

/// `[introspection.opaque]` of `https://op.test` for `api`, and `more`; a `None` takes an option away.
fn values(more: &[(&str, Option<OptionValue>)]) -> Values {
    let mut values = Values::default();
    values.insert("issuer", text("https://op.test"));
    values.insert("url", text("https://op.test/introspect"));
    values.insert("client_id", text("gw"));
    values.insert("client_secret", secret("s"));
    values.insert("audiences", OptionValue::List(vec![text("api")]));
    for (name, value) in more {
        values.take(name);
        if let Some(value) = value {
            values.insert(*name, value.clone());
        }
    }
    values
}

struct Bench {
    issuer: Arc<Issuer>,
    authenticator: Arc<dyn Authenticator>,
}

fn parts(http: Arc<dyn HttpClient>) -> Parts {
    Parts {
        http,
        ..crate::kinds::offline()
    }
}

impl Bench {
    fn new(answer: &str, more: &[(&str, Option<OptionValue>)]) -> Self {
        let issuer = Arc::new(Issuer {
            answers: Mutex::new(vec![(200, answer.to_owned())]),
            asked: Mutex::default(),
            held: AtomicBool::new(false),
            at_once: AtomicBool::new(true),
            reachable: AtomicBool::new(true),
        });
        let built = build("opaque", &values(more), &parts(issuer.clone())).unwrap();
        Self {
            issuer,
            authenticator: built.authenticator,
        }
    }

    fn says(&self, status: u16, answer: &str) {
        *self.issuer.answers.lock().unwrap() = vec![(status, answer.to_owned())];
    }

    fn asked(&self) -> usize {
        std::mem::take(&mut *self.issuer.asked.lock().unwrap()).len()
    }

    fn ask(&self, token: &str, at: u64) -> Outcome {
        self.ask_with(&request(&format!("Bearer {token}"), None), at)
    }

    fn ask_with(&self, request: &OriginalRequest, at: u64) -> Outcome {
        if let Some(outcome) = self.authenticator.try_now(request, now(at)) {
            return outcome;
        }
        let mut asked = self.authenticator.authenticate(request, now(at));
        match look(&mut asked) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("nobody holds the issuer"),
        }
    }
}

fn look<T>(future: &mut BoxFuture<'_, T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// So many seconds after midnight, by both clocks.
fn now(seconds: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(WALL).plus(Duration::from_secs(seconds)),
        monotonic: Monotonic::from_milliseconds(seconds * 1000),
    }
}

fn request(authorization: &str, client: Option<&str>) -> OriginalRequest {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    OriginalRequest {
        id: RequestId(1),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("api.test").unwrap(),
        target: Target::judge("/").unwrap(),
        client: client.map(|client| client.parse().unwrap()),
        headers,
        forwarder: Forwarder::Us,
        certificate: ClientCertificate::default(),
    }
}

const ANN: &str = r#"{"active":true,"iss":"https://op.test","aud":["api"],"sub":"ann","exp":1893456300,
    "scope":"read write","groups":["staff"],"token_type":"Bearer"}"#;
const NOBODY: &str = r#"{"active":false}"#;

fn reason(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Authenticated(..) => "authenticated",
        Outcome::Absent(_) => "absent",
        Outcome::Unclaimed(rejection) | Outcome::Rejected(rejection, _) => rejection.reason.code(),
        Outcome::Unavailable(unavailable) => unavailable.reason.code(),
    }
}

#[test]
fn an_active_token_proves_whom_the_issuer_says() {
    let bench = Bench::new(ANN, &[]);
    let Outcome::Authenticated(principal, _) = bench.ask("opaque-1", 0) else {
        panic!("it is active");
    };
    assert_eq!(
        (principal.subject(), &*principal.issuer),
        ("ann", "https://op.test")
    );
    assert_eq!(&*principal.authenticator, "introspection.opaque");
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(principal.groups().collect::<Vec<_>>(), ["staff"]);
    let asked = bench.issuer.asked.lock().unwrap();
    let [asked] = asked.as_slice() else {
        panic!("one question");
    };
    assert_eq!(asked.uri(), "https://op.test/introspect");
    assert_eq!(asked.body(), "token=opaque-1&token_type_hint=access_token");
    assert_eq!(asked.headers()["authorization"], "Basic Z3c6cw==");
}

#[test]
fn what_the_issuer_does_not_vouch_for_is_refused() {
    let check = |answer: &str, expected: &str| {
        let bench = Bench::new(answer, &[]);
        assert_eq!(reason(&bench.ask("t", 0)), expected, "{answer}");
    };
    check(NOBODY, "token_inactive");
    check(r#"{"active":true,"aud":"other","sub":"ann"}"#, "audience_wrong");
    check(r#"{"active":true,"sub":"ann"}"#, "claim_missing");
    check(r#"{"active":true,"aud":"api"}"#, "subject_missing");
    check(r#"{"active":true,"aud":"api","sub":""}"#, "subject_missing");
    check(r#"{"active":true,"aud":"api","sub":7}"#, "claim_type");
    check(r#"{"active":true,"aud":"api","sub":" ann"}"#, "claim_type");
    check(
        r#"{"active":true,"aud":"api","sub":"ann","iss":"https://other.test"}"#,
        "issuer_wrong",
    );
    check(
        r#"{"active":true,"aud":"api","sub":"ann","exp":1893455900}"#,
        "token_expired",
    );
    check(
        r#"{"active":true,"aud":"api","sub":"ann","token_use":"refresh_token"}"#,
        "token_type",
    );
    check(
        r#"{"active":true,"aud":"api","sub":"ann","cnf":{"jkt":"x"}}"#,
        "token_bound",
    );
    check(
        r#"{"active":"true","aud":"api","sub":"ann"}"#,
        "introspection_unreachable",
    );
    check("<html>", "introspection_unreachable");
}

#[test]
fn an_answer_is_remembered_for_a_while_and_never_past_the_tokens_end() {
    let bench = Bench::new(ANN, &[]);
    for at in [0, 1, 59] {
        assert_eq!(reason(&bench.ask("t", at)), "authenticated");
    }
    assert_eq!(bench.asked(), 1);
    bench.says(200, NOBODY);
    assert_eq!(reason(&bench.ask("t", 60)), "token_inactive", "it was taken back");
    assert_eq!(reason(&bench.ask("t", 69)), "token_inactive");
    assert_eq!(bench.asked(), 1);
    bench.says(200, ANN);
    assert_eq!(reason(&bench.ask("t", 70)), "authenticated");
    let bench = Bench::new(ANN, &[("cache", Some(seconds(3600)))]);
    assert_eq!(reason(&bench.ask("t", 290)), "authenticated");
    assert_eq!(reason(&bench.ask("t", 299)), "authenticated");
    assert_eq!(bench.asked(), 1);
    bench.says(200, NOBODY);
    assert_eq!(reason(&bench.ask("t", 300)), "token_inactive");
}

#[test]
fn a_remembered_answer_is_measured_by_the_calendar_again() {
    let bench = Bench::new(ANN, &[("cache", Some(seconds(3600)))]);
    assert_eq!(reason(&bench.ask("t", 0)), "authenticated");
    let later = Now {
        wall: Timestamp::from_seconds(WALL + 1000),
        ..now(1)
    };
    let request = request("Bearer t", None);
    let outcome = bench.authenticator.try_now(&request, later).unwrap();
    assert_eq!(reason(&outcome), "token_expired");
}

#[test]
fn without_a_cache_each_request_asks() {
    let none = Some(seconds(0));
    let bench = Bench::new(ANN, &[("cache", none.clone()), ("refused_cache", none)]);
    for _ in 0..3 {
        assert_eq!(reason(&bench.ask("t", 0)), "authenticated");
    }
    bench.says(200, NOBODY);
    for _ in 0..3 {
        assert_eq!(reason(&bench.ask("t", 0)), "token_inactive");
    }
    assert_eq!(bench.asked(), 6);
}

#[test]
fn no_token_is_answered_by_what_was_said_of_another() {
    let bench = Bench::new(ANN, &[]);
    assert_eq!(reason(&bench.ask("token-1", 0)), "authenticated");
    bench.says(200, NOBODY);
    for other in ["token-", "token-12", "Token-1", "token-2", "1"] {
        assert_eq!(reason(&bench.ask(other, 0)), "token_inactive", "{other}");
    }
    assert_eq!(reason(&bench.ask("token-1", 0)), "authenticated");
}

#[test]
fn two_tables_never_share_what_an_issuer_said() {
    let lives = answers::Lives {
        active: Duration::from_secs(1),
        refused: Duration::from_secs(1),
    };
    let name = |whose: &str| answers::Answers::new(whose, lives, &Zeros).name("t");
    assert!(name("a") == name("a") && name("a") != name("b"));
}

fn jwt(header: &str, payload: &str) -> String {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.AA", encode(header), encode(payload))
}

#[test]
fn a_jwt_is_another_ways_unless_it_is_asked_about_on_purpose() {
    let ours = jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"https://op.test"}"#);
    let others = jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"https://other.test"}"#);
    let unsigned = jwt(r#"{"alg":"none"}"#, r#"{"iss":"https://op.test"}"#);
    let nobodys = jwt(r#"{"alg":"RS256"}"#, "{}");
    let bench = Bench::new(ANN, &[]);
    for token in [&ours, &others, &unsigned, &nobodys] {
        let outcome = bench.ask(token, 0);
        assert!(matches!(outcome, Outcome::Unclaimed(_)), "{outcome:?}");
    }
    assert_eq!(bench.asked(), 0);
    let bench = Bench::new(ANN, &[("ask_about_jwts", Some(OptionValue::Bool(true)))]);
    assert_eq!(reason(&bench.ask(&ours, 0)), "authenticated");
    for token in [&others, &unsigned, &nobodys] {
        assert!(matches!(bench.ask(token, 0), Outcome::Unclaimed(_)));
    }
    assert_eq!(bench.asked(), 1);
    let opaque = ["a.b", "a.b.c", "a.b.c.d.e", "2YotnFZFEjr1zCsicMWpAA"];
    for token in opaque {
        assert_eq!(reason(&bench.ask(token, 0)), "authenticated", "{token}");
    }
}

#[test]
fn what_is_no_token_is_not_asked_about() {
    let bench = Bench::new(ANN, &[]);
    let outcome = |authorization: &str| bench.ask_with(&request(authorization, None), 0);
    assert_eq!(reason(&outcome("Basic YTpi")), "absent");
    for bad in ["Bearer ", "Bearer a b", "Bearer  a", "Bearer a,b", "Bearer <x>"] {
        assert_eq!(reason(&outcome(bad)), "authorization_malformed", "{bad}");
    }
    let long = format!("Bearer {}", "x".repeat(MAX_TOKEN_BYTES + 1));
    assert_eq!(reason(&outcome(&long)), "token_too_large");
    assert_eq!(bench.asked(), 0);
}

#[test]
fn the_second_of_a_routes_ways_to_ask_is_told() {
    let two = ["token.a", "introspection.a", "introspection.b"];
    assert_eq!(second(two), Some(2));
    let one = ["introspection.a", "token.introspection", "anonymous"];
    assert_eq!(second(one), None);
}
