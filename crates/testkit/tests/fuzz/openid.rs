//! What browsers and providers send the relying party.

use super::text;
use bytes::Bytes;
use countersign_core::claims::Value;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::{parse_object, write_object};
use countersign_jose::key::VerificationKey;
use countersign_jose::sign::SigningKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signed;
use countersign_oidc::discovery::{Endpoint, ProviderMetadata};
use countersign_oidc::id_token::{IdTokenExpectation, Login};
use countersign_oidc::introspection::{Introspection, IntrospectionExpectation};
use countersign_oidc::issuer::{IssuerRule, IssuerTemplate};
use countersign_oidc::logout::LogoutTokenExpectation;
use countersign_oidc::relying_party::callback::AuthorizationResponse;
use countersign_oidc::relying_party::token::TokenResponse;
use countersign_oidc::userinfo::{self, Userinfo};
use countersign_testkit::mutate::{count, mutations};
use http::Response;
use std::time::Duration;

const JSON: [&[u8]; 14] = [
    b"{", b"}", b"[", b"]", b",", b":", b"\"", b"null", b"true", b"1e999", b"-1", b"\\u0000", b"\\ud800",
    b"\xff",
];
const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);

fn answer(bytes: &[u8]) -> Response<Bytes> {
    Response::new(Bytes::copy_from_slice(bytes))
}

