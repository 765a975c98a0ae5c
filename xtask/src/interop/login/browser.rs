//! A person's browser: Chromium, driven by playwright-core (`tests-node/browser.mjs`, which says what it can be told).

use super::site::command_of;
use crate::{Failure, repository, tools};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The browser. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Browser {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a tab shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) url: String,
    pub(super) status: u64,
    pub(super) title: String,
    pub(super) text: String,
    /// What the script came to.
    pub(super) value: Value,
}

impl Shown {
    fn of(answer: &Value) -> Self {
        let text = |name: &str| {
            let value = answer.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Self {
            url: text("url"),
            status: answer.get("status").and_then(Value::as_u64).unwrap_or(0),
            title: text("title"),
            text: text("text"),
            value: answer.get("value").cloned().unwrap_or_default(),
        }
    }

    /// The value of a header as the application shows it.
    pub(super) fn told(&self, header: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(name, _)| name.eq_ignore_ascii_case(header))
            .map(|(_, value)| value.trim())
    }

    /// Where it is, in few words.
    pub(super) fn place(&self) -> String {
        let url = self.url.split('?').next().unwrap_or_default();
        let text = self.text.lines().take(12).collect::<Vec<_>>().join(" / ");
        format!("{} {url} ({}): {text}", self.status, self.title)
    }
}

impl Browser {
    /// One that believes the authority `root`, if there is one; its home is made in `folder`.
    pub(super) fn start(folder: &Path, root: Option<&Path>) -> Result<Self, Failure> {
        let home = folder.join("home");
        let store = home.join(".pki/nssdb");
        std::fs::create_dir_all(&store)?;
        let store = format!("sql:{}", store.display());
        command_of("certutil", &["-d", &store, "-N", "--empty-password"])?;
        if let Some(root) = root {
            let root = root.display().to_string();
            command_of(
                "certutil",
                &["-d", &store, "-A", "-n", "root", "-t", "C,,", "-i", &root],
            )?;
        }
        let (node, _) = tools::node();
        let mut child = Command::new(node)
            .arg("browser.mjs")
            .current_dir(repository().join("tests-node"))
            .env("HOME", &home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut browser = Self { child, input, output };
        browser.answer()?;
        Ok(browser)
    }

    /// Gives a command.
    fn tell(&mut self, command: &Value) -> Result<Value, Failure> {
        let input = self.input.as_mut().ok_or("no standard input")?;
        writeln!(input, "{command}")?;
        let answer = self.answer()?;
        match answer.get("failed").and_then(Value::as_str) {
            None => Ok(answer),
            Some(why) => {
                let shown = self.look().map(|shown| shown.place()).unwrap_or_default();
                Err(format!("{command}: {why}; it shows {shown}").into())
            }
        }
    }

    /// What is shown, whatever it is.
    fn look(&mut self) -> Result<Shown, Failure> {
        let input = self.input.as_mut().ok_or("no standard input")?;
        writeln!(input, "{}", json!({ "do": "run", "script": "1" }))?;
        Ok(Shown::of(&self.answer()?))
    }

    fn answer(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("browser.mjs has ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Goes to `url`, wherever that leads.
    pub(super) fn go(&mut self, url: &str) -> Result<Shown, Failure> {
        Ok(Shown::of(&self.tell(&json!({ "do": "go", "url": url }))?))
    }

    /// Presses a button, or follows a link, and is where the URL begins with `until`.
    pub(super) fn press(&mut self, name: &str, until: &str) -> Result<Shown, Failure> {
        let command = json!({ "do": "press", "name": name, "until": until });
        Ok(Shown::of(&self.tell(&command)?))
    }

    /// What an expression comes to in the page that is shown.
    pub(super) fn run(&mut self, script: &str) -> Result<Value, Failure> {
        Ok(Shown::of(&self.tell(&json!({ "do": "run", "script": script }))?).value)
    }

    /// Fills in fields of a form, each by its selector.
    pub(super) fn fill(&mut self, fields: &[(&str, &str)]) -> Result<(), Failure> {
        for (selector, value) in fields {
            let (selector, value) = (json!(selector), json!(value));
            self.run(&format!("document.querySelector({selector}).value = {value}"))?;
        }
        Ok(())
    }

    /// Follows a link that the application's page might have.
    pub(super) fn follow(&mut self, to: &str, until: &str) -> Result<Shown, Failure> {
        let link = json!(format!("<a href=\"{to}\">A link</a>"));
        self.run(&format!("document.body.innerHTML = {link}"))?;
        self.press("A link", until)
    }

    /// What a script of the page that is shown is answered by an own address: JSON.
    pub(super) fn fetch(&mut self, method: &str, path: &str) -> Result<Value, Failure> {
        let (method, path) = (json!(method), json!(path));
        let script = format!(
            "fetch({path}, {{ method: {method}, headers: {{ Accept: 'application/json' }} }}).then((it) => it.json())"
        );
        self.run(&script)
    }

    /// From now on it is another person's.
    pub(super) fn anew(&mut self) -> Result<(), Failure> {
        self.tell(&json!({ "do": "anew" }))?;
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without input it ends by itself, and Chromium with it.
        drop(self.input.take());
        drop(self.child.wait());
    }
}
