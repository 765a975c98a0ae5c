//! What is remembered of a browser: a login here is one session at all clients, so that they can be told of its end
//! (OpenID Connect Back-Channel Logout 1.0). Who it is, the certificate says each time anew.
//!
//! What ends with a session is found by it, and ended with it: codes that wait, and what sites may have new tokens for. So nothing
//! hangs on its being known that there was one.

use super::Provider;
use super::signed_in::{KeptLogin, whose};
use crate::session::{Kept, Purpose, SessionGroup, Share, Standing, makes_room};
use countersign_core::session::{StoreError, Version};
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::provider::token::TokenError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use browser::COOKIE;
pub(super) use browser::{Browser, Sid, key};

mod browser;

/// How long it is known where a browser has logged in, and that it has logged out, after each login, at least: as long as the client has
/// new tokens without its user, and counted anew when a site has.
const SIGN_ONS_LAST: Duration = Duration::from_hours(24);
/// How long a browser may be in use before that is written down. Which of them makes room is known to within as much.
const UNWRITTEN: Duration = Duration::from_hours(1);
/// In how many browsers one subject is known; the one that was here last of all makes room.
const MOST_OF_ONE: usize = 100;
/// At how many clients one session is: of more, some are not told of its end, as whoever has most makes room with where it began longest
/// ago.
const MAX_CLIENTS: usize = 100;
/// How often two that write at once try again. Whoever fails has somebody else's write before one's own, and each writes once: more
/// than that are not under way in one browser.
const MAX_TRIES: u32 = 1000;

/// Why nothing begins in a session that has ended.
pub(super) const LOGGED_OUT: TokenError = TokenError::InvalidGrant("the user has logged out");

/// Where a subject is logged in, in one browser.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOns {
    /// Who.
    pub(super) subject: Box<str>,
    /// What the session is called among all of this browser and subject.
    pub(super) number: u64,
    /// The least number that a session can have since they have logged out there; 0 where nobody knows that they have.
    since: u64,
    /// The clients, by their `client_id`, in the order of their logins; none after a logout.
    pub(super) clients: Vec<Box<str>>,
    /// Those of them that asked for no grant when they last logged their user in: where it is a site, it keeps nothing that could be
    /// ended.
    #[serde(default)]
    without_grant: Vec<Box<str>>,
    /// When they proved themselves, in milliseconds since the epoch: when the session began, or anew where a client wanted that.
    auth_time: i64,
    /// Until when this is known, in milliseconds since the epoch.
    ends: i64,
}

/// What a client does in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It logs its user in.
    Login,
    /// It has new tokens without its user.
    Renewal,
}

/// How what these are the bytes of stands among the others. What is over goes first, for nothing hangs on it; then what has not been in
/// use for longest.
fn standing(value: &[u8]) -> Standing {
    let known = serde_json::from_slice::<SignOns>(value);
    let on = known.ok().filter(SignOns::is_on);
    on.map_or_else(Standing::default, |known| Standing {
        began: Timestamp::from_milliseconds(known.ends),
        whose: Box::default(),
    })
}

/// The place of the client that makes room for another.
fn first_to_go(clients: &[Box<str>]) -> usize {
    let whose = clients.iter().map(|id| whose(id)).collect::<Vec<_>>();
    makes_room(whose.iter().map(|whose| &**whose).zip(0..)).unwrap_or(0)
}

/// The number of a session that begins now.
fn number(now: Timestamp) -> u64 {
    u64::try_from(now.milliseconds()).unwrap_or(0)
}

