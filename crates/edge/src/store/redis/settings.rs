//! How Redis is come by: whoever asks, which database, and who vouches for it.

use super::address::Address;
use crate::http_client;
use countersign_core::secret::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// What every name in Redis begins with unless told otherwise.
pub const DEFAULT_PREFIX: &str = "countersign:";
/// The most bytes of a prefix.
const MAX_PREFIX: usize = 100;

/// Where Redis is, and how it is come by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub address: Address,
    /// The user of an access control list; `default` where there is none.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// The number of the database.
    pub database: u32,
    /// The authorities believed of a server with TLS, PEM; the system's otherwise.
    pub authorities: Option<Arc<[u8]>>,
    /// What every name in Redis begins with.
    pub prefix: String,
}

/// The same, judged.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) address: Address,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret<String>>,
    pub(super) database: u32,
}

impl Settings {
    /// What an address says, and nothing else.
    pub fn at(address: Address) -> Self {
        Self {
            address,
            username: None,
            password: None,
            database: 0,
            authorities: None,
            prefix: DEFAULT_PREFIX.to_owned(),
        }
    }

    /// Judges the settings.
    pub(super) fn place(&self) -> Result<Place, String> {
        if self.prefix.is_empty() || self.prefix.len() > MAX_PREFIX {
            return Err(format!(
                "the prefix of names in Redis has 1 to {MAX_PREFIX} bytes"
            ));
        }
        Ok(Place {
            tls: self.tls()?,
            address: self.address.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            database: self.database,
        })
    }

    fn tls(&self) -> Result<Option<(TlsConnector, ServerName<'static>)>, String> {
        let host = match &self.address {
            Address::Network {
                host, with_tls: true, ..
            } => host,
            Address::Network { with_tls: false, .. } | Address::Socket(_) => {
                return match self.authorities {
                    Some(_) => {
                        Err("authorities are given for Redis, and its URL is without TLS: rediss:".to_owned())
                    }
                    None => Ok(None),
                };
            }
        };
        if let Some(pem) = &self.authorities
            && !CertificateDer::pem_slice_iter(pem).any(|certificate| certificate.is_ok())
        {
            return Err("the authorities for Redis hold no certificate in PEM".to_owned());
        }
        let config = http_client::tls(self.authorities.as_ref())?;
        let name = ServerName::try_from(host.clone())
            .map_err(|_| format!("the host of Redis, {host:?}, cannot be in a certificate"))?;
        Ok(Some((TlsConnector::from(Arc::new(config)), name)))
    }
}

impl Place {
    /// What whoever starts the gateway should know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let near = match &self.address {
            Address::Socket(_) => true,
            Address::Network { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        };
        if self.tls.is_some() || near {
            return Vec::new();
        }
        vec![format!(
            "what is said to Redis at {} can be read and changed on the way, its password too: rediss: has TLS",
            self.address
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Settings {
        Settings::at(Address::read(url).unwrap().0)
    }

    #[test]
    fn names_begin_with_something() {
        let nothing = Settings {
            prefix: String::new(),
            ..at("redis://localhost")
        };
        assert!(nothing.place().is_err_and(|why| why.contains("prefix")));
    }

    #[test]
    fn authorities_are_certificates_and_for_tls() {
        let with = |url| Settings {
            authorities: Some(b"none".as_slice().into()),
            ..at(url)
        };
        for without in ["redis://localhost", "unix:///run/redis.sock"] {
            let place = with(without).place();
            assert!(place.is_err_and(|why| why.contains("without TLS")), "{without}");
        }
        assert!(
            with("rediss://localhost")
                .place()
                .is_err_and(|why| why.contains("no certificate"))
        );
    }

    #[test]
    fn a_password_in_the_open_is_warned_of() {
        let warned = |url| at(url).place().unwrap().warnings().len();
        assert_eq!(warned("redis://cache.example"), 1);
        for quiet in [
            "rediss://cache.example",
            "redis://localhost",
            "redis://127.0.0.2",
            "redis://[::1]",
            "unix:///run/redis.sock",
        ] {
            assert_eq!(warned(quiet), 0, "{quiet}");
        }
    }
}
