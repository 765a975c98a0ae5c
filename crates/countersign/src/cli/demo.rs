//! `countersign demo`: the first minute. An issuer and an application in this very process, and the gateway before it,
//! started from a configuration text by the same way as everybody's.

use crate::config::{Environment, Sources};
use crate::output::Output;
use crate::run::{Origin, Plan, Running};
use countersign_core::time::Clock as _;
use countersign_edge::listen::SystemdSockets;
use countersign_edge::system::SystemClock;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::{SignError, SigningKey};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

mod site;

/// The key id that good and forged tokens name.
const KID: &str = "demo";
/// Where the gateway, the issuer and the application would like to be.
const PORTS: [u16; 3] = [8420, 8421, 8422];

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("no port is free on loopback: {0}")]
    Port(#[from] std::io::Error),
    #[error("no key could be made: {0}")]
    Key(#[from] SignError),
    #[error("{0}")]
    Run(#[from] crate::run::RunError),
}

/// Runs the demo until it is told to stop.
pub(super) fn run(out: &mut Output) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(demo(out)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error_line(&format!("countersign cannot go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn demo(out: &mut Output) -> Result<(), DemoError> {
    let (key, stranger) = (
        SigningKey::generate(Algorithm::Es256)?,
        SigningKey::generate(Algorithm::Es256)?,
    );
    let [gateway, issuer, application] = PORTS.map(listener);
    let (gateway, issuer, application) = (gateway?, issuer?, application?);
    let [at, issuer_at, application_at] = [
        gateway.local_addr()?,
        issuer.local_addr()?,
        application.local_addr()?,
    ];
    site::serve(
        issuer,
        site::issuer(
            &format!("http://{issuer_at}"),
            &key.public_jwk(KID).unwrap_or_default(),
        ),
    )?;
    site::serve(application, site::application())?;
    let text = configuration(at, issuer_at, application_at);
    let state = std::env::temp_dir().join(format!("countersign-demo-{}", std::process::id()));
    let plan = Plan {
        origin: Origin::Text(Sources::text("demo.toml", &text)),
        state: Some(state.clone()),
        systemd: SystemdSockets::default(),
        environment: Arc::new(Environment::empty()),
    };
    // The port was only tried: the gateway binds it by its own configuration.
    drop(gateway);
    let running = Running::start(plan)?;
    for line in guide(&text, at, &format!("http://{issuer_at}"), &key, &stranger)? {
        out.line(&line);
    }
    let ended = running.until_told().await;
    remove(&state);
    Ok(ended?)
}

/// What the demo wrote is gone with it; what cannot be removed is a temporary folder.
fn remove(state: &PathBuf) {
    drop(std::fs::remove_dir_all(state));
}

/// The port wished for, or any that is free.
fn listener(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
}

fn configuration(gateway: SocketAddr, issuer: SocketAddr, application: SocketAddr) -> String {
    format!(
        "config = 1\n\n[[listen]]\naddress = \"{gateway}\"\nspeak   = \"reverse-proxy\"\n\n[token.demo]\n\
         issuer     = \"http://{issuer}\"\naudiences  = [\"demo\"]\nalgorithms = [\"ES256\"]\n\
         danger_allow_http = true            # this issuer lives on loopback\n\n[[route]]\n\
         hosts  = [\"127.0.0.1\", \"localhost\"]\naccept = [\"token.demo\"]\nto     = \"http://{application}\"\n"
    )
}

/// What is said: each curl line whole on a line of its own, and before it what it will get.
fn guide(
    text: &str,
    at: SocketAddr,
    issuer: &str,
    key: &SigningKey,
    stranger: &SigningKey,
) -> Result<Vec<String>, DemoError> {
    let now = SystemClock::new().now().wall.seconds();
    let payload = |expires: i64| {
        serde_json::json!({
            "iss": issuer, "aud": "demo", "sub": "ann", "exp": expires, "iat": expires - 3600,
            "preferred_username": "ann", "groups": ["operators", "staff"],
            "email": "ann@demo.test", "email_verified": true,
        })
        .to_string()
    };
    let header = format!(r#""kid":"{KID}","typ":"at+jwt""#);
    let good = key.sign(&header, payload(now + 3600).as_bytes())?;
    let expired = key.sign(&header, payload(now - 3600).as_bytes())?;
    let forged = stranger.sign(&header, payload(now + 3600).as_bytes())?;
    let with = |token: &str| format!("curl -i -H 'Authorization: Bearer {token}' http://{at}/hello");
    let mut lines = vec![String::from("This is the configuration:"), String::new()];
    lines.extend(text.lines().map(|line| format!("    {line}")));
    lines.extend([
        String::new(),
        "Try, in another terminal:".to_owned(),
        String::new(),
        "# 200: a good token. The page shows what the application was told about ann.".to_owned(),
        with(&good),
        String::new(),
        "# 401 token_expired".to_owned(),
        with(&expired),
        String::new(),
        "# 401 signature_invalid: a stranger's signature under the issuer's key id".to_owned(),
        with(&forged),
        String::new(),
        "# 401 no_credential".to_owned(),
        format!("curl -i http://{at}/hello"),
        String::new(),
        "# 200, and the application still hears of ann only".to_owned(),
        format!(
            "{} -H 'X-Auth-Subject: root' -H 'X_Auth_Subject: root'",
            with(&good)
        ),
        String::new(),
        "Each request is one line below. Ctrl-C ends the demo.".to_owned(),
        String::new(),
    ]);
    Ok(lines)
}
