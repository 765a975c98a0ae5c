//! The gateway's own cookies: the session's, and one for each login under way.

use super::shared::SharedDomain;
use crate::session::SessionId;
use countersign_core::credential_place::CredentialPlace;
use countersign_core::gate::{Host, Scheme};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// The name they have when nobody says another.
pub const DEFAULT_NAME: &str = "countersign";
/// How many logins may be under way in one browser; of more, the first that are met are given up.
const MAX_UNDER_WAY: usize = 32;
/// The most cookies that are looked at.
const MAX_COOKIES: usize = 200;
/// The bytes of the secret that ties a login under way to its browser.
pub const BROWSER_BYTES: usize = 16;

/// The hexadecimal digits by which the sessions of one login are told from another's.
pub const TAG_DIGITS: usize = 8;

/// How long a cookie is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until the browser is closed.
    Browser,
    /// So many seconds.
    Seconds(u64),
}

/// With which requests of other sites a cookie goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With navigations.
    Lax,
    /// With all of them: for the provider's form that is sent here.
    None,
}

/// What there is of one cookie in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<'a> {
    /// None of this name.
    Nothing,
    /// This value.
    One(&'a str),
    /// More than one, or no text: somebody else put them there.
    Doubtful,
}

/// The names of the gateway's own cookies, whether a browser keeps them to TLS, and which hosts share the session's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    name: Box<str>,
    secure: bool,
    shared: Option<Shared>,
    /// Whether each port but the usual one has a session's cookie of its own.
    by_port: bool,
}

/// One cookie for the sessions of many hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shared {
    domain: SharedDomain,
    name: Box<str>,
}

/// How the session's cookie is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    /// What it is named after: as [`Cookies::new`] takes it.
    pub name: Box<str>,
    /// The domain whose hosts share it.
    pub share: Option<SharedDomain>,
    /// Where the cookie is the session itself: how long one lasts at most.
    pub holds_session: Option<Duration>,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: DEFAULT_NAME.into(),
            share: None,
            holds_session: None,
        }
    }
}

impl Cookies {
    /// Named after `name`: 1 to 40 letters, digits, `-` and `_`; `None` otherwise. With `over_http` they have no
    /// prefix that ties them to the host and to TLS.
    pub fn new(cookie: &SessionCookie, over_http: bool) -> Option<Self> {
        let name = &*cookie.name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let sound = (1..=40).contains(&name.len()) && name.bytes().all(plain);
        let prefixed = |prefix: &str| format!("{}{name}", if over_http { "" } else { prefix }).into();
        sound.then(|| Self {
            name: prefixed("__Host-"),
            secure: !over_http,
            shared: cookie.share.clone().map(|domain| Shared {
                domain,
                name: prefixed("__Secure-"),
            }),
            by_port: false,
        })
    }

    /// Those of sites: browsers send a cookie to every port of a host, and a site is one origin.
    pub fn of_sites(cookie: &SessionCookie) -> Option<Self> {
        let cookies = Self::new(cookie, false)?;
        Some(Self {
            shared: None,
            by_port: true,
            ..cookies
        })
    }

