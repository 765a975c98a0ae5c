//! A revocation takes effect on connections that are open, and on sessions that are taken up again.

use super::site::{ANN, BOB, Kind, Site, WHAT, ca};
use crate::fronts::reason;
use crate::process::until;

fn check_open(kind: Kind) {
    let site = Site::start(kind);
    let mut ann = site.connect("ca/issued/ann@example.org", &[]);
    let mut bob = site.connect("ca/issued/bob@ops.example.org", &[]);
    for _ in 0..2 {
        assert_eq!(ann.get("/page").status, 200, "{kind:?}");
        assert_eq!(bob.get("/page").status, 200, "{kind:?}");
    }
    ca(&site.folder, &["revoke", BOB, "--reason", "key-compromise"]);
    let mut answer = None;
    until("bob is refused on the connection that he has", || {
        answer.insert(bob.get("/page")).status == 403
    });
    assert_eq!(reason(&answer.unwrap()), "certificate_revoked");
    assert_eq!(ann.get("/page").status, 200, "{kind:?}");
    assert_eq!(site.get("/page", Some(ANN), &[]).status, 200, "{kind:?}");
    assert_eq!(site.get("/page", Some(BOB), &[]).status, 403, "{kind:?}");
}

#[test]
fn behind_nginx_a_revocation_takes_effect_on_an_open_connection() {
    check_open(Kind::Nginx);
}

#[test]
fn behind_caddy_a_revocation_takes_effect_on_an_open_connection() {
    check_open(Kind::Caddy);
}

#[test]
fn behind_traefik_a_revocation_takes_effect_on_an_open_connection() {
    check_open(Kind::Traefik);
}

#[test]
fn standing_alone_a_revocation_takes_effect_on_an_open_connection() {
    check_open(Kind::Standalone);
}

fn check_resumed(kind: Kind) {
    let site = Site::start(kind);
    let session = |version: &str| format!("session.{version}");
    for version in ["-tls1_2", "-tls1_3"] {
        let file = session(version);
        let mut first = site.connect("ca/issued/bob@ops.example.org", &[version, "-sess_out", &file]);
        assert_eq!(first.get("/page").status, 200, "{kind:?}");
        until("the session is kept", || site.folder.0.join(&file).exists());
        drop(first);
        let mut again = site.connect("ca/issued/bob@ops.example.org", &[version, "-sess_in", &file]);
        site.upstream.take();
        assert_eq!(again.get("/page").status, 200, "{kind:?} {version}");
        assert_eq!(site.seen().said("X-Auth-Subject"), [BOB], "{kind:?} {version}");
    }
    ca(&site.folder, &["revoke", BOB]);
    until("bob is refused", || {
        site.get("/page", Some(BOB), &[]).status == 403
    });
    for version in ["-tls1_2", "-tls1_3"] {
        let mut again = site.connect(
            "ca/issued/bob@ops.example.org",
            &[version, "-sess_in", &session(version)],
        );
        assert_eq!(
            reason(&again.get("/page")),
            "certificate_revoked",
            "{kind:?} {version}"
        );
    }
}

#[test]
fn behind_nginx_a_session_that_is_resumed_has_its_certificate_and_is_judged_like_any_other() {
    check_resumed(Kind::Nginx);
}

#[test]
fn standing_alone_a_session_that_is_resumed_has_its_certificate_and_is_judged_like_any_other() {
    check_resumed(Kind::Standalone);
}

#[test]
fn an_older_list_brings_nobody_back_neither_now_nor_after_a_restart() {
    let mut site = Site::start(Kind::Standalone);
    let older = std::fs::read(site.folder.0.join("ca/crls.pem")).unwrap();
    ca(&site.folder, &["revoke", BOB]);
    let status = |site: &Site, who| site.get("/page", Some(who), &[]).status;
    until("bob is refused", || status(&site, BOB) == 403);
    // Over the newer one, as whoever brings the files from elsewhere may put it.
    site.folder.write("ca/crls.pem", &older);
    let line = site
        .gateway
        .line("that it is older", |line| line.contains("crl_older"));
    assert!(line.contains("stays in force"), "{line}");
    assert_eq!((status(&site, ANN), status(&site, BOB)), (200, 403));
    site.gateway.signal("HUP");
    let site = site.restart();
    assert_eq!((status(&site, ANN), status(&site, BOB)), (200, 403));
    // Who asks on the command line is told the same.
    for (state, code) in [("state", 1), ("nowhere", 2)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["certificate", "verify", "--config"]);
        command.arg(Kind::Standalone.configuration(WHAT, &site.folder));
        command.args(["--state", state, "ca/issued/bob@ops.example.org.crt"]);
        let output = command.current_dir(&site.folder.0).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}
