//! Headers of certificates that the client makes up (attacks 9, 10): on no listener, with no certificate, a bad one or a
//! good one, in no version of HTTP do they reach the application, or Countersign.

use super::site::{ANN, Kind, Site, WHAT, keep, openssl};
use crate::fronts::{change, read};
use crate::http::Request;
use countersign_testkit::pki::{Authority, Key, San, Template};

/// What a forger writes. No honest value holds it.
const FORGED: &str = "forged-by-the-client";

const NAMES: [&str; 16] = [
    "X-SSL-San",
    "X-SSL-San-Typed",
    "X-SSL-Client",
    "X-SSL-Client-Issuer",
    "X-SSL-Client-Verify",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Serial",
    "X-SSL-Client-Fingerprint",
    "X_SSL_Client",
    "X-SSL_San",
    "x-ssl-client-s-dn",
    "SSL_CLIENT_S_DN",
    "X-Auth-Subject",
    "Client-Cert",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
];

/// The example with its first route open, also to those without a certificate, and a listener in the clear.
fn open(kind: Kind) -> Site {
    Site::start_edited(kind, |folder| {
        let configuration = kind.configuration(WHAT, folder);
        let text = read(&configuration);
        let closed = "accept = [\"certificate.clients\"]";
        let opened = text.replacen(closed, "accept = [\"certificate.clients\", \"anonymous\"]", 1);
        assert_ne!(text, opened);
        std::fs::write(&configuration, opened).unwrap();
        if kind == Kind::Nginx {
            let site = read(&folder.0.join("app.conf"));
            let (_, guarded) = site
                .split_once("    include countersign/locations.conf;")
                .unwrap();
            let redirect = site.lines().find(|line| line.contains("return 307")).unwrap();
            let guarded = guarded.rsplit_once('}').unwrap().0;
            let clear = format!("    include countersign/locations.conf;{guarded}");
            change(&folder.0.join("app.conf"), redirect, &clear);
        }
        let key = Key(3);
        let ann = |name: &str| Template::client(name, key).names(&[San::Email("ann@example.org")]);
        let stranger = Authority::root("Stranger", Key(2));
        keep(folder, "stranger", &stranger.issue(&ann("stranger")), key);
    })
}

fn check(kind: Kind) {
    let site = open(kind);
    let check = |status: u16, what: &str, subject: &[&str]| {
        let seen = site.upstream.take();
        assert!(matches!(status, 200 | 400 | 403), "{kind:?} {what}: {status}");
        assert_eq!(seen.len(), usize::from(status == 200), "{kind:?} {what}");
        for seen in seen {
            assert!(!seen.holds(FORGED), "{kind:?} let {what} through: {seen:?}");
            assert_eq!(seen.said("X-Auth-Subject"), subject, "{kind:?} {what}");
            let verify = if subject.is_empty() { ["NONE"] } else { ["SUCCESS"] };
            let failed = seen
                .said("X-SSL-Client-Verify")
                .iter()
                .all(|said| said.starts_with("FAILED:"));
            assert!(
                failed || seen.said("X-SSL-Client-Verify") == verify,
                "{kind:?} {what}: {seen:?}"
            );
        }
    };
    let ann = format!("ca/issued/{ANN}");
    for name in NAMES {
        let header = format!("{name}: {FORGED}");
        for version in ["--http1.1", "--http2"] {
            for files in [None, Some("stranger"), Some(ann.as_str())] {
                let answer = site.get_with("/page", files, &[version, "-H", &header]);
                let subject: &[&str] = if files == Some(&ann) { &[ANN] } else { &[] };
                check(answer.status, &format!("{name} {version} {files:?}"), subject);
            }
        }
        if kind == Kind::Nginx {
            let clear = Request::get("/page", "app.test").header(name, FORGED);
            check(
                clear.send(&site.plain.into()).status,
                &format!("{name} in the clear"),
                &[],
            );
        }
    }
}

#[test]
fn behind_nginx_no_header_of_a_certificate_is_the_clients() {
    check(Kind::Nginx);
}

#[test]
fn behind_caddy_no_header_of_a_certificate_is_the_clients() {
    check(Kind::Caddy);
}

#[test]
fn behind_traefik_no_header_of_a_certificate_is_the_clients() {
    check(Kind::Traefik);
}

#[test]
fn standing_alone_no_header_of_a_certificate_is_the_clients() {
    check(Kind::Standalone);
}

/// The header by which Countersign is told, made up by a client that has read this: Ann's certificate without her key.
fn check_brought(kind: Kind) {
    let site = open(kind);
    assert_eq!(site.get("/page", Some(ANN), &[]).status, 200);
    let escaped = site.seen().said("X-SSL-Client-Cert")[0].to_owned();
    assert!(escaped.starts_with("-----BEGIN%20CERTIFICATE-----"), "{escaped}");
    let certificate = openssl(&site.folder, &format!("x509 -in ca/issued/{ANN}.crt"));
    let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
    let der = lines.collect::<String>();
    let names = [
        "X-Original-Client-Cert",
        "X_Original_Client_Cert",
        "x-forwarded-tls-client-cert",
        "X_Forwarded_Tls_Client_Cert",
    ];
    for (name, value) in names.iter().flat_map(|name| [(name, &escaped), (name, &der)]) {
        let header = format!("{name}: {value}");
        for files in [None, Some("stranger")] {
            for version in ["--http1.1", "--http2"] {
                let answer = site.get_with("/page", files, &[version, "-H", &header]);
                for seen in site.upstream.take() {
                    assert!(!seen.holds(value), "{kind:?} {name} {files:?}: {seen:?}");
                    assert!(
                        seen.said("X-Auth-Subject").is_empty(),
                        "{kind:?} {name} {files:?}: {seen:?}"
                    );
                }
                assert!(
                    matches!(answer.status, 200 | 400 | 403),
                    "{kind:?} {name}: {answer:?}"
                );
                let page = "/.countersign/whoami";
                let who = site.get_with(page, files, &[version, "-H", &header]);
                assert!(!who.body.contains(ANN), "{kind:?} {name} {files:?}: {who:?}");
            }
        }
        if kind == Kind::Nginx {
            let clear = Request::get("/page", "app.test").header(name, value);
            clear.send(&site.plain.into());
        }
        for seen in site.upstream.take() {
            assert!(
                !seen.holds(value) && seen.said("X-Auth-Subject").is_empty(),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn behind_nginx_nobody_brings_a_certificate_in_a_header() {
    check_brought(Kind::Nginx);
}

#[test]
fn behind_caddy_nobody_brings_a_certificate_in_a_header() {
    check_brought(Kind::Caddy);
}

#[test]
fn behind_traefik_nobody_brings_a_certificate_in_a_header() {
    check_brought(Kind::Traefik);
}

#[test]
fn standing_alone_nobody_brings_a_certificate_in_a_header() {
    check_brought(Kind::Standalone);
}