    /// The session's, on `host`.
    pub fn session(&self, host: &Host) -> Cow<'_, str> {
        match host.port_for(Scheme::Https) {
            port if self.by_port && port != 443 => format!("{}.{port}", self.name).into(),
            _ => {
                let shared = self.shared_by(host.name());
                shared.map_or(&*self.name, |shared| &shared.name).into()
            }
        }
    }

    /// To what the sessions of `host` are bound: to the host, or to the hosts that share them.
    pub fn bound_to<'h>(&self, host: &'h str) -> Cow<'h, str> {
        match self.shared_by(host) {
            Some(shared) => shared.domain.to_string().into(),
            None => host.into(),
        }
    }

    fn shared_by(&self, host: &str) -> Option<&Shared> {
        self.shared.as_ref().filter(|shared| shared.domain.holds(host))
    }

    /// That of the login under way with this state.
    pub fn under_way(&self, state_hash: &[u8; 32]) -> String {
        let mut name = format!("{}-", self.name);
        for byte in state_hash.iter().take(4) {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = write!(name, "{byte:02x}");
        }
        name
    }

    /// Where they stand in a request.
    pub fn places(&self) -> Vec<CredentialPlace> {
        let mut places = vec![
            CredentialPlace::Cookie(self.name.clone()),
            CredentialPlace::CookiesFrom(format!("{}-", self.name).into()),
        ];
        let shared = self.shared.iter().filter(|shared| shared.name != self.name);
        places.extend(shared.map(|shared| CredentialPlace::Cookie(shared.name.clone())));
        let of_ports = self
            .by_port
            .then(|| CredentialPlace::CookiesFrom(format!("{}.", self.name).into()));
        places.extend(of_ports);
        places
    }

    /// What makes a browser keep the session whose cookie has this value, on `host` and on those it shares sessions with.
    pub fn set_session(&self, host: &Host, value: &str, life: Life) -> Option<HeaderValue> {
        let domain = self.shared_by(host.name()).map(|shared| &shared.domain);
        self.whole((&self.session(host), value), domain, life, SameSite::Lax)
    }

    /// What makes a browser forget its session, wherever it keeps it.
    pub fn clear_session(&self, host: &Host) -> Option<HeaderValue> {
        self.set_session(host, "", Life::Seconds(0))
    }

    /// A whole `Set-Cookie` for this host alone. Names and values are ours: no character of theirs needs escaping.
    pub fn set(&self, name: &str, value: &str, life: Life, same_site: SameSite) -> Option<HeaderValue> {
        self.whole((name, value), None, life, same_site)
    }

    fn whole(
        &self,
        (name, value): (&str, &str),
        domain: Option<&SharedDomain>,
        life: Life,
        same_site: SameSite,
    ) -> Option<HeaderValue> {
        let same_site = match same_site {
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let domain = domain.map_or(String::new(), |domain| format!("; Domain={}", domain.name()));
        let mut cookie = format!("{name}={value}; Path=/{domain}{secure}; HttpOnly; SameSite={same_site}");
        match life {
            Life::Browser => {}
            Life::Seconds(seconds) => {
                // Writing to a String cannot fail.
                let _: std::fmt::Result = write!(cookie, "; Max-Age={seconds}");
            }
        }
        HeaderValue::from_str(&cookie).ok()
    }

    /// What makes a browser forget it.
    pub fn clear(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Life::Seconds(0), SameSite::Lax)
    }

    /// What makes a browser forget logins that it began and never ended, where there are too many.
    pub fn clear_abandoned(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let prefix = format!("{}-", self.name);
        let names = pairs(headers).filter_map(|(name, _)| str::from_utf8(name).ok());
        let under_way = names.filter(|name| name.starts_with(&prefix)).collect::<Vec<_>>();
        let too_many = (under_way.len() + 1).saturating_sub(MAX_UNDER_WAY);
        let given_up = under_way.iter().take(too_many);
        given_up.filter_map(|name| self.clear(name)).collect()
    }
}

/// The cookie called `name`.
pub fn sent<'h>(headers: &'h HeaderMap, name: &str) -> Sent<'h> {
    let mut values = pairs(headers).filter(|(own, _)| *own == name.as_bytes());
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some((_, value)), None) => str::from_utf8(value).map_or(Sent::Doubtful, Sent::One),
        (Some(_), Some(_)) => Sent::Doubtful,
    }
}

/// Names and values, as they stand (RFC 6265 section 4.2.1): bytes, for what an application puts in its own hides none of ours.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (pair.get(..end)?, pair.get(end + 1..)?);
            Some((name.trim_ascii(), value.trim_ascii()))
        })
        .take(MAX_COOKIES)
}

/// The value of the session's cookie: which login it is of, and the id.
pub fn session_value(tag: &str, id: &SessionId) -> String {
    tagged(tag, &id.to_text())
}

/// Reads it again.
pub fn read_session_value(value: &str) -> Option<(&str, SessionId)> {
    let (tag, id) = read_tagged(value)?;
    Some((tag, SessionId::parse(id)?))
}

/// `text`, with the login it is of.
pub(super) fn tagged(tag: &str, text: &str) -> String {
    format!("{tag}.{text}")
}

