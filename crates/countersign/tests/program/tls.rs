//! Listeners that speak TLS, asked by OpenSSL and curl.

use super::gateway::{Client, Folder, Gateway, free, is_open, text};
use countersign_testkit::pki::{Authority, Key, Revocations, Template, pem};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

/// A root, and what it issued: `app` and `other`, each with its key.
pub(super) struct Pki {
    root: Authority,
}

impl Pki {
    /// Writes `NAME.crt` and `NAME.key` for the host `NAME.test`.
    fn write(&self, folder: &Folder, name: &str, key: Key) {
        let host = format!("{name}.test");
        let certificate = self.root.issue(&Template::server(&host, key).serial(&[1, 2, 3]));
        let pem = pem("CERTIFICATE", &certificate);
        // Put in place in one step, as careful tools do.
        for (name, content) in [(format!("{name}.key"), key.pem()), (format!("{name}.crt"), &pem)] {
            let made = folder.write("new", content);
            std::fs::rename(made, folder.0.join(name)).unwrap();
        }
    }

    pub(super) fn new(folder: &Folder) -> Self {
        let pki = Self {
            root: Authority::root("Root", Key(6)),
        };
        folder.write("root.crt", pki.root.pem());
        pki.write(folder, "app", Key(1));
        pki.write(folder, "other", Key(2));
        pki
    }
}

/// A listener at `address` for the hosts `app` and `other`, that answers `/auth`.
pub(super) fn config(address: SocketAddr, hosts: &[&str]) -> String {
    let hosts = hosts.iter().map(|name| {
        format!(
            "[[listen.host]]\nnames = [\"{name}.test\"]\ncertificate = \"{name}.crt\"\nkey = {{ file = \"{name}.key\" }}\n"
        )
    });
    format!(
        "config = 1\n\n[[listen]]\naddress = \"{address}\"\nspeak = \"check\"\n{}\n[[route]]\nendpoint = \"/auth\"\naccept = \
         \"anonymous\"\n",
        hosts.collect::<String>()
    )
}

/// What `openssl s_client` says when it asks for `/auth` under this name, with these arguments as well.
pub(super) fn openssl(folder: &Folder, at: SocketAddr, name: &str, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &at.to_string(), "-servername", name]);
    command.args([
        "-CAfile",
        &folder.path("root.crt"),
        "-verify_hostname",
        name,
        "-ign_eof",
    ]);
    let mut child = command
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = format!("GET /auth HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn openssl_and_curl_are_shown_the_certificate_of_the_name_they_ask_for() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let config = folder.write("a.toml", config(at, &["app", "other"]));
    let mut gateway = Gateway::start(&folder, &config);
    assert!(gateway.line("listening").ends_with("(check, TLS)"));
    for version in ["-tls1_2", "-tls1_3"] {
        for name in ["app.test", "other.test"] {
            let said = openssl(&folder, at, name, &[version]);
            assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
            assert!(said.contains("HTTP/1.1 200 OK"), "{said}");
        }
        let said = openssl(&folder, at, "third.test", &[version]);
        assert!(
            said.contains("hostname mismatch") && said.contains("subject=CN = app.test"),
            "{said}"
        );
    }
    for version in ["-tls1", "-tls1_1"] {
        let said = openssl(&folder, at, "app.test", &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(
            !said.contains("HTTP/1.1") && said.contains("no peer certificate available"),
            "{version}: {said}"
        );
    }
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--cacert", &folder.path("root.crt")])
        .args(["--resolve", &format!("app.test:{}:{}", at.port(), at.ip())])
        .args([
            "--write-out",
            "%{http_code}",
            &format!("https://app.test:{}/auth", at.port()),
        ])
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "200", "{}", text(&output.stderr));
}

#[test]
fn where_resumption_is_off_nobody_has_a_session_to_take_up() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let text_of = config(at, &["app"]);
    let text_of = text_of.replace(
        "[[listen.host]]",
        "[listen.tls]\nresumption = false\n\n[[listen.host]]",
    );
    let config = folder.write("a.toml", text_of);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    for version in ["-tls1_2", "-tls1_3"] {
        let session = folder.path(version);
        let begun = openssl(&folder, at, "app.test", &[version, "-sess_out", &session]);
        assert!(begun.contains("HTTP/1.1 200 OK"), "{begun}");
        assert!(!begun.contains("TLS session ticket:"), "{version}: {begun}");
        if Path::new(&session).exists() {
            let again = openssl(&folder, at, "app.test", &[version, "-sess_in", &session]);
            assert!(again.contains("New, TLSv1"), "{version}: {again}");
        }
    }
}

