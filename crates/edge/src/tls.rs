//! TLS at our own listeners: which certificate is shown under which name, what is asked of clients, and the handshake.
//!
//! A listener with hosts speaks TLS and nothing else. The host is chosen by the name the client asks for (SNI); the same
//! choice is made again from the authority of each request, so that what holds for a name holds for its requests.

use arc_swap::ArcSwap;
use countersign_core::route::HostPattern;
use countersign_core::time::Timestamp;
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use certificate::{ChainFault, KeyFault, ServerCertificate};
pub use config::{Protocols, Spoken, TlsVersions};
pub(crate) use handshake::{Failure, Session, accept};
pub use policy::{Asked, ClientPolicy, Mode};
pub(crate) use told::Told;

mod certificate;
mod client;
mod config;
mod handshake;
mod policy;
mod told;

#[cfg(test)]
mod tests;

/// One host of a listener: what is shown to whoever asks for one of its names, and what is asked of them.
#[derive(Debug)]
pub struct TlsHost {
    certificate: ServerCertificate,
    spoken: Spoken,
    policy: ClientPolicy,
    made: ArcSwap<Made>,
}

/// What handshakes go by, while authorities and revocations are what they were.
#[derive(Debug)]
struct Made {
    config: Arc<ServerConfig>,
    generations: Vec<u64>,
}

impl TlsHost {
    /// Shows `certificate`, speaks TLS like this, and asks clients for what `policy` says.
    pub fn asking(
        certificate: ServerCertificate,
        spoken: Spoken,
        policy: ClientPolicy,
    ) -> Result<Self, rustls::Error> {
        let generations = policy.generations().collect();
        let config = config::server(&certificate, spoken, &policy)?;
        Ok(Self {
            certificate,
            spoken,
            policy,
            made: ArcSwap::from_pointee(Made {
                config: Arc::new(config),
                generations,
            }),
        })
    }

    /// What is asked of clients.
    pub const fn policy(&self) -> &ClientPolicy {
        &self.policy
    }

    /// What a handshake goes by. Where authorities or revocations have changed it is made anew: with other names to ask
    /// for, and other ticket keys, so that no session from before is taken up again.
    fn config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let made = self.made.load();
        if self.policy.generations().eq(made.generations.iter().copied()) {
            return Ok(Arc::clone(&made.config));
        }
        let generations = self.policy.generations().collect();
        let config = config::server(&self.certificate, self.spoken, &self.policy)?;
        let config = Arc::new(config);
        self.made.store(Arc::new(Made {
            config: Arc::clone(&config),
            generations,
        }));
        Ok(config)
    }
}

/// The hosts of one listener, found by name.
#[derive(Debug)]
pub struct TlsHosts {
    /// Meant where no name fits, and where none is asked for.
    first: Arc<TlsHost>,
    exact: BTreeMap<Box<str>, Arc<TlsHost>>,
    /// Longest first; each with its leading dot.
    suffixes: Box<[(Box<str>, Arc<TlsHost>)]>,
}

impl TlsHosts {
    /// The hosts by their names; the first is the default. `None` without any.
    pub fn new(hosts: impl IntoIterator<Item = (Vec<HostPattern>, TlsHost)>) -> Option<Self> {
        let (mut first, mut exact, mut suffixes) = (None, BTreeMap::new(), Vec::new());
        for (names, host) in hosts {
            let host = Arc::new(host);
            first.get_or_insert_with(|| Arc::clone(&host));
            for name in names {
                match name {
                    HostPattern::Exact(name) => drop(exact.insert(name, Arc::clone(&host))),
                    HostPattern::Suffix(suffix) => suffixes.push((suffix, Arc::clone(&host))),
                    HostPattern::Any => {}
                }
            }
        }
        suffixes.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        Some(Self {
            first: first?,
            exact,
            suffixes: suffixes.into(),
        })
    }

    /// Until when the certificate of each name holds, where it can be read.
    pub fn ends(&self) -> impl Iterator<Item = (String, Timestamp)> {
        let exact = self.exact.iter().map(|(name, host)| (name.to_string(), host));
        let suffixes = self.suffixes.iter();
        let suffixes = suffixes.map(|(suffix, host)| (format!("*{suffix}"), host));
        let all = exact.chain(suffixes);
        all.filter_map(|(name, host)| Some((name, host.certificate.not_after()?)))
    }

    /// The host of `name`, which is in lower case and has no trailing dot: the one that has it, else the one with the
    /// longest `*.` that covers it (one or more labels, never the apex), else the first.
    pub(crate) fn chosen(&self, name: Option<&str>) -> &Arc<TlsHost> {
        let Some(name) = name else { return &self.first };
        let by_suffix = || {
            let covers = |suffix: &str| name.len() > suffix.len() && name.ends_with(suffix);
            let found = self.suffixes.iter().find(|(suffix, _)| covers(suffix));
            found.map(|(_, host)| host)
        };
        self.exact.get(name).or_else(by_suffix).unwrap_or(&self.first)
    }
}
