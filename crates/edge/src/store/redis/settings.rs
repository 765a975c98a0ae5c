//! Where Redis is, as the configuration says it, judged once.

use crate::http_client;
use countersign_core::secret::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// What every name in Redis begins with unless told otherwise.
pub const DEFAULT_PREFIX: &str = "countersign:";
const DEFAULT_PORT: u16 = 6379;
/// The most bytes of a prefix.
const MAX_PREFIX: usize = 100;

/// Where Redis is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://HOST:PORT` or, with TLS, `rediss://HOST:PORT`; `/NUMBER` behind it is the database. No user, no password.
    pub url: String,
    /// The user of an access control list; `default` where there is none.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// The number of the database, unless the URL has it; 0 otherwise.
    pub database: Option<u32>,
    /// The authorities believed of a server with TLS, PEM; the system's otherwise.
    pub authorities: Option<Arc<[u8]>>,
    /// What every name in Redis begins with.
    pub prefix: String,
}

/// The same, judged.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret<String>>,
    pub(super) database: u32,
}

impl Settings {
    /// What `url` says, and nothing else.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            username: None,
            password: None,
            database: None,
            authorities: None,
            prefix: DEFAULT_PREFIX.to_owned(),
        }
    }

    /// Judges the settings. Nothing of the URL is repeated but what is known to be no password.
    pub(super) fn place(&self) -> Result<Place, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("the URL of Redis: {error}"))?;
        let with_tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            other => {
                return Err(format!(
                    "the URL of Redis begins with redis: or rediss:, not {other}:"
                ));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the URL of Redis has a user or a password: they have options of their own, which are not printed"
                    .to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(
                "the URL of Redis has more than a host, a port and the number of a database".to_owned(),
            );
        }
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => return Err("the URL of Redis has no host".to_owned()),
        };
        if self.prefix.is_empty() || self.prefix.len() > MAX_PREFIX {
            return Err(format!(
                "the prefix of names in Redis has 1 to {MAX_PREFIX} bytes"
            ));
        }
        Ok(Place {
            tls: self.tls(with_tls, &host)?,
            host,
            port: url.port().unwrap_or(DEFAULT_PORT),
            username: self.username.clone(),
            password: self.password.clone(),
            database: self.database(&url)?,
        })
    }

    fn database(&self, url: &Url) -> Result<u32, String> {
        let path = url.path().trim_start_matches('/');
        if path.is_empty() {
            return Ok(self.database.unwrap_or(0));
        }
        let number = path.parse::<u32>().map_err(|_| {
            format!("the URL of Redis ends in {path:?}, which is not the number of a database")
        })?;
        match self.database {
            Some(other) if other != number => Err(format!(
                "the URL of Redis names database {number}, the option beside it {other}: one of them is enough"
            )),
            Some(_) | None => Ok(number),
        }
    }

    fn tls(&self, wanted: bool, host: &str) -> Result<Option<(TlsConnector, ServerName<'static>)>, String> {
        if !wanted {
            return match self.authorities {
                Some(_) => {
                    Err("authorities are given for Redis, and its URL is without TLS: rediss:".to_owned())
                }
                None => Ok(None),
            };
        }
        if let Some(pem) = &self.authorities
            && !CertificateDer::pem_slice_iter(pem).any(|certificate| certificate.is_ok())
        {
            return Err("the authorities for Redis hold no certificate in PEM".to_owned());
        }
        let config = http_client::tls(self.authorities.as_ref())?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("the host of Redis, {host:?}, cannot be in a certificate"))?;
        Ok(Some((TlsConnector::from(Arc::new(config)), name)))
    }
}

impl Place {
    /// What whoever starts the gateway should know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let near = self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if self.tls.is_some() || near {
            return Vec::new();
        }
        vec![format!(
            "what is said to Redis at {} can be read and changed on the way, its password too: rediss: has TLS",
            self.address()
        )]
    }

    /// `HOST:PORT`, for messages.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, String> {
        Settings::at(url).place()
    }

    fn refused(url: &str) -> String {
        place(url).err().unwrap_or_else(|| panic!("{url} is taken"))
    }

    #[test]
    fn a_url_says_where_and_which() {
        for (url, address, database, tls) in [
            ("redis://localhost", "localhost:6379", 0, false),
            ("redis://127.0.0.1:7000/3", "127.0.0.1:7000", 3, false),
            ("redis://[::1]:7000/", "[::1]:7000", 0, false),
            ("rediss://cache.example", "cache.example:6379", 0, true),
        ] {
            let place = place(url).unwrap();
            assert_eq!(
                (place.address().as_str(), place.database, place.tls.is_some()),
                (address, database, tls),
                "{url}"
            );
        }
        let other = Settings {
            database: Some(4),
            ..Settings::at("redis://localhost/4")
        };
        assert_eq!(other.place().unwrap().database, 4);
    }

    #[test]
    fn what_is_no_such_url_says_so_and_repeats_no_password() {
        for (url, word) in [
            ("http://localhost", "not http:"),
            ("localhost:6379", "not localhost:"),
            ("redis:", "no host"),
            ("redis://localhost/sessions", "\"sessions\""),
            ("redis://localhost/-1", "\"-1\""),
            ("redis://localhost?db=3", "more than"),
            ("redis://:hunter2@localhost", "password"),
            ("rediss://me:hunter2@localhost", "password"),
            ("redis://me@localhost", "user"),
        ] {
            let why = refused(url);
            assert!(why.contains(word) && !why.contains("hunter2"), "{url}: {why}");
        }
        let two = Settings {
            database: Some(4),
            ..Settings::at("redis://localhost/3")
        };
        assert!(two.place().is_err_and(|why| why.contains("database 3")));
        let nothing = Settings {
            prefix: String::new(),
            ..Settings::at("redis://localhost")
        };
        assert!(nothing.place().is_err_and(|why| why.contains("prefix")));
    }

    #[test]
    fn authorities_are_certificates_and_for_tls() {
        let with = |url| Settings {
            authorities: Some(b"none".as_slice().into()),
            ..Settings::at(url)
        };
        assert!(
            with("redis://localhost")
                .place()
                .is_err_and(|why| why.contains("without TLS"))
        );
        assert!(
            with("rediss://localhost")
                .place()
                .is_err_and(|why| why.contains("no certificate"))
        );
    }

    #[test]
    fn a_password_in_the_open_is_warned_of() {
        let warned = |url| place(url).unwrap().warnings().len();
        assert_eq!(warned("redis://cache.example"), 1);
        for quiet in [
            "rediss://cache.example",
            "redis://localhost",
            "redis://127.0.0.2",
            "redis://[::1]",
        ] {
            assert_eq!(warned(quiet), 0, "{quiet}");
        }
    }
}
