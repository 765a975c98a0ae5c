//! Each check of a token's claims, one line a token.

use super::*;
use crate::json::parse_object;

const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);

fn expectation() -> Expectation {
    Expectation::new(
        "https://op.test".into(),
        vec!["api".into(), "web".into()],
        vec![Algorithm::Rs256],
    )
    .unwrap()
}

fn judged(claims: &str, typ: Option<&str>, expectation: &Expectation) -> &'static str {
    let claims = parse_object(claims.as_bytes()).unwrap();
    check(&claims, typ, expectation, NOW).map_or_else(|error| error.code(), |_| "ok")
}

/// The good claims with `more` after them.
fn with(more: &str) -> String {
    format!(r#"{{"iss":"https://op.test","aud":"api","exp":1893456600,"sub":"ann"{more}}}"#)
}

#[test]
fn an_expectation_leaves_nothing_out() {
    let (issuer, api, rs) = (
        || Arc::from("i"),
        || vec!["api".into()],
        || vec![Algorithm::Rs256],
    );
    assert!(Expectation::new("".into(), api(), rs()).is_none());
    assert!(Expectation::new(issuer(), Vec::new(), rs()).is_none());
    assert!(Expectation::new(issuer(), vec!["".into()], rs()).is_none());
    assert!(Expectation::new(issuer(), api(), Vec::new()).is_none());
}

#[test]
fn issuer_audience_and_end_are_required_and_typed() {
    let good = with("");
    assert_eq!(judged(&good, None, &expectation()), "ok");
    let cases = [
        (r#""iss":"https://op.test","#, "", "claim_missing"),
        (
            r#""iss":"https://op.test""#,
            r#""iss":"https://op.test/""#,
            "issuer_wrong",
        ),
        (
            r#""iss":"https://op.test""#,
            r#""iss":"http://op.test""#,
            "issuer_wrong",
        ),
        (
            r#""iss":"https://op.test""#,
            r#""iss":"HTTPS://op.test""#,
            "issuer_wrong",
        ),
        (
            r#""iss":"https://op.test""#,
            r#""iss":["https://op.test"]"#,
            "claim_type",
        ),
        (r#""aud":"api","#, "", "claim_missing"),
        (r#""aud":"api""#, r#""aud":["other","web"]"#, "ok"),
        (r#""aud":"api""#, r#""aud":"ap""#, "audience_wrong"),
        (r#""aud":"api""#, r#""aud":"apis""#, "audience_wrong"),
        (r#""aud":"api""#, r#""aud":"API""#, "audience_wrong"),
        (r#""aud":"api""#, r#""aud":[]"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":[""]"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":null"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":{}"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":0"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":true"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":["api",1]"#, "claim_type"),
        (r#""aud":"api""#, r#""aud":[["api"]]"#, "claim_type"),
        (r#""exp":1893456600,"#, "", "claim_missing"),
    ];
    for (from, to, expect) in cases {
        assert_eq!(
            judged(&good.replace(from, to), None, &expectation()),
            expect,
            "{to}"
        );
    }
}

#[test]
fn times_are_numbers_within_their_bounds() {
    let exp = |value: &str| judged(&with("").replace("1893456600", value), None, &expectation());
    for value in [
        r#""1893456600""#,
        "null",
        "[]",
        "1e300",
        "-1",
        "true",
        "-0.5",
        "18446744073709551615",
        "9223372036854775808",
        "253402300800",
    ] {
        assert_eq!(exp(value), "claim_type", "{value}");
    }
    assert_eq!(exp("1893456600.5"), "ok");
    assert_eq!(exp("1.8934566e9"), "ok");
    assert_eq!(exp("0"), "token_expired");
    assert_eq!(exp("-0.0"), "token_expired");
    for name in ["iat", "nbf"] {
        for value in [r#""1""#, "null", "[]", "1e300", "-1", "true"] {
            assert_eq!(
                judged(&with(&format!(r#","{name}":{value}"#)), None, &expectation()),
                "claim_type",
                "{name} {value}"
            );
        }
    }
}

#[test]
fn leeway_is_allowed_on_both_sides_and_not_a_second_more() {
    let at = |more: &str| judged(&with(more), None, &expectation());
    assert_eq!(at(r#","nbf":1893456060"#), "ok");
    assert_eq!(at(r#","nbf":1893456061"#), "token_not_yet_valid");
    assert_eq!(at(r#","iat":1893456060"#), "ok");
    assert_eq!(at(r#","iat":1893456060.001"#), "token_issued_in_future");
    let exp = |value: &str| judged(&with("").replace("1893456600", value), None, &expectation());
    assert_eq!(exp("1893455940"), "token_expired");
    assert_eq!(exp("1893455940.001"), "ok");
    let strict = Expectation {
        leeway: Duration::ZERO,
        ..expectation()
    };
    assert_eq!(judged(&with(r#","nbf":1893456000"#), None, &strict), "ok");
    assert_eq!(
        judged(&with("").replace("1893456600", "1893456000"), None, &strict),
        "token_expired"
    );
}

#[test]
fn other_types_of_tokens_are_refused() {
    let cases = [
        ("", Some("JWT"), "ok"),
        ("", Some("at+jwt"), "ok"),
        ("", Some("application/AT+JWT"), "ok"),
        ("", Some("logout+jwt"), "token_type"),
        ("", Some("dpop+jwt"), "token_type"),
        ("", Some(""), "token_type"),
        (r#","nonce":"n""#, None, "token_type"),
        (r#","nonce":"n""#, Some("at+jwt"), "ok"),
        (r#","nonce":"n","typ":"Bearer""#, None, "ok"),
        (r#","nonce":"n","token_use":"access""#, None, "ok"),
        (r#","nonce":"n","typ":"JWT""#, None, "token_type"),
        (r#","typ":"JWT""#, None, "ok"),
        (r#","typ":"DPoP""#, None, "token_type"),
        (r#","typ":"DPoP","cnf":{"jkt":"x"}"#, None, "ok"),
        (r#","typ":"Offline""#, None, "token_type"),
        (r#","typ":"""#, None, "token_type"),
        (r#","typ":"Refresh""#, None, "token_type"),
        (r#","typ":"ID""#, None, "token_type"),
        (r#","typ":"Logout""#, Some("at+jwt"), "token_type"),
        (r#","token_use":"id""#, None, "token_type"),
        (r#","typ":1"#, None, "claim_type"),
        (r#","at_hash":"x""#, None, "token_type"),
        (r#","c_hash":"x""#, Some("at+jwt"), "token_type"),
        (r#","events":{}"#, None, "token_type"),
        (r#","sub_jwk":{}"#, None, "token_type"),
    ];
    for (more, typ, expect) in cases {
        assert_eq!(judged(&with(more), typ, &expectation()), expect, "{more} {typ:?}");
    }
    let strict = Expectation {
        require_typ: Some("at+jwt".into()),
        ..expectation()
    };
    assert_eq!(judged(&with(""), Some("application/at+jwt"), &strict), "ok");
    assert_eq!(judged(&with(""), Some("JWT"), &strict), "token_type");
    assert_eq!(judged(&with(""), None, &strict), "token_type");
}

#[test]
fn further_claims_can_be_required_and_the_audience_found_elsewhere() {
    let strict = Expectation {
        required_claims: Box::new(["tenant".into()]),
        ..expectation()
    };
    assert_eq!(judged(&with(""), None, &strict), "claim_missing");
    assert_eq!(judged(&with(r#","tenant":null"#), None, &strict), "claim_missing");
    assert_eq!(judged(&with(r#","tenant":"x""#), None, &strict), "ok");
    let elsewhere = Expectation {
        audience_claim: "client_id".into(),
        ..expectation()
    };
    assert_eq!(judged(&with(r#","client_id":"web""#), None, &elsewhere), "ok");
    assert_eq!(judged(&with(""), None, &elsewhere), "claim_missing");
}

#[test]
fn a_wrong_audience_says_what_came_and_what_to_do_in_keycloak() {
    let claims = parse_object(
        with(r#","azp":"app""#)
            .replace(r#""api""#, r#""account""#)
            .as_bytes(),
    )
    .unwrap();
    let told = check(&claims, None, &expectation(), NOW).unwrap_err().to_string();
    assert!(
        told.contains(r#"["account"]"#) && told.contains(r#"["api", "web"]"#) && told.contains("mapper"),
        "{told}"
    );
}

fn svid() -> Expectation {
    let trust_domain = TrustDomain::parse("example.org").unwrap();
    let algorithms = JWT_SVID_ALGORITHMS.to_vec();
    Expectation::jwt_svid(trust_domain, vec!["api".into()], algorithms).unwrap()
}

#[test]
fn a_jwt_svid_is_expected_with_an_audience_and_its_own_algorithms() {
    let example = || TrustDomain::parse("example.org").unwrap();
    let (api, rs) = (|| vec!["api".into()], || vec![Algorithm::Rs256]);
    assert_eq!(&**svid().issuer(), "spiffe://example.org");
    assert_eq!(svid().trust_domain(), Some(&example()));
    assert!(Expectation::jwt_svid(example(), Vec::new(), rs()).is_none());
    assert!(Expectation::jwt_svid(example(), vec!["".into()], rs()).is_none());
    assert!(Expectation::jwt_svid(example(), api(), Vec::new()).is_none());
    for algorithm in Algorithm::ALL {
        let expect = !algorithm.is_hmac() && algorithm != Algorithm::EdDsa;
        let expectation = Expectation::jwt_svid(example(), api(), vec![Algorithm::Rs256, algorithm]);
        assert_eq!(expectation.is_some(), expect, "{}", algorithm.name());
    }
}

#[test]
fn a_jwt_svid_is_a_workloads_of_its_trust_domain_whatever_its_issuer() {
    let judged = |sub: &str, more: &str| {
        let claims = format!(r#"{{{sub}"aud":["api"],"exp":1893456600{more}}}"#);
        judged(&claims, None, &svid())
    };
    for (sub, expect) in [
        (r#""sub":"spiffe://example.org/joe","#, "ok"),
        (r#""sub":"spiffe://example.org/ns/staging/sa/default","#, "ok"),
        (r#""sub":"spiffe://evil/joe","#, "issuer_wrong"),
        (r#""sub":"spiffe://sub.example.org/joe","#, "issuer_wrong"),
        (r#""sub":"spiffe://example.org.evil/joe","#, "issuer_wrong"),
        (r#""sub":"spiffe://example.org","#, "claim_type"),
        (r#""sub":"spiffe://example.org/","#, "claim_type"),
        (r#""sub":"spiffe://Example.org/joe","#, "claim_type"),
        (r#""sub":"spiffe://example.org//joe","#, "claim_type"),
        (r#""sub":"https://example.org/joe","#, "claim_type"),
        (r#""sub":"joe","#, "claim_type"),
        (r#""sub":["spiffe://example.org/joe"],"#, "claim_type"),
        ("", "claim_missing"),
    ] {
        assert_eq!(judged(sub, ""), expect, "{sub}");
    }
    let joe = r#""sub":"spiffe://example.org/joe","#;
    for issuer in [r#","iss":"https://op.test""#, r#","iss":7"#] {
        assert_eq!(judged(joe, issuer), "ok");
    }
    let claims = |text: &str| parse_object(text.as_bytes()).unwrap();
    for (text, expect) in [
        (
            r#"{"sub":"spiffe://example.org/joe","exp":1893456600}"#,
            "claim_missing",
        ),
        (
            r#"{"sub":"spiffe://example.org/joe","aud":"other","exp":1893456600}"#,
            "audience_wrong",
        ),
        (
            r#"{"sub":"spiffe://example.org/joe","aud":"api"}"#,
            "claim_missing",
        ),
        (
            r#"{"sub":"spiffe://example.org/joe","aud":"api","exp":1893455000}"#,
            "token_expired",
        ),
    ] {
        let told = check(&claims(text), None, &svid(), NOW).unwrap_err();
        assert_eq!(told.code(), expect, "{text}");
    }
}

#[test]
fn the_type_of_a_jwt_svid_is_jwt_or_jose_letter_by_letter() {
    let good = r#"{"sub":"spiffe://example.org/joe","aud":"api","exp":1893456600}"#;
    for (typ, expect) in [
        (None, "ok"),
        (Some("JWT"), "ok"),
        (Some("JOSE"), "ok"),
        (Some("jwt"), "token_type"),
        (Some("at+jwt"), "token_type"),
        (Some("application/JWT"), "token_type"),
        (Some(""), "token_type"),
    ] {
        assert_eq!(judged(good, typ, &svid()), expect, "{typ:?}");
    }
}
