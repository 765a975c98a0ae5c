//! The handles to the world.

use super::RunError;
use crate::config::Environment;
use countersign_core::Ports;
use countersign_core::kept::Kept;
use countersign_edge::http_client::{NetworkClient, ProxySettings};
use countersign_edge::kept_folder::{KeptFolder, KeptMemory};
use countersign_edge::store::NoSessions;
use countersign_edge::system::{OsEntropy, SystemClock};
use std::path::PathBuf;
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

/// The clock, dice, network and state folder of this machine; without a folder nothing outlives the process.
pub(crate) fn ports(environment: &Environment, folder: Option<&PathBuf>) -> Result<Ports, RunError> {
    let proxies = proxies(environment);
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
