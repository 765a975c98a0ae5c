//! What is asked about a token, and what is believed of the answer.

use super::*;
use crate::dice::Zeros;
use crate::relying_party::client::ClientAuthentication;
use crate::signed::{NOW, at, claims, merged};
use countersign_core::secret::Secret;
use serde_json::{Value as Json, json};

#[test]
fn a_token_is_asked_about_as_the_client_we_are() {
    let client = Client {
        id: "gw".into(),
        authentication: ClientAuthentication::SecretBasic(Secret::new("s".to_owned())),
    };
    let call = Call {
        entropy: &Zeros,
        now: at(0),
    };
    let endpoint = Url::parse("https://op.test/introspect").unwrap();
    let request = request("t+k", &client, &endpoint, call).unwrap();
    assert_eq!(request.body(), "token=t%2Bk&token_type_hint=access_token");
    assert_eq!(request.headers()["authorization"], "Basic Z3c6cw==");
}

fn read(status: u16, body: &str) -> Result<Introspection, AnswerError> {
    let answer = Response::builder().status(status);
    Introspection::read(&answer.body(Bytes::from(body.to_owned())).unwrap())
}

#[test]
fn active_is_a_boolean_or_nothing_is_known() {
    assert!(matches!(
        read(200, r#"{"active":true,"sub":"a"}"#),
        Ok(Introspection::Active(_))
    ));
    assert!(matches!(
        read(200, r#"{"active":false,"sub":"a"}"#),
        Ok(Introspection::Inactive)
    ));
    for body in [
        "{}",
        r#"{"active":"true"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":[true]}"#,
        r#"{"Active":true}"#,
        r#"{"active":true,"active":false}"#,
        "true",
        "<html>",
    ] {
        assert!(
            matches!(read(200, body), Err(AnswerError::Malformed(_))),
            "{body}"
        );
    }
    for status in [201, 302, 400, 401, 500] {
        assert!(read(status, r#"{"active":true}"#).is_err(), "{status}");
    }
}

fn good() -> Json {
    json!({"active": true, "iss": "https://op.test", "aud": "api", "sub": "ann", "exp": NOW + 300, "token_type": "Bearer"})
}

fn check_for(audiences: Option<&[&str]>, changes: &Json) -> Result<ActiveTimes, ClaimError> {
    let expectation = IntrospectionExpectation {
        issuer: "https://op.test".into(),
        audiences: audiences.map(|audiences| audiences.iter().map(|audience| (*audience).into()).collect()),
        leeway: Duration::from_mins(1),
    };
    expectation.check(&claims(&merged(&good(), changes)), at(0))
}

#[test]
fn an_active_token_is_for_us_and_in_its_time() {
    let check = |changes: Json, code: Option<&str>| {
        let told = check_for(Some(&["api", "api2"]), &changes);
        assert_eq!(told.err().map(|error| error.code()), code, "{changes}");
    };
    check(json!({}), None);
    check(json!({"aud": ["x", "api2"]}), None);
    check(json!({"iss": null, "exp": null, "token_type": null}), None);
    check(json!({"iss": "https://other.test"}), Some("issuer_wrong"));
    check(json!({"iss": 7}), Some("claim_type"));
    check(json!({"aud": null}), Some("claim_missing"));
    check(json!({"aud": "other"}), Some("audience_wrong"));
    check(json!({"aud": []}), Some("audience_wrong"));
    check(json!({"aud": ["api", 1]}), Some("claim_type"));
    check(json!({"aud": ["api", ""]}), Some("claim_type"));
    check(json!({"exp": NOW - 60}), Some("token_expired"));
    check(json!({"exp": NOW - 59}), None);
    check(json!({"exp": "soon"}), Some("claim_type"));
    check(json!({"nbf": NOW + 61}), Some("token_not_yet_valid"));
    check(json!({"iat": NOW + 61}), Some("token_issued_in_future"));
}

#[test]
fn whoever_takes_the_issuers_word_need_not_name_an_audience() {
    for aud in [json!(null), json!("other"), json!(7)] {
        assert!(check_for(None, &json!({"aud": aud})).is_ok(), "{aud}");
    }
}

#[test]
fn only_an_access_token_is_one() {
    for changes in [
        json!({"token_type": "mac"}),
        json!({"token_type": "DPoP"}),
        json!({"token_type": "dpop"}),
        json!({"typ": "DPoP"}),
        json!({"token_type": "PoP", "cnf": {"jkt": "x"}}),
        json!({"token_type": "refresh_token"}),
        json!({"token_use": "refresh_token"}),
        json!({"typ": "Refresh"}),
        json!({"typ": "ID"}),
    ] {
        let told = check_for(Some(&["api"]), &changes).unwrap_err();
        assert_eq!(told.code(), "token_type", "{changes}");
    }
    for changes in [
        json!({"token_type": "bearer"}),
        json!({"token_use": "access_token"}),
        json!({"typ": "Bearer"}),
        json!({"token_type": "DPoP", "cnf": {"jkt": "x"}}),
    ] {
        assert!(check_for(Some(&["api"]), &changes).is_ok(), "{changes}");
    }
}

#[test]
fn times_are_checked_again_whenever_the_token_is_used() {
    let times = check_for(None, &json!({"nbf": NOW, "iat": NOW})).unwrap();
    let leeway = Duration::ZERO;
    assert_eq!(times.check(leeway, at(299)), Ok(()));
    assert_eq!(times.check(leeway, at(300)), Err(ClaimError::Expired(at(300))));
    assert_eq!(times.check(leeway, at(-1)), Err(ClaimError::NotYetValid(at(0))));
}
