use super::*;
use crate::keys::{KeyLocation, KeySetFactory, KeySettings, StaticKeys};
use crate::kinds::Parts;
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::options::{OptionValue, Values};
use countersign_core::reason::UnavailableReason;
use countersign_core::request::{Forwarder, RequestId};
use countersign_core::secret::Secret;
use countersign_core::time::{Monotonic, Timestamp};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::KeySet;
use countersign_jose::key::Thumbprint;
use countersign_jose::sign::SigningKey;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

mod attacks;
mod building;

const ISSUER: &str = "https://op.test";
const WALL: i64 = 1_893_456_000;

/// A key set that the test moves.
#[derive(Debug, Default)]
struct Moved {
    keys: Mutex<KeySet>,
    unavailable: Mutex<Option<UnavailableReason>>,
    opened: Mutex<Vec<KeyLocation>>,
    waited: Mutex<usize>,
}

#[derive(Debug)]
struct Factory(Arc<Moved>);

impl KeySetFactory for Factory {
    fn open(&self, location: &KeyLocation, _settings: &KeySettings) -> Arc<dyn Keys> {
        self.0.opened.lock().unwrap().push(location.clone());
        Arc::clone(&self.0) as Arc<dyn Keys>
    }
}

impl Keys for Moved {
    fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, now: Now) -> Lookup {
        if self.unavailable.lock().unwrap().is_some() {
            return Lookup::Fetch;
        }
        StaticKeys::new(self.keys.lock().unwrap().clone()).lookup_now(kid, algorithm, now)
    }

    fn lookup<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm, now: Now) -> BoxFuture<'a, Answer> {
        *self.waited.lock().unwrap() += 1;
        let answer = self
            .unavailable
            .lock()
            .unwrap()
            .map(|reason| Answer::Unavailable {
                reason,
                detail: "down".into(),
                retry_after: Duration::from_secs(7),
            });
        Box::pin(async move {
            if let Some(answer) = answer {
                return answer;
            }
            let keys = StaticKeys::new(self.keys.lock().unwrap().clone());
            keys.lookup(kid, algorithm, now).await
        })
    }

    fn holds(&self, thumbprint: Thumbprint, _now: Now) -> bool {
        self.unavailable.lock().unwrap().is_none() && self.keys.lock().unwrap().holds(thumbprint)
    }
}

struct Bench {
    parts: Parts,
    moved: Arc<Moved>,
    key: SigningKey,
}

impl Bench {
    fn new() -> Self {
        let moved = Arc::new(Moved::default());
        let parts = Parts {
            keys: Arc::new(Factory(Arc::clone(&moved))),
            ..crate::kinds::offline()
        };
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        *moved.keys.lock().unwrap() = keys_of(&[(&key, "k1")]);
        Self { parts, moved, key }
    }

    fn build(&self, more: &[(&str, OptionValue)]) -> BearerJwt {
        self.build_named("services", ISSUER, "api", more)
    }

    fn build_named(
        &self,
        name: &str,
        issuer: &str,
        audience: &str,
        more: &[(&str, OptionValue)],
    ) -> BearerJwt {
        let mut values = Values::default();
        values.insert("issuer", text(issuer));
        values.insert("audiences", texts(&[audience]));
        for (name, value) in more {
            values.insert(*name, value.clone());
        }
        build_token(name, &values, &self.parts).unwrap().0
    }

