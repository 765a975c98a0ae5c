//! What `countersign init` writes for other programs is what they take.

use crate::process::{Folder, tool};
use countersign_testkit::pki::{Authority, Key, Template, pem};
use std::process::{Command, Stdio};

fn written(front: &str) -> Folder {
    let folder = Folder::new();
    let mut init = Command::new(env!("CARGO_BIN_EXE_countersign"));
    init.args([
        "init",
        front,
        "--issuer",
        "https://op.example",
        "--client-id",
        "portal",
    ]);
    init.args(["--host", "portal.test", "--output", &folder.path("."), "--json"]);
    assert!(init.stdin(Stdio::null()).output().unwrap().status.success());
    let authority = Authority::root("Root", Key(1));
    let server = authority.issue(&Template::server("portal.test", Key(2)));
    folder.write("portal.test.crt", pem("CERTIFICATE", &server));
    folder.write("portal.test.key", Key(2).pem());
    folder
}

fn takes(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} ({error}): run `cargo xtask tools`"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

#[test]
fn nginx_takes_it() {
    let folder = written("nginx");
    takes(Command::new("nginx").args(["-t", "-p", &folder.path("."), "-c", "nginx.conf"]));
}

#[test]
fn caddy_takes_it() {
    let folder = written("caddy");
    takes(
        tool("caddy")
            .args(["validate", "--config", &folder.path("Caddyfile")])
            .env("HOME", &folder.0),
    );
}
