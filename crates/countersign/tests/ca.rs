//! `countersign ca`, as a person at a terminal uses it; OpenSSL judges what it makes.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_testkit::folder::Folder;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

#[path = "ca/export.rs"]
mod export;
#[path = "ca/files.rs"]
mod files;
#[path = "ca/issue.rs"]
mod issue;
#[path = "ca/judged.rs"]
mod judged;
#[path = "ca/quickstart.rs"]
mod quickstart;
#[path = "ca/renewal.rs"]
mod renewal;
#[path = "ca/revocation.rs"]
mod revocation;
#[path = "ca/sign.rs"]
mod sign;

/// A folder in which commands are given.
struct Desk(Folder);

impl Desk {
    fn new() -> Self {
        Self(Folder::new())
    }

    /// With an authority in `./ca`.
    fn with_authority() -> Self {
        let desk = Self::new();
        desk.good(&["init"]);
        desk
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .arg("ca")
            .args(arguments)
            .current_dir(&self.0.0)
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command says that succeeds.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", complained(&output));
        said(&output)
    }

    /// What a command tells a program.
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What a command complains of that fails, and that it has exit code 1 or 2 (of the arguments themselves).
    fn bad(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
        assert_eq!(said(&output), "", "{arguments:?}");
        complained(&output)
    }

