//! `countersign token`, as a person at a terminal uses it.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_testkit::folder::Folder;
use countersign_testkit::keys::fill_in;
use countersign_testkit::tokens::Token;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "token/inspect.rs"]
mod inspect;
#[path = "token/keys.rs"]
mod keys;

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

/// What stands before the colon, where a person is told more, and the exit code.
fn verdict(output: &Output) -> (String, Option<i32>) {
    let said = said(output);
    let verdict = said.split(": ").next().unwrap().to_owned();
    (verdict, output.status.code())
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn minted(folder: &Folder, more: &[&str]) -> String {
    let keys = folder.path("jwks.json");
    let output = token(&[&["mint", "--keys", &keys], more].concat(), "");
    assert!(output.status.success(), "{}", complained(&output));
    said(&output)
}

/// The whole check, for tokens as they are minted without a word.
const WHOLE: [&str; 4] = ["--issuer", "https://op.test", "--audience", "api"];

#[test]
fn a_minted_token_is_accepted_and_its_siblings_are_refused_by_name() {
    let folder = Folder::new();
    let good = minted(&folder, &[]);
    let keys = folder.path("jwks.json");
    let check = |arguments: &[&str], judged: &str, word: &str, code: i32| {
        let all = [&["verify", "--jwk", keys.as_str()], arguments, &[judged]].concat();
        assert_eq!(verdict(&token(&all, "")), (word.to_owned(), Some(code)));
    };
    check(&WHOLE, &good, "accepted allowed", 0);
    let late = [WHOLE.as_slice(), &["--at", "2099-12-31T23:59:59+01:00"]].concat();
    check(&late, &good, "refused token_expired", 1);
    let early = [WHOLE.as_slice(), &["--at", "-1"]].concat();
    check(&early, &good, "refused token_issued_in_future", 1);
    let other = ["--issuer", "https://other.test", "--audience", "api"];
    check(&other, &good, "refused issuer_wrong", 1);
    let other = ["--issuer", "https://op.test", "--audience", "web"];
    check(&other, &good, "refused audience_wrong", 1);
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86));
    check(&WHOLE, &forged, "refused signature_invalid", 1);
    check(&WHOLE, "nonsense", "refused token_malformed", 1);
    check(&WHOLE, &format!("{good} "), "refused token_malformed", 1);
    check(&["--signature-only"], &good, "accepted allowed", 0);
    check(&["--signature-only"], &forged, "refused signature_invalid", 1);
}

