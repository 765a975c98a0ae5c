//! Requests that OpenSSL made.

use super::{Desk, VERIFY};

fn request(desk: &Desk, name: &str, options: &str) {
    let made = desk.openssl(&format!(
        "req -new -nodes -keyout {name}.key -out {name}.csr {options}"
    ));
    assert!(desk.has(&format!("{name}.csr")), "{made}");
}

const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn a_request_is_signed_for_names_that_were_confirmed_one_by_one() {
    let desk = Desk::with_authority();
    let names = "-subj /CN=app.example -addext subjectAltName=DNS:app.example,IP:10.0.0.7";
    request(&desk, "app", &format!("{P256} {names}"));
    let told = desk.bad(&["sign", "server", "app.csr"]);
    let line = "countersign ca sign server app.csr --name=app.example --name=10.0.0.7";
    assert!(told.contains(line), "{told}");
    let told = desk.bad(&["sign", "server", "app.csr", "--name", "app.example"]);
    assert!(told.contains("asks for app.example, 10.0.0.7"), "{told}");
    let told = desk.bad(&["sign", "server", "app.csr", "--name", "other.example"]);
    assert!(
        told.contains("--name other.example: the request does not ask for it"),
        "{told}"
    );
    assert!(!desk.has("ca/issued"));
    // The line that was told is the one to give.
    let words = line.split(' ').skip(2).collect::<Vec<_>>();
    let report = desk.json(&words);
    assert_eq!(
        report["written"],
        serde_json::json!(["./ca/issued/app.example.crt"])
    );
    assert!(
        !desk.has("ca/issued/app.example.key"),
        "the key stays where it was made"
    );
    let verified = desk.openssl(&format!(
        "{VERIFY} -purpose sslserver -verify_ip 10.0.0.7 ca/issued/app.example.crt"
    ));
    assert_eq!(verified, "ca/issued/app.example.crt: OK");
    let of_key = desk.openssl("pkey -in app.key -pubout");
    assert_eq!(
        desk.openssl("x509 -in ca/issued/app.example.crt -noout -pubkey"),
        of_key
    );
    let told = desk.bad(&["renew", "app.example"]);
    assert!(told.contains("is not ours") && told.contains("ca sign"), "{told}");
    assert_eq!(desk.good(&["renew", "--due", "300"]), "nothing is due");
    // The owner's new request takes the place of the former one, and another's certificate stays.
    let again = desk.good(&words);
    assert!(again.contains("the one before holds until"), "{again}");
    let told = desk.bad(&["issue", "server", "app.example"]);
    assert!(told.contains("are called already"), "{told}");
    desk.good(&["revoke", "app.example"]);
    assert!(
        desk.openssl(&format!("{VERIFY} ca/issued/app.example.crt"))
            .contains("revoked")
    );
    let told = desk.bad(&words);
    assert!(told.contains("was revoked on"), "{told}");
}

#[test]
fn every_kind_of_key_that_is_taken_gets_a_certificate_that_verifies() {
    let desk = Desk::with_authority();
    for (name, key) in [
        ("p256", P256),
        ("p384", "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384"),
        ("rsa", "-newkey rsa:2048 -sha512"),
        ("ed", "-newkey ed25519"),
    ] {
        request(&desk, name, &format!("{key} -subj /CN={name}"));
        desk.good(&["sign", "client", &format!("{name}.csr"), "--name", name]);
        let file = format!("ca/issued/{name}.crt");
        let verified = desk.openssl(&format!("{VERIFY} -purpose sslclient {file}"));
        assert_eq!(verified, format!("{file}: OK"));
        let text = desk.openssl(&format!("x509 -in {file} -noout -text"));
        assert!(
            text.contains("Key Usage: critical\n                Digital Signature\n"),
            "{text}"
        );
    }
}

