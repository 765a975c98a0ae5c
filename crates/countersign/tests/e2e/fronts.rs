//! The front proxies, started with the files of `examples/` as they stand: only addresses and the issuer are replaced,
//! by the exact strings that the examples name.

use crate::http::{Address, Answer, Request};
use crate::issuer::Issuer;
use crate::process::{Folder, Process, free_addresses, is_roots, repository, tool, until, until_open};
use crate::upstream::Upstream;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Who stands in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// nginx asking over TCP.
    Nginx,
    /// nginx asking over a unix socket.
    NginxUnix,
    Caddy,
    Traefik,
    /// The gateway itself.
    Standalone,
}

impl Kind {
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxUnix => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Standalone => "standalone",
        }
    }

    /// The gateway's configuration in the example's folder.
    pub(crate) const fn configuration(self) -> &'static str {
        match self {
            Self::NginxUnix => "countersign-unix.toml",
            Self::Nginx | Self::Caddy | Self::Traefik | Self::Standalone => "countersign.toml",
        }
    }
}

/// A front proxy, the gateway it asks, and the application behind.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) kind: Kind,
    pub(crate) upstream: Upstream,
    /// Where the gateway listens.
    pub(crate) gateway_address: Address,
    address: Address,
    /// The program in front; none when the gateway is it.
    proxy: Option<Process>,
    gateway: Option<Process>,
    pub(crate) folder: Folder,
}

impl Front {
    /// Starts the example of `kind` with tokens of `issuer`.
    pub(crate) fn start(kind: Kind, issuer: &Issuer) -> Self {
        Self::start_edited(kind, issuer, |_| ())
    }

    /// As [`Self::start`]; `edit` changes the copied files before anything starts.
    pub(crate) fn start_edited(kind: Kind, issuer: &Issuer, edit: impl FnOnce(&Path)) -> Self {
        let upstream = Upstream::start();
        let folder = Folder::new();
        let [front, asked] = free_addresses();
        let socket = folder.0.join("auth.sock");
        let from = repository().join("examples").join(kind.folder());
        let replace = [
            ("127.0.0.1:8080", front.to_string()),
            ("127.0.0.1:9180", asked.to_string()),
            ("127.0.0.1:9000", upstream.address.to_string()),
            (
                "http://app.test:8080",
                format!("http://app.test:{}", front.port()),
            ),
            (
                "unix:/run/countersign/auth.sock",
                format!("unix:{}", socket.display()),
            ),
            ("issuer     = \"https://op.example\"", configured_issuer(issuer)),
        ];
        copy(&from, &folder.0, &replace);
        for file in ["nginx.conf", "nginx-unix.conf"].map(|file| folder.0.join(file)) {
            if file.exists() {
                own_bodies(&file);
            }
        }
        if kind == Kind::NginxUnix && !is_roots(&folder) {
            // Only root gives sockets away; without root the workers run as the same user, and need no group.
            change(
                &folder.0.join(kind.configuration()),
                "owner         = \":www-data\"",
                "",
            );
        }
        edit(&folder.0);
        let gateway_address = match kind {
            Kind::NginxUnix => Address::Unix(socket),
            Kind::Nginx | Kind::Caddy | Kind::Traefik => Address::Tcp(asked),
            Kind::Standalone => Address::Tcp(front),
        };
        let mut started = Self {
            kind,
            upstream,
            gateway_address,
            address: Address::Tcp(front),
            proxy: None,
            gateway: None,
            folder,
        };
        started.start_gateway();
        started.start_proxy(front);
        started.upstream.take();
        started
    }

    /// Starts the gateway, again after [`Self::end_gateway`], and waits until it listens.
    pub(crate) fn start_gateway(&mut self) {
        let configuration = self.folder.0.join(self.kind.configuration());
        let mut gateway = gateway(&configuration, &self.folder.0.join("state"));
        until("the gateway listens", || {
            gateway.must_run();
            match &self.gateway_address {
                Address::Tcp(address) => std::net::TcpStream::connect(address).is_ok(),
                Address::Unix(path) => std::os::unix::net::UnixStream::connect(path).is_ok(),
            }
        });
        self.gateway = Some(gateway);
    }

    pub(crate) fn end_gateway(&mut self) {
        self.gateway.take().unwrap().end();
    }

