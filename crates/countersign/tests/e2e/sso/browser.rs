//! A person's browser: real Chromium, with a certificate of `countersign ca` in its store, and without.

use super::example::{ANN, Example, Kind};
use crate::certificates::site::{ca, keep};
use crate::process::until;
use countersign_testkit::pki::{Authority, Key, San, Template};
use serde_json::json;

/// Three sites on two registrable domains.
const SITES: [&str; 3] = ["app.home.test", "wiki.home.test", "shop.other.test"];

#[test]
fn one_certificate_is_signed_in_on_every_site_without_a_click() {
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let mut browser = example.browser(Some(ANN));
        for site in SITES {
            let page = example.url(site, "/page?a=b#c");
            let shown = browser.go(&page);
            assert_eq!(
                (shown.url, shown.status),
                (page.clone(), 200),
                "{kind:?} {site}: {}",
                shown.text
            );
            assert_eq!(shown.errors, [""; 0], "{kind:?} {site}");
            let seen = example.seen();
            assert_eq!(seen.said("X-Auth-Subject"), [ANN], "{kind:?} {site}: {seen:?}");
            assert_eq!(seen.said("X-Auth-Email"), [ANN], "{kind:?} {site}: {seen:?}");
            assert_eq!(seen.said("Cookie"), [""; 0], "{kind:?} {site}");
            let cookies = browser.cookies(&page);
            let names = cookies.iter().map(|cookie| cookie["name"].as_str().unwrap());
            assert!(
                names.clone().all(|name| name.starts_with("__Host-")),
                "{cookies:?}"
            );
            assert_eq!(names.count(), 1, "{kind:?} {site}: {cookies:?}");
        }
    }
}

#[test]
fn whoever_has_no_certificate_is_told_what_to_do() {
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let mut browser = example.browser(None);
        let shown = browser.go(&example.url("app.home.test", "/"));
        assert!(
            shown.url.starts_with(&example.issuer()),
            "{kind:?}: {}",
            shown.url
        );
        assert_eq!(shown.status, 403, "{kind:?}: {}", shown.text);
        assert!(
            shown.text.contains("certificate_required"),
            "{kind:?}: {}",
            shown.text
        );
        assert!(example.upstream.take().is_empty());
    }
}

#[test]
fn a_revoked_certificate_signs_nobody_in_and_is_told_so() {
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let mut browser = example.browser(Some(ANN));
        ca(&example.folder, &["revoke", ANN]);
        let told = "certificate_revoked";
        // Nobody waits in a browser for it, which would be signed in until then.
        until("the list is taken", || {
            example.curl("/page", &format!("ca/issued/{ANN}")).contains(told)
        });
        let shown = browser.go(&example.url("app.home.test", "/"));
        assert_eq!(shown.status, 403, "{kind:?}: {}", shown.text);
        assert!(shown.text.contains(told), "{kind:?}: {}", shown.text);
    }
}

#[test]
fn a_page_left_open_is_renewed_until_the_certificate_is_revoked() {
    // What the page's own script does.
    let renew = "fetch('/.countersign/renew', { method: 'POST' }).then((answer) => answer.json())";
    let asks = "fetch('/api', { headers: { Accept: 'application/json' } }).then((answer) => answer.status)";
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let mut browser = example.browser(Some(ANN));
        let page = example.url("app.home.test", "/page");
        assert_eq!(browser.go(&page).status, 200, "{kind:?}");
        let first = browser.run(renew);
        assert_eq!(first["authenticated"], true, "{kind:?}: {first}");
        // Ends are whole seconds: the next renewal may be in the same one.
        until("there is a token that lasts longer", || {
            let next = browser.run(renew);
            assert_eq!(next["authenticated"], true, "{kind:?}: {next}");
            next["access_token_ends"].as_str() > first["access_token_ends"].as_str()
        });
        assert_eq!(browser.run(asks), 200, "{kind:?}");
        ca(&example.folder, &["revoke", ANN]);
        until("the list is taken, and the session ended", || {
            browser.run(renew)["authenticated"] == false
        });
        example.upstream.take();
        assert_eq!(browser.run(asks), 401, "{kind:?}");
        assert!(example.upstream.take().is_empty(), "{kind:?}");
        let shown = browser.go(&page);
        assert_eq!(shown.status, 403, "{kind:?}: {}", shown.text);
        assert!(
            shown.text.contains("certificate_revoked"),
            "{kind:?}: {}",
            shown.text
        );
    }
}

#[test]
fn after_a_logout_one_click_signs_in_again() {
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let mut browser = example.browser(Some(ANN));
        let page = example.url("app.home.test", "/page");
        assert_eq!(browser.go(&page).status, 200);
        let shown = browser.go(&example.url("app.home.test", "/.countersign/logout"));
        assert_eq!(shown.status, 200, "{kind:?}: {}", shown.text);
        let shown = browser.go(&page);
        assert!(
            shown.url.starts_with(&example.issuer()),
            "{kind:?}: {} {}",
            shown.url,
            shown.text
        );
        let shown =
            browser.does(&json!({ "do": "press", "name": format!("Continue as {ANN}"), "until": page }));
        assert_eq!(shown.status, 200, "{kind:?}: {}", shown.text);
    }
}

/// Chromium does not even offer a certificate of an authority that the server does not name; curl shows what it is told to.
#[test]
fn a_certificate_of_another_authority_signs_nobody_in() {
    for kind in Kind::ALL {
        let example = Example::start(kind);
        let (stranger, key) = (Authority::root("Another", Key(1)), Key(4));
        let names = [San::Email(ANN)];
        let certificate = stranger.issue(&Template::client("ann", key).names(&names));
        keep(&example.folder, "stranger", &certificate, key);
        let told = example.curl("/page", "stranger");
        assert!(told.starts_with("403 "), "{kind:?}: {told}");
        assert!(told.contains("certificate_unknown_authority"), "{kind:?}: {told}");
        assert!(example.upstream.take().is_empty());
        // The same with the right one.
        let told = example.curl("/page", &format!("ca/issued/{ANN}"));
        assert!(told.starts_with("200 "), "{kind:?}: {told}");
    }
}
