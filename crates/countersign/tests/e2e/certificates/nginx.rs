//! What the prototype's nginx did besides, and the example's does.

use super::site::{ANN, Kind, Site};
use crate::fronts::{nginx, reason};
use crate::http::{Answer, Request};
use crate::upstream::{ACCEPT, KEY};
use std::io::{BufReader, Read as _, Write as _};

#[test]
fn in_the_clear_there_is_nothing_but_the_way_to_tls_with_the_port_that_clients_see() {
    for kind in [Kind::Nginx, Kind::Standalone] {
        let site = Site::start(kind);
        let request = Request::new("POST", "/page?a=b", "app.test:8080");
        let answer = request.send(&site.plain.into());
        assert_eq!(answer.status, if kind == Kind::Nginx { 307 } else { 308 });
        let there = format!("https://app.test:{}/page?a=b", site.secure.port());
        assert_eq!(answer.header("Location"), Some(there.as_str()));
        let server = (kind == Kind::Nginx).then_some("nginx");
        assert_eq!(answer.header("Server"), server, "without its version");
        assert!(site.upstream.take().is_empty());
    }
}

#[test]
fn the_application_reads_the_usual_headers_and_may_speak_websocket() {
    let site = Site::start(Kind::Nginx);
    let upgrade = [
        "-H",
        "Connection: Upgrade",
        "-H",
        "Upgrade: websocket",
        "--http1.1",
    ];
    let forged = ["-H", "X-Forwarded-For: 10.9.9.9", "-H", "X-Real-IP: 10.9.9.9"];
    let options = [upgrade.as_slice(), &forged].concat();
    assert_eq!(site.get("/socket", Some(ANN), &options).status, 200);
    let seen = site.seen();
    assert_eq!(seen.said("Upgrade"), ["websocket"]);
    assert_eq!(seen.said("Connection"), ["upgrade"]);
    assert_eq!(seen.said("Host"), [format!("app.test:{}", site.secure.port())]);
    assert_eq!(seen.said("X-Real-IP"), ["127.0.0.1"]);
    assert_eq!(seen.said("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(seen.said("X-Forwarded-Proto"), ["https"]);
    assert_eq!(site.get("/page", Some(ANN), &[]).status, 200);
    assert!(site.seen().said("Upgrade").is_empty());
    let nobody = site.get("/socket", None, &options);
    assert_eq!(
        (nobody.status, reason(&nobody).as_str()),
        (403, "certificate_required")
    );
    assert!(site.upstream.take().is_empty());
}

#[test]
fn a_websocket_is_opened_with_a_certificate_and_carries_bytes_both_ways() {
    let frame = b"\x81\x85\x00\x00\x00\x00hello";
    let site = Site::start(Kind::Nginx);
    let mut client = site.client(&format!("ca/issued/{ANN}"), &[]).spawn().unwrap();
    let mut input = client.stdin.take().unwrap();
    write!(
        input,
        "GET /socket HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let answer = Answer::read(&mut output, false).unwrap();
    assert_eq!(
        (answer.status, answer.header("Sec-WebSocket-Accept")),
        (101, Some(ACCEPT))
    );
    input.write_all(frame).unwrap();
    let mut echoed = [0; 11];
    output.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, frame);
    assert_eq!(site.seen().said("X-SSL-Client-Verify"), ["SUCCESS"]);
    client.kill().and_then(|()| client.wait()).unwrap();
}

#[test]
fn nginx_takes_the_example_without_a_word() {
    let site = Site::start(Kind::Nginx);
    let mut command = nginx(&site.folder.0, "nginx.conf");
    let output = command.arg("-t").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("warn"), "{said}");
}

#[test]
fn only_the_versions_of_tls_that_are_sound_are_spoken() {
    let site = Site::start(Kind::Nginx);
    for (option, works) in [("1.1", false), ("1.2", true), ("1.3", true)] {
        let least = if option == "1.3" { "--tlsv1.3" } else { "--tlsv1.1" };
        let mut command = std::process::Command::new("curl");
        command
            .args([
                "-s",
                "-o",
                "/dev/null",
                "-k",
                least,
                "--tls-max",
                option,
                "--ciphers",
                "DEFAULT@SECLEVEL=0",
            ])
            .args(["--noproxy", "*"])
            .arg(format!("https://{}/", site.secure));
        assert_eq!(command.status().unwrap().success(), works, "TLS {option}");
    }
}
