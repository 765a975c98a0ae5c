//! Userinfo: whom it must be about, and what it may say.

use super::*;
use crate::signed::{NOW, at, claims, signed};
use countersign_jose::json::write_object;
use serde_json::{Value as Json, json};

const LEEWAY: Duration = Duration::from_mins(1);

fn answer(status: u16, kind: &str, body: &str) -> Response<Bytes> {
    let answer = Response::builder().status(status).header("content-type", kind);
    answer.body(Bytes::from(body.to_owned())).unwrap()
}

fn json_of(claims: &Claims) -> Json {
    serde_json::from_str(&write_object(claims)).unwrap()
}

#[test]
fn it_is_asked_for_with_the_access_token() {
    let endpoint = Url::parse("https://op.test/userinfo").unwrap();
    let request = request(&endpoint, &Secret::new("at".to_owned())).unwrap();
    assert_eq!(request.uri(), "https://op.test/userinfo");
    assert_eq!(request.headers()["authorization"], "Bearer at");
    assert!(request.headers()["authorization"].is_sensitive());
    assert!(super::request(&endpoint, &Secret::new("a\nb".to_owned())).is_err());
}

#[test]
fn an_answer_is_json_or_a_jwt_by_its_type() {
    let plain = Userinfo::read(&answer(
        200,
        "application/json; charset=utf-8",
        r#"{"sub":"ann"}"#,
    ));
    assert!(matches!(plain, Ok(Userinfo::Plain(_))));
    let bare = Response::new(Bytes::from_static(br#"{"sub":"ann"}"#));
    assert!(
        matches!(Userinfo::read(&bare), Ok(Userinfo::Plain(_))),
        "without a type"
    );
    let signed = Userinfo::read(&answer(200, "application/JWT; x", "a.b.c\n"));
    assert!(matches!(signed, Ok(Userinfo::Signed(text)) if text == "a.b.c"));
    for (status, kind, body) in [
        (200, "application/json", "a.b.c"),
        (200, "text/html", "<html>"),
        (200, "application/json", r#"{"sub":"a","sub":"b"}"#),
        (302, "application/jwt", "a.b.c"),
        (503, "application/jwt", "a.b.c"),
    ] {
        assert!(
            Userinfo::read(&answer(status, kind, body)).is_err(),
            "{status} {kind} {body}"
        );
    }
    let refused = Userinfo::read(&answer(401, "text/html", "<html>"));
    assert!(matches!(refused, Err(AnswerError::Refused(error)) if error.code() == "invalid_token"));
}

#[test]
fn a_signed_answer_is_the_issuers_and_for_this_client() {
    let good = json!({"iss": "https://op.test", "aud": "gw", "sub": "ann"});
    let check = |changes: Json| {
        let signed = signed("", &good, &changes);
        check_signed(signed, &IssuerRule::exact("https://op.test"), "gw", LEEWAY, at(0)).map(drop)
    };
    assert_eq!(check(json!({})), Ok(()));
    assert_eq!(check(json!({"exp": NOW + 1})), Ok(()));
    for changes in [
        json!({"iss": null}),
        json!({"iss": "https://other.test"}),
        json!({"aud": null}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"exp": NOW - 60}),
        json!({"exp": "never"}),
    ] {
        assert!(
            matches!(check(changes.clone()), Err(UserinfoError::Claim(_))),
            "{changes}"
        );
    }
}

#[test]
fn another_subjects_answer_is_refused() {
    let token = claims(&json!({"iss": "https://op.test", "sub": "ann"}));
    for other in [
        json!({"sub": "bob"}),
        json!({}),
        json!({"sub": 7}),
        json!({"sub": null}),
        json!({"sub": "Ann"}),
    ] {
        let told = merge(&token, &claims(&other)).unwrap_err();
        assert_eq!(told, UserinfoError::Subject, "{other}");
    }
    let nobody = claims(&json!({}));
    assert_eq!(merge(&nobody, &nobody).unwrap_err(), UserinfoError::Subject);
}

#[test]
fn userinfo_adds_and_replaces_but_never_says_how_somebody_logged_in() {
    let token = json!({
        "iss": "https://op.test", "sub": "ann", "aud": "gw", "exp": 9, "iat": 1, "nonce": "n", "acr": "bronze",
        "email": "old@home.test", "groups": ["staff"],
    });
    let userinfo = json!({
        "sub": "ann", "email": "new@home.test", "name": "Ann", "address": {"country": "NL"}, "groups": ["staff", "ops"],
        "iss": "https://evil.test", "aud": "all", "exp": 99, "iat": 0, "nonce": "m", "azp": "x", "at_hash": "x",
        "acr": "gold", "amr": ["hwk"], "auth_time": 1, "sid": "s", "cnf": {},
    });
    let merged = json_of(&merge(&claims(&token), &claims(&userinfo)).unwrap());
    let expected = json!({
        "iss": "https://op.test", "sub": "ann", "aud": "gw", "exp": 9, "iat": 1, "nonce": "n", "acr": "bronze",
        "email": "new@home.test", "name": "Ann", "address": {"country": "NL"}, "groups": ["staff", "ops"],
    });
    assert_eq!(merged, expected);
}

fn mapping() -> UserinfoMapping {
    UserinfoMapping {
        issuer: "https://github.com".into(),
        subject: ClaimPath::parse("id").unwrap(),
        claims: Box::new([
            ("preferred_username".into(), ClaimPath::parse("login").unwrap()),
            ("name".into(), ClaimPath::parse("profile.name").unwrap()),
            ("sid".into(), ClaimPath::parse("login").unwrap()),
        ]),
    }
}

#[test]
fn a_plain_provider_is_read_by_the_operators_mapping() {
    let userinfo = json!({
        "id": 583_231, "login": "octocat", "profile": {"name": "Octo"}, "name": "not this", "sub": "evil",
        "iss": "https://evil.test", "email": "o@cat.test",
    });
    let expected = json!({
        "iss": "https://github.com", "sub": "583231", "preferred_username": "octocat", "name": "Octo",
        "login": "octocat", "profile": {"name": "Octo"}, "id": 583_231, "email": "o@cat.test",
    });
    assert_eq!(json_of(&mapping().apply(&claims(&userinfo)).unwrap()), expected);
    let text = mapping().apply(&claims(&json!({"id": "u-7"}))).unwrap();
    assert_eq!(
        json_of(&text),
        json!({"iss": "https://github.com", "sub": "u-7", "id": "u-7"})
    );
}

#[test]
fn what_is_no_subject_proves_nobody() {
    for id in [
        json!(null),
        json!(true),
        json!(1.5),
        json!(1e30),
        json!([7]),
        json!({}),
        json!(""),
        json!(" x"),
        json!("a\n"),
    ] {
        let told = mapping().apply(&claims(&json!({"id": id}))).unwrap_err();
        assert_eq!(told, UserinfoError::NoSubject, "{id}");
    }
    assert_eq!(
        mapping().apply(&claims(&json!({"sub": "ann"}))).unwrap_err(),
        UserinfoError::NoSubject
    );
}
