//! Browsers that log in at an OpenID Provider: `[login.NAME]`, and `[sso.NAME]` where their certificate logs them in.
//!
//! Reading order: `options` (what can be configured), `build` (from values to a login), `site` (the same of `[sso.NAME]`), `party` (what stays the same of
//! one), this file (the authenticator: whose session a request has), then the browser's errand: `cookies`, `transaction`
//! (what is known again when it comes back), `start`, `callback`, `logout`.

use crate::session::names::RecordNames;
use crate::session::{Found, Gone, LiveSession, SessionId, SessionOwner, SessionRecord, Sessions};
use cookies::{Sent, read_session_value, read_tagged, sent};
use countersign_core::BoxFuture;
use countersign_core::authn::{Authenticator, Challenge, Effects, Outcome, Unavailable};
use countersign_core::credential_place::CredentialPlace;
use countersign_core::gate::Host;
use countersign_core::identity_headers::Written;
use countersign_core::own_path::{OwnPage, RENEW};
use countersign_core::principal::{Principal, SessionTokens};
use countersign_core::reason::UnavailableReason;
use countersign_core::request::OriginalRequest;
use countersign_core::session::RecordKey;
use countersign_core::time::{Now, Timestamp};
use http::HeaderValue;
use party::RelyingParty;
use std::sync::Arc;
use std::time::Duration;

pub use build::{acr_faults, build};
pub use options::OPTIONS;

/// The name of its tables.
pub const TABLE: &str = "login";

pub(crate) mod build;
pub mod callback;
pub mod cookies;
pub mod handoff;
pub mod in_cookie;
pub mod logout;
mod options;
pub mod party;
pub mod provider;
pub mod shared;
pub mod site;
pub mod start;
pub mod tokens;
pub mod transaction;
pub mod trouble;

/// What a client is told to wait while the store does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The sessions of one relying party, as a way of proving who you are.
#[derive(Debug)]
pub struct Login {
    party: Arc<RelyingParty>,
    /// The same, as the sessions know it.
    owner: Arc<dyn SessionOwner>,
    places: Vec<CredentialPlace>,
    pages: Vec<(Box<str>, OwnPage)>,
    names: RecordNames,
}

/// What a request has of a session.
enum Cookie {
    /// No session cookie, or another login's.
    None,
    /// One that cannot be any session's.
    Broken,
    /// One of this login.
    Session(SessionId),
    /// One of this login that is the session itself.
    Whole(Box<in_cookie::Opened>),
}

impl Login {
    /// The login of `party`.
    pub fn new(party: Arc<RelyingParty>) -> Self {
        Self {
            owner: Arc::clone(&party) as _,
            places: party.cookies().places(),
            pages: party.own_pages(),
            names: RecordNames::new(&*party.entropy),
            party,
        }
    }

    /// Whose login it is.
    pub const fn party(&self) -> &Arc<RelyingParty> {
        &self.party
    }

    /// The same, as the sessions know it.
    pub const fn owner(&self) -> &Arc<dyn SessionOwner> {
        &self.owner
    }

    /// The session of this login that `request` comes with, as its record is called; `None` where there are no records.
    fn record(&self, request: &OriginalRequest) -> Option<RecordKey> {
        match self.cookie(request) {
            Cookie::None | Cookie::Broken | Cookie::Whole(_) => None,
            Cookie::Session(id) => Some(self.name_of(&id, &request.host)),
        }
    }

    /// Whether `request` comes with a session of this login, as far as can be told without looking it up.
    pub fn is_of(&self, request: &OriginalRequest) -> bool {
        match self.cookie(request) {
            Cookie::None | Cookie::Broken => false,
            Cookie::Session(_) | Cookie::Whole(_) => true,
        }
    }

    /// What has become of the session of this login that `request` comes with; `None` when it comes with none.
    pub async fn find(&self, request: &OriginalRequest, now: Now) -> Option<Found> {
        match self.cookie(request) {
            Cookie::None | Cookie::Broken => None,
            Cookie::Whole(opened) => Some(self.found_in_cookie(*opened, now)),
            Cookie::Session(id) => {
                let scope = self.party.scope(&request.host);
                let record = self.name_of(&id, &request.host);
                Some(self.sessions().look(record, scope, &self.owner, now).await)
            }
        }
    }