    fn token(&self, payload: &str) -> String {
        self.key.sign(r#""kid":"k1""#, payload.as_bytes()).unwrap()
    }
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

fn texts(values: &[&str]) -> OptionValue {
    OptionValue::List(values.iter().map(|value| text(value)).collect())
}

fn keys_of(keys: &[(&SigningKey, &str)]) -> KeySet {
    let keys = keys
        .iter()
        .map(|(key, kid)| key.public_jwk(kid).unwrap())
        .collect::<Vec<_>>();
    KeySet::parse(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes())
        .unwrap()
        .0
}

fn now_at(wall: i64, monotonic: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(wall),
        monotonic: Monotonic::from_milliseconds(monotonic * 1000),
    }
}

fn now() -> Now {
    now_at(WALL, 1000)
}

/// The good payload with members replaced, added, or (with an empty value) removed.
fn payload(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("iss", "\"https://op.test\""),
        ("sub", "\"ann\""),
        ("aud", "\"api\""),
        ("exp", "1893456300"),
    ];
    for change in changes {
        members.retain(|(name, _)| *name != change.0);
        if !change.1.is_empty() {
            members.push(*change);
        }
    }
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect::<Vec<_>>();
    format!("{{{}}}", members.join(","))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn request(headers: &[(&str, &str)], target: &str) -> OriginalRequest {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    OriginalRequest {
        id: RequestId(1),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("api.example").unwrap(),
        target: Target::judge(target).unwrap(),
        client: None,
        headers: map,
        forwarder: Forwarder::Another,
        certificate: ClientCertificate::default(),
    }
}

/// What became of it, in a word or two.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Absent(_) => "absent".to_owned(),
        Outcome::Authenticated(principal, _) => format!("ok {}", principal.subject()),
        Outcome::Unclaimed(rejection) => format!("unclaimed {}", rejection.reason.code()),
        Outcome::Rejected(rejection, _) => format!("rejected {}", rejection.reason.code()),
        Outcome::Unavailable(unavailable) => format!("unavailable {}", unavailable.reason.code()),
    }
}

fn judge(authenticator: &BearerJwt, token: &str, now: Now) -> String {
    word(&block_on(authenticator.judge_token(token, now)))
}

