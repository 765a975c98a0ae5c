//! The program as a process: how it starts, reloads and stops, and what it says.

use gateway::{Client, Folder, Gateway, PLAIN, commit, countersign, free, text};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(test)]
mod gateway;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod hello;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod state;
#[cfg(test)]
mod tls;
#[cfg(test)]
#[cfg(feature = "workload-api")]
mod workload_api;

#[test]
fn everything_said_is_written_before_the_end() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    for signal in ["TERM", "INT"] {
        let mut gateway = Gateway::start(&folder, &config);
        let starting = gateway.line("starting");
        assert!(starting.contains(config.to_str().unwrap()), "{starting}");
        gateway.line("listening");
        gateway.signal(signal);
        let (rest, good) = gateway.end();
        assert!(rest.ends_with("finishing what is under way\n"), "{rest}");
        assert!(good, "{signal}");
    }
}

#[test]
fn version_and_commit_are_told_at_the_start_by_version_and_in_the_metrics() {
    let said = text(&countersign().arg("--version").output().unwrap().stdout);
    let version = said.trim().strip_prefix("countersign ").unwrap();
    match commit() {
        Some(commit) => {
            let expected = format!("{} ({commit}", env!("CARGO_PKG_VERSION"));
            assert!(
                version.starts_with(&expected) && version.ends_with(')'),
                "{version}"
            );
        }
        None => assert_eq!(version, env!("CARGO_PKG_VERSION")),
    }
    let folder = Folder::new();
    let status = free();
    let config = folder.write("a.toml", format!("{PLAIN}\n[status]\naddress = \"{status}\"\n"));
    let mut gateway = Gateway::start(&folder, &config);
    let starting = gateway.line("starting");
    assert!(
        starting.contains(&format!("countersign {version}: ")),
        "{starting}"
    );
    gateway.line("(status)");
    let metrics = Client::tcp(status).read("/metrics");
    let commit = version.split(['(', ')']).nth(1).unwrap_or("");
    let (commit, date) = commit.split_once(' ').unwrap_or((commit, ""));
    let line = format!(
        "countersign_build_info{{version=\"{}\",commit=\"{commit}\",date=\"{date}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(metrics.contains(&line), "{metrics}");
}

#[test]
fn told_to_stop_twice_it_does_not_wait_for_what_is_under_way() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    let line = gateway.line("listening");
    let at = line
        .split_whitespace()
        .find_map(|word| word.parse::<SocketAddr>().ok())
        .unwrap();
    let mut slow = TcpStream::connect(at).unwrap();
    slow.write_all(b"GET /auth HTTP/1.1\r\nHost: a\r\n\r\nGET /au")
        .unwrap();
    assert!(
        slow.read(&mut [0; 12]).unwrap() > 0,
        "the connection is being served"
    );
    gateway.signal("TERM");
    gateway.line("finishing");
    gateway.signal("TERM");
    let (_, good) = gateway.end();
    assert!(good);
}

#[test]
fn with_json_every_line_is_json() {
    let folder = Folder::new();
    let config = folder.write("a.toml", format!("{PLAIN}\n[log]\nformat = \"json\"\n"));
    let mut gateway = Gateway::start(&folder, &config);
    let mut lines = vec![gateway.line("starting"), gateway.line("listening")];
    gateway.signal("TERM");
    let (rest, _) = gateway.end();
    lines.extend(rest.lines().map(str::to_owned));
    assert!(lines.len() >= 3);
    for line in lines {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
    }
}

#[test]
fn what_keeps_it_from_running_is_said() {
    let folder = Folder::new();
    let run = |config: &Path| {
        let mut command = countersign();
        command.arg("run").arg("--config").arg(config);
        let output = command.arg("--state").arg(&folder.0).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let mistaken = run(&folder.write("a.toml", PLAIN.replace("accept", "acept")));
    assert!(mistaken.contains("did you mean `accept`?"), "{mistaken}");
    let missing = run(&folder.0.join("missing.toml"));
    assert!(missing.contains("missing.toml: No such file"), "{missing}");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let taken = run(&folder.write("b.toml", PLAIN.replace("127.0.0.1:0", &address)));
    assert!(taken.contains(&format!("cannot listen on {address}")), "{taken}");
    let nobody = countersign()
        .arg("reload")
        .arg("--state")
        .arg(&folder.0)
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no gateway answers"));
}

#[test]
fn a_pipe_is_checked_and_never_run() {
    let folder = Folder::new();
    let pipe = folder.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut run = countersign();
    run.arg("run")
        .arg("--config")
        .arg(&pipe)
        .arg("--state")
        .arg(&folder.0);
    let refused = run.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("read again with every reload"), "{said}");
    let mut check = countersign();
    check
        .args(["check", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut check = check.spawn().unwrap();
    check.stdin.take().unwrap().write_all(PLAIN.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(text(&output.stdout).starts_with("/dev/stdin: can be run"));
}

#[test]
fn check_counts_what_it_tells() {
    let folder = Folder::new();
    let check = |file: &Path| countersign().arg("check").arg(file).output().unwrap();
    let sound = check(&folder.write("a.toml", PLAIN));
    assert_eq!(sound.status.code(), Some(0));
    assert!(text(&sound.stdout).ends_with("a.toml: can be run: 0 mistakes, 0 warnings\n"));
    let unsound = check(&folder.write("b.toml", PLAIN.replace("accept", "acept")));
    assert_eq!(unsound.status.code(), Some(1));
    assert!(text(&unsound.stdout).ends_with("b.toml: cannot be run: 2 mistakes, 0 warnings\n"));
    assert!(
        !text(&unsound.stderr).contains('\u{1b}'),
        "no colours where there is no terminal"
    );
}

#[test]
fn the_reason_codes_are_told_to_a_program() {
    let output = countersign()
        .args(["reference", "--reason-codes", "--json"])
        .output()
        .unwrap();
    let lines = text(&output.stdout);
    let codes = lines.lines().map(|line| {
        let line = serde_json::from_str::<serde_json::Value>(line).unwrap();
        assert!(
            line["family"].is_string() && line["meaning"].is_string(),
            "{line}"
        );
        line["code"].as_str().unwrap().to_owned()
    });
    let codes = codes.collect::<Vec<_>>();
    let known = countersign_core::reason::all().map(|(_, code, _)| code);
    assert_eq!(codes, known.collect::<Vec<_>>());
}
