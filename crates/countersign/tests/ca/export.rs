//! PKCS#12, read by OpenSSL.

use super::{Desk, complained};
use std::fs::File;
use std::process::Command;

fn exported(desk: &Desk, more: &[&str]) -> String {
    let said = desk.good(&[&["export", "ann", "--pkcs12"], more].concat());
    let password = said.lines().next().unwrap().strip_prefix("password: ").unwrap();
    password.to_owned()
}

#[test]
fn both_forms_hold_key_certificate_and_authorities_under_a_password_of_their_own() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann", "ann@example.org"]);
    let key = desk.openssl("pkey -in ca/issued/ann.key -pubout");
    let mut passwords = Vec::new();
    for (option, shape) in [
        (
            &[][..],
            "MAC: sha256, Iteration 2048\nMAC length: 32, salt length: 16\nPKCS7 Encrypted data: PBES2, PBKDF2, AES-256-CBC",
        ),
        (
            &["--legacy"],
            "MAC: sha1, Iteration 2048\nMAC length: 20, salt length: 16\nPKCS7 Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC",
        ),
    ] {
        let password = exported(&desk, option);
        assert_eq!(desk.mode("ca/issued/ann.p12"), 0o600);
        let legacy = if option.is_empty() { "" } else { " -legacy" };
        let open = format!("pkcs12 -in ca/issued/ann.p12 -passin pass:{password}{legacy}");
        let info = desk.openssl(&format!("{open} -info -noout"));
        assert!(info.starts_with(shape), "{info}");
        assert_eq!(info.matches("Certificate bag").count(), 3, "{info}");
        let whole = desk.openssl(&format!("{open} -nodes -out whole.pem"));
        assert_eq!(whole, "");
        assert_eq!(desk.openssl("pkey -in whole.pem -pubout"), key);
        let own = desk.openssl(&format!("{open} -clcerts -nokeys"));
        assert!(
            own.contains("friendlyName: ann") && own.contains("subject=CN = ann"),
            "{own}"
        );
        let others = desk.openssl(&format!("{open} -cacerts -nokeys"));
        assert!(
            others.contains("Issuing CA") && others.contains("Root CA"),
            "{others}"
        );
        let wrong = desk.openssl("pkcs12 -in ca/issued/ann.p12 -passin pass:wrong -noout -legacy");
        assert!(wrong.contains("invalid password"), "{wrong}");
        passwords.push(password);
    }
    assert_ne!(passwords[0], passwords[1]);
    assert!(
        passwords.iter().all(|password| password.len() == 27),
        "{passwords:?}"
    );
}

#[test]
fn a_bundle_goes_where_one_says_and_tells_programs_its_password() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    let report = desk.json(&["export", "ann", "--pkcs12", "--output", "phone.p12"]);
    assert_eq!(report["written"][0], "phone.p12");
    let password = report["password"].as_str().unwrap();
    let info = desk.openssl(&format!(
        "pkcs12 -in phone.p12 -passin pass:{password} -noout -info"
    ));
    assert!(info.contains("AES-256-CBC"), "{info}");
    assert!(desk.bad(&["export", "ann"]).contains("--pkcs12"));
    assert!(
        desk.bad(&["export", "ben", "--pkcs12"])
            .contains("was not issued here")
    );
    assert!(
        desk.bad(&["export", "ann", "--pkcs12", "--output", "no/such/folder.p12"])
            .contains("no/such/folder.p12: ")
    );
}

#[test]
fn a_bundle_whose_password_nobody_saw_is_not_written() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    let mut command = desk.command(&["export", "ann", "--pkcs12"]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert!(!output.status.success());
    assert!(
        complained(&output).contains("its password could not be shown"),
        "{}",
        complained(&output)
    );
    assert!(!desk.has("ca/issued/ann.p12"));
}

#[test]
fn a_bundle_takes_the_place_of_a_bundle_and_of_nothing_else() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    for name in ["root.key", "index.json", "issued/ann.crt"] {
        let copy = desk.0.0.join(name.rsplit('/').next().unwrap());
        std::fs::copy(desk.0.0.join("ca").join(name), copy).unwrap();
    }
    for there in ["root.key", "index.json", "ann.crt", "ca"] {
        let before = std::fs::read(desk.0.0.join(there)).ok();
        let told = desk.bad(&["export", "ann", "--pkcs12", "--output", there]);
        assert!(told.contains("is no PKCS#12 file"), "{told}");
        assert_eq!(std::fs::read(desk.0.0.join(there)).ok(), before, "{there}");
    }
    exported(&desk, &["--output", "ann.p12"]);
    exported(&desk, &["--output", "ann.p12"]);
    exported(&desk, &["--output", "ann.p12", "--legacy"]);
}

#[test]
fn a_bundle_is_none_of_the_authoritys_own_files() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    std::fs::rename(desk.0.0.join("ca/root.key"), desk.0.0.join("safe.key")).unwrap();
    std::os::unix::fs::symlink("ca/.lock", desk.0.0.join("link.p12")).unwrap();
    std::os::unix::fs::symlink("ca", desk.0.0.join("link")).unwrap();
    for (there, folder) in [
        ("ca/.lock", "ca"),
        ("ca/./.lock", "ca"),
        ("link.p12", "."),
        ("link/.lock", "ca"),
        // What is not there now may come, or come back.
        ("ca/root.key", "ca"),
        ("ca/root.crl", "ca"),
        ("ca/.index.json.1.new", "ca"),
        ("ca/issued/ben.crt", "ca/issued"),
        ("ca/issued/.p12", "ca/issued"),
    ] {
        let before = names(&desk, folder);
        let told = desk.bad(&["export", "ann", "--pkcs12", "--output", there]);
        assert!(told.contains("the authority's own"), "{there}: {told}");
        assert_eq!(names(&desk, folder), before, "{there}");
    }
    exported(&desk, &["--output", "ca/phone.p12"]);
    exported(&desk, &["--output", "ca/issued/phone.P12"]);
    exported(&desk, &["--output", "link/phone.pfx"]);
}

fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(desk.0.0.join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names = names.collect::<Vec<_>>();
    names.sort();
    names
}

#[test]
fn who_would_look_into_a_bundle_is_told_how() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    for option in [&[][..], &["--legacy"]] {
        exported(&desk, option);
        for line in ["inspect", "verify --authorities ca/root.crt"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
            command.arg("certificate").args(line.split(' '));
            let output = command.arg("ca/issued/ann.p12").current_dir(&desk.0.0).output();
            let output = output.unwrap();
            assert_eq!(output.status.code(), Some(2), "{line}");
            let told = complained(&output);
            assert!(
                told.contains("ca/issued/ann.p12 is PKCS #12")
                    && told.contains("openssl pkcs12 -in FILE -nokeys"),
                "{told}"
            );
        }
    }
}
