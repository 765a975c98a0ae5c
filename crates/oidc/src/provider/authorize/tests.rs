use super::*;
use crate::provider::client::tests::clients;
use crate::provider::scope::Scope;

const SITE: &str = "client_id=https%3A%2F%2Fapp.home.example&redirect_uri=https%3A%2F%2Fapp.home.example%2F.countersign%2Fcallback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A sound request, `more` in place of the parameters of the same names.
fn form(more: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "a b"),
    ];
    let kept = usual
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let pairs = kept
        .chain(more)
        .map(|(name, value)| format!("&{name}={}", form::encode(value)));
    format!("{SITE}{}", pairs.collect::<String>())
}

fn sound(more: &[(&str, &str)]) -> AuthenticationRequest {
    match read(form(more).as_bytes(), &clients()) {
        Ok(Read::Sound(request)) => *request,
        other => panic!("{other:?}"),
    }
}

fn refused(more: &[(&str, &str)]) -> (AnswerTo, Refusal) {
    match read(form(more).as_bytes(), &clients()) {
        Ok(Read::Refused(answer, why)) => (answer, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_says_who_asks_and_where_the_answer_goes() {
    let request = sound(&[
        ("nonce", "n-1"),
        ("scope", "openid email telephone offline_access"),
    ]);
    assert_eq!(request.answer.client.id(), "https://app.home.example");
    assert_eq!(
        *request.answer.redirect_uri,
        *"https://app.home.example/.countersign/callback"
    );
    assert_eq!(request.answer.state.as_deref(), Some("a b"));
    assert_eq!(request.answer.mode, ResponseMode::Query);
    assert_eq!(request.nonce.as_deref(), Some("n-1"));
    assert_eq!(*request.challenge, *CHALLENGE);
    assert_eq!(request.scopes, Scopes::of(&[Scope::Email, Scope::OfflineAccess]));
    assert_eq!((request.prompt, request.clicked), (Prompt::AsNeeded, false));
}

#[test]
fn how_it_is_answered_and_asked_is_the_clients_choice() {
    let request = sound(&[
        ("response_mode", "form_post"),
        ("max_age", "1"),
        ("prompt", "none"),
    ]);
    assert_eq!(request.answer.mode, ResponseMode::FormPost);
    assert_eq!(request.prompt, Prompt::Nothing);
    assert_eq!(sound(&[("prompt", "login consent")]).prompt, Prompt::Click);
    assert_eq!(sound(&[("prompt", "create")]).prompt, Prompt::AsNeeded);
    // Empty is as none at all.
    assert_eq!(sound(&[("prompt", ""), ("max_age", "")]).prompt, Prompt::AsNeeded);
    // A login that is to be made anew is made anew, or not at all.
    assert_eq!(sound(&[("max_age", "0")]).prompt, Prompt::Click);
    let aged = sound(&[("max_age", "60")]);
    assert_eq!(
        (aged.prompt, aged.max_age),
        (Prompt::AsNeeded, Some(Duration::from_mins(1)))
    );
    assert_eq!(refused(&[("max_age", "0"), ("prompt", "none")]).1, LOGIN_REQUIRED);
}

#[test]
fn a_click_is_the_same_request_and_one_parameter_more() {
    let asked = form(&[("state", "a b&c"), ("prompt", "login")]);
    assert!(!sound(&[("prompt", "login")]).clicked);
    let again = with_click(asked.as_bytes());
    let Ok(Read::Sound(request)) = read(again.as_bytes(), &clients()) else {
        panic!("{again}")
    };
    assert!(request.clicked);
    assert_eq!(request.answer.state.as_deref(), Some("a b&c"));
    assert_eq!(with_click(again.as_bytes()), again);
}

#[test]
fn nothing_goes_to_a_place_that_is_not_the_clients() {
    let check = |form: &str, why: Unanswerable| {
        assert_eq!(read(form.as_bytes(), &clients()).err(), Some(why), "{form}");
    };
    check("", Unanswerable::Nobody);
    check("client_id=", Unanswerable::Nobody);
    check(
        "client_id=https%3A%2F%2Fevil.test",
        Unanswerable::Client("https://evil.test".into()),
    );
    check(
        &format!("client_id={}", "x".repeat(600)),
        Unanswerable::Client("x".repeat(MAX_TOLD).into()),
    );
    check(
        "client_id=https%3A%2F%2Fapp.home.example",
        Unanswerable::Nowhere("https://app.home.example".into()),
    );
    let elsewhere = |uri: &str| Unanswerable::RedirectUri {
        client: "https://app.home.example".into(),
        uri: uri.into(),
    };
    check(
        "client_id=https%3A%2F%2Fapp.home.example&redirect_uri=https%3A%2F%2Fevil.test%2F.countersign%2Fcallback",
        elsewhere("https://evil.test/.countersign/callback"),
    );
    // Another site's, which is a site as well.
    check(
        "client_id=https%3A%2F%2Fapp.home.example&redirect_uri=https%3A%2F%2Fb.home.example%2F.countersign%2Fcallback",
        elsewhere("https://b.home.example/.countersign/callback"),
    );
    check(
        &format!("{SITE}&redirect_uri=https%3A%2F%2Fevil.test%2F"),
        Unanswerable::Form(FormError::Doubled),
    );
    check(
        &form(&[("state", &"x".repeat(17_000))]),
        Unanswerable::Form(FormError::TooLarge),
    );
}

#[test]
fn what_is_wrong_is_told_to_the_client() {
    let check = |more: &[(&str, &str)], error: &str| {
        let (answer, why) = refused(more);
        assert_eq!(why.error, error, "{more:?}: {}", why.description);
        assert_eq!(answer.client.id(), "https://app.home.example");
    };
    check(&[("response_type", "token")], "unsupported_response_type");
    check(&[("response_type", "code id_token")], "unsupported_response_type");
    check(&[("response_type", "")], "unsupported_response_type");
    check(&[("response_mode", "fragment")], "invalid_request");
    check(&[("scope", "email")], "invalid_scope");
    check(&[("scope", "OpenID")], "invalid_scope");
    check(&[("code_challenge", "")], "invalid_request");
    check(&[("code_challenge_method", "plain")], "invalid_request");
    check(&[("code_challenge_method", "")], "invalid_request");
    check(&[("code_challenge", "short")], "invalid_request");
    check(&[("code_challenge", &"+".repeat(43))], "invalid_request");
    check(&[("prompt", "none login")], "invalid_request");
    check(&[("max_age", "-1")], "invalid_request");
    check(&[("max_age", "1e3")], "invalid_request");
    check(&[("max_age", "0x10")], "invalid_request");
    check(&[("max_age", "99999999999")], "invalid_request");
    check(&[("request", "x.y.z")], "request_not_supported");
    check(
        &[("request_uri", "https://app.home.example/r")],
        "request_uri_not_supported",
    );
    check(&[("registration", "{}")], "registration_not_supported");
    check(&[("nonce", "a\nb")], "invalid_request");
    check(&[("nonce", &"n".repeat(513))], "invalid_request");
}

#[test]
fn a_state_that_cannot_go_back_is_refused_without_it() {
    for state in ["a\r\nSet-Cookie: x", "\u{e9}", &"s".repeat(2049)] {
        let (answer, why) = refused(&[("state", state)]);
        assert_eq!((answer.state, why.error), (None, "invalid_request"), "{state:?}");
    }
    // What else is wrong comes back with the state.
    let (answer, _) = refused(&[("scope", "email")]);
    assert_eq!(answer.state.as_deref(), Some("a b"));
}

#[test]
fn of_an_address_the_log_has_neither_user_nor_query_and_not_much() {
    for (uri, shown) in [
        (
            "https://app.test/callback?code=SECRET#x",
            "https://app.test/callback?…",
        ),
        (
            "https://app.test/callback#SECRET?x",
            "https://app.test/callback#…",
        ),
        (
            "https://ann:SECRET@app.test:8443/@x",
            "https://…@app.test:8443/@x",
        ),
        ("https://ann:SECRET@app.test", "https://…@app.test"),
        ("https://app.test/callback", "https://app.test/callback"),
        ("/callback", "/callback"),
        ("", ""),
    ] {
        assert_eq!(*told(uri), *shown, "{uri}");
    }
    let long = format!("https://app.test/{}", "ä".repeat(4000));
    assert_eq!(told(&long).chars().count(), MAX_TOLD);
    let odd = Unanswerable::RedirectUri {
        client: "app".into(),
        uri: told("https://app.test/\r\n{\"level\":1}"),
    };
    assert!(!odd.to_string().contains(char::is_control), "{odd}");
}
