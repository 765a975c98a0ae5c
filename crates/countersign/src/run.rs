//! The gateway, running: started, reloaded, stopped.

use crate::compose::Loaded;
use crate::config::{Diagnostic, Environment, Severity, Sources, render};
use crate::reload::Recorder;
use crate::state;
use crate::version;
use countersign_core::kept::KeptError;
use countersign_edge::gateway::Gateway;
use countersign_edge::key_sets::Refresh;
use countersign_edge::listen::SystemdSockets;
use countersign_edge::log::Log;
use countersign_edge::metrics::Metrics;
use countersign_edge::observe::Observer;
use countersign_edge::serve::{Loopback, Shared};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub(crate) use admin::sessions::{Do, SessionCommand, Which};
pub(crate) use asked::Asked;
pub(crate) use ports::{ports, proxies};
pub(crate) use sessions::{FILE as SESSIONS, KEY as SESSIONS_KEY};
pub use signals::Signals;

use asked::WantedKeys;
use later::Later;
use program::{InForce, Program};
use sessions::{Opened, Step};
use signals::Told;
use sockets::Sockets;

mod admin;
mod asked;
mod figures;
mod files;
mod folder;
mod later;
mod ports;
mod program;
mod sessions;
mod signals;
mod sockets;

/// Stands for the end of a line in an answer of the admin socket, which is one line.
pub const NEXT_LINE: &str = "\u{1e}";

/// How long the end waits for what was learnt last to be written down: less than a container is given to stop.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// What there is to say where keys are made and cannot be kept.
const KEYS_END: &str = "there is no state folder to write to: the provider's new keys end with this process, and so do the tokens they signed";

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
    admin: JoinSet<()>,
    later: Option<Later>,
    program: Arc<Program>,
}

impl Running {
    /// Starts everything. Needs a runtime around it.
    pub async fn start(plan: Plan) -> Result<Self, RunError> {
        let sources = read(&plan.origin, &plan.environment).map_err(RunError::Machine)?;
        let folder = state::folder(plan.state.as_deref(), &plan.environment);
        let (kept, later) = ports::kept(&folder);
        let mut ports = ports(&plan.environment, kept)?;
        let loopback = Loopback::new(ports.http);
        ports.http = Arc::clone(&loopback) as _;
        let loading = loopback.loading();
        let asked = Asked::new(&ports, Refresh::Background);
        let restored = asked.revocations.restore().await;
        let refused = |told: Vec<Diagnostic>| RunError::Configuration(told_whole(&told, &sources));
        let recorder = Recorder::around(&plan.environment);
        let loaded = program::load(&sources, recorder.environment(), &ports, &asked).map_err(refused)?;
        let opened = Opened::new(folder.writable());
        let step = opened.prepare(&loaded.session, &ports).await;
        let step = step.map_err(|told| refused(vec![told]))?;
        let metrics = Arc::new(Metrics::new());
        let mut sockets = Sockets::new(plan.systemd, &metrics);
        let change = sockets.prepare(&loaded).map_err(refused)?;
        let log = Arc::new(Log::stderr(loaded.log.format, loaded.log.decisions));
        tell_start(&plan.origin, &log);
        asked.tell(&log);
        folder::tell_start(&folder, &log);
        tell_restored(&restored, &log);
        let observer = Observer::new(Arc::clone(&log), Arc::clone(&metrics));
        // Who asks finds the keys of the provider there, which may be in the store.
        opened.commit(step, &asked.sessions, &log);
        let keys = WantedKeys::of(&loaded);
        if folder.writable().is_none() && keys.need_a_folder() {
            log.event("warning", "provider_keys", KEYS_END);
        }
        asked.make_keys(keys).await;
        let in_force = InForce::first(&loaded, sources, recorder.stamps());
        let shared = Shared::new(Gateway::default(), &ports, observer);
        loopback.lead_to(&shared);
        let program = Program {
            origin: plan.origin,
            environment: plan.environment,
            shared,
            loopback,
            ports,
            asked,
            sessions: opened,
            log,
            metrics,
            in_force: Mutex::new(in_force.clone()),
            sockets: Mutex::new(sockets),
            reloading: tokio::sync::Mutex::default(),
        };
        let program = Arc::new(program);
        let mut running = Self {
            stop: watch::Sender::new(false),
            admin: JoinSet::new(),
            later,
            program: Arc::clone(&program),
        };
        // Whoever is told of a listener may ask for a reload at once: the socket for that is there first, and who asks
        // there waits until this is done.
        let starting = program.reloading.try_lock();
        if let Some(folder) = folder.writable() {
            admin::hear(folder, &running.program, &running.stop, &mut running.admin);
        }
        drop(program.put_in_force(loaded, in_force, (change, Step::Nothing), &mut program.sockets()));
        drop((loading, starting));
        Ok(running)
    }