#[test]
fn a_certificate_that_changes_on_disk_is_shown_from_then_on_and_a_broken_one_is_not() {
    let folder = Folder::new();
    let pki = Pki::new(&folder);
    let (at, status) = (free(), free());
    let text_of = config(at, &["app"]);
    let config = folder.write("a.toml", format!("{text_of}\n[status]\naddress = \"{status}\"\n"));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("(status)");
    let metrics = Client::tcp(status).read("/metrics");
    let left = metrics
        .split("countersign_certificate_seconds_left{name=\"app.test\"} ")
        .nth(1);
    let left = left.unwrap().lines().next().unwrap().parse::<i64>().unwrap();
    assert!(left < 10 * 366 * 24 * 3600, "{left}");
    let session = folder.path("session");
    let shown = |said: &str| {
        let certificate = said.split("-----BEGIN CERTIFICATE-----").nth(1).unwrap();
        certificate.split("-----END").next().unwrap().to_owned()
    };
    let before = openssl(&folder, at, "app.test", &["-sess_out", &session]);
    let resumed = openssl(&folder, at, "app.test", &["-sess_in", &session]);
    assert!(resumed.contains("Reused, TLSv1.3"), "{resumed}");
    pki.write(&folder, "app", Key(3));
    let said = gateway.line("configuration 1 is in force");
    assert!(
        said.contains(".crt has changed: ") || said.contains(".key has changed: "),
        "{said}"
    );
    let after = openssl(&folder, at, "app.test", &[]);
    assert!(after.contains("Verify return code: 0 (ok)"), "{after}");
    assert_ne!(shown(&before), shown(&after));
    let resumed = openssl(&folder, at, "app.test", &["-sess_in", &session]);
    assert!(
        resumed.contains("New, TLSv1.3"),
        "no session from before: {resumed}"
    );
    folder.write("app.crt", "not a certificate");
    gateway.line("not PEM");
    assert!(gateway.line("reload_refused").contains("stays in force"));
    assert_eq!(shown(&openssl(&folder, at, "app.test", &[])), shown(&after));
    // What is right again is taken without being asked for.
    pki.write(&folder, "app", Key(4));
    gateway.line("configuration 2 is in force");
    assert_ne!(shown(&openssl(&folder, at, "app.test", &[])), shown(&after));
}

#[test]
fn a_listener_begins_and_ends_to_speak_tls_at_a_reload() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let file = folder.write("a.toml", config(at, &[]));
    let mut gateway = Gateway::start(&folder, &file);
    gateway.line("listening");
    let mut clear = Client::tcp(at);
    assert_eq!(clear.ask("/auth"), Some(200));
    folder.write("a.toml", config(at, &["app"]));
    gateway.takes();
    assert!(gateway.line("listening").ends_with("(check, TLS)"));
    assert_eq!(
        clear.ask("/auth"),
        None,
        "who came in the clear is not served any more"
    );
    assert!(openssl(&folder, at, "app.test", &[]).contains("HTTP/1.1 200 OK"));
    folder.write("a.toml", config(at, &[]));
    let said = gateway.reload();
    // The same text as at the start, and shorter than the one in force: it is not its beginning.
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert!(is_open(at));
    assert_eq!(Client::tcp(at).ask("/auth"), Some(200));
}

#[test]
fn a_session_of_one_name_is_not_taken_up_under_another() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let config = folder.write("a.toml", config(at, &["app", "other"]));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    for version in [["-tls1_3"].as_slice(), &["-tls1_2"], &["-tls1_2", "-no_ticket"]] {
        let session = folder.path("session");
        let kept = [version, &["-sess_out", &session]].concat();
        let again = [version, &["-sess_in", &session]].concat();
        drop(openssl(&folder, at, "app.test", &kept));
        let same = openssl(&folder, at, "app.test", &again);
        assert!(same.contains("Reused, TLSv1."), "{version:?}: {same}");
        let other = openssl(&folder, at, "other.test", &again);
        assert!(
            other.contains("New, TLSv1.") || other.contains("alert"),
            "{version:?}: {other}"
        );
        assert!(!other.contains("Reused"), "{version:?}: {other}");
    }
    // Early data is neither offered nor taken.
    let session = folder.path("session");
    let said = openssl(&folder, at, "app.test", &["-tls1_3", "-sess_out", &session]);
    assert!(!said.contains("Max Early Data: 1"), "{said}");
    let early = folder.write("early", "GET /auth HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let early = early.display().to_string();
    let said = openssl(
        &folder,
        at,
        "app.test",
        &["-tls1_3", "-sess_in", &session, "-early_data", &early],
    );
    assert!(!said.contains("Early data was accepted"), "{said}");
}

