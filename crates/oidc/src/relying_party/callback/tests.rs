//! What a browser may bring back, and what it may not.

use super::*;
use crate::issuer::IssuerTemplate;
use AuthorizationErrorKind as Kind;

fn parse(form: &str) -> Result<AuthorizationResponse, CallbackError> {
    AuthorizationResponse::parse(form.as_bytes())
}

#[test]
fn a_code_and_its_state_come_back() {
    let answer = parse("code=a%2Bb&state=s&session_state=x&iss=https%3A%2F%2Fop.test&scope=openid").unwrap();
    assert_eq!(&*answer.state, "s");
    assert_eq!(answer.issuer.as_deref(), Some("https://op.test"));
    assert_eq!(answer.outcome.as_ref().unwrap().expose(), "a+b");
    assert!(!format!("{answer:?}").contains("a+b"), "a code is not printed");
}

#[test]
fn an_answer_without_its_state_is_none() {
    for form in [
        "",
        "code=x",
        "code=x&state=",
        "error=access_denied",
        "code=x&State=s",
        "code=x&state[]=s",
    ] {
        assert_eq!(parse(form).unwrap_err(), CallbackError::State, "{form}");
    }
    let long = format!("code=x&state={}", "s".repeat(MAX_STATE_BYTES + 1));
    assert_eq!(parse(&long).unwrap_err(), CallbackError::State);
}

#[test]
fn there_is_exactly_a_code_or_exactly_an_error() {
    for form in [
        "state=s",
        "state=s&code=",
        "state=s&error=",
        "state=s&code=x&error=access_denied",
    ] {
        assert_eq!(parse(form).unwrap_err(), CallbackError::Outcome, "{form}");
    }
    let long = format!("state=s&code={}", "c".repeat(MAX_CODE_BYTES + 1));
    assert_eq!(parse(&long).unwrap_err(), CallbackError::Outcome);
}

#[test]
fn nothing_occurs_twice() {
    for form in [
        "code=x&state=good&state=evil",
        "code=x&code=y&state=s",
        "code=x&state=s&%73tate=t",
        "code=x&state=s&iss=a&iss=b",
        "code=x&state=s&other&other",
    ] {
        assert_eq!(
            parse(form).unwrap_err(),
            CallbackError::Form(FormError::Doubled),
            "{form}"
        );
    }
}

#[test]
fn tokens_of_other_flows_are_refused() {
    for name in OTHER_FLOWS {
        let form = format!("code=x&state=s&{name}=eyJ");
        assert_eq!(parse(&form).unwrap_err(), CallbackError::OtherFlow(name));
    }
}

#[test]
fn what_is_too_long_or_broken_is_refused() {
    let long = format!("code=x&state=s&pad={}", "x".repeat(MAX_RESPONSE_BYTES));
    assert_eq!(
        parse(&long).unwrap_err(),
        CallbackError::Form(FormError::TooLarge)
    );
    for form in ["code=%f&state=s", "code=%ff&state=s", "%=&state=s"] {
        assert_eq!(
            parse(form).unwrap_err(),
            CallbackError::Form(FormError::Malformed),
            "{form}"
        );
    }
}

#[test]
fn errors_are_told_apart() {
    let check = |code: &str, kind: Kind| {
        let answer = parse(&format!("state=s&error={code}&error_description=no%0Away")).unwrap();
        let error = answer.outcome.unwrap_err();
        assert_eq!(error.kind, kind, "{code}");
        assert_eq!(error.told.code(), code);
        assert_eq!(error.told.description(), Some("noway"));
    };
    check("access_denied", Kind::AccessDenied);
    check("login_required", Kind::LoginRequired);
    check("interaction_required", Kind::InteractionRequired);
    check("consent_required", Kind::InteractionRequired);
    check("account_selection_required", Kind::InteractionRequired);
    check("unmet_authentication_requirements", Kind::InteractionRequired);
    check("temporarily_unavailable", Kind::TemporarilyUnavailable);
    check("server_error", Kind::TemporarilyUnavailable);
    check("invalid_scope", Kind::Other);
    check("Access_Denied", Kind::Other);
    let long = parse(&format!("state=s&error={}", "e".repeat(500))).unwrap();
    assert_eq!(long.outcome.unwrap_err().told.code().len(), 80);
}

#[test]
fn the_issuer_that_was_asked_answers() {
    let rule = IssuerRule::exact("https://op.test");
    let check = |form: &str, always_named: bool| {
        parse(&format!("code=x&state=s{form}"))
            .unwrap()
            .check_issuer(&rule, always_named)
    };
    assert_eq!(check("&iss=https://op.test", true), Ok(()));
    assert_eq!(check("&iss=https://op.test", false), Ok(()));
    assert_eq!(check("", false), Ok(()));
    assert_eq!(check("", true), Err(CallbackError::IssuerMissing));
    for other in ["https://op.test/", "https://other.test", "", "null"] {
        for always_named in [true, false] {
            let told = check(&format!("&iss={other}"), always_named);
            assert!(matches!(told, Err(CallbackError::Issuer { .. })), "{other}");
        }
    }
    let template = IssuerTemplate::new("https://login.test/{t}/v2.0", "tid").unwrap();
    let answer = parse("code=x&state=s&iss=https://login.test/0a/v2.0").unwrap();
    assert_eq!(answer.check_issuer(&IssuerRule::Template(template), true), Ok(()));
}
