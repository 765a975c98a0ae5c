//! The commands.

use crate::config::{Environment, Sources};
use crate::output::Output;
use crate::run::{Origin, Plan, RunError, Running, Signals, tell_systemd_ready};
use crate::{bug, reference, schema, version};
use clap::{Parser, Subcommand};
use countersign_authn::bundle_file::BundleFiles;
use countersign_authn::keys::Offline;
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_core::gate::PublicPorts;
use countersign_edge::listen::SystemdSockets;
use countersign_edge::revocation_lists::RevocationLists;
use countersign_edge::system::OsEntropy;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

mod ca;
mod certificate;
mod check;
mod demo;
mod import;
mod init;
mod reload;
mod session;
mod token;

/// How long the end of the process waits for what is under way on disks.
const LEFT_WITHIN: Duration = Duration::from_secs(1);

/// Checks who is calling and countersigns the request.
#[derive(Debug, Parser)]
#[command(name = "countersign", version = version::whole(), max_term_width = 100)]
#[command(after_help = "\
The first minute, with nothing installed:
  countersign demo

A page behind nginx (examples/nginx has nginx's half):
  countersign check countersign.toml
  countersign run --config countersign.toml

Why is this token refused?
  countersign token verify --config countersign.toml \"$TOKEN\"

Why is this certificate refused?
  countersign certificate verify --authorities ca.pem client.pem")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway.
    #[command(after_help = "\
One line per decision goes to standard error, and with [status] figures to /metrics.
SIGHUP and `countersign reload` take a changed configuration, whole or not at all.
SIGTERM and SIGINT stop it when what is under way is finished; told twice, it stops at once.

  countersign run                              ./countersign.toml, or /etc/countersign
  countersign run --config /etc/countersign    all *.toml files there
  countersign run --config a.toml --state ./state")]
    Run {
        /// The configuration: a file, or a folder whose *.toml files are read in the order of their names. Otherwise
        /// $COUNTERSIGN_CONFIG, ./countersign.toml or /etc/countersign.
        #[arg(long, value_name = "FILE-or-folder")]
        config: Option<PathBuf>,
        /// Where the last good key sets, what is known of revocations and the admin socket are kept. Otherwise
        /// $STATE_DIRECTORY, /var/lib/countersign or $XDG_STATE_HOME/countersign.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Shows it all in one minute: an issuer, an application and the gateway, on loopback.
    #[command(after_help = "\
Prints curl lines to try: with good and bad tokens, and over TLS with a client certificate. Needs no
configuration and nothing else installed. New keys each time.")]
    Demo {
        /// One JSON object on standard output: where it is, and each request with what it gets. The log is JSON, too.
        #[arg(long)]
        json: bool,
    },
    /// Writes a configuration with which people log in, and what the proxy in front needs.
    #[command(after_help = "\
Asks at most five questions at a terminal; whatever is given as an argument is not asked. Nothing
that is there already is written over, unless --force says so.

  countersign init nginx                       asks
  countersign init standalone --output /etc/countersign
  countersign init caddy --issuer https://op.example --client-id app --host app.example")]
    Init(init::Args),
    /// Tells every mistake of a configuration at once.
    #[command(after_help = "\
Each message has its line, and what to write instead. Warnings are repeated at every start.
Exits with 1 when there is a mistake. Nothing is fetched and nothing is changed. Secrets and
files that the configuration names are read, and never shown.

  countersign check                            what `run` would take
  countersign check /etc/countersign && systemctl reload countersign")]
    Check {
        /// The configuration, as `run --config` takes it.
        #[arg(value_name = "FILE-or-folder")]
        path: Option<PathBuf>,
        /// The same, as an option.
        #[arg(long, value_name = "FILE-or-folder", conflicts_with = "path")]
        config: Option<PathBuf>,
        /// One JSON object a line on standard output: the messages, then the verdict.
        #[arg(long)]
        json: bool,
    },
    /// Tokens: gets them, makes them, looks into them, judges them.
    Token {
        #[command(subcommand)]
        command: token::Token,
    },
    /// Certificates: judges them, looks into them.
    Certificate {
        #[command(subcommand)]
        command: certificate::Certificate,
    },
    /// Your own certificate authority: certificates for servers, clients and workloads, and their revocation.
    #[command(after_help = ca::HELP)]
    Ca {
        #[command(subcommand)]
        command: ca::Ca,
    },
    /// Writes our configuration from another program's, and says option by option what became of it.
    Import {
        #[command(subcommand)]
        command: import::Import,
    },
    /// Makes a running gateway take its changed configuration.
    #[command(after_help = "\
It is taken whole or not at all: with a mistake in it, or an address that cannot be had, the
configuration before stays in force, and why is told here. A file that is still being written,
or only lost its end, is not taken either. Listeners that stay keep their connections; one that
is removed finishes what is under way. [limits] hold for connections made from then on.
Exits with 1 when nothing was taken.

  countersign reload
  countersign reload --state ./state           the gateway that runs with this state folder")]
    Reload {
        /// The state folder of the running gateway, as `run --state` takes it.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
        /// One JSON object: whether it was taken, and what is to be said.
        #[arg(long)]
        json: bool,
    },
    /// The sessions of a running gateway: which there are, and their end.
    #[command(after_help = session::HELP)]
    Session {
        #[command(subcommand)]
        command: session::Session,
    },
    /// Prints the JSON Schema of the configuration, for editors.
    #[command(after_help = "\
Keep it beside the configuration, and name it there for editors that know Taplo:

  countersign schema > countersign.schema.json
  #:schema ./countersign.schema.json           in the first line of countersign.toml")]
    Schema,
    /// Prints the configuration reference (Markdown).
    #[command(after_help = "\
It is made from what this very program takes:

  countersign reference > docs/reference.md
  countersign reference --reason-codes > docs/reason-codes.md")]
    Reference {
        /// The list of reason codes instead.
        #[arg(long)]
        reason_codes: bool,
        /// One JSON object a line, of the reason codes. For the configuration, `countersign schema` is this.
        #[arg(long, requires = "reason_codes")]
        json: bool,
    },
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    bug::tell_where_only(|what| Output::standard().error_line(what));
    let mut out = Output::standard();
    let environment = Environment::real();
    let code = match Arguments::parse().command {
        Command::Run { config, state } => run(config.as_deref(), state, Environment::lasting(), &mut out),
        Command::Demo { json } => demo::run(json, &mut out),
        Command::Init(args) => init::run(&args, &mut out),
        Command::Token { command } => token::run(&command, &environment, &mut out),
        Command::Ca { command } => ca::run(&command, &environment, &mut out),
        Command::Certificate { command } => certificate::run(&command, &environment, &mut out),
        Command::Import { command } => import::run(&command, &environment, &mut out),
        Command::Check { path, config, json } => {
            check::run(path.or(config).as_deref(), json, &environment, &mut out)
        }
        Command::Reload { state, json } => reload::run(state.as_deref(), json, &environment, &mut out),
        Command::Session { command } => session::run(&command, &environment, &mut out),
        Command::Schema => {
            out.line(&schema::schema());
            ExitCode::SUCCESS
        }
        Command::Reference { reason_codes, json } => {
            let page = match (reason_codes, json) {
                (true, true) => reference::reason_codes_as_json(),
                (true, false) => reference::reason_codes(),
                (false, _) => reference::reference(),
            };
            out.line(page.trim_end());
            ExitCode::SUCCESS
        }
    };
    // A pipe that was closed is no fault of ours: whoever read it had enough.
    let lost = out
        .lost()
        .filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
    match lost.map(ToString::to_string) {
        None => code,
        Some(why) => {
            out.error_line(&format!("standard output: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn run(
    config: Option<&Path>,
    state: Option<PathBuf>,
    environment: Environment,
    out: &mut Output,
) -> ExitCode {
    let names = (environment.variable)("LISTEN_FDNAMES").unwrap_or_default();
    let systemd = SystemdSockets::take(&names);
    let path = match Sources::locate(config, &environment) {
        Ok(path) => path,
        Err(error) => return fail(out, &error.to_string()),
    };
    let plan = Plan {
        origin: Origin::Path(path.clone()),
        state,
        systemd,
        environment: Arc::new(environment),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(out, &error.to_string()),
    };
    let ended = runtime.block_on(async {
        let signals = Signals::hear()?;
        let running = Running::start(plan).await?;
        bug::tell_where_only_in(Arc::clone(running.log()));
        tell_systemd_ready();
        running.until(signals).await;
        Ok::<_, RunError>(())
    });
    leave(runtime);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error_line(&format!("countersign cannot run by {}:", path.display()));
            out.error_line("");
            out.error_line(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A thread for each core. On one core (a container's share, too) it is this thread: there is nobody to hand work to, and
/// the handing over is not for nothing.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

/// What hangs in the system, on a disk that does not answer, is not waited for: who was told to stop ends.
fn leave(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_timeout(LEFT_WITHIN);
}

fn fail(out: &mut Output, why: &str) -> ExitCode {
    out.error_line(&format!("countersign cannot go on: {why}"));
    ExitCode::FAILURE
}

/// What a configuration is checked with: nothing is fetched, nothing remembered.
pub fn offline_parts() -> Parts {
    let tokens = TokenCache::new(
        CacheLimits {
            entries: 0,
            ..CacheLimits::default()
        },
        &OsEntropy::new(),
    );
    Parts {
        keys: Arc::new(Offline),
        bundles: cfg!(feature = "workload-api").then(|| Arc::new(Offline) as _),
        bundle_files: BundleFiles::default(),
        tokens: Arc::new(tokens),
        revocations: RevocationLists::offline(),
        signing_keys: Arc::new(Offline),
        sessions: Arc::new(Offline),
        cookie: countersign_authn::login::cookies::SessionCookie::default(),
        sends_tokens: false,
        public_ports: PublicPorts::default(),
        http: Arc::new(Offline),
        entropy: Arc::new(OsEntropy::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn the_end_waits_for_no_disk_for_ever() {
        let (disk, hangs) = channel::<()>();
        let runtime = runtime().unwrap();
        drop(runtime.spawn_blocking(move || hangs.recv().is_err()));
        leave(runtime);
        drop(disk);
    }
}