    /// The same, renewed whether or not that is due: at the provider, or under a new seal, which the browser has to keep.
    pub async fn renew(&self, request: &OriginalRequest, now: Now) -> Option<(Found, Option<HeaderValue>)> {
        match self.cookie(request) {
            Cookie::None | Cookie::Broken => None,
            Cookie::Whole(opened) => Some(self.sealed_anew(request, *opened, now)),
            Cookie::Session(id) => {
                let scope = self.party.scope(&request.host);
                let record = self.name_of(&id, &request.host);
                let found = self.sessions().renew(record, scope, &self.owner, now).await;
                Some((found, None))
            }
        }
    }

    /// The session in its cookie that `request` comes with, if it goes on and its seal has ended: the provider is asked about
    /// it without its user.
    fn resting(&self, request: &OriginalRequest, now: Now) -> Option<SessionRecord> {
        match self.cookie(request) {
            Cookie::None | Cookie::Broken | Cookie::Session(_) => None,
            Cookie::Whole(opened) => opened.is_resting(now.wall).then(|| opened.into_record()),
        }
    }

    fn name_of(&self, id: &SessionId, host: &Host) -> RecordKey {
        let place = self.party.place(host);
        self.names.of(id, &place, || id.record(&self.party.scope(host)))
    }

    fn cookie(&self, request: &OriginalRequest) -> Cookie {
        if !self.party.is_at(&request.host) {
            return Cookie::None;
        }
        match sent(&request.headers, &self.party.cookies().session(&request.host)) {
            Sent::Nothing => Cookie::None,
            Sent::Doubtful => Cookie::Broken,
            Sent::One(value) if self.is_in_cookie() => match read_tagged(value) {
                None => Cookie::Broken,
                Some((tag, _)) if *tag != *self.party.tag => Cookie::None,
                Some(_) => match self.opened(request, value) {
                    None => Cookie::Broken,
                    Some(opened) if *opened.login() != *self.party.name => Cookie::None,
                    Some(opened) => Cookie::Whole(Box::new(opened)),
                },
            },
            Sent::One(value) => match read_session_value(value) {
                None => Cookie::Broken,
                Some((tag, _)) if *tag != *self.party.tag => Cookie::None,
                Some((_, id)) => Cookie::Session(id),
            },
        }
    }

    fn sessions(&self) -> &Arc<dyn Sessions> {
        &self.party.sessions
    }

    /// Nothing that proves anybody: the cookie goes.
    fn absent(&self, request: &OriginalRequest) -> Outcome {
        let cookie = self.party.cookies().clear_session(&request.host);
        Outcome::Absent(Effects {
            cookies: cookie.into_iter().collect(),
        })
    }

    fn outcome(&self, request: &OriginalRequest, found: Found, now: Now) -> Outcome {
        match found {
            // The browser keeps it, and shows it when it comes to log in again.
            Found::Gone(Gone::Idle) if self.is_in_cookie() => Outcome::Absent(Effects::none()),
            Found::Live(session) => {
                let principal = with_what_holds(&session, self.party.known_as.is_site(), now);
                Outcome::Authenticated(principal, Effects::none())
            }
            Found::Gone(Gone::Unknown | Gone::Idle | Gone::Over | Gone::Sealed | Gone::Refused) => {
                self.absent(request)
            }
            Found::Unavailable(detail) => {
                self.unavailable(UnavailableReason::SessionsUnreachable, detail, RETRY_AFTER)
            }
            Found::NotRenewed { why, retry_after } => {
                self.unavailable(UnavailableReason::SessionNotRenewed, why, retry_after)
            }
        }
    }

    fn unavailable(&self, reason: UnavailableReason, detail: String, retry_after: Duration) -> Outcome {
        Outcome::Unavailable(Unavailable {
            reason,
            authenticator: Arc::clone(&self.party.name),
            detail,
            retry_after,
        })
    }
}

