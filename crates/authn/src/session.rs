//! Login sessions: what is remembered of a login, and the port through which it is found again.
//!
//! A session is a record in a store, sealed above it. The browser holds a [`SessionId`], the store a hash of that and of
//! the [`Scope`], so that a session of one issuer, client or host is nothing at another.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::BoxFuture;
use countersign_core::entropy::Entropy;
use countersign_core::principal::Principal;
use countersign_core::secret::Secret;
use countersign_core::session::{RecordKey, StoreError, Version};
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::relying_party::refresh::Tokens;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub mod life;
pub(crate) mod names;
mod offline;
pub mod record;
mod room;
pub mod seal;

pub use room::{Bound, Room, Standing, makes_room};

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod fixtures;

/// The bytes of a session id.
const ID_BYTES: usize = 32;

/// What a browser is known by: 256 random bits. Printed never, stored as a hash.
#[derive(Clone)]
pub struct SessionId(Secret<[u8; ID_BYTES]>);

impl SessionId {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; ID_BYTES];
        entropy.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// Reads it from a cookie's value: 43 characters of base64url and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    /// As a cookie's value.
    pub fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.expose())
    }

    /// What its record is called in the store.
    pub fn record(&self, scope: &Scope) -> RecordKey {
        RecordKey(hash(b"session", &[&scope.0, self.0.expose()]))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(***)")
    }
}

/// Where a session is worth something: one client of one issuer, on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope([u8; 32]);

impl Scope {
    /// Of `client_id` at `issuer`, on `host` (or on the domain that shares it).
    pub fn of(issuer: &str, client_id: &str, host: &str) -> Self {
        Self(hash(
            b"scope",
            &[issuer.as_bytes(), client_id.as_bytes(), host.as_bytes()],
        ))
    }

    /// As bytes, for what is bound to it.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From the bytes of [`Self::as_bytes`].
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// SHA-256 over `parts`, each with its length before it, so that no two lists read alike.
fn hash(purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in std::iter::once(&purpose).chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// What is remembered of one login.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The login, as the configuration names it: `login.home`.
    pub login: Box<str>,
    /// Who vouches for the subject.
    pub issuer: Box<str>,
    /// As which client.
    pub client_id: Box<str>,
    /// On which host, or on all of which domain: `*.home.example`.
    pub host: Box<str>,
    /// When the user logged in.
    pub began: Timestamp,
    /// When it ends, used or not.
    pub ends: Timestamp,
    /// How long it lasts unused.
    pub idle: Duration,
    /// Whether its cookie outlives the browser.
    pub remember: bool,
    /// Everything the issuer said: one JSON object, the ID Token's claims and what userinfo adds to them.
    pub claims: Box<str>,
    /// The issuer's name for its own session (`sid`), by which it may end this one.
    pub sid: Option<Box<str>>,
    /// The ID Token, for the logout's hint and for applications that ask for it by name.
    pub id_token: Option<Secret<String>>,
    /// The access token.
    pub access_token: Option<Secret<String>>,
    /// When the access token ends, where the issuer said so.
    pub access_ends: Option<Timestamp>,
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
    /// When tokens and claims were last had from the issuer.
    pub renewed: Timestamp,
}

/// A session that holds, as far as was known when it was last read from the store.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Who has logged in.
    pub principal: Arc<Principal>,
    /// All of it.
    pub record: Arc<SessionRecord>,
    /// When it ends unless it is used again.
    pub idle_ends: Timestamp,
}

/// What became of a session id.
#[derive(Clone, Debug)]
pub enum Found {
    /// The session holds.
    Live(Arc<LiveSession>),
    /// It has ended, or there never was one, or its record does not open.
    Gone(Gone),
    /// It could not be looked up, through no fault of the client. The text is for the log.
    Unavailable(String),
    /// It has not ended, and proves nobody until its issuer has renewed it, which cannot be asked just now.
    NotRenewed {
        /// For the log.
        why: String,
        /// When asking again makes sense.
        retry_after: Duration,
    },
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// No record of this name: logged out, ended, or from elsewhere.
    Unknown,
    /// It was not used for too long.
    Idle,
    /// Its whole time is over.
    Over,
    /// The record does not open under any key there is.
    Sealed,
    /// The issuer refuses to renew it (`invalid_grant`).
    Refused,
}

/// Whose sessions they are: one login, which makes principals of records and renews them at its issuer.
pub trait SessionOwner: Send + Sync + fmt::Debug {
    /// The principal that `record` proves; `None` when the configuration has changed so that it proves nobody.
    fn principal(&self, record: &SessionRecord) -> Option<Principal>;

    /// When `record` should be renewed at the issuer: `None` when it never is.
    fn renew_at(&self, record: &SessionRecord) -> Option<Timestamp>;

    /// Until when `record` proves somebody while its issuer does not answer; it is there until its own end. `None` where it
    /// proves them as long.
    fn holds_unrenewed(&self, record: &SessionRecord) -> Option<Timestamp>;

    /// What the issuer gives for the refresh token of `record`, unread; nothing where there is none. It may be spent from then
    /// on: what is given must be kept whatever comes of the rest.
    fn refresh<'a>(
        &'a self,
        record: &'a SessionRecord,
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Tokens>, RenewError>>;

    /// The record with these tokens and with what they prove.
    fn renewed<'a>(
        &'a self,
        record: &'a SessionRecord,
        tokens: Tokens,
        now: Now,
    ) -> BoxFuture<'a, Result<SessionRecord, RenewError>>;
}

