//! The gateway, running: started, reloaded, stopped.

use crate::compose::{self, Loaded};
use crate::config::{Diagnostic, Environment, Severity, Sources, render};
use crate::state;
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::TokenCache;
use countersign_core::Ports;
use countersign_core::kept::Kept;
use countersign_edge::admin::{Admin, Commands};
use countersign_edge::http_client::{NetworkClient, ProxySettings};
use countersign_edge::kept_folder::{KeptFolder, KeptMemory};
use countersign_edge::key_sets::{KeySets, Refresh};
use countersign_edge::listen::{Address, Handler, Limits, Listener, Server, SystemdSockets, UnixAccess};
use countersign_edge::log::Log;
use countersign_edge::metrics::Metrics;
use countersign_edge::observe::Observer;
use countersign_edge::serve::{Service, Shared};
use countersign_edge::status::Status;
use countersign_edge::store::NoSessions;
use countersign_edge::system::{OsEntropy, SystemClock};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use signals::Signals;

use program::{InForce, Program};
use signals::Told;

mod figures;
mod program;
mod signals;

/// Stands for the end of a line in an answer of the admin socket, which is one line.
pub const NEXT_LINE: &str = "\u{1e}";

/// Where the configuration comes from, each time it is read.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file or a folder.
    Path(PathBuf),
    /// A text of the program's own (the demo): it is never read again.
    Text(Sources),
}

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Where the configuration comes from.
    pub origin: Origin,
    /// The state folder, when one was named.
    pub state: Option<PathBuf>,
    /// The sockets systemd handed over.
    pub systemd: SystemdSockets,
    /// Environment and files.
    pub environment: Arc<Environment>,
}

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration has mistakes: the messages, rendered.
    #[error("{0}")]
    Configuration(String),
    /// Something of the machine's is missing.
    #[error("{0}")]
    Machine(String),
}

/// A gateway that runs until it is told to stop.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    program: Arc<Program>,
}

impl Running {
    /// Starts everything. Needs a runtime around it.
    pub fn start(mut plan: Plan) -> Result<Self, RunError> {
        let sources = read(&plan.origin, &plan.environment).map_err(RunError::Machine)?;
        let folder = state::folder(plan.state.as_deref(), &plan.environment);
        let ports = ports(&plan.environment, folder.as_ref().ok())?;
        let limits = compose::cache_limits(&sources, &plan.environment);
        let key_sets = KeySets::new(&ports, Refresh::Background);
        let tokens = Arc::new(TokenCache::new(limits, &*ports.entropy));
        let keys: Arc<dyn countersign_authn::keys::KeySetFactory> = key_sets.clone();
        let parts = Parts {
            keys,
            tokens: Arc::clone(&tokens),
        };
        let loaded = compose::load(&sources, &plan.environment, &parts);
        let loaded = loaded.map_err(|told| RunError::Configuration(told_whole(&told, &sources)))?;
        let log = Arc::new(Log::stderr(loaded.log.format, loaded.log.decisions));
        key_sets.tell(&log);
        let metrics = Arc::new(Metrics::new());
        metrics.set_source(figures::source(&key_sets, &tokens, &ports.clock));
        if let Origin::Path(path) = &plan.origin {
            let text = format!(
                "countersign {}: configuration {}",
                env!("CARGO_PKG_VERSION"),
                path.display()
            );
            log.event("info", "starting", &text);
        }
        warn(&loaded, &sources, &log);
        let folder = folder.inspect_err(|why| {
            log.event(
                "warning",
                "state_folder",
                &format!("{why}; going on without: no key set outlives this process"),
            );
        });
        if folder.as_ref().is_ok_and(|folder| state::is_open(folder)) {
            let why = "others than its owner can write to the state folder: what they put there is taken for keys of issuers";
            log.event("warning", "state_folder", why);
        }
        let fixed = program::fixed(&loaded);
        let (listen, status, server_limits) = (loaded.listeners, loaded.status, loaded.limits);
        let observer = Observer::new(Arc::clone(&log), Arc::clone(&metrics));
        let shared = Shared::new(loaded.gateway, &ports, observer);
        let in_force = Mutex::new(InForce {
            sources,
            fixed,
            generation: 0,
        });
        let program = Arc::new(Program {
            origin: plan.origin,
            environment: plan.environment,
            parts,
            key_sets,
            shared,
            log,
            metrics,
            in_force,
            reloading: tokio::sync::Mutex::default(),
        });
        let mut running = Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
            program,
        };
        running
            .listen(listen, status.as_ref(), server_limits, &mut plan.systemd)
            .inspect_err(|_| running.program.log.flush())?;
        if let Ok(folder) = folder {
            running.admin(&folder);
        }
        Ok(running)
    }

    fn listen(
        &mut self,
        listeners: Vec<compose::Listen>,
        status: Option<&Address>,
        limits: Limits,
        systemd: &mut SystemdSockets,
    ) -> Result<(), RunError> {
        let server = Server::new(limits, Arc::clone(&self.program.metrics));
        for (face, listen) in listeners.into_iter().enumerate() {
            let listener = Listener::bind(&listen.address, &listen.access, systemd);
            let service = Service::new(Arc::clone(&self.program.shared), listen.integration).at_face(face);
            self.serve(
                &server,
                &listen.address,
                listener,
                Handler::Gateway(service),
                &listen.speak,
            )?;
        }
        if let Some(address) = status {
            let listener = Listener::bind(address, &UnixAccess::default(), systemd);
            let ready = Arc::new(AtomicBool::new(true));
            let status = Status::new(Arc::clone(&self.program.metrics), ready, address.is_local());
            self.serve(&server, address, listener, Handler::Status(status), "status")?;
        }
        Ok(())
    }

    fn serve(
        &mut self,
        server: &Server,
        address: &Address,
        listener: std::io::Result<Listener>,
        handler: Handler,
        speaks: &str,
    ) -> Result<(), RunError> {
        let told = |error| RunError::Machine(format!("cannot listen on {address}: {error}"));
        let listener = listener.map_err(told)?;
        let at = listener
            .tcp_address()
            .map_or_else(|| address.to_string(), |bound| bound.to_string());
        self.program
            .log
            .event("info", "listening", &format!("{at} ({speaks})"));
        let (server, stop) = (server.clone(), self.stop.subscribe());
        self.tasks
            .spawn(async move { server.run(listener, handler, stop).await });
        Ok(())
    }

    fn admin(&mut self, folder: &Path) {
        let program = Arc::clone(&self.program);
        let commands: Commands = Arc::new(move |command| {
            let program = Arc::clone(&program);
            Box::pin(async move {
                match command.as_str() {
                    "reload" => match program.reload().await {
                        Ok(said) => format!("ok: {said}"),
                        // The answer is one line.
                        Err(why) => format!("refused: {}", why.replace('\n', NEXT_LINE)),
                    },
                    "status" => format!("ok: generation {}", program.generation()),
                    other => format!("refused: no command {other:?}; known are reload, status"),
                }
            })
        });
        match Admin::bind(folder, commands) {
            Ok(admin) => drop(self.tasks.spawn(admin.run(self.stop.subscribe()))),
            Err(error) => {
                let why = format!(
                    "{}: {error}; `countersign reload` will not find us, SIGHUP works",
                    folder.display()
                );
                self.program.log.event("warning", "admin_socket", &why);
            }
        }
    }

    /// Hears signals from now on, and runs as [`Self::until`] does.
    pub async fn until_told(self) -> Result<(), RunError> {
        let signals = Signals::hear()?;
        self.until(signals).await;
        Ok(())
    }

    /// Runs until SIGTERM or SIGINT; SIGHUP reloads. Then lets what is under way finish; told to stop once more, cuts it.
    pub async fn until(mut self, mut signals: Signals) {
        while signals.next().await == Told::Reload {
            let program = Arc::clone(&self.program);
            drop(tokio::spawn(async move { drop(program.reload().await) }));
        }
        let log = Arc::clone(&self.program.log);
        log.event("info", "stopping", "finishing what is under way");
        self.stop.send_replace(true);
        tell_systemd_stopping();
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => if ended.is_none() { break },
                told = signals.next() => if told == Told::Stop {
                    log.event("warning", "stopping", "told to stop once more: what is under way is cut");
                    break;
                },
            }
        }
        log.flush();
    }

    /// Where lines go.
    pub fn log(&self) -> &Arc<Log> {
        &self.program.log
    }
}

