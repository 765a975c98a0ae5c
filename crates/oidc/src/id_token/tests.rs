//! Every check of an ID Token, each with one thing wrong.

use super::*;
use crate::dice::Zeros;
use crate::signed::{NOW, at, claims, signed};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

const LEEWAY: Duration = Duration::from_mins(1);

fn good() -> Json {
    json!({
        "iss": "https://op.test", "sub": "ann", "aud": "gw", "iat": NOW - 5, "exp": NOW + 300,
        "nonce": BASE64_URL_SAFE_NO_PAD.encode([0; 32]),
    })
}

struct Asked<'a> {
    max_age: Option<u64>,
    essential_acr: &'a [&'a str],
    access_token: Option<&'a str>,
    first: Option<Json>,
}

const PLAIN: Asked<'static> = Asked {
    max_age: None,
    essential_acr: &[],
    access_token: None,
    first: None,
};

fn check_as(header: &str, changes: &Json, asked: &Asked<'_>) -> Result<VerifiedIdToken, IdTokenError> {
    let nonce = Nonce::draw(&Zeros);
    let access_token = asked.access_token.map(|text| Secret::new(text.to_owned()));
    let first = asked.first.as_ref().map(claims);
    let acr = asked
        .essential_acr
        .iter()
        .map(|acr| (*acr).into())
        .collect::<Vec<Box<str>>>();
    let expectation = IdTokenExpectation {
        issuer: &IssuerRule::exact("https://op.test"),
        client_id: "gw",
        login: first.as_ref().map_or(Login::Begun(&nonce), Login::Renewed),
        access_token: access_token.as_ref(),
        max_age: asked.max_age.map(Duration::from_secs),
        essential_acr: &acr,
        leeway: LEEWAY,
    };
    expectation.check(signed(header, &good(), changes), at(0))
}

fn error(changes: &Json) -> Option<IdTokenError> {
    check_as("", changes, &PLAIN).err()
}

fn claim_code(changes: &Json) -> Option<&'static str> {
    let told = error(changes)?;
    if let IdTokenError::Claim(error) = &told {
        return Some(error.code());
    }
    // The one check of its own that a claim of the wrong type can meet first.
    assert_eq!(told, IdTokenError::Subject, "{changes}");
    Some("claim_type")
}

#[test]
fn a_good_id_token_says_who_it_is() {
    let changes = json!({"sid": "s1", "acr": "gold", "auth_time": NOW - 60, "azp": "gw", "aud": ["gw"], "email": "a@b.test"});
    let token = check_as(r#""typ":"JWT""#, &changes, &PLAIN).unwrap();
    assert_eq!((token.issuer(), token.subject()), ("https://op.test", "ann"));
    assert_eq!((token.sid(), token.acr()), (Some("s1"), Some("gold")));
    assert_eq!((token.auth_time(), token.expires()), (Some(at(-60)), at(300)));
    assert_eq!(text(token.claims(), "email"), "a@b.test");
    for typ in [r#""typ":"jwt""#, r#""typ":"application/JWT""#] {
        assert!(check_as(typ, &json!({}), &PLAIN).is_ok(), "{typ}");
    }
    for claim in [json!({"typ": "ID"}), json!({"token_use": "id"})] {
        assert_eq!(error(&claim), None, "{claim}");
    }
}

#[test]
fn a_claim_that_every_id_token_has_is_there_and_of_its_type() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(claim_code(&json!({name: null})), Some("claim_missing"), "{name}");
        for value in [json!({"null": true}), json!(true), json!({}), json!([7])] {
            assert_eq!(
                claim_code(&json!({name: value})),
                Some("claim_type"),
                "{name} {value}"
            );
        }
    }
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [json!("1893456300"), json!(-1), json!(1e300)] {
            assert_eq!(
                claim_code(&json!({name: value})),
                Some("claim_type"),
                "{name} {value}"
            );
        }
    }
    for name in ["nonce", "azp", "acr", "sid", "at_hash", "typ", "token_use"] {
        assert_eq!(claim_code(&json!({name: 7})), Some("claim_type"), "{name}");
    }
    assert_eq!(claim_code(&json!({"sid": ""})), Some("claim_type"));
}

#[test]
fn issuer_audience_and_times_are_right() {
    let check = |changes: Json, code: Option<&str>| assert_eq!(claim_code(&changes), code, "{changes}");
    check(json!({"iss": "https://op.test/"}), Some("issuer_wrong"));
    check(json!({"iss": "https://other.test"}), Some("issuer_wrong"));
    check(json!({"aud": "other"}), Some("audience_wrong"));
    check(json!({"aud": ["gw2", "g"]}), Some("audience_wrong"));
    check(json!({"aud": []}), Some("audience_wrong"));
    check(json!({"aud": ["gw", 1]}), Some("claim_type"));
    check(json!({"exp": NOW - 60}), Some("token_expired"));
    check(json!({"exp": NOW - 59}), None);
    check(
        json!({"exp": NOW + 1, "iat": NOW + 61}),
        Some("token_issued_in_future"),
    );
    check(json!({"iat": NOW + 60}), None);
    check(json!({"nbf": NOW + 61}), Some("token_not_yet_valid"));
}

#[test]
fn several_audiences_need_the_authorized_party_and_it_is_us() {
    let party = |azp: Option<&str>| Some(IdTokenError::AuthorizedParty(azp.map(str::to_owned)));
    assert_eq!(error(&json!({"aud": ["gw", "api"]})), party(None));
    assert_eq!(
        error(&json!({"aud": ["gw", "api"], "azp": "api"})),
        party(Some("api"))
    );
    assert_eq!(error(&json!({"aud": "gw", "azp": "api"})), party(Some("api")));
    assert_eq!(error(&json!({"aud": ["gw", "api"], "azp": "gw"})), None);
    assert_eq!(error(&json!({"aud": ["gw", "gw"]})), party(None));
}

