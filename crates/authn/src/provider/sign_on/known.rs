//! Where a subject is logged in, in one browser, as it is kept.

use super::super::signed_in::{KeptLogin, whose};
use super::Browser;
use crate::session::{Standing, makes_room};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a browser may be in use before that is written down. Which of them makes room is known to within as much.
pub(super) const UNWRITTEN: Duration = Duration::from_hours(1);
/// At how many clients one session is: of more, some are not told of its end, as whoever has most makes room with where it began longest
/// ago.
const MAX_CLIENTS: usize = 100;

/// Where a subject is logged in, in one browser.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct SignOns {
    /// Who.
    pub(in crate::provider) subject: Box<str>,
    /// What the session is called among all of this browser and subject.
    pub(in crate::provider) number: u64,
    /// The least number that a session can have since they have logged out there; 0 where nobody knows that they have.
    pub(super) since: u64,
    /// The clients, in the order of their logins; none after a logout.
    pub(in crate::provider) clients: Vec<AtClient>,
    /// When they proved themselves, in milliseconds since the epoch: when the session began, or anew where a client wanted that.
    auth_time: i64,
    /// Until when this is known, in milliseconds since the epoch.
    ends: i64,
}

/// A session at one client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct AtClient {
    /// Its `client_id`.
    pub(in crate::provider) id: Box<str>,
    /// By which number the client knows the session: that of its login, also where the others began when nothing was known of that any
    /// more. A client that has logged its user in since knows two.
    pub(in crate::provider) number: u64,
    /// Whether it asked for a grant when it last logged its user in. A site that did not keeps nothing that could be ended.
    pub(in crate::provider) has_grant: bool,
}

/// What a client does in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Turn {
    /// It logs its user in.
    Login,
    /// It has new tokens without its user.
    Renewal,
}

/// How what these are the bytes of stands among the others. What is over goes first, for nothing hangs on it; then what has not been in
/// use for longest.
pub(super) fn standing(value: &[u8]) -> Standing {
    let known = serde_json::from_slice::<SignOns>(value);
    let on = known.ok().filter(SignOns::is_on);
    on.map_or_else(Standing::default, |known| Standing {
        began: Timestamp::from_milliseconds(known.ends),
        whose: Box::default(),
    })
}

/// The place of the client that makes room for another.
fn first_to_go(clients: &[AtClient]) -> usize {
    let whose = clients.iter().map(|client| whose(&client.id)).collect::<Vec<_>>();
    makes_room(whose.iter().map(|whose| &**whose).zip(0..)).unwrap_or(0)
}

/// The number of a session that begins now.
fn number(now: Timestamp) -> u64 {
    u64::try_from(now.milliseconds()).unwrap_or(0)
}

impl SignOns {
    /// Whether there is a session.
    pub(in crate::provider) const fn is_on(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Whether a click comes before the next login: of whoever has logged out there, and of nobody else who is known. Where nothing is
    /// known of them, of whoever comes to a browser in which somebody has logged out.
    pub(in crate::provider) const fn has_logged_out(&self, browser: Browser<'_>) -> bool {
        !self.is_on() && (self.since > 0 || browser.has_logged_out())
    }

    /// Whether the session of this number is the one that would end now.
    pub(in crate::provider) fn is_of(&self, number: u64) -> bool {
        self.is_called(number) || !self.is_on()
    }

    /// Whether this is a number that clients know the session by.
    pub(super) fn is_called(&self, number: u64) -> bool {
        self.number == number || self.clients.iter().any(|client| client.number == number)
    }

    /// The number of the session in which somebody logs in now. Where there is none it is the time, so that it is another than all
    /// before it, whether or not anything is known of those.
    pub(in crate::provider) fn number(&self, now: Timestamp) -> u64 {
        if self.is_on() {
            self.number
        } else {
            self.since.max(number(now))
        }
    }

    /// What is left of it when they log out: what has begun by then has a lesser number than all that begins after.
    pub(super) fn over(&self, subject: &str, now: Timestamp, ends: Timestamp) -> Self {
        let last = self.number.max(self.since).max(number(now));
        let last = self
            .clients
            .iter()
            .map(|client| client.number)
            .fold(last, u64::max);
        Self {
            subject: subject.into(),
            since: last.saturating_add(1),
            ends: ends.milliseconds(),
            ..Self::default()
        }
    }

    /// When they proved themselves, if that is no longer ago than a client wants.
    pub(in crate::provider) fn auth_time(
        &self,
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let at = Timestamp::from_milliseconds(self.auth_time);
        // Clients are told whole seconds.
        let age = now.since(Timestamp::from_seconds(at.seconds()));
        let is_young = max_age.is_none_or(|most| age < most);
        (self.is_on() && at <= now && is_young).then_some(at)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        // Strings and numbers: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it may be at other clients, too, which are not remembered any more.
    pub(in crate::provider) const fn may_be_elsewhere(&self) -> bool {
        self.clients.len() >= MAX_CLIENTS
    }

    /// Takes a client in that knows the session by this number, as the last one where it logs in, and otherwise where there is room; says
    /// whether that is worth writing: where nothing moves only once in a while, or when the user was proved anew.
    pub(super) fn take_in(&mut self, login: &KeptLogin, number: u64, turn: Turn, ends: Timestamp) -> bool {
        let (id, has_grant) = (&login.client_id, login.has_grant());
        let is_it = |known: &AtClient| known.id == *id && known.number == number;
        let at = self.clients.iter().position(is_it);
        let is_last = at.is_some_and(|at| at + 1 == self.clients.len());
        let is_full = self.clients.len() >= MAX_CLIENTS;
        let stays = is_last || (turn == Turn::Renewal && (at.is_some() || is_full));
        let is_fresh = ends.since(Timestamp::from_milliseconds(self.ends)) < UNWRITTEN;
        let mut same = self.clients.iter_mut().filter(|known| is_it(known));
        let otherwise = same.find(|known| turn == Turn::Login && known.has_grant != has_grant);
        if stays && is_fresh && otherwise.is_none() && login.auth_time <= self.auth_time {
            return false;
        }
        if let Some(known) = otherwise {
            known.has_grant = has_grant;
        }
        if !stays {
            let makes_room = || is_full.then(|| first_to_go(&self.clients));
            if let Some(at) = at.or_else(makes_room) {
                drop(self.clients.remove(at));
            }
            let id = id.clone();
            self.clients.push(AtClient {
                id,
                number,
                has_grant,
            });
        }
        self.auth_time = self.auth_time.max(login.auth_time);
        self.ends = ends.milliseconds();
        true
    }
}

#[cfg(test)]
mod tests;
