//! Sites that need no registration: each is known by its origin, and by a pattern that the operator wrote.

use countersign_core::gate::{Host, Scheme};
use countersign_core::own_path;
use countersign_core::route::HostPattern;
use std::fmt;

/// The longest origin, in bytes: a host name of 253, scheme and port.
const MAX_ORIGIN_BYTES: usize = 253 + "https://:65535".len();
const SCHEME: &str = "https://";
/// The one name of a single label that everybody knows.
const LOCALHOST: &str = "localhost";

/// An origin of HTTPS in its one spelling (RFC 6454 section 6.2): lower case, no port that is 443, nothing after it. It is
/// the site's `client_id`, and the audience of what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: Box<str>,
    host: Host,
}

/// Why a text is not the origin of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not `https://`.
    #[error("a site is reached by https")]
    Scheme,
    /// Not a host, or more than one.
    #[error("not the host of a site")]
    Host,
    /// Another spelling of an origin: upper case, a port that goes without saying, a slash at the end.
    #[error("an origin has one spelling: https, the host in lower case, and a port that is not 443")]
    Spelling,
}

impl Origin {
    /// Reads an origin that is spelled as it should be.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.len() > MAX_ORIGIN_BYTES {
            return Err(OriginError::Host);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(OriginError::Scheme)?;
        let host = Host::judge(rest).map_err(|_| OriginError::Host)?;
        let origin = Self::of(&host);
        if *origin.text == *text {
            Ok(origin)
        } else {
            Err(OriginError::Spelling)
        }
    }

    /// The origin of a host that is reached by HTTPS.
    pub fn of(host: &Host) -> Self {
        let text = match host.port_for(Scheme::Https) {
            443 => format!("{SCHEME}{}", host.name()),
            port => format!("{SCHEME}{}:{port}", host.name()),
        };
        Self {
            text: text.into(),
            host: host.clone(),
        }
    }

    /// As it is sent and compared.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The only redirect URI of the site.
    pub fn callback(&self) -> String {
        format!("{}{}", self.text, own_path::CALLBACK)
    }

    /// Where the site is told that a session has ended.
    pub fn backchannel_logout(&self) -> String {
        format!("{}{}", self.text, own_path::BACKCHANNEL_LOGOUT)
    }

    /// Its first page.
    pub fn home(&self) -> String {
        format!("{}/", self.text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which origins are sites: a host, or `*.` and a suffix, and one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePattern {
    /// With a leading dot where it stands for what is under it.
    name: Box<str>,
    port: u16,
}

/// Why a pattern is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SitePatternError {
    /// Cookies, codes and tokens would travel in the open.
    #[error("a site that is reached by http is not signed in: what it gets would travel in the open")]
    Http,
    /// Not a host, nor `*.` and one.
    #[error("not a host, or `*.` and one, with a port where it is not 443")]
    Host,
    /// An address has no names under it.
    #[error("an address has no hosts under it")]
    Address,
    /// Anybody can have a host under it (Public Suffix List).
    #[error("anybody can have a host under it (Public Suffix List)")]
    PublicSuffix,
    /// A name of one label, which means another host on another network.
    #[error("a name of one label is another host on every network")]
    SingleLabel,
}

impl SitePattern {
    /// Reads `app.home.example`, `*.home.example` (one label or more, and not the apex) or either with `:8443`.
    pub fn parse(text: &str) -> Result<Self, SitePatternError> {
        let text = match text.split_once("://") {
            Some(("https", rest)) => rest,
            Some(("http", _)) => return Err(SitePatternError::Http),
            Some(_) => return Err(SitePatternError::Host),
            None => text,
        };
        let (under, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let host = Host::judge(name).map_err(|_| SitePatternError::Host)?;
        let port = host.port_for(Scheme::Https);
        let is_address = match url::Host::parse(host.name()) {
            Ok(url::Host::Domain(_)) => false,
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
            Err(_) => return Err(SitePatternError::Host),
        };
        if under && is_address {
            return Err(SitePatternError::Address);
        }
        if !is_address && !host.name().contains('.') && host.name() != LOCALHOST {
            return Err(SitePatternError::SingleLabel);
        }
        if under && has_hosts_of_anybody(host.name()) {
            return Err(SitePatternError::PublicSuffix);
        }
        let dot = if under { "." } else { "" };
        Ok(Self {
            name: format!("{dot}{}", host.name()).into(),
            port,
        })
    }

    /// Whether `origin` is one of these sites.
    pub fn holds(&self, origin: &Origin) -> bool {
        self.names(origin.host.name()) && origin.host.port_for(Scheme::Https) == self.port
    }

    /// Whether it stands for many hosts.
    pub fn has_star(&self) -> bool {
        self.name.starts_with('.')
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether some host that `hosts` covers may be one of these sites, on whichever port.
    pub fn may_hold(&self, hosts: &HostPattern) -> bool {
        match hosts {
            HostPattern::Any => true,
            HostPattern::Exact(name) => self.names(name),
            HostPattern::Suffix(suffix) => {
                let is_wider = self.name.starts_with('.') && suffix.ends_with(&*self.name);
                is_wider || self.name.ends_with(&**suffix)
            }
        }
    }

    fn names(&self, name: &str) -> bool {
        match self.name.strip_prefix('.') {
            None => *self.name == *name,
            Some(suffix) => {
                let labels = name.strip_suffix(&*self.name);
                labels.is_some_and(|labels| !labels.is_empty()) && !has_another_owner(name, suffix)
            }
        }
    }

    /// Whether there can be a site that is one of these and one of those.
    pub fn overlaps(&self, other: &Self) -> bool {
        let named = self.has_all_hosts_of(other) || other.has_all_hosts_of(self);
        named && self.port == other.port
    }

    /// Whether the host of each of those sites is one of these, on whichever port.
    pub fn has_all_hosts_of(&self, other: &Self) -> bool {
        self.name == other.name || self.name.starts_with('.') && other.name.ends_with(&*self.name)
    }
}

impl fmt::Display for SitePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.name.starts_with('.') { "*" } else { "" };
        match self.port {
            443 => write!(f, "{star}{}", self.name),
            port => write!(f, "{star}{}:{port}", self.name),
        }
    }
}

/// Whether the list says that `name`, which is under `suffix`, is not of whoever has that: `*.cloud.example` does not mean
/// the customers of a cloud whose list entry is `*.compute.cloud.example`.
fn has_another_owner(name: &str, suffix: &str) -> bool {
    psl::domain(name.as_bytes()).map_or_else(
        || psl::suffix(name.as_bytes()).is_some_and(|listed| listed.is_known()),
        |domain| domain.suffix().is_known() && domain.as_bytes().len() > suffix.len(),
    )
}

/// Whether the list says of whatever is under `name` that it is somebody else's: it has `name` itself, or a star under it.
fn has_hosts_of_anybody(name: &str) -> bool {
    // As long as a label can be: what the list has there can only be a star.
    is_listed_suffix(name) || is_listed_suffix(&format!("{:x<63}.{name}", ""))
}

/// Whether the list itself has `name`. What no rule is about is not meant: `*.home.internal` is the operator's own.
fn is_listed_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes())
        .is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        use OriginError::{Host, Scheme, Spelling};
        for text in [
            "https://app.home.example",
            "https://app.home.example:8443",
            "https://my-app.home.example",
            "https://192.0.2.1",
            "https://[2001:db8::1]:8443",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        for (text, why) in [
            ("http://app.home.example", Scheme),
            ("HTTPS://app.home.example", Scheme),
            ("app.home.example", Scheme),
            ("", Scheme),
            ("https://", Host),
            ("https://app.home.example/", Host),
            ("https://app.home.example/x", Host),
            ("https://app.home.example?x", Host),
            ("https://app.home.example#x", Host),
            ("https://evil.test@app.home.example", Host),
            ("https://app.home.example\\.evil.test", Host),
            ("https://app.home.example:0", Host),
            ("https://app.home.example:65536", Host),
            ("https://app.home.example,evil.test", Host),
            ("https://app..home.example", Host),
            ("https://\u{430}pp.home.example", Host),
            ("https://app%2ehome.example", Host),
            ("https://app.home.example:443", Spelling),
            ("https://app.home.example:08443", Spelling),
            ("https://App.home.example", Spelling),
            ("https://app.home.example.", Spelling),
            ("https://[2001:DB8::1]", Spelling),
        ] {
            assert_eq!(Origin::parse(text).unwrap_err(), why, "{text}");
        }
        let long = format!("https://{}", "a.".repeat(140));
        assert_eq!(Origin::parse(&long).unwrap_err(), Host);
    }

    #[test]
    fn an_origins_only_redirect_uri_is_our_callback_there() {
        let origin = Origin::parse("https://app.home.example:8443").unwrap();
        assert_eq!(
            origin.callback(),
            "https://app.home.example:8443/.countersign/callback"
        );
    }

    #[test]
    fn a_star_stands_for_labels_and_not_for_the_apex() {
        let check = |pattern: &str, origin: &str| {
            SitePattern::parse(pattern)
                .unwrap()
                .holds(&Origin::parse(origin).unwrap())
        };
        for (pattern, origin) in [
            ("*.home.example", "https://app.home.example"),
            ("*.home.example", "https://a.b.home.example"),
            ("*.Home.Example.", "https://a.b.home.example"),
            ("home.example", "https://home.example"),
            ("https://home.example", "https://home.example"),
            ("*.home.example:8443", "https://app.home.example:8443"),
            ("home.example:443", "https://home.example"),
            ("localhost:8443", "https://localhost:8443"),
            ("*.localhost", "https://app.localhost"),
            ("*.home.internal", "https://app.home.internal"),
            ("*.my-corp.example", "https://app.my-corp.example"),
            ("192.0.2.1", "https://192.0.2.1"),
            ("*.me.github.io", "https://app.me.github.io"),
            ("*.console.amazonaws.com", "https://eu.console.amazonaws.com"),
            ("*.mythic-beasts.com", "https://www.mythic-beasts.com"),
        ] {
            assert!(check(pattern, origin), "{pattern} {origin}");
        }
        for (pattern, origin) in [
            ("*.home.example", "https://home.example"),
            ("*.home.example", "https://evilhome.example"),
            ("*.home.example", "https://app.home.example:8443"),
            ("*.home.example:8443", "https://app.home.example"),
            ("*.home.example", "https://app.home.example.evil.test"),
            ("home.example", "https://app.home.example"),
            ("home.example", "https://homeXexample"),
            ("*.amazonaws.com", "https://somebody.s3.amazonaws.com"),
            ("*.amazonaws.com", "https://s3.amazonaws.com"),
            ("*.mythic-beasts.com", "https://x.mythic-beasts.com"),
            ("*.mythic-beasts.com", "https://somebody.x.mythic-beasts.com"),
            ("*.amazonaws.com", "https://ec2-192-0-2-1.compute.amazonaws.com"),
        ] {
            let origin = Origin::parse(&origin.to_ascii_lowercase());
            let origin = origin.unwrap();
            assert!(
                !SitePattern::parse(pattern).unwrap().holds(&origin),
                "{pattern} {origin}"
            );
        }
    }

    #[test]
    fn two_patterns_overlap_where_a_site_can_be_of_both() {
        let check = |one: &str, other: &str, overlap: bool| {
            let (one, other) = (
                SitePattern::parse(one).unwrap(),
                SitePattern::parse(other).unwrap(),
            );
            assert_eq!(one.overlaps(&other), overlap, "{one} {other}");
            assert_eq!(other.overlaps(&one), overlap, "{other} {one}");
        };
        check("app.home.example", "app.home.example", true);
        check("*.home.example", "app.home.example", true);
        check("*.home.example", "*.lab.home.example", true);
        check("*.home.example", "home.example", false);
        check("*.home.example", "*.xhome.example", false);
        check("*.home.example", "app.home.example:8443", false);
        check("app.home.example", "wiki.home.example", false);
    }

    #[test]
    fn hosts_of_a_route_may_be_sites_where_the_two_patterns_meet() {
        for (site, hosts, may) in [
            ("app.home.example", "app.home.example", true),
            ("app.home.example:8443", "app.home.example", true),
            ("app.home.example", "*.home.example", true),
            ("*.home.example", "app.home.example", true),
            ("*.home.example", "*.home.example", true),
            ("*.home.example", "*.deep.home.example", true),
            ("*.deep.home.example", "*.home.example", true),
            ("home.example", "*", true),
            ("*.home.example", "home.example", false),
            ("home.example", "*.home.example", false),
            ("*.home.example", "*.other.example", false),
            ("app.home.example", "wiki.home.example", false),
        ] {
            let pattern = SitePattern::parse(site).unwrap();
            let hosts = HostPattern::parse(hosts).unwrap();
            assert_eq!(pattern.may_hold(&hosts), may, "{site} {hosts}");
        }
    }

    #[test]
    fn a_pattern_that_lets_strangers_in_is_refused() {
        use SitePatternError::{Address, Host, Http, PublicSuffix, SingleLabel};
        for (text, why) in [
            ("http://app.home.example", Http),
            ("ftp://app.home.example", Host),
            ("*", Host),
            ("*.", Host),
            ("", Host),
            ("**.home.example", Host),
            ("a.*.home.example", Host),
            ("*home.example", Host),
            (".home.example", Host),
            ("home.example/app", Host),
            ("home.example:0", Host),
            ("*.192.0.2.1", Address),
            ("*.[2001:db8::1]", Address),
            ("*.com", SingleLabel),
            ("*.internal", SingleLabel),
            ("intranet", SingleLabel),
            ("*.co.uk", PublicSuffix),
            ("*.github.io", PublicSuffix),
            ("*.compute.amazonaws.com", PublicSuffix),
            ("*.kawasaki.jp", PublicSuffix),
        ] {
            assert_eq!(SitePattern::parse(text), Err(why), "{text}");
        }
        for text in ["me.github.io", "*.me.github.io", "bbc.co.uk"] {
            SitePattern::parse(text).unwrap();
        }
    }

    #[test]
    fn a_pattern_reads_as_it_is_written() {
        for text in [
            "*.home.example",
            "home.example:8443",
            "*.home.example:8443",
            "home.example",
        ] {
            assert_eq!(SitePattern::parse(text).unwrap().to_string(), text);
        }
    }
}
