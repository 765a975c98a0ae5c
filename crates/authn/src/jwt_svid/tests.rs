//! What is a JWT-SVID's alone. What it shares with every token is tested there.

use super::*;
use crate::bundle_file::BundleFiles;
use crate::keys::{KeySetFactory, Offline};
use countersign_core::authn::Outcome;
use countersign_core::options::OptionValue;
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_jose::sign::SigningKey;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

const GOOD: &str = r#"{"sub":"spiffe://example.org/joe","aud":["api"],"exp":1893456300}"#;

/// Notes what is opened, and has nothing.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<(KeyLocation, KeySettings)>>);

impl KeySetFactory for Noting {
    fn open(&self, location: &KeyLocation, settings: &KeySettings) -> Arc<dyn Keys> {
        self.0.lock().unwrap().push((location.clone(), settings.clone()));
        Arc::new(Offline)
    }
}

fn parts(keys: Arc<dyn KeySetFactory>) -> Parts {
    Parts {
        keys,
        bundles: Some(Arc::new(Offline)),
        ..crate::kinds::offline()
    }
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

fn texts(values: &[&str]) -> OptionValue {
    OptionValue::List(values.iter().map(|value| text(value)).collect())
}

/// `[jwt_svid.mesh]` of `example.org` for `api`, and `more`.
fn values(more: &[(&str, OptionValue)]) -> Values {
    let mut values = Values::default();
    values.insert("trust_domain", text("example.org"));
    values.insert("audiences", texts(&["api"]));
    for (name, value) in more {
        values.take(name);
        values.insert(*name, value.clone());
    }
    values
}

/// The option `bundle_file` with these entries.
fn bundle(entries: &[String]) -> (&'static str, OptionValue) {
    let bundle = format!(r#"{{"keys":[{}]}}"#, entries.join(","));
    (
        "bundle_file",
        OptionValue::File("bundle.json".to_owned(), bundle.into_bytes()),
    )
}

fn entry(key: &SigningKey, kid: &str) -> String {
    let jwk = key.public_jwk(kid).unwrap();
    jwk.replace(r#""use":"sig""#, r#""use":"jwt-svid""#)
}

fn build_with(more: &[(&str, OptionValue)]) -> Result<(BearerJwt, Vec<String>), Vec<Fault>> {
    build_token("mesh", &values(more), &parts(Arc::new(Offline)))
}

fn judge(authenticator: &BearerJwt, token: &str) -> Outcome {
    let now = Now {
        wall: Timestamp::from_seconds(1_893_456_000),
        monotonic: Monotonic::from_milliseconds(1_000_000),
    };
    let mut future = pin!(authenticator.judge_token(token, now));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits"),
    }
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Absent(_) => "absent".to_owned(),
        Outcome::Authenticated(principal, _) => format!("ok {}", principal.subject()),
        Outcome::Unclaimed(rejection) => format!("unclaimed {}", rejection.reason.code()),
        Outcome::Rejected(rejection, _) => format!("rejected {}", rejection.reason.code()),
        Outcome::Unavailable(unavailable) => format!("unavailable {}", unavailable.reason.code()),
    }
}

#[test]
fn a_jwt_svid_proves_its_spiffe_id() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (mesh, warnings) = build_with(&[bundle(&[entry(&key, "k1")])]).unwrap();
    assert!(warnings.is_empty());
    for header in [
        r#""kid":"k1""#,
        r#""kid":"k1","typ":"JWT""#,
        r#""kid":"k1","typ":"JOSE""#,
    ] {
        let outcome = judge(&mesh, &key.sign(header, GOOD.as_bytes()).unwrap());
        let Outcome::Authenticated(principal, _) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(principal.subject(), "spiffe://example.org/joe");
        assert_eq!(&*principal.issuer, "spiffe://example.org");
        assert_eq!(&*principal.authenticator, "jwt_svid.mesh");
    }
}

