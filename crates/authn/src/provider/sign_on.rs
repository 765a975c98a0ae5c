//! What is remembered of a browser: its login here is one session at all clients, so that they can be told of its end
//! (OpenID Connect Back-Channel Logout 1.0). Who it is, its certificate says each time anew.

use super::Provider;
use crate::login::cookies::{Sent, sent};
use crate::session::{Kept, Purpose, Room, SessionGroup};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::session::{StoreError, Version};
use countersign_core::time::{Now, Timestamp};
use countersign_jose::hash::sha256;
use countersign_oidc::provider::token::TokenError;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The cookie by which we know a browser.
pub const COOKIE: &str = "__Host-countersign_sso";
/// What its value begins with in a browser that has logged out: it clicks before it logs in again. What it was known by follows, for
/// others may be logged in there still.
const OUT: &str = "out.";
/// How long that is remembered.
const OUT_LASTS: Duration = Duration::from_hours(30 * 24);
/// The bytes of any other value.
const VALUE_BYTES: usize = 16;
/// The bytes of a session's name, of a hash.
const SID_BYTES: usize = 16;
/// How long it is known where a browser has logged in, and that it has logged out, at least: as long as a site has new tokens
/// without its user, and counted anew when it has.
const SIGN_ONS_LAST: Duration = Duration::from_hours(24);
/// In how many browsers one subject is known; the one that was here last of all makes room.
const MOST_OF_ONE: usize = 100;
/// At how many clients one session is: of more, the first are not told of its end.
const MAX_CLIENTS: usize = 100;
/// How often two that write at once try again.
const MAX_TRIES: u32 = 8;

/// Why nothing begins in a session that has ended.
pub(super) const LOGGED_OUT: TokenError = TokenError::InvalidGrant("the user has logged out");

