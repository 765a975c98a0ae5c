//! The demo does what it says: each curl line it prints is run, and gets what the line before it promised.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

/// The demo, ended when this is dropped.
struct Demo {
    child: Child,
    temporary: PathBuf,
    /// What it said, line by line.
    said: Vec<String>,
    /// How long after its start it had said all.
    took: Duration,
}

impl Demo {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[], "Ctrl-C")
    }

    /// Starts it and reads what it says, to the line that holds `last`.
    fn start_with(name: &str, options: &[&str], last: &str) -> Self {
        let temporary = std::env::temp_dir().join(format!("countersign-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&temporary).unwrap();
        let began = now();
        let child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("demo")
            .args(options)
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(temporary.join("log")).unwrap())
            .spawn();
        let mut demo = Self {
            child: child.unwrap(),
            temporary,
            said: Vec::new(),
            took: Duration::ZERO,
        };
        let lines = BufReader::new(demo.child.stdout.take().unwrap()).lines();
        for line in lines.map(Result::unwrap) {
            let is_last = line.contains(last);
            demo.said.push(line);
            if is_last {
                break;
            }
        }
        demo.took = now().duration_since(began).unwrap();
        demo
    }

    fn tell(&self, signal: &str) {
        let id = self.child.id().to_string();
        drop(Command::new("kill").args([signal, &id]).status());
    }

    /// Each curl line with the promise that stands before it.
    fn promises(&self) -> Vec<(String, String)> {
        let pairs = self.said.iter().zip(self.said.iter().skip(1));
        let pairs = pairs.filter(|(_, line)| line.starts_with("curl "));
        pairs
            .map(|(before, line)| (before.strip_prefix("# ").unwrap().to_owned(), line.clone()))
            .collect()
    }

    fn first(&self, promise: &str) -> String {
        let mut promises = self.promises().into_iter();
        promises.find(|(one, _)| one.starts_with(promise)).unwrap().1
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.tell("-TERM");
            drop(self.child.wait());
        }
        drop(std::fs::remove_dir_all(&self.temporary));
    }
}

#[expect(clippy::disallowed_methods, reason = "a real program is measured")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// What a shell gets for this curl line, whole and unchanged but for silence and no proxy.
fn run(line: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{line} -s --noproxy '*'")])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The last of the answers that one line got.
fn last(answers: &str) -> &str {
    let begins = answers.rfind("\nHTTP/").map_or(0, |end| end + 1);
    &answers[begins..]
}

#[test]
fn every_line_the_demo_prints_gets_what_it_promises() {
    let demo = Demo::start("promises");
    let promises = demo.promises();
    for (promise, line) in &promises {
        let answer = last(&run(line)).to_owned();
        let status = promise.get(..3).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} "))
                || answer.starts_with(&format!("HTTP/2 {status} ")),
            "{promise}: {answer}"
        );
        if let Some((_, reason)) = promise
            .split_once(' ')
            .filter(|(status, _)| matches!(*status, "401" | "403"))
        {
            let reason = reason.split(':').next().unwrap();
            assert!(
                answer.contains(&format!("\"reason\":\"{reason}\"")),
                "{promise}: {answer}"
            );
        } else if line.contains("text/html") {
            assert!(
                answer.contains("<tr><th>x-auth-subject</th><td>ann@demo.test</td></tr>"),
                "{promise}: {answer}"
            );
        } else if line.contains("--cert ") {
            assert!(
                answer.contains("\"x-auth-subject\": \"ann@demo.test\""),
                "{promise}: {answer}"
            );
        } else if line.ends_with('/') {
            assert!(answer.contains("\"x-auth-subject\": \"\""), "{promise}: {answer}");
        } else {
            assert!(
                answer.contains("\"x-auth-subject\": \"ann\"")
                    && !answer.contains("root")
                    && !answer.contains("wheel"),
                "{promise}: {answer}"
            );
        }
    }
    let log = std::fs::read(demo.temporary.join("log")).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(
        !log.contains("does not hold before"),
        "its certificates are of today: {log}"
    );
    assert_eq!(promises.len(), 9, "{:?}", demo.said);
}