#[test]
fn only_a_key_for_jwt_svids_that_the_token_names_will_do() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let edwards = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let x509 = SigningKey::generate(Algorithm::Es256).unwrap();
    let entries = [
        entry(&key, "k1"),
        entry(&edwards, "ed"),
        entry(&x509, "x1").replace("jwt-svid", "x509-svid"),
    ];
    let (mesh, warnings) = build_with(&[bundle(&entries)]).unwrap();
    let left_out = r#"bundle.json: left out: entry 2 ("x1"): `x5c` holds no certificate"#;
    assert_eq!(warnings, [left_out]);
    for (key, header, expect) in [
        (&key, r#""kid":"k1""#, "ok spiffe://example.org/joe"),
        (&key, "", "rejected key_unknown"),
        (&key, r#""kid":"k2""#, "rejected key_unknown"),
        (&x509, r#""kid":"x1""#, "rejected key_unknown"),
        (&x509, r#""kid":"k1""#, "rejected signature_invalid"),
        (&edwards, r#""kid":"ed""#, "rejected algorithm_not_allowed"),
        (&key, r#""kid":"k1","typ":"at+jwt""#, "rejected token_type"),
    ] {
        let token = key.sign(header, GOOD.as_bytes()).unwrap();
        assert_eq!(word(&judge(&mesh, &token)), expect, "{header}");
    }
}

#[test]
fn each_rule_about_the_claims_has_its_own_answer() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (mesh, _) = build_with(&[bundle(&[entry(&key, "k1")])]).unwrap();
    for (text, by, expect) in [
        ("{", r#"{"iss":"https://op.test","#, "ok spiffe://example.org/joe"),
        ("[\"api\"]", "\"other\"", "unclaimed audience_wrong"),
        (r#""aud":["api"],"#, "", "rejected claim_missing"),
        (r#","exp":1893456300"#, "", "rejected claim_missing"),
        ("1893456300", "1893455000", "rejected token_expired"),
        ("org/joe", "org", "rejected claim_type"),
        ("org/joe", "org//joe", "unclaimed claim_type"),
        ("example.org", "Example.org", "unclaimed claim_type"),
        ("example.org", "evil", "unclaimed unknown_issuer"),
        ("example.org", "example.org.evil", "unclaimed unknown_issuer"),
        ("spiffe://example.org/joe", "joe", "unclaimed unknown_issuer"),
        (r#""spiffe://example.org/joe""#, "7", "unclaimed unknown_issuer"),
    ] {
        let payload = GOOD.replace(text, by);
        let token = key.sign(r#""kid":"k1""#, payload.as_bytes()).unwrap();
        assert_eq!(word(&judge(&mesh, &token)), expect, "{payload}");
    }
}

#[test]
fn the_bundle_of_an_endpoint_is_opened_for_its_trust_domain() {
    let factory = Arc::new(Noting::default());
    let url = ("bundle_url", text("https://bundle.test/"));
    let values = values(&[url]);
    let (mesh, _) = build_token(
        "mesh",
        &values,
        &parts(Arc::clone(&factory) as Arc<dyn KeySetFactory>),
    )
    .unwrap();
    let opened = factory.0.lock().unwrap().pop().unwrap();
    let domain = TrustDomain::parse("example.org").unwrap();
    let expect = KeyLocation::TrustBundle {
        issuer: "spiffe://example.org".into(),
        url: Url::parse("https://bundle.test/").unwrap(),
        in_force: BundleFiles::default().fetched(("jwt_svid.mesh", &domain, Svid::Jwt)),
    };
    assert_eq!((opened.0, opened.1.allow_http), (expect, false));
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = key.sign(r#""kid":"k1""#, GOOD.as_bytes()).unwrap();
    assert_eq!(word(&judge(&mesh, &token)), "unavailable keys_unreachable");
}

#[test]
fn the_workload_api_is_watched_where_the_program_has_it() {
    let api = ("workload_api", text("unix:/run/spire/agent.sock"));
    let values = values(&[api]);
    let mut parts = parts(Arc::new(Offline));
    let (mesh, _) = build_token("mesh", &values, &parts).unwrap();
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = key.sign(r#""kid":"k1""#, GOOD.as_bytes()).unwrap();
    assert_eq!(word(&judge(&mesh, &token)), "unavailable keys_unreachable");
    parts.bundles = None;
    let faults = build_token("mesh", &values, &parts).unwrap_err();
    assert_eq!(
        faults[0].to_string(),
        "workload_api: this program was built without the Workload API (feature `workload-api`)"
    );
}

#[test]
fn a_bundle_without_an_entry_for_jwt_svids_has_withdrawn_them() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let certificate = r#"{"kty":"EC","use":"x509-svid","x5c":["MAA="]}"#.to_owned();
    for entries in [&[certificate][..], &[]] {
        let (mesh, warnings) = build_with(&[bundle(entries)]).unwrap();
        let warning =
            "bundle.json: no entry of it signs JWT-SVIDs (`use` is `jwt-svid`): no token is accepted";
        assert_eq!(warnings, [warning]);
        let token = key.sign(r#""kid":"k1""#, GOOD.as_bytes()).unwrap();
        assert_eq!(word(&judge(&mesh, &token)), "rejected key_unknown");
    }
}

/// What was read and not used is not; what was, stays known.
#[test]
fn the_bundle_of_a_table_that_is_used_is_in_force() {
    let parts = parts(Arc::new(Offline));
    let with = |sequence: u64| {
        let text = format!(r#"{{"keys":[],"spiffe_sequence":{sequence}}}"#);
        let file = OptionValue::File("bundle.json".to_owned(), text.into_bytes());
        let parts = Parts {
            bundle_files: parts.bundle_files.in_force_now(),
            ..parts.clone()
        };
        build_token("mesh", &values(&[("bundle_file", file)]), &parts)
    };
    let (mesh, _) = with(4).unwrap();
    let faults = with(3).unwrap_err();
    let told = "bundle_file: bundle.json: it is an older bundle: its spiffe_sequence is 3, and 4 is in force";
    assert!(faults[0].to_string().starts_with(told), "{}", faults[0]);
    assert!(with(5).is_ok());
    drop(mesh);
    assert!(with(3).is_err());
    assert!(with(4).is_ok());
}

#[test]
fn what_is_wrong_with_a_table_is_told_at_its_key() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = bundle(&[entry(&key, "k1")]);
    let file = |bytes: &[u8]| OptionValue::File("b.json".to_owned(), bytes.to_vec());
    let url = |url: &str| ("bundle_url", text(url));
    let faults = |more: &[(&str, OptionValue)]| {
        let faults = build_with(more).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let unusable =
        br#"{"keys":[{"kty":"EC","use":"x509-svid","x5c":["MAA="]},{"kty":"EC","use":"jwt-svid"}]}"#;
    let cases = [
        (
            vec![],
            "trust_domain: nothing says where the trust domain's keys are",
        ),
        (
            vec![good.clone(), ("trust_domain", text("spiffe://example.org"))],
            "trust_domain: a trust domain is written by its name alone, without `spiffe://`",
        ),
        (
            vec![good.clone(), ("trust_domain", text("Example.org"))],
            "trust_domain: the trust domain holds an upper-case letter",
        ),
        (
            vec![good.clone(), ("audiences", texts(&[]))],
            "audiences: at least one audience is required, and none is empty",
        ),
        (
            vec![good.clone(), ("algorithms", texts(&[]))],
            "algorithms: the list is empty",
        ),
        (
            vec![good.clone(), url("https://bundle.test/")],
            "bundle_url: the bundle comes from one place, and this is another",
        ),
        (
            vec![url("http://bundle.test/")],
            "bundle_url: the keys would be fetched over plain http",
        ),
        (
            vec![("workload_api", text("tcp:127.0.0.1:8081"))],
            "workload_api: not the address of a Workload API: write unix:/absolute/path",
        ),
        (
            vec![("bundle_file", file(b"{}"))],
            "bundle_file: b.json: not a trust bundle: no array `keys`",
        ),
        (
            vec![("bundle_file", file(unusable))],
            "bundle_file: b.json: no entry of it that signs JWT-SVIDs can be used",
        ),
    ];
    for (more, expect) in cases {
        assert_eq!(faults(&more), [expect]);
    }
}
