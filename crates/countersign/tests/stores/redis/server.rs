//! A real server, with a password, on the loopback.

use super::{at, opened};
use countersign_core::secret::Secret;
use countersign_core::session::SessionStore;
use countersign_edge::store::redis::Settings;
use countersign_testkit::folder::Folder;
use countersign_testkit::pki::{Authority, Key, Template, pem};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const PASSWORD: &str = "correct horse battery staple";

const SOCKET: &str = "redis.sock";

/// A process, ended when nobody has it any more.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server, ended with the test.
pub(crate) struct Server {
    process: Option<Process>,
    pub(super) port: u16,
    folder: Folder,
    words: Vec<String>,
}

impl Server {
    /// One with a password and without TLS.
    pub(crate) fn plain() -> Self {
        Self::start(Folder::new(), &["--port"], &[])
    }

    /// One with TLS, whose certificate is `authority`'s and for `localhost`.
    pub(super) fn with_tls(authority: &Authority) -> Self {
        let folder = Folder::new();
        let certificate = authority.issue(&Template::server("localhost", Key(2)));
        folder.write("server.crt", pem("CERTIFICATE", &certificate));
        folder.write("server.key", Key(2).pem());
        let (certificate, key) = (folder.path("server.crt"), folder.path("server.key"));
        let more = [
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &certificate],
            ["--tls-auth-clients", "no"],
        ];
        Self::start(folder, &["--port", "0", "--tls-port"], more.as_flattened())
    }

    /// One with a password at a socket alone: of two ports the later counts, and it is none.
    pub(super) fn at_a_socket() -> Self {
        let folder = Folder::new();
        let socket = folder.path(SOCKET);
        Self::start(
            folder,
            &["--unixsocket", &socket, "--unixsocketperm", "700", "--port"],
            &["--port", "0"],
        )
    }

    fn start(folder: Folder, port_options: &[&str], more: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        // Another may take the port between the look and the start.
        for _ in 0..10 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let mut words = owned(port_options);
            words.push(port.to_string());
            words.extend(owned(more));
            if let Some(process) = started(&folder, &words) {
                return Self {
                    process: Some(process),
                    port,
                    folder,
                    words,
                };
            }
        }
        let log = std::fs::read(folder.path("log")).unwrap_or_default();
        panic!("redis-server does not start:\n{}", String::from_utf8_lossy(&log));
    }

    pub(super) fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Starts anew, at the same port, with nothing kept.
    pub(super) fn restart(&mut self) {
        self.process = started(&self.folder, &self.words);
        assert!(self.process.is_some(), "it starts again");
    }

    pub(super) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let id = self.process.as_ref().unwrap().0.id().to_string();
        assert!(kill.arg(format!("-{name}")).arg(id).status().unwrap().success());
    }

    /// What a command is answered, to one who has logged in.
    pub(super) fn told(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let words = format!("AUTH \"{PASSWORD}\"\r\nSELECT 3\r\n{command}\r\nQUIT\r\n");
        stream.write_all(words.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let answer = answer.strip_prefix("+OK\r\n+OK\r\n").unwrap_or(&answer);
        answer.strip_suffix("\r\n+OK\r\n").unwrap_or(answer).to_owned()
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..at(&format!("redis://127.0.0.1:{}/3", self.port))
        }
    }

    pub(super) fn at_its_socket(&self) -> Settings {
        Settings {
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..at(&format!("unix://{}?db=3", self.folder.path(SOCKET)))
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn SessionStore> {
        opened(self.settings())
    }
}

/// A server that says it is ready; none when it ended instead.
fn started(folder: &Folder, words: &[String]) -> Option<Process> {
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--databases",
            "4",
        ])
        .args(["--requirepass", PASSWORD, "--dir"])
        .arg(&folder.0)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = command.spawn();
    let child = child.map_err(|error| format!("redis-server: {error}; `cargo xtask tools` installs it"));
    let mut process = Process(child.unwrap());
    let mut output = BufReader::new(process.0.stdout.take().unwrap());
    let mut said = String::new();
    loop {
        let start = said.len();
        if output.read_line(&mut said).unwrap() == 0 {
            folder.write("log", &said);
            return None;
        }
        if said[start..].contains("eady to accept connections") {
            // Nobody reads what it says from here on, and it must not be held up by that.
            drop(std::thread::spawn(move || {
                std::io::copy(&mut output, &mut std::io::sink())
            }));
            return Some(process);
        }
    }
}
