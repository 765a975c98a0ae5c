//! The whole world of one test, behind the ports the gateway asks for.

use crate::clock::HandClock;
use crate::entropy::CountedBytes;
use crate::kept::MemoryKept;
use crate::op::Network;
use countersign_core::Ports;
use countersign_edge::store::NoSessions;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Clock, bytes, issuers and folder, each moved by hand.
#[derive(Clone, Debug)]
pub struct World {
    /// What time it is.
    pub clock: Arc<HandClock>,
    /// Bytes that look random to nobody.
    pub entropy: Arc<CountedBytes>,
    /// The issuers.
    pub network: Arc<Network>,
    /// What outlives the gateway.
    pub kept: Arc<MemoryKept>,
    /// Whether the store of the sessions is cut off.
    pub store_away: Arc<AtomicBool>,
    /// Whether nothing is removed from it.
    pub store_keeps: Arc<AtomicBool>,
}

impl World {
    /// A world at midnight, with every issuer up and nothing kept.
    pub fn new() -> Self {
        let clock = Arc::new(HandClock::new());
        Self {
            entropy: Arc::default(),
            network: Arc::new(Network::with_clock(Arc::clone(&clock))),
            kept: Arc::default(),
            store_away: Arc::default(),
            store_keeps: Arc::default(),
            clock,
        }
    }

    /// The world as the gateway sees it.
    pub fn ports(&self) -> Ports {
        Ports {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            http: self.network.clone(),
            sessions: Arc::new(NoSessions),
            kept: self.kept.clone(),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
