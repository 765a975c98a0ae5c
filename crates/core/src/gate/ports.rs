//! The ports at which clients reach us.

use super::{Host, Scheme};
use std::fmt;
use std::sync::Arc;

/// The port of https where none is written.
const HTTPS: u16 = 443;

/// The ports at which clients reach what is guarded, by https. The port in `Host` is its client's word: what is bound to an
/// origin counts at these alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPorts(Arc<[u16]>);

impl PublicPorts {
    /// These, the usual one first.
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        Self(ports.into_iter().collect())
    }

    /// Whether `port` is one of them.
    pub fn hold(&self, port: u16) -> bool {
        self.0.contains(&port)
    }

    /// Whether clients reach `host` by https at the port that it is written with.
    pub fn are_of(&self, host: &Host) -> bool {
        self.hold(host.port_for(Scheme::Https))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }

    /// The one that people are sent to.
    pub fn usual(&self) -> u16 {
        self.0.first().copied().unwrap_or(HTTPS)
    }
}

impl Default for PublicPorts {
    /// 443.
    fn default() -> Self {
        Self::new([HTTPS])
    }
}

impl fmt::Display for PublicPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.0.iter().map(u16::to_string).collect::<Vec<_>>();
        f.write_str(&ports.join(", "))
    }
}
