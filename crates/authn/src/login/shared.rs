//! One domain whose hosts share their sessions: the cookie goes to all of them.

use countersign_core::gate::Host;
use std::fmt;

/// A domain that one owner has, and under which all hosts are trusted alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDomain(Box<str>);

/// Why a domain cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharedDomainError {
    /// Not the name of a host.
    #[error("not the name of a domain, such as home.example")]
    Name,
    /// An address.
    #[error("an address has no hosts under it")]
    Address,
    /// A suffix under which anybody can have a name, and for which no browser keeps a cookie (RFC 6265bis section 5.6).
    #[error("anybody can have a host under it, and no browser keeps a cookie for it (Public Suffix List)")]
    PublicSuffix,
}

impl SharedDomain {
    /// Reads the name of a domain.
    pub fn parse(text: &str) -> Result<Self, SharedDomainError> {
        let host = Host::judge(text).map_err(|_| SharedDomainError::Name)?;
        if host.port().is_some() {
            return Err(SharedDomainError::Name);
        }
        match url::Host::parse(host.name()) {
            Ok(url::Host::Domain(_)) => {}
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => return Err(SharedDomainError::Address),
            Err(_) => return Err(SharedDomainError::Name),
        }
        if psl::domain_str(host.name()).is_none() {
            return Err(SharedDomainError::PublicSuffix);
        }
        Ok(Self(host.name().into()))
    }

    /// Its name, as a cookie's `Domain`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether `host`, as judged, is the domain itself or under it.
    pub fn holds(&self, host: &str) -> bool {
        host.strip_suffix(self.name())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// The hosts it is: no single host is called so, and a session that is bound to one is not bound to them.
impl fmt::Display for SharedDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_holds_itself_and_what_is_under_it() {
        let domain = SharedDomain::parse("Home.Example").unwrap();
        for inside in ["home.example", "app.home.example", "a.b.home.example"] {
            assert!(domain.holds(inside), "{inside}");
        }
        for outside in [
            "evilhome.example",
            "example",
            "home.example.evil.test",
            "home.exampl",
            "",
            ".",
        ] {
            assert!(!domain.holds(outside), "{outside}");
        }
    }

    #[test]
    fn what_is_nobodys_or_everybodys_is_not_shared() {
        use SharedDomainError::{Address, Name, PublicSuffix};
        let refused = [
            ("", Name),
            (".home.example", Name),
            ("*.home.example", Name),
            ("https://home.example", Name),
            ("home.example:443", Name),
            ("home.example/a", Name),
            ("h\u{f6}me.example", Name),
            ("192.0.2.1", Address),
            ("[2001:db8::1]", Address),
            ("localhost", PublicSuffix),
            ("com", PublicSuffix),
            ("co.uk", PublicSuffix),
            ("github.io", PublicSuffix),
            ("any.ck", PublicSuffix),
            ("xn--55qx5d.cn", PublicSuffix),
        ];
        for (text, why) in refused {
            assert_eq!(SharedDomain::parse(text), Err(why), "{text}");
        }
        for text in [
            "home.example",
            "home.localhost",
            "bbc.co.uk",
            "me.github.io",
            "www.ck",
        ] {
            SharedDomain::parse(text).unwrap();
        }
    }
}
