//! A shell in which a page's commands are given, one after the other, as a reader gives them.

use super::page::{Command, holds};
use crate::process::{Folder, Process, until};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// How often a question is asked before its answer is missing, and the time between two.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// Where a session takes place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: Folder,
    /// Strings of the page, and what they are here: addresses that are free, folders of this test's own.
    pub(super) replace: Vec<(String, String)>,
    /// Variables that the reader is told to have.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What the reader has running before.
    pub(super) running: Vec<Process>,
}

impl Place {
    /// What `text` of the page says here.
    pub(super) fn here(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (there, here) in &self.replace {
            text = text.replace(there, here);
        }
        text
    }

    /// The folder whose programs come before those of the machine.
    fn programs(&self) -> PathBuf {
        self.folder.0.join("bin")
    }

    /// Makes `script` a program of this place.
    pub(super) fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::create_dir_all(self.programs()).unwrap();
        let path = self.programs().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes one of the reader's files, with its folders.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.folder.0.join(self.here(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.here(text)).unwrap();
    }
}

/// The shell. What it started ends with it.
#[derive(Debug)]
pub(super) struct Shell {
    place: Place,
    child: Child,
    /// How many commands were given so far.
    given: usize,
}

impl Shell {
    pub(super) fn open(place: Place) -> Self {
        let path = std::env::var_os("PATH").unwrap();
        let path = format!("{}:{}", place.programs().display(), path.display());
        let mut command = std::process::Command::new("bash");
        command
            .arg("-s")
            .current_dir(&place.folder.0)
            .env("PATH", path)
            .env("STATE_DIRECTORY", place.folder.0.join("state"))
            .env("NO_PROXY", "*")
            .envs(place.variables.iter().map(|(name, value)| (*name, value)))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let mut shell = Self {
            place,
            child,
            given: 0,
        };
        shell.say("trap 'kill $(jobs -p)' EXIT");
        shell
    }

    /// Writes one of the page's files.
    pub(super) fn write(&self, file: &Path, text: &str) {
        self.place.write(&file.display().to_string(), text);
    }

    /// Gives one command and waits until it has said what the page shows. A question whose answer is shown is asked
    /// again until it comes, for what was started a moment ago may not be ready; everything else must succeed at once.
    pub(super) fn give(&mut self, command: &Command) {
        let line = self.place.here(&command.line);
        let shown = command
            .answers
            .iter()
            .map(|shown| self.place.here(shown))
            .collect::<Vec<_>>();
        let asks = line.starts_with("curl ");
        let mut told = String::new();
        for _ in 0..TRIES {
            let (status, said) = self.once(&line);
            if status == "0" && holds(&said, &shown) {
                return;
            }
            told = format!("`{line}` should have said {shown:?}. It ended with {status}, and said:\n{said}");
            assert!(asks, "{told}");
            std::thread::park_timeout(PAUSE);
        }
        panic!("{told}");
    }

    /// How the command ended, and what it said.
    fn once(&mut self, line: &str) -> (String, String) {
        self.given += 1;
        let name = |what: &str| format!("{what}.{}", self.given);
        let folder = self.place.folder.0.clone();
        let (output, status) = (folder.join(name("output")), folder.join(name("status")));
        let mut script = format!("{{ {line}\n}} >{} 2>&1\n", output.display());
        // Renamed when it is whole.
        let (half, whole) = (status.with_extension("half"), status.display());
        writeln!(
            script,
            "echo $? >{}; mv {} {whole}",
            half.display(),
            half.display()
        )
        .unwrap();
        self.say(&script);
        until(&format!("`{line}` ends"), || status.exists());
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        (read(status).trim().to_owned(), read(output))
    }

    fn say(&mut self, script: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{script}").unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Its trap ends what it started; what will not end is ended with the whole group.
        drop(self.child.stdin.take());
        let ended = (0..TRIES).any(|_| {
            std::thread::park_timeout(PAUSE);
            self.child.try_wait().is_ok_and(|ended| ended.is_some())
        });
        if !ended {
            let group = format!("-{}", self.child.id());
            let kill = std::process::Command::new("kill")
                .args(["-KILL", "--", &group])
                .status();
            drop((kill, self.child.wait()));
        }
    }
}