#[test]
fn the_nonce_is_this_logins() {
    let other = BASE64_URL_SAFE_NO_PAD.encode([1; 32]);
    for nonce in [json!(null), json!(""), json!(other), json!("AAAA")] {
        assert_eq!(
            error(&json!({"nonce": nonce})),
            Some(IdTokenError::Nonce),
            "{nonce}"
        );
    }
}

#[test]
fn a_subject_is_a_name() {
    for subject in ["", " ann", "ann ", "a\nb", "a\u{7f}b", &"x".repeat(256)] {
        assert_eq!(
            error(&json!({"sub": subject})),
            Some(IdTokenError::Subject),
            "{subject:?}"
        );
    }
    for subject in ["x".repeat(255), "auth0|7".to_owned(), "Ann Doe".to_owned()] {
        assert_eq!(error(&json!({"sub": subject})), None);
    }
}

#[test]
fn another_kind_of_token_is_refused() {
    for typ in ["at+jwt", "logout+jwt", "application/at+jwt", "secevent+jwt", ""] {
        let told = check_as(&format!(r#""typ":"{typ}""#), &json!({}), &PLAIN).unwrap_err();
        assert!(
            matches!(told, IdTokenError::Claim(ClaimError::TokenType(_))),
            "{typ}"
        );
    }
    for changes in [
        json!({"typ": "Bearer"}),
        json!({"typ": "Refresh"}),
        json!({"typ": "Logout"}),
        json!({"token_use": "access"}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        json!({"sub_jwk": {}}),
    ] {
        assert_eq!(claim_code(&changes), Some("token_type"), "{changes}");
    }
}

#[test]
fn the_access_token_is_the_one_it_was_issued_with() {
    let hash = half_hash(Algorithm::Es256, "at");
    let asked = |token| Asked {
        access_token: token,
        ..PLAIN
    };
    assert!(check_as("", &json!({"at_hash": hash}), &asked(Some("at"))).is_ok());
    assert!(check_as("", &json!({"at_hash": "anything"}), &asked(None)).is_ok());
    assert!(check_as("", &json!({}), &asked(Some("at"))).is_ok());
    for (told, token) in [(hash.as_str(), "at2"), ("", "at"), (&hash[..21], "at")] {
        let told = check_as("", &json!({"at_hash": told}), &asked(Some(token))).unwrap_err();
        assert_eq!(told, IdTokenError::AccessTokenHash);
    }
}

#[test]
fn an_authentication_is_no_older_than_was_asked() {
    let asked = Asked {
        max_age: Some(100),
        ..PLAIN
    };
    let check = |auth_time: Json| check_as("", &json!({"auth_time": auth_time}), &asked).err();
    assert_eq!(check(json!(null)), Some(missing("auth_time").into()));
    assert_eq!(check(json!(NOW - 160)), None);
    assert!(matches!(
        check(json!(NOW - 161)),
        Some(IdTokenError::TooOld { .. })
    ));
    assert_eq!(check(json!(NOW + 60)), None);
    assert!(matches!(
        check(json!(NOW + 61)),
        Some(IdTokenError::Claim(ClaimError::Type(_)))
    ));
    assert_eq!(
        error(&json!({"auth_time": NOW - 1_000_000})),
        None,
        "nobody asked"
    );
}

#[test]
fn an_authentication_context_that_was_asked_for_is_given() {
    let asked = Asked {
        essential_acr: &["gold", "silver"],
        ..PLAIN
    };
    for acr in ["gold", "silver"] {
        assert!(check_as("", &json!({"acr": acr}), &asked).is_ok());
    }
    for acr in [
        json!(null),
        json!("bronze"),
        json!(""),
        json!("gold silver"),
        json!("Gold"),
    ] {
        let told = check_as("", &json!({"acr": acr}), &asked).unwrap_err();
        assert!(
            matches!(told, IdTokenError::AuthenticationContext { .. }),
            "{acr}"
        );
    }
}

#[test]
fn a_renewed_id_token_is_about_the_same_login() {
    let asked = |first: Json| Asked {
        first: Some(first),
        ..PLAIN
    };
    let first = good();
    assert!(check_as("", &json!({"nonce": null}), &asked(first.clone())).is_ok());
    assert!(check_as("", &json!({}), &asked(first.clone())).is_ok());
    let told = |changes: Json, first: &Json| check_as("", &changes, &asked(first.clone())).unwrap_err();
    assert_eq!(told(json!({"sub": "bob"}), &first), IdTokenError::Changed("sub"));
    assert_eq!(told(json!({"nonce": "other"}), &first), IdTokenError::Nonce);
    assert_eq!(
        told(json!({}), &json!({"iss": "https://op.test", "sub": "ann"})),
        IdTokenError::Nonce
    );
    let elsewhere = json!({"iss": "https://op.test/tenant", "sub": "ann"});
    assert_eq!(told(json!({}), &elsewhere), IdTokenError::Changed("iss"));
}

#[test]
fn no_shared_secret_is_among_the_algorithms() {
    assert!(ALGORITHMS.iter().all(|algorithm| !algorithm.is_hmac()));
    assert_eq!(ALGORITHMS.len() + 3, Algorithm::ALL.len());
}
