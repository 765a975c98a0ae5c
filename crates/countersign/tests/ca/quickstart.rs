//! All at once, and the lines it tells to try.

use super::{Desk, VERIFY, said};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that ends with its test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn shell(desk: &Desk, line: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("exec {line}")])
        .current_dir(&desk.0.0)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    command
}

#[test]
fn what_it_tells_to_try_works_with_the_certificate_and_not_without() {
    let desk = Desk::new();
    for (folder, options) in [
        ("ca", &[][..]),
        (
            "my ca",
            &[
                "--server",
                "app.example",
                "--client",
                "Ann's phone",
                "--name",
                "Example",
            ],
        ),
    ] {
        let report = desk.json(&[&["quickstart", "--folder", folder], options].concat());
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let line = |name: &str| {
            report[name]
                .as_str()
                .unwrap()
                .replace("8443", &free.port().to_string())
        };
        let mut server = shell(&desk, &line("server"));
        let mut server = Server(
            server
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let curl = line("curl") + " -s";
        let answered = (0..200).find_map(|_| {
            std::thread::park_timeout(Duration::from_millis(50));
            assert!(server.0.try_wait().unwrap().is_none(), "{}", line("server"));
            let output = shell(&desk, &curl).output().unwrap();
            output.status.success().then(|| said(&output))
        });
        assert!(
            answered.unwrap_or_default().contains("Client certificate"),
            "{curl}"
        );
        let without = shell(&desk, &(line("curl_without") + " -s")).output().unwrap();
        assert!(!without.status.success(), "{}", said(&without));
    }
}

#[test]
fn it_is_an_authority_like_any_other() {
    let desk = Desk::new();
    let told = desk.good(&["quickstart"]);
    assert!(
        told.contains("server localhost, 127.0.0.1, ::1, until") && told.contains("client me, until"),
        "{told}"
    );
    let password = told
        .lines()
        .find_map(|line| line.strip_prefix("password of the .p12, shown this once: "));
    let info = desk.openssl(&format!(
        "pkcs12 -in ca/issued/me.p12 -passin pass:{} -noout -info",
        password.unwrap()
    ));
    assert!(info.contains("AES-256-CBC"), "{info}");
    assert_eq!(
        (
            desk.mode("ca"),
            desk.mode("ca/issued/me.key"),
            desk.mode("ca/issued/me.p12")
        ),
        (0o700, 0o600, 0o600)
    );
    for (file, purpose) in [("localhost", "sslserver"), ("me", "sslclient")] {
        let verified = desk.openssl(&format!("{VERIFY} -purpose {purpose} ca/issued/{file}.crt"));
        assert_eq!(verified, format!("ca/issued/{file}.crt: OK"));
    }
    desk.good(&["renew", "localhost"]);
    desk.good(&["revoke", "me"]);
    assert!(desk.bad(&["quickstart"]).contains("nothing of it is overwritten"));
    assert!(
        desk.bad(&["quickstart", "--folder", "x", "--server", "a_b"])
            .contains("no DNS name")
    );
    assert!(!desk.has("x"));
}