/// Why a session was not renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    /// The issuer has taken it back: the session ends.
    #[error("the issuer refuses: {0}")]
    Refused(String),
    /// It could not be asked, or answers what cannot be believed: nothing ends by that.
    #[error("{why}")]
    Unavailable {
        /// For the log.
        why: String,
        /// When it wants to be asked again, where it says so.
        retry_after: Option<Duration>,
    },
}

/// By what many sessions are found and ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionGroup<'a> {
    /// All of one subject at one issuer.
    Subject {
        /// The issuer.
        issuer: &'a str,
        /// Its `sub`.
        subject: &'a str,
    },
    /// All that belong to one session at the issuer.
    Sid {
        /// The issuer.
        issuer: &'a str,
        /// Its `sid`.
        sid: &'a str,
    },
    /// All that our own OpenID Provider keeps of one kind about one subject.
    Provided {
        /// Which kind.
        what: Purpose,
        /// Who the provider is.
        issuer: &'a str,
        /// Whom it is about.
        subject: &'a str,
        /// Which of those.
        share: Share<'a>,
    },
    /// All there are.
    All,
}

/// Which of the things that our own OpenID Provider keeps about one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share<'a> {
    /// All of them.
    All,
    /// Those for one client.
    Client(&'a str),
    /// Those that end with what is known of the subject in one browser, by what that is kept under.
    SignOn(&'a str),
}

/// What is kept under a name, as it was when it was read.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was kept.
    pub value: Vec<u8>,
    /// Which writing of it this was.
    pub version: Version,
}

/// Finds, begins, renews and ends sessions. What takes time is done behind it; two that ask for one session at once ask
/// its issuer once.
pub trait Sessions: Send + Sync + fmt::Debug {
    /// The session, when it can be told without waiting.
    fn look_now(&self, record: RecordKey, owner: &Arc<dyn SessionOwner>, now: Now) -> Option<Found>;

    /// The session, after waiting for whatever can tell, its renewal included where that is due.
    fn look<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found>;

    /// The session, renewed at its issuer now, whether or not that is due.
    fn renew<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found>;

    /// A new session, under a new id, and when its whole time ends: its times are cut to what is configured. The oldest
    /// of the same subject makes room where there are too many, not counting the one `instead_of` which it begins and those
    /// that are about to end. Fails with [`StoreError::Changed`] when it was ended since it was proved
    /// ([`Self::end_under_way`]).
    fn begin(
        &self,
        record: SessionRecord,
        scope: Scope,
        instead_of: Option<RecordKey>,
        now: Now,
    ) -> BoxFuture<'_, Result<(SessionId, Timestamp), StoreError>>;

    /// Lets the session end at `ends` at the latest, used or not.
    fn leave(
        &self,
        record: RecordKey,
        scope: Scope,
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends the session, and gives back what was remembered, where that opens.
    fn end(
        &self,
        record: RecordKey,
        scope: Scope,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<SessionRecord>, StoreError>>;

    /// Ends all of `group`; says how many there were.
    fn end_all<'a>(&'a self, group: SessionGroup<'a>) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Ends what of `group` is under way: what was proved until now does not begin any more. To be asked before
    /// [`Self::end_all`].
    fn end_under_way<'a>(
        &'a self,
        group: SessionGroup<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Keeps `value` until `ends` under a name of this purpose. Fails with [`StoreError::Changed`] when there is one: a
    /// name is used once. What anybody can cause ([`Purpose::is_anybodys`]) has little room, and never the sessions'.
    fn put<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Whether [`Self::put`] keeps something under a name.
    fn is_kept<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// What [`Self::put`] kept, once: it is gone from then on.
    fn take<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Keeps `value` like [`Self::put`], as one of those that each of `rooms` is for.
    fn keep<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        rooms: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What is kept under a name; it stays.
    fn read<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>>;

    /// Writes over what was read, until `ends`. Fails with [`StoreError::Changed`] when it is gone, or was written since.
    fn write<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        kept: &'a Kept,
        ends: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Keeps it no longer; says whether it was kept.
    fn forget<'a>(&'a self, purpose: Purpose, name: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// `plain` as only this gateway, and the nodes that share its keys, can read it; worthless for another purpose or
    /// under other `context`.
    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8>;

    /// What was sealed; `None` when it was not sealed here, or not for this.
    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}

/// What something sealed or kept once is for. Each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The record of a session.
    Session,
    /// The state of a login under way.
    State,
    /// A return address too long for the state.
    ReturnTo,
    /// What one host wants of another that runs logins.
    Wish,
    /// A code by which one host hands a login to another.
    Handoff,
    /// A session that is kept in its cookie, and nowhere else.
    Cookie,
    /// The id (`jti`) of a logout token that was taken.
    LogoutToken,
    /// That sessions were ended, and when.
    Ended,
    /// A code of our own OpenID Provider.
    Code,
    /// An access token of it, for its own userinfo endpoint.
    AccessToken,
    /// What one of its clients may have new tokens for.
    Grant,
    /// At which of its clients a browser has logged in.
    SignOns,
    /// The id (`jti`) of an assertion by which one of its clients proved itself.
    Assertion,
    /// What it signs with.
    ProviderKeys,
}

impl Purpose {
    /// Whether anybody can cause such a thing to be kept, who has proved nothing: by following a link.
    pub const fn is_anybodys(self) -> bool {
        match self {
            Self::ReturnTo | Self::Wish => true,
            Self::Session
            | Self::State
            | Self::Handoff
            | Self::Cookie
            | Self::LogoutToken
            | Self::Ended
            | Self::Code
            | Self::AccessToken
            | Self::Grant
            | Self::SignOns
            | Self::Assertion
            | Self::ProviderKeys => false,
        }
    }
}