/// The login, and what is of it.
pub(super) fn read_tagged(value: &str) -> Option<(&str, &str)> {
    let (tag, text) = value.split_once('.')?;
    let is_tag = tag.len() == TAG_DIGITS && tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_tag.then_some((tag, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, share: Option<&str>, over_http: bool) -> Option<Cookies> {
        let share = share.map(|domain| SharedDomain::parse(domain).unwrap());
        let name = name.into();
        let cookie = SessionCookie {
            name,
            share,
            ..SessionCookie::default()
        };
        Cookies::new(&cookie, over_http)
    }

    fn host(text: &str) -> Host {
        Host::judge(text).unwrap()
    }

    fn sending(cookies: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookies.parse().unwrap());
        headers
    }

    #[test]
    fn cookies_are_tied_to_the_host_and_to_tls() {
        let cookies = of("countersign", None, false).unwrap();
        let set = cookies.set_session(&host("app.test"), "v", Life::Browser);
        assert_eq!(
            set.unwrap(),
            "__Host-countersign=v; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        let under_way = cookies.under_way(&[0xab; 32]);
        assert_eq!(under_way, "__Host-countersign-abababab");
        assert_eq!(
            cookies.clear(&under_way).unwrap(),
            "__Host-countersign-abababab=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        let open = of("sess_auth", None, true).unwrap();
        let set = open.set_session(&host("app.test"), "v", Life::Seconds(60));
        assert_eq!(
            set.unwrap(),
            "sess_auth=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        for bad in ["", "a b", "a;b", "a=b", &"a".repeat(41)] {
            assert_eq!(of(bad, None, false), None, "{bad:?}");
        }
    }

    #[test]
    fn hosts_that_share_sessions_have_a_cookie_of_their_domain_and_others_their_own() {
        let cookies = of("countersign", Some("home.test"), false).unwrap();
        let set = cookies
            .set_session(&host("app.home.test"), "v", Life::Browser)
            .unwrap();
        assert_eq!(
            set,
            "__Secure-countersign=v; Path=/; Domain=home.test; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            cookies.clear_session(&host("home.test")).unwrap(),
            "__Secure-countersign=; Path=/; Domain=home.test; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        for name in ["home.test", "app.home.test"] {
            assert_eq!(cookies.session(&host(name)), "__Secure-countersign");
            assert_eq!(cookies.bound_to(name), "*.home.test");
        }
        for name in ["evilhome.test", "test", "other.test"] {
            assert_eq!(cookies.session(&host(name)), "__Host-countersign");
            assert_eq!(cookies.bound_to(name), name);
            let set = cookies.set_session(&host(name), "v", Life::Browser).unwrap();
            assert!(!set.to_str().unwrap().contains("Domain"));
        }
        // A login under way is one host's, always; and no cookie of ours is the application's.
        assert_eq!(cookies.under_way(&[0xab; 32]), "__Host-countersign-abababab");
        let shared = CredentialPlace::Cookie("__Secure-countersign".into());
        assert!(cookies.places().contains(&shared));
    }

    #[test]
    fn each_port_of_a_site_has_a_session_of_its_own() {
        let cookies = Cookies::of_sites(&SessionCookie::default()).unwrap();
        for (text, name) in [
            ("app.test", "__Host-countersign"),
            ("app.test:443", "__Host-countersign"),
            ("app.test:8443", "__Host-countersign.8443"),
        ] {
            assert_eq!(cookies.session(&host(text)), name);
        }
        let of_ports = CredentialPlace::CookiesFrom("__Host-countersign.".into());
        assert!(cookies.places().contains(&of_ports));
        // One of them is no login under way.
        let line = (1..=40).map(|port| format!("__Host-countersign.{port}=v"));
        let headers = sending(&line.collect::<Vec<_>>().join("; "));
        assert!(cookies.clear_abandoned(&headers).is_empty());
        let clients = of("countersign", None, false).unwrap();
        assert_eq!(clients.session(&host("app.test:8443")), "__Host-countersign");
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_nobodys() {
        let headers = sending("a=1; b=2;a=3; c = 4 ;d; e=x=y");
        assert_eq!(sent(&headers, "a"), Sent::Doubtful);
        assert_eq!(sent(&headers, "b"), Sent::One("2"));
        assert_eq!(sent(&headers, "c"), Sent::One("4"));
        assert_eq!(sent(&headers, "d"), Sent::Nothing);
        assert_eq!(sent(&headers, "e"), Sent::One("x=y"));
        assert_eq!(sent(&headers, "B"), Sent::Nothing);
    }

    #[test]
    fn a_cookie_of_other_bytes_hides_no_other() {
        let mut headers = HeaderMap::new();
        for line in [&b"theirs=caf\xe9; a=1; \xff\xfe=2; b=\xff"[..], b"=\xff; c=3"] {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        assert_eq!(sent(&headers, "a"), Sent::One("1"));
        assert_eq!(sent(&headers, "b"), Sent::Doubtful);
        assert_eq!(sent(&headers, "c"), Sent::One("3"));
    }

    #[test]
    fn of_too_many_logins_under_way_the_first_are_given_up() {
        let cookies = of("countersign", None, false).unwrap();
        let line = |count: usize| {
            let all = (0..count).map(|number| format!("__Host-countersign-{number:08x}=v"));
            all.collect::<Vec<_>>().join("; ")
        };
        assert!(cookies.clear_abandoned(&sending(&line(31))).is_empty());
        let given_up = cookies.clear_abandoned(&sending(&line(33)));
        assert_eq!(given_up.len(), 2);
        assert!(
            given_up[0]
                .to_str()
                .unwrap()
                .starts_with("__Host-countersign-00000000=;")
        );
    }

    #[test]
    fn a_sessions_value_is_read_back_and_nothing_else_is() {
        let id = SessionId::parse(&"A".repeat(43)).unwrap();
        let value = session_value("0a1b2c3d", &id);
        assert!(value.len() < 200);
        let (tag, read) = read_session_value(&value).unwrap();
        assert_eq!((tag, read.to_text()), ("0a1b2c3d", id.to_text()));
        for bad in ["", ".", "x", "x.y", &format!("{value}A"), &format!("{value}=")] {
            assert!(read_session_value(bad).is_none(), "{bad:?}");
        }
    }
}
