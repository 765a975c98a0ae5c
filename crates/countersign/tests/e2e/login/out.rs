//! Sessions end: by the user's own hand, by the provider's, and when the provider takes back what it gave.

use super::site::{Kind, Site, Visitor, logout};
use crate::process::{moment, until};
use std::time::Duration;

/// How a browser asks.
const BROWSER: [&str; 2] = ["-H", "Accept: text/html"];

/// How it follows a link of the application's.
const LINK: [&str; 8] = [
    "-H",
    "Accept: text/html",
    "-H",
    "Sec-Fetch-Site: same-origin",
    "-H",
    "Sec-Fetch-Mode: navigate",
    "-H",
    "Sec-Fetch-Dest: document",
];

fn logs_out(kind: Kind) {
    let site = Site::start(kind);
    let ann = Visitor::new(&site, "ann");
    ann.log_in("/page", "ann");
    assert_eq!(ann.ask("/page", &BROWSER).status, 200, "{kind:?}");
    let asks = ann.follow(&site.url(logout(kind)), &LINK);
    assert!(asks.url.starts_with(&site.provider.url), "{kind:?}: {asks:?}");
    // Here it has ended already, whatever becomes of the provider's question.
    assert_eq!(ann.ask("/page", &BROWSER).status, 303, "{kind:?}");
    site.upstream.take();
    let page = ann.sign_out(&asks);
    // The provider shows its frames, which curl does not, and would go on to the application's page by itself.
    assert!(page.body.contains(&site.url("/bye")), "{kind:?}: {page:?}");
    // And there it has ended, too: it asks who it is.
    let form = ann.follow(&site.url("/page"), &[]);
    assert!(form.body.contains("Sign in"), "{kind:?}: {form:?}");
}

#[test]
fn who_logs_out_has_logged_out_here_and_at_the_provider() {
    for kind in Kind::ALL {
        logs_out(kind);
    }
}

fn is_ended(kind: Kind) {
    let site = Site::start(kind);
    let (ann, bob) = (Visitor::new(&site, "ann"), Visitor::new(&site, "bob"));
    ann.log_in("/page", "ann");
    bob.log_in("/page", "bob");
    assert_eq!(site.provider.log_out("ann"), 1, "{kind:?}");
    let told = moment();
    let answer = ann.ask("/page", &BROWSER);
    assert_eq!(answer.status, 303, "{kind:?}: {answer:?}");
    assert!(told.elapsed() < Duration::from_secs(1), "{kind:?}");
    assert_eq!(bob.ask("/page", &BROWSER).status, 200, "{kind:?}");
}

#[test]
fn what_the_provider_ends_behind_the_browsers_back_has_ended_within_a_second() {
    for kind in Kind::ALL {
        is_ended(kind);
    }
}

#[test]
fn what_the_provider_takes_back_ends_with_the_next_refresh_and_what_it_cannot_answer_ends_nothing() {
    let lasts = 10;
    let site = Site::start_with(Kind::Standalone, lasts, |_| ());
    let (ann, bob) = (Visitor::new(&site, "ann"), Visitor::new(&site, "bob"));
    ann.log_in("/page", "ann");
    bob.log_in("/page", "bob");
    let began = moment();
    site.provider.fail_at_the_token_endpoint();
    until("the access tokens end", || {
        began.elapsed() > Duration::from_secs(lasts)
    });
    for visitor in [&ann, &bob] {
        assert_eq!(visitor.ask("/page", &BROWSER).status, 200);
    }
    site.provider.revoke("ann");
    site.provider.come_back();
    until("what was taken back has ended", || {
        ann.ask("/page", &BROWSER).status == 303
    });
    assert_eq!(bob.ask("/page", &BROWSER).status, 200);
}
