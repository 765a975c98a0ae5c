//! `countersign token`, as a person at a terminal uses it.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of this test's own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-token-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn token(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("token")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn minted(folder: &Folder, more: &[&str]) -> String {
    let keys = folder.path("jwks.json");
    let output = token(&[&["mint", "--keys", &keys], more].concat(), "");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said(&output)
}

#[test]
fn a_minted_token_is_accepted_and_its_siblings_are_refused_by_name() {
    let folder = Folder::new("jwk");
    let good = minted(&folder, &[]);
    let keys = folder.path("jwks.json");
    let verify = |arguments: &[&str], token_text: &str| {
        let all = [&["verify", "--jwk", keys.as_str()], arguments, &[token_text]].concat();
        let output = token(&all, "");
        (said(&output), output.status.code())
    };
    let issuer = ["--issuer", "https://op.test", "--audience", "api"];
    assert_eq!(verify(&issuer, &good), ("accepted allowed".into(), Some(0)));
    let late = [issuer.as_slice(), &["--at", "2099-12-31T23:59:59Z"]].concat();
    assert_eq!(verify(&late, &good), ("refused token_expired".into(), Some(1)));
    let early = [issuer.as_slice(), &["--at", "0"]].concat();
    assert_eq!(
        verify(&early, &good),
        ("refused token_issued_in_future".into(), Some(1))
    );
    let other = ["--issuer", "https://other.test", "--audience", "api"];
    assert_eq!(verify(&other, &good), ("refused issuer_wrong".into(), Some(1)));
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86));
    assert_eq!(
        verify(&issuer, &forged),
        ("refused signature_invalid".into(), Some(1))
    );
    assert_eq!(
        verify(&issuer, "nonsense"),
        ("refused token_malformed".into(), Some(1))
    );
    assert_eq!(
        verify(&["--signature-only"], &good),
        ("accepted allowed".into(), Some(0))
    );
}

#[test]
fn many_tokens_come_one_a_line_and_go_out_one_object_a_line() {
    let folder = Folder::new("lines");
    let good = minted(&folder, &["--issuer", "https://a.test", "--audience", "x"]);
    let keys = folder.path("jwks.json");
    let arguments = [
        "verify",
        "--jwk",
        keys.as_str(),
        "--issuer",
        "https://a.test",
        "--audience",
        "x",
        "--json",
    ];
    let output = token(&arguments, &format!("{good}\n\nbad\n"));
    assert_eq!(output.status.code(), Some(1));
    let lines = said(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .collect::<Vec<_>>();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["verdict"], "accepted");
    assert_eq!(
        (lines[1]["verdict"].as_str(), lines[1]["reason"].as_str()),
        (Some("refused"), Some("token_malformed"))
    );
}

fn configured(folder: &Folder) -> String {
    let secret = folder.path("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let config = folder.path("countersign.toml");
    let text = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[token.services]\nissuer = \"golang\"\n\
         audiences = [\"developer\"]\nrequired_claims = [\"tenant\"]\nhmac_secret = {{ file = \"{secret}\" }}\n\
         [[route]]\nhosts = [\"*\"]\nendpoint = \"/auth\"\naccept = \"token.services\"\n"
    );
    std::fs::write(Path::new(&config), text).unwrap();
    config
}

#[test]
fn a_token_made_for_a_table_satisfies_it_for_an_hour() {
    let folder = Folder::new("table");
    let config = configured(&folder);
    let made = said(&token(&["mint", "--config", &config, "--token", "services"], ""));
    let judged = said(&token(&["verify", "--config", &config, &made], ""));
    assert_eq!(judged, "accepted allowed");
    let stranger = minted(&folder, &[]);
    let judged = token(&["verify", "--config", &config, &stranger], "");
    assert_eq!(
        (said(&judged), judged.status.code()),
        ("refused unknown_issuer".into(), Some(1))
    );
}

#[test]
fn looking_into_a_token_trusts_nothing_and_says_so() {
    let folder = Folder::new("inspect");
    let good = minted(&folder, &["--subject", "bob", "--claims", r#"{"tenant":"home"}"#]);
    let shown = said(&token(&["inspect", &good], ""));
    assert!(
        shown.contains("Nothing here is verified") && shown.contains("bob") && shown.contains("home"),
        "{shown}"
    );
    let shown = said(&token(&["inspect", "--json", &good], ""));
    let shown = serde_json::from_str::<Value>(&shown).unwrap();
    assert_eq!(
        (shown["verified"].as_bool(), shown["payload"]["sub"].as_str()),
        (Some(false), Some("bob"))
    );
}

#[test]
fn what_is_missing_is_said() {
    let output = token(&["verify", "x"], "");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--config"));
    let output = token(&["verify", "--jwk", "/nowhere", "--signature-only", "x"], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere"));
}
