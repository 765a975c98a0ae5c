//! Programs that run beside the chore.

use crate::http::{self, Answer};
use crate::{Failure, process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take, on a busy machine too.
const START: Duration = Duration::from_mins(15);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A program with all its children; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it, its words in `log`, and waits until `port` answers with `status` when it is asked for `path` in plain
    /// HTTP.
    pub(super) fn start(
        command: &mut Command,
        log: &Path,
        port: u16,
        (path, status): (&str, u16),
    ) -> Result<Self, Failure> {
        let file = std::fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let mut service = Self {
            child,
            log: log.to_owned(),
        };
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        let begun = Instant::now();
        while !http::ask(port, &head).is_ok_and(|answer| answer.status == status) {
            if let Some(status) = service.child.try_wait()? {
                return Err(format!("{status}; its words are in {}", service.log.display()).into());
            }
            if begun.elapsed() > START {
                return Err(format!("no answer; its words are in {}", service.log.display()).into());
            }
            std::thread::park_timeout(PAUSE);
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        for process in process::tree(self.child.id()) {
            let mut kill = Command::new("kill");
            kill.args(["-KILL", &process.to_string()]);
            drop(kill.stderr(Stdio::null()).status());
        }
        drop(self.child.wait());
    }
}

/// Sends a body to an administrator's address of `port`, and has an answer that says yes.
pub(super) fn call(port: u16, line: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, Failure> {
    let more = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{body}",
        body.len(),
        more.collect::<String>()
    );
    let answer = http::ask(port, &head)?;
    if answer.status < 300 {
        return Ok(answer);
    }
    Err(format!("{line}: {} {}", answer.status, answer.text()).into())
}
