//! `docs/migrate/certificate-sso.md`: each line that it gives for one of the set-up stands in the example, and each that it
//! gives for an option is taken in the place it is said to be for.

use super::site::{ANN, Provider};
use crate::certificates::site::{ca, openssl};
use crate::fronts::{copy, read};
use crate::login::migrated::{lines, rows, with};
use crate::process::{Folder, free_addresses, repository};
use serde_json::Value;
use std::process::Command;

const PAGE: &str = "docs/migrate/certificate-sso.md";
const EXAMPLE: &str = "examples/sso/nginx";

#[test]
fn every_new_line_of_the_set_up_is_in_the_example() {
    let mut example = Vec::new();
    lines(&repository().join(EXAMPLE), &mut example);
    let mut found = 0;
    for line in rows(PAGE, "The set-up").into_iter().flatten() {
        assert!(
            example.contains(&line),
            "the example has no line {line:?}: {example:#?}"
        );
        found += 1;
    }
    assert!(found >= 15, "{found}");
}

#[test]
fn every_new_line_for_an_option_is_taken_where_it_is_said_to_stand() {
    let folder = Folder::new();
    copy(&repository().join(EXAMPLE), &folder.0, &[]);
    ca(&folder, &["init", "--name", "Example"]);
    // Keys of somebody's, readable by nobody else.
    openssl(&folder, "genrsa -out jwt.key 2048");
    openssl(&folder, "pkey -in ca/root.key -pubout -out old.pem");
    folder.write("sealing-key", "0123456789abcdef0123456789abcdef0123456789abcdef");
    let example = read(&folder.0.join("countersign.toml"));
    let check = |text: &str, lines: &[String]| {
        folder.write("changed.toml", text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let output = command
            .args(["check", "changed.toml"])
            .current_dir(&folder.0)
            .output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{lines:?}: {told}");
    };
    check(&example, &[]);
    for (heading, table, least) in [
        ("Options: the provider", "[openid_provider]", 8),
        ("Options: the sites", "[session]", 3),
    ] {
        let rows = rows(PAGE, heading);
        assert!(rows.len() >= least, "{heading}: {}", rows.len());
        for lines in rows {
            check(&with(&example, table, &lines), &lines);
        }
    }
    // What applications are told with.
    for add in read(&repository().join(PAGE)).split("add = {").skip(1) {
        let line = format!("add = {{{}}}", add.split('}').next().unwrap());
        check(&format!("{example}\n[identity_headers]\n{line}\n"), &[line]);
    }
}

#[test]
fn a_script_gets_a_token_by_the_one_line_of_the_page() {
    let [address] = free_addresses();
    let more = "sites = [\"app.home.example\"]";
    let provider = Provider::signing(address, "https://app.test/callback", more, None);
    for kind in ["crt", "key"] {
        let from = provider.folder.0.join(format!("ca/issued/{ANN}.{kind}"));
        std::fs::copy(from, provider.folder.0.join(format!("robot.{kind}"))).unwrap();
    }
    let page = read(&repository().join(PAGE));
    let line = page.lines().find_map(|line| line.strip_prefix("$ curl")).unwrap();
    let line = line.replacen("https://sso.home.example", &provider.issuer, 1);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("curl -sS {line}")])
        .env("CURL_CA_BUNDLE", "ca/root.crt")
        .current_dir(&provider.folder.0);
    let output = command.output().unwrap();
    let answer = serde_json::from_slice::<Value>(&output.stdout);
    let answer = answer.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(
        (&answer["token_type"], &answer["expires_in"]),
        (&"Bearer".into(), &120.into())
    );
    assert!(answer["access_token"].is_string(), "{answer}");
}