    pub(crate) fn gateway(&self) -> &Process {
        self.gateway.as_ref().unwrap()
    }

    fn start_proxy(&mut self, front: SocketAddr) {
        let folder = &self.folder.0;
        let (name, mut command) = match self.kind {
            Kind::Nginx => ("nginx", nginx(folder, "nginx.conf")),
            Kind::NginxUnix => ("nginx", nginx(folder, "nginx-unix.conf")),
            Kind::Caddy => ("caddy", caddy(folder)),
            Kind::Traefik => ("traefik", traefik()),
            Kind::Standalone => return,
        };
        let mut proxy = Process::start(name, command.current_dir(folder));
        until_open(&mut proxy, front);
        self.proxy = Some(proxy);
        if self.kind == Kind::Traefik {
            // It listens before it has read its routers, and then answers 404 for itself.
            let routed = |host: &str| {
                let asked = Request::get("/", host).send(&self.address);
                asked.status != 404 || asked.header("X-Countersign-Refusal").is_some()
            };
            until("Traefik has read its routers", || {
                routed("app.test") || routed("adm.test")
            });
        }
    }

    /// Sends a request to whoever is in front.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.send(&self.address)
    }

    /// As [`Self::send`]; none when nobody answers.
    pub(crate) fn try_send(&self, request: &Request) -> Option<Answer> {
        request.try_send(&self.address).ok()
    }
}

/// The reason code that an answer tells a program (`Accept: application/json`), empty when it tells none.
pub(crate) fn reason(answer: &Answer) -> String {
    let problem = serde_json::from_str::<serde_json::Value>(&answer.body).unwrap_or_default();
    problem["reason"].as_str().unwrap_or_default().to_owned()
}

/// The real gateway.
pub(crate) fn gateway(configuration: &Path, state: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("run")
        .arg("--config")
        .arg(configuration)
        .arg("--state")
        .arg(state);
    Process::start("countersign", &mut command)
}

/// Where an example sends clients that came in the clear, and where they are to go here.
pub(crate) fn tls_port(secure: SocketAddr) -> (String, String) {
    let line = |port| format!("https_port = {port}");
    (line(8443), line(secure.port()))
}

/// nginx with the configuration `file` of `folder`.
pub(crate) fn nginx(folder: &Path, file: &str) -> Command {
    let mut nginx = Command::new("nginx");
    nginx
        .arg("-p")
        .arg(folder)
        .args(["-c", file, "-g", "daemon off;"]);
    nginx
}

/// Caddy with the configuration of its working directory. It keeps its own files in `folder`.
pub(crate) fn caddy(folder: &Path) -> Command {
    let mut caddy = tool("caddy");
    caddy.arg("run");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        caddy.env(name, folder);
    }
    caddy
}

/// Traefik with the configuration of its working directory.
pub(crate) fn traefik() -> Command {
    let mut traefik = tool("traefik");
    traefik.arg("--configfile=traefik.yml");
    traefik
}

/// Has nginx keep bodies in a folder of its own: each nginx that starts takes the machine's for its user, and so from those
/// that run.
pub(crate) fn own_bodies(configuration: &Path) {
    change(
        configuration,
        "http {\n",
        "http {\n    client_body_temp_path bodies;\n    proxy_temp_path answers;\n",
    );
}

/// The lines of a token table that name `issuer`, on loopback and in the clear.
pub(crate) fn configured_issuer(issuer: &Issuer) -> String {
    format!("issuer = \"{}\"\ndanger_allow_http = true", issuer.url)
}

/// Copies a folder of examples, with every occurrence of each string replaced.
pub(crate) fn copy(from: &Path, to: &Path, replace: &[(&str, String)]) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to, replace);
            continue;
        }
        let mut text = read(&entry.path());
        for (old, new) in replace {
            text = text.replace(old, new);
        }
        std::fs::write(to, text).unwrap();
    }
}

/// The text of a file.
pub(crate) fn read(file: &Path) -> String {
    String::from_utf8(std::fs::read(file).unwrap()).unwrap()
}

/// Replaces `old`, which must be there, in one file.
pub(crate) fn change(file: &Path, old: &str, new: &str) {
    let text = read(file);
    assert!(text.contains(old), "{} does not hold {old:?}", file.display());
    std::fs::write(file, text.replace(old, new)).unwrap();
}
