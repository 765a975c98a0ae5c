//! A folder and a running gateway of one test.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

pub(crate) use countersign_testkit::folder::Folder;

pub(crate) fn countersign() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A running gateway; ended when the test is over.
pub(crate) struct Gateway {
    child: Child,
    said: BufReader<ChildStderr>,
    state: PathBuf,
}

impl Gateway {
    pub(crate) fn start(folder: &Folder, config: &Path) -> Self {
        Self::start_by(countersign(), folder, config)
    }

    /// Starts `command`, which is the program or something that becomes it.
    pub(crate) fn start_by(mut command: Command, folder: &Folder, config: &Path) -> Self {
        let state = folder.0.join("state");
        command.arg("run").arg("--config").arg(config);
        command.arg("--state").arg(&state);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said, state }
    }

    /// The next line that holds `word`.
    pub(crate) fn line(&mut self, word: &str) -> String {
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

    /// The address the next line about a listener tells.
    pub(crate) fn listening(&mut self) -> SocketAddr {
        let line = self.line("listening");
        let mut words = line.split([' ', '"']);
        words.find_map(|word| word.parse().ok()).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let id = self.child.id().to_string();
        assert!(kill.arg(format!("-{name}")).arg(id).status().unwrap().success());
    }

    pub(crate) fn reload(&self) -> Output {
        let mut command = countersign();
        command.arg("reload").arg("--state").arg(&self.state);
        command.output().unwrap()
    }

    /// Reloads, which succeeds, and answers with what was said.
    pub(crate) fn takes(&self) -> String {
        let taken = self.reload();
        assert!(taken.status.success(), "{}", text(&taken.stderr));
        text(&taken.stdout)
    }

    /// Reloads, which is refused, and answers with what was said.
    pub(crate) fn refuses(&self) -> String {
        let refused = self.reload();
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
        text(&refused.stderr)
    }

    /// What is still said, and whether the end was a good one.
    pub(crate) fn end(mut self) -> (String, bool) {
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

pub(crate) const PLAIN: &str = "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n\n\
                     [[route]]\nendpoint = \"/auth\"\naccept = \"anonymous\"\n";

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An address on loopback that was free a moment ago. It is not the one that clients connect from: any of them could have
/// the port by the time it is listened on.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

/// How long an answer may take before the test is over.
const PATIENCE: Duration = Duration::from_secs(20);

trait Stream: Read + Write {}

impl Stream for TcpStream {}

impl Stream for UnixStream {}

/// A connection that is kept for one request after another.
pub(crate) struct Client(BufReader<Box<dyn Stream>>);

impl Client {
    pub(crate) fn tcp(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(Box::new(stream)))
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(Box::new(stream)))
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn send(&mut self, path: &str, headers: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    /// The status and the body of the next answer; `None` when the connection ended instead.
    pub(crate) fn answer(&mut self) -> Option<(u16, String)> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            // A connection that is cut may end in an error as well.
            if !self.0.read_line(&mut head).is_ok_and(|read| read > 0) {
                return None;
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap_or("0");
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        Some((status, text(&body)))
    }

    /// The status of the answer to a request for `path`.
    pub(crate) fn ask(&mut self, path: &str) -> Option<u16> {
        self.send(path, "");
        self.answer().map(|(status, _)| status)
    }

    /// The body of the answer to a request for `path`.
    pub(crate) fn read(&mut self, path: &str) -> String {
        self.send(path, "");
        self.answer().unwrap().1
    }
}

/// Whether somebody accepts connections there.
pub(crate) fn is_open(at: SocketAddr) -> bool {
    TcpStream::connect(at).is_ok()
}

/// What git says of the commit this is built from, when it is the repository of these sources.
pub(crate) fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| text(&output.stdout).trim().to_owned())
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let own = Path::new(&top).canonicalize().unwrap() == root.canonicalize().unwrap();
    git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| own)
}
