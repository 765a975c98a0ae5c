//! The house rules that no lint knows, as a test. Each failure says what to do.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_authn::client_certificate::CLAIMS;
use countersign_authn::condition::compile;
use countersign_core::identity_headers::CertificateFact;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The ladder, from the ground up: a crate may use only what stands before it.
const LADDER: [&str; 7] = [
    "countersign-core",
    "countersign-jose",
    "countersign-x509",
    "countersign-oidc",
    "countersign-authn",
    "countersign-edge",
    "countersign",
];
/// The last rung below the waterline.
const WATERLINE: &str = "countersign-authn";
/// Crates that bring a runtime, sockets, files to watch, or dice.
const EFFECTS: [&str; 13] = [
    "tokio",
    "hyper",
    "hyper-util",
    "reqwest",
    "rustls",
    "socket2",
    "mio",
    "listenfd",
    "sd-notify",
    "redb",
    "redis",
    "rand",
    "getrandom",
];
/// Crates that must not be in what is shipped.
const BANNED: [&str; 5] = ["ring", "openssl-sys", "openssl", "native-tls", "rsa"];
/// Words the glossary replaces, in public names.
const WORDS: [&str; 5] = ["strategy", "backend", "idp", "validate", "ticket"];
const MAX_LINES: usize = 500;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn text(path: &str) -> String {
    String::from_utf8(std::fs::read(repository().join(path)).unwrap()).unwrap()
}

/// Every file that git tracks, or would.
fn files() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let files = list
        .lines()
        .filter(|file| repository().join(file).is_file())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert!(files.len() > 50, "git lists the files of this repository");
    files
}

fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|found| found == extension)
}

fn rust_files() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|file| has_extension(file, "rs"))
        .map(|file| (text(&file), file))
        .map(|(text, file)| (file, text))
        .collect()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The words of a name, in snake or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in name.replace("IdP", "Idp").chars() {
        if character == '_' || character.is_uppercase() {
            words.push(String::new());
        }
        words
            .last_mut()
            .unwrap()
            .extend(character.to_lowercase().filter(|letter| *letter != '_'));
    }
    words
}

/// The names that a line declares for all to use: `pub …` itself, and what a public enum or trait holds.
fn declared(line: &str, within_public: bool) -> Option<&str> {
    let held = line.strip_prefix("    ").filter(|_| within_public);
    let held = held.filter(|rest| !rest.starts_with([' ', '/', '#', '}', ')']));
    let told = line.trim_start().strip_prefix("pub ").or(held)?;
    let name = told.split(['(', '{', '<', '=', ';', ':', ',']).next()?;
    name.split_whitespace().last()
}

fn fail(faults: &[String], remedy: &str) {
    assert!(faults.is_empty(), "{}\n{remedy}", faults.join("\n"));
}

#[test]
fn a_crate_uses_only_what_stands_below_it() {
    let metadata = metadata();
    let waterline = LADDER.iter().position(|rung| *rung == WATERLINE).unwrap();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(rung) = LADDER.iter().position(|rung| *rung == name) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let above = LADDER
                .iter()
                .position(|rung| *rung == used)
                .is_some_and(|at| at >= rung);
            let wet = rung <= waterline && EFFECTS.contains(&used);
            if dependency["kind"] != "dev" && (above || wet || used == "countersign-testkit") {
                faults.push(format!("{name} uses {used}"));
            }
        }
    }
    fail(
        &faults,
        "a crate may use only what stands below it, and none below the waterline touches the world \
         (ARCHITECTURE.md, the ladder); testkit is for tests alone",
    );
}

#[test]
fn nothing_banned_is_in_what_is_shipped() {
    let arguments = [
        "tree",
        "--package",
        "countersign",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ];
    let tree = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(repository())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let shipped = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect::<BTreeSet<_>>();
    assert!(shipped.contains("rustls"), "cargo tree lists what is shipped");
    let banned = shipped
        .into_iter()
        .filter(|name| BANNED.contains(name))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    fail(
        &banned,
        "one library for cryptography and TLS: see deny.toml for the reasons",
    );
}

#[test]
fn every_module_says_what_it_is_for_and_keeps_its_size() {
    let mut faults = Vec::new();
    for (file, text) in rust_files() {
        if !text.starts_with("//!") && !file.ends_with("/tests.rs") {
            faults.push(format!("{file} does not open with //!"));
        }
        let excused = text
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("//! Long because "));
        if text.lines().count() > MAX_LINES && !excused {
            faults.push(format!("{file} has {} lines", text.lines().count()));
        }
    }
    fail(
        &faults,
        "say in //! what the room is for; past 500 lines give it a door, or a second line `//! Long because …`",
    );
}

