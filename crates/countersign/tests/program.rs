//! The program as a process: how it starts, reloads and stops, and what it says.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// A folder of one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-program-{test}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn countersign() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A running gateway; ended when the test is over.
struct Gateway {
    child: Child,
    said: BufReader<ChildStderr>,
    state: PathBuf,
}

impl Gateway {
    fn start(folder: &Folder, config: &Path) -> Self {
        let state = folder.0.join("state");
        let mut command = countersign();
        command
            .arg("run")
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(&state);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said, state }
    }

    /// The next line that holds `word`.
    fn line(&mut self, word: &str) -> String {
        let mut all = String::new();
        loop {
            let start = all.len();
            assert!(
                self.said.read_line(&mut all).unwrap() > 0,
                "no {word:?} in:\n{all}"
            );
            if all[start..].contains(word) {
                return all[start..].trim_end().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let id = self.child.id().to_string();
        assert!(kill.arg(format!("-{name}")).arg(id).status().unwrap().success());
    }

    fn reload(&self) -> Output {
        let mut command = countersign();
        command.arg("reload").arg("--state").arg(&self.state);
        command.output().unwrap()
    }

    /// What is still said, and whether the end was a good one.
    fn end(mut self) -> (String, bool) {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        let ended = self.child.wait().unwrap();
        (rest, ended.success())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const PLAIN: &str = "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n\n\
                     [[route]]\nendpoint = \"/auth\"\naccept = \"anonymous\"\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn everything_said_is_written_before_the_end() {
    let folder = Folder::new("end");
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
fn told_to_stop_twice_it_does_not_wait_for_what_is_under_way() {
    let folder = Folder::new("twice");
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
fn a_reload_with_a_mistake_says_where_and_takes_nothing() {
    let folder = Folder::new("mistake");
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    folder.write("a.toml", &PLAIN.replace("anonymous", "anonymos"));
    let refused = gateway.reload();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("the configuration before stays in force: mistakes in it: 1\n"),
        "{said}"
    );
    assert!(
        said.contains("a.toml:9:10\n") && said.contains("did you mean \"anonymous\"?"),
        "{said}"
    );
    assert!(gateway.line("a.toml:9:10").contains("anonymos"));
    gateway.line("reload_refused");
    folder.write(
        "a.toml",
        &format!("{PLAIN}\n[identity_headers]\npreset = \"none\"\n"),
    );
    let taken = gateway.reload();
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    assert_eq!(text(&taken.stdout), "ok: configuration 1 is in force\n");
    folder.write("a.toml", PLAIN);
    let cut = gateway.reload();
    assert!(text(&cut.stderr).contains("cut off"), "{}", text(&cut.stderr));
}

#[test]
fn what_takes_a_restart_is_said() {
    let folder = Folder::new("restart");
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    folder.write(
        "a.toml",
        &format!("{PLAIN}\n[status]\naddress = \"127.0.0.1:0\"\n"),
    );
    let refused = gateway.reload();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("[status] changed: that takes a restart"), "{said}");
    let changed = format!("{PLAIN}\n[limits]\nidle = \"5s\"\n\n[log]\nformat = \"json\"\n");
    folder.write("a.toml", &changed);
    let taken = gateway.reload();
    let said = text(&taken.stdout);
    assert_eq!(
        said,
        "ok: configuration 1 is in force, but for [log] and [limits]: that takes a restart\n"
    );
}

#[test]
fn sighup_reloads_and_never_kills() {
    let folder = Folder::new("hup");
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("starting");
    gateway.signal("HUP");
    assert!(gateway.line("reload").contains("configuration 1 is in force"));
}

#[test]
fn with_json_every_line_is_json() {
    let folder = Folder::new("json");
    let config = folder.write("a.toml", &format!("{PLAIN}\n[log]\nformat = \"json\"\n"));
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
    let folder = Folder::new("cannot");
    let run = |config: &Path| {
        let mut command = countersign();
        command.arg("run").arg("--config").arg(config);
        let output = command.arg("--state").arg(&folder.0).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let mistaken = run(&folder.write("a.toml", &PLAIN.replace("accept", "acept")));
    assert!(mistaken.contains("did you mean `accept`?"), "{mistaken}");
    let missing = run(&folder.0.join("missing.toml"));
    assert!(missing.contains("missing.toml: No such file"), "{missing}");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let taken = run(&folder.write("b.toml", &PLAIN.replace("127.0.0.1:0", &address)));
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
fn check_counts_what_it_tells() {
    let folder = Folder::new("check");
    let check = |file: &Path| countersign().arg("check").arg(file).output().unwrap();
    let sound = check(&folder.write("a.toml", PLAIN));
    assert_eq!(sound.status.code(), Some(0));
    assert!(text(&sound.stdout).ends_with("a.toml: can be run: 0 mistakes, 0 warnings\n"));
    let unsound = check(&folder.write("b.toml", &PLAIN.replace("accept", "acept")));
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
