//! The project's chores. `cargo xtask --help` lists them.

#![expect(
    clippy::disallowed_methods,
    reason = "chores read files, the clock and the environment"
)]

use std::process::{Command, ExitCode, Stdio};

mod accounts;
mod bench;
mod gateway;
mod handshakes;
mod http;
mod interop;
mod options;
mod process;
mod soak;
mod test;
mod tokens;
mod tools;

/// A chore's failure, in words.
type Failure = Box<dyn std::error::Error>;

const HELP: &str = "\
The project's chores:

  cargo xtask test              everything CI runs; installs what it needs, as root on Debian
  cargo xtask scenario NAME     the scenario pages whose path holds NAME
  cargo xtask bench decision    what a decision costs, beside nginx, HAProxy and Envoy; where
      [--rounds N]              the bars stand. Fails when one is missed
      [--seconds N]             the length of a round
      [--only PART]             same-token, many-rs256, many-es256, behind-nginx, in-process,
                                rules, start or growth
  cargo xtask bench handshake   what mutual TLS costs, beside nginx; where the bars stand. Takes
                                the same options
      [--only PART]             tls-1.3, tls-1.2, revocation, crl-reload or idle-memory
  cargo xtask bench session     what sessions cost; where the bars stand. The same options
      [--only PART]             cached-session, flood or file-store
  cargo xtask bench sso         what signing in by a certificate costs. The same options
      [--only PART]             silent-login or abandoned
  cargo xtask soak              long runs: every decoder under mutations; kill -9 while keys are
                                written and reloads run, and while sessions are; files, lines
                                and bodies far too large
      [--only PART]             mutations, kill, store or big
      [--mutations N]           for every decoder, 5 million by default
      [--kills N] [--seconds N] whichever comes first: 300 (of a session store 100), and 600 s
      [--seed N]                a number that was printed, to do the same again
      [--body-mib N]            how large a body is, 1024 by default
  cargo xtask interop           tokens of PyJWT, joserfc and jose judged by Countersign, ours by
                                them, and one list by them, Envoy and HAProxy; installs them
  cargo xtask interop login     a person with Chromium logs in at Keycloak, zitadel's provider and
      [NAME …]                  Ory Hydra, is renewed and logged out; installs them
  cargo xtask parity            counts docs/parity.md; fails on a row whose evidence did not
                                run and pass in the last `cargo xtask test`
  cargo xtask attacks           counts docs/attacks.md; the same
  cargo xtask tools             installs what the tests need: Debian packages, .tools/bin,
                                tests-node/node_modules
";

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let words = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let done = match words.as_slice() {
        [] | ["help"] | [.., "--help" | "-h"] => {
            say(HELP);
            Ok(())
        }
        ["test"] => test::run_all(),
        ["scenario", name] => cargo(&["test", "-p", "countersign", "--test", "scenarios", "--", name]),
        ["bench", name, options @ ..] => bench::run(name, options),
        // Not for people: the client that `bench handshake` runs as another process.
        ["handshakes", words @ ..] => handshakes::run(words),
        ["soak", options @ ..] => soak::run_all(options),
        ["interop"] => interop::run(),
        ["interop", "login", names @ ..] => interop::login::run(names),
        ["parity"] => accounts::parity(),
        ["attacks"] => accounts::attacks(),
        ["tools"] => tools::for_tests(),
        other => Err(format!("no chore {:?}\n\n{HELP}", other.join(" ")).into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("xtask: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the one place that prints")]
fn say(text: &str) {
    println!("{text}");
}

/// The repository's folder.
fn repository() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Where cargo puts what it builds.
fn target() -> std::path::PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(std::path::PathBuf::from);
    // A relative one is relative to where cargo is run, which is here.
    repository().join(named.unwrap_or_else(|| "target".into()))
}

/// Runs cargo and passes its output on.
fn cargo(arguments: &[&str]) -> Result<(), Failure> {
    run(Command::new(env!("CARGO")).args(arguments))
}

/// Runs a command in the repository's folder; a status other than success is a failure.
fn run(command: &mut Command) -> Result<(), Failure> {
    let program = std::path::Path::new(command.get_program()).file_name();
    let words = program.into_iter().chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let told = words.collect::<Vec<_>>().join(" ");
    let status = command.current_dir(repository()).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{told}: {status}").into()),
        Err(error) => Err(format!("{told}: {error}").into()),
    }
}
