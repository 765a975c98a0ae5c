//! Every bad configuration of `tests/config` gets exactly the message beside it, and every example and generated page is
//! what it should be.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign::cli::offline_parts;
use countersign::config::{Environment, Sources, render};
use countersign::{compose, reference, schema};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

/// The files below `folder` that end in `.toml`, sorted.
fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(toml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn told(name: &str, text: &str) -> String {
    let sources = Sources::text(name, text);
    match compose::load(&sources, &Environment::empty(), &offline_parts()) {
        Ok(loaded) => format!("taken\n{}", render(&loaded.warnings, &sources, false)),
        Err(told) => render(&told, &sources, false),
    }
}

#[test]
fn every_bad_file_gets_its_message() {
    let mut differ = Vec::new();
    for file in toml_files(&tests().join("config")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let told = format!("{}\n", told(&name, &read(&file)).trim_end());
        let expected = std::fs::read(file.with_extension("txt")).unwrap_or_default();
        if told.as_bytes() != expected {
            let got = repository().join("target/config-messages");
            std::fs::create_dir_all(&got).unwrap();
            std::fs::write(got.join(name.replace(".toml", ".txt")), &told).unwrap();
            differ.push(format!("{name} gets:\n{told}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{}\nIf that is as it should be: cp target/config-messages/*.txt crates/countersign/tests/config/",
        differ.join("\n")
    );
}

#[test]
fn seven_faults_in_five_tables_are_seven_messages() {
    let text = read(&tests().join("config/seven-faults-in-five-tables.toml"));
    let told = told("seven.toml", &text);
    assert_eq!(told.matches("error: ").count(), 7, "{told}");
}

#[test]
fn no_message_shows_a_secret() {
    let told = told(
        "secret.toml",
        &read(&tests().join("config/a-secret-written-out.toml")),
    );
    assert!(!told.contains("must not be shown"), "{told}");
}

#[test]
fn the_generated_pages_are_fresh() {
    let fresh = |path: &str, page: &str| {
        let kept = read(&repository().join(path));
        assert!(
            kept.trim_end() == page.trim_end(),
            "{path} is stale: its second line says how to make it anew"
        );
    };
    fresh("docs/reference.md", &reference::reference());
    fresh("docs/reason-codes.md", &reference::reason_codes());
}

#[test]
fn every_example_can_be_run() {
    let mut files = toml_files(&repository().join("examples"));
    files.retain(|file| !file.ends_with("Cargo.toml"));
    assert!(files.len() >= 4);
    for file in files {
        let sources = Sources::read(&file, &Environment::real()).unwrap();
        let loaded = compose::load(&sources, &Environment::real(), &offline_parts());
        let told = loaded.err().map(|told| render(&told, &sources, false));
        assert_eq!(told, None, "{}", file.display());
    }
}

#[test]
fn the_readmes_configuration_can_be_run() {
    let readme = read(&repository().join("README.md"));
    let block = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    assert!(
        told("README.md", block).starts_with("taken"),
        "{}",
        told("README.md", block)
    );
}

/// Asks a JSON Schema checker of npm, not our own reading, about each document.
fn judged_by_ajv(documents: &[Value]) -> Vec<bool> {
    let folder = repository().join("tests-node");
    assert!(
        folder.join("node_modules/ajv").exists(),
        "ajv is missing: run `cargo xtask tools`"
    );
    let schema: Value = serde_json::from_str(&schema::schema()).unwrap();
    let question = json!({ "schema": schema, "documents": documents });
    let mut command = Command::new(repository().join(".tools/bin/node"));
    command
        .arg("schema.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(question.to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn as_json(text: &str) -> Option<Value> {
    toml::from_str::<toml::Value>(text)
        .ok()
        .and_then(|value| serde_json::to_value(value).ok())
}

#[test]
fn the_schema_takes_every_example_and_refuses_every_fault_of_shape() {
    let examples = toml_files(&repository().join("examples"));
    let examples = examples
        .iter()
        .map(|file| as_json(&read(file)).unwrap())
        .collect::<Vec<_>>();
    assert!(
        judged_by_ajv(&examples).into_iter().all(|sound| sound),
        "an example does not fit the schema"
    );
    let shapes = [
        "seven-faults-in-five-tables",
        "a-secret-written-out",
        "no-version",
        "wrong-types",
    ];
    let bad = shapes.map(|name| as_json(&read(&tests().join(format!("config/{name}.toml")))).unwrap());
    assert_eq!(
        judged_by_ajv(&bad),
        [false; 4],
        "the schema must refuse {shapes:?}"
    );
}
