//! `countersign demo`: the first minute. An issuer and an application in this very process, and the gateway before it,
//! started from a configuration text by the same way as everybody's.

use crate::config::{Environment, Sources};
use crate::output::Output;
use crate::run::{Origin, Plan, RunError, Running, Signals};
use certificates::Files;
use countersign_edge::listen::SystemdSockets;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::{SignError, SigningKey};
use guide::{Guide, Party};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use workplace::Workplace;

mod certificates;
mod guide;
mod site;
mod workplace;

/// The key id that good and forged tokens name.
const KID: &str = "demo";
/// Where the gateway would like to be.
const GATEWAY: u16 = 8420;
/// Where the gateway would like to be over TLS.
const SECURE: u16 = 8423;
/// Where the issuer would like to be.
const ISSUER: u16 = 8421;
/// Where the application would like to be.
const APPLICATION: u16 = 8422;
/// What is added to the configuration where programs read along.
const LOG_AS_JSON: &str = "\n[log]\nformat = \"json\"\n";
/// How often a port is looked for: between finding one and taking it, another program may.
const ATTEMPTS: usize = 5;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("no port on loopback, or no temporary folder: {0}")]
    Machine(#[from] std::io::Error),
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    #[error("no key could be made: {0}")]
    Key(#[from] SignError),
    #[error("{0}")]
    Run(#[from] RunError),
}

/// Runs the demo until it is told to stop.
pub(super) fn run(json: bool, out: &mut Output) -> ExitCode {
    match demonstrate(json, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error_line(&format!("countersign cannot go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(json: bool, out: &mut Output) -> Result<(), DemoError> {
    // It goes after the runtime has ended, and with it whatever still writes there.
    let workplace = Workplace::make()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(demo(&workplace, json, out))
}

async fn demo(workplace: &Workplace, json: bool, out: &mut Output) -> Result<(), DemoError> {
    let signals = Signals::hear()?;
    let (issuer, application) = (listener(ISSUER)?, listener(APPLICATION)?);
    let key = SigningKey::generate(Algorithm::Es256)?;
    let party = Party {
        issuer: format!("http://{}", issuer.local_addr()?),
        stranger: SigningKey::generate(Algorithm::Es256)?,
        key,
    };
    let application_at = application.local_addr()?;
    let jwk = party.key.public_jwk(KID).ok_or(SignError::Key)?;
    site::serve(issuer, site::issuer(&party.issuer, &jwk))?;
    site::serve(application, site::application())?;
    let log = if json { LOG_AS_JSON } else { "" };
    let files = certificates::make(workplace.path())?;
    let around = Around {
        issuer: &party.issuer,
        application: application_at,
        files: &files,
        folder: workplace.path(),
    };
    let (running, at, text) = start(&around, log).await?;
    let guide = Guide::new(text, at, &party, &files)?;
    if json {
        out.line(&guide.as_json().to_string());
    } else {
        guide.lines().iter().for_each(|line| out.line(line));
    }
    running.until(signals).await;
    Ok(())
}

/// What the gateway stands among.
#[derive(Clone, Copy, Debug)]
struct Around<'a> {
    issuer: &'a str,
    application: SocketAddr,
    files: &'a Files,
    folder: &'a Path,
}

/// Where the gateway is: in the clear, and over TLS.
#[derive(Clone, Copy, Debug)]
struct At {
    clear: SocketAddr,
    secure: SocketAddr,
}

/// Starts the gateway: where it is, and its configuration.
async fn start(around: &Around<'_>, log: &str) -> Result<(Running, At, String), DemoError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        // The port is only found here: the gateway takes it by its configuration, as everybody's does.
        let wished = |port| listener(if attempt == 1 { port } else { 0 });
        let (clear, secure) = (wished(GATEWAY)?, wished(SECURE)?);
        let at = At {
            clear: clear.local_addr()?,
            secure: secure.local_addr()?,
        };
        drop((clear, secure));
        let text = configuration(at, around) + log;
        let plan = Plan {
            origin: Origin::Text(Sources::text("demo.toml", &text)),
            state: Some(around.folder.to_owned()),
            systemd: SystemdSockets::default(),
            environment: Arc::new(files_of(around.folder)),
        };
        match Running::start(plan).await {
            Ok(running) => return Ok((running, at, text)),
            Err(error) if attempt >= ATTEMPTS => return Err(error.into()),
            Err(_) => {}
        }
    }
}

/// Its own files, and nothing else of this machine.
fn files_of(folder: &Path) -> Environment {
    let folder = folder.to_owned();
    let read = move |path: &Path| {
        if path.starts_with(&folder) {
            std::fs::read(path)
        } else {
            Err(std::io::ErrorKind::NotFound.into())
        }
    };
    Environment {
        read: Box::new(read),
        now: Environment::real().now,
        ..Environment::empty()
    }
}

/// The port wished for, or any that is free.
fn listener(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
}

fn configuration(At { clear, secure }: At, around: &Around<'_>) -> String {
    let Around {
        issuer,
        application,
        files,
        ..
    } = around;
    let [authorities, server, key] =
        [&files.authorities, &files.server, &files.server_key].map(|path| path.display());
    let port = secure.port();
    format!(
        r#"config = 1

[[listen]]
address = "{clear}"
speak   = "reverse-proxy"

[[listen]]                          # the same over TLS, where clients are asked for a certificate
address = "{secure}"
speak   = "reverse-proxy"

[[listen.host]]
names               = ["localhost", "127.0.0.1"]
certificate         = "{server}"
key                 = {{ file = "{key}" }}
client_certificates = {{ mode = "ask", by = ["certificate.demo"] }}

[[listen.host]]                     # a site that asks for none
names       = ["app.localhost"]
certificate = "{server}"
key         = {{ file = "{key}" }}

[token.demo]
issuer     = "{issuer}"
audiences  = ["demo"]
algorithms = ["ES256"]
danger_allow_http = true            # this issuer lives on loopback

[certificate.demo]                  # this authority was made for the demo
authorities = "{authorities}"
subject     = "san.email"

[openid_provider]                   # who has a certificate is signed in at the sites
issuer       = "https://localhost:{port}"
certificates = ["certificate.demo"]
sites        = ["app.localhost:{port}"]

[sso.demo]                          # which know whose it is
issuer = "https://localhost:{port}"

[session]
store = "memory"

[[route]]
hosts  = ["app.localhost"]
accept = ["sso.demo"]
to     = "http://{application}"

[[route]]                           # one page for everybody
hosts  = ["127.0.0.1", "localhost"]
paths  = ["/"]
accept = ["anonymous"]
to     = "http://{application}"

[[route]]                           # one for who has a certificate
hosts  = ["127.0.0.1", "localhost"]
paths  = ["/device"]
accept = ["certificate.demo"]
to     = "http://{application}"

[[route]]                           # and all others for who has a token
hosts  = ["127.0.0.1", "localhost"]
accept = ["token.demo"]
to     = "http://{application}"
"#
    )
}
