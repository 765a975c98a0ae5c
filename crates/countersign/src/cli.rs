//! The commands.

use crate::compose;
use crate::config::{Environment, Severity, Sources, render};
use crate::output::Output;
use crate::run::{Origin, Plan, Running, tell_systemd_ready, tell_systemd_stopping};
use crate::{reference, schema, state};
use clap::{Parser, Subcommand};
use countersign_authn::keys::Offline;
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_edge::admin;
use countersign_edge::listen::SystemdSockets;
use countersign_edge::system::OsEntropy;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

mod demo;
mod import;
mod token;

/// Checks who is calling and countersigns the request.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "The first minute:   countersign demo\nThe first mistakes: countersign check countersign.toml"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway.
    #[command(
        after_help = "SIGHUP or `countersign reload` takes a changed configuration, whole or not at all.\n\
                            SIGTERM and SIGINT stop it; what is under way is finished."
    )]
    Run {
        /// The configuration: a file, or a folder whose *.toml files are read in the order of their names. Otherwise
        /// $COUNTERSIGN_CONFIG, ./countersign.toml or /etc/countersign.
        #[arg(long, value_name = "FILE-or-folder")]
        config: Option<PathBuf>,
        /// Where the last good key sets and the admin socket are kept. Otherwise $STATE_DIRECTORY, /var/lib/countersign
        /// or $XDG_STATE_HOME/countersign.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Shows it all in one minute: an issuer, an application and the gateway, on loopback.
    #[command(after_help = "Needs no configuration and nothing else installed. New keys each time.")]
    Demo,
    /// Tells every mistake of a configuration at once.
    #[command(
        after_help = "Prints file, line and what to write instead. Exits with 1 when there is a mistake.\n\
                            Nothing is fetched and nothing is changed."
    )]
    Check {
        /// The configuration, as `run --config` takes it.
        #[arg(value_name = "FILE-or-folder")]
        path: Option<PathBuf>,
        /// The same, as an option.
        #[arg(long, value_name = "FILE-or-folder", conflicts_with = "path")]
        config: Option<PathBuf>,
    },
    /// Test tokens: makes them, looks into them, judges them.
    Token {
        #[command(subcommand)]
        command: token::Token,
    },
    /// Writes our configuration from another program's, and says option by option what became of it.
    Import {
        #[command(subcommand)]
        command: import::Import,
    },
    /// Makes a running gateway take its changed configuration.
    Reload {
        /// The state folder of the running gateway, as `run --state` takes it.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Prints the JSON Schema of the configuration, for editors.
    Schema,
    /// Prints the configuration reference (Markdown).
    Reference {
        /// The list of reason codes instead.
        #[arg(long)]
        reason_codes: bool,
    },
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    let mut out = Output::standard();
    let environment = Environment::real();
    match Arguments::parse().command {
        Command::Run { config, state } => run(config.as_deref(), state, environment, &mut out),
        Command::Demo => demo::run(&mut out),
        Command::Token { command } => token::run(&command, &environment, &mut out),
        Command::Import { command } => import::run(&command, &mut out),
        Command::Check { path, config } => check(path.or(config).as_deref(), &environment, &mut out),
        Command::Reload { state } => reload(state.as_deref(), &environment, &mut out),
        Command::Schema => {
            out.line(&schema::schema());
            ExitCode::SUCCESS
        }
        Command::Reference { reason_codes } => {
            let page = if reason_codes {
                reference::reason_codes()
            } else {
                reference::reference()
            };
            out.line(page.trim_end());
            ExitCode::SUCCESS
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
    out.error_line(&format!(
        "countersign {}: configuration {}",
        env!("CARGO_PKG_VERSION"),
        path.display()
    ));
    let plan = Plan {
        origin: Origin::Path(path),
        state,
        systemd,
        environment: Arc::new(environment),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(out, &error.to_string()),
    };
    let ended = runtime.block_on(async {
        let running = Running::start(plan)?;
        tell_systemd_ready();
        let ended = running.until_told().await;
        tell_systemd_stopping();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(out, &error.to_string()),
    }
}

fn fail(out: &mut Output, why: &str) -> ExitCode {
    out.error_line(if why.starts_with("error") {
        ""
    } else {
        "countersign cannot go on:"
    });
    out.error_line(why);
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
        tokens: Arc::new(tokens),
    }
}

fn check(path: Option<&Path>, environment: &Environment, out: &mut Output) -> ExitCode {
    let sources = Sources::locate(path, environment).and_then(|path| Sources::read(&path, environment));
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => return fail(out, &error.to_string()),
    };
    let loaded = compose::load(&sources, environment, &offline_parts());
    let (told, sound) = match loaded {
        Ok(loaded) => (loaded.warnings, true),
        Err(told) => (told, false),
    };
    if !told.is_empty() {
        out.error_line(&render(&told, &sources, out.colours()));
        out.error_line("");
    }
    let count = |severity| told.iter().filter(|one| one.severity == severity).count();
    let files = sources
        .0
        .iter()
        .map(|source| source.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let said = if sound { "can be run" } else { "cannot be run" };
    out.line(&format!(
        "{files}: {said}: {errors} mistakes, {warnings} warnings"
    ));
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn reload(named: Option<&Path>, environment: &Environment, out: &mut Output) -> ExitCode {
    let folder = match state::folder(named, environment) {
        Ok(folder) => folder,
        Err(why) => return fail(out, &why),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(out, &error.to_string()),
    };
    match runtime.block_on(admin::ask(&folder, "reload")) {
        Ok(answer) if answer.starts_with("ok") => {
            out.line(&answer);
            ExitCode::SUCCESS
        }
        Ok(answer) => fail(out, &answer),
        Err(error) => {
            let socket = folder.join(admin::SOCKET);
            fail(
                out,
                &format!(
                    "no gateway answers at {}: {error}; is its state folder another? (--state)",
                    socket.display()
                ),
            )
        }
    }
}
