//! What is issued, and what is not.

use super::{Desk, VERIFY};

#[test]
fn a_server_is_verified_by_each_of_its_names() {
    let desk = Desk::with_authority();
    desk.good(&[
        "issue",
        "server",
        "App.example",
        "*.app.example",
        "10.0.0.7",
        "::1",
    ]);
    let check = |more: &str| desk.openssl(&format!("{VERIFY} {more} ca/issued/app.example.crt"));
    for name in [
        "-verify_hostname app.example",
        "-verify_hostname www.app.example",
        "-verify_ip 10.0.0.7",
        "-verify_ip ::1",
    ] {
        assert_eq!(
            check(&format!("-purpose sslserver {name}")),
            "ca/issued/app.example.crt: OK",
            "{name}"
        );
    }
    assert!(check("-verify_hostname other.example").contains("hostname mismatch"));
    assert!(check("-purpose sslclient").contains("certificate purpose"));
    let text = desk.openssl("x509 -in ca/issued/app.example.crt -noout -text");
    assert!(
        text.contains("DNS:app.example, DNS:*.app.example, IP Address:10.0.0.7, IP Address:0:0:0:0:0:0:0:1"),
        "{text}"
    );
    assert!(
        text.contains("X509v3 Key Usage: critical\n                Digital Signature\n"),
        "{text}"
    );
    assert!(
        text.contains("X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n"),
        "{text}"
    );
    assert!(
        text.contains("CA:FALSE") && text.contains("Subject: CN = app.example"),
        "{text}"
    );
    assert!(
        text.contains("Subject Key Identifier") && text.contains("Authority Key Identifier"),
        "{text}"
    );
    let purposes = desk.openssl("x509 -in ca/issued/app.example.crt -noout -purpose");
    assert!(
        purposes.contains("SSL server : Yes") && purposes.contains("SSL client : No"),
        "{purposes}"
    );
    assert_eq!(desk.mode("ca/issued/app.example.key"), 0o600);
    // The file is what a server sends: its own certificate first, then the intermediate's.
    let chain = desk.openssl("crl2pkcs7 -nocrl -certfile ca/issued/app.example.crt -out chain.p7b");
    assert_eq!(chain, "");
    let chain = desk.openssl("pkcs7 -in chain.p7b -print_certs -noout");
    let subjects = chain
        .lines()
        .filter(|line| line.starts_with("subject"))
        .collect::<Vec<_>>();
    assert_eq!(
        subjects,
        [
            "subject=CN = app.example",
            "subject=O = Countersign, CN = Countersign Issuing CA"
        ]
    );
}

#[test]
fn a_client_bears_its_names_apart_by_kind() {
    let desk = Desk::with_authority();
    let report = desk.json(&[
        "issue",
        "client",
        "Ann Example",
        "ann@example.org",
        "https://example.org/users/7",
    ]);
    assert_eq!(report["kind"], "client");
    let file = "ca/issued/Ann-Example.crt";
    assert_eq!(report["written"][1], format!("./{file}"));
    assert_eq!(
        desk.openssl(&format!("{VERIFY} -purpose sslclient {file}")),
        format!("{file}: OK")
    );
    let text = desk.openssl(&format!("x509 -in {file} -noout -text"));
    assert!(
        text.contains("email:ann@example.org, URI:https://example.org/users/7"),
        "{text}"
    );
    assert!(
        text.contains("Subject: CN = Ann Example") && text.contains("TLS Web Client Authentication\n"),
        "{text}"
    );
    let serial = desk.openssl(&format!("x509 -in {file} -noout -serial"));
    assert_eq!(serial, format!("serial={}", report["serial"].as_str().unwrap()));
    let fingerprint = desk.openssl(&format!("x509 -in {file} -noout -fingerprint -sha256"));
    let fingerprint = fingerprint
        .split('=')
        .nth(1)
        .unwrap()
        .replace(':', "")
        .to_lowercase();
    assert_eq!(report["sha256"], fingerprint);
}