impl SignOns {
    /// Whether there is a session.
    pub(super) const fn is_on(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Whether a click comes before the next login: of whoever has logged out there, and of nobody else who is known. Where nothing is
    /// known of them, of whoever comes to a browser in which somebody has logged out.
    pub(super) const fn has_logged_out(&self, browser: Browser<'_>) -> bool {
        !self.is_on() && (self.since > 0 || browser.has_logged_out())
    }

    /// Whether the session of this number is the one that would end now.
    pub(super) const fn is_of(&self, number: u64) -> bool {
        self.number == number || !self.is_on()
    }

    /// The number of the session in which somebody logs in now. Where there is none it is the time, so that it is another than all
    /// before it, whether or not anything is known of those.
    pub(super) fn number(&self, now: Timestamp) -> u64 {
        if self.is_on() {
            self.number
        } else {
            self.since.max(number(now))
        }
    }

    /// What is left of it when they log out: what has begun by then has a lesser number than all that begins after.
    fn over(&self, subject: &str, now: Timestamp, ends: Timestamp) -> Self {
        let last = self.number.max(self.since).max(number(now));
        Self {
            subject: subject.into(),
            since: last.saturating_add(1),
            ends: ends.milliseconds(),
            ..Self::default()
        }
    }

    /// When they proved themselves, if that is no longer ago than a client wants.
    pub(super) fn auth_time(&self, max_age: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
        let at = Timestamp::from_milliseconds(self.auth_time);
        // Clients are told whole seconds.
        let age = now.since(Timestamp::from_seconds(at.seconds()));
        let is_young = max_age.is_none_or(|most| age < most);
        (self.is_on() && at <= now && is_young).then_some(at)
    }

    fn bytes(&self) -> Vec<u8> {
        // Strings and numbers: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it may be at other clients, too, which are not remembered any more.
    pub(super) const fn may_be_elsewhere(&self) -> bool {
        self.clients.len() >= MAX_CLIENTS
    }

    /// Whether the client asked for a grant when it last logged its user in.
    pub(super) fn has_grant(&self, client_id: &str) -> bool {
        !self.without_grant.iter().any(|id| **id == *client_id)
    }

    /// Takes a client in, the last one where it logs in, and otherwise where there is room; says whether that is worth writing: where
    /// nothing moves only once in a while, or when the user was proved anew.
    fn take_in(&mut self, login: &KeptLogin, turn: Turn, ends: Timestamp) -> bool {
        let at = self.clients.iter().position(|known| *known == login.client_id);
        let is_last = at.is_some_and(|at| at + 1 == self.clients.len());
        let is_full = self.clients.len() >= MAX_CLIENTS;
        let stays = is_last || (turn == Turn::Renewal && (at.is_some() || is_full));
        let is_fresh = ends.since(Timestamp::from_milliseconds(self.ends)) < UNWRITTEN;
        let is_otherwise = turn == Turn::Login && self.has_grant(&login.client_id) != login.has_grant();
        if stays && is_fresh && !is_otherwise && login.auth_time <= self.auth_time {
            return false;
        }
        if !stays {
            if let Some(at) = at {
                drop(self.clients.remove(at));
            } else if is_full {
                drop(self.clients.remove(first_to_go(&self.clients)));
            }
            self.clients.push(login.client_id.clone());
        }
        let Self {
            clients,
            without_grant,
            ..
        } = self;
        without_grant.retain(|id| clients.contains(id) && (!is_otherwise || *id != login.client_id));
        if is_otherwise && !login.has_grant() {
            without_grant.push(login.client_id.clone());
        }
        self.auth_time = self.auth_time.max(login.auth_time);
        self.ends = ends.milliseconds();
        true
    }
}

impl Provider {
    /// Remembers that the session of `login` is at its client, too; what that session is called, if it goes on. Of those who log in at
    /// once where nothing was known each has a number, and the first one's is that of all.
    pub(super) async fn signs_on(
        &self,
        login: &KeptLogin,
        turn: Turn,
        now: Now,
    ) -> Result<Option<Sid>, StoreError> {
        let Some(sid) = Sid::parse(&login.sid) else {
            return Ok(None);
        };
        let ends = now.wall.plus(self.sign_ons_last());
        for _ in 0..MAX_TRIES {
            let (mut session, version) = self.known(&sid.key, now).await?;
            if sid.number < session.since {
                return Ok(None);
            }
            if !session.is_on() {
                session.subject.clone_from(&login.subject);
                session.number = sid.number;
            }
            let number = session.number;
            if !session.take_in(login, turn, ends) || self.write(&sid.key, &session, version, now).await? {
                return Ok(Some(Sid { number, ..sid }));
            }
        }
        Err(StoreError::Changed)
    }

    /// Ends the session `named` if it is one of `subject`'s and goes on; where it was.
    pub(super) async fn sign_off_of(
        &self,
        subject: &str,
        named: &Sid,
        now: Now,
    ) -> Result<SignOns, StoreError> {
        let (known, version) = self.known(&named.key, now).await?;
        if *known.subject == *subject && known.number == named.number {
            return self.sign_off(subject, &named.key, now).await;
        }
        if version.is_none() {
            // Where it was is not known any more. What goes on by it is found if it is theirs.
            self.end_what_goes_on(subject, &named.key).await?;
        }
        Ok(SignOns::default())
    }

    /// Ends the session of `subject` that is kept under `key`, and what goes on by it; where it was. Nothing begins in it from then on.
    pub(super) async fn sign_off(&self, subject: &str, key: &str, now: Now) -> Result<SignOns, StoreError> {
        // First, so that whoever asks once more because this failed has them told nevertheless.
        self.end_what_goes_on(subject, key).await?;
        let ends = now.wall.plus(self.sign_ons_last());
        for _ in 0..MAX_TRIES {
            let (known, version) = self.known(key, now).await?;
            let over = known.over(subject, now.wall, ends);
            if self.write(key, &over, version, now).await? {
                return Ok(known);
            }
        }
        Err(StoreError::Changed)
    }

    /// First codes and then grants: who redeems a code meanwhile has kept the grant before the code is taken, and does not take
    /// it once it is gone. What still begins with a number of before ends by that.
    async fn end_what_goes_on(&self, subject: &str, key: &str) -> Result<(), StoreError> {
        for what in [Purpose::Code, Purpose::Grant] {
            let group = self.group(what, subject, Share::SignOn(key));
            self.sessions.end_all(group).await?;
        }
        Ok(())
    }

    /// Longer by what may be unwritten: nobody who has logged in meanwhile is forgotten before.
    fn sign_ons_last(&self) -> Duration {
        self.grant_life.max(SIGN_ONS_LAST).saturating_add(UNWRITTEN)
    }

    /// What is known of `subject` in this browser.
    pub(super) async fn known_in(
        &self,
        browser: Browser<'_>,
        subject: &str,
        now: Now,
    ) -> Result<SignOns, StoreError> {
        let Some(key) = browser.key_of(subject) else {
            return Ok(SignOns::default());
        };
        Ok(self.known(&key, now).await?.0)
    }

    /// What is kept under `key`, and as which writing. What cannot be read any more is as if there were nothing.
    pub(super) async fn known(&self, key: &str, now: Now) -> Result<(SignOns, Option<Version>), StoreError> {
        let name = self.own(key.as_bytes());
        let kept = self.sessions.read(Purpose::SignOns, &name, now).await?;
        Ok(kept.map_or_else(Default::default, |kept| {
            let known = serde_json::from_slice(&kept.value).unwrap_or_default();
            (known, Some(kept.version))
        }))
    }

    /// Writes over what was known as `version`; says whether nobody wrote meanwhile.
    async fn write(
        &self,
        key: &str,
        session: &SignOns,
        version: Option<Version>,
        now: Now,
    ) -> Result<bool, StoreError> {
        let (purpose, name, value) = (Purpose::SignOns, &*self.own(key.as_bytes()), session.bytes());
        let ends = now.wall.plus(self.sign_ons_last());
        let written = match version {
            None => {
                let group = self.group(purpose, &session.subject, Share::All);
                let rooms = [group.most(MOST_OF_ONE, standing)];
                self.sessions.keep(purpose, name, &value, ends, &rooms).await
            }
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

    /// What is kept for it of one kind about one subject.
    pub(super) fn group<'a>(&'a self, what: Purpose, subject: &'a str, share: Share<'a>) -> SessionGroup<'a> {
        SessionGroup::Provided {
            what,
            issuer: self.issuer.as_str(),
            subject,
            share,
        }
    }
}

#[cfg(test)]
mod tests;
