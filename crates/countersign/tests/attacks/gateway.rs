//! The real gateway as the reverse proxy, and a client that sends bytes as they are.

use crate::application::Application;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How long an answer may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often a gateway that has just started is asked, and the time between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A secret for HS256.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What the attackers are after: a request that nobody allowed, to where only operators may go.
pub(crate) const SMUGGLED: &str = "GET /admin/x HTTP/1.1\r\nHost: app.test\r\n\r\n";
/// The last request of a connection.
pub(crate) const LAST: &str = "GET /public/last HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";

pub(crate) use countersign_testkit::folder::Folder;

/// A running gateway before an application: `/public/**` is open, the rest is for a token that nobody here has.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    /// Where it listens, in the order of its configuration.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) folder: Folder,
}

impl Gateway {
    /// Starts it before the application at `to`.
    pub(crate) fn before(to: SocketAddr) -> Self {
        let text = format!(
            "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n\
             [token.home]\nissuer = \"https://op.test\"\naudiences = [\"api\"]\nhmac_secret = {{ file = \"secret\" }}\n\
             [[route]]\nhosts = [\"app.test\"]\naccept = [\"token.home\"]\nto = \"http://{to}\"\n\
             [[route]]\nhosts = [\"app.test\"]\npaths = [\"/public/**\"]\naccept = [\"anonymous\"]\nto = \"http://{to}\"\n"
        );
        Self::start(&text)
    }

    /// Starts it by any configuration; beside it lies a file `secret`.
    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_with(configuration, &[("secret", SECRET)])
    }

    /// Starts it by any configuration, with files beside it.
    pub(crate) fn start_with(configuration: &str, files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        let configuration = folder.write("countersign.toml", configuration);
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("run")
            .arg("--config")
            .arg(configuration)
            .arg("--state")
            .arg(folder.0.join("state"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let listeners = listeners(&folder);
        let (mut addresses, mut said) = (Vec::new(), String::new());
        while addresses.len() < listeners {
            let start = said.len();
            assert!(log.read_line(&mut said).unwrap() > 0, "it did not start:\n{said}");
            let told = said[start..].split("listening: ").nth(1);
            let address = told.and_then(|told| told.split(' ').next());
            addresses.extend(address.map(|address| address.parse::<SocketAddr>().unwrap()));
        }
        // Somebody goes on reading, so that the log never stands still.
        drop(std::thread::spawn(move || {
            drop(std::io::copy(&mut log, &mut std::io::sink()));
        }));
        Self {
            child,
            addresses,
            folder,
        }
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What `countersign reload` says. It is given again until the gateway, which started a moment ago, is there for it.
    pub(crate) fn reload(&self) -> Output {
        for _ in 0..TRIES {
            let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
            command
                .args(["reload", "--state"])
                .arg(self.folder.0.join("state"));
            let output = command.output().unwrap();
            if !String::from_utf8_lossy(&output.stderr).contains("no gateway answers") {
                return output;
            }
            std::thread::park_timeout(PAUSE);
        }
        panic!("no gateway answers");
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addresses[0]).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends `bytes` on a connection of their own and reads until it is closed.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answers {
        let mut stream = self.connect();
        let (mut writer, bytes) = (stream.try_clone().unwrap(), bytes.to_vec());
        // A server may answer, and hang up, before it has read everything.
        let writer = std::thread::spawn(move || drop(writer.write_all(&bytes)));
        let mut text = Vec::new();
        let ended = stream.read_to_end(&mut text);
        if let Err(error) = ended {
            let reset = error.kind() == std::io::ErrorKind::ConnectionReset;
            assert!(reset, "{error} after {:?}", String::from_utf8_lossy(&text));
        }
        drop(stream);
        writer.join().unwrap();
        Answers::read(&text)
    }
}

/// How many sockets its configuration has.
fn listeners(folder: &Folder) -> usize {
    let text = std::fs::read(folder.0.join("countersign.toml")).unwrap();
    let text = String::from_utf8_lossy(&text);
    text.matches("[[listen]]").count() + text.matches("[status]").count()
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The answers on one connection.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) statuses: Vec<u16>,
    pub(crate) text: String,
}

impl Answers {
    fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).into_owned();
        let heads = text.split("HTTP/1.1 ").skip(1);
        let statuses = heads.filter_map(|head| head.get(..3)?.parse().ok());
        Self {
            statuses: statuses.filter(|status| *status != 100).collect(),
            text,
        }
    }

    /// How many of the requests reached the application.
    pub(crate) fn allowed(&self) -> usize {
        self.statuses.iter().filter(|status| **status == 200).count()
    }
}

/// Sends `bytes`, and holds whatever they are against what must be true of any: each request that the application saw
/// was allowed, is one of the open ones, and got the one answer there is for it.
pub(crate) fn sound(gateway: &Gateway, application: &Application, bytes: &[u8]) -> (Answers, usize) {
    let answers = gateway.send(bytes);
    let seen = application.take();
    let shown = String::from_utf8_lossy(bytes);
    for seen in &seen {
        assert!(seen.line.contains(" /public/"), "{shown:?} let {seen:?} through");
    }
    assert_eq!(
        answers.allowed(),
        seen.len(),
        "{shown:?}: {answers:?} for {seen:?}"
    );
    (answers, seen.len())
}
