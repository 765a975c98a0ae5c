//! A page that is open to everybody opens nothing beside it: not by a path with two readings, and to nobody's name.

use super::site::{Kind, Site, Visitor};

/// What is cleaned to `/bye` by some, decoded to it by others, or only begins with it; and what is guarded behind it.
const PATHS: [&str; 14] = [
    "/admin/../bye",
    "/admin/%2e%2e/bye",
    "/admin/.%2E/bye",
    "/admin/..;/bye",
    "/admin%2f..%2fbye",
    "//bye",
    "/./bye",
    "/%62ye",
    "/byebye",
    "/bye/",
    "/bye/admin",
    "/bye/../admin",
    "/bye/..%2fadmin",
    "/bye;/../admin",
];

/// An identity header, in every spelling an application might take for it.
const NAMES: [&str; 7] = [
    "X-Auth-Subject",
    "x-auth-subject",
    "X_Auth_Subject",
    "X.Auth.Subject",
    "X-Auth_Groups",
    "X.Auth-Groups",
    "x_auth_expiresin",
];

/// As an application reads a header's name that it makes a variable of.
fn variable(name: &str) -> String {
    let letters = name.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    });
    letters.collect::<String>().to_ascii_lowercase()
}

/// The answer's status is a refusal, or the application saw the open page, nobody's name, and no cookie of ours.
fn is_the_open_page_or_refused(site: &Site, status: u16, asked: &str) {
    let seen = site.upstream.take();
    if (400..500).contains(&status) {
        assert!(seen.is_empty(), "{asked}: {status}, {seen:?}");
        return;
    }
    let [seen] = seen.as_slice() else {
        panic!("{asked}: {status}, {seen:?}");
    };
    assert!(
        status == 200 && seen.line.starts_with("GET /bye HTTP/1."),
        "{asked}: {status}, {seen:?}"
    );
    for (name, value) in &seen.headers {
        let says = variable(name).starts_with("x_auth_") && !value.is_empty();
        assert!(!says, "{asked}: {name}: {value}");
    }
    assert!(!seen.holds("__Host-"), "{asked}: {seen:?}");
}

fn opens_nothing_else(kind: Kind) {
    let site = Site::start(kind);
    let (ann, nobody) = (Visitor::new(&site, "ann"), Visitor::new(&site, "nobody"));
    ann.log_in("/page", "ann");
    site.upstream.take();
    for visitor in [&ann, &nobody] {
        let open = visitor.ask("/bye", &[]);
        assert_eq!(open.status, 200, "{kind:?}: {open:?}");
        is_the_open_page_or_refused(&site, open.status, &format!("{kind:?} /bye"));
    }
    for path in PATHS {
        let answer = nobody.ask(path, &["--path-as-is"]);
        is_the_open_page_or_refused(&site, answer.status, &format!("{kind:?} {path}"));
    }
    for name in NAMES {
        for visitor in [&ann, &nobody] {
            let answer = visitor.ask("/bye", &["-H", &format!("{name}: root")]);
            is_the_open_page_or_refused(&site, answer.status, &format!("{kind:?} {name}"));
        }
    }
}

#[test]
fn behind_nginx_an_open_page_opens_nothing_else() {
    opens_nothing_else(Kind::Nginx);
}

#[test]
fn behind_caddy_an_open_page_opens_nothing_else() {
    opens_nothing_else(Kind::Caddy);
}

#[test]
fn behind_traefik_an_open_page_opens_nothing_else() {
    opens_nothing_else(Kind::Traefik);
}

#[test]
fn standing_alone_an_open_page_opens_nothing_else() {
    opens_nothing_else(Kind::Standalone);
}