#[test]
fn public_names_are_the_glossarys() {
    let mut faults = Vec::new();
    for (file, text) in rust_files() {
        let mut within_public = false;
        for line in text.lines() {
            if line.starts_with("pub enum ") || line.starts_with("pub trait ") {
                within_public = true;
            } else if line.starts_with('}') {
                within_public = false;
            }
            let name = declared(line, within_public).unwrap_or("");
            if let Some(word) = words(name)
                .into_iter()
                .find(|word| WORDS.contains(&word.as_str()))
            {
                faults.push(format!("{file}: {name}: `{word}` is not a word of the glossary"));
            }
        }
    }
    fail(&faults, "docs/glossary.md has the word to use");
}

#[test]
fn no_decision_reads_the_text_of_an_error() {
    let mut faults = Vec::new();
    for (file, text) in rust_files() {
        let shipped = file.starts_with("crates/")
            && file.contains("/src/")
            && !file.ends_with("tests.rs")
            && !file.contains("testkit");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or("");
        let code = code.split_whitespace().collect::<String>();
        for reading in [
            ".to_string().contains(",
            ".to_string().starts_with(",
            ".to_string().ends_with(",
            ".to_string()==",
        ] {
            if shipped && code.contains(reading) {
                faults.push(format!("{file}: {reading}"));
            }
        }
    }
    fail(&faults, "match on the error's variant or its code()");
}

#[test]
fn no_file_names_a_place_of_one_machine_or_is_half_merged() {
    let places = [
        // Nor what a merge left open.
        concat!("\n<<<<", "<<< "),
        concat!("\n>>>>", ">>> "),
        concat!("/wo", "rk/"),
        concat!("../sha", "red"),
        concat!("/ro", "ot/"),
        concat!("/home", "/runner"),
    ];
    let mut faults = Vec::new();
    for file in files() {
        let Ok(text) = String::from_utf8(std::fs::read(repository().join(&file)).unwrap()) else {
            continue;
        };
        faults.extend(
            places
                .iter()
                .filter(|place| text.contains(**place))
                .map(|place| format!("{file} names {place:?}")),
        );
    }
    fail(
        &faults,
        "the project builds and passes its tests anywhere, and a merge is finished",
    );
}

#[test]
fn no_test_waits_or_stands_aside() {
    let ignoring = concat!("#[ig", "nore");
    let sleeping = concat!("sle", "ep(");
    let mut faults = Vec::new();
    for (file, text) in rust_files() {
        if text.contains(ignoring) {
            faults.push(format!("{file} has {ignoring}"));
        }
        let test = file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("/testkit/");
        if test && text.contains(sleeping) {
            faults.push(format!("{file} has {sleeping}"));
        }
    }
    fail(
        &faults,
        "a test that cannot run fails; one that must wait moves the clock, or waits for the thing itself",
    );
}

#[test]
fn the_lock_of_npm_names_no_registry() {
    let lock = text("tests-node/package-lock.json");
    assert!(
        lock.contains("\"integrity\": \"sha512-"),
        "packages are pinned by content"
    );
    assert!(
        !lock.contains("\"resolved\": \"http"),
        "npm install --package-lock-only --omit-lockfile-registry-resolved"
    );
}

#[test]
fn the_architecture_names_every_crate_and_no_other() {
    let page = text("ARCHITECTURE.md");
    let named = page
        .split('`')
        .filter(|word| word.starts_with("countersign-"))
        .map(str::to_owned)
        .collect::<BTreeSet<_>>();
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| members.contains(&package["id"]));
    let crates = packages.map(|package| package["name"].as_str().unwrap().to_owned());
    let crates = crates
        .filter(|name| name.starts_with("countersign-"))
        .collect::<BTreeSet<_>>();
    assert_eq!(named, crates, "ARCHITECTURE.md names the crates in backticks");
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let decisions = files()
        .into_iter()
        .filter(|file| file.starts_with("docs/decisions/"))
        .collect::<Vec<_>>();
    for (index, file) in decisions.iter().enumerate() {
        let number = format!("docs/decisions/{:04}-", index + 1);
        assert!(file.starts_with(&number), "{file} should begin with {number}");
        assert!(
            text(file).starts_with(&format!("# {}. ", index + 1)),
            "{file} opens with its number"
        );
    }
}

