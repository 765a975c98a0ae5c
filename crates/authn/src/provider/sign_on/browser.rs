//! A browser, by its cookie, and what the sessions in it are called.

use super::super::Provider;
use super::SignOns;
use crate::login::cookies::{Sent, sent};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_jose::hash::sha256;
use http::{HeaderMap, HeaderValue};
use std::fmt;
use std::time::Duration;

/// The cookie by which we know a browser.
pub const COOKIE: &str = "__Host-countersign_sso";
/// What its value begins with in a browser in which somebody has logged out: whoever is not known there clicks before they log in. What
/// it is known by follows, for others may be logged in there still.
const OUT: &str = "out.";
/// How long that is remembered.
const OUT_LASTS: Duration = Duration::from_hours(30 * 24);
/// The bytes of any other value, and of what is known under a hash of it.
const VALUE_BYTES: usize = 16;

/// A browser, by its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Browser<'h> {
    /// It was never here.
    New,
    /// It has logged in here.
    In(&'h str),
    /// Somebody has logged out there.
    Out(&'h str),
}

impl<'h> Browser<'h> {
    pub(in crate::provider) fn of(headers: &'h HeaderMap) -> Self {
        match sent(headers, COOKIE) {
            Sent::One(text) => match text.strip_prefix(OUT) {
                Some(value) if is_value(value) => Self::Out(value),
                None if is_value(text) => Self::In(text),
                Some(_) | None => Self::New,
            },
            Sent::Nothing | Sent::Doubtful => Self::New,
        }
    }

    /// Whether somebody has logged out there, and nobody has clicked since.
    pub(in crate::provider) const fn has_logged_out(self) -> bool {
        match self {
            Self::Out(_) => true,
            Self::New | Self::In(_) => false,
        }
    }

    /// Under what it is kept where `subject` is logged in there.
    pub(in crate::provider) fn key_of(self, subject: &str) -> Option<Box<str>> {
        match self {
            Self::In(value) | Self::Out(value) => Some(key(value, subject)),
            Self::New => None,
        }
    }

    /// What makes it remember that somebody has logged out.
    pub(in crate::provider) fn out(self, provider: &Provider) -> Option<HeaderValue> {
        let value = match self {
            Self::In(value) | Self::Out(value) => value.to_owned(),
            Self::New => provider.draw::<VALUE_BYTES>(),
        };
        cookie(&format!("{OUT}{value}"), Some(OUT_LASTS))
    }

    /// The value of its cookie, and the cookie where it is another from now on, when somebody logs in of whom this is `known`. The value
    /// stays for as long as the browser has it, whoever logs out there: the others that are known by it do not.
    pub(in crate::provider) fn kept(
        self,
        known: &SignOns,
        provider: &Provider,
    ) -> (String, Option<HeaderValue>) {
        let value = match self {
            Self::In(value) => return (value.to_owned(), None),
            // No click came before this login.
            Self::Out(value) if known.is_on() => return (value.to_owned(), None),
            Self::Out(value) => value.to_owned(),
            Self::New => provider.draw::<VALUE_BYTES>(),
        };
        let cookie = cookie(&value, None);
        (value, cookie)
    }
}

fn is_value(text: &str) -> bool {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text);
    bytes.is_ok_and(|bytes| bytes.len() == VALUE_BYTES)
}

/// It goes with the forms of other sites, too: a request for a login may be one.
fn cookie(value: &str, lasts: Option<Duration>) -> Option<HeaderValue> {
    let lasts = lasts.map_or_else(String::new, |lasts| format!("; Max-Age={}", lasts.as_secs()));
    let line = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=None{lasts}");
    HeaderValue::from_str(&line).ok()
}

/// Under what it is kept where `subject` is logged in, in the browser whose cookie has this value: it tells nobody the cookie.
pub(in crate::provider) fn key(value: &str, subject: &str) -> Box<str> {
    let hash = sha256(format!("countersign sid 1\n{value}\n{subject}").as_bytes());
    let part = hash.get(..VALUE_BYTES).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(part).into()
}

/// What clients call the session of one subject in one browser: another one after each logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provider) struct Sid {
    /// Under what it is kept where they are logged in.
    pub(in crate::provider) key: Box<str>,
    /// Which one it is of those that there were: the later, the greater.
    pub(in crate::provider) number: u64,
}

impl Sid {
    /// Reads it as it is written, and no other way.
    pub(in crate::provider) fn parse(text: &str) -> Option<Self> {
        let (key, number) = text.split_once('.')?;
        let read = Self {
            key: key.into(),
            number: number.parse().ok()?,
        };
        let written = read.to_string();
        (is_value(key) && written == text).then_some(read)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::COOKIE as NAME;

    #[test]
    fn a_browser_is_known_by_a_cookie_that_we_made() {
        let of = |line: &str| {
            let mut headers = HeaderMap::new();
            drop(headers.insert(NAME, line.parse().unwrap()));
            format!("{:?}", Browser::of(&headers))
        };
        let value = BASE64_URL_SAFE_NO_PAD.encode([7; VALUE_BYTES]);
        assert_eq!(of(&format!("a=b; {COOKIE}={value}")), format!("In({value:?})"));
        assert_eq!(of(&format!("{COOKIE}=out.{value}")), format!("Out({value:?})"));
        let odd = [
            format!("{value}A"),
            format!("out{value}"),
            format!("out.out.{value}"),
            format!("out.{value}A"),
        ];
        for other in ["", "x", "out", "out.", &value[1..]]
            .into_iter()
            .chain(odd.iter().map(String::as_str))
        {
            assert_eq!(of(&format!("{COOKIE}={other}")), "New", "{other}");
        }
        assert_eq!(of(&format!("{COOKIE}=out.{value}; {COOKIE}={value}")), "New");
    }

    #[test]
    fn a_session_has_a_name_for_each_subject_and_none_tells_the_cookie() {
        let one = key("AAAAAAAAAAAAAAAAAAAAAA", "ann");
        assert_eq!(one, key("AAAAAAAAAAAAAAAAAAAAAA", "ann"));
        assert_ne!(one, key("AAAAAAAAAAAAAAAAAAAAAA", "bob"));
        assert_ne!(one, key("BAAAAAAAAAAAAAAAAAAAAA", "ann"));
        assert_eq!(one.len(), 22);
    }

    #[test]
    fn a_session_is_named_in_one_way() {
        let sid = Sid {
            key: key("AAAAAAAAAAAAAAAAAAAAAA", "ann"),
            number: 12,
        };
        let text = sid.to_string();
        assert_eq!(Sid::parse(&text), Some(sid.clone()));
        let key = sid.key;
        for number in [
            "",
            ".",
            ".012",
            ".+1",
            ".-1",
            ".1.2",
            ".99999999999999999999",
            ". 1",
        ] {
            assert_eq!(Sid::parse(&format!("{key}{number}")), None, "{number}");
        }
        assert_eq!(Sid::parse(&format!("A{text}")), None);
    }
}