/// The principal of a session. A token that has ended, and could not be renewed, goes no further; the ID Token of another
/// provider says who has logged in, and not every provider gives a new one.
fn with_what_holds(session: &LiveSession, at_site: bool, now: Now) -> Arc<Principal> {
    let principal = &session.principal;
    let Some(tokens) = &principal.tokens else {
        return Arc::clone(principal);
    };
    let has_ended = |ends: Option<Timestamp>| ends.is_some_and(|ends| now.wall >= ends);
    let access_ended = tokens.access.is_some() && has_ended(session.record.access_ends);
    let id_ended = at_site && tokens.id.is_some() && has_ended(id_token_ends(principal));
    if !access_ended && !id_ended {
        return Arc::clone(principal);
    }
    let tokens = SessionTokens {
        access: tokens.access.clone().filter(|_| !access_ended),
        id: tokens.id.clone().filter(|_| !id_ended),
        refresh: tokens.refresh.clone(),
    };
    Arc::new(Principal {
        tokens: Some(Arc::new(tokens)),
        written: Written::default(),
        ..Principal::clone(principal)
    })
}

/// When the ID Token ends: what it says is among the claims.
fn id_token_ends(principal: &Principal) -> Option<Timestamp> {
    let seconds = principal.claims.member("exp")?.as_number()?.as_i64()?;
    Some(Timestamp::from_seconds(seconds))
}

impl Authenticator for Login {
    fn name(&self) -> &Arc<str> {
        &self.party.name
    }

    fn try_now(&self, request: &OriginalRequest, now: Now) -> Option<Outcome> {
        match self.cookie(request) {
            Cookie::None => Some(Outcome::Absent(Effects::none())),
            Cookie::Broken => Some(self.absent(request)),
            Cookie::Whole(opened) => {
                let found = self.found_in_cookie(*opened, now);
                Some(self.outcome(request, found, now))
            }
            Cookie::Session(id) => {
                let record = self.name_of(&id, &request.host);
                let found = self.sessions().look_now(record, &self.owner, now)?;
                Some(self.outcome(request, found, now))
            }
        }
    }

    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.cookie(request) {
                Cookie::None => Outcome::Absent(Effects::none()),
                Cookie::Broken => self.absent(request),
                Cookie::Whole(opened) => self.outcome(request, self.found_in_cookie(*opened, now), now),
                Cookie::Session(id) => {
                    let scope = self.party.scope(&request.host);
                    let record = self.name_of(&id, &request.host);
                    let found = self.sessions().look(record, scope, &self.owner, now).await;
                    self.outcome(request, found, now)
                }
            }
        })
    }

    fn credential_places(&self) -> &[CredentialPlace] {
        &self.places
    }

    fn own_pages(&self) -> &[(Box<str>, OwnPage)] {
        &self.pages
    }

    fn challenge(&self, _request: &OriginalRequest) -> Option<Challenge> {
        Some(Challenge::Login {
            authenticator: Arc::clone(&self.party.name),
            renew: self.is_in_cookie().then_some(RENEW),
        })
    }
}

/// Every login of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Logins(Vec<Arc<Login>>);

impl Logins {
    /// These.
    pub const fn new(all: Vec<Arc<Login>>) -> Self {
        Self(all)
    }

    /// The login called `name`: `login.home`.
    pub fn named(&self, name: &str) -> Option<&Arc<Login>> {
        self.0.iter().find(|login| *login.party.name == *name)
    }

    /// All of them, in the order of the configuration.
    pub fn all(&self) -> &[Arc<Login>] {
        &self.0
    }

    /// The login whose session `request` comes with.
    pub fn of_session(&self, request: &OriginalRequest) -> Option<&Arc<Login>> {
        self.0.iter().find(|login| login.is_of(request))
    }

    /// The login whose session `request` comes with, if only its seal has ended.
    pub fn of_resting(&self, request: &OriginalRequest, now: Now) -> Option<&Arc<Login>> {
        self.0.iter().find(|login| login.resting(request, now).is_some())
    }
}

/// A host as sessions are bound to it: by name. Two ports of one name share their cookies whatever we do.
pub(crate) fn host_of(host: &Host) -> &str {
    host.name()
}