#[test]
fn what_is_asked_for_beyond_the_kind_is_refused() {
    let desk = Desk::with_authority();
    for (name, options, expect) in [
        (
            "ca",
            "-addext basicConstraints=critical,CA:TRUE",
            "asks to be an authority",
        ),
        (
            "usage",
            "-addext keyUsage=digitalSignature,keyCertSign",
            "asks to be an authority",
        ),
        (
            "code",
            "-addext extendedKeyUsage=clientAuth,codeSigning",
            "purposes that a client's",
        ),
        ("rid", "-addext subjectAltName=RID:1.2.3.4", "neither a DNS name"),
        (
            "dns",
            "-addext subjectAltName=DNS:a.example",
            "a client's certificate bears no DNS name",
        ),
    ] {
        request(&desk, name, &format!("{P256} -subj /CN=ann {options}"));
        let told = desk.bad(&["sign", "client", &format!("{name}.csr"), "--name", "ann"]);
        assert!(
            told.contains(&format!("{name}.csr: it asks")) && told.contains(expect),
            "{told}"
        );
    }
    request(&desk, "weak", "-newkey rsa:1024 -subj /CN=ann");
    assert!(
        desk.bad(&["sign", "client", "weak.csr"])
            .contains("of a kind that is not taken")
    );
    request(&desk, "quote", &format!("{P256} -subj /CN=$(id)"));
    assert!(
        desk.bad(&["sign", "client", "quote.csr"])
            .contains("--name='$(id)'")
    );
    assert!(
        desk.bad(&["sign", "client", "none.csr"])
            .contains("none.csr: No such file")
    );
    desk.0.write("text.csr", "hello");
    assert!(
        desk.bad(&["sign", "client", "text.csr"])
            .contains("text.csr: it holds no certificate request")
    );
    desk.0.write("huge.csr", vec![b'x'; (1 << 20) + 1]);
    assert!(
        desk.bad(&["sign", "client", "huge.csr"])
            .contains("larger than 1 MiB")
    );
    assert!(!desk.has("ca/issued"));
}

#[test]
fn a_certificate_is_shown_with_what_we_know_of_it() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "Ann", "ann@example.org"]);
    let shown = desk.good(&["show", "ca/issued/Ann.crt"]);
    for expect in [
        "subject     CN=Ann\n",
        "issuer      CN=Countersign Issuing CA,O=Countersign\n",
        "90 days left\n",
        "name        email: ann@example.org\n",
        "key usage   digitalSignature\n",
        "purposes    clientAuth\n",
        "issued here client Ann: valid\n",
        "\n\nsubject     CN=Countersign Issuing CA,O=Countersign\n",
    ] {
        assert!(shown.contains(expect), "{expect}: {shown}");
    }
    desk.good(&["revoke", "Ann"]);
    assert!(
        desk.good(&["show", "ca/issued/Ann.crt"])
            .contains("issued here client Ann: revoked on 2")
    );
    let root = desk.json(&["show", "ca/root.crt"]);
    assert_eq!(
        (root["authority"].as_bool(), root["days_left"].as_i64()),
        (Some(true), Some(3650))
    );
    assert_eq!(root["issued_here"], serde_json::Value::Null);
    // Others' certificates need no authority of ours.
    assert!(
        desk.good(&["show", "ca/root.crt", "--folder", "nowhere"])
            .contains("Root CA")
    );
    desk.0
        .write("key.pem", std::fs::read(desk.0.0.join("ca/root.key")).unwrap());
    let told = desk.bad(&["show", "key.pem"]);
    assert!(told.contains("key.pem: holds no certificate in PEM"), "{told}");
    desk.0.write(
        "odd.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let told = desk.bad(&["show", "odd.pem"]);
    assert!(told.contains("odd.pem: certificate 1: "), "{told}");
    desk.0.write("half.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert!(
        desk.bad(&["show", "half.pem"])
            .contains("a PEM block in it is broken")
    );
}

#[test]
fn two_names_that_make_one_name_of_files_do_not_get_each_others_certificate() {
    let desk = Desk::with_authority();
    for (name, id) in [
        ("one", "spiffe://x.example/a/b"),
        ("other", "spiffe://x.example/a-b"),
    ] {
        request(
            &desk,
            name,
            &format!("{P256} -subj / -addext subjectAltName=URI:{id}"),
        );
    }
    let one = "spiffe://x.example/a/b";
    desk.good(&["sign", "workload", "one.csr", "--name", one]);
    let file = "ca/issued/x.example-a-b.crt";
    let before = std::fs::read(desk.0.0.join(file)).unwrap();
    let other = [
        "sign",
        "workload",
        "other.csr",
        "--name",
        "spiffe://x.example/a-b",
    ];
    let told = desk.bad(&other);
    assert!(
        told.contains("are called already") && told.contains("--file"),
        "{told}"
    );
    assert_eq!(std::fs::read(desk.0.0.join(file)).unwrap(), before);
    desk.good(&[&other[..], &["--file", "other"]].concat());
    desk.good(&["sign", "workload", "one.csr", "--name", one]);
    assert_ne!(std::fs::read(desk.0.0.join(file)).unwrap(), before);
}
