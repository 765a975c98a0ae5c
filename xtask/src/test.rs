//! `cargo xtask test`: exactly what CI and the README run, in order, stopping at the first failure.

use crate::{Failure, accounts, cargo, repository, run, say, tools};
use std::fmt;
use std::io::{BufRead as _, BufReader, PipeReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// One step: its name, and what it does.
type Step = (&'static str, fn(&mut Count) -> Result<(), Failure>);

const STEPS: [Step; 8] = [
    ("tools", |_| tools::for_tests()),
    ("formatting", |_| formatting()),
    ("clippy", |_| clippy()),
    ("build", |_| {
        cargo(&["test", "--workspace", "--no-run", "--quiet"])
    }),
    ("tests", tests),
    ("documentation", |_| documentation()),
    ("parity", |_| accounts::parity()),
    ("attacks", |_| accounts::attacks()),
];

/// How long the output may be silent once cargo has ended: a process that a test left behind may hold it open.
const SILENCE: Duration = Duration::from_secs(1);

/// How many tests ran, and how they went.
#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs every step. The last line it says is how many tests passed and failed; a step that fails without tests counts
/// as one.
pub(crate) fn run_all() -> Result<(), Failure> {
    let evidence = repository().join("target/evidence");
    if evidence.exists() {
        std::fs::remove_dir_all(&evidence)?;
    }
    std::fs::create_dir_all(&evidence)?;
    let (begun, mut count) = (Instant::now(), Count::default());
    for (index, (name, step)) in STEPS.iter().enumerate() {
        say(&format!("== {} of {}: {name}", index + 1, STEPS.len()));
        let started = Instant::now();
        if let Err(failure) = step(&mut count) {
            count.failed = count.failed.max(1);
            return Err(format!("{name}: {failure}\n{count}").into());
        }
        say(&format!("== {name}: {:.0} s", started.elapsed().as_secs_f32()));
    }
    say(&format!("everything took {:.0} s", begun.elapsed().as_secs_f32()));
    say(&count.to_string());
    Ok(())
}

fn formatting() -> Result<(), Failure> {
    cargo(&["fmt", "--all", "--check"])
        .map_err(|failure| format!("{failure}; `cargo fmt --all` mends it").into())
}

fn clippy() -> Result<(), Failure> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--quiet", "--"];
    cargo(&[arguments.as_slice(), &["-D", "warnings"]].concat())
}

fn documentation() -> Result<(), Failure> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["doc", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    run(&mut command)
}

/// Every test of the workspace. What ran and passed is written down: the accounts ask for it.
fn tests(count: &mut Count) -> Result<(), Failure> {
    let (output, writer) = std::io::pipe()?;
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(repository())
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command.spawn()?;
    drop(command); // it holds our ends of the pipe
    let lines = lines(output);
    let mut transcript = Transcript::default();
    let status = loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                say(&line);
                transcript.read(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break child.wait()?,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
            }
        }
    };
    let passed = repository().join("target/evidence/tests.txt");
    std::fs::write(passed, transcript.passed.join("\n"))?;
    count.passed = transcript.passed.len() + transcript.pages;
    count.failed = transcript.failed.len();
    if !status.success() {
        return Err(format!("{status}; failed: {}", transcript.failed.join(", ")).into());
    }
    if transcript.passed.is_empty() {
        return Err("not one test ran".into());
    }
    Ok(())
}

/// The lines of the pipe, read by a thread of its own, so that nobody waits for a pipe that stays open.
fn lines(output: PipeReader) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    lines
}

/// What cargo and the tests have told so far.
#[derive(Default)]
struct Transcript {
    /// The binary that runs now.
    binary: String,
    /// `binary::path::test_name` of each test that passed, in order.
    passed: Vec<String>,
    /// How many scenario pages passed. They note their names themselves.
    pages: usize,
    /// Tests and pages that failed.
    failed: Vec<String>,
}

impl Transcript {
    /// Whether something of the present binary was told to have failed. Of one that was aborted nothing was.
    fn names_binary(&self) -> bool {
        let own = format!("{}::", self.binary);
        self.failed.iter().any(|name| name.starts_with(&own))
    }

    fn read(&mut self, line: &str) {
        let told = line.trim();
        if let Some(binary) = told.strip_prefix("Running ").and_then(binary) {
            binary.clone_into(&mut self.binary);
        } else if let Some(name) = told.strip_prefix("Doc-tests ") {
            name.clone_into(&mut self.binary);
        } else if let Some(page) = line.strip_prefix("FAILED ") {
            self.failed.push(format!("{}::{page}", self.binary));
        } else if line.starts_with("error: test failed") && !self.names_binary() {
            self.failed.push(format!("{} as a whole", self.binary));
        } else if let Some((_, counts)) = line
            .strip_prefix("pages ")
            .and_then(|rest| rest.split_once(" passed "))
        {
            let passed = counts.split(' ').next().unwrap_or_default();
            self.pages += passed.parse::<usize>().unwrap_or(0);
        } else if let Some((name, verdict)) = told
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        {
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            let name = format!("{}::{name}", self.binary);
            match verdict {
                "ok" => self.passed.push(name),
                "FAILED" => self.failed.push(name),
                _ => {}
            }
        }
    }
}

/// The binary in `tests/tidy.rs (target/debug/deps/tidy-1a2b3c)`, without cargo's hash.
fn binary(told: &str) -> Option<&str> {
    let (_, path) = told.strip_suffix(')')?.rsplit_once('(')?;
    let file = path.rsplit('/').next()?;
    file.rsplit_once('-').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::Transcript;

    #[test]
    fn what_passed_is_named_by_binary_and_path() {
        let mut transcript = Transcript::default();
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/countersign_core-2f1b)",
            "running 3 tests",
            "test decide::tests::absence_is_no ... ok",
            "test decide::tests::a_fault ... FAILED",
            "test decide::tests::later ... ignored",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s",
            "     Running tests/tidy.rs (/elsewhere/debug/deps/tidy-77)",
            "test a_rule - should panic ... ok",
            "     Running tests/scenarios.rs (target/debug/deps/scenarios-9)",
            "FAILED tokens/late.md",
            "pages 3 passed 2 failed 1",
            "error: test failed, to rerun pass `-p countersign --test scenarios`",
            "     Running tests/e2e/main.rs (target/debug/deps/e2e-3)",
            "error: test failed, to rerun pass `-p countersign --test e2e`",
            "   Doc-tests countersign_core",
            "test crates/core/src/lib.rs - words (line 3) ... ok",
        ] {
            transcript.read(line);
        }
        assert_eq!(
            transcript.passed,
            [
                "countersign_core::decide::tests::absence_is_no",
                "tidy::a_rule",
                "countersign_core::crates/core/src/lib.rs - words (line 3)",
            ]
        );
        assert_eq!(
            transcript.failed,
            [
                "countersign_core::decide::tests::a_fault",
                "scenarios::tokens/late.md",
                "e2e as a whole"
            ]
        );
        assert_eq!(transcript.pages, 2);
    }
}
