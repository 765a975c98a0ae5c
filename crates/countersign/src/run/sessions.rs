//! Where sessions are kept: opened with the first configuration that has a login, and from then on until the end.

use crate::config::diagnostic::Diagnostic;
use crate::config::session::{SessionPlan, StorePlan};
use countersign_authn::session::seal::{MIN_KEY_BYTES, Sealer};
use countersign_core::Ports;
use countersign_core::kept::KeptError;
use countersign_core::secret::Secret;
use countersign_core::session::SessionStore;
use countersign_edge::log::Log;
use countersign_edge::sessions::{SessionKeeper, SessionSettings};
use countersign_edge::store::memory::Limits;
use countersign_edge::store::redis::Settings;
use countersign_edge::store::{self, NoSessions, StoreKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[cfg(test)]
mod tests;

/// The blob that holds the key made at the first start.
pub(crate) const KEY: &str = "session.key";
/// The file of sessions in the state folder.
pub(crate) const FILE: &str = "sessions.redb";

/// The store in force, as it is named; none while no configuration had a login.
#[derive(Debug)]
pub(super) struct Opened {
    folder: OnceLock<PathBuf>,
    store: Mutex<Option<String>>,
}

/// What a configuration changes; everything that can fail about it is done.
#[derive(Debug)]
pub(super) enum Step {
    /// There are no logins.
    Nothing,
    /// The store stays.
    Set(SessionSettings, Arc<Sealer>),
    /// The store is opened.
    Open(Opening),
}

/// A store that was opened.
#[derive(Debug)]
pub(super) struct Opening {
    name: String,
    store: Arc<dyn SessionStore>,
    settings: SessionSettings,
    sealer: Arc<Sealer>,
    warnings: Vec<String>,
}

impl Opened {
    /// None yet; what needs a folder is in `folder`.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(|folder| folder.to_owned().into()).unwrap_or_default(),
            store: Mutex::default(),
        }
    }

    /// What needs a folder is in this one from now on, where there was none.
    pub(super) fn found(&self, folder: &Path) {
        // It is found once.
        drop(self.folder.set(folder.to_owned()));
    }

    /// Does all that can fail.
    pub(super) async fn prepare(&self, plan: &SessionPlan, ports: &Ports) -> Result<Step, Diagnostic> {
        if !plan.needed {
            return Ok(Step::Nothing);
        }
        let name = plan.store.to_string();
        let before = self.store.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(before) = before.as_ref().filter(|before| **before != name) {
            let message = format!("sessions are in another store since the start: {before}");
            return Err(Diagnostic::error(plan.place.clone(), message)
                .help("another store is taken by a restart; its sessions are not carried over"));
        }
        let sealer = match &plan.sealer {
            Some(sealer) => Arc::clone(sealer),
            None => kept_key(plan, ports).await?,
        };
        if before.is_some() {
            return Ok(Step::Set(plan.settings, sealer));
        }
        let told = |message: String| Diagnostic::error(plan.place.clone(), message);
        let Some(kind) = self.kind(plan).map_err(told)? else {
            return Ok(Step::Open(Opening {
                name,
                store: Arc::new(NoSessions),
                settings: plan.settings,
                sealer,
                warnings: Vec::new(),
            }));
        };
        let clock = Arc::clone(&ports.clock);
        let opened = tokio::task::spawn_blocking(move || store::open(&kind, clock)).await;
        let opened = opened.unwrap_or_else(|error| Err(error.to_string()));
        let (store, warnings) = opened.map_err(told)?;
        Ok(Step::Open(Opening {
            name,
            store,
            settings: plan.settings,
            sealer,
            warnings,
        }))
    }

    /// Which store it is; none where sessions are in their cookies.
    fn kind(&self, plan: &SessionPlan) -> Result<Option<StoreKind>, String> {
        match &plan.store {
            StorePlan::Cookie { provides: false } => Ok(None),
            StorePlan::Cookie { provides: true } => Ok(Some(StoreKind::Memory(Limits::default()))),
            StorePlan::Memory { max_sessions } => Ok(Some(StoreKind::Memory(Limits {
                max_records: *max_sessions,
                ..Limits::default()
            }))),
            StorePlan::File { path } => {
                let own = self.folder.get().map(|folder| folder.join(FILE));
                let path = path.clone().or(own);
                let path = path.ok_or("there is no state folder to keep sessions in: name a file, `path`")?;
                Ok(Some(StoreKind::File { path }))
            }
            StorePlan::Redis(plan) => {
                let password = plan.password.as_ref().map(|password| {
                    let text = String::from_utf8(password.expose().clone());
                    text.map(Secret::new)
                        .map_err(|_| "the password of Redis is no text".to_owned())
                });
                Ok(Some(StoreKind::Redis(Box::new(Settings {
                    username: plan.username.clone(),
                    password: password.transpose()?,
                    database: plan.database,
                    authorities: plan.authorities.as_deref().map(Into::into),
                    ..Settings::at(plan.address.clone())
                }))))
            }
        }
    }

    /// From here on nothing can fail.
    pub(super) fn commit(&self, step: Step, keeper: &SessionKeeper, log: &Log) {
        match step {
            Step::Nothing => {}
            Step::Set(settings, sealer) => keeper.set(settings, sealer),
            Step::Open(opening) => {
                for warning in &opening.warnings {
                    log.event("warning", "session_store", warning);
                }
                keeper.keep_in(opening.store, opening.settings, opening.sealer);
                *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(opening.name);
            }
        }
    }

    /// Whether sessions are in their cookies, and in no store.
    pub(super) fn are_in_cookies(&self) -> bool {
        let name = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cookies = [false, true]
            .map(|provides| StorePlan::Cookie { provides }.to_string())
            .into_iter();
        cookies.any(|cookies| name.as_deref() == Some(&*cookies))
    }

    /// Whether a store was opened.
    pub(super) fn is_open(&self) -> bool {
        self.store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

/// The key of this machine, made where there is none. Sessions in memory do not outlive the process, and need none that does.
async fn kept_key(plan: &SessionPlan, ports: &Ports) -> Result<Arc<Sealer>, Diagnostic> {
    let lasting = !matches!(plan.store, StorePlan::Memory { .. });
    let told = |message: String, help: &str| Diagnostic::error(plan.place.clone(), message).help(help);
    let sealer = |bytes: Vec<u8>| Sealer::new(vec![Secret::new(bytes)]).map(Arc::new);
    match ports.kept.load(KEY).await {
        Ok(Some(bytes)) => match sealer(bytes) {
            Ok(sealer) => return Ok(sealer),
            Err(_) if lasting => {
                let message = format!("`{KEY}` in the state folder is no key of {MIN_KEY_BYTES} bytes");
                return Err(told(
                    message,
                    "put it back; or remove it, and every session in the store is lost",
                ));
            }
            Err(_) => {}
        },
        Err(KeptError(why)) if lasting => {
            return Err(told(
                format!("the key of sessions cannot be read: {why}"),
                "`sealing_keys` names one of your own",
            ));
        }
        Ok(None) | Err(KeptError(_)) => {}
    }
    let mut bytes = vec![0; MIN_KEY_BYTES];
    ports.entropy.fill(&mut bytes);
    match ports.kept.save(KEY, &bytes).await {
        Err(KeptError(why)) if lasting => Err(told(
            format!("the key of sessions cannot be kept: {why}"),
            "`sealing_keys` names one of your own",
        )),
        Ok(()) | Err(KeptError(_)) => {
            // 32 bytes are a key.
            sealer(bytes).map_err(|error| told(error.to_string(), "this is a bug"))
        }
    }
}
