//! What is asked of the token endpoint, and what is taken from it.

use super::*;
use crate::answer::GrantError;
use crate::dice::Zeros;
use crate::relying_party::client::ClientAuthentication;
use countersign_core::time::Timestamp;

const CALL: Call<'static> = Call {
    entropy: &Zeros,
    now: Timestamp::from_seconds(0),
};

fn client() -> Client {
    Client {
        id: "gw".into(),
        authentication: ClientAuthentication::None,
    }
}

fn read(body: &str) -> Result<TokenResponse, AnswerError> {
    TokenResponse::read(&Response::new(Bytes::from(body.to_owned())))
}

#[test]
fn a_code_is_redeemed_with_its_verifier() {
    let verifier = CodeVerifier::draw(&Zeros);
    let grant = CodeGrant {
        code: &Secret::new("c+d".to_owned()),
        redirect_uri: "https://app.test/cb",
        code_verifier: &verifier,
    };
    let endpoint = Url::parse("https://op.test/token?p=x").unwrap();
    let request = grant.request(&client(), &endpoint, CALL).unwrap();
    assert_eq!(request.uri(), "https://op.test/token?p=x");
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let expected = format!(
        "grant_type=authorization_code&code=c%2Bd&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&code_verifier={}&client_id=gw",
        verifier.as_str()
    );
    assert_eq!(body, expected);
}

#[test]
fn a_refresh_names_no_scope() {
    let endpoint = Url::parse("https://op.test/token").unwrap();
    let token = Secret::new("r".to_owned());
    let request = refresh_request(&token, &client(), &endpoint, CALL).unwrap();
    assert_eq!(
        request.body(),
        "grant_type=refresh_token&refresh_token=r&client_id=gw"
    );
}

#[test]
fn tokens_are_taken_as_they_are_told() {
    let answer = read(
        r#"{"access_token":"at","token_type":"bearer","expires_in":"300","id_token":"a.b.c","refresh_token":"r","scope":"x y"}"#,
    );
    let answer = answer.unwrap();
    assert_eq!(answer.access_token.expose(), "at");
    assert_eq!(answer.expires_in, Some(Duration::from_mins(5)));
    assert_eq!(answer.id_token.as_ref().unwrap().expose(), "a.b.c");
    assert_eq!(answer.refresh_token.as_ref().unwrap().expose(), "r");
    assert_eq!(answer.scope.as_deref(), Some("x y"));
    let printed = format!("{answer:?}");
    assert!(
        !printed.contains("a.b.c") && !printed.contains("\"at\""),
        "{printed}"
    );
    let least = read(r#"{"access_token":"at","token_type":"Bearer","refresh_token":null}"#).unwrap();
    assert!(least.id_token.is_none() && least.refresh_token.is_none() && least.expires_in.is_none());
}

#[test]
fn what_cannot_be_a_token_response_is_none() {
    let long = format!(
        r#"{{"access_token":"{}","token_type":"Bearer"}}"#,
        "x".repeat(MAX_TOKEN_BYTES + 1)
    );
    for body in [
        "{}",
        r#"{"access_token":"at"}"#,
        r#"{"token_type":"Bearer"}"#,
        r#"{"access_token":"","token_type":"Bearer"}"#,
        r#"{"access_token":7,"token_type":"Bearer"}"#,
        r#"{"access_token":"a\r\nb","token_type":"Bearer"}"#,
        r#"{"access_token":"a b","token_type":"Bearer"}"#,
        r#"{"access_token":"at","token_type":"DPoP"}"#,
        r#"{"access_token":"at","token_type":"mac"}"#,
        r#"{"access_token":"at","token_type":["Bearer"]}"#,
        r#"{"access_token":"at","access_token":"b","token_type":"Bearer"}"#,
        r#"{"access_token":"at","token_type":"Bearer","id_token":{}}"#,
        r#"{"access_token":"at","token_type":"Bearer","refresh_token":""}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":-1}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":"-1"}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":"1h"}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":1.5}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":true}"#,
        r#"{"access_token":"at","token_type":"Bearer","scope":["x"]}"#,
        "access_token=at&token_type=bearer",
        &long,
    ] {
        assert!(matches!(read(body), Err(AnswerError::Malformed(_))), "{body}");
    }
    let told = read(&long).unwrap_err().to_string();
    assert!(
        told.contains("`access_token` has 16385 bytes, and at most 16384 are taken"),
        "{told}"
    );
    let for_ever = read(r#"{"access_token":"at","token_type":"Bearer","expires_in":9223372036854775807}"#);
    assert_eq!(
        for_ever.unwrap().expires_in.unwrap().as_secs(),
        MAX_LIFE_SECONDS.unsigned_abs()
    );
}

#[test]
fn a_grant_that_does_not_hold_and_a_client_that_is_not_known_are_two_things() {
    let check = |status: u16, code: &str, meaning: GrantError| {
        let body = Bytes::from(format!(r#"{{"error":"{code}"}}"#));
        let answer = Response::builder().status(status).body(body).unwrap();
        let Err(AnswerError::Refused(error)) = TokenResponse::read(&answer) else {
            panic!("{code} is an error");
        };
        assert_eq!(error.at_token_endpoint(), meaning, "{code}");
    };
    check(400, "invalid_grant", GrantError::InvalidGrant);
    check(200, "bad_refresh_token", GrantError::InvalidGrant);
    check(401, "invalid_client", GrantError::InvalidClient);
    check(400, "unauthorized_client", GrantError::InvalidClient);
    check(400, "invalid_request", GrantError::Other);
    check(400, "invalid_scope", GrantError::Other);
    check(400, "Invalid_Grant", GrantError::Other);
}