#[test]
fn a_good_token_proves_its_subject() {
    let bench = Bench::new();
    let token = bench.token(&payload(&[
        ("groups", r#"["ops","dev"]"#),
        ("scope", "\"read write\""),
    ]));
    let authenticator = bench.build(&[]);
    assert_eq!(&**authenticator.name(), "token.services");
    let outcome = authenticator.try_now(
        &request(&[("authorization", &format!("Bearer {token}"))], "/"),
        now(),
    );
    let Some(Outcome::Authenticated(principal, effects)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(effects, Effects::none());
    assert_eq!(
        (&*principal.authenticator, &*principal.issuer),
        ("token.services", ISSUER)
    );
    assert_eq!(principal.subject(), "ann");
    assert_eq!(principal.groups().collect::<Vec<_>>(), ["ops", "dev"]);
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(principal.method, AuthenticationMethod::Token);
}

#[test]
fn groups_are_found_under_the_path_that_is_named() {
    let bench = Bench::new();
    let token = bench.token(&payload(&[("realm_access", r#"{"roles":["ops"]}"#)]));
    let authenticator = bench.build(&[("groups_claim", text("realm_access.roles"))]);
    let outcome = block_on(authenticator.judge_token(&token, now()));
    let Outcome::Authenticated(principal, _) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(principal.groups().collect::<Vec<_>>(), ["ops"]);
}

#[test]
fn no_credential_is_absent_and_is_asked_for() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for headers in [
        vec![],
        vec![("authorization", "Basic YTpi")],
        vec![("cookie", "at=a.b.c")],
    ] {
        let request = request(&headers, "/?token=a.b.c");
        assert_eq!(word(&authenticator.try_now(&request, now()).unwrap()), "absent");
        assert_eq!(
            word(&block_on(authenticator.authenticate(&request, now()))),
            "absent"
        );
        let challenge = authenticator.challenge(&request).unwrap();
        assert_eq!(
            challenge,
            Challenge::Bearer {
                authenticator: "token.services".into()
            }
        );
    }
    assert_eq!(
        authenticator.credential_places(),
        [CredentialPlace::Header(AUTHORIZATION)]
    );
}

#[test]
fn a_token_in_a_cookie_is_ambient() {
    let bench = Bench::new();
    let authenticator = bench.build(&[("cookie", text("at"))]);
    let expired = bench.token(&payload(&[("exp", "1893455000")]));
    let request = request(&[("cookie", &format!("at={expired}"))], "/");
    let Some(Outcome::Rejected(rejection, _)) = authenticator.try_now(&request, now()) else {
        panic!("not rejected");
    };
    assert_eq!(rejection.presented, Presented::Ambient);
    assert_eq!(rejection.reason, RejectionReason::TokenExpired);
}

/// Section 6: claimed by `iss`, and by `aud` where two share an issuer.
#[test]
fn a_token_is_claimed_by_its_issuer_and_audience() {
    let bench = Bench::new();
    let api = bench.build_named("api", ISSUER, "api", &[]);
    let web = bench.build_named("web", ISSUER, "web", &[]);
    let other = bench.build_named("other", "https://op.test/", "api", &[]);
    let token = bench.token(&payload(&[]));
    assert_eq!(judge(&api, &token, now()), "ok ann");
    assert_eq!(judge(&web, &token, now()), "unclaimed audience_wrong");
    assert_eq!(judge(&other, &token, now()), "unclaimed unknown_issuer");
    let both = bench.token(&payload(&[("aud", r#"["web","api"]"#)]));
    assert_eq!(judge(&api, &both, now()), "ok ann");
    assert_eq!(judge(&web, &both, now()), "ok ann");
    let Outcome::Unclaimed(rejection) = block_on(web.judge_token(&token, now())) else {
        panic!("claimed");
    };
    assert!(
        rejection.detail.contains("\"api\"") && rejection.detail.contains("\"web\""),
        "{}",
        rejection.detail
    );
    assert_eq!(&*rejection.authenticator, "");
}

#[test]
fn keycloaks_missing_audience_gets_a_hint() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for changes in [
        &[("aud", "\"account\""), ("azp", "\"web\"")][..],
        &[("aud", ""), ("azp", "\"web\"")],
    ] {
        let outcome = block_on(authenticator.judge_token(&bench.token(&payload(changes)), now()));
        let (Outcome::Unclaimed(rejection) | Outcome::Rejected(rejection, _)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(rejection.reason, RejectionReason::AudienceWrong);
        assert!(
            rejection.detail.contains("audience mapper"),
            "{}",
            rejection.detail
        );
    }
}

#[test]
fn keys_that_cannot_be_had_are_nobodys_fault() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let token = bench.token(&payload(&[]));
    *bench.moved.unavailable.lock().unwrap() = Some(UnavailableReason::KeysStale);
    let request = request(&[("authorization", &format!("Bearer {token}"))], "/");
    assert!(
        authenticator.try_now(&request, now()).is_none(),
        "it would have to wait"
    );
    let outcome = block_on(authenticator.authenticate(&request, now()));
    let Outcome::Unavailable(unavailable) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(unavailable.reason, UnavailableReason::KeysStale);
    assert_eq!(unavailable.retry_after, Duration::from_secs(7));
    assert_eq!(&*unavailable.authenticator, "token.services");
    assert_eq!(*bench.moved.waited.lock().unwrap(), 1);
    *bench.moved.unavailable.lock().unwrap() = None;
    assert_eq!(
        word(&block_on(authenticator.authenticate(&request, now()))),
        "ok ann"
    );
}

/// Attack row 136: an unlisted issuer never causes a fetch.
#[test]
fn a_token_of_another_issuer_is_never_waited_for() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    *bench.moved.unavailable.lock().unwrap() = Some(UnavailableReason::KeysUnreachable);
    let token = bench.token(&payload(&[("iss", "\"https://evil.test\"")]));
    assert_eq!(judge(&authenticator, &token, now()), "unclaimed unknown_issuer");
    assert_eq!(*bench.moved.waited.lock().unwrap(), 0);
    assert_eq!(bench.moved.opened.lock().unwrap().len(), 1);
}

/// Attack rows 108 and 112, 135: a hit is checked against the clock and the issuer's keys.
#[test]
fn a_remembered_token_ends_with_its_time_and_its_key() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let token = bench.token(&payload(&[("exp", "1893456002")]));
    assert_eq!(judge(&authenticator, &token, now()), "ok ann");
    assert_eq!(judge(&authenticator, &token, now_at(WALL + 1, 1001)), "ok ann");
    assert_eq!(bench.parts.tokens.stats().hits, 1);
    assert_eq!(
        judge(&authenticator, &token, now_at(WALL + 61, 1001)),
        "ok ann",
        "by leeway, on a hit"
    );
    assert_eq!(
        judge(&authenticator, &token, now_at(WALL + 62, 1001)),
        "rejected token_expired",
        "on a hit"
    );
    assert_eq!(
        judge(&authenticator, &token, now_at(WALL + 62, 9000)),
        "rejected token_expired",
        "and anew"
    );
    let long = bench.token(&payload(&[("exp", "1893459600")]));
    assert_eq!(judge(&authenticator, &long, now()), "ok ann");
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    *bench.moved.keys.lock().unwrap() = keys_of(&[(&other, "k2")]);
    assert_eq!(judge(&authenticator, &long, now()), "rejected key_unknown");
    *bench.moved.keys.lock().unwrap() = keys_of(&[(&other, "k1")]);
    assert_eq!(judge(&authenticator, &long, now()), "rejected signature_invalid");
}

/// A wall clock that steps back must not make an ended token good for longer than it said, nor a good one bad.
#[test]
fn a_stepped_wall_clock_is_met_by_every_hit() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let token = bench.token(&payload(&[("nbf", "1893456000"), ("exp", "1893459600")]));
    assert_eq!(judge(&authenticator, &token, now()), "ok ann");
    assert_eq!(
        judge(&authenticator, &token, now_at(WALL - 86_400, 1001)),
        "rejected token_not_yet_valid"
    );
    assert_eq!(
        judge(&authenticator, &token, now_at(WALL + 86_400, 1002)),
        "rejected token_expired"
    );
    assert_eq!(judge(&authenticator, &token, now_at(WALL + 1, 1003)), "ok ann");
}

/// Attack rows 100 and 107: what one authenticator verified says nothing to another, nor to itself after a reload.
#[test]
fn nothing_is_remembered_across_authenticators() {
    let bench = Bench::new();
    let token = bench.token(&payload(&[("aud", r#"["api","web"]"#)]));
    let api = bench.build(&[]);
    assert_eq!(judge(&api, &token, now()), "ok ann");
    let strict = bench.build_named("web", ISSUER, "web", &[("required_claims", texts(&["tenant"]))]);
    assert_eq!(judge(&strict, &token, now()), "rejected claim_missing");
    let reloaded = bench.build(&[("required_claims", texts(&["tenant"]))]);
    assert_eq!(judge(&reloaded, &token, now()), "rejected claim_missing");
    assert_eq!(bench.parts.tokens.stats().hits, 0);
}

#[test]
fn a_bad_signature_is_checked_once_and_again_when_the_key_changes() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = other.sign(r#""kid":"k1""#, payload(&[]).as_bytes()).unwrap();
    for _ in 0..3 {
        assert_eq!(judge(&authenticator, &token, now()), "rejected signature_invalid");
    }
    *bench.moved.keys.lock().unwrap() = keys_of(&[(&other, "k1")]);
    assert_eq!(
        judge(&authenticator, &token, now()),
        "ok ann",
        "the issuer put that key in"
    );
}

#[test]
fn a_shared_secret_signs_for_its_issuer_whatever_its_name() {
    let bench = Bench::new();
    let secret = Secret::new(b"qwertyuiopasdfghjklzxcvbnm123456".to_vec());
    let authenticator = bench.build_named(
        "sample",
        "golang",
        "developer",
        &[("hmac_secret", OptionValue::Secret(secret.clone()))],
    );
    let key = SigningKey::hmac(Algorithm::Hs256, &secret).unwrap();
    let body = payload(&[("iss", "\"golang\""), ("aud", "[\"developer\"]")]);
    assert_eq!(
        judge(&authenticator, &key.sign("", body.as_bytes()).unwrap(), now()),
        "ok ann"
    );
    let strong = SigningKey::hmac(Algorithm::Hs512, &secret).unwrap();
    let token = strong.sign("", body.as_bytes()).unwrap();
    assert_eq!(
        judge(&authenticator, &token, now()),
        "rejected algorithm_not_allowed"
    );
}
