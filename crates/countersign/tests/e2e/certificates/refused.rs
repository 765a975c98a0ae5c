//! Certificates that do not hold: each with its reason, on a page or in a problem.

use super::site::{Kind, Site, another_authority, keep};
use crate::fronts::reason;
use countersign_testkit::pki::{Authority, Key, San, Template};

fn check(kind: Kind) {
    let site = Site::start_edited(kind, |folder| {
        let another = another_authority(folder);
        let key = Key(3);
        let ann = |name: &str| Template::client(name, key).names(&[San::Email("ann@example.org")]);
        let issue = |name: &str, template: &Template| keep(folder, name, &another.issue(template), key);
        issue("good", &ann("good"));
        issue(
            "expired",
            &ann("expired").valid("20250101000000Z", "20250201000000Z"),
        );
        issue("early", &ann("early").valid("20340101000000Z", "20350101000000Z"));
        issue("server", &Template::server("app.test", key));
        issue("nameless", &Template::client("nameless", key));
        let stranger = Authority::root("Stranger", Key(2));
        keep(folder, "stranger", &stranger.issue(&ann("stranger")), key);
    });
    let told = |files: &str, options: &[&str]| {
        let answer = site.get_with("/page", Some(files), options);
        (answer.status, reason(&answer))
    };
    let cases = [
        ("expired", "certificate_expired"),
        ("early", "certificate_not_yet_valid"),
        ("server", "certificate_usage"),
        ("nameless", "certificate_subject"),
        ("stranger", "certificate_unknown_authority"),
    ];
    for (files, word) in cases {
        for version in ["--http1.1", "--http2"] {
            assert_eq!(
                told(files, &[version]),
                (403, word.to_owned()),
                "{kind:?} {files} {version}"
            );
        }
        let page = site.get_with("/page", Some(files), &["-H", "Accept: text/html"]);
        assert!(
            page.header("Content-Type").unwrap().starts_with("text/html"),
            "{files}: {page:?}"
        );
        assert!(page.body.contains(word), "{files}: {page:?}");
        assert!(site.upstream.take().is_empty(), "{kind:?} {files}");
    }
    assert_eq!(told("good", &[]).0, 200, "{kind:?}");
}

#[test]
fn behind_nginx_a_certificate_that_does_not_hold_is_told_why() {
    check(Kind::Nginx);
}

#[test]
fn behind_caddy_a_certificate_that_does_not_hold_is_told_why() {
    check(Kind::Caddy);
}

#[test]
fn behind_traefik_a_certificate_that_does_not_hold_is_told_why() {
    check(Kind::Traefik);
}

#[test]
fn standing_alone_a_certificate_that_does_not_hold_is_told_why() {
    check(Kind::Standalone);
}
