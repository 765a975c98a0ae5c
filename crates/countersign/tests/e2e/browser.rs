//! A person's browser: Chromium, driven by playwright-core (`tests-node/browser.mjs`).

use crate::process::{Folder, repository, tool};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a command may take, on a busy machine too.
const DEADLINE: Duration = Duration::from_mins(2);

/// How long its end is waited for, in polls of [`PAUSE`].
const POLLS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// A home folder whose browsers believe the authority that `countersign ca` has made in `desk`.
pub(crate) fn home(desk: &Folder) -> Folder {
    let home = Folder::new();
    std::fs::create_dir_all(home.0.join(".pki/nssdb")).unwrap();
    nss(&home, "certutil", &["-N", "--empty-password"]);
    let root = desk.path("ca/root.crt");
    nss(&home, "certutil", &["-A", "-n", "root", "-t", "C,,", "-i", &root]);
    home
}

/// A program about the store of `home`.
pub(crate) fn nss(home: &Folder, program: &str, arguments: &[&str]) {
    let store = format!("sql:{}", home.path(".pki/nssdb"));
    let mut command = Command::new(program);
    let output = command.args(["-d", &store]).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} ({error}): run `cargo xtask tools`"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
}

/// The browser. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    _home: Folder,
}

/// What a tab shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) url: String,
    pub(crate) status: u64,
    pub(crate) title: String,
    pub(crate) text: String,
    /// What its console calls errors, since it was last asked.
    pub(crate) errors: Vec<String>,
    /// What the script came to.
    pub(crate) value: Value,
}

impl Shown {
    fn of(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let errors = answer["errors"].as_array().unwrap().iter();
        Self {
            url: text("url"),
            status: answer["status"].as_u64().unwrap(),
            title: text("title"),
            text: text("text"),
            errors: errors.map(|error| error.as_str().unwrap().to_owned()).collect(),
            value: answer["value"].clone(),
        }
    }
}

impl Browser {
    /// One that believes the authority in `desk`, and goes to this machine for every host of `.test`.
    pub(crate) fn start(desk: &Folder) -> Self {
        Self::start_at(home(desk))
    }

    /// One whose home folder this is.
    pub(crate) fn start_at(home: Folder) -> Self {
        let folder = repository().join("tests-node");
        assert!(
            folder.join("node_modules/playwright-core").exists(),
            "playwright-core is missing: run `cargo xtask tools`"
        );
        let mut command = tool("node");
        command
            .arg("browser.mjs")
            .current_dir(folder)
            .env("HOME", &home.0)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (told, answers) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for line in lines {
                drop(told.send(line));
            }
        });
        let mut browser = Self {
            child,
            input: Some(input),
            answers,
            _home: home,
        };
        assert_eq!(browser.answer(), json!({ "ready": true }));
        browser
    }

    /// Gives a command.
    fn tell(&mut self, command: &Value) -> Value {
        writeln!(self.input.as_ref().unwrap(), "{command}").unwrap();
        let answer = self.answer();
        assert_eq!(answer.get("failed"), None, "{command}");
        answer
    }

    fn answer(&mut self) -> Value {
        let line = self.answers.recv_timeout(DEADLINE);
        serde_json::from_str(&line.expect("browser.mjs answers")).unwrap()
    }

    /// Gives a command about the only tab.
    pub(crate) fn does(&mut self, command: &Value) -> Shown {
        Shown::of(&self.tell(command))
    }

    /// Goes to `url`, wherever that leads.
    pub(crate) fn go(&mut self, url: &str) -> Shown {
        self.does(&json!({ "do": "go", "url": url }))
    }

    /// Signs in at the provider, whose form is shown, and is back where the URL begins with `until`.
    pub(crate) fn sign_in(&mut self, name: &str, until: &str) -> Shown {
        self.does(&json!({ "do": "sign in", "as": name, "until": until }))
    }

    /// Presses a button, or follows a link, and is where the URL begins with `until`.
    pub(crate) fn press(&mut self, name: &str, until: &str) -> Shown {
        self.does(&json!({ "do": "press", "name": name, "until": until }))
    }

    /// Sends a form by POST.
    pub(crate) fn send(&mut self, to: &str) -> Shown {
        self.does(&json!({ "do": "send", "to": to }))
    }

    /// What an expression comes to in the page that is shown.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        self.does(&json!({ "do": "run", "script": script })).value
    }

    /// Opens all of `urls` at once, each in a tab of its own, and signs in wherever it is asked to.
    pub(crate) fn tabs(&mut self, urls: &[String], name: &str) -> Vec<Shown> {
        let all = self.tell(&json!({ "do": "tabs", "urls": urls, "as": name }));
        all.as_array().unwrap().iter().map(Shown::of).collect()
    }

    /// Names and values of the cookies it keeps for `url`.
    pub(crate) fn cookies(&mut self, url: &str) -> Vec<Value> {
        let kept = self.does(&json!({ "do": "cookies", "url": url })).value;
        kept.as_array().unwrap().clone()
    }

    /// From now on it is another person's.
    pub(crate) fn anew(&mut self) {
        self.tell(&json!({ "do": "anew" }));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without input it ends by itself; Chromium ends with what drives it in any case.
        drop(self.input.take());
        let ended = (0..POLLS).any(|_| {
            std::thread::park_timeout(PAUSE);
            self.child.try_wait().is_ok_and(|ended| ended.is_some())
        });
        if !ended {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
