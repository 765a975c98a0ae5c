//! What an operator may see of sessions: never a token, never an id, nothing to come in by.

use super::SessionKeeper;
use super::ends::listed;
use super::look::open;
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{SessionGroup, SessionRecord};
use countersign_core::session::{Listed, RecordKey, StoreError};
use countersign_core::time::Timestamp;
use std::cmp::Reverse;
use std::fmt::Write as _;

/// The most sessions that are told at once.
pub const MOST_TOLD: usize = 1000;
/// How many bytes of a record's hash are its name here.
const NAME_BYTES: usize = 8;
/// How many names are gone through for [`MOST_TOLD`] sessions: other things are kept beside them.
const MOST_READ: usize = 20_000;

/// A session, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// What it is called here: the first 16 hexadecimal digits of a hash of a hash. Nobody comes in by it.
    pub name: String,
    /// The login, as the configuration names it.
    pub login: Box<str>,
    /// Who vouches for the subject.
    pub issuer: Box<str>,
    /// The subject; empty where the claims name none.
    pub subject: Box<str>,
    /// The issuer's name for its own session.
    pub sid: Option<Box<str>>,
    /// As which client.
    pub client_id: Box<str>,
    /// On which host.
    pub host: Box<str>,
    /// When the user logged in.
    pub began: Timestamp,
    /// When it ends, used or not.
    pub ends: Timestamp,
    /// When tokens and claims were last had from the issuer.
    pub renewed: Timestamp,
    /// When the access token ends, where there is one and the issuer said so.
    pub access_ends: Option<Timestamp>,
    /// Whether it can be renewed.
    pub refreshable: bool,
    /// Whether its cookie outlives the browser.
    pub remember: bool,
}

/// Sessions as they were found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SessionList {
    /// The youngest first.
    pub sessions: Vec<SessionSummary>,
    /// Records that do not open under any key there is.
    pub unopened: u64,
    /// Whether there are more.
    pub more: bool,
}

/// What the session of this record is called for operators.
fn short(name: &RecordKey) -> String {
    let mut text = String::with_capacity(2 * NAME_BYTES);
    for byte in name.0.iter().take(NAME_BYTES) {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
    }
    text
}

impl SessionSummary {
    fn new(name: &RecordKey, record: SessionRecord) -> Self {
        Self {
            name: short(name),
            subject: record.subject().unwrap_or_default(),
            login: record.login,
            issuer: record.issuer,
            sid: record.sid,
            client_id: record.client_id,
            host: record.host,
            began: record.began,
            ends: record.ends,
            renewed: record.renewed,
            access_ends: record.access_ends,
            refreshable: record.refresh_token.is_some(),
            remember: record.remember,
        }
    }
}

impl SessionKeeper {
    /// The sessions of `group`, the youngest first; [`MOST_TOLD`] at most.
    pub async fn list(&self, group: SessionGroup<'_>) -> Result<SessionList, StoreError> {
        let in_force = self.in_force.load_full();
        let now = self.clock.now().wall;
        let mut names = Vec::new();
        match group {
            SessionGroup::All => names.extend(listed(&in_force, None, MOST_READ).await?),
            SessionGroup::Subject { .. } | SessionGroup::Sid { .. } | SessionGroup::Provided { .. } => {
                for index in in_force.sealer.indexes(group) {
                    names.extend(listed(&in_force, Some(index), MOST_TOLD + 1).await?);
                }
            }
        }
        let mut list = SessionList {
            more: names.len() >= MOST_READ,
            ..SessionList::default()
        };
        for Listed { id: name, .. } in names {
            let Some((sealed, _)) = in_force.store.load(&name, now).await? else {
                continue;
            };
            if !Sealer::is_record(&sealed) {
                continue;
            }
            if list.sessions.len() >= MOST_TOLD {
                list.more = true;
                break;
            }
            match open(&in_force, name, &sealed) {
                Some((_, record)) => list.sessions.push(SessionSummary::new(&name, record)),
                None => list.unopened += 1,
            }
        }
        list.sessions.sort_by_key(|session| Reverse(session.began));
        Ok(list)
    }

    /// The session called `name`; `None` when there is none, or more than one.
    pub async fn named(&self, name: &str) -> Result<Option<SessionSummary>, StoreError> {
        match self.key_of(name).await? {
            Some(key) => self.summary(&key).await,
            None => Ok(None),
        }
    }

    /// Ends the session called `name`; says whether there was one, and which, where it opens.
    pub async fn revoke_named(&self, name: &str) -> Result<(bool, Option<SessionSummary>), StoreError> {
        let Some(key) = self.key_of(name).await? else {
            return Ok((false, None));
        };
        let summary = self.summary(&key).await?;
        Ok((self.end_named(key).await?, summary))
    }

    async fn summary(&self, key: &RecordKey) -> Result<Option<SessionSummary>, StoreError> {
        let in_force = self.in_force.load_full();
        let stored = in_force.store.load(key, self.clock.now().wall).await?;
        let opened = stored.and_then(|(sealed, _)| open(&in_force, *key, &sealed));
        Ok(opened.map(|(_, record)| SessionSummary::new(key, record)))
    }

    async fn key_of(&self, name: &str) -> Result<Option<RecordKey>, StoreError> {
        if name.len() != 2 * NAME_BYTES {
            return Ok(None);
        }
        let in_force = self.in_force.load_full();
        let names = listed(&in_force, None, usize::MAX).await?;
        let mut found = names
            .into_iter()
            .map(|one| one.id)
            .filter(|key| short(key) == name);
        Ok(found.next().filter(|_| found.next().is_none()))
    }
}
