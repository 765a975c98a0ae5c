//! What somebody with curl sees: browsers are sent to log in and come back, programs are told, the application learns who it
//! is and nothing of our cookies.

use super::site::{Kind, Site, Visitor};
use crate::fronts::reason;
use crate::http::Answer;

/// Every identity header of the examples.
const HEADERS: [&str; 8] = [
    "X-Auth-Subject",
    "X-Auth-Groups",
    "X-Auth-Username",
    "X-Auth-Userid",
    "X-Auth-Email",
    "X-Auth-Audience",
    "X-Auth-ExpiresIn",
    "X-Auth-Locale",
];

/// As a program asks for JSON.
const JSON: [&str; 2] = ["-H", "Accept: application/json"];

/// The names of the cookies that an answer sets.
fn cookies(answer: &Answer) -> Vec<&str> {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    set.map(|(_, value)| value.split('=').next().unwrap()).collect()
}

fn logs_in(kind: Kind) {
    let site = Site::start(kind);
    let ann = Visitor::new(&site, "ann");
    let page = "/page?a=b&c=%2F&d=%C3%A4+e";
    let back = ann.log_in(page, "ann");
    assert_eq!((back.status, back.body.as_str()), (200, "the page\n"), "{kind:?}");
    assert_eq!(back.url, site.url(page), "{kind:?}");
    let seen = site.seen();
    assert!(
        seen.line.starts_with(&format!("GET {page} HTTP/1.")),
        "{kind:?}: {seen:?}"
    );
    for (name, value) in [
        ("X-Auth-Subject", "ann"),
        ("X-Auth-Groups", "staff,operators"),
        ("X-Auth-Username", "ann.doe"),
        ("X-Auth-Email", "ann@home.test"),
        ("X-Auth-Audience", "app"),
        ("X-Auth-Locale", "en-GB"),
    ] {
        assert_eq!(seen.said(name), [value], "{kind:?} {name}");
    }
    assert!(!seen.holds("__Host-"), "{kind:?}: {seen:?}");

    // From then on the provider is not asked, cookies of the application's own go on, and nobody says who they are.
    ann.takes_the_cookie("theirs", "1");
    let lies = HEADERS.map(|name| format!("{name}: mallory"));
    let options = lies.iter().flat_map(|lie| ["-H", lie.as_str()]);
    let options = options.collect::<Vec<_>>();
    assert_eq!(ann.ask("/page", &options).status, 200, "{kind:?}");
    let seen = site.seen();
    assert_eq!(seen.said("X-Auth-Subject"), ["ann"], "{kind:?}");
    assert_eq!(seen.said("Cookie"), ["theirs=1"], "{kind:?}");
    assert!(!seen.holds("mallory"), "{kind:?}: {seen:?}");

    // Where everybody may go nobody is known, whoever has logged in.
    assert_eq!(ann.ask("/bye", &options).status, 200, "{kind:?}");
    let seen = site.seen();
    assert!(!seen.holds("mallory"), "{kind:?}: {seen:?}");
    for name in HEADERS {
        assert!(seen.said(name).is_empty(), "{kind:?} {name}");
    }
    assert!(!seen.holds("__Host-"), "{kind:?}: {seen:?}");

    // The page that tells a script about the session.
    let session = ann.ask("/.countersign/session", &JSON);
    assert_eq!(session.status, 200, "{kind:?}");
    assert!(
        session.body.contains("\"subject\":\"ann\""),
        "{kind:?}: {}",
        session.body
    );
}

#[test]
fn whoever_logs_in_comes_back_to_the_page_and_is_known_to_the_application() {
    for kind in Kind::ALL {
        logs_in(kind);
    }
}

fn is_told(kind: Kind) {
    let site = Site::start(kind);
    let nobody = Visitor::new(&site, "nobody");
    // Beside nginx the example has the article's way with programs.
    let refused = match kind {
        Kind::Nginx => 403,
        Kind::Caddy | Kind::Traefik | Kind::Standalone => 401,
    };
    for options in [
        JSON.as_slice(),
        &["-H", "Accept: */*"],
        &["-H", "Accept: text/html", "-d", "amount=7"],
    ] {
        let told = nobody.ask("/page", options);
        assert_eq!(told.status, refused, "{kind:?} {options:?}: {told:?}");
        assert_eq!(told.header("Location"), None, "{kind:?} {options:?}");
        assert!(cookies(&told).is_empty(), "{kind:?} {options:?}: {told:?}");
    }
    assert_eq!(reason(&nobody.ask("/page", &JSON)), "no_credential", "{kind:?}");
    let led = nobody.ask("/page?a=b", &["-H", "Accept: text/html"]);
    assert_eq!(led.status, 303, "{kind:?}: {led:?}");
    let there = "/.countersign/login?to=%2Fpage%3Fa%3Db";
    let location = led.header("Location").unwrap();
    assert!(
        location == there || location == site.url(there),
        "{kind:?}: {location}"
    );
    // A cookie that is nobody's is taken back, and opens nothing.
    let stale = [
        "-H",
        "Accept: text/html",
        "-H",
        "Cookie: __Host-countersign=5d56c217.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    let led = nobody.ask("/page", &stale);
    assert_eq!(led.status, 303, "{kind:?}: {led:?}");
    assert!(site.upstream.take().is_empty(), "{kind:?}");
}

#[test]
fn programs_are_told_and_never_led_elsewhere() {
    for kind in Kind::ALL {
        is_told(kind);
    }
}

/// The question is the proxy's alone; no client gets an answer to one of its own.
#[test]
fn nobody_but_the_proxy_asks_the_question() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let ann = Visitor::new(&site, "ann");
        ann.log_in("/page", "ann");
        site.upstream.take();
        let host = format!("X-Forwarded-Host: app.test:{}", site.secure.port());
        let url = format!("X-Original-URL: {}", site.url("/page"));
        let asked = [
            "X-Forwarded-Method: GET",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Uri: /page",
            &host,
            "X-Original-Method: GET",
            "X-Original-Host: app.test",
            &url,
        ];
        let asked = asked.iter().flat_map(|line| ["-H", line]).collect::<Vec<_>>();
        let answer = ann.ask("/.countersign/decide", &asked);
        assert!((400..=404).contains(&answer.status), "{kind:?}: {answer:?}");
        assert!(site.upstream.take().is_empty(), "{kind:?}");
    }
}
