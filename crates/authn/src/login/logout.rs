//! The session ends: because its user wants it to, or because the provider says so.

use super::tokens::ExchangeError;
use super::{Cookie, Login, Logins};
use crate::session::{Purpose, SessionGroup, SessionRecord};
use countersign_core::request::OriginalRequest;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_jose::token::{TokenError, UnverifiedToken};
use countersign_oidc::discovery::Endpoint;
use countersign_oidc::logout::{EndSessionRequest, LogoutTokenError, LogoutTokenExpectation};
use http::HeaderValue;
use std::sync::Arc;
use url::form_urlencoded;

/// The largest form that tells of a logout, in bytes.
pub const MAX_FORM_BYTES: usize = 32 * 1024;
/// The longest names of an issuer and of a session that are looked at, in bytes.
const MAX_NAME_BYTES: usize = 2048;

/// A browser that has logged out.
#[derive(Debug)]
pub struct Left {
    /// Where it goes now: to the provider, that it logs out there too, or where the configuration says. Nowhere in
    /// particular otherwise.
    pub location: Option<String>,
    /// What it forgets.
    pub cookies: Vec<HeaderValue>,
    /// What was remembered of the session, if there was one.
    pub record: Option<Box<SessionRecord>>,
    /// Why the session may still be there. The browser keeps its cookie then, and can ask again.
    pub failed: Option<StoreError>,
}

impl Login {
    /// Ends the session that `request` comes with, here first and always. Its tokens are to be given back
    /// ([`Self::give_back`]), and the browser goes on to the provider.
    pub async fn log_out(&self, request: &OriginalRequest, now: Now) -> Left {
        let party = &*self.party;
        let mut left = Left {
            location: None,
            cookies: party.cookies().clear_session(&request.host).into_iter().collect(),
            record: None,
            failed: None,
        };
        if let Cookie::Whole(opened) = self.cookie(request) {
            left.record = Some(Box::new(opened.into_record()));
        }
        if let Some(record) = self.record(request) {
            let scope = party.scope(&request.host);
            match party.sessions.end(record, scope, now).await {
                Ok(record) => left.record = record.map(Box::new),
                Err(error) => left.failed = Some(error),
            }
        }
        if let Some(record) = left.record.as_deref().filter(|_| party.visiting.at.is_some()) {
            // The sessions of one login on many hosts end together.
            let (issuer, subject) = (&record.issuer, record.subject());
            let group = match (&record.sid, &subject) {
                (Some(sid), _) => Some(SessionGroup::Sid { issuer, sid }),
                (None, Some(subject)) => Some(SessionGroup::Subject { issuer, subject }),
                (None, None) => None,
            };
            if let Some(group) = group {
                let under_way = party.sessions.end_under_way(group, now.wall).await;
                left.failed = party.sessions.end_all(group).await.err().or(under_way.err());
            }
        }
        if left.failed.is_some() {
            // Without it nobody could come back and end the session.
            left.cookies.clear();
            return left;
        }
        left.location = self.end_session_url(request, left.record.as_deref(), now).await;
        left
    }

    /// Gives the tokens of a session that has ended back to the provider. What fails changes nothing here.
    pub async fn give_back(&self, record: &SessionRecord, now: Now) -> Result<(), ExchangeError> {
        self.party
            .exchange(&record.client_id, now)
            .give_back(record)
            .await
    }

    /// Where the provider is told of the logout; without such a place, where the browser is to go.
    async fn end_session_url(
        &self,
        request: &OriginalRequest,
        record: Option<&SessionRecord>,
        now: Now,
    ) -> Option<String> {
        let after = self.party.visiting.after_logout.as_ref().map(url::Url::as_str);
        let metadata = self.party.metadata(now).await.ok();
        let endpoint = metadata
            .as_ref()
            .and_then(|metadata| metadata.find(Endpoint::EndSession));
        let Some(endpoint) = endpoint else {
            return after.map(str::to_owned);
        };
        let hint = record.and_then(|record| record.id_token.as_ref());
        let request = EndSessionRequest {
            endpoint,
            id_token_hint: hint.map(|hint| hint.expose().as_str()),
            client_id: &self.party.known_as.at(&request.host).id,
            post_logout_redirect_uri: after,
            state: None,
        };
        Some(request.url().into())
    }
}

/// Why what a provider tells of a logout is not taken. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToldError {
    /// Not a form with one logout token, or not a query with one `iss` and one `sid`.
    #[error("not what tells of a logout: {0}")]
    Form(&'static str),
    /// The token cannot be read.
    #[error("the logout token: {0}")]
    Token(#[from] TokenError),
    /// No login here is a client of that issuer.
    #[error("no login here is that issuer's")]
    Unknown,
    /// Sessions are in their cookies.
    #[error("sessions are in their cookies (`session.store`), and none can be ended from here")]
    InCookies,
    /// Its signature does not hold, or its key could not be had.
    #[error("the logout token: {0}")]
    Signature(ExchangeError),
    /// What it says does not hold.
    #[error(transparent)]
    Logout(#[from] LogoutTokenError),
    /// It was taken before.
    #[error("the logout token was taken before (`jti`)")]
    Replayed,
    /// The sessions cannot be reached.
    #[error(transparent)]
    Store(StoreError),
}

impl ToldError {
    /// Whether the provider should tell once more.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Signature(error) => error.is_passing(),
            Self::Form(_)
            | Self::Token(_)
            | Self::InCookies
            | Self::Unknown
            | Self::Logout(_)
            | Self::Replayed => false,
        }
    }
}

