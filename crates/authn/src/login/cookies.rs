//! The gateway's own cookies: the session's, and one for each login under way.

use crate::session::SessionId;
use countersign_core::credential_place::CredentialPlace;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use std::fmt::Write as _;

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

/// The names of the gateway's own cookies, and whether a browser keeps them to TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    name: Box<str>,
    secure: bool,
}

impl Cookies {
    /// Named after `name`: 1 to 40 letters, digits, `-` and `_`; `None` otherwise. With `over_http` they have no
    /// prefix that ties them to the host and to TLS.
    pub fn new(name: &str, over_http: bool) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let sound = (1..=40).contains(&name.len()) && name.bytes().all(plain);
        let prefix = if over_http { "" } else { "__Host-" };
        sound.then(|| Self {
            name: format!("{prefix}{name}").into(),
            secure: !over_http,
        })
    }

    /// The session's.
    pub fn session(&self) -> &str {
        &self.name
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
        vec![
            CredentialPlace::Cookie(self.name.clone()),
            CredentialPlace::CookiesFrom(format!("{}-", self.name).into()),
        ]
    }

    /// A whole `Set-Cookie`. Names and values are ours: no character of theirs needs escaping.
    pub fn set(&self, name: &str, value: &str, life: Life, same_site: SameSite) -> Option<HeaderValue> {
        let same_site = match same_site {
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let mut cookie = format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite={same_site}");
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
        let names = pairs(headers).map(|(name, _)| name);
        let under_way = names.filter(|name| name.starts_with(&prefix)).collect::<Vec<_>>();
        let too_many = (under_way.len() + 1).saturating_sub(MAX_UNDER_WAY);
        let given_up = under_way.iter().take(too_many);
        given_up.filter_map(|name| self.clear(name)).collect()
    }
}

/// The cookie called `name`.
pub fn sent<'h>(headers: &'h HeaderMap, name: &str) -> Sent<'h> {
    let mut values = pairs(headers).filter(|(own, _)| *own == name);
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some((_, value)), None) => Sent::One(value),
        (Some(_), Some(_)) => Sent::Doubtful,
    }
}

/// Names and values, as they stand (RFC 6265 section 4.2.1). A line that is no text has none.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.to_str().unwrap_or("").split(';'));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .take(MAX_COOKIES)
}

/// The value of the session's cookie: which login it is of, and the id.
pub fn session_value(tag: &str, id: &SessionId) -> String {
    format!("{tag}.{}", id.to_text())
}

/// Reads it again.
pub fn read_session_value(value: &str) -> Option<(&str, SessionId)> {
    let (tag, id) = value.split_once('.')?;
    let is_tag = tag.len() == TAG_DIGITS && tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_tag.then_some((tag, SessionId::parse(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sending(cookies: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookies.parse().unwrap());
        headers
    }

    #[test]
    fn cookies_are_tied_to_the_host_and_to_tls() {
        let cookies = Cookies::new("countersign", false).unwrap();
        let set = cookies.set(cookies.session(), "v", Life::Browser, SameSite::Lax);
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
        let open = Cookies::new("sess_auth", true).unwrap();
        let set = open.set(open.session(), "v", Life::Seconds(60), SameSite::Lax);
        assert_eq!(
            set.unwrap(),
            "sess_auth=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        for bad in ["", "a b", "a;b", "a=b", &"a".repeat(41)] {
            assert_eq!(Cookies::new(bad, false), None, "{bad:?}");
        }
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
    fn of_too_many_logins_under_way_the_first_are_given_up() {
        let cookies = Cookies::new("countersign", false).unwrap();
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