#[test]
fn curl_speaks_http_2_with_the_reverse_proxy_and_the_application_http_1() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let application = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free();
    let text_of = config(at, &["app"])
        .replace("\"check\"", "\"reverse-proxy\"")
        .replace(
            "endpoint = \"/auth\"",
            &format!(
                "hosts = \"app.test\"\nto = \"http://{}\"",
                application.local_addr().unwrap()
            ),
        );
    let config = folder.write("a.toml", text_of);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--http2",
            "--cacert",
            &folder.path("root.crt"),
        ])
        .args(["--resolve", &format!("app.test:{}:{}", at.port(), at.ip())])
        .args(["--data", "a=1", "--write-out", " by %{http_version}"])
        .arg(format!("https://app.test:{}/page", at.port()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut asked, _) = application.accept().unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"a=1") {
        let mut byte = [0];
        asked.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    let seen = text(&seen);
    assert!(seen.starts_with("POST /page HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    asked
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        .unwrap();
    let output = curl.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "done by 2");
}

/// A listener that asks clients for certificates of `root.crt`, and lets in nobody else.
fn certificates(at: SocketAddr, mode: &str) -> String {
    let config = config(at, &["app"])
        .replace("\"anonymous\"", "\"certificate.staff\"")
        .replace(
            "\n[[route]]",
            &format!(
                "client_certificates = {{ mode = \"{mode}\", by = [\"certificate.staff\"] }}\n\n[[route]]"
            ),
        );
    format!("{config}\n[certificate.staff]\nauthorities = [\"root.crt\"]\n")
}

#[test]
fn who_is_let_in_with_a_certificate_is_so_on_a_resumed_session_until_the_authority_goes() {
    for mode in ["ask", "required"] {
        let folder = Folder::new();
        let pki = Pki::new(&folder);
        let joe = pki.root.issue(&Template::client("joe", Key(3)).serial(&[7]));
        folder.write("joe.crt", pem("CERTIFICATE", &joe));
        folder.write("joe.key", Key(3).pem());
        let at = free();
        let config = folder.write("a.toml", certificates(at, mode));
        let mut gateway = Gateway::start(&folder, &config);
        gateway.line("listening");
        let nobody = openssl(&folder, at, "app.test", &[]);
        assert!(
            nobody.contains("HTTP/1.1 403")
                && nobody.contains("Acceptable client certificate CA names\nCN = Root\n"),
            "{nobody}"
        );
        let session = folder.path("session");
        let (certificate, key) = (folder.path("joe.crt"), folder.path("joe.key"));
        let joe = ["-cert", &certificate, "-key", &key];
        for version in ["-tls1_2", "-tls1_3"] {
            let kept = [joe.as_slice(), &[version, "-sess_out", &session]].concat();
            let again = [joe.as_slice(), &[version, "-sess_in", &session]].concat();
            let said = openssl(&folder, at, "app.test", &kept);
            assert!(
                said.contains("HTTP/1.1 200") && said.contains("x-auth-subject: CN=joe\r\n"),
                "{said}"
            );
            let said = openssl(&folder, at, "app.test", &again);
            assert!(
                said.contains("Reused") && said.contains("x-auth-subject: CN=joe\r\n"),
                "{said}"
            );
        }
        // The server's certificate is the old root's still; clients of the old root are nobody's.
        folder.write("root-before.crt", pki.root.pem());
        folder.write("root.crt", Authority::root("Other", Key(5)).pem());
        assert!(gateway.line("is in force").contains("root.crt has changed"));
        std::fs::rename(folder.0.join("root-before.crt"), folder.0.join("known.crt")).unwrap();
        let known = folder.path("known.crt");
        let again = [joe.as_slice(), &["-CAfile", &known, "-sess_in", &session]].concat();
        let said = openssl(&folder, at, "app.test", &again);
        assert!(
            said.contains("New, TLSv1.3") && said.contains("HTTP/1.1 403"),
            "{said}"
        );
        assert!(
            gateway
                .line("certificate_unknown_authority")
                .contains("status=403")
        );
    }
}

#[test]
fn a_certificate_that_cannot_be_held_ends_the_handshake_and_the_log_says_why() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let config = folder.write("a.toml", certificates(at, "ask"));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    let [key, request, certificate] = ["c.key", "c.csr", "c.crt"].map(|name| folder.path(name));
    let make = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let mut refused = |why: &str| {
        for version in ["-tls1_2", "-tls1_3"] {
            let weak = ["-cipher", "DEFAULT:@SECLEVEL=0", version];
            let shown = [["-cert", &certificate, "-key", &key].as_slice(), &weak].concat();
            let said = openssl(&folder, at, "app.test", &shown);
            assert!(!said.contains("HTTP/1.1"), "{said}");
            let line = gateway.line("handshake");
            assert!(line.contains("127.0.0.1: ") && line.contains(why), "{line}");
        }
    };
    make(&["genrsa", "-out", &key, "1024"]);
    make(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key,
        "-subj",
        "/CN=joe",
        "-out",
        &certificate,
    ]);
    refused("RSA of 1024 bits");
    make(&[
        "ecparam",
        "-name",
        "prime256v1",
        "-genkey",
        "-noout",
        "-out",
        &key,
    ]);
    make(&["req", "-new", "-key", &key, "-subj", "/CN=joe", "-out", &request]);
    make(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-signkey",
        &key,
        "-out",
        &certificate,
    ]);
    refused("X.509 version 1");
    let critical = "1.2.3.4=critical,DER:0500";
    make(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key,
        "-subj",
        "/CN=joe",
        "-addext",
        critical,
        "-out",
        &certificate,
    ]);
    refused("a critical extension that is not known here: 1.2.3.4");
}