/// Sessions that a provider has ended.
#[derive(Debug)]
pub struct Told {
    /// Whose.
    pub login: Arc<Login>,
    /// How many there were.
    pub ended: u64,
    /// Of whom, where it was said.
    pub subject: Option<Box<str>>,
}

impl Logins {
    /// A provider tells of a logout behind the browser's back (OpenID Connect Back-Channel Logout 1.0 section 2.8).
    pub async fn told_behind(
        &self,
        request: &OriginalRequest,
        form: &[u8],
        now: Now,
    ) -> Result<Told, ToldError> {
        let text = only(form, "logout_token")?;
        let token = UnverifiedToken::parse(&text)?;
        let issuer = token.issuer_unverified()?.unwrap_or("").to_owned();
        let audiences = token.audiences_unverified("aud")?;
        let audiences = audiences.take(16).map(str::to_owned).collect::<Vec<_>>();
        let mut ours = self.all().iter().filter(|login| {
            let client = login.party.known_as.at(&request.host);
            let is_here = login.party.is_at(&request.host) && login.party.issuer.admits(&issuer);
            is_here && audiences.iter().any(|audience| **audience == *client.id)
        });
        let login = ours.next().ok_or(ToldError::Unknown)?;
        if login.is_in_cookie() {
            return Err(ToldError::InCookies);
        }
        let party = &*login.party;
        let client = party.known_as.at(&request.host);
        let signed = party.exchange(&client.id, now).signed(&text).await;
        let expectation = LogoutTokenExpectation {
            issuer: &party.issuer,
            client_id: &client.id,
            leeway: party.believing.leeway,
        };
        let told = expectation.check(&signed.map_err(ToldError::Signature)?, now.wall)?;
        let name = format!("{}\n{}", told.issuer, told.jti);
        let (purpose, name) = (Purpose::LogoutToken, name.as_bytes());
        let known = party.sessions.is_kept(purpose, name, now).await;
        if known.map_err(ToldError::Store)? {
            return Err(ToldError::Replayed);
        }
        let issuer = &told.issuer;
        let group = match (&told.sid, &told.subject) {
            (Some(sid), _) => SessionGroup::Sid { issuer, sid },
            (None, Some(subject)) => SessionGroup::Subject { issuer, subject },
            (None, None) => return Err(ToldError::Unknown),
        };
        let under_way = party.sessions.end_under_way(group, now.wall).await;
        let ended = party.sessions.end_all(group).await.map_err(ToldError::Store)?;
        if under_way.is_err() {
            // Now there may be room for it.
            let under_way = party.sessions.end_under_way(group, now.wall).await;
            under_way.map_err(ToldError::Store)?;
        }
        // Only now: a logout that could not be done is told again, with the same token. Two equal ones at the same time end the
        // same sessions, and one of them was the first.
        match party.sessions.put(purpose, name, b"", told.ends, now).await {
            Ok(()) => Ok(Told {
                login: Arc::clone(login),
                ended,
                subject: told.subject,
            }),
            Err(StoreError::Changed) => Err(ToldError::Replayed),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(ToldError::Store(error)),
        }
    }

    /// A provider tells of a logout through a frame in the browser (OpenID Connect Front-Channel Logout 1.0 section 2), by
    /// issuer and session alone: our cookie does not reach a frame of another site's. Whoever knows both knows no more than
    /// how to end that session.
    pub async fn told_in_front(&self, query: &[u8], now: Now) -> Result<Told, ToldError> {
        let (issuer, sid) = (only(query, "iss")?, only(query, "sid")?);
        let mut ours = self
            .all()
            .iter()
            .filter(|login| login.party.issuer.admits(&issuer));
        let login = ours.next().ok_or(ToldError::Unknown)?;
        if login.is_in_cookie() {
            return Err(ToldError::InCookies);
        }
        let group = SessionGroup::Sid {
            issuer: &issuer,
            sid: &sid,
        };
        let sessions = &login.party.sessions;
        let mut ended = sessions.end_all(group).await.map_err(ToldError::Store)?;
        // Anybody can name sessions that there never were: nothing is remembered of those.
        if ended > 0 {
            sessions
                .end_under_way(group, now.wall)
                .await
                .map_err(ToldError::Store)?;
            ended += sessions.end_all(group).await.map_err(ToldError::Store)?;
        }
        Ok(Told {
            login: Arc::clone(login),
            ended,
            subject: None,
        })
    }
}

/// The one value of `name` in a form or query.
fn only(form: &[u8], name: &str) -> Result<String, ToldError> {
    if form.len() > MAX_FORM_BYTES {
        return Err(ToldError::Form("too long"));
    }
    let mut values = form_urlencoded::parse(form).filter(|(own, _)| own == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) if !value.is_empty() => match name {
            "logout_token" => Ok(value.into_owned()),
            _ if value.len() <= MAX_NAME_BYTES => Ok(value.into_owned()),
            _ => Err(ToldError::Form("too long")),
        },
        (Some(_), None) | (None, _) => Err(ToldError::Form("a parameter is missing")),
        (Some(_), Some(_)) => Err(ToldError::Form("a parameter is there twice")),
    }
}
