//! What the system tells the program: stop, or reload. Heard from the start, so that none is lost or deadly, also as
//! process 1, for which the system does nothing by itself.

use super::RunError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The signals this program hears.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Begins to hear them. Needs a runtime around it.
    pub fn hear() -> Result<Self, RunError> {
        let hear = |kind| signal(kind).map_err(|error| RunError::Machine(format!("signals: {error}")));
        Ok(Self {
            term: hear(SignalKind::terminate())?,
            int: hear(SignalKind::interrupt())?,
            hup: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.term.recv() => Told::Stop,
            _ = self.int.recv() => Told::Stop,
            _ = self.hup.recv() => Told::Reload,
        }
    }
}
