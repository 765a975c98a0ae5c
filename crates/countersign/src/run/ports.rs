//! The handles to the world.

use super::RunError;
use super::later::Later;
use crate::config::Environment;
use crate::state::StateFolder;
use countersign_core::Ports;
use countersign_core::kept::Kept;
use countersign_edge::http_client::{NetworkClient, ProxySettings};
use countersign_edge::kept_folder::{KeptFolder, KeptMemory};
use countersign_edge::store::NoSessions;
use countersign_edge::system::{OsEntropy, SystemClock};
use std::sync::Arc;

/// The proxies that the environment names.
pub(crate) fn proxies(environment: &Environment) -> ProxySettings {
    let variable = |upper: &str| {
        let lower = upper.to_ascii_lowercase();
        (environment.variable)(upper)
            .or_else(|| (environment.variable)(&lower))
            .filter(|value| !value.is_empty())
    };
    ProxySettings {
        https_proxy: variable("HTTPS_PROXY"),
        http_proxy: (environment.variable)("http_proxy").filter(|value| !value.is_empty()),
        no_proxy: variable("NO_PROXY"),
    }
}

/// What is kept there, and where it is to go once it can. Where nothing can be written, nothing new outlives the process.
pub(super) fn kept(folder: &StateFolder) -> (Arc<dyn Kept>, Option<Later>) {
    match folder {
        StateFolder::Written(path) => (Arc::new(KeptFolder::new(path.clone())), None),
        StateFolder::ReadOnly(path, _) => {
            let kept = Arc::new(KeptMemory::over(KeptFolder::new(path.clone())));
            let later = Later::new(path.clone(), Arc::clone(&kept));
            (kept, Some(later))
        }
        StateFolder::None(_) => (Arc::new(KeptMemory::default()), None),
    }
}

/// The clock, dice and network of this machine, and what is kept.
pub(crate) fn ports(environment: &Environment, kept: Arc<dyn Kept>) -> Result<Ports, RunError> {
    let proxies = proxies(environment);
    Ok(Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy::new()),
        http: Arc::new(NetworkClient::new(proxies).map_err(RunError::Machine)?),
        sessions: Arc::new(NoSessions),
        kept,
    })
}
