//! Sessions without a store: `session.store = "cookie"`.
//!
//! The cookie's value is what the session is, sealed: the claims, and when it began and ends. There are no tokens in it, and
//! nothing that only the login needed. The seal lives five minutes; then the browser is sent to the provider once more, which
//! is asked not to ask the user. Nobody can list such sessions, or end them from outside the browser.

use super::Login;
use super::cookies::{read_tagged, tagged};
use crate::session::{Found, Gone, LiveSession, Purpose, SessionOwner as _, SessionRecord};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{ClaimsBuilder, Value};
use countersign_core::request::OriginalRequest;
use countersign_core::time::{Now, Timestamp};
use countersign_jose::json::{copy_value, parse_object, write_object};
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
pub(super) mod tests;

/// How long a seal lives.
pub const SEAL_LIVES: Duration = Duration::from_mins(5);
/// The longest claims of such a session, in bytes.
pub const MAX_CLAIMS_BYTES: usize = 1024;
/// The longest value of such a cookie, in bytes. Browsers keep 4,096 of a cookie, and proxies take some 8 KB of them all.
pub const MAX_VALUE_BYTES: usize = 1600;

/// How far the clocks of several gateways may lie apart. A seal that lives longer than one from there could, was made before
/// the clock was set back, and has ended.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// The format that is written and read.
const FORMAT: u8 = 1;
/// What stands before the login's name: format, whether it outlives the browser, and three times of eight bytes. The name ends
/// with its line, and then come the claims.
const BEFORE_NAME: usize = 2 + 3 * 8;
/// Claims that are about one ID Token, and not about whoever has logged in.
const OF_THE_TOKEN: [&str; 8] = ["at_hash", "c_hash", "s_hash", "exp", "iat", "jti", "nonce", "sid"];

/// A session that was found in a cookie: sealed here, for this client and host.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    record: SessionRecord,
    seal_ends: Timestamp,
}

impl Opened {
    /// Whether the seal lives.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.seal_ends && self.seal_ends <= now.plus(SEAL_LIVES + CLOCKS_APART)
    }

    /// Whether the session goes on, and only its seal has ended.
    pub(super) fn is_resting(&self, now: Timestamp) -> bool {
        now < self.record.ends && !self.is_fresh(now)
    }

    /// The login it is of: another may be of the same client.
    pub(super) fn login(&self) -> &str {
        &self.record.login
    }

    /// All that is known of it.
    pub(super) fn into_record(self) -> SessionRecord {
        self.record
    }
}

/// The claims without those of the token.
fn about_the_user(claims: &str) -> Option<Vec<u8>> {
    let all = parse_object(claims.as_bytes()).ok()?;
    let mut kept = ClaimsBuilder::with_capacity(claims.len());
    kept.open_object().ok()?;
    for (name, value) in all.root().filter(|(name, _)| !OF_THE_TOKEN.contains(name)) {
        kept.key(name).ok()?;
        copy_value(&mut kept, value).ok()?;
    }
    kept.close().ok()?;
    Some(write_object(&kept.finish().ok()?).into_bytes())
}

impl Login {
    /// Whether sessions are in cookies.
    pub fn is_in_cookie(&self) -> bool {
        self.party.visiting.in_cookie.is_some()
    }

    /// `record` as the cookie's value. `None` when there is too much of it.
    pub(super) fn sealed(
        &self,
        request: &OriginalRequest,
        record: &SessionRecord,
        now: Now,
    ) -> Option<String> {
        let mut plain = vec![FORMAT, u8::from(record.remember)];
        for time in [now.wall.plus(SEAL_LIVES), record.began, record.ends] {
            plain.extend_from_slice(&time.milliseconds().to_be_bytes());
        }
        plain.extend_from_slice(self.party.name.as_bytes());
        plain.push(b'\n');
        let claims = about_the_user(&record.claims);
        plain.extend(claims.filter(|claims| claims.len() <= MAX_CLAIMS_BYTES)?);
        let scope = self.party.scope(&request.host);
        let sealed = self
            .party
            .sessions
            .seal(Purpose::Cookie, scope.as_bytes(), &plain);
        let value = tagged(&self.party.tag, &BASE64_URL_SAFE_NO_PAD.encode(sealed));
        (value.len() <= MAX_VALUE_BYTES).then_some(value)
    }

    /// The session in a cookie's value.
    pub(super) fn opened(&self, request: &OriginalRequest, value: &str) -> Option<Opened> {
        let (_, text) = read_tagged(value).filter(|_| value.len() <= MAX_VALUE_BYTES)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let party = &*self.party;
        let scope = party.scope(&request.host);
        let plain = party.sessions.open(Purpose::Cookie, scope.as_bytes(), &sealed)?;
        let (head, text) = plain.split_first_chunk::<BEFORE_NAME>()?;
        let ([format, remember], times) = head.split_first_chunk::<2>()?;
        (*format == FORMAT).then_some(())?;
        let mut times = times.chunks_exact(8).filter_map(|time| {
            let milliseconds = i64::from_be_bytes(time.try_into().ok()?);
            Some(Timestamp::from_milliseconds(milliseconds))
        });
        let (seal_ends, began, ends) = (times.next()?, times.next()?, times.next()?);
        let (login, claims) = std::str::from_utf8(text).ok()?.split_once('\n')?;
        let issuer = parse_object(claims.as_bytes()).ok()?;
        let issuer = issuer.member("iss").and_then(Value::as_str);
        Some(Opened {
            record: SessionRecord {
                login: login.into(),
                issuer: issuer.unwrap_or(party.issuer.as_str()).into(),
                client_id: party.known_as.at(&request.host).id.clone(),
                host: party.cookies().bound_to(request.host.name()).into(),
                began,
                ends,
                idle: SEAL_LIVES,
                remember: *remember == 1,
                claims: claims.into(),
                sid: None,
                id_token: None,
                access_token: None,
                access_ends: None,
                refresh_token: None,
                renewed: began,
            },
            seal_ends,
        })
    }

    /// What has become of it.
    pub(super) fn found_in_cookie(&self, opened: Opened, now: Now) -> Found {
        if now.wall >= opened.record.ends {
            return Found::Gone(Gone::Over);
        }
        if !opened.is_fresh(now.wall) {
            return Found::Gone(Gone::Idle);
        }
        match self.party.principal(&opened.record) {
            None => Found::Gone(Gone::Unknown),
            Some(principal) => Found::Live(Arc::new(LiveSession {
                principal: Arc::new(principal),
                idle_ends: opened.seal_ends.min(opened.record.ends),
                record: Arc::new(opened.record),
            })),
        }
    }

    /// A session that holds, under a new seal.
    pub(super) fn sealed_anew(
        &self,
        request: &OriginalRequest,
        opened: Opened,
        now: Now,
    ) -> (Found, Option<HeaderValue>) {
        let found = self.found_in_cookie(opened.clone(), now);
        let Found::Live(_) = &found else {
            return (found, None);
        };
        let life = self.party.cookie_life(&opened.record, now.wall);
        let value = self.sealed(request, &opened.record, now);
        let cookie = value.and_then(|value| {
            let cookies = self.party.cookies();
            cookies.set_session(&request.host, &value, life)
        });
        let seal_ends = now.wall.plus(SEAL_LIVES);
        (self.found_in_cookie(Opened { seal_ends, ..opened }, now), cookie)
    }
}