#[test]
fn every_reason_code_is_seen_in_a_scenario_or_excused() {
    /// Codes that no scenario can bring about, and why.
    const EXCUSED: [(&str, &str); 9] = [
        ("busy", "a connection limit is met at a socket"),
        ("internal_error", "a bug"),
        (
            "misdirected",
            "a handshake was made for another host: a test of the listener has it",
        ),
        (
            "over_tls",
            "all that a listener of its own says: a test of the dialect has it",
        ),
        (
            "upstream_timeout",
            "a minute of waiting: a test of the proxy has it",
        ),
        (
            "upstream_broken",
            "an application that speaks no HTTP: a test of the proxy has it",
        ),
        (
            "request_broken",
            "an upload that breaks off at the socket: a test of the listener has it",
        ),
        (
            "no_upstream",
            "the pages' routes all say where to forward: a test of the proxy has it",
        ),
        (
            "target_too_long",
            "nobody reads a page of 16 KiB: a test of the gate has it",
        ),
    ];
    let mut shown = BTreeSet::new();
    for page in files() {
        if page.contains("/tests/scenarios/") && has_extension(&page, "md") && !page.ends_with("README.md") {
            shown.extend(expected_words(&text(&page)));
        }
    }
    let mut faults = Vec::new();
    for (_, code, _) in countersign_core::reason::all() {
        let excused = EXCUSED.iter().any(|(excused, _)| *excused == code);
        match (shown.contains(code), excused) {
            (true, false) | (false, true) => {}
            (false, false) => faults.push(format!("{code}: write a scenario in which it is the answer")),
            (true, true) => faults.push(format!("{code}: a scenario shows it, so it needs no excuse here")),
        }
    }
    fail(&faults, "every reason code is seen in a scenario");
}

/// The words of a page's `answer` blocks and tables: what it expects, not what it says in prose.
fn expected_words(page: &str) -> Vec<String> {
    let mut within_answer = false;
    let mut words = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            within_answer = line.starts_with("```answer");
        } else if within_answer || line.starts_with('|') {
            let pieces = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            words.extend(pieces.map(str::to_owned));
        }
    }
    words
}

/// Attack 160: rustls up to 0.23.45 could be kept busy, and its decompression of certificates blown up.
#[test]
fn the_words_for_what_a_certificate_says_are_those_of_the_page() {
    let page = text("docs/tls.md");
    let table = page.split("**What it says**").nth(1).unwrap();
    let rows = table.split("\n\n").nth(1).unwrap().lines().skip(2);
    let mut claims = Vec::new();
    for row in rows {
        let cells = row.split('|').collect::<Vec<_>>();
        let [_, _, in_claims, in_conditions, in_headers, _] = cells.as_slice() else {
            panic!("{row}");
        };
        let words = |cell: &'_ str| {
            let words = cell.split('`').skip(1).step_by(2);
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        claims.extend(words(in_claims));
        for word in words(in_conditions) {
            compile(&format!("certificate.{word} == certificate.{word}")).unwrap();
        }
        for word in words(in_headers) {
            assert!(CertificateFact::parse(&word).is_some(), "{word}");
        }
    }
    let known = CLAIMS.iter().map(|(path, _)| *path);
    let known = known.filter(|path| path.starts_with("certificate."));
    claims.sort();
    let mut known = known.collect::<Vec<_>>();
    known.sort_unstable();
    assert_eq!(claims, known);
}

#[test]
fn the_tls_library_is_past_its_known_faults() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let rustls = nodes.iter().filter_map(|node| {
        let id = node["id"].as_str()?.rsplit_once("#rustls@")?.1;
        let features = node["features"].as_array()?.iter().filter_map(Value::as_str);
        Some((id.to_owned(), features.collect::<Vec<_>>()))
    });
    let rustls = rustls.collect::<Vec<_>>();
    let [(version, features)] = rustls.as_slice() else {
        panic!("one rustls: {rustls:?}");
    };
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap());
    let numbers = [(); 3].map(|()| numbers.next().unwrap());
    assert!(numbers >= [0, 23, 46], "{version}");
    for compression in ["brotli", "zlib"] {
        assert!(
            !features.contains(&compression),
            "certificates are not decompressed: {features:?}"
        );
    }
}
