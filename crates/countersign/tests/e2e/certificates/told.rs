//! What is told of a certificate that holds: to its owner, and to the application.

use super::site::{ANN, BOB, Kind, Site, ca, openssl};
use crate::fronts::{change, reason};
use crate::http::Answer;

/// The two calls of the prototype that this takes the place of: with a certificate, and without.
fn check_whoami(kind: Kind) {
    let site = Site::start(kind);
    let headers = |answer: &Answer| {
        [
            "SSL_Client_San",
            "SSL_Client_Issuer",
            "SSL_Client",
            "SSL_Client_Verify",
        ]
        .map(|name| answer.header(name).map(str::to_owned).unwrap_or_default())
    };
    let page = "/.countersign/whoami";
    for version in ["--http1.1", "--http2"] {
        let options = ["--header", "Content-Type: application/json", version];
        let known = site.get(page, Some(ANN), &options);
        assert_eq!(known.status, 200, "{kind:?} {version}: {known:?}");
        let expect = [
            "[\"ann@example.org\"]",
            "CN=Example Issuing CA,O=Example",
            "CN=ann@example.org",
            "SUCCESS",
        ];
        assert_eq!(headers(&known), expect, "{kind:?} {version}");
        assert!(
            known.body.contains("\"subject\":\"ann@example.org\""),
            "{known:?}"
        );
        let unknown = site.get(page, None, &options);
        assert_eq!(
            (unknown.status, reason(&unknown).as_str()),
            (403, "certificate_required")
        );
        assert_eq!(headers(&unknown), [""; 4], "{kind:?} {version}");
        assert_eq!(unknown.count("WWW-Authenticate"), 0);
    }
    let html = site.get(page, Some(BOB), &["-H", "Accept: text/html"]);
    assert!(
        html.body
            .contains("You are <strong>bob@ops.example.org</strong>."),
        "{html:?}"
    );
    assert!(html.body.contains("operators"), "{html:?}");
    assert!(site.upstream.take().is_empty(), "the application is not asked");
}

#[test]
fn behind_nginx_whoami_tells_a_certificates_facts_and_is_403_without_one() {
    check_whoami(Kind::Nginx);
}

#[test]
fn behind_caddy_whoami_tells_a_certificates_facts_and_is_403_without_one() {
    check_whoami(Kind::Caddy);
}

#[test]
fn behind_traefik_whoami_tells_a_certificates_facts_and_is_403_without_one() {
    check_whoami(Kind::Traefik);
}

#[test]
fn standing_alone_whoami_tells_a_certificates_facts_and_is_403_without_one() {
    check_whoami(Kind::Standalone);
}

/// A name with everything that distinguished names escape.
const ODD: &str = "Müller, \"Ann\" + Söhne; <A>=B #1";

/// The application reads the very text that nginx and OpenSSL make of a certificate.
fn check_application(kind: Kind) {
    let site = Site::start_edited(kind, |folder| {
        ca(
            folder,
            &["issue", "client", ODD, "odd@example.org", "--file", "odd"],
        );
        if kind == Kind::Nginx {
            // What nginx itself would say, beside what Countersign says.
            change(
                &folder.0.join("app.conf"),
                "        proxy_set_header X-Real-IP ",
                "        proxy_set_header N-S-Dn $ssl_client_s_dn;\n        proxy_set_header N-I-Dn $ssl_client_i_dn;\n        \
                 proxy_set_header N-Serial $ssl_client_serial;\n        proxy_set_header N-Cert $ssl_client_escaped_cert;\n        \
                 proxy_set_header X-Real-IP ",
            );
        }
    });
    for (files, mail) in [
        ("ca/issued/ann@example.org", ANN),
        ("ca/issued/odd", "odd@example.org"),
    ] {
        let answer = site.get_with("/page?x=1", Some(files), &["-b", "a=b"]);
        assert_eq!(answer.status, 200, "{kind:?}: {answer:?}");
        let seen = site.seen();
        let one = |name: &str| {
            let said = seen.said(name);
            assert_eq!(said.len(), 1, "{kind:?} {name}: {seen:?}");
            said[0].to_owned()
        };
        let of = |option: &str| {
            let text = openssl(
                &site.folder,
                &format!("x509 -in {files}.crt -noout -nameopt RFC2253 {option}"),
            );
            let (_, value) = text.trim_end().split_once('=').unwrap();
            value.to_owned()
        };
        assert_eq!(one("X-SSL-Client"), of("-subject"));
        assert_eq!(one("X-SSL-Client-Issuer"), of("-issuer"));
        assert_eq!(one("X-SSL-Client-Serial"), of("-serial"));
        assert_eq!(
            one("X-SSL-Client-Fingerprint").to_uppercase(),
            of("-fingerprint -sha256").replace(':', "")
        );
        assert_eq!(one("X-SSL-Client-Verify"), "SUCCESS");
        assert_eq!(one("X-SSL-San"), format!("[\"{mail}\"]"));
        assert_eq!(one("X-SSL-San-Typed"), format!("[{{\"email\":\"{mail}\"}}]"));
        assert_eq!(one("X-Auth-Subject"), mail);
        assert_eq!(one("Cookie"), "a=b");
        if kind == Kind::Nginx {
            assert_eq!(one("X-SSL-Client"), one("N-S-Dn"));
            assert_eq!(one("X-SSL-Client-Issuer"), one("N-I-Dn"));
            assert_eq!(one("X-SSL-Client-Serial"), one("N-Serial"));
            assert_eq!(one("X-SSL-Client-Cert"), one("N-Cert"));
        }
    }
}

#[test]
fn behind_nginx_the_application_reads_what_nginx_itself_would_have_said() {
    check_application(Kind::Nginx);
}

#[test]
fn behind_caddy_the_application_reads_what_nginx_would_have_said() {
    check_application(Kind::Caddy);
}

#[test]
fn behind_traefik_the_application_reads_what_nginx_would_have_said() {
    check_application(Kind::Traefik);
}

#[test]
fn standing_alone_the_application_reads_what_nginx_would_have_said() {
    check_application(Kind::Standalone);
}

/// Rules on what the certificate says.
fn check_rules(kind: Kind) {
    let site = Site::start(kind);
    let ann = site.get("/admin/x", Some(ANN), &[]);
    assert_eq!(
        (ann.status, reason(&ann).as_str()),
        (403, "group_unmet"),
        "{kind:?}"
    );
    assert_eq!(site.get("/admin/x", Some(BOB), &[]).status, 200, "{kind:?}");
    assert_eq!(site.seen().said("X-Auth-Groups"), ["operators"]);
}

#[test]
fn behind_nginx_a_certificate_puts_its_owner_into_groups() {
    check_rules(Kind::Nginx);
}

#[test]
fn standing_alone_a_certificate_puts_its_owner_into_groups() {
    check_rules(Kind::Standalone);
}
