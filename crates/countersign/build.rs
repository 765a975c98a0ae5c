//! Tells the program which commit it is built from, where that can be known: a build outside of git is a build all the
//! same. The date is the commit's, so that one source makes one program.

use std::path::Path;
use std::process::Command;

/// What a program is made of: with a change in it, it is no commit's.
const SOURCES: [&str; 4] = [
    "Cargo.lock",
    "Cargo.toml",
    ":(glob)crates/*/src/**",
    ":(exclude)crates/testkit",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo:rerun-if-changed=build.rs");
    let commit = commit(&root);
    if commit.is_some() {
        watch(&root);
    }
    println!(
        "cargo:rustc-env=COUNTERSIGN_COMMIT={}",
        commit.unwrap_or_default()
    );
}

/// The commit and its date: `9ac2cd9e4b1f 2026-03-01`, or `9ac2cd9e4b1f+changes 2026-03-01`.
fn commit(root: &Path) -> Option<String> {
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    // A copy of the sources may lie within somebody else's repository.
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let hash = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let date = git(root, &["show", "--no-patch", "--format=%cs", "HEAD"])?;
    let changes = git(
        root,
        &[&["status", "--porcelain", "--"], SOURCES.as_slice()].concat(),
    )?;
    let changes = if changes.is_empty() { "" } else { "+changes" };
    Some(format!("{hash}{changes} {date}"))
}

/// Asks again when something is committed or checked out, or a source changes.
fn watch(root: &Path) {
    let head = ["HEAD", "logs/HEAD"].map(|name| git(root, &["rev-parse", "--git-path", name]));
    let head = head.into_iter().flatten().map(|path| root.join(path));
    let crates = std::fs::read_dir(root.join("crates"))
        .into_iter()
        .flatten()
        .flatten();
    let sources = crates.map(|one| one.path().join("src"));
    let files = ["Cargo.lock", "Cargo.toml"].map(|name| root.join(name));
    // Cargo takes one that is not there for one that has changed.
    let all = head.chain(sources).chain(files).filter(|path| path.exists());
    for path in all.filter(|path| !path.ends_with("testkit/src")) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

/// What git says, when it is there and has something to say.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(arguments)
        .output()
        .ok()?;
    let said = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(said).ok()?.trim().to_owned())
}
