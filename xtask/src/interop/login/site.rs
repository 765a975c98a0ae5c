//! Two sites of one application: Countersign as the proxy itself, and Countersign beside nginx as the example has it.

use super::service::Service;
use super::{Login, Provider, program};
use crate::gateway::{Gateway, free_port};
use crate::{Failure, repository};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which ports of loopback are whose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// The provider.
    pub(super) provider: u16,
    /// Countersign standing alone.
    pub(super) alone: u16,
    /// nginx.
    pub(super) secure: u16,
    /// Countersign beside nginx.
    pub(super) asked: u16,
    /// The application.
    pub(super) application: u16,
}

impl Ports {
    /// Ports that are free now.
    pub(super) fn free() -> Result<Self, Failure> {
        Ok(Self {
            provider: free_port()?,
            alone: free_port()?,
            secure: free_port()?,
            asked: free_port()?,
            application: free_port()?,
        })
    }

    /// A page of a host of the site that stands alone.
    pub(super) fn alone(self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.alone)
    }

    /// A page of the site beside nginx.
    pub(super) fn nginx(self, path: &str) -> String {
        format!("https://app.test:{}{path}", self.secure)
    }
}

/// Runs a command; what it writes is shown only if it fails.
pub(super) fn command_of(name: &str, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new(name).args(arguments).output();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} {}: {told}", arguments.join(" ")).into())
}

/// The application: shows every request as it arrived. Its threads end with the chore.
pub(super) fn application(port: u16) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever goes away in the middle is its own loss.
            std::thread::spawn(move || drop(show(stream)));
        }
    });
    Ok(())
}

fn show(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}",
        head.len()
    );
    reader.get_mut().write_all(answer.as_bytes())
}

/// Countersign as the proxy itself, over plain http for hosts that browsers take for their own machine. The
/// logins are the provider's.
pub(super) fn alone(folder: &Path, ports: Ports, provider: &dyn Provider) -> Result<Gateway, Failure> {
    let folder = folder.join("alone");
    std::fs::create_dir_all(&folder)?;
    secrets(&folder, provider)?;
    let issuer = provider.issuer();
    let mut text = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:{}\"\nspeak = \"reverse-proxy\"\n\
         [identity_headers]\npreset = \"x-auth\"\nadd = {{ X-Access-Token = \"access_token\" }}\n",
        ports.alone
    );
    for Login { name, options } in provider.logins() {
        let page = ports.alone(name, "/bye");
        let after = if provider.leads_back() {
            format!("after_logout = \"{page}\"\n")
        } else {
            String::new()
        };
        write!(
            text,
            "[login.{name}]\nissuer = \"{issuer}\"\ndanger_allow_http = true\n{after}{options}\n\
             [[route]]\nhosts = [\"{name}.localhost\"]\npaths = [\"/bye\"]\naccept = [\"anonymous\"]\nto = \"http://127.0.0.1:{0}\"\n\
             [[route]]\nhosts = [\"{name}.localhost\"]\naccept = [\"login.{name}\"]\nto = \"http://127.0.0.1:{0}\"\n",
            ports.application
        )?;
    }
    // Providers, unlike browsers, may not know where `keyed.localhost` is when they look for our keys.
    let names = provider.logins().into_iter();
    let names = names.map(|login| format!("\"login.{}\"", login.name));
    write!(
        text,
        "[[route]]\nhosts = [\"localhost\"]\naccept = [{}]\nto = \"http://127.0.0.1:{}\"\n",
        names.collect::<Vec<_>>().join(", "),
        ports.application
    )?;
    start(&folder, "countersign.toml", &text, ports.alone)
}

/// Countersign beside nginx: the example as it stands, but for ports and the provider.
pub(super) fn beside_nginx(
    folder: &Path,
    ports: Ports,
    provider: &dyn Provider,
) -> Result<(Gateway, Service, PathBuf), Failure> {
    let folder = folder.join("nginx");
    std::fs::create_dir_all(&folder)?;
    let mut replace = vec![
        (":8443", format!(":{}", ports.secure)),
        (":9180", format!(":{}", ports.asked)),
        (":9000", format!(":{}", ports.application)),
        (
            "issuer        = \"https://op.example\"",
            format!("issuer = \"{}\"\ndanger_allow_http = true", provider.issuer()),
        ),
        (
            "client_id     = \"app\"",
            format!("client_id = \"{}\"", provider.client().0),
        ),
        // nginx's own folders for bodies belong to root.
        (
            "http {\n",
            "http {\n    client_body_temp_path bodies;\n    proxy_temp_path answers;\n".to_owned(),
        ),
    ];
    if !provider.leads_back() {
        replace.push(("after_logout ", "# after_logout ".to_owned()));
    }
    copy(&repository().join("examples/nginx/login"), &folder, &replace)?;
    secrets(&folder, provider)?;
    let authority = folder.join("ca").display().to_string();
    for words in [
        ["init", "--name", "Example"].as_slice(),
        &["issue", "server", "app.test"],
    ] {
        let words = [&["ca"], words, &["--folder", &authority]].concat();
        command_of(&program().display().to_string(), &words)?;
    }
    for name in ["app.test.crt", "app.test.key"] {
        std::fs::copy(folder.join("ca/issued").join(name), folder.join(name))?;
    }
    let text = text_of(&folder.join("countersign.toml"))?;
    let gateway = start(&folder, "countersign.toml", &text, ports.asked)?;
    let mut nginx = Command::new("nginx");
    nginx
        .arg("-p")
        .arg(&folder)
        .args(["-c", "nginx.conf", "-g", "daemon off;"]);
    // Without TLS it says that it wants TLS.
    let nginx = Service::start(&mut nginx, &folder.join("nginx.log"), ports.secure, ("/", 400))?;
    Ok((gateway, nginx, folder.join("ca/root.crt")))
}

/// The credentials that configurations name, for our eyes only.
fn secrets(folder: &Path, provider: &dyn Provider) -> Result<(), Failure> {
    let key = folder.join("client-key.pem").display().to_string();
    std::fs::write(folder.join("client-secret"), provider.client().1)?;
    let words = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        &key,
    ];
    command_of("openssl", &words)?;
    for name in ["client-secret", "client-key.pem"] {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn start(folder: &Path, name: &str, text: &str, port: u16) -> Result<Gateway, Failure> {
    let configuration = folder.join(name);
    std::fs::write(&configuration, text)?;
    let (state, log) = (folder.join("state"), folder.join("countersign.log"));
    let mut gateway = Gateway::start_as(&program(), &configuration, &state, &log)?;
    let asks = "GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n";
    gateway.until(port, asks, |_| true)?;
    Ok(gateway)
}

fn text_of(file: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8(std::fs::read(file)?)?)
}

/// Copies a folder, with every occurrence of each text replaced.
fn copy(from: &Path, to: &Path, replace: &[(&str, String)]) -> Result<(), Failure> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&to)?;
            copy(&entry.path(), &to, replace)?;
            continue;
        }
        let text = replace
            .iter()
            .fold(text_of(&entry.path())?, |text, (old, new)| text.replace(old, new));
        std::fs::write(to, text)?;
    }
    Ok(())
}
