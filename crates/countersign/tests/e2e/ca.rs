//! What `countersign ca` makes, in the hands of others: nginx asks for client certificates and judges them by its
//! revocation lists, curl shows them, and each reads the files as they were written.

use crate::process::{Folder, Process, free_addresses, until, until_open};
use std::net::SocketAddr;
use std::process::{Command, Output};

/// nginx with a server's certificate, and clients judged by our authority.
struct Site {
    folder: Folder,
    at: SocketAddr,
    nginx: Process,
}

impl Site {
    fn start() -> Self {
        let folder = Folder::new();
        let [at] = free_addresses();
        let desk = &folder;
        ca(desk, &["init"]);
        ca(desk, &["issue", "server", "app.test"]);
        for client in ["ann", "ben"] {
            ca(
                desk,
                &["issue", "client", client, &format!("{client}@example.org")],
            );
        }
        let configuration = format!(
            "daemon off;\nerror_log stderr;\npid nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n server {{\n  \
             listen {at} ssl;\n  server_name app.test;\n  ssl_certificate ca/issued/app.test.crt;\n  \
             ssl_certificate_key ca/issued/app.test.key;\n  ssl_client_certificate ca/authorities.pem;\n  \
             ssl_crl ca/crls.pem;\n  ssl_verify_client on;\n  ssl_verify_depth 2;\n  location / {{\n   \
             return 200 \"$ssl_client_verify $ssl_client_s_dn $ssl_client_serial\\n\";\n  }}\n }}\n}}\n"
        );
        desk.write("nginx.conf", configuration);
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder.0).args(["-c", "nginx.conf"]);
        let mut nginx = Process::start("nginx", &mut command);
        until_open(&mut nginx, at);
        Self { folder, at, nginx }
    }

    /// What nginx answers to curl with these options.
    fn curl(&self, options: &[&str]) -> String {
        let port = self.at.port();
        let mut command = Command::new("curl");
        command
            .args([
                "-s",
                "-w",
                "%{http_code}",
                "--cacert",
                "ca/root.crt",
                "--noproxy",
                "*",
            ])
            .args(["--resolve", &format!("app.test:{port}:127.0.0.1")])
            .args(options)
            .arg(format!("https://app.test:{port}/"))
            .current_dir(&self.folder.0);
        text(&command.output().unwrap().stdout)
    }

    fn as_client(&self, name: &str) -> String {
        let file = |ending: &str| format!("ca/issued/{name}.{ending}");
        self.curl(&["--cert", &file("crt"), "--key", &file("key")])
    }

    /// Has nginx read its files again, and waits until `holds`.
    fn reload(&self, what: &str, holds: impl Fn() -> bool) {
        self.nginx.signal("HUP");
        until(what, holds);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ca(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .arg("ca")
        .args(arguments)
        .current_dir(&folder.0)
        .output()
        .unwrap();
    assert!(status.success(), "{arguments:?}: {}", text(&stderr));
    text(&stdout)
}

#[test]
fn nginx_and_curl_take_what_is_issued_until_it_is_revoked() {
    let site = Site::start();
    for name in ["ann", "ben"] {
        let answer = site.as_client(name);
        assert!(
            answer.starts_with(&format!("SUCCESS CN={name} ")) && answer.ends_with("200"),
            "{answer}"
        );
    }
    assert!(site.curl(&[]).contains("No required SSL certificate was sent"));

    // A bundle is as good as its parts.
    let exported = ca(&site.folder, &["export", "ann", "--pkcs12"]);
    let password = exported
        .lines()
        .next()
        .unwrap()
        .strip_prefix("password: ")
        .unwrap();
    let bundle = format!("ca/issued/ann.p12:{password}");
    let answer = site.curl(&["--cert-type", "P12", "--cert", &bundle]);
    assert!(answer.starts_with("SUCCESS CN=ann "), "{answer}");

    ca(&site.folder, &["revoke", "ben", "--reason", "key-compromise"]);
    site.reload("nginx refuses ben", || {
        site.as_client("ben").contains("The SSL certificate error")
    });
    assert!(site.as_client("ann").starts_with("SUCCESS CN=ann "));

    // Nothing changes for clients when the server and the intermediate are renewed.
    let serial = || {
        let script = format!(
            "openssl s_client -connect {} -servername app.test </dev/null 2>/dev/null | openssl x509 -noout -serial",
            site.at
        );
        text(
            &Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap()
                .stdout,
        )
    };
    let before = serial();
    assert!(before.starts_with("serial="), "{before}");
    ca(&site.folder, &["renew", "intermediate"]);
    ca(&site.folder, &["renew", "app.test"]);
    site.reload("nginx serves the new certificate", || serial() != before);
    ca(&site.folder, &["renew", "ann"]);
    for _ in 0..2 {
        assert!(site.as_client("ann").starts_with("SUCCESS CN=ann "));
    }
    assert!(site.as_client("ben").contains("The SSL certificate error"));

    // With the intermediate, all is called back.
    ca(
        &site.folder,
        &["revoke", "intermediate", "--reason", "ca-compromise"],
    );
    site.reload("nginx refuses everybody", || {
        site.as_client("ann").contains("The SSL certificate error")
    });
}

#[test]
fn a_server_and_a_client_that_are_workloads_know_each_other() {
    let folder = Folder::new();
    ca(&folder, &["init"]);
    let [at] = free_addresses();
    for name in ["web", "billing"] {
        ca(
            &folder,
            &[
                "issue",
                "workload",
                &format!("spiffe://example.org/{name}"),
                "--file",
                name,
            ],
        );
    }
    let mut command = Command::new("openssl");
    command.current_dir(&folder.0).args([
        "s_server",
        "-www",
        "-accept",
        &at.to_string(),
        "-cert",
        "ca/issued/web.crt",
        "-key",
        "ca/issued/web.key",
        "-cert_chain",
        "ca/intermediate.crt",
        "-CAfile",
        "ca/authorities.pem",
        "-Verify",
        "2",
        "-verify_return_error",
    ]);
    let mut server = Process::start("openssl", &mut command);
    until_open(&mut server, at);
    // No DNS name stands in it, so that only the chain is judged here.
    let script = format!(
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -ign_eof -connect {at} -CAfile ca/root.crt -verify_return_error \
         -purpose sslserver -cert ca/issued/billing.crt -key ca/issued/billing.key -cert_chain ca/intermediate.crt 2>&1"
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert!(
        said.contains("Verify return code: 0 (ok)") && said.contains("HTTP/1.0 200 ok"),
        "{said}"
    );
}
