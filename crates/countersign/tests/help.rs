//! The help of every command: each example in it is a command that is understood, and `--json` is where programs look.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use std::process::{Command, Output};

/// Every command, by its words.
const COMMANDS: [&str; 31] = [
    "",
    "run",
    "demo",
    "init",
    "check",
    "token mint",
    "token inspect",
    "token verify",
    "certificate verify",
    "certificate inspect",
    "ca",
    "ca quickstart",
    "ca init",
    "ca issue server",
    "ca issue client",
    "ca issue workload",
    "ca sign",
    "ca renew",
    "ca revoke",
    "ca crl",
    "ca list",
    "ca show",
    "ca export",
    "import jwtauthrequest",
    "reload",
    "session",
    "session list",
    "session show",
    "session revoke",
    "schema",
    "reference",
];
/// Those whose answer is JSON already, or a page for people, or a log.
const WITHOUT_JSON: [&str; 5] = ["", "run", "ca", "session", "schema"];

fn help(command: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let words = command.split(' ').filter(|word| !word.is_empty());
    let output = program.args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command}");
    String::from_utf8(output.stdout).unwrap()
}

/// Gives `line` to a shell in which every `countersign` only says whether it understands its arguments.
fn understood(line: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_countersign");
    let folder = std::env::temp_dir().join(format!("countersign-help-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("docs")).unwrap();
    for file in ["tokens.txt", "client.pem", "chain.pem"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let script = format!(
        "set -e; countersign() {{ {program} \"$@\" --help >/dev/null; }}; systemctl() {{ :; }}; curl() {{ :; }}; TOKEN=a.b.c; {line}"
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    output
}

#[test]
fn every_example_is_understood() {
    let mut count = 0;
    for command in COMMANDS {
        let help = help(command);
        for line in help.lines() {
            let example = line
                .strip_prefix("  ")
                .filter(|line| line.starts_with("countersign "));
            // What stands far behind an example says what it does.
            let Some(example) = example.and_then(|line| line.split("   ").next()) else {
                continue;
            };
            let output = understood(example);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{example}: {told}");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
    assert!(!understood("countersign token verify --nonsense").status.success());
}

#[test]
fn every_command_that_tells_something_tells_it_to_programs_too() {
    for command in COMMANDS {
        let has = help(command).contains("--json");
        assert_eq!(has, !WITHOUT_JSON.contains(&command), "{command}");
    }
    // Nothing has come to it that is not looked at here.
    let commands = help("");
    let commands = commands
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1);
    let commands = commands.take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        Some(name).filter(|name| !name.is_empty())
    });
    for command in commands.filter(|command| *command != "help") {
        let known = COMMANDS
            .iter()
            .any(|known| known.split(' ').next() == Some(command));
        assert!(known, "{command}");
    }
}
