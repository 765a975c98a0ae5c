//! A person's browser, with a certificate in its store and without: Chromium, and the bundle of `countersign ca export`.

use super::site::{ANN, Kind, Site, ca};
use crate::browser::{home, nss};
use crate::process::Folder;
use std::path::Path;
use std::process::Command;

/// What lets Chromium show a certificate without asking anybody. Without it, it waits for a click that never comes.
const POLICY: &str = "/etc/chromium/policies/managed/countersign-tests.json";

/// The page that the browser of `home` ends with.
fn page(site: &Site, home: &Folder) -> String {
    let url = format!("https://app.test:{}/.countersign/whoami", site.secure.port());
    // What hangs is ended. As root Chromium has no sandbox.
    let mut command = Command::new("timeout");
    command
        .args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .arg("--host-resolver-rules=MAP app.test 127.0.0.1")
        .arg(format!("--user-data-dir={}", home.path("data")))
        .arg(url)
        .env("HOME", &home.0)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "chromium ({}): {told}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn check(kind: Kind) {
    assert!(
        Path::new(POLICY).exists(),
        "{POLICY} is missing: run `cargo xtask tools`"
    );
    let site = Site::start(kind);
    let exported = ca(&site.folder, &["export", ANN, "--pkcs12"]);
    let password = exported
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .unwrap();
    let ann = home(&site.folder);
    let bundle = site.folder.path(&format!("ca/issued/{ANN}.p12"));
    nss(&ann, "pk12util", &["-i", &bundle, "-W", password]);
    let shown = page(&site, &ann);
    assert!(
        shown.contains("You are <strong>ann@example.org</strong>."),
        "{kind:?}: {shown}"
    );
    assert!(shown.contains("CN=ann@example.org"), "{kind:?}: {shown}");
    let shown = page(&site, &home(&site.folder));
    assert!(shown.contains("certificate_required"), "{kind:?}: {shown}");
    assert!(shown.contains("You may not see this"), "{kind:?}: {shown}");
}

#[test]
fn behind_nginx_a_browser_with_a_certificate_is_known_and_one_without_sees_why_not() {
    check(Kind::Nginx);
}

#[test]
fn standing_alone_a_browser_with_a_certificate_is_known_and_one_without_sees_why_not() {
    check(Kind::Standalone);
}
