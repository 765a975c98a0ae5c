//! Where to listen, as the configuration writes it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `127.0.0.1:9180`, `[::]:9180`
    Tcp(SocketAddr),
    /// `unix:/run/countersign/auth.sock`
    Unix(PathBuf),
    /// `systemd:NAME`: the socket of that `FileDescriptorName`.
    Systemd(String),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address: write an IP address and port (127.0.0.1:9180), unix:/absolute/path or systemd:NAME")]
pub struct AddressError;

impl Address {
    /// Reads an address. Host names are not looked up: which address was meant should not hang on a resolver.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("systemd", name)) if !name.is_empty() => Ok(Self::Systemd(name.to_owned())),
            _ => text.parse().map(Self::Tcp).map_err(|_| AddressError),
        }
    }

    /// Whether only this machine can reach it.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
            Self::Systemd(_) => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_written_out() {
        for text in ["127.0.0.1:9180", "[::]:80", "unix:/run/x.sock", "systemd:auth"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "localhost:80",
            "127.0.0.1",
            ":80",
            "unix:relative",
            "unix:",
            "systemd:",
            "tcp:1.2.3.4:5",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        assert!(Address::parse("127.0.0.1:1").unwrap().is_local());
        assert!(!Address::parse("0.0.0.0:1").unwrap().is_local());
    }
}