    /// Hears signals from now on, and runs as [`Self::until`] does.
    pub async fn until_told(self) -> Result<(), RunError> {
        let signals = Signals::hear()?;
        self.until(signals).await;
        Ok(())
    }

    /// Runs until SIGTERM or SIGINT; SIGHUP reloads, and so does a change of a file that the configuration names. Then lets what is under way finish; told to stop once more, cuts it.
    pub async fn until(mut self, mut signals: Signals) {
        // However often it is told while it reloads, it reloads once more.
        let told = Notify::new();
        let reloads = async {
            loop {
                told.notified().await;
                drop(self.program.reload().await);
            }
        };
        let stop = async {
            while signals.next().await == Told::Reload {
                told.notify_one();
            }
        };
        let later = async {
            if let Some(later) = &self.later {
                let log = &self.program.log;
                // It may have come only now, with what was kept in it before.
                let restore = async || {
                    let restored = self.program.asked.revocations.restore_late().await;
                    tell_restored(&restored, log);
                };
                let (folder, left) = later.written(&restore, log).await;
                self.program.sessions.found(&folder);
                admin::hear(&folder, &self.program, &self.stop, &mut self.admin);
                folder::tell_written(&folder, &left, log);
                restore().await;
                if let Some(key) = folder::counts_now(&left) {
                    drop(self.program.renew(&folder.join(key)).await);
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stop => {}
            () = reloads => {}
            () = later => {}
            () = files::watch(&self.program) => {}
        }
        let log = Arc::clone(&self.program.log);
        log.event("info", "stopping", "finishing what is under way");
        self.stop.send_replace(true);
        let mut connections = self.program.sockets().stop();
        tell_systemd_stopping();
        let ended = async {
            while connections.join_next().await.is_some() {}
            while self.admin.join_next().await.is_some() {}
            self.program.shared.ended().await;
        };
        let told = async { while signals.next().await != Told::Stop {} };
        tokio::select! {
            () = ended => {}
            () = told => {
                log.event("warning", "stopping", "told to stop once more: what is under way is cut");
                self.program.shared.give_up().await;
            }
        }
        // Whoever is told of a revocation once is told for good.
        self.program.asked.revocations.end(WRITTEN_WITHIN).await;
        if let Some(later) = &self.later {
            match later.end(WRITTEN_WITHIN).await {
                Ok(left) => folder::tell_left(&left, &log),
                Err(why) => log.event("warning", "state_folder", &why),
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

fn tell_start(origin: &Origin, log: &Log) {
    if let Origin::Path(path) = origin {
        let text = format!(
            "countersign {}: configuration {}",
            version::whole(),
            path.display()
        );
        log.event("info", "starting", &text);
    }
}

/// What there is to say of the lists that were kept.
fn tell_restored(restored: &Result<usize, KeptError>, log: &Log) {
    if let Err(why) = restored {
        let why = format!(
            "{why}: whom lists revoke, and which had begun, is known from now on only by the lists that come"
        );
        log.event("warning", "crl_kept", &why);
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