/// A browser, by its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Browser<'h> {
    /// It was never here.
    New,
    /// It has logged in here.
    In(&'h str),
    /// It has logged out; it was known so.
    Out(&'h str),
}

impl<'h> Browser<'h> {
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        match sent(headers, COOKIE) {
            Sent::One(text) => match text.strip_prefix(OUT) {
                Some(value) if is_value(value) => Self::Out(value),
                None if is_value(text) => Self::In(text),
                Some(_) | None => Self::New,
            },
            Sent::Nothing | Sent::Doubtful => Self::New,
        }
    }

    /// Whether a click comes before its next login.
    pub(super) const fn has_logged_out(self) -> bool {
        match self {
            Self::Out(_) => true,
            Self::New | Self::In(_) => false,
        }
    }

    /// The session of `subject` in it, under the name that clients have for it.
    pub(super) fn session_of(self, subject: &str) -> Option<Box<str>> {
        match self {
            Self::In(value) | Self::Out(value) => Some(sid(value, subject)),
            Self::New => None,
        }
    }

    /// What makes it remember that it has logged out.
    pub(super) fn out(self, provider: &Provider) -> Option<HeaderValue> {
        let value = match self {
            Self::In(value) | Self::Out(value) => value.to_owned(),
            Self::New => provider.draw::<VALUE_BYTES>(),
        };
        cookie(&format!("{OUT}{value}"), Some(OUT_LASTS))
    }

    /// The value of its cookie, which it gets where it has none, and anew where what it was known by has ended.
    pub(super) fn kept(self, provider: &Provider) -> (String, Option<HeaderValue>) {
        match self {
            Self::In(value) => (value.to_owned(), None),
            Self::New | Self::Out(_) => {
                let value = provider.draw::<VALUE_BYTES>();
                let cookie = cookie(&value, None);
                (value, cookie)
            }
        }
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

/// What clients call the session of `subject` in the browser whose cookie has this value: it tells nobody the cookie.
pub(super) fn sid(value: &str, subject: &str) -> Box<str> {
    let hash = sha256(format!("countersign sid 1\n{value}\n{subject}").as_bytes());
    let part = hash.get(..SID_BYTES).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(part).into()
}

/// Where one session is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOns {
    /// Whose it is.
    pub(super) subject: Box<str>,
    /// The clients, by their `client_id`.
    pub(super) clients: Vec<Box<str>>,
    /// Until when this is known, in milliseconds since the epoch.
    ends: i64,
    /// Whether it has ended: nothing begins in it any more.
    over: bool,
}

/// What was known, and as which writing.
type Known = Option<(SignOns, Version)>;

/// Until when what these are the bytes of is known: a new login counts that anew.
fn known_until(value: &[u8]) -> Timestamp {
    let known = serde_json::from_slice::<SignOns>(value);
    known.map_or_else(
        |_| Timestamp::default(),
        |known| Timestamp::from_milliseconds(known.ends),
    )
}

impl SignOns {
    fn bytes(&self) -> Vec<u8> {
        // Strings and numbers: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it may be at other clients, too, which are not remembered any more.
    pub(super) const fn may_be_elsewhere(&self) -> bool {
        self.clients.len() >= MAX_CLIENTS
    }

    /// Takes a client in; says whether that is worth writing: for one that is known only when half its time is over.
    fn take_in(&mut self, client_id: &str, lasts: Duration, ends: Timestamp) -> bool {
        let known = self.clients.iter().any(|known| **known == *client_id);
        let fresh = ends.since(Timestamp::from_milliseconds(self.ends)) < lasts / 2;
        if known && fresh {
            return false;
        }
        if !known {
            if self.clients.len() >= MAX_CLIENTS {
                drop(self.clients.remove(0));
            }
            self.clients.push(client_id.into());
        }
        self.ends = ends.milliseconds();
        true
    }
}

impl Provider {
    /// Remembers that the session `sid` of `subject` is at this client, too; says whether it goes on.
    pub(super) async fn signs_on(
        &self,
        sid: &str,
        subject: &str,
        client_id: &str,
        now: Now,
    ) -> Result<bool, StoreError> {
        let lasts = self.sign_ons_last();
        let ends = now.wall.plus(lasts);
        for _ in 0..MAX_TRIES {
            let known = self.known(sid, now).await?;
            let (mut session, version) = match known {
                None => (SignOns::default(), None),
                Some((known, version)) => (known, Some(version)),
            };
            if session.over {
                return Ok(false);
            }
            session.subject = subject.into();
            if !session.take_in(client_id, lasts, ends) || self.write(sid, &session, version, now).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Changed)
    }

    /// Ends the session `sid` if it is one of `subject`'s: where it was. Nothing begins in it from then on.
    pub(super) async fn sign_off_of(
        &self,
        subject: &str,
        sid: &str,
        now: Now,
    ) -> Result<SignOns, StoreError> {
        let known = self.known(sid, now).await?;
        if known.is_some_and(|(known, _)| *known.subject == *subject) {
            self.sign_off(subject, sid, now).await
        } else {
            Ok(SignOns::default())
        }
    }

    /// Ends the session of `subject` that is called so: where it was. Nothing begins in it from then on.
    pub(super) async fn sign_off(&self, subject: &str, sid: &str, now: Now) -> Result<SignOns, StoreError> {
        let over = SignOns {
            subject: subject.into(),
            clients: Vec::new(),
            ends: now.wall.plus(self.sign_ons_last()).milliseconds(),
            over: true,
        };
        for _ in 0..MAX_TRIES {
            let (known, version) = self.known(sid, now).await?.unzip();
            if self.write(sid, &over, version, now).await? {
                return Ok(known.unwrap_or_default());
            }
        }
        Err(StoreError::Changed)
    }

    fn sign_ons_last(&self) -> Duration {
        self.grant_life.max(SIGN_ONS_LAST)
    }

    async fn known(&self, sid: &str, now: Now) -> Result<Known, StoreError> {
        let kept = self
            .sessions
            .read(Purpose::SignOns, &self.own(sid.as_bytes()), now)
            .await?;
        Ok(kept.and_then(|kept| Some((serde_json::from_slice(&kept.value).ok()?, kept.version))))
    }

    /// Writes over what was known as `version`; says whether nobody wrote meanwhile.
    async fn write(
        &self,
        sid: &str,
        session: &SignOns,
        version: Option<Version>,
        now: Now,
    ) -> Result<bool, StoreError> {
        let (purpose, name, value) = (Purpose::SignOns, &*self.own(sid.as_bytes()), session.bytes());
        let room = Room {
            group: SessionGroup::Provided {
                what: purpose,
                issuer: self.issuer.as_str(),
                subject: &session.subject,
                client_id: None,
            },
            most: MOST_OF_ONE,
            began: known_until,
        };
        let ends = now.wall.plus(self.sign_ons_last());
        let written = match version {
            None => self.sessions.keep(purpose, name, &value, ends, &[room]).await,
            Some(version) => {
                let kept = Kept { value, version };
                self.sessions.write(purpose, name, &kept, ends).await
            }
        };
        match written {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(error),
        }
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
        let one = sid("AAAAAAAAAAAAAAAAAAAAAA", "ann");
        assert_eq!(one, sid("AAAAAAAAAAAAAAAAAAAAAA", "ann"));
        assert_ne!(one, sid("AAAAAAAAAAAAAAAAAAAAAA", "bob"));
        assert_ne!(one, sid("BAAAAAAAAAAAAAAAAAAAAA", "ann"));
        assert_eq!(one.len(), 22);
    }

    #[test]
    fn what_is_known_is_written_once_in_a_while() {
        let at = |hours: i64| Timestamp::from_seconds(hours * 3600);
        let mut known = SignOns {
            subject: "ann".into(),
            clients: vec!["a".into()],
            ends: at(24).milliseconds(),
            over: false,
        };
        assert!(!known.take_in("a", SIGN_ONS_LAST, at(25)));
        assert!(known.take_in("b", SIGN_ONS_LAST, at(25)));
        assert!(!known.take_in("b", SIGN_ONS_LAST, at(36)));
        assert!(known.take_in("b", SIGN_ONS_LAST, at(37)));
        assert!(!known.may_be_elsewhere());
        for number in 0..MAX_CLIENTS {
            assert!(known.take_in(&number.to_string(), SIGN_ONS_LAST, at(37)));
        }
        assert_eq!(known.clients.len(), MAX_CLIENTS);
        assert_eq!(*known.clients[0], *"0");
        assert!(known.may_be_elsewhere());
    }
}