#[test]
fn the_metrics_tell_how_old_each_list_is_and_how_long_each_authority_holds() {
    let folder = Folder::new();
    let pki = Pki::new(&folder);
    let list = Revocations::of(&[&[7], &[8]]).updated("20260101000000Z", Some("20400101000000Z"));
    folder.write("root.crl", pem("X509 CRL", &pki.root.revoke(&list)));
    let old = Template::authority("Old", Key(4)).valid("20200101000000Z", "20250101000000Z");
    let old = pki.root.issue(&old);
    folder.write("authorities.crt", pki.root.pem() + &pem("CERTIFICATE", &old));
    let (at, status) = (free(), free());
    let table = "authorities = [\"authorities.crt\"]\ncrls = [\"root.crl\"]\n";
    let text_of = certificates(at, "required").replace("authorities = [\"root.crt\"]\n", table);
    let config = folder.write("a.toml", format!("{text_of}\n[status]\naddress = \"{status}\"\n"));
    let mut gateway = Gateway::start(&folder, &config);
    let said = gateway.line("the authority CN=Old ended on 2025-01-01T00:00:00.000Z");
    assert!(said.contains("certificate.staff: "), "{said}");
    gateway.line("(status)");
    let metrics = Client::tcp(status).read("/metrics");
    let value = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("{series}: {metrics}"));
        line.trim().parse::<i64>().unwrap()
    };
    let of_list = |what: &str| {
        let series = format!(
            "countersign_crl_{what}{{source=\"{}\",issuer=\"CN=Root\"}}",
            folder.path("root.crl")
        );
        value(&series)
    };
    assert_eq!(of_list("revoked"), 2);
    let (age, left) = (of_list("age_seconds"), of_list("seconds_left"));
    // From one to the other there are fourteen years, three of them leap years.
    assert_eq!(age + left, (14 * 365 + 3) * 86_400, "{age} {left}");
    assert!(age > 0 && left > 0);
    let of_authority = |name: &str| {
        value(&format!(
            "countersign_authority_seconds_left{{table=\"certificate.staff\",subject=\"CN={name}\"}}"
        ))
    };
    assert!(of_authority("Root") > 0);
    assert!(of_authority("Old") < 0);
}