#[test]
fn a_workload_is_one_spiffe_id_for_a_day() {
    let desk = Desk::with_authority();
    let report = desk.json(&["issue", "workload", "spiffe://example.org/ns/billing"]);
    let file = "ca/issued/example.org-ns-billing.crt";
    for purpose in ["sslclient", "sslserver"] {
        assert_eq!(
            desk.openssl(&format!("{VERIFY} -purpose {purpose} {file}")),
            format!("{file}: OK")
        );
    }
    let text = desk.openssl(&format!("x509 -in {file} -noout -text"));
    assert!(
        text.contains(
            "X509v3 Subject Alternative Name: \n                URI:spiffe://example.org/ns/billing\n"
        ),
        "{text}"
    );
    assert_eq!(report["names"][0], "spiffe://example.org/ns/billing");
    let list = desk.json(&["list"]);
    assert_eq!(list["certificates"][0]["days_left"], 1);
    let told = desk.bad(&["issue", "workload", "spiffe://example.org/other", "--days", "8"]);
    assert!(
        told.contains("8 days are too many: a workload holds at most 7"),
        "{told}"
    );
}

#[test]
fn a_long_name_stands_among_the_alternative_names_alone() {
    let desk = Desk::with_authority();
    let name = format!("{}.{}.example", "a".repeat(63), "b".repeat(40));
    desk.good(&["issue", "server", &name, "--file", "long"]);
    let text = desk.openssl("x509 -in ca/issued/long.crt -noout -text");
    assert!(
        text.contains("Subject Alternative Name: critical") && text.contains("Subject: \n"),
        "{text}"
    );
    let verified = desk.openssl(&format!(
        "{VERIFY} -purpose sslserver -verify_hostname {name} ca/issued/long.crt"
    ));
    assert_eq!(verified, "ca/issued/long.crt: OK");
}

#[test]
fn what_is_no_name_is_told_before_anything_is_written() {
    let desk = Desk::with_authority();
    let long = "a".repeat(300);
    for (kind, name, expect) in [
        ("server", "a_b.example", "only letters, digits"),
        ("server", long.as_str(), "longer than 253"),
        ("server", "10.0.0.300", "looks like an address"),
        ("server", "*.org", "`*` stands only as the first label"),
        ("server", "bücher.example", "write xn--bcher-kva.example"),
        ("server", "", "empty"),
        ("client", "\u{1b}[2Jann", "control character"),
        (
            "client",
            "spiffe://example.org/x",
            "countersign ca issue workload",
        ),
        ("workload", "billing", "does not begin with `spiffe://`"),
    ] {
        let told = desk.bad(&["issue", kind, name]);
        assert!(told.contains(expect), "{name}: {told}");
        assert!(!told.contains('\u{1b}'), "nothing moves the cursor: {told:?}");
    }
    for days in ["0", "398", "-1", "x", "99999999999"] {
        desk.bad(&["issue", "client", "ann", &format!("--days={days}")]);
    }
    for file in ["", "../ann", ".ann", "-ann", "a/b", &long] {
        let told = desk.bad(&["issue", "client", "ann", &format!("--file={file}")]);
        assert!(told.contains("no name for files"), "{told}");
    }
    assert!(!desk.has("ca/issued"));
    assert_eq!(
        desk.json(&["list", "--all"])["certificates"],
        serde_json::json!([])
    );
}

#[test]
fn a_list_has_the_first_to_end_first() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "server", "app.example"]);
    desk.good(&["issue", "client", "ann", "--days", "10"]);
    let list = desk.good(&["list"]);
    let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let names = list.lines().map(first).collect::<Vec<_>>();
    assert_eq!(names, ["file", "root", "intermediate", "ann", "app.example"]);
    assert!(!list.contains('\u{1b}'), "no colours but on a terminal");
    let list = desk.json(&["list"]);
    assert_eq!(list["certificates"][0]["status"], "valid");
    assert_eq!(list["certificates"][0]["days_left"], 10);
}