fn read(origin: &Origin, environment: &Environment) -> Result<Sources, String> {
    match origin {
        Origin::Path(path) => Sources::read(path, environment).map_err(|error| error.to_string()),
        Origin::Text(sources) => Ok(sources.clone()),
    }
}

pub(crate) fn ports(environment: &Environment, folder: Option<&PathBuf>) -> Result<Ports, RunError> {
    let variable = |upper: &str| {
        let lower = upper.to_ascii_lowercase();
        (environment.variable)(upper)
            .or_else(|| (environment.variable)(&lower))
            .filter(|value| !value.is_empty())
    };
    let proxies = ProxySettings {
        https_proxy: variable("HTTPS_PROXY"),
        http_proxy: (environment.variable)("http_proxy").filter(|value| !value.is_empty()),
        no_proxy: variable("NO_PROXY"),
    };
    let kept: Arc<dyn Kept> = match folder {
        Some(folder) => Arc::new(KeptFolder::new(folder.clone())),
        None => Arc::new(KeptMemory::default()),
    };
    Ok(Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy::new()),
        http: Arc::new(NetworkClient::new(proxies).map_err(RunError::Machine)?),
        sessions: Arc::new(NoSessions),
        kept,
    })
}

pub(crate) fn told_whole(told: &[Diagnostic], sources: &Sources) -> String {
    let errors = told
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .cloned()
        .collect::<Vec<_>>();
    render(&errors, sources, false)
}

/// What must be heard at each start and reload.
fn warn(loaded: &Loaded, sources: &Sources, log: &Log) {
    for warning in loaded
        .warnings
        .iter()
        .filter(|one| one.severity == Severity::Warning)
    {
        log.event(
            "warning",
            "configuration",
            &format!("{}: {}", warning.location(sources), warning.message),
        );
    }
}

/// Tells systemd that the listeners are there.
pub fn tell_systemd_ready() {
    // Outside systemd there is nobody to tell.
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
}

/// Tells systemd that the end has begun.
pub fn tell_systemd_stopping() {
    drop(sd_notify::notify(&[sd_notify::NotifyState::Stopping]));
}
