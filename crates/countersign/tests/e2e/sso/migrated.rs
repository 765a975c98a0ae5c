//! `docs/migrate/certificate-sso.md`: each line that it gives for one of the set-up stands in the example, and each that it
//! gives for an option is taken in the place it is said to be for.

use crate::certificates::site::{ca, openssl};
use crate::fronts::{copy, read};
use crate::login::migrated::{lines, rows, with};
use crate::process::{Folder, repository};
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
