//! What a request may cost, and what is told of those that were (attacks 24 and 90).

use crate::application::Application;
use crate::gateway::{Gateway, SECRET};
use std::io::{Read as _, Write as _};
use std::process::Command;

/// The resident memory of the gateway, in kibibytes.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read(format!("/proc/{}/status", gateway.id())).unwrap();
    let status = String::from_utf8(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A gateway that takes tokens from a cookie too, with a place for its figures, and a token.
fn world() -> (Gateway, Application, String) {
    let application = Application::start();
    let configuration = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n[status]\naddress = \"127.0.0.1:0\"\n\
         [token.home]\nissuer = \"https://op.test\"\naudiences = [\"api\"]\nhmac_secret = {{ file = \"secret\" }}\n\
         cookie = \"token\"\nquery = [\"token\"]\n\
         [[route]]\nhosts = [\"app.test\"]\npaths = [\"/public/**\"]\naccept = [\"token.home\"]\nto = \"http://{}\"\n",
        application.address
    );
    let gateway = Gateway::start(&configuration);
    let mut mint = Command::new(env!("CARGO_BIN_EXE_countersign"));
    mint.args(["token", "mint", "--token", "home", "--config"]);
    let minted = mint
        .arg(gateway.folder.0.join("countersign.toml"))
        .output()
        .unwrap();
    let token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
    assert!(!token.is_empty(), "{}", String::from_utf8_lossy(&minted.stderr));
    (gateway, application, token)
}

/// Attack 90: a head is 32 KiB at most, and its cookies are looked through where they stand.
#[test]
fn thousands_of_cookies_are_one_head() {
    let (gateway, application, token) = world();
    let request = |count: usize| {
        let crumbs = "a=;".repeat(count);
        format!(
            "GET /public/x HTTP/1.1\r\nHost: app.test\r\nCookie: {crumbs} token={token}\r\nConnection: close\r\n\r\n"
        )
    };
    assert_eq!(gateway.send(request(10_000).as_bytes()).statuses, [200]);
    let before = resident(&gateway);
    for _ in 0..200 {
        assert_eq!(gateway.send(request(10_000).as_bytes()).statuses, [200]);
        assert_eq!(gateway.send(request(20_000).as_bytes()).statuses, [431]);
    }
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < 10 * 1024, "{grown} KiB");
    assert_eq!(application.take().len(), 201);
}

/// Attack 24: what the program tells about itself holds nothing of anybody's.
#[test]
fn the_status_pages_hold_no_secret() {
    let (gateway, _application, token) = world();
    let send = |line: &str, headers: &str| {
        let text = format!("{line} HTTP/1.1\r\nHost: app.test\r\n{headers}Connection: close\r\n\r\n");
        gateway.send(text.as_bytes()).statuses
    };
    let (cookie, bearer) = (
        format!("Cookie: token={token}; session=a-session\r\n"),
        format!("Authorization: Bearer {token}\r\n"),
    );
    assert_eq!(send("GET /public/x", &cookie), [200]);
    assert_eq!(send("GET /public/x", &bearer), [200]);
    assert_eq!(send(&format!("GET /public/x?token={token}"), ""), [200]);
    let forged = format!("{}x", token.get(..token.len() - 2).unwrap());
    assert_eq!(
        send("GET /public/x", &format!("Authorization: Bearer {forged}\r\n")),
        [401]
    );
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/",
        "/.countersign/answer",
        "/debug",
        "/config",
    ] {
        let mut stream = std::net::TcpStream::connect(gateway.addresses[1]).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}{bearer}Connection: close\r\n\r\n",
            gateway.addresses[1]
        )
        .unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.starts_with("HTTP/1.1 "), "{path}: {told}");
        let mut secrets = vec![SECRET, "a-session", token.as_str()];
        secrets.extend(token.split('.'));
        secrets.extend(forged.split('.'));
        for secret in secrets {
            assert!(!told.contains(secret), "{path} tells {secret:?}: {told}");
        }
    }
}
