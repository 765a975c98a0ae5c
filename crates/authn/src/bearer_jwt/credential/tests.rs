use super::*;
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::request::{Forwarder, RequestId};
use http::{HeaderMap, Method};

fn request(target: &str, headers: &[(&str, &str)]) -> OriginalRequest {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    OriginalRequest {
        id: RequestId(1),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("api.example").unwrap(),
        target: Target::judge(target).unwrap(),
        client: None,
        headers: map,
        forwarder: Forwarder::Another,
        certificate: ClientCertificate::default(),
    }
}

fn default_places() -> Places {
    Places::new(AUTHORIZATION, Grammar::Bearer { allow_bare: false }, None, &[])
}

/// `Ok(None)` for absent, `Ok(token)` or the reason.
fn check(
    places: &Places,
    target: &str,
    headers: &[(&str, &str)],
    expect: Result<Option<&str>, RejectionReason>,
) {
    let request = request(target, headers);
    let found = match places.search(&request) {
        Search::Absent => Ok(None),
        Search::Token(candidate) => candidate.text().map(Some).map_err(|(reason, _)| reason),
        Search::Refused(reason, ..) => Err(reason),
    };
    assert_eq!(found, expect, "{target} {headers:?}");
}

/// Attack row 132: one grammar, and nothing that another reader could take otherwise.
#[test]
fn authorization_is_one_scheme_one_space_and_one_token() {
    let places = default_places();
    let one = |value: &str, expect| check(&places, "/", &[("authorization", value)], expect);
    let malformed = Err(RejectionReason::AuthorizationMalformed);
    one("Bearer a.b.c", Ok(Some("a.b.c")));
    one("bearer a.b.c", Ok(Some("a.b.c")));
    one("BEARER a.b.c==", Ok(Some("a.b.c==")));
    for value in [
        "Bearer",
        "Bearer  a.b.c",
        "Bearer\ta.b.c",
        "Bearer \ta.b.c",
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer a.b.c d",
        "Bearer a.b.c,",
        "Bearer \"a.b.c\"",
        "Bearer token=a.b.c",
        "Bearer a.b.c;x",
        "Bearer,a.b.c",
        "Bearer=a.b.c",
        "Bearer:a.b.c",
        "Bearer \u{e1}.b.c",
        "Bearer a.b%2ec",
        "a.b.c",
        ",Bearer a.b.c",
        "\"Bearer\" a.b.c",
    ] {
        one(value, malformed);
    }
    for value in [
        "Basic YTpi",
        "Negotiate",
        "Bearerish a.b.c",
        "Digest username=\"a\"",
    ] {
        one(value, Ok(None));
    }
    check(&places, "/", &[], Ok(None));
    check(
        &places,
        "/?access_token=a.b.c",
        &[("cookie", "token=a.b.c")],
        Ok(None),
    );
}

#[test]
fn two_authorization_lines_are_refused_when_one_of_them_is_ours() {
    let places = default_places();
    let two = |one: &str, other: &str, expect| {
        check(
            &places,
            "/",
            &[("authorization", one), ("authorization", other)],
            expect,
        );
    };
    let malformed = Err(RejectionReason::AuthorizationMalformed);
    two("Bearer a.b.c", "Bearer a.b.c", malformed);
    two("Basic YTpi", "Bearer a.b.c", malformed);
    two("Basic YTpi", "Basic YTpi", Ok(None));
}

#[test]
fn a_bare_token_is_taken_by_choice_only() {
    let places = Places::new(AUTHORIZATION, Grammar::Bearer { allow_bare: true }, None, &[]);
    let one = |value: &str, expect| check(&places, "/", &[("authorization", value)], expect);
    one("a.b.c", Ok(Some("a.b.c")));
    one("Bearer a.b.c", Ok(Some("a.b.c")));
    one("Basic YTpi", Ok(None));
    one("a.b.c\"", Err(RejectionReason::TokenMalformed));
}

