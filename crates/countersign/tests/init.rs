//! `countersign init`, as it is used: with arguments alone, at a terminal, and where something is there already.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_testkit::folder::Folder;
use countersign_testkit::pki::{Authority, Key, Template, pem};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
const ANSWERS: [&str; 8] = [
    "--issuer",
    "https://op.example/realm",
    "--client-id",
    "portal",
    "--host",
    "portal.test",
    "--upstream",
    "http://127.0.0.1:3000",
];

fn init(front: &str, folder: &Folder, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["init", front]).args(more).current_dir(&folder.0);
    command.stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_written_is_a_sound_configuration_for_every_front() {
    for front in ["nginx", "caddy", "traefik", "standalone"] {
        let folder = Folder::new();
        let (code, out, error) = told(&init(front, &folder, &ANSWERS));
        assert_eq!(code, Some(0), "{front}: {error}");
        assert!(
            out.contains("https://portal.test/.countersign/callback"),
            "{front}: {out}"
        );
        assert!(
            out.contains("Put the client's secret into ./client-secret"),
            "{front}: {out}"
        );
        folder.write("client-secret", "a-secret-of-the-client");
        let authority = Authority::root("Root", Key(1));
        let server = authority.issue(&Template::server("portal.test", Key(2)));
        folder.write("portal.test.crt", pem("CERTIFICATE", &server));
        folder.write("portal.test.key", Key(2).pem());
        let check = Command::new(PROGRAM)
            .args(["check", "countersign.toml"])
            .current_dir(&folder.0)
            .output();
        let (code, _, error) = told(&check.unwrap());
        assert_eq!(code, Some(0), "{front}: {error}");
    }
}

#[test]
fn where_nobody_can_be_asked_it_says_what_is_missing_and_waits_for_nobody() {
    let folder = Folder::new();
    let (code, _, error) = told(&init("nginx", &folder, &["--host", "portal.test"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("--issuer, --client-id"), "{error}");
    let (code, _, error) = told(&init(
        "nginx",
        &folder,
        &["--host", "a;b", "--issuer", "x", "--client-id", "y"],
    ));
    assert_eq!(code, Some(2));
    assert!(error.contains("--issuer: this is no URL"), "{error}");
    assert!(!folder.0.join("countersign.toml").exists());
}

#[test]
fn what_is_there_is_not_written_over_but_by_force() {
    let folder = Folder::new();
    folder.write("Caddyfile", "mine");
    let (code, _, error) = told(&init("caddy", &folder, &ANSWERS));
    assert_eq!(code, Some(2));
    assert!(
        error.contains("./Caddyfile") && error.contains("--force"),
        "{error}"
    );
    assert!(!folder.0.join("countersign.toml").exists());
    let (code, out, _) = told(&init(
        "caddy",
        &folder,
        &[&ANSWERS[..], &["--force", "--json"]].concat(),
    ));
    assert_eq!(code, Some(0));
    let out = serde_json::from_str::<Value>(&out).unwrap();
    assert_eq!(out["written"].as_array().unwrap().len(), 2);
    assert!(out["next"].as_array().unwrap().len() > 3);
    assert!(
        std::fs::read(folder.0.join("Caddyfile"))
            .unwrap()
            .starts_with(b"portal.test {")
    );
}

#[test]
fn at_a_terminal_it_asks_five_questions_and_none_that_is_answered() {
    for (arguments, lines, questions) in [
        ("", "https://op.example\nportal\n\nportal.test\n\n", 5),
        (
            "--issuer https://op.example --client-id portal",
            "\nportal.test\n\n",
            3,
        ),
    ] {
        let folder = Folder::new();
        // `script` (util-linux) is the terminal.
        let mut script = Command::new("script")
            .args([
                "-qec",
                &format!("{PROGRAM} init standalone {arguments}"),
                "/dev/null",
            ])
            .current_dir(&folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        script
            .stdin
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
        let (code, out, _) = told(&script.wait_with_output().unwrap());
        assert_eq!(code, Some(0), "{out}");
        let asked = out
            .lines()
            .filter(|line| line.trim_end().ends_with(':') && !line.starts_with("Left"));
        assert_eq!(asked.count(), questions, "{out}");
        let written = std::fs::read(folder.0.join("countersign.toml")).unwrap();
        assert!(
            String::from_utf8(written)
                .unwrap()
                .contains("client_id     = \"portal\"")
        );
    }
}
