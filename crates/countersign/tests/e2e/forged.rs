//! Identity headers that the client forges, in every spelling an application might take for one: through no front does
//! their value reach the application.

use crate::fronts::{Front, Kind, change};
use crate::http::Request;
use crate::issuer::{API, Issuer};

/// What a forger writes. No honest value holds it.
const FORGED: &str = "forged-by-the-client";

/// Configured names and built-in ones, with `-`, `_` and `.`.
const NAMES: [&str; 20] = [
    "X-Auth-Subject",
    "x-auth-subject",
    "X_Auth_Subject",
    "X.Auth.Subject",
    "X-Auth_Groups",
    "X.Auth-Groups",
    "X_Auth.Email",
    "X-Auth-Locale",
    "x_auth_expiresin",
    "Remote-User",
    "Remote_User",
    "REMOTE.USER",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X.Forwarded.Groups",
    "X-Auth-Request-User",
    "X-WebAuth-User",
    "X-SSL-Client-S-DN",
    "Ssl-Client-Verify",
    "X-Forwarded-Client-Cert",
];

fn check(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start_edited(kind, issuer, |folder| {
        let anonymous_too = "accept = [\"token.services\", \"anonymous\"]";
        change(
            &folder.join(kind.configuration()),
            "accept = [\"token.services\"]",
            anonymous_too,
        );
    });
    let ann = issuer.token("ann", API);
    for (token, subject) in [(Some(ann.as_str()), vec!["ann"]), (None, vec![])] {
        for name in NAMES {
            let once = Request::get("/page", "app.test")
                .bearer(token)
                .header(name, FORGED);
            let twice = once.clone().header(&name.to_ascii_uppercase(), FORGED);
            for request in [once, twice] {
                let answer = front.send(&request);
                let seen = front.upstream.take();
                assert!(
                    matches!(answer.status, 200 | 400 | 403),
                    "{kind:?}, {name}: {answer:?}"
                );
                assert_eq!(
                    seen.len(),
                    usize::from(answer.status == 200),
                    "{kind:?}, {name}: {answer:?}"
                );
                for seen in seen {
                    assert!(!seen.holds(FORGED), "{kind:?} let {name} through: {seen:?}");
                    assert_eq!(seen.said("X-Auth-Subject"), subject, "{kind:?}, {name}");
                }
            }
        }
        // The client names our headers as its connection's own, so that a proxy on the way drops them.
        let dropped = Request::get("/page", "app.test")
            .bearer(token)
            .header("Connection", "X-Auth-Subject, X-Auth-Groups, Cookie");
        let answer = front.send(&dropped);
        for seen in front.upstream.take() {
            assert_eq!(
                seen.said("X-Auth-Subject"),
                subject,
                "{kind:?}: {answer:?} {seen:?}"
            );
        }
    }
}

/// Headers that tell a gateway about the original request, as a client might forge them: for `/page`, which Bob may see,
/// in place of `/admin/page`, which he may not.
const TOLD: [(&str, &str); 12] = [
    ("X-Original-URL", "http://app.test/page"),
    ("X-Original-URI", "/page"),
    ("X_Original_URL", "http://app.test/page"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Original-Host", "none.test"),
    ("X-Forwarded-Uri", "/page"),
    ("X_Forwarded_Uri", "/page"),
    ("X-Forwarded-Host", "none.test"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-Prefix", "/page"),
    ("X-Rewrite-URL", "/page"),
    ("Forwarded", "host=none.test"),
];

fn check_told(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start(kind, issuer);
    let bob = issuer.token("bob", API);
    let mut all = Request::get("/admin/page", "app.test").bearer(Some(&bob));
    for (name, value) in TOLD {
        all = all.header(name, value);
        for request in [
            Request::get("/admin/page", "app.test")
                .bearer(Some(&bob))
                .header(name, value),
            all.clone(),
        ] {
            let answer = front.send(&request);
            assert!(
                matches!(answer.status, 400 | 403),
                "{kind:?} believes {name}: {answer:?}"
            );
            assert!(front.upstream.take().is_empty(), "{kind:?} believes {name}");
        }
    }
}

#[test]
fn nginx_tells_the_gateway_what_it_saw_and_not_what_the_client_says() {
    check_told(Kind::Nginx);
}

#[test]
fn caddy_tells_the_gateway_what_it_saw_and_not_what_the_client_says() {
    check_told(Kind::Caddy);
}

#[test]
fn traefik_tells_the_gateway_what_it_saw_and_not_what_the_client_says() {
    check_told(Kind::Traefik);
}

#[test]
fn the_gateway_alone_goes_by_what_it_saw_and_not_by_what_the_client_says() {
    check_told(Kind::Standalone);
}

#[test]
fn through_nginx_no_forged_identity_arrives() {
    check(Kind::Nginx);
}

#[test]
fn through_nginx_over_a_unix_socket_no_forged_identity_arrives() {
    check(Kind::NginxUnix);
}

#[test]
fn through_caddy_no_forged_identity_arrives() {
    check(Kind::Caddy);
}

#[test]
fn through_traefik_no_forged_identity_arrives() {
    check(Kind::Traefik);
}

#[test]
fn through_the_gateway_alone_no_forged_identity_arrives() {
    check(Kind::Standalone);
}