#[test]
fn the_whole_check_is_the_gateways_and_asks_for_all_it_asks_for() {
    let folder = Folder::new();
    let keys = folder.path("jwks.json");
    for (claims, reason) in [
        (r#"{"sub":""}"#, "subject_missing"),
        (r#"{"sub":7}"#, "claim_type"),
        (r#"{"exp":"tomorrow"}"#, "claim_type"),
        (r#"{"cnf":{"jkt":"x"}}"#, "token_bound"),
        (r#"{"nonce":"n","at_hash":"h"}"#, "token_type"),
    ] {
        let bad = minted(&folder, &["--claims", claims]);
        let all = [
            &["verify", "--jwk", keys.as_str()],
            WHOLE.as_slice(),
            &[bad.as_str()],
        ]
        .concat();
        assert_eq!(
            verdict(&token(&all, "")),
            (format!("refused {reason}"), Some(1)),
            "{claims}"
        );
        let alone = ["verify", "--jwk", keys.as_str(), "--signature-only", bad.as_str()];
        assert_eq!(verdict(&token(&alone, "")).1, Some(0), "{claims}");
    }
}

#[test]
fn many_tokens_come_one_a_line_and_go_out_one_object_a_line() {
    let folder = Folder::new();
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
    let long = "a".repeat(100_000);
    let output = token(&arguments, &format!("{good}\r\n\nbad\n{long}\n{good}"));
    assert_eq!(output.status.code(), Some(1));
    let lines = said(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            (
                line["verdict"].as_str().unwrap().to_owned(),
                line["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect::<Vec<_>>();
    let told = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());
    let expected = [
        told("accepted", "allowed"),
        told("refused", "token_malformed"),
        told("refused", "token_too_large"),
        told("accepted", "allowed"),
    ];
    assert_eq!(lines, expected);
    let one = token(&arguments, &good);
    let one = serde_json::from_str::<Value>(&said(&one)).unwrap();
    assert_eq!(
        (one["issuer"].as_str(), one["subject"].as_str()),
        (Some("https://a.test"), Some("ann"))
    );
}

fn configured(folder: &Folder, more: &str) -> String {
    let secret = folder.path("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let config = folder.path("countersign.toml");
    let text = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[token.services]\nissuer = \"golang\"\n\
         audiences = [\"developer\"]\n{more}\nhmac_secret = {{ file = \"{secret}\" }}\n\
         [token.others]\nissuer = \"https://op.example\"\naudiences = [\"api\"]\n\
         [[route]]\nhosts = [\"*\"]\nendpoint = \"/auth\"\naccept = [\"token.services\", \"token.others\"]\n"
    );
    std::fs::write(Path::new(&config), text).unwrap();
    config
}

#[test]
fn a_jwt_svid_is_judged_by_the_table_of_its_trust_domain() {
    let folder = Folder::new();
    let bundle = fill_in(r#"{"keys":[<rsa-1.jwt-svid>]}"#);
    std::fs::write(folder.path("bundle.json"), bundle).unwrap();
    let config = folder.path("countersign.toml");
    let text = "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[jwt_svid.mesh]\n\
                trust_domain = \"example.org\"\naudiences = [\"api\"]\nbundle_file = \"bundle.json\"\n[[route]]\n\
                hosts = [\"api.test\"]\npaths = [\"/**\"]\naccept = [\"jwt_svid.mesh\"]\n";
    std::fs::write(&config, text).unwrap();
    let verdict_of = |subject: &str| {
        let mut svid = Token::of("joe").unwrap();
        svid.change("sub", subject).unwrap();
        svid.change("with", r#"{"iat":0,"exp":253402300799}"#).unwrap();
        verdict(&token(&["verify", "--config", &config, &svid.compact()], ""))
    };
    assert_eq!(
        verdict_of("spiffe://example.org/joe"),
        ("accepted allowed".into(), Some(0))
    );
    assert_eq!(
        verdict_of("spiffe://evil/joe"),
        ("refused unknown_issuer".into(), Some(1))
    );
}

#[test]
fn a_token_made_for_a_table_satisfies_it_for_an_hour() {
    let folder = Folder::new();
    let asking =
        "required_claims = [\"tenant\", \"nbf\", \"email_verified\", \"jti\"]\nrequire_typ = \"at+jwt\"";
    let config = configured(&folder, asking);
    let made = said(&token(&["mint", "--config", &config, "--token", "services"], ""));
    let verify = |arguments: &[&str], judged: &str| {
        let all = [&["verify", "--config", config.as_str()], arguments, &[judged]].concat();
        verdict(&token(&all, ""))
    };
    assert_eq!(verify(&[], &made), ("accepted allowed".into(), Some(0)));
    assert_eq!(verify(&["--token", "services"], &made).1, Some(0));
    let shown = said(&token(&["inspect", "--json", &made], ""));
    let shown = serde_json::from_str::<Value>(&shown).unwrap();
    let number = |name: &str| shown["payload"][name].as_i64().unwrap();
    assert_eq!(number("exp") - number("iat"), 3600);
    let at = (number("exp") + 61).to_string();
    assert_eq!(
        verify(&["--at", &at], &made),
        ("refused token_expired".into(), Some(1))
    );
    let stranger = minted(&folder, &[]);
    assert_eq!(verify(&[], &stranger), ("refused unknown_issuer".into(), Some(1)));
    assert_eq!(
        verify(&["--token", "others"], &made),
        ("refused unknown_issuer".into(), Some(1))
    );
}

#[test]
fn keys_that_cannot_be_had_are_no_fault_of_the_token() {
    let folder = Folder::new();
    let config = folder.path("countersign.toml");
    // Nobody listens at port 1.
    let text = "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[token.a]\nissuer = \"https://op.test\"\n\
         audiences = [\"api\"]\njwk_set_url = \"http://127.0.0.1:1/jwks\"\ndanger_allow_http = true\n\
         [[route]]\nhosts = [\"*\"]\nendpoint = \"/auth\"\naccept = \"token.a\"\n";
    std::fs::write(&config, text).unwrap();
    let judged = token(&["verify", "--config", &config, &minted(&folder, &[])], "");
    assert_eq!(
        verdict(&judged),
        ("refused keys_unreachable".into(), Some(1)),
        "{}",
        complained(&judged)
    );
}

#[test]
fn what_a_table_refuses_is_minted_only_where_the_claims_ask_for_it() {
    let folder = Folder::new();
    let config = configured(&folder, "required_claims = [\"cnf\"]");
    let mint = ["mint", "--config", config.as_str(), "--token", "services"];
    let refused = token(&mint, "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).is_empty() && complained(&refused).contains("token_bound"),
        "{}",
        complained(&refused)
    );
    let config = configured(&folder, "");
    let mint = [
        "mint",
        "--config",
        config.as_str(),
        "--token",
        "services",
        "--claims",
        r#"{"exp":1}"#,
    ];
    let made = token(&mint, "");
    assert!(made.status.success() && complained(&made).contains("token_expired"));
    let judged = token(&["verify", "--config", &config, &said(&made)], "");
    assert_eq!(verdict(&judged), ("refused token_expired".into(), Some(1)));
    let others = token(&["mint", "--config", &config, "--token", "others"], "");
    assert!(
        complained(&others).contains("hmac_secret"),
        "{}",
        complained(&others)
    );
    let nobody = token(&["mint", "--config", &config, "--token", "nobody"], "");
    assert!(
        complained(&nobody).contains("[token.services], [token.others]"),
        "{}",
        complained(&nobody)
    );
}

#[test]
fn without_a_file_the_configuration_is_the_one_that_would_run() {
    let folder = Folder::new();
    let config = configured(&folder, "");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("token").args(arguments);
        command.env("COUNTERSIGN_CONFIG", &config).output().unwrap()
    };
    let made = said(&run(&["mint", "--token", "services"]));
    let judged = run(&["verify", &made]);
    assert_eq!(verdict(&judged), ("accepted allowed".into(), Some(0)));
    assert!(complained(&judged).contains(&config), "which was used is said");
}

#[test]
fn no_token_at_all_is_not_a_token_that_holds() {
    let folder = Folder::new();
    drop(minted(&folder, &[]));
    let keys = folder.path("jwks.json");
    let verify = ["verify", "--json", "--signature-only", "--jwk", &keys];
    for command in [verify.as_slice(), &["inspect"]] {
        for input in ["", "\n \r\n"] {
            let output = token(command, input);
            assert_eq!(output.status.code(), Some(2), "{command:?} {input:?}");
            assert_eq!(said(&output), "");
            assert!(complained(&output).contains("no token"));
        }
    }
}

#[test]
fn what_is_missing_is_said() {
    let folder = Folder::new();
    std::fs::write(folder.path("broken.toml"), "config = 1\n[tokn.a]\n").unwrap();
    let complains = |arguments: &[&str], part: &str| {
        let output = token(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            complained(&output).contains(part),
            "{part}: {}",
            complained(&output)
        );
    };
    complains(
        &["verify", "--jwk", "/nowhere", "--signature-only", "x"],
        "/nowhere",
    );
    complains(&["verify", "--jwk", "/nowhere", "x"], "--signature-only");
    complains(&["verify", "--config", "/nowhere", "x"], "/nowhere");
    complains(&["verify", "--config", &folder.path("broken.toml"), "x"], "tokn");
    complains(&["mint", "--claims", "[]"], "--claims");
    complains(&["mint", "--claims", r#"{"exp":1e400}"#], "number out of range");
    let keys = folder.path("jwks.json");
    drop(minted(&folder, &[]));
    complains(
        &[
            "verify",
            "--jwk",
            &keys,
            "--signature-only",
            "--at",
            "tomorrow",
            "x",
        ],
        "--at",
    );
    complains(
        &["verify", "--jwk", &keys, "--issuer", "https://op.test", "x"],
        "--audience",
    );
}

#[test]
fn what_nobody_hears_is_not_judged_and_what_could_not_be_written_is_no_success() {
    let folder = Folder::new();
    let good = minted(&folder, &[]);
    let keys = folder.path("jwks.json");
    let program = env!("CARGO_BIN_EXE_countersign");
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", script, program, &good, &keys]);
        command.output().unwrap()
    };
    // Tokens without end, and one line of answers taken: both sides end.
    let endless = shell("yes \"$1\" | \"$0\" token verify --signature-only --jwk \"$2\" | head -1");
    assert_eq!(
        said(&endless),
        "accepted allowed: the signature holds; nothing else was looked at"
    );
    assert!(
        complained(&endless).contains("standard output"),
        "{}",
        complained(&endless)
    );
    for full in [
        "\"$0\" token verify --signature-only --jwk \"$2\" \"$1\" >/dev/full",
        "\"$0\" token inspect \"$1\" >/dev/full",
        "\"$0\" token mint >/dev/full",
        "\"$0\" schema >/dev/full",
    ] {
        let lost = shell(full);
        assert!(!lost.status.success(), "{full}");
        assert!(
            complained(&lost).contains("standard output: No space left"),
            "{}",
            complained(&lost)
        );
    }
    assert!(
        shell("\"$0\" schema | head -1").status.success(),
        "whoever read it had enough"
    );
}
