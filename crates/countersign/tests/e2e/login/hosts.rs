//! Three hosts on one redirect URI: one of them runs the logins, each has a session of its own.

use super::site::{Kind, Site, WHAT};
use crate::browser::Browser;
use crate::certificates::site::ca;
use crate::fronts::read;
use crate::process::Folder;
use std::fmt::Write as _;

const KIND: Kind = Kind::Standalone;

/// `login.toml` with two more hosts, and `auth.test` for the logins of all.
fn three_hosts(folder: &Folder) {
    let configuration = KIND.configuration(WHAT, folder);
    let text = read(&configuration);
    let port = text.split("address = \"127.0.0.1:").nth(1).unwrap();
    let port = port.split('"').next().unwrap();
    let mut more = String::new();
    for host in ["wiki.test", "auth.test"] {
        ca(folder, &["issue", "server", host]);
        writeln!(
            more,
            "[[listen.host]]\nnames = [\"{host}\"]\ncertificate = \"ca/issued/{host}.crt\"\nkey = {{ file = \"ca/issued/{host}.key\" }}"
        )
        .unwrap();
    }
    let text = text
        .replacen("[[listen.host]]", &format!("{more}\n[[listen.host]]"), 1)
        .replace(
            "[login.home]",
            &format!("[login.home]\nat = \"https://auth.test:{port}\""),
        )
        .replace(
            "hosts  = [\"app.test\"]",
            "hosts = [\"app.test\", \"wiki.test\", \"auth.test\"]",
        );
    std::fs::write(configuration, text).unwrap();
}

#[test]
fn three_hosts_on_one_redirect_uri_have_a_session_each_and_log_out_together() {
    let site = Site::start_edited(KIND, three_hosts);
    let mut browser = Browser::start(&site.folder);
    let at = |host: &str| format!("https://{host}:{}/page?a=b", site.secure.port());
    let (app, wiki, auth) = (at("app.test"), at("wiki.test"), at("auth.test"));
    let form = browser.go(&app);
    assert_eq!(form.title, "Sign in", "{form:?}");
    let back = browser.sign_in("ann", &app);
    assert_eq!((&back.url, back.status), (&app, 200), "{back:?}");
    // The provider knows who it is: nobody is asked again.
    for url in [&wiki, &auth] {
        let there = browser.go(url);
        assert_eq!((&there.url, there.status), (url, 200), "{there:?}");
    }
    let mut sessions = Vec::new();
    for url in [&app, &wiki, &auth] {
        let kept = browser.cookies(url);
        let own = kept
            .iter()
            .filter(|cookie| cookie["name"] == "__Host-countersign");
        let own = own
            .map(|cookie| cookie["value"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        assert_eq!(own.len(), 1, "{url}: {kept:?}");
        sessions.extend(own);
    }
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    // A logout on one is one on all.
    browser.go(&wiki);
    browser.run("document.body.innerHTML = '<a href=\"/.countersign/logout\">Log out</a>'; 1");
    browser.press("Log out", &site.provider.url);
    browser.press("Sign out", &site.url("/bye"));
    for url in [&app, &wiki, &auth] {
        let form = browser.go(url);
        assert_eq!(form.title, "Sign in", "{url}: {form:?}");
    }
}
