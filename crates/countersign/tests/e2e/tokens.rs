//! One table of tokens, through every front proxy: what is right arrives with its identity, what is not never arrives.

use crate::forge;
use crate::fronts::{Front, Kind, reason};
use crate::http::Request;
use crate::issuer::{API, API_ES256, Issuer, OTHER};
use crate::process::Folder;
use serde_json::json;

/// Tokens that must not open the page, and the reason that must be given.
fn refused(issuer: &Issuer) -> [(Option<String>, &'static str); 10] {
    let folder = Folder::new();
    let claims = || forge::claims(&issuer.url, "ann");
    let mut expired = claims();
    expired["exp"] = json!(forge::now() - 120);
    let mut early = claims();
    early["nbf"] = json!(forge::now() + 300);
    let mut raised = claims();
    raised["groups"] = json!(["operators", "admins"]);
    let good = issuer.token("ann", API);
    let tampered = forge::tampered(&good, &raised);
    let under_the_same_key_id = forge::Key::make(&folder, "RS256").sign(Some(&forge::key_id(&good)), &raised);
    let shared_secret = forge::hmac_token("0123456789abcdef0123456789abcdef", &raised);
    [
        (None, "no_credential"),
        (Some("not.a.token".to_owned()), "token_malformed"),
        (Some(tampered), "signature_invalid"),
        (Some(under_the_same_key_id), "signature_invalid"),
        (Some(forge::unsigned(&raised)), "algorithm_none"),
        (Some(shared_secret), "algorithm_not_allowed"),
        (Some(issuer.sign("RS256", &expired)), "token_expired"),
        (Some(issuer.sign("ES256", &early)), "token_not_yet_valid"),
        (Some(issuer.token("ann", OTHER)), "audience_wrong"),
        (Some(Issuer::stranger().token("ann", API)), "unknown_issuer"),
    ]
}

/// A request that claims to be somebody else and somewhere else.
fn request(path: &str, token: Option<&str>) -> Request {
    Request::get(path, "app.test")
        .bearer(token)
        .header("Accept", "application/json")
        .header("Cookie", "theme=dark")
        .header("X-Auth-Subject", "somebody-else")
        .header("X-Auth-Locale", "somewhere-else")
}

fn check(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start(kind, issuer);
    let refused = refused(issuer);
    for (token, word) in &refused {
        must_refuse(&front, "/page", token.as_deref(), (401, word));
    }
    let [ann, ann_es256] = [API, API_ES256].map(|resource| issuer.token("ann", resource));
    let bob = issuer.token("bob", API);
    must_refuse(&front, "/admin/page", Some(&bob), (403, "group_unmet"));

    let is_ann = ["ann", "operators,staff", "ann@home.example", "ann.example"];
    must_allow(&front, "/page?a=b", &ann, is_ann);
    must_allow(&front, "/page", &ann_es256, is_ann);
    must_allow(&front, "/admin/page", &ann, is_ann);
    must_allow(&front, "/page", &bob, ["bob", "staff", "", "bob.example"]);

    let log = front.gateway().written();
    for token in refused
        .iter()
        .filter_map(|(token, _)| token.as_ref())
        .chain([&ann, &ann_es256, &bob])
    {
        let told = token
            .split('.')
            .skip(1)
            .any(|part| part.len() > 8 && log.contains(part));
        assert!(!told, "{kind:?}: a token is in the log:\n{log}");
    }
    assert!(
        log.contains("audience_wrong") && !log.contains("theme=dark"),
        "{kind:?}:\n{log}"
    );
}

fn must_refuse(front: &Front, path: &str, token: Option<&str>, (status, word): (u16, &str)) {
    let answer = front.send(&request(path, token));
    let name = format!("{:?}, {word}: {answer:?}", front.kind);
    assert_eq!(
        (answer.status, reason(&answer).as_str()),
        (status, word),
        "{name}"
    );
    assert_eq!(
        answer.count("WWW-Authenticate"),
        usize::from(status == 401),
        "{name}"
    );
    assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{name}");
    let seen = front.upstream.take();
    assert!(seen.is_empty(), "{name} reached the application: {seen:?}");
}

fn must_allow(front: &Front, path: &str, token: &str, identity: [&str; 4]) {
    let answer = front.send(&request(path, Some(token)));
    let name = format!("{:?}, {path}: {answer:?}", front.kind);
    assert_eq!(answer.status, 200, "{name}");
    assert_eq!(answer.header("X-From"), Some("upstream"), "{name}");
    let seen = front.upstream.take();
    let [seen] = &seen[..] else {
        panic!("{name}: {seen:?}")
    };
    assert!(
        seen.line.starts_with(&format!("GET {path} HTTP/1.")),
        "{name}: {seen:?}"
    );
    assert_eq!(seen.said("Cookie"), ["theme=dark"], "{name}");
    assert!(seen.said("X-Auth-Locale").is_empty(), "{name}: {seen:?}");
    let headers = [
        "X-Auth-Subject",
        "X-Auth-Groups",
        "X-Auth-Email",
        "X-Auth-Username",
    ];
    for (header, value) in headers.into_iter().zip(identity) {
        assert_eq!(seen.said(header).concat(), value, "{name}, {header}: {seen:?}");
    }
}

#[test]
fn behind_nginx_over_tcp_only_the_right_token_arrives() {
    check(Kind::Nginx);
}

#[test]
fn behind_nginx_over_a_unix_socket_only_the_right_token_arrives() {
    check(Kind::NginxUnix);
}

#[test]
fn behind_caddy_only_the_right_token_arrives() {
    check(Kind::Caddy);
}

#[test]
fn behind_traefik_only_the_right_token_arrives() {
    check(Kind::Traefik);
}

#[test]
fn behind_the_gateway_alone_only_the_right_token_arrives() {
    check(Kind::Standalone);
}

#[test]
fn an_identity_larger_than_a_page_of_memory_arrives_whole_through_nginx() {
    let issuer = Issuer::shared();
    let front = Front::start(Kind::Nginx, issuer);
    let groups = (0..450)
        .map(|number| format!("group-{number:03}"))
        .collect::<Vec<_>>();
    let mut claims = forge::claims(&issuer.url, "ann");
    claims["groups"] = json!(groups);
    let answer = front.send(&request("/page", Some(&issuer.sign("ES256", &claims))));
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = front.upstream.take();
    assert_eq!(seen[0].said("X-Auth-Groups"), [groups.join(",")]);
}
