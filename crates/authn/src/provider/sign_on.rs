//! What is remembered of a browser: a login here is one session at all clients, so that they can be told of its end
//! (OpenID Connect Back-Channel Logout 1.0). Who it is, the certificate says each time anew.
//!
//! What ends with a session is found by it, and ended with it: codes that wait, and what sites may have new tokens for. So nothing
//! hangs on its being known that there was one.

use super::Provider;
use super::signed_in::KeptLogin;
use crate::session::{Kept, Purpose, SessionGroup, Share};
use countersign_core::session::{StoreError, Version};
use countersign_core::time::Now;
use countersign_oidc::provider::token::TokenError;
use known::{UNWRITTEN, standing};
use std::time::Duration;

pub use browser::COOKIE;
pub(super) use browser::{Browser, Sid, key};
pub(super) use known::{SignOns, Turn};

mod browser;
mod known;

/// How long it is known where a browser has logged in, and that it has logged out, after each login, at least: as long as the client has
/// new tokens without its user, and counted anew when a site has.
const SIGN_ONS_LAST: Duration = Duration::from_hours(24);
/// In how many browsers one subject is known; the one that was in use longest ago makes room.
const MOST_OF_ONE: usize = 100;
/// How often two that write at once try again. Whoever fails has somebody else's write before one's own, and each writes once: more
/// than that are not under way in one browser.
const MAX_TRIES: u32 = 1000;

/// Why nothing begins in a session that has ended.
pub(super) const LOGGED_OUT: TokenError = TokenError::InvalidGrant("the user has logged out");

impl Provider {
    /// Remembers that the session of `login` is at its client, too; what that client calls it, if it goes on. Of those who log in at
    /// once where nothing was known each has a number, and the first one's is that of all. Whoever has new tokens goes by the number of
    /// its login.
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
            let number = match turn {
                Turn::Login => session.number,
                Turn::Renewal => sid.number,
            };
            if !session.take_in(login, number, turn, ends)
                || self.write(&sid.key, &session, version, now).await?
            {
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
        let (known, _) = self.known(&named.key, now).await?;
        if *known.subject == *subject && known.is_called(named.number) {
            return self.sign_off(subject, &named.key, now).await;
        }
        if known.subject.is_empty() {
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