    /// What OpenSSL says of it, with its complaints.
    fn openssl(&self, arguments: &str) -> String {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split(' '))
            .current_dir(&self.0.0)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        said(&output) + &complained(&output)
    }

    fn mode(&self, name: &str) -> u32 {
        let facts = std::fs::metadata(self.0.0.join(name)).unwrap();
        facts.permissions().mode() & 0o777
    }

    fn has(&self, name: &str) -> bool {
        self.0.0.join(name).exists()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// The certificate is good for `purpose` by its chain and by the revocation lists of all above it.
const VERIFY: &str = "verify -CAfile ca/root.crt -untrusted ca/intermediate.crt -CRLfile ca/crls.pem -crl_check_all -x509_strict";

#[test]
fn an_authority_is_a_root_and_an_intermediate_that_can_sign_and_nothing_else() {
    let desk = Desk::with_authority();
    assert_eq!(
        (
            desk.mode("ca"),
            desk.mode("ca/root.key"),
            desk.mode("ca/intermediate.key")
        ),
        (0o700, 0o600, 0o600)
    );
    assert_eq!(
        (desk.mode("ca/index.json"), desk.mode("ca/root.crt")),
        (0o600, 0o644)
    );
    let root = desk.openssl("x509 -in ca/root.crt -noout -text");
    let intermediate = desk.openssl("x509 -in ca/intermediate.crt -noout -text");
    for (text, depth) in [
        (&root, "CA:TRUE, pathlen:1"),
        (&intermediate, "CA:TRUE, pathlen:0"),
    ] {
        assert!(
            text.contains("ecdsa-with-SHA256") && text.contains("NIST CURVE: P-256"),
            "{text}"
        );
        assert!(
            text.contains(
                "X509v3 Basic Constraints: critical\n                "
                    .to_owned()
                    .as_str()
            ),
            "{text}"
        );
        assert!(text.contains(depth), "{text}");
        assert!(
            text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n"),
            "{text}"
        );
        assert!(
            text.contains("Subject Key Identifier") && !text.contains("Extended Key Usage"),
            "{text}"
        );
    }
    assert!(intermediate.contains("Authority Key Identifier"));
    assert!(root.contains("Issuer: O = Countersign, CN = Countersign Root CA"));
    assert!(intermediate.contains("Subject: O = Countersign, CN = Countersign Issuing CA"));
    let verified = desk.openssl(
        "verify -x509_strict -CAfile ca/root.crt -CRLfile ca/root.crl -crl_check ca/intermediate.crt",
    );
    assert_eq!(verified, "ca/intermediate.crt: OK");
    let both = desk.openssl("storeutl -noout -certs ca/authorities.pem");
    assert!(both.contains("Total found: 2"), "{both}");
    let list = desk.json(&["list"]);
    assert_eq!(
        (
            list["root"]["days_left"].as_i64(),
            list["intermediate"]["days_left"].as_i64()
        ),
        (Some(3650), Some(1095))
    );
}

#[test]
fn nothing_of_an_authority_is_overwritten() {
    let desk = Desk::with_authority();
    let before = std::fs::read(desk.0.0.join("ca/root.key")).unwrap();
    let told = desk.bad(&["init"]);
    assert!(
        told.contains("nothing of it is overwritten") && told.contains("--folder"),
        "{told}"
    );
    // What a broken-off init leaves is named, and not taken for an authority.
    std::fs::remove_file(desk.0.0.join("ca/index.json")).unwrap();
    let told = desk.bad(&["init"]);
    assert!(
        told.contains("did not come to its end") && told.contains("ca/root.key"),
        "{told}"
    );
    assert_eq!(std::fs::read(desk.0.0.join("ca/root.key")).unwrap(), before);
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(told.contains("countersign ca init"), "{told}");
}

#[test]
fn a_passphrase_locks_the_keys() {
    let desk = Desk::new();
    desk.0.write("passphrase", "correct horse\r\nsecond line\n");
    desk.0.write("wrong", "incorrect horse\n");
    desk.0.write("short", "horse\n");
    desk.0.write("empty", "\n");
    let told = desk.bad(&["init", "--passphrase-file", "short"]);
    assert!(told.contains("5 characters") && told.contains('8'), "{told}");
    assert!(
        desk.bad(&["init", "--passphrase-file", "empty"])
            .contains("is empty")
    );
    assert!(
        desk.bad(&["init", "--passphrase-file", "none"])
            .contains("none: ")
    );
    assert!(
        desk.bad(&["init", "--passphrase"])
            .contains("nobody can be asked")
    );
    assert!(!desk.has("ca"));
    desk.good(&["init", "--passphrase-file", "passphrase"]);
    for key in ["root", "intermediate"] {
        let opened = desk.openssl(&format!(
            "pkey -in ca/{key}.key -noout -text -passin file:passphrase"
        ));
        // OpenSSL takes the whole first line, the carriage return with it.
        assert!(
            opened.contains("Could not read") || opened.contains("rror"),
            "{opened}"
        );
        desk.0.write("unix", "correct horse\n");
        let opened = desk.openssl(&format!(
            "pkey -in ca/{key}.key -noout -text_pub -passin file:unix"
        ));
        assert!(opened.contains("prime256v1"), "{opened}");
    }
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(told.contains("--passphrase-file"), "{told}");
    let told = desk.bad(&["issue", "client", "ann", "--passphrase-file", "wrong"]);
    assert!(
        told.contains("./ca/intermediate.key: the passphrase is wrong"),
        "{told}"
    );
    desk.good(&["issue", "client", "ann", "--passphrase-file", "passphrase"]);
    let told = desk.bad(&["issue", "client", "ben", "--passphrase-env", "NO_SUCH_VARIABLE"]);
    assert!(told.contains("$NO_SUCH_VARIABLE is not set"), "{told}");
    let mut command = desk.command(&["issue", "client", "ben", "--passphrase-env", "HORSE"]);
    assert!(command.env("HORSE", "correct horse").status().unwrap().success());
    // OpenSSL changes a passphrase, and its file is taken.
    let change =
        "pkcs8 -topk8 -in ca/intermediate.key -passin file:unix -passout pass:another -out ca/other.key";
    assert_eq!(desk.openssl(change), "");
    std::fs::rename(
        desk.0.0.join("ca/other.key"),
        desk.0.0.join("ca/intermediate.key"),
    )
    .unwrap();
    desk.0.write("another", "another");
    desk.good(&["issue", "client", "cid", "--passphrase-file", "another"]);
}

#[test]
fn an_authority_is_called_as_one_says_and_holds_as_long() {
    let desk = Desk::new();
    let report = desk.json(&[
        "init",
        "--name",
        "Zoë & Co",
        "--root-days",
        "100",
        "--intermediate-days",
        "200",
    ]);
    assert_eq!(report["root"]["subject"], "Zoë & Co Root CA");
    let list = desk.json(&["list"]);
    assert_eq!(
        list["root"]["not_after"], list["intermediate"]["not_after"],
        "never beyond its issuer"
    );
    let shown = desk.openssl("x509 -in ca/intermediate.crt -noout -subject -nameopt utf8");
    assert!(shown.contains("Zoë & Co Issuing CA"), "{shown}");
    let told = desk.bad(&["init", "--folder", "other", "--name", "a\u{1b}[2J"]);
    assert!(told.contains("name is empty, longer"), "{told}");
    let told = desk.bad(&["init", "--folder", "other", "--root-days", "9999"]);
    assert!(told.contains("at most 7300"), "{told}");
    let told = desk.bad(&["init", "--folder", "other", "--intermediate-days", "9999"]);
    assert!(told.contains("an intermediate holds at most 3650"), "{told}");
    assert!(!desk.has("other"));
    let shortened = desk.run(&[
        "init",
        "--folder",
        "short",
        "--root-days",
        "10",
        "--intermediate-days",
        "20",
    ]);
    let told = complained(&shortened);
    assert!(
        told.contains("note: the intermediate ends with the root"),
        "{told}"
    );
}
