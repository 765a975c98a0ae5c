//! What a person sees: Chromium logs in, comes back, is told, logs out. No page of ours makes its console complain.

use super::site::{Kind, Site, WHAT, guard_admin, logout};
use crate::browser::{Browser, Shown};
use crate::fronts::change;

const BOTH: [Kind; 2] = [Kind::Nginx, Kind::Standalone];

/// Whether the browser is content with a page of ours.
fn is_clean(shown: &Shown) {
    assert!(shown.errors.is_empty(), "{shown:?}");
}

fn logs_in_and_out(kind: Kind) {
    let site = Site::start(kind);
    let mut browser = Browser::start(&site.folder);
    let page = site.url("/page?a=b&c=%2F#part");
    let form = browser.go(&page);
    assert!(form.url.starts_with(&site.provider.url), "{kind:?}: {form:?}");
    assert_eq!(form.title, "Sign in");
    let back = browser.sign_in("ann", &site.url("/page"));
    assert_eq!((back.status, back.text.as_str()), (200, "the page\n"), "{kind:?}");
    assert!(
        back.url.starts_with(&site.url("/page?a=b&c=%2F")),
        "{kind:?}: {back:?}"
    );
    assert_eq!(site.seen().said("X-Auth-Subject"), ["ann"], "{kind:?}");

    // One cookie, which no script reads; of the login under way none is left.
    let kept = browser.cookies(&site.url("/"));
    assert_eq!(kept.len(), 1, "{kind:?}: {kept:?}");
    let cookie = kept.first().unwrap();
    assert_eq!(cookie["name"], "__Host-countersign", "{kind:?}");
    assert_eq!(
        (&cookie["httpOnly"], &cookie["secure"], &cookie["sameSite"]),
        (&true.into(), &true.into(), &"Lax".into()),
        "{kind:?}: {cookie}"
    );
    let lasts = cookie["expires"].as_f64().unwrap() > 0.0;
    assert_eq!(
        lasts,
        kind == Kind::Nginx,
        "only that example says `remember`: {cookie}"
    );
    assert_eq!(browser.run("document.cookie"), "", "{kind:?}");

    // The back button leads back to the callback, and from there to the page.
    let who = browser.go(&site.url("/.countersign/whoami"));
    assert!(who.text.contains("ann"), "{kind:?}: {who:?}");
    is_clean(&who);

    // A link on the page itself is meant; the provider asks, tells us in a frame, and sends the browser on.
    browser.go(&site.url("/page"));
    let link = format!(
        "document.body.innerHTML = '<a href=\"{}\">Log out</a>'; 1",
        logout(kind)
    );
    browser.run(&link);
    let asks = browser.press("Log out", &site.provider.url);
    assert_eq!(asks.title, "Sign out", "{kind:?}");
    let bye = browser.press("Sign out", &site.url("/bye"));
    assert_eq!(bye.status, 200, "{kind:?}: {bye:?}");
    assert!(browser.cookies(&site.url("/")).is_empty(), "{kind:?}");
    let form = browser.go(&page);
    assert_eq!(form.title, "Sign in", "{kind:?}: {form:?}");
}

#[test]
fn a_person_logs_in_comes_back_and_logs_out() {
    for kind in BOTH {
        logs_in_and_out(kind);
    }
}

fn twenty_tabs(kind: Kind) {
    let site = Site::start(kind);
    let mut browser = Browser::start(&site.folder);
    let urls = (0..20).map(|number| site.url(&format!("/tab/{number}?n={number}")));
    let urls = urls.collect::<Vec<_>>();
    for (shown, url) in browser.tabs(&urls, "ann").iter().zip(&urls) {
        assert_eq!((&shown.url, shown.status), (url, 200), "{kind:?}: {shown:?}");
    }
    // Of twenty logins under way none has left anything but the session.
    assert_eq!(browser.cookies(&site.url("/")).len(), 1, "{kind:?}");
}

#[test]
fn twenty_tabs_at_once_all_arrive() {
    for kind in BOTH {
        twenty_tabs(kind);
    }
}

