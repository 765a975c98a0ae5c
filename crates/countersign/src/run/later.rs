//! A state folder that cannot be written to at the start, and can be later.

use crate::state;
use countersign_core::kept::Kept as _;
use countersign_edge::kept_folder::{KeptMemory, Left};
use countersign_edge::log::Log;
use countersign_edge::revocation_lists::A_LIST;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// After the first try the next comes so soon, and after each further one twice as late.
const FIRST: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const LONGEST: Duration = Duration::from_mins(1);

/// The folder, and what is to be written into it.
#[derive(Debug)]
pub(super) struct Later {
    path: PathBuf,
    kept: Arc<KeptMemory>,
}

impl Later {
    pub(super) const fn new(path: PathBuf, kept: Arc<KeptMemory>) -> Self {
        Self { path, kept }
    }

    /// When it can be written to: by then all that was learnt since the start is in it, but what was left there as it is.
    /// Until then `come` is waited for whenever revocation lists have come into it.
    pub(super) async fn written(&self, come: impl AsyncFn(), log: &Log) -> (PathBuf, Vec<Left>) {
        let mut wait = FIRST;
        let mut is_told = false;
        let mut seen = self.lists().await;
        loop {
            sleep(wait).await;
            wait = LONGEST.min(wait * 2);
            let there = self.lists().await;
            if !there.is_subset(&seen) {
                come().await;
            }
            seen = there;
            let path = self.path.clone();
            let usable = tokio::task::spawn_blocking(move || state::usable(&path)).await;
            if !matches!(usable, Ok(Ok(()))) {
                continue;
            }
            match self.kept.settle().await {
                Ok(left) => return (self.path.clone(), left),
                Err(why) if !is_told => {
                    is_told = true;
                    let text = format!(
                        "{why}; what was learnt since the start is not all kept yet, and it is tried again"
                    );
                    log.event("warning", "state_folder", &text);
                }
                Err(_) => {}
            }
        }
    }

    /// Where it cannot be looked what there is, nothing has come.
    async fn lists(&self) -> BTreeSet<String> {
        let names = self.kept.names(A_LIST).await;
        names.unwrap_or_default().into_iter().collect()
    }

    /// Tries for the last time, which may take `patience`. What was left there as it is, or why something that was learnt is
    /// forgotten.
    pub(super) async fn end(&self, patience: Duration) -> Result<Vec<Left>, String> {
        let why = match timeout(patience, self.kept.settle()).await {
            Ok(Ok(left)) => return Ok(left),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{}: it takes too long to write there", self.path.display()),
        };
        Err(format!(
            "{why}; what was learnt since the start and is not there by now is forgotten"
        ))
    }
}