#[test]
fn a_browser_gets_pages() {
    let demo = Demo::start("browser");
    let page = |line: String| run(&format!("{line} -H 'Accept: text/html'"));
    let told = page(demo.first("200: a good"));
    assert!(
        told.contains("<tr><th>x-auth-subject</th><td>ann</td></tr>"),
        "{told}"
    );
    let open = page(demo.first("200: the page"));
    assert!(
        open.contains("text/html") && open.contains("<a href=\"/hello\">"),
        "{open}"
    );
    let refused = page(demo.first("401 no_credential"));
    assert!(
        refused.contains("text/html") && refused.contains("no_credential"),
        "{refused}"
    );
}

#[test]
fn with_json_it_says_the_same_to_a_program() {
    let demo = Demo::start_with("json", &["--json"], "{");
    let guide = serde_json::from_str::<Value>(&demo.said.concat()).unwrap();
    assert!(
        guide["configuration"]
            .as_str()
            .unwrap()
            .starts_with("config = 1\n")
    );
    let requests = guide["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 9);
    for request in requests {
        let url = request["url"].as_str().unwrap();
        let over_tls = url.starts_with("https://");
        assert!(
            over_tls || url.starts_with(guide["address"].as_str().unwrap()),
            "{guide}"
        );
        let mut command = Command::new("curl");
        command.args([
            "-s",
            "-i",
            "--noproxy",
            "*",
            "-X",
            request["method"].as_str().unwrap(),
        ]);
        for (name, value) in request["headers"].as_object().unwrap() {
            command.args(["-H", &format!("{name}: {}", value.as_str().unwrap())]);
        }
        if request["follows"] == true {
            command.args(["-L", "-b", ""]);
        }
        let of = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        for (option, name) in [
            ("--cacert", "authorities"),
            ("--cert", "certificate"),
            ("--key", "key"),
        ] {
            if !of(name).is_empty() {
                command.args([option, &of(name)]);
            }
        }
        let built = String::from_utf8(command.arg(url).output().unwrap().stdout).unwrap();
        for answer in [built, run(request["curl"].as_str().unwrap())] {
            let answer = last(&answer);
            let version = if over_tls { "2" } else { "1.1" };
            let status = format!("HTTP/{version} {} ", request["status"]);
            let reason = format!("\"reason\":{}", request["reason"]);
            assert!(answer.starts_with(&status), "{request}: {answer}");
            assert_eq!(
                answer.contains(&reason),
                request["status"] != 200,
                "{request}: {answer}"
            );
        }
    }
}

#[test]
fn two_demos_have_their_own_ports_and_keys() {
    let (one, other) = (Demo::start("one"), Demo::start("other"));
    let (mine, theirs) = (one.first("200: a good"), other.first("200: a good"));
    assert!(run(&mine).starts_with("HTTP/1.1 200 ") && run(&theirs).starts_with("HTTP/1.1 200 "));
    let at = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    assert_ne!(at(&mine), at(&theirs));
    let crossed = mine.replace(&at(&mine), &at(&theirs));
    assert!(
        run(&crossed).starts_with("HTTP/1.1 401 "),
        "a token of the one is a stranger's to the other"
    );
}

#[test]
fn it_is_ready_within_a_second_and_ends_at_ctrl_c_without_a_trace() {
    // A machine that is busy with other tests may be slow once.
    let quickest = (0..3).map(|_| Demo::start("second").took).min().unwrap();
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");

    let mut demo = Demo::start("trace");
    let files = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(files(&demo.temporary), 2, "its folder, and the log");
    demo.tell("-INT");
    let status = demo.child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    assert_eq!(files(&demo.temporary), 1, "its folder is gone");
}
