use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", form::encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn code_form(more: &[(&str, &str)]) -> String {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", "c-1"),
        ("redirect_uri", "https://app.test/back"),
        ("code_verifier", VERIFIER),
    ];
    let kept = usual
        .into_iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form(&kept.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn error(form: &str, authorization: Option<&str>) -> TokenError {
    TokenRequest::read(form.as_bytes(), authorization).unwrap_err()
}

#[test]
fn a_code_is_redeemed_by_whoever_knows_its_verifier() {
    let request = TokenRequest::read(code_form(&[("client_id", "app")]).as_bytes(), None).unwrap();
    assert_eq!(request.client_id.as_deref(), Some("app"));
    assert!(matches!(request.proof, Proof::None));
    let Grant::Code(grant) = request.grant else {
        panic!()
    };
    assert_eq!(
        (grant.code.expose().as_str(), &*grant.redirect_uri),
        ("c-1", "https://app.test/back")
    );
    // The example of RFC 7636, appendix B.
    assert!(grant.answers(CHALLENGE));
    assert!(!grant.answers(&CHALLENGE.replace('E', "F")));
    assert!(!grant.answers(""));
    assert!(!grant.answers(VERIFIER));
}

#[test]
fn a_client_proves_itself_in_one_way() {
    let proof = |more: &[(&str, &str)], authorization: Option<&str>| {
        TokenRequest::read(code_form(more).as_bytes(), authorization)
            .map(|request| (request.client_id, request.proof))
    };
    // `a b:c` and `p%:+` as RFC 6749 wants them.
    let header = format!("Basic {}", BASE64_STANDARD.encode("a+b%3Ac:p%25%3A%2B"));
    let (id, way) = proof(&[], Some(&header)).unwrap();
    assert_eq!(id.as_deref(), Some("a b:c"));
    assert!(matches!(way, Proof::Basic(secret) if secret.expose() == "p%:+"));
    let (id, way) = proof(&[("client_id", "app"), ("client_secret", "s")], None).unwrap();
    assert_eq!(id.as_deref(), Some("app"));
    assert!(matches!(way, Proof::Post(secret) if secret.expose() == "s"));
    let assertion = [
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", "x.y.z"),
    ];
    let (_, way) = proof(&assertion, None).unwrap();
    assert!(matches!(way, Proof::Assertion(_)));

    let invalid = |more: &[(&str, &str)], authorization: Option<&str>, code: &str| {
        let why = proof(more, authorization).unwrap_err();
        assert_eq!(why.code(), code, "{more:?} {authorization:?}");
    };
    invalid(&[("client_secret", "s")], Some(&header), "invalid_request");
    invalid(
        &[assertion[0], assertion[1], ("client_secret", "s")],
        None,
        "invalid_request",
    );
    invalid(&[("client_id", "other")], Some(&header), "invalid_request");
    invalid(&[assertion[1]], None, "invalid_request");
    invalid(&[assertion[0]], None, "invalid_request");
    invalid(
        &[("client_assertion_type", "saml"), assertion[1]],
        None,
        "invalid_request",
    );
    for bad in ["Bearer x", "Basic", "Basic !", "Basic YQ==", "Basic OnM=", ""] {
        invalid(&[], Some(bad), "invalid_client");
    }
}

#[test]
fn a_refresh_token_may_ask_for_less() {
    let refresh = |more: &[(&str, &str)]| {
        let usual = [("grant_type", "refresh_token"), ("refresh_token", "r-1")];
        form(&usual.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let asked = |form: &str| match TokenRequest::read(form.as_bytes(), None).unwrap().grant {
        Grant::Refresh { token, scopes } => (token.expose().clone(), scopes),
        Grant::Code(_) | Grant::ClientCredentials { .. } => panic!(),
    };
    assert_eq!(asked(&refresh(&[])), ("r-1".into(), None));
    let (_, scopes) = asked(&refresh(&[("scope", "openid email")]));
    assert_eq!(scopes.unwrap().text(), "openid email");
    assert_eq!(
        error(&refresh(&[("scope", "email")]), None),
        TokenError::NOT_GRANTED
    );
}

#[test]
fn a_device_asks_for_a_token_for_one_place() {
    let machine = |more: &[(&str, &str)]| {
        let usual = [("grant_type", "client_credentials")];
        form(&usual.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let resource = ("resource", "https://app.home.example");
    let request = TokenRequest::read(machine(&[resource, ("expires_in", "60")]).as_bytes(), None).unwrap();
    assert_eq!(request.client_id, None);
    let Grant::ClientCredentials { resource: place } = request.grant else {
        panic!()
    };
    assert_eq!(&*place, resource.1);
    assert_eq!(error(&machine(&[]), None).code(), "invalid_request");
}

#[test]
fn whoever_asks_may_ask_for_a_shorter_life() {
    let life = |form: &str| TokenRequest::read(form.as_bytes(), None).map(|request| request.expires_in);
    let machine = [
        ("grant_type", "client_credentials"),
        ("resource", "https://app.test"),
    ];
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "r-1")];
    let forms = |seconds: &str| {
        let asked = ("expires_in", seconds);
        [
            code_form(&[asked]),
            form(&[refresh[0], refresh[1], asked]),
            form(&[machine[0], machine[1], asked]),
        ]
    };
    for form in forms("60") {
        assert_eq!(life(&form), Ok(Some(Duration::from_mins(1))), "{form}");
    }
    assert_eq!(life(&code_form(&[])), Ok(None));
    for bad in ["0", "-1", "nan", "0x10", "1e3", "99999999999", "1.5"] {
        for form in forms(bad) {
            assert_eq!(life(&form).unwrap_err().code(), "invalid_request", "{form}");
        }
    }
}

#[test]
fn what_is_missing_or_has_two_readings_is_refused() {
    for (more, code) in [
        (("grant_type", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            "unsupported_grant_type",
        ),
        (("grant_type", "refresh_token"), "invalid_request"),
        (("code", ""), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("code_verifier", ""), "invalid_request"),
        (("code_verifier", "short"), "invalid_request"),
        (("code_verifier", &*"v".repeat(129)), "invalid_request"),
        (("code_verifier", &*"+".repeat(43)), "invalid_request"),
    ] {
        assert_eq!(error(&code_form(&[more]), None).code(), code, "{more:?}");
    }
    assert_eq!(
        error(&format!("{}&code=c-2", code_form(&[])), None).code(),
        "invalid_request"
    );
    assert_eq!(error("a=%ff", None).code(), "invalid_request");
    assert_eq!(error(&"a".repeat(40_000), None).code(), "invalid_request");
}

#[test]
fn a_refusal_reads_as_the_standard_has_it() {
    let why = TokenError::InvalidGrant("the code is not known");
    assert_eq!(why.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        why.body(),
        r#"{"error":"invalid_grant","error_description":"the code is not known"}"#
    );
    assert_eq!(TokenError::InvalidClient("").status(), StatusCode::UNAUTHORIZED);
}