#[test]
fn another_header_may_have_its_exact_prefix_or_none() {
    let name = || HeaderName::from_static("x-token");
    let bare = Places::new(name(), Grammar::Prefix("".into()), None, &[]);
    check(&bare, "/", &[("x-token", "a.b.c")], Ok(Some("a.b.c")));
    check(
        &bare,
        "/",
        &[("x-token", "Bearer a.b.c")],
        Err(RejectionReason::TokenMalformed),
    );
    check(&bare, "/", &[("authorization", "Bearer a.b.c")], Ok(None));
    check(
        &bare,
        "/",
        &[("x-token", "")],
        Err(RejectionReason::TokenMalformed),
    );
    let doubled = [("x-token", "a.b.c"), ("x-token", "a.b.c")];
    check(&bare, "/", &doubled, Err(RejectionReason::AuthorizationMalformed));
    let prefixed = Places::new(name(), Grammar::Prefix("JWT ".into()), None, &[]);
    check(&prefixed, "/", &[("x-token", "JWT a.b.c")], Ok(Some("a.b.c")));
    for value in ["a.b.c", "jwt a.b.c", "JWT"] {
        check(
            &prefixed,
            "/",
            &[("x-token", value)],
            Err(RejectionReason::AuthorizationMalformed),
        );
    }
    check(
        &prefixed,
        "/",
        &[("x-token", "JWT  a.b.c")],
        Err(RejectionReason::TokenMalformed),
    );
    let other_scheme = Places::new(AUTHORIZATION, Grammar::Prefix("Token ".into()), None, &[]);
    check(
        &other_scheme,
        "/",
        &[("authorization", "Token a.b.c")],
        Ok(Some("a.b.c")),
    );
    check(&other_scheme, "/", &[("authorization", "Bearer a.b.c")], Ok(None));
}

#[test]
fn a_cookie_and_a_query_parameter_are_read_when_named() {
    let grammar = Grammar::Bearer { allow_bare: false };
    let places = Places::new(AUTHORIZATION, grammar, Some("at"), &["token", "access_token"]);
    check(
        &places,
        "/",
        &[("cookie", "a=1; at=a.b.c; b=2")],
        Ok(Some("a.b.c")),
    );
    check(&places, "/?x=1&token=a.b.c", &[], Ok(Some("a.b.c")));
    check(&places, "/?access_token=a.b.c", &[], Ok(Some("a.b.c")));
    check(&places, "/?%74oken=a.b.c", &[], Ok(Some("a.b.c")));
    check(&places, "/?Token=a.b.c", &[("cookie", "AT=a.b.c")], Ok(None));
    for (target, cookie) in [
        ("/?token=", "x=1"),
        ("/?token", "x=1"),
        ("/?token=a%2eb.c", "x=1"),
        ("/", "at="),
        ("/", "at=\"a.b.c\""),
    ] {
        check(
            &places,
            target,
            &[("cookie", cookie)],
            Err(RejectionReason::TokenMalformed),
        );
    }
    let ambiguous = Err(RejectionReason::CredentialAmbiguous);
    check(&places, "/?token=a.b.c&token=a.b.c", &[], ambiguous);
    check(&places, "/?token=a.b.c&access_token=a.b.c", &[], ambiguous);
    check(&places, "/?token=a.b.c", &[("cookie", "at=a.b.c")], ambiguous);
    check(
        &places,
        "/?token=a.b.c",
        &[("authorization", "Bearer a.b.c")],
        ambiguous,
    );
    check(
        &places,
        "/",
        &[("cookie", "at=a.b.c"), ("cookie", "at=a.b.c")],
        ambiguous,
    );
}

#[test]
fn a_cookie_is_sent_unasked_and_the_others_are_chosen() {
    let grammar = Grammar::Bearer { allow_bare: false };
    let places = Places::new(AUTHORIZATION, grammar, Some("at"), &["token"]);
    let presented = |target: &str, headers: &[(&str, &str)]| match places.search(&request(target, headers)) {
        Search::Token(Candidate { presented, .. }) | Search::Refused(_, presented, _) => presented,
        Search::Absent => panic!("absent"),
    };
    assert_eq!(presented("/", &[("cookie", "at=a.b.c")]), Presented::Ambient);
    assert_eq!(presented("/", &[("cookie", "at=!")]), Presented::Ambient);
    assert_eq!(presented("/?token=a.b.c", &[]), Presented::Explicit);
    assert_eq!(
        presented("/", &[("authorization", "Bearer a.b.c")]),
        Presented::Explicit
    );
    assert_eq!(
        presented("/?token=a.b.c", &[("cookie", "at=a.b.c")]),
        Presented::Explicit
    );
}
