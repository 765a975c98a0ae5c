//! Somebody has logged in: the session begins.

use super::super::cookies::session_value;
use super::super::host_of;
use super::super::in_cookie::MAX_CLAIMS_BYTES;
use super::super::tokens::Proved;
use super::super::trouble::Why;
use super::{Arrival, Login, Outcome, Return};
use crate::session::life::LEAVES_WITHIN;
use crate::session::{Found, SessionRecord};
use countersign_core::claims::Value;
use countersign_core::session::{RecordKey, StoreError};
use countersign_jose::json::write_object;
use std::sync::Arc;
use std::time::Duration;

/// Logins of one user in one browser that lie no further apart are of tabs that log in at once.
const AT_ONCE: Duration = Duration::from_mins(1);

impl Arrival<'_> {
    /// A new session under a new id, in place of the one the browser had.
    pub(super) async fn begin(&self, mut record: SessionRecord) -> Return {
        let party = &self.login.party;
        if let Some(lasts) = party.visiting.in_cookie {
            return self.begin_in_cookie(record, lasts);
        }
        let scope = party.scope(&self.request.host);
        let before = self.before();
        let name = before.map(|(_, name)| name);
        let begun = party.sessions.begin(record.clone(), scope, name, self.now).await;
        let (id, ends) = match begun {
            Ok(begun) => begun,
            // It was ended while it was under way: whoever is there logs in again.
            Err(StoreError::Changed) => return Return::of(self.again(false)),
            Err(error @ StoreError::Full(_)) => return self.trouble(Why::Full, error.to_string()),
            Err(error @ StoreError::Unavailable(_)) => {
                return self.trouble(Why::Sessions, error.to_string());
            }
        };
        record.ends = ends;
        let replaced = match before {
            Some((login, name)) => self.take_leave(login, name, &record).await,
            None => None,
        };
        Return {
            replaced,
            ..self.logged_in(record, &session_value(&party.tag, &id))
        }
    }

    /// The session that the browser has, and whose: there is one on a host, of whichever login.
    fn before(&self) -> Option<(&Arc<Login>, RecordKey)> {
        let login = self.logins.of_session(self.request)?;
        Some((login, login.record(self.request)?))
    }

    /// The session called `name` ends, in whose place `record` has begun. Where it cannot be ended it ends by itself: nobody has
    /// its id any more. What of it is to be given back is returned.
    async fn take_leave(
        &self,
        login: &Arc<Login>,
        name: RecordKey,
        record: &SessionRecord,
    ) -> Option<(Arc<Login>, Box<SessionRecord>)> {
        let scope = login.party.scope(&self.request.host);
        let sessions = &login.party.sessions;
        if self.is_another_tabs(login, name, record).await {
            let ends = self.now.wall.plus(LEAVES_WITHIN);
            drop(sessions.leave(name, scope, ends, self.now).await);
            return None;
        }
        let ended = sessions.end(name, scope, self.now).await.ok().flatten()?;
        (!is_of_one_grant(&ended, record)).then(|| (Arc::clone(login), Box::new(ended)))
    }

    /// The session is the cookie.
    fn begin_in_cookie(&self, mut record: SessionRecord, lasts: Duration) -> Return {
        record.ends = self.now.wall.plus(lasts).min(record.ends);
        let Some(value) = self.login.sealed(self.request, &record, self.now) else {
            let detail = format!(
                "{} bytes of claims, and a session in its cookie has at most {MAX_CLAIMS_BYTES}",
                record.claims.len()
            );
            return self.trouble(Why::TooLarge, detail);
        };
        self.logged_in(record, &value)
    }

    fn logged_in(&self, record: SessionRecord, value: &str) -> Return {
        let party = &self.login.party;
        let life = party.cookie_life(&record, self.now.wall);
        let cookie = party.cookies().set_session(&self.request.host, value, life);
        let to = self.transaction.to.clone();
        Return {
            cookies: cookie.into_iter().collect(),
            ..Return::of(Outcome::LoggedIn(to, Box::new(record)))
        }
    }

    /// Whether `before` is the same user's and has begun a moment ago: of several tabs that log in at once, none takes from
    /// another what it is loading just now.
    async fn is_another_tabs(&self, login: &Login, before: RecordKey, record: &SessionRecord) -> bool {
        let now = self.now;
        let scope = login.party.scope(&self.request.host);
        let found = login.party.sessions.look(before, scope, &login.owner, now).await;
        let Found::Live(session) = found else {
            return false;
        };
        let other = &session.record;
        let same = other.login == record.login
            && other.issuer == record.issuer
            && other.subject() == record.subject();
        same && now.wall < other.began.plus(AT_ONCE)
    }

    /// What is remembered; for how long, is cut to the sessions' own settings.
    pub(super) fn new_record(&self, proved: Proved) -> SessionRecord {
        let (party, now) = (&self.login.party, self.now.wall);
        let text = |name: &str| proved.claims.member(name).and_then(Value::as_str);
        SessionRecord {
            login: (&*party.name).into(),
            issuer: text("iss").unwrap_or(party.issuer.as_str()).into(),
            client_id: party.known_as.at(&self.request.host).id.clone(),
            host: party.cookies().bound_to(host_of(&self.request.host)).into(),
            began: now,
            ends: party.ends_with(&proved).unwrap_or(now.plus(Duration::MAX)),
            idle: Duration::MAX,
            remember: party.visiting.remember,
            claims: write_object(&proved.claims).into(),
            sid: text("sid").map(Into::into),
            id_token: proved.tokens.id_token,
            access_token: Some(proved.tokens.access_token),
            access_ends: proved.tokens.access_ends,
            refresh_token: proved.tokens.refresh_token,
            renewed: now,
        }
    }
}

/// Whether tokens of `before` cannot be given back without those of `after`: some providers take back all that they gave one
/// client in one session of one user, or for the user altogether.
fn is_of_one_grant(before: &SessionRecord, after: &SessionRecord) -> bool {
    let same_session = match (&before.sid, &after.sid) {
        (Some(before), Some(after)) => before == after,
        (Some(_) | None, None) | (None, Some(_)) => true,
    };
    before.issuer == after.issuer
        && before.client_id == after.client_id
        && before.subject() == after.subject()
        && same_session
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures;

    #[test]
    fn tokens_are_given_back_unless_the_new_sessions_may_go_with_them() {
        let after = || SessionRecord {
            sid: Some("s".into()),
            ..fixtures::record()
        };
        assert!(is_of_one_grant(&after(), &after()));
        for sid in [None, Some("other".into())] {
            let before = SessionRecord {
                sid: sid.clone(),
                ..after()
            };
            assert_eq!(is_of_one_grant(&before, &after()), sid.is_none(), "{sid:?}");
        }
        for other in [
            SessionRecord {
                issuer: "https://other.test".into(),
                ..after()
            },
            SessionRecord {
                client_id: "other".into(),
                ..after()
            },
            SessionRecord {
                claims: r#"{"sub":"somebody-else"}"#.into(),
                ..after()
            },
        ] {
            assert!(!is_of_one_grant(&other, &after()));
        }
    }
}