#[test]
fn a_callback_has_one_reading_or_none() {
    let corpus: [&[u8]; 4] = [
        b"code=abc&state=s%2B1&iss=https%3A%2F%2Fop.test&session_state=x",
        b"error=access_denied&error_description=no+way&state=s",
        b"state=s&code=%F0%9F%92%A9",
        b"",
    ];
    let dictionary: [&[u8]; 12] = [
        b"&", b"=", b"%", b"%00", b"%ff", b"+", b"state=s", b"code=x", b"error=x", b"iss=", b"[]", b"\xff",
    ];
    let rule = IssuerRule::exact("https://op.test");
    mutations(&corpus, &dictionary, count(), |bytes| {
        let Ok(answer) = AuthorizationResponse::parse(bytes) else {
            return;
        };
        let named = |wanted: &str| {
            url::form_urlencoded::parse(bytes)
                .filter(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(named("state"), [&*answer.state], "{}", text(bytes));
        match &answer.outcome {
            Ok(code) => {
                assert_eq!(named("code"), [code.expose().as_str()]);
                assert!(named("error").is_empty());
            }
            Err(error) => {
                assert!(named("code").is_empty() && named("error").len() == 1);
                assert!(!error.told.to_string().contains(char::is_control));
            }
        }
        if answer.check_issuer(&rule, true).is_ok() {
            assert_eq!(named("iss"), ["https://op.test"]);
        }
    });
}

#[test]
fn what_endpoints_answer_is_read_strictly_or_not_at_all() {
    let corpus: [&[u8]; 5] = [
        br#"{"access_token":"at","token_type":"Bearer","expires_in":"300","id_token":"a.b.c","refresh_token":"r"}"#,
        br#"{"error":"invalid_grant","error_description":"gone"}"#,
        br#"{"active":true,"iss":"https://op.test","aud":["api"],"sub":"ann","exp":1893456300,"token_type":"Bearer"}"#,
        br#"{"active":false}"#,
        br#"{"sub":"ann","email":"a@b.test","groups":["x"],"address":{"country":"NL"}}"#,
    ];
    let expectation = IntrospectionExpectation {
        issuer: "https://op.test".into(),
        audiences: Some(Box::new(["api".into()])),
        leeway: Duration::from_mins(1),
    };
    let ann = parse_object(br#"{"iss":"https://op.test","sub":"ann","acr":"x"}"#).unwrap();
    mutations(&corpus, &JSON, count(), |bytes| {
        if let Ok(tokens) = TokenResponse::read(&answer(bytes)) {
            assert!(http::HeaderValue::from_str(tokens.access_token.expose()).is_ok());
        }
        if let Ok(Introspection::Active(claims)) = Introspection::read(&answer(bytes)) {
            assert!(matches!(claims.member("active"), Some(Value::Bool(true))));
            if expectation.check(&claims, NOW).is_ok() {
                assert!(text(bytes).contains("api"), "{}", text(bytes));
            }
        }
        if let Ok(Userinfo::Plain(claims)) = Userinfo::read(&answer(bytes))
            && let Ok(merged) = userinfo::merge(&ann, &claims)
        {
            let is = |name: &str, wanted: &str| merged.member(name).and_then(Value::as_str) == Some(wanted);
            assert!(is("iss", "https://op.test") && is("sub", "ann") && is("acr", "x"));
            let written = write_object(&merged);
            assert_eq!(write_object(&parse_object(written.as_bytes()).unwrap()), written);
        }
    });
}

#[test]
fn no_endpoint_in_the_clear_or_of_another_issuer_is_believed() {
    let corpus: [&[u8]; 2] = [
        br#"{"issuer":"https://op.test","authorization_endpoint":"https://op.test/a","token_endpoint":"http://op.test/t",
            "jwks_uri":"https://op.test/k","id_token_signing_alg_values_supported":["RS256"],
            "authorization_response_iss_parameter_supported":true}"#,
        br#"{"issuer":"https://op.test","end_session_endpoint":"https://u:p@op.test/e","userinfo_endpoint":"//x"}"#,
    ];
    let rule = IssuerRule::exact("https://op.test");
    mutations(&corpus, &JSON, count(), |bytes| {
        let Ok(metadata) = ProviderMetadata::parse(bytes, &rule, false) else {
            return;
        };
        assert_eq!(&*metadata.issuer, "https://op.test");
        for endpoint in Endpoint::ALL {
            let safe = |url: &url::Url| {
                url.scheme() == "https" && url.username().is_empty() && url.fragment().is_none()
            };
            assert!(metadata.find(endpoint).is_none_or(safe), "{}", text(bytes));
        }
    });
}

#[test]
fn an_issuer_template_admits_nothing_outside_its_gap() {
    let template = IssuerTemplate::new("https://login.test/{tenantid}/v2.0", "tid").unwrap();
    let rule = IssuerRule::Template(template);
    let corpus: [&[u8]; 2] = [
        b"https://login.test/0a1b-2c/v2.0",
        b"https://login.test/{tenantid}/v2.0",
    ];
    let dictionary: [&[u8]; 8] = [b"/", b"..", b"%2f", b"@", b"#", b"?", b"\\", b"\n"];
    mutations(&corpus, &dictionary, count(), |bytes| {
        let issuer = text(bytes);
        if rule.admits(&issuer) {
            let url = url::Url::parse(&issuer).unwrap();
            assert_eq!(url.as_str(), issuer, "one spelling");
            assert_eq!(url.host_str(), Some("login.test"));
            assert_eq!(url.path().split('/').count(), 3);
        }
    });
}

#[test]
fn signed_claims_of_any_shape_are_judged_and_never_a_panic() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let jwk = parse_object(key.public_jwk("k").unwrap().as_bytes()).unwrap();
    let public = VerificationKey::from_jwk(jwk.root()).unwrap();
    let corpus: [&[u8]; 2] = [
        br#"{"iss":"https://op.test","sub":"ann","aud":["gw"],"iat":1893456000,"exp":1893456300,"nonce":"n","auth_time":1.5}"#,
        br#"{"iss":"https://op.test","aud":"gw","iat":1893456000,"exp":1893456300,"jti":"j","sid":"s",
            "events":{"http://schemas.openid.net/event/backchannel-logout":{}}}"#,
    ];
    let rule = IssuerRule::exact("https://op.test");
    let first = parse_object(br#"{"iss":"https://op.test","sub":"ann","nonce":"n"}"#).unwrap();
    let id_token = IdTokenExpectation {
        issuer: &rule,
        client_id: "gw",
        login: Login::Renewed(&first),
        access_token: None,
        max_age: None,
        essential_acr: &[],
        leeway: Duration::ZERO,
    };
    let logout = LogoutTokenExpectation {
        issuer: &rule,
        client_id: "gw",
        leeway: Duration::ZERO,
    };
    mutations(&corpus, &JSON, count() / 4, |bytes| {
        let token = key.sign("", bytes).unwrap();
        let read = || verify_signed(UnverifiedToken::parse(&token).ok()?, &public, &[Algorithm::EdDsa]).ok();
        let (Some(one), Some(other)) = (read(), read()) else {
            return;
        };
        let logged_out = logout.check(&one, NOW);
        let verified = id_token.check(other, NOW);
        assert!(
            logged_out.is_err() || verified.is_err(),
            "{}: one kind or none",
            text(bytes)
        );
        if let Ok(verified) = verified {
            assert_eq!(verified.subject(), "ann");
        }
        if let Ok(token) = logged_out {
            assert!(token.ends > NOW && (token.sid.is_some() || token.subject.is_some()));
        }
    });
}