fn pages(kind: Kind) {
    let site = Site::start_edited(kind, |folder| guard_admin(kind, folder));
    let mut browser = Browser::start(&site.folder);
    browser.go(&site.url("/page"));
    browser.sign_in("bob", &site.url("/page"));

    // Not for everybody.
    let refused = browser.go(&site.url("/admin/1"));
    assert_eq!(refused.status, 403, "{kind:?}: {refused:?}");
    assert!(refused.text.contains("bob"), "{kind:?}: {refused:?}");
    is_clean(&refused);

    // A form that meets an ended session.
    browser.go(&site.url("/page"));
    assert_eq!(site.provider.log_out("bob"), 1);
    site.upstream.take();
    let lost = browser.send("/order");
    assert!(lost.text.contains("not sent"), "{kind:?}: {lost:?}");
    assert!(
        site.upstream
            .take()
            .iter()
            .all(|seen| !seen.line.contains("/order"))
    );
    is_clean(&lost);

    // The provider takes nobody's word any more: nobody can log in, and is told.
    browser.anew();
    browser.go(&site.url("/page"));
    site.provider.fail_at_the_token_endpoint();
    let away = browser.sign_in("ann", &site.url("/"));
    assert_eq!(away.status, 503, "{kind:?}: {away:?}");
    is_clean(&away);
    site.provider.come_back();
    let back = browser.press("Try again", &site.url("/page"));
    assert_eq!(back.status, 200, "{kind:?}: {back:?}");

    // A link on another site logs nobody out: the page asks, and its button does it.
    let elsewhere = format!("{}/.well-known/openid-configuration", site.provider.url);
    browser.go(&elsewhere);
    let link = format!(
        "document.body.innerHTML = '<a href=\"{}\">A trap</a>'; 1",
        site.url(logout(kind))
    );
    browser.run(&link);
    let asks = browser.press("A trap", &site.url("/"));
    assert_eq!(asks.status, 200, "{kind:?}: {asks:?}");
    assert!(
        asks.text.contains("Ann Doe") || asks.text.contains("ann"),
        "{asks:?}"
    );
    is_clean(&asks);
    assert_eq!(browser.go(&site.url("/page")).status, 200, "{kind:?}");
    browser.go(&elsewhere);
    browser.run(&link);
    browser.press("A trap", &site.url("/"));
    let away = browser.press("Sign out", &site.provider.url);
    assert_eq!(away.title, "Sign out", "{kind:?}: {away:?}");

    // A callback from nowhere leads to the front page; here by way of the provider, where nothing was pressed.
    let front = browser.go(&site.url("/.countersign/callback?code=x&state=y"));
    assert_eq!((front.url, front.status), (site.url("/"), 200), "{kind:?}");
}

#[test]
fn no_page_of_ours_makes_the_browser_complain() {
    for kind in BOTH {
        pages(kind);
    }
}

/// The whole of a page of several logins, before anybody has chosen.
#[test]
fn where_there_are_several_logins_people_choose() {
    let kind = Kind::Standalone;
    let site = Site::start_edited(kind, |folder| {
        let configuration = kind.configuration(WHAT, folder);
        change(
            &configuration,
            "accept = [\"login.home\"]",
            "accept = [\"login.home\", \"login.work\"]",
        );
        let text = crate::fronts::read(&configuration);
        let table = text.split("[login.home]").nth(1).unwrap();
        let table = table.split("\n[").next().unwrap();
        let work = table.replace("client_id     = \"app\"", "client_id = \"app\"\nlabel = \"Work\"");
        let text = text.replacen("[[route]]", &format!("[login.work]{work}\n[[route]]"), 1);
        std::fs::write(configuration, text).unwrap();
    });
    let mut browser = Browser::start(&site.folder);
    let choice = browser.go(&site.url("/page"));
    assert_eq!(choice.status, 200, "{choice:?}");
    is_clean(&choice);
    let form = browser.press("Continue with Work", &site.provider.url);
    assert_eq!(form.title, "Sign in");
    let back = browser.sign_in("ann", &site.url("/page"));
    assert_eq!(back.status, 200, "{back:?}");
}
