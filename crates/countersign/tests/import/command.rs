//! The command itself, as a person who moves over uses it.

use super::SAMPLE;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A folder that holds their configuration.
struct Folder(countersign_testkit::folder::Folder);

impl Folder {
    fn new(json: &str) -> Self {
        let folder = countersign_testkit::folder::Folder::new();
        folder.write("config.json", json);
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path(name)
    }

    fn import(&self, more: &[&str]) -> Output {
        let (json, output) = (self.path("config.json"), self.path("out"));
        let own = [
            "import",
            "jwtauthrequest",
            json.as_str(),
            "--output",
            output.as_str(),
        ];
        countersign(&[own.as_slice(), more].concat())
    }

    fn written(&self, name: &str) -> String {
        let bytes = std::fs::read(Path::new(&self.path("out")).join(name)).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

fn countersign(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A gateway that runs, killed when it is dropped.
struct Gateway {
    child: Child,
    address: String,
}

impl Gateway {
    fn start(folder: &Folder) -> Self {
        let (config, state) = (folder.path("out"), folder.path("state"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["run", "--config", &config, "--state", &state])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        let mut line = String::new();
        while address.is_none() && log.read_line(&mut line).unwrap() > 0 {
            let told = line.split("listening: ").nth(1);
            address = told.and_then(|told| told.split(' ').next()).map(str::to_owned);
            line.clear();
        }
        // Somebody goes on reading, so that the log never stands still.
        drop(std::thread::spawn(move || {
            drop(std::io::copy(&mut log, &mut std::io::sink()));
        }));
        Self {
            child,
            address: address.unwrap(),
        }
    }

    /// The status, for a head sent as it stands.
    fn status(&self, head: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The sample, on whatever port is free.
fn sample() -> String {
    SAMPLE.replace(":8081", ":0")
}

#[test]
fn the_sample_is_imported_checked_and_run_and_answers_as_theirs() {
    let folder = Folder::new(&sample());
    let output = folder.import(&["--query-token"]);
    assert!(output.status.success(), "{}", complained(&output));
    let secret = folder.path("out/test-endpoint.secret");
    let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        folder.written("test-endpoint.secret"),
        "qwertyuiopasdfghjklzxcvbnm123456"
    );
    let config = folder.path("out/countersign.toml");
    let checked = countersign(&["check", &config]);
    assert!(checked.status.success(), "{}", complained(&checked));

    let mint = ["token", "mint", "--config", &config, "--token", "test-endpoint"];
    let token = said(&countersign(&mint));
    let forged = token.replacen(|last: char| last.is_ascii_digit(), "x", 1);
    let gateway = Gateway::start(&folder);
    let check = |head: String, status: u16| assert_eq!(gateway.status(&head), status, "{head}");
    // As nginx asks by the snippet of their README: HTTP/1.0, and a declared body that never comes.
    let asked = "GET /auth HTTP/1.0\r\nHost: localhost:8081\r\nConnection: close\r\nContent-Length: 1000000";
    check(format!("{asked}\r\nAuthorization: Bearer {token}"), 200);
    check(format!("{asked}\r\nAuthorization: {token}"), 200);
    check(format!("{asked}\r\nAuthorization: Bearer {forged}"), 403);
    check(asked.to_owned(), 403);
    // As `curl -I http://localhost:8081/auth?token=TOKEN` does.
    let head = |target: &str| {
        format!("HEAD {target} HTTP/1.1\r\nHost: localhost:8081\r\nAccept: */*\r\nConnection: close")
    };
    check(head(&format!("/auth?token={token}")), 200);
    check(head(&format!("/auth?Authorization={token}")), 200);
    check(head(&format!("/auth?token={forged}")), 403);
    check(head("/auth"), 403);
}

#[test]
fn without_query_token_a_token_in_the_url_is_no_credential() {
    let folder = Folder::new(&sample());
    assert!(folder.import(&[]).status.success());
    let config = folder.path("out/countersign.toml");
    let mint = ["token", "mint", "--config", &config, "--token", "test-endpoint"];
    let token = said(&countersign(&mint));
    let gateway = Gateway::start(&folder);
    let head = format!("HEAD /auth?token={token} HTTP/1.1\r\nHost: localhost\r\nConnection: close");
    assert_eq!(gateway.status(&head), 403);
}

#[test]
fn what_is_left_to_do_is_told_and_the_rest_is_written() {
    let json = SAMPLE.replace("\"debug\":true", "\"jwks-refresh\":60");
    let json = json.replace(r#","issuer":"golang""#, "");
    let folder = Folder::new(&json);
    let output = folder.import(&[]);
    assert_eq!(output.status.code(), Some(1));
    let told = complained(&output);
    assert!(
        told.contains("`jwks-refresh`") && told.contains("no `issuer`"),
        "{told}"
    );
    assert!(
        folder
            .written("countersign.toml")
            .contains("audiences  = [\"developer\"]")
    );
    // What is written is no less strict for being unfinished.
    let checked = countersign(&["check", &folder.path("out/countersign.toml")]);
    assert!(!checked.status.success());
}

#[test]
fn a_token_can_say_what_the_json_does_not_and_is_not_believed() {
    let json = SAMPLE.replace(r#","issuer":"golang""#, "");
    let json = json.replace(r#""audience":["developer"],"#, "");
    let mint = |claims: &Value| {
        let claims = claims.to_string();
        said(&countersign(&["token", "mint", "--claims", &claims]))
    };
    let folder = Folder::new(&json);
    let token = mint(&json!({ "iss": "golang", "aud": ["developer"] }));
    let output = folder.import(&["--from-token", &token]);
    assert!(output.status.success(), "{}", complained(&output));
    assert!(said(&output).contains("nobody has checked it"));
    let toml = folder.written("countersign.toml");
    assert!(
        toml.contains("issuer     = \"golang\"") && toml.contains("audiences  = [\"developer\"]"),
        "{toml}"
    );

    let folder = Folder::new(&json);
    let token = mint(&json!({ "iss": "golang\u{1b}[2J", "aud": ["account", "developer"], "exp": null }));
    let output = folder.import(&["--from-token", &token, "--issuer", "golang"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complained(&output).contains("no `audience`"),
        "which of two is ours is not guessed: {}",
        complained(&output)
    );
    assert!(said(&output).contains("say with --audience") && !said(&output).contains('\u{1b}'));
    let folder = Folder::new(&json);
    assert_eq!(
        folder.import(&["--from-token", "nonsense"]).status.code(),
        Some(2)
    );
}

#[test]
fn what_check_would_refuse_is_told_at_once() {
    let folder = Folder::new(&SAMPLE.replace("/auth", "/a/../b"));
    let output = folder.import(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained(&output).contains("/a/../b"), "{}", complained(&output));
    let folder = Folder::new(SAMPLE);
    let output = folder.import(&["--listen", "nowhere", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = serde_json::from_str::<Value>(&said(&output)).unwrap();
    let missing = report["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "one mistake is one thing to do: {missing:?}");
    assert!(
        missing[0].as_str().unwrap().contains("address = \"nowhere\""),
        "{missing:?}"
    );
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_by_halves() {
    let folder = Folder::new(SAMPLE);
    std::fs::create_dir(folder.path("out")).unwrap();
    std::fs::write(folder.path("out/countersign.toml"), "mine").unwrap();
    let output = folder.import(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complained(&output).contains("nothing was written"),
        "{}",
        complained(&output)
    );
    assert_eq!(folder.written("countersign.toml"), "mine");
    assert!(!std::fs::exists(folder.path("out/test-endpoint.secret")).unwrap());
}

#[test]
fn with_json_the_report_is_one_object() {
    let folder = Folder::new(SAMPLE);
    let output = folder.import(&["--json"]);
    assert_eq!(
        (output.status.code(), complained(&output).as_str()),
        (Some(0), "")
    );
    let report = serde_json::from_str::<Value>(&said(&output)).unwrap();
    assert_eq!(report["status"], "complete");
    assert_eq!(
        (&report["missing"], &report["unverified_token"]),
        (&json!([]), &Value::Null)
    );
    let written =
        ["test-endpoint.secret", "countersign.toml"].map(|name| folder.path(&format!("out/{name}")));
    assert_eq!(report["written"], json!(written));
    let options = report["options"].as_array().unwrap();
    let verdict = |client: Value, option: &str| {
        let mut all = options.iter();
        let found = all.find(|one| one["client"] == client && one["option"] == option);
        found.unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(Value::Null, "listen-port"), "bettered");
    assert_eq!(verdict(json!("Test endpoint"), "issuer"), "kept");
    assert_eq!(verdict(json!("Test endpoint"), "debug"), "dropped");
    assert!(!said(&output).contains("qwerty"), "no secret is told");

    let json = SAMPLE.replace("\"debug\"", "\"jwks-refresh\"");
    let folder = Folder::new(&json);
    let token = said(&countersign(&["token", "mint"]));
    let output = folder.import(&["--json", "--from-token", &token]);
    assert_eq!(
        (output.status.code(), complained(&output).as_str()),
        (Some(1), "")
    );
    let report = serde_json::from_str::<Value>(&said(&output)).unwrap();
    assert_eq!(report["status"], "unfinished");
    assert!(report["missing"][0].as_str().unwrap().contains("`jwks-refresh`"));
    assert_eq!(
        report["unverified_token"],
        json!({ "issuer": "https://op.test", "audiences": ["api"] })
    );
}

#[test]
fn an_option_without_a_value_is_none() {
    for option in [
        "--issuer",
        "--audience",
        "--listen",
        "--jwks",
        "--from-token",
        "--output",
    ] {
        let folder = Folder::new(SAMPLE);
        let json = folder.path("config.json");
        let mut arguments = vec!["import", "jwtauthrequest", json.as_str(), option, ""];
        let output = folder.path("out");
        if option != "--output" {
            arguments.extend(["--output", output.as_str()]);
        }
        let output = countersign(&arguments);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(complained(&output).contains(option), "{}", complained(&output));
        assert!(!std::fs::exists(folder.path("out")).unwrap());
    }
    let folder = Folder::new(SAMPLE);
    let output = folder.import(&["--jwks", "ftp://op.example/jwks"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complained(&output).contains("over https, not ftp"),
        "{}",
        complained(&output)
    );
}

#[test]
fn a_file_that_is_too_large_is_told_to_be() {
    let folder = Folder::new(&" ".repeat(1_048_577));
    let output = folder.import(&[]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = complained(&output);
    assert!(
        complaint.contains("config.json: larger than 1 MiB"),
        "{complaint}"
    );
}
