//! The authorities of trust domains, live, from a Workload API (SPIFFE Workload API, sections 5.2.2 and 6.2.3).

use crate::keys::{Keys, Offline};
use crate::kinds::Parts;
use countersign_core::options::Fault;
use countersign_core::spiffe::TrustDomain;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The certificates (DER) of one trust domain's authorities, in the order of its bundle.
pub type X509Authorities = Arc<[Box<[u8]>]>;

/// Where a Workload API listens: a socket file of this machine. Whoever answers there says whom we believe, so nothing
/// that crosses a network is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadApiAddress(Box<str>);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a Workload API: write unix:/absolute/path")]
pub struct WorkloadApiAddressError;

/// Watches trust bundles. What is watched at one address is asked for once, however many watch.
pub trait BundleFactory: Send + Sync + fmt::Debug {
    /// The X.509 authorities of `trust_domain`, as the Workload API at `address` tells them from now on. Nothing is waited
    /// for.
    fn watch(&self, address: &WorkloadApiAddress, trust_domain: &TrustDomain) -> Arc<dyn BundleSource>;

    /// The keys that sign JWT-SVIDs of `trust_domain`, likewise. When the Workload API is silent for `max_staleness`, they
    /// are believed no more.
    fn jwt_authorities(
        &self,
        address: &WorkloadApiAddress,
        trust_domain: &TrustDomain,
        max_staleness: Duration,
    ) -> Arc<dyn Keys>;
}

/// The X.509 authorities of one trust domain, now.
pub trait BundleSource: Send + Sync + fmt::Debug {
    /// The authorities: the last that were told, also while the Workload API is silent. Fails when there never were any, or
    /// the Workload API tells of this trust domain no more; the text is for the log.
    fn x509_authorities(&self) -> Result<X509Authorities, Arc<str>>;

    /// Changes whenever the authorities do.
    fn generation(&self) -> u64;
}

impl WorkloadApiAddress {
    /// Reads `unix:/absolute/path`, or `unix:///absolute/path` as the standard writes it (SPIFFE Workload Endpoint, section
    /// 4).
    pub fn parse(text: &str) -> Result<Self, WorkloadApiAddressError> {
        let path = text
            .strip_prefix("unix://")
            .filter(|path| path.starts_with('/'))
            .or_else(|| text.strip_prefix("unix:"))
            .ok_or(WorkloadApiAddressError)?;
        let plain = |byte: u8| !byte.is_ascii_control() && !b"?#".contains(&byte);
        let whole = path.starts_with('/') && !path.starts_with("//") && path.len() > 1;
        if whole && path.bytes().all(plain) {
            Ok(Self(path.into()))
        } else {
            Err(WorkloadApiAddressError)
        }
    }

    /// The path of the socket.
    pub fn path(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkloadApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.0)
    }
}

impl BundleFactory for Offline {
    fn watch(&self, _address: &WorkloadApiAddress, _trust_domain: &TrustDomain) -> Arc<dyn BundleSource> {
        Arc::new(Self)
    }

    fn jwt_authorities(
        &self,
        _address: &WorkloadApiAddress,
        _trust_domain: &TrustDomain,
        _max_staleness: Duration,
    ) -> Arc<dyn Keys> {
        Arc::new(Self)
    }
}

impl BundleSource for Offline {
    fn x509_authorities(&self) -> Result<X509Authorities, Arc<str>> {
        Err("nothing is fetched here".into())
    }

    fn generation(&self) -> u64 {
        0
    }
}

/// What the option `workload_api` names, and who watches it.
pub(crate) fn open_workload_api<'p>(
    text: &str,
    parts: &'p Parts,
) -> Result<(&'p Arc<dyn BundleFactory>, WorkloadApiAddress), Fault> {
    let fault = |message: String| Fault::new("workload_api", message);
    let address = WorkloadApiAddress::parse(text).map_err(|error| fault(error.to_string()))?;
    let without = "this program was built without the Workload API (feature `workload-api`)";
    let bundles = parts.bundles.as_ref();
    Ok((bundles.ok_or_else(|| fault(without.to_owned()))?, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_file() {
        for (text, path) in [
            ("unix:/run/spire/agent.sock", "/run/spire/agent.sock"),
            ("unix:///run/spire/agent.sock", "/run/spire/agent.sock"),
        ] {
            let address = WorkloadApiAddress::parse(text).unwrap();
            assert_eq!(address.path(), path);
            assert_eq!(address.to_string(), "unix:/run/spire/agent.sock");
        }
        for text in [
            "",
            "unix:",
            "unix:/",
            "unix:relative",
            "unix://host/path",
            "unix:////path",
            "unix:/a?b",
            "unix:/a\nb",
            "/run/spire/agent.sock",
            "tcp:127.0.0.1:8081",
            "tcp://127.0.0.1:8081",
        ] {
            assert_eq!(
                WorkloadApiAddress::parse(text),
                Err(WorkloadApiAddressError),
                "{text}"
            );
        }
    }
}
