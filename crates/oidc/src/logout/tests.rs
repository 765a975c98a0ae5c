//! Asking for a logout, and being told of one.

use super::*;
use crate::signed::{NOW, at, signed};
use serde_json::{Value as Json, json};

fn url(hint: Option<&str>, back: Option<&str>, state: Option<&str>) -> String {
    let endpoint = Url::parse("https://op.test/end?p=x&client_id=evil").unwrap();
    let request = EndSessionRequest {
        endpoint: &endpoint,
        id_token_hint: hint,
        client_id: "gw",
        post_logout_redirect_uri: back,
        state,
    };
    request.url().to_string()
}

#[test]
fn a_logout_is_asked_for_with_a_hint_or_as_the_client() {
    assert_eq!(url(None, None, None), "https://op.test/end?p=x&client_id=gw");
    assert_eq!(
        url(Some("a.b.c"), None, Some("s")),
        "https://op.test/end?p=x&id_token_hint=a.b.c"
    );
    assert_eq!(
        url(None, Some("https://app.test/?a=b&c"), Some("s")),
        "https://op.test/end?p=x&client_id=gw&post_logout_redirect_uri=https%3A%2F%2Fapp.test%2F%3Fa%3Db%26c&state=s"
    );
}

fn good() -> Json {
    json!({
        "iss": "https://op.test", "aud": "gw", "iat": NOW - 5, "exp": NOW + 100, "jti": "j1", "sub": "ann", "sid": "s1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    })
}

fn check_as(header: &str, changes: &Json) -> Result<LogoutToken, LogoutTokenError> {
    let expectation = LogoutTokenExpectation {
        issuer: &IssuerRule::exact("https://op.test"),
        client_id: "gw",
        leeway: Duration::from_mins(1),
    };
    expectation.check(&signed(header, &good(), changes), at(0))
}

fn check(changes: &Json) -> Result<LogoutToken, LogoutTokenError> {
    check_as("", changes)
}

fn code(changes: &Json) -> &'static str {
    match check(changes) {
        Err(LogoutTokenError::Claim(error)) => error.code(),
        other => panic!("{changes}: {other:?}"),
    }
}

#[test]
fn a_logout_token_says_whose_sessions_end() {
    let token = check_as(r#""typ":"logout+jwt""#, &json!({})).unwrap();
    let expected = LogoutToken {
        issuer: "https://op.test".into(),
        subject: Some("ann".into()),
        sid: Some("s1".into()),
        jti: "j1".into(),
        ends: at(160),
    };
    assert_eq!(token, expected);
    assert_eq!(check(&json!({"sid": null})).unwrap().sid, None);
    assert_eq!(check(&json!({"sub": null})).unwrap().subject, None);
    for typ in ["JWT", "application/logout+jwt", "LOGOUT+JWT"] {
        assert!(
            check_as(&format!(r#""typ":"{typ}""#), &json!({})).is_ok(),
            "{typ}"
        );
    }
}

#[test]
fn its_id_is_remembered_no_longer_than_it_can_be_taken() {
    assert_eq!(check(&json!({"exp": null})).unwrap().ends, at(355));
    assert_eq!(check(&json!({"exp": NOW + 1_000_000})).unwrap().ends, at(355));
    assert!(check(&json!({"exp": null, "iat": NOW - 359})).is_ok());
    assert_eq!(
        check(&json!({"exp": NOW + 1000, "iat": NOW - 360})),
        Err(LogoutTokenError::TooOld(at(-360)))
    );
    assert!(matches!(
        check(&json!({"iat": NOW - 600})),
        Err(LogoutTokenError::TooOld(_))
    ));
}

#[test]
fn what_a_logout_token_lacks_makes_it_none() {
    for name in ["iss", "aud", "iat", "jti"] {
        assert_eq!(code(&json!({name: null})), "claim_missing", "{name}");
        assert_eq!(code(&json!({name: true})), "claim_type", "{name}");
    }
    assert_eq!(code(&json!({"iss": "https://other.test"})), "issuer_wrong");
    assert_eq!(code(&json!({"aud": "other"})), "audience_wrong");
    assert_eq!(code(&json!({"exp": NOW - 60})), "token_expired");
    assert_eq!(code(&json!({"exp": "x"})), "claim_type");
    assert_eq!(code(&json!({"iat": NOW + 61})), "token_issued_in_future");
    assert_eq!(code(&json!({"jti": ""})), "claim_type");
    assert_eq!(code(&json!({"sub": " "})), "claim_type");
    assert_eq!(code(&json!({"sid": ""})), "claim_type");
    assert_eq!(code(&json!({"sid": 7, "sub": null})), "claim_type");
    assert_eq!(
        check(&json!({"sub": null, "sid": null})),
        Err(LogoutTokenError::Nobody)
    );
    assert_eq!(check(&json!({"nonce": "n"})), Err(LogoutTokenError::Nonce));
}

#[test]
fn only_the_event_itself_is_a_logout() {
    for events in [
        json!(null),
        json!({}),
        json!([]),
        json!("http://schemas.openid.net/event/backchannel-logout"),
        json!({"http://schemas.openid.net/event/backchannel-logout": null}),
        json!({"http://schemas.openid.net/event/backchannel-logout": true}),
        json!({"http://schemas.openid.net/event/backchannel-logout/": {}}),
        json!({"https://schemas.openid.net/event/backchannel-logout": {}}),
    ] {
        assert_eq!(
            check(&json!({"events": events})),
            Err(LogoutTokenError::Event),
            "{events}"
        );
    }
}

#[test]
fn another_kind_of_token_logs_nobody_out() {
    for typ in ["at+jwt", "secevent+jwt", "id+jwt", ""] {
        let told = check_as(&format!(r#""typ":"{typ}""#), &json!({})).unwrap_err();
        assert!(
            matches!(told, LogoutTokenError::Claim(ClaimError::TokenType(_))),
            "{typ}"
        );
    }
}
