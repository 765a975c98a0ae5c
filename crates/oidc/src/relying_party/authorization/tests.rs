//! What the authentication request says, and what nobody can make it say.

use super::*;
use crate::dice::Counted;

fn request(endpoint: &str, wishes: &AuthenticationWishes, response_mode: ResponseMode) -> Url {
    let entropy = Counted::default();
    AuthorizationRequest {
        endpoint: &Url::parse(endpoint).unwrap(),
        client_id: "gw",
        redirect_uri: "https://app.test/.countersign/callback",
        scope: "openid email",
        state: "sealed",
        nonce: Some(&Nonce::draw(&entropy)),
        code_verifier: &CodeVerifier::draw(&entropy),
        response_mode,
        wishes,
    }
    .url()
}

fn pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

#[test]
fn a_request_asks_for_a_code_with_state_nonce_and_s256() {
    let url = request(
        "https://op.test/authorize",
        &AuthenticationWishes::default(),
        ResponseMode::Query,
    );
    let verifier = CodeVerifier::from_text(&BASE64_URL_SAFE_NO_PAD.encode([1; 32])).unwrap();
    let expected = [
        ("response_type", "code"),
        ("client_id", "gw"),
        ("redirect_uri", "https://app.test/.countersign/callback"),
        ("scope", "openid email"),
        ("state", "sealed"),
        ("code_challenge", &*verifier.challenge()),
        ("code_challenge_method", "S256"),
        ("nonce", &*BASE64_URL_SAFE_NO_PAD.encode([0; 32])),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(pairs(&url), expected);
    assert!(
        url.as_str()
            .starts_with("https://op.test/authorize?response_type=code&")
    );
    assert!(!url.as_str().contains(verifier.as_str()));
}

#[test]
fn wishes_are_sent_and_nothing_is_where_there_is_none() {
    let wishes = AuthenticationWishes {
        prompt: Prompt::parse("login consent"),
        max_age: Some(Duration::from_millis(90_500)),
        acr_values: Box::new(["gold".into(), "urn:silver".into()]),
        login_hint: Some("ann@home.test".into()),
        extra: ExtraParameters::new([("hd", "home.test"), ("kc_idp_hint", "x&state=y")]).unwrap(),
    };
    let url = request("https://op.test/authorize", &wishes, ResponseMode::FormPost);
    let pairs = pairs(&url);
    let value = |name: &str| {
        let mut found = pairs.iter().filter(|(own, _)| own == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is sent once");
        first
    };
    assert_eq!(value("prompt"), Some("login consent"));
    assert_eq!(value("max_age"), Some("90"));
    assert_eq!(value("acr_values"), Some("gold urn:silver"));
    assert_eq!(value("login_hint"), Some("ann@home.test"));
    assert_eq!(value("response_mode"), Some("form_post"));
    assert_eq!(value("hd"), Some("home.test"));
    assert_eq!(value("kc_idp_hint"), Some("x&state=y"));
    assert_eq!(value("state"), Some("sealed"));
}

#[test]
fn the_endpoints_own_query_stays_but_for_what_is_ours() {
    let url = request(
        "https://op.test/authorize?p=policy&state=evil&request_uri=x&%73cope=all",
        &AuthenticationWishes::default(),
        ResponseMode::Query,
    );
    let pairs = pairs(&url);
    assert_eq!(pairs.first(), Some(&("p".to_owned(), "policy".to_owned())));
    for (name, value) in [("state", "sealed"), ("scope", "openid email")] {
        let all = pairs.iter().filter(|(own, _)| own == name).collect::<Vec<_>>();
        assert_eq!(all, [&(name.to_owned(), value.to_owned())]);
    }
    assert!(!pairs.iter().any(|(name, _)| name == "request_uri"));
}

#[test]
fn extra_parameters_never_say_what_the_flow_says() {
    for own in OWN_PARAMETERS {
        assert_eq!(
            ExtraParameters::new([(own, "x")]),
            Err(ExtraParameterError::Own(own.to_owned()))
        );
    }
    assert_eq!(
        ExtraParameters::new([("a", "1"), ("a", "2")]),
        Err(ExtraParameterError::Doubled("a".to_owned()))
    );
    let long = "x".repeat(MAX_EXTRA_VALUE + 1);
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("a\n", "x"),
        ("a", "x\r\n"),
        ("a", &long),
    ] {
        assert!(matches!(
            ExtraParameters::new([(name, value)]),
            Err(ExtraParameterError::Unfit(_))
        ));
    }
    let names = (0..=MAX_EXTRA).map(|n| n.to_string()).collect::<Vec<_>>();
    let many = names.iter().map(|name| (name.as_str(), "x"));
    assert!(matches!(
        ExtraParameters::new(many),
        Err(ExtraParameterError::Unfit(_))
    ));
}

#[test]
fn a_prompt_is_words_and_none_stands_alone() {
    for good in ["none", "login", "consent select_account", "create"] {
        assert!(Prompt::parse(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "none login",
        "login none",
        "Login",
        "login  consent",
        " login",
        "a&b",
        &"x".repeat(65),
    ] {
        assert_eq!(Prompt::parse(bad), None, "{bad}");
    }
    assert!(Prompt::none().is_none() && Prompt::parse("none") == Some(Prompt::none()));
}

#[test]
fn nonce_and_verifier_are_drawn_apart_and_printed_never() {
    let entropy = Counted::default();
    let (one, other) = (CodeVerifier::draw(&entropy), CodeVerifier::draw(&entropy));
    assert_ne!(one.as_str(), other.as_str());
    assert_eq!(one.as_str().len(), 43);
    assert_eq!(format!("{one:?}"), "CodeVerifier(***)");
    let nonce = Nonce::draw(&entropy);
    assert_eq!(format!("{nonce:?}"), "Nonce(***)");
    assert!(nonce.equals(nonce.as_str()));
    assert!(!nonce.equals(one.as_str()) && !nonce.equals("") && !nonce.equals(&nonce.as_str()[..42]));
    let again = Nonce::from_text(nonce.as_str()).unwrap();
    assert!(again.equals(nonce.as_str()));
    for text in ["", "short", &format!("{}=", nonce.as_str())] {
        assert!(Nonce::from_text(text).is_none() && CodeVerifier::from_text(text).is_none());
    }
}