#[test]
fn a_certificate_goes_where_one_says_and_is_found_there_again() {
    let desk = Desk::with_authority();
    desk.good(&[
        "issue",
        "server",
        "app.example",
        "--output",
        "tls/app",
        "--file",
        "server",
    ]);
    let before = desk.openssl("x509 -in tls/app/server.crt -noout -serial");
    assert_eq!(desk.mode("tls/app/server.key"), 0o600);
    let told = desk.bad(&[
        "issue",
        "server",
        "app.example",
        "--output",
        "tls/app",
        "--file",
        "server",
    ]);
    assert!(
        told.contains("tls/app/server.crt is there already") && told.contains("renew"),
        "{told}"
    );
    desk.good(&["renew", "server"]);
    assert_ne!(desk.openssl("x509 -in tls/app/server.crt -noout -serial"), before);
    desk.good(&["export", "server", "--pkcs12"]);
    assert!(desk.has("tls/app/server.p12") && !desk.has("ca/issued"));
}

#[test]
fn a_name_of_files_means_one_certificate_and_its_successors() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann@example.org", "--file", "ann"]);
    let bob = [
        "issue",
        "client",
        "bob@example.org",
        "--file",
        "ann",
        "--output",
        "other",
    ];
    let told = desk.bad(&bob);
    assert!(
        told.contains("client ann@example.org are called already") && told.contains("--file"),
        "{told}"
    );
    assert!(!desk.has("other/ann.key"));
    for file in ["bob.crt", "bob.key"] {
        let told = desk.bad(&["issue", "client", "bob", "--file", file]);
        assert!(told.contains("means a file"), "{told}");
    }
    // An index of before, in which both are: neither is taken for the other.
    desk.good(&[
        "issue",
        "client",
        "bob@example.org",
        "--file",
        "bob",
        "--output",
        "other",
    ]);
    let index = desk.0.0.join("ca/index.json");
    let text = String::from_utf8(std::fs::read(&index).unwrap()).unwrap();
    std::fs::write(&index, text.replace("\"file\": \"bob\"", "\"file\": \"ann\"")).unwrap();
    for command in [
        &["revoke", "ann"][..],
        &["renew", "ann"],
        &["export", "ann", "--pkcs12"],
    ] {
        let told = desk.bad(command);
        assert!(
            told.contains("more than one thing") && told.contains("(bob@example.org)"),
            "{told}"
        );
    }
    // One that does not hold any more is not meant.
    let list = desk.json(&["list"]);
    let records = list["certificates"].as_array().unwrap();
    let of_bob = records
        .iter()
        .find(|record| record["names"][0] == "bob@example.org");
    desk.good(&["revoke", of_bob.unwrap()["serial"].as_str().unwrap()]);
    let told = desk.good(&["renew", "ann"]);
    assert!(told.contains("client ann@example.org"), "{told}");
}

#[test]
fn a_name_of_files_is_seen_whole() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    for file in [
        "ann ",
        " ann",
        "ann\u{a0}",
        "a\u{2003}nn",
        "ann\u{200b}",
        "a\u{ad}nn",
        "ann\u{fe0f}",
        "ann\u{3164}",
        "\u{202e}nna",
        "ann\u{2800}",
        "ann\u{e0041}",
        "ann  5",
        "rene\u{301}",
        "ren\u{e9}",
        "\u{430}nn",
        "\u{212b}",
    ] {
        let told = desk.bad(&["issue", "client", "bob", "--file", file]);
        assert!(told.contains("no name for files"), "{file:?}: {told}");
    }
    desk.good(&["issue", "client", "bob", "--file", "Ann Example"]);
    desk.bad(&["issue", "client", "cid\u{3164}"]);
    // So it is where nobody names the files, and what means two is refused.
    desk.good(&["issue", "client", "ren\u{e9}"]);
    assert!(desk.has("ca/issued/ren_.crt"));
    let told = desk.bad(&["issue", "client", "ren\u{e8}"]);
    assert!(
        told.contains("with --file") && !told.contains("ca renew"),
        "{told}"
    );
    desk.good(&["issue", "client", "rene\u{301}", "--file", "rene"]);
}
