//! The program itself, as built for release, started and asked by chores.

use crate::http::{Answer, Connection};
use crate::{Failure, process, target};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start, or an end, may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks at whether it answers.
const PAUSE: Duration = Duration::from_millis(1);

/// The program built for release.
pub(crate) fn program() -> PathBuf {
    target().join("release/countersign")
}

/// A port of loopback that is free now.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A gateway that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    log: PathBuf,
}

impl Gateway {
    /// Starts it; `log` gets what it writes.
    pub(crate) fn start(configuration: &Path, state: &Path, log: &Path) -> Result<Self, Failure> {
        Self::start_as(&program(), configuration, state, log)
    }

    /// The same of another build.
    pub(crate) fn start_as(
        program: &Path,
        configuration: &Path,
        state: &Path,
        log: &Path,
    ) -> Result<Self, Failure> {
        let output = std::fs::File::create(log)?;
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(configuration);
        let child = command
            .arg("--state")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Asks until there is an answer that `wanted` takes.
    pub(crate) fn until(
        &mut self,
        port: u16,
        head: &str,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut last = String::from("no answer");
        while begun.elapsed() < DEADLINE {
            match Connection::open(port).and_then(|mut connection| connection.ask(head)) {
                Ok(answer) if wanted(&answer) => return Ok(answer),
                Ok(answer) => last = format!("{} {}", answer.head, answer.text()),
                Err(error) => last = error.to_string(),
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the gateway ended with {status}: {}", self.written()).into());
            }
            std::thread::park_timeout(PAUSE);
        }
        Err(format!(
            "waited in vain; the last was {last}; it wrote: {}",
            self.written()
        )
        .into())
    }

    /// Waits for a line in its log that holds `words`.
    pub(crate) fn until_written(&self, words: &str) -> Result<String, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let written = self.written();
            if let Some(line) = written.lines().find(|line| line.contains(words)) {
                return Ok(line.to_owned());
            }
            std::thread::park_timeout(PAUSE);
        }
        Err(format!("it never wrote {words:?}: {}", self.written()).into())
    }

    /// What it has written.
    pub(crate) fn written(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        process::resident_kib(self.id())
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failure> {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status()?;
        if sent.success() {
            return Ok(());
        }
        Err(format!("SIG{name} did not arrive").into())
    }

    /// Kills it without a word (SIGKILL) and waits for it to be gone.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
