//! An example for certificates, running, with an authority of its own; and clients of it.

use crate::curl::{curl, succeed};
use crate::fronts::tls_port;
use crate::http::Answer;
use crate::process::{Folder, Process, free_addresses, until};
use crate::upstream::{Seen, Upstream};
use countersign_testkit::pki::{Authority, Key, Revocations, pem};
use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub(super) use crate::tls_front::Kind;

/// What the examples are for.
pub(super) const WHAT: &str = "certificates";
/// A client of the example's authority, without and with the group.
pub(super) const ANN: &str = "ann@example.org";
pub(super) const BOB: &str = "bob@ops.example.org";

/// An example with an application behind it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) kind: Kind,
    pub(super) folder: Folder,
    /// Where it speaks TLS, and where not.
    pub(super) secure: SocketAddr,
    pub(super) plain: SocketAddr,
    pub(super) upstream: Upstream,
    pub(super) gateway: Process,
    _proxy: Option<Process>,
}

impl Site {
    pub(super) fn start(kind: Kind) -> Self {
        Self::start_edited(kind, |_| ())
    }

    /// `edit` changes the copied files, authority and all, before anything starts.
    pub(super) fn start_edited(kind: Kind, edit: impl FnOnce(&Folder)) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let [plain, secure, asked] = free_addresses();
        let port = |there: u16, here: SocketAddr| (format!(":{there}"), format!(":{}", here.port()));
        let ports = [
            port(8080, plain),
            port(8443, secure),
            port(9180, asked),
            port(9000, upstream.address),
            tls_port(secure),
        ];
        let replace = ports.iter().map(|(there, here)| (there.as_str(), here.clone()));
        kind.copy(WHAT, &folder, &replace.collect::<Vec<_>>());
        ca(&folder, &["init", "--name", "Example"]);
        ca(&folder, &["issue", "server", "app.test"]);
        for client in [ANN, BOB] {
            ca(&folder, &["issue", "client", client]);
        }
        edit(&folder);
        let own = if kind == Kind::Standalone { secure } else { asked };
        let gateway = kind.gateway(WHAT, &folder, own);
        let proxy = kind.front(&folder, secure);
        let site = Self {
            kind,
            folder,
            secure,
            plain,
            upstream,
            gateway,
            _proxy: proxy,
        };
        if kind == Kind::Traefik {
            // It listens before it has read its routers, and then answers 404 for itself.
            until("Traefik has read its routers", || {
                let asked = site.try_get("/.countersign/whoami", None, &["-k"]);
                asked.is_ok_and(|answer| answer.status != 404)
            });
        }
        site
    }

    /// Ends the gateway, and starts it anew with the same state.
    pub(super) fn restart(mut self) -> Self {
        self.gateway.end();
        self.gateway = self.kind.gateway(WHAT, &self.folder, self.secure);
        self
    }

    /// What curl gets for `path`, with a certificate of the example's authority or none, and these options besides.
    pub(super) fn get(&self, path: &str, who: Option<&str>, options: &[&str]) -> Answer {
        let own = who.map(|who| format!("ca/issued/{who}"));
        self.get_with(path, own.as_deref(), options)
    }

    /// The same; certificate and key are files of this name, `.crt` and `.key`.
    pub(super) fn get_with(&self, path: &str, files: Option<&str>, options: &[&str]) -> Answer {
        let got = self.try_get(path, files, options);
        got.unwrap_or_else(|told| panic!("{path} with {files:?} {options:?}: {told}"))
    }

    fn try_get(&self, path: &str, files: Option<&str>, options: &[&str]) -> Result<Answer, String> {
        let url = format!("https://app.test:{}{path}", self.secure.port());
        let mut command = curl(&self.folder);
        command
            .args(["-i", "--connect-to", &format!("::{}", self.secure)])
            .args(options);
        if let Some(files) = files {
            let (certificate, key) = (format!("{files}.crt"), format!("{files}.key"));
            command.args(["--cert", &certificate, "--key", &key]);
        }
        let output = command.arg(&url).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer = Answer::read(&mut output.stdout.as_slice(), false);
        answer.map_err(|error| format!("{url}: {error}; curl says {told}"))
    }

    /// What reached the application since it was last asked: one request.
    pub(super) fn seen(&self) -> Seen {
        self.upstream.take_one()
    }

    /// A connection with a certificate, kept open; by the name `app.test`, unless the options say another or none.
    pub(super) fn connect(&self, files: &str, options: &[&str]) -> Connection {
        Connection::open(self.client(files, options))
    }

    /// What sends on with a certificate what it reads, and writes what comes back.
    pub(super) fn client(&self, files: &str, options: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-quiet", "-connect", &self.secure.to_string()])
            .args(["-CAfile", "ca/root.crt", "-verify_return_error"])
            .args(["-cert", &format!("{files}.crt"), "-key", &format!("{files}.key")])
            .args(options)
            .current_dir(&self.folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if !options.iter().any(|option| option.ends_with("servername")) {
            command.args(["-servername", "app.test"]);
        }
        command
    }
}

/// Requests and answers, one after the other, by `openssl s_client`.
#[derive(Debug)]
pub(super) struct Connection {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Answer>,
}

impl Connection {
    fn open(mut command: Command) -> Self {
        let mut child = command.spawn().expect("openssl: run `cargo xtask tools`");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (told, answers) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Ok(answer) = Answer::read(&mut output, false) {
                drop(told.send(answer));
            }
        });
        Self {
            child,
            input,
            answers,
        }
    }

    /// The next answer on this very connection.
    pub(super) fn get(&mut self, path: &str) -> Answer {
        write!(
            self.input,
            "GET {path} HTTP/1.1\r\nHost: app.test\r\nAccept: application/json\r\n\r\n"
        )
        .unwrap();
        self.input.flush().unwrap();
        let answer = self.answers.recv_timeout(Duration::from_secs(20));
        answer.expect("an answer on the open connection")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

pub(crate) fn ca(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    succeed(command.arg("ca").args(arguments).current_dir(&folder.0))
}

pub(crate) fn openssl(folder: &Folder, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    succeed(command.args(arguments.split(' ')).current_dir(&folder.0))
}

/// An authority that the example believes besides its own, with a revocation list on which nobody is.
pub(super) fn another_authority(folder: &Folder) -> Authority {
    let authority = Authority::root("Another", Key(1));
    let list = Revocations::of(&[]).updated("20250101000000Z", Some("20350101000000Z"));
    append(&folder.0.join("ca/authorities.pem"), &authority.pem());
    append(
        &folder.0.join("ca/crls.pem"),
        &pem("X509 CRL", &authority.revoke(&list)),
    );
    authority
}

/// Writes a certificate and its key as `name.crt` and `name.key`.
pub(crate) fn keep(folder: &Folder, name: &str, certificate: &[u8], key: Key) {
    folder.write(&format!("{name}.crt"), pem("CERTIFICATE", certificate));
    folder.write(&format!("{name}.key"), key.pem());
}

fn append(file: &Path, text: &str) {
    let mut whole = crate::fronts::read(file);
    whole.write_str(text).unwrap();
    std::fs::write(file, whole).unwrap();
}
