//! What never gets in, and what goes out.

use super::fact::ListFormat;
use super::*;
use crate::certificate::Verdict;
use crate::claims::{ClaimPath, Claims, ClaimsBuilder};
use crate::principal::{AuthenticationMethod, FactPaths, Principal};
use http::HeaderValue;
use std::sync::Arc;

fn set() -> IdentityHeaders {
    IdentityHeaders::new(["x-auth-subject", "x-auth-groups", "x-tenant"].map(HeaderName::from_static))
}

fn headers(names: &[&str]) -> HeaderMap {
    names
        .iter()
        .map(|name| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static("forged"),
            )
        })
        .collect()
}

#[test]
fn every_spelling_is_stripped_in_proxy_mode() {
    let mut seen = headers(&[
        "X-Auth-Subject",
        "X_Auth_Subject",
        "x.auth.subject",
        "X-Auth_Groups",
        "x_tenant",
        "Remote-User",
        "Remote.user",
        "X-Forwarded_User",
        "X-SSL-Client-DN",
        "SSL_CLIENT_S",
        "Client-Cert",
        "client_cert_chain",
        "X-WebAuth-User",
        "X-Auth-Request-Email",
        "X-Forwarded-Client-Cert",
        "accept",
        "x-auth",
        "x-tenants",
    ]);
    set().strip(&mut seen);
    let mut left = seen.keys().map(HeaderName::as_str).collect::<Vec<_>>();
    left.sort_unstable();
    assert_eq!(left, ["accept", "x-auth", "x-tenants"]);
}

#[test]
fn another_spelling_is_refused_where_another_program_forwards() {
    let set = set();
    let mut exact = headers(&["X-Auth-Subject", "accept"]);
    assert_eq!(set.strip_or_refuse(&mut exact, &[]), Ok(()));
    assert_eq!(exact.len(), 1);
    for name in [
        "X_Auth_Subject",
        "X.Auth.Subject",
        "x-auth_subject",
        "Remote-User",
        "X-Forwarded-User",
        "x_tenant",
        "X-Auth-Email",
        "x_auth.userid",
    ] {
        let refused = set.strip_or_refuse(&mut headers(&[name]), &[]).err();
        assert_eq!(
            refused.map(|refused| refused.reason),
            Some(UnreadableReason::IdentityHeaderForged),
            "{name}"
        );
    }
    let read_here = HeaderName::from_static("x-forwarded-client-cert");
    assert_eq!(
        set.strip_or_refuse(&mut headers(&["X-Forwarded-Client-Cert"]), &[read_here]),
        Ok(())
    );
}

fn principal(build: impl FnOnce(&mut ClaimsBuilder)) -> Principal {
    let mut builder = ClaimsBuilder::default();
    builder.open_object().unwrap();
    build(&mut builder);
    builder.close().unwrap();
    let claims: Claims = builder.finish().unwrap();
    let facts = FactPaths {
        subject: ClaimPath::subject(),
        groups: ClaimPath::parse("groups").unwrap(),
        trust_unverified_email: false,
        leeway: FactPaths::LEEWAY,
    };
    Principal {
        authenticator: "token.services".into(),
        method: AuthenticationMethod::Token,
        issuer: "https://op.test".into(),
        claims,
        written: Written::default(),
        tokens: None,
        facts: Arc::new(facts),
    }
}

fn text(builder: &mut ClaimsBuilder, key: &str, value: &str) {
    builder.key(key).unwrap();
    builder.string(value).unwrap();
}

fn groups(of: &'static [&'static str]) -> Principal {
    principal(|builder| {
        builder.key("groups").unwrap();
        builder.open_array().unwrap();
        for group in of {
            builder.string(group).unwrap();
        }
        builder.close().unwrap();
    })
}

fn written(fact: &Fact, principal: &Principal, format: ListFormat) -> Vec<String> {
    let mut lines = Vec::new();
    fact.write(principal, &Verdict::None, format, None, &mut |value| {
        lines.push(String::from_utf8(value.to_vec()).unwrap());
    });
    lines
}

#[test]
fn lists_join_so_that_no_element_can_pose_as_two() {
    let ops = groups(&["ops", "a,b", "50%", "new\nline", " padded ", "café", "", "x y"]);
    assert_eq!(
        written(&Fact::Groups, &ops, ListFormat::Comma),
        ["ops,a%2Cb,50%25,new%0Aline,%20padded%20,café,x y"]
    );
    assert_eq!(
        written(&Fact::Groups, &ops, ListFormat::Json),
        [r#"["ops","a,b","50%","new\u000aline"," padded ","café","x y"]"#]
    );
    assert_eq!(
        written(&Fact::Groups, &groups(&["a", "b,c"]), ListFormat::Lines),
        ["a", "b%2Cc"]
    );
    for format in [ListFormat::Comma, ListFormat::Lines] {
        assert_eq!(written(&Fact::Groups, &groups(&[]), format), [""]);
    }
}

#[test]
fn a_value_that_would_arrive_altered_is_left_out() {
    for odd in ["ann\r\nx: y", " ann", "ann\t", "an\u{0}n", "ann\u{7f}"] {
        let ann = principal(|builder| text(builder, "sub", odd));
        assert_eq!(written(&Fact::Subject, &ann, ListFormat::Comma), [""], "{odd:?}");
    }
    let plain = principal(|builder| text(builder, "sub", "Žofie, 100%"));
    assert_eq!(
        written(&Fact::Subject, &plain, ListFormat::Comma),
        ["Žofie, 100%"]
    );
}

#[test]
fn an_address_goes_out_only_when_verified() {
    let ann = |verified: Option<bool>| {
        principal(|builder| {
            text(builder, "email", "ann@x.test");
            if let Some(verified) = verified {
                builder.key("email_verified").unwrap();
                builder.bool(verified).unwrap();
            }
        })
    };
    assert_eq!(
        written(&Fact::Email, &ann(Some(true)), ListFormat::Comma),
        ["ann@x.test"]
    );
    assert_eq!(written(&Fact::Email, &ann(Some(false)), ListFormat::Comma), [""]);
    assert_eq!(written(&Fact::Email, &ann(None), ListFormat::Comma), [""]);
}

#[test]
fn claims_of_every_type_have_one_spelling() {
    let ann = principal(|builder| {
        builder.key("exp").unwrap();
        builder.number("1893456060").unwrap();
        builder.key("tenant").unwrap();
        builder.open_object().unwrap();
        text(builder, "id", "t\"1");
        builder.close().unwrap();
        builder.key("nothing").unwrap();
        builder.null().unwrap();
    });
    let claim = |path: &str| written(&Fact::parse(path).unwrap(), &ann, ListFormat::Comma);
    assert_eq!(claim("claims.exp"), ["1893456060"]);
    assert_eq!(claim("claims.tenant"), [r#"{"id":"t\"1"}"#]);
    assert_eq!(claim("claims.tenant.id"), ["t\"1"]);
    assert_eq!(claim("claims.nothing"), [""]);
    assert_eq!(claim("claims.absent"), [""]);
    assert_eq!(Fact::parse("tenant"), None);
}

#[test]
fn every_preset_named_is_one() {
    assert!(PRESETS.iter().all(|name| preset(name).is_some()));
    assert!(preset("x-authentik").is_none());
}
