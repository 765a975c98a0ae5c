//! `docs/migrate/lua-resty-openidc.md`: each line that it gives for one of the set-up stands in the example, and each that it
//! gives for an option is taken in the place it is said to be for.

use super::site::{certificate, secret};
use crate::fronts::{copy, read};
use crate::process::{Folder, repository};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "docs/migrate/lua-resty-openidc.md";

/// Each of the `wanted` lines stands in this folder of examples; how many there are.
pub(crate) fn found_in(example: &str, wanted: impl IntoIterator<Item = String>) -> usize {
    let mut all = Vec::new();
    lines(&repository().join(example), &mut all);
    let wanted = wanted.into_iter().inspect(|line| {
        assert!(all.contains(line), "the example has no line {line:?}: {all:#?}");
    });
    wanted.count()
}

/// Each line of the example's files, with one blank for several.
fn lines(folder: &Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines(&path, into);
            continue;
        }
        for line in read(&path).lines() {
            let line = line.split(" #").next().unwrap_or_default();
            into.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

/// The new lines of each row of `page` below `heading`: what stands in backticks in the second column.
pub(crate) fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let page = read(&repository().join(page));
    let section = page.split(&format!("\n## {heading}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("no section {heading:?}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows = rows.map(|row| {
        let now = row.split(" | ").nth(1).unwrap_or_default();
        let lines = now.split('`').skip(1).step_by(2);
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    rows.filter(|lines| !lines.is_empty()).collect()
}

#[test]
fn every_new_line_of_the_set_up_is_in_the_example() {
    let found = found_in(
        "examples/nginx/login",
        rows(PAGE, "The set-up").into_iter().flatten(),
    );
    assert!(found >= 22, "{found}");
}

/// The example's configuration with `lines` at the top of the first such table, each in place of the line of its key there.
pub(crate) fn with(example: &str, table: &str, lines: &[String]) -> String {
    let key = |line: &str| line.split('=').next().unwrap().trim().to_owned();
    let mut replaced = lines.iter().map(|line| key(line)).collect::<Vec<_>>();
    if replaced.iter().any(|key| key == "private_key") {
        replaced.push("client_secret".to_owned());
    }
    let (mut text, mut inside, mut written) = (String::new(), false, false);
    for line in example.lines() {
        if line.starts_with('[') {
            inside = line.starts_with(table) && !written;
        }
        let goes = inside && replaced.contains(&key(line));
        if !goes {
            writeln!(text, "{line}").unwrap();
        }
        if inside && line.starts_with(table) {
            written = true;
            writeln!(text, "{}", lines.join("\n")).unwrap();
        }
    }
    text
}

fn is_taken(heading: &str, table: &str, least: usize) {
    let folder = Folder::new();
    copy(&repository().join("examples/nginx/login"), &folder.0, &[]);
    secret(&folder);
    certificate(&folder);
    // Keys of somebody's, readable by nobody else.
    std::fs::copy(
        folder.0.join("ca/issued/app.test.key"),
        folder.0.join("client.key"),
    )
    .unwrap();
    std::fs::copy(folder.0.join("client-secret"), folder.0.join("sealing-key")).unwrap();
    folder.write("sealing-key", "0123456789abcdef0123456789abcdef0123456789abcdef");
    let example = read(&folder.0.join("countersign.toml"));
    let rows = rows(PAGE, heading);
    assert!(rows.len() >= least, "{heading}: {}", rows.len());
    for lines in rows {
        folder.write("changed.toml", with(&example, table, &lines));
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let output = command
            .args(["check", "changed.toml"])
            .current_dir(&folder.0)
            .output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{lines:?}: {told}");
    }
}

#[test]
fn every_new_line_for_an_option_is_taken_where_it_is_said_to_stand() {
    is_taken("Options: the login", "[login.home]", 16);
    is_taken("Options: sessions", "[session]", 6);
    is_taken("Options: who may", "[[route]]", 5);
}
