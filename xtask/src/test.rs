//! `cargo xtask test`: exactly what CI and the README run, in order, stopping at the first failure.

use crate::{Failure, accounts, cargo, repository, say, tools};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step: what it is called, and what it does. It says how many tests passed and failed, when it ran some.
type Step = (&'static str, fn() -> Result<Count, Failure>);

/// Tests that ran.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: u64,
    failed: u64,
}

const STEPS: [Step; 7] = [
    ("tools", || tools::for_tests().map(|()| Count::default())),
    ("formatting", || {
        cargo(&["fmt", "--all", "--check"]).map(|()| Count::default())
    }),
    ("clippy", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])
        .map(|()| Count::default())
    }),
    ("tests", tests),
    ("documentation", documentation),
    ("parity", || accounts::parity().map(|()| Count::default())),
    ("attacks", || accounts::attacks().map(|()| Count::default())),
];

/// Runs every step.
pub(crate) fn run() -> Result<(), Failure> {
    let evidence = repository().join("target/evidence");
    drop(std::fs::remove_dir_all(&evidence));
    std::fs::create_dir_all(&evidence)?;
    let (begun, mut all) = (Instant::now(), Count::default());
    for (name, step) in STEPS {
        say(&format!("== {name}"));
        let started = Instant::now();
        let count = step().map_err(|failure| format!("{name}: {failure}"))?;
        all.passed += count.passed;
        all.failed += count.failed;
        say(&format!("== {name}: {:.0} s", started.elapsed().as_secs_f32()));
    }
    say(&format!("everything took {:.0} s", begun.elapsed().as_secs_f32()));
    say(&format!("{} passed, {} failed", all.passed, all.failed));
    Ok(())
}

fn documentation() -> Result<Count, Failure> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["doc", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    crate::run(&mut command).map(|()| Count::default())
}

/// Every test of the workspace. What ran and passed is written down: the accounts ask for it.
fn tests() -> Result<Count, Failure> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(repository());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    // Cargo tells on standard error which binary comes next; tests tell on standard output how they went. The names of
    // tests are enough: the accounts name them by the end of their path.
    let (mut count, mut passed) = (Count::default(), String::new());
    let output = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... ok"))
        {
            count.passed += 1;
            passed.push_str(name);
            passed.push('\n');
        } else {
            if line.starts_with("test ") && line.ends_with("FAILED") {
                count.failed += 1;
            }
            say(&line);
        }
    }
    std::fs::write(repository().join("target/evidence/tests.txt"), passed)?;
    let status = child.wait()?;
    if status.success() {
        Ok(count)
    } else {
        Err(format!("{} passed, {} failed", count.passed, count.failed).into())
    }
}
