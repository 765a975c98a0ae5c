//! Where a Redis listens, as a URL says it: judged once, and what was judged is what goes on.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use thiserror::Error;
use url::{Host, Url};

const DEFAULT_PORT: u16 = 6379;
/// The most bytes that the path of a socket has on Linux: one less than `sun_path`, for the zero at its end.
const MAX_SOCKET_PATH: usize = 107;

/// Where a Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// In the network.
    Network {
        /// A name or an address; that of IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS there.
        with_tls: bool,
    },
    /// At a socket of this machine.
    Socket(PathBuf),
}

/// Why a text is no such URL. Nothing of the URL is repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No URL at all, one of something else, or one without a host.
    #[error("not the URL of a Redis")]
    Foreign,
    /// A user or a password.
    #[error("a password is not written here: `username` and `password` are keys of their own")]
    Credentials,
    /// More than an address and the number of a database.
    #[error("nothing stands behind the address but the number of a database")]
    More,
    /// The path of the socket is relative, empty, a folder's, or has control characters.
    #[error("a socket is named by its whole path")]
    NotWhole,
    /// The path of the socket is longer than the system takes.
    #[error("the path of a socket has at most {MAX_SOCKET_PATH} bytes, and this one has {0}")]
    Long(usize),
}

impl Address {
    /// Reads `redis://HOST:PORT`, with TLS `rediss://HOST:PORT`, or `unix:///PATH`; behind it may stand a database:
    /// `/NUMBER` after a port, `?db=NUMBER` after either.
    pub fn read(text: &str) -> Result<(Self, Option<u16>), AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Foreign)?;
        let network = match url.scheme() {
            "redis" => Some(false),
            "rediss" => Some(true),
            "unix" | "redis+unix" => None,
            _ => return Err(AddressError::Foreign),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let asked = asked_database(&url)?;
        let Some(with_tls) = network else {
            return Ok((Self::Socket(socket(&url)?), asked));
        };
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => return Err(AddressError::Foreign),
        };
        let path = url.path().trim_start_matches('/');
        let database = match (path, asked) {
            ("", asked) => asked,
            (path, None) => Some(number(path)?),
            (_, Some(_)) => return Err(AddressError::More),
        };
        let port = url.port().unwrap_or(DEFAULT_PORT);
        Ok((Self::Network { host, port, with_tls }, database))
    }
}

/// The one thing that may be asked for: `?db=NUMBER`.
fn asked_database(url: &Url) -> Result<Option<u16>, AddressError> {
    if url.fragment().is_some() {
        return Err(AddressError::More);
    }
    let mut database = None;
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" if database.is_none() => database = Some(number(&value)?),
            // As some clients have it.
            "user" | "username" | "pass" | "password" => return Err(AddressError::Credentials),
            _ => return Err(AddressError::More),
        }
    }
    Ok(database)
}

fn number(text: &str) -> Result<u16, AddressError> {
    text.parse().map_err(|_| AddressError::More)
}

fn socket(url: &Url) -> Result<PathBuf, AddressError> {
    // `unix://run/redis.sock` has a host, and `unix:run/redis.sock` no path from the root.
    if url.has_host() && url.host_str() != Some("") || !url.path().starts_with('/') {
        return Err(AddressError::NotWhole);
    }
    let path = url.to_file_path().map_err(|()| AddressError::NotWhole)?;
    let bytes = path.as_os_str().as_bytes();
    if bytes.ends_with(b"/") || bytes.iter().any(u8::is_ascii_control) {
        return Err(AddressError::NotWhole);
    }
    if bytes.len() > MAX_SOCKET_PATH {
        return Err(AddressError::Long(bytes.len()));
    }
    Ok(path)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { host, port, with_tls } => {
                let scheme = if *with_tls { "rediss" } else { "redis" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_which() {
        for (url, address, database) in [
            ("redis://localhost", "redis://localhost:6379", None),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000", Some(3)),
            ("redis://[::1]:7000/", "redis://[::1]:7000", None),
            ("rediss://cache.example", "rediss://cache.example:6379", None),
            (
                "rediss://cache.example?db=4",
                "rediss://cache.example:6379",
                Some(4),
            ),
            (
                "unix:///run/redis/redis.sock",
                "unix:///run/redis/redis.sock",
                None,
            ),
            ("unix:/run/redis.sock?db=0", "unix:///run/redis.sock", Some(0)),
            (
                "redis+unix:///run/a%20b.sock?db=15",
                "unix:///run/a b.sock",
                Some(15),
            ),
        ] {
            let (read, number) = Address::read(url).unwrap();
            assert_eq!((read.to_string().as_str(), number), (address, database), "{url}");
        }
    }

    #[test]
    fn what_is_no_such_url_says_so_and_repeats_no_password() {
        use AddressError::{Credentials, Foreign, Long, More, NotWhole};
        let long = |length: usize| format!("unix:///{}", "a".repeat(length - 1));
        for (url, expected) in [
            ("http://localhost", Foreign),
            ("localhost:6379", Foreign),
            ("/run/redis/redis.sock", Foreign),
            ("rediss+unix:///run/redis.sock", Foreign),
            ("redis:", Foreign),
            ("redis:///3", Foreign),
            ("redis://localhost/sessions", More),
            ("redis://localhost/-1", More),
            ("redis://localhost/65536", More),
            ("redis://localhost/3?db=3", More),
            ("redis://localhost#3", More),
            ("unix:///run/redis.sock?db=3&db=3", More),
            ("unix:///run/redis.sock?db=", More),
            ("unix:///run/redis.sock?protocol=resp3", More),
            ("redis://:hunter2@localhost", Credentials),
            ("rediss://me:hunter2@localhost", Credentials),
            ("redis://me@localhost", Credentials),
            ("unix:///run/redis.sock?user=me&pass=hunter2", Credentials),
            ("unix:///run/redis.sock?db=1&password=hunter2", Credentials),
            ("unix://me:hunter2@host/run/redis.sock", Credentials),
            ("unix:", NotWhole),
            ("unix:///", NotWhole),
            ("unix://", NotWhole),
            ("unix:run/redis.sock", NotWhole),
            ("unix://run/redis.sock", NotWhole),
            ("unix://localhost/run/redis.sock", NotWhole),
            ("unix:///run/redis/", NotWhole),
            ("unix:///run/redis%00.sock", NotWhole),
            (&long(108), Long(108)),
        ] {
            let error = Address::read(url).unwrap_err();
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(Address::read(&long(107)).is_ok());
    }
}
