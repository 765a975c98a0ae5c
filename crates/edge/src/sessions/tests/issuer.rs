//! An issuer that rotates refresh tokens strictly, and the login that asks it.

use super::world::pass;
use countersign_authn::session::{RenewError, SessionOwner, SessionRecord};
use countersign_core::BoxFuture;
use countersign_core::claims::{ClaimPath, ClaimsBuilder};
use countersign_core::identity_headers::Written;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::secret::Secret;
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::relying_party::refresh::Tokens;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long an access token lasts.
pub(super) const ACCESS: Duration = Duration::from_mins(5);
/// After how much of that a session is renewed.
pub(super) const DUE: Duration = Duration::from_mins(4);

/// What the issuer does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Down,
    Refuses,
}

/// An issuer and the login that asks it. A refresh token is worth one use; one that is spent ends the session.
#[derive(Debug)]
pub(super) struct Issuer {
    mood: Mutex<Mood>,
    delay: Mutex<Duration>,
    grace: Mutex<Option<Duration>>,
    proves: AtomicBool,
    asked: AtomicUsize,
    current: Mutex<u64>,
    /// For how long it wants to be left alone.
    retry_after: Mutex<Option<Duration>>,
}

impl Issuer {
    /// Well, and quick.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(Mood::Well),
            delay: Mutex::default(),
            grace: Mutex::default(),
            proves: AtomicBool::new(true),
            asked: AtomicUsize::new(0),
            current: Mutex::new(0),
            retry_after: Mutex::default(),
        })
    }

    pub(super) fn wants_to_be_left_alone(&self, time: Duration) {
        *self.retry_after.lock().unwrap() = Some(time);
    }

    fn cannot(&self, why: &str) -> RenewError {
        RenewError::Unavailable {
            why: why.to_owned(),
            retry_after: *self.retry_after.lock().unwrap(),
        }
    }

    /// A login that asks it, of one configuration.
    pub(super) fn owner(self: &Arc<Self>, name: &str) -> Arc<dyn SessionOwner> {
        Arc::new(Owner {
            issuer: Arc::clone(self),
            name: name.into(),
        })
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(super) fn takes(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    /// From now on a session goes on so long past the end of its token, and not longer.
    pub(super) fn is_awaited(&self, grace: Duration) {
        *self.grace.lock().unwrap() = Some(grace);
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether what is asked after the tokens are given gets an answer.
    pub(super) fn proves(&self, proves: bool) {
        self.proves.store(proves, Ordering::SeqCst);
    }

    async fn refresh(&self, record: &SessionRecord, now: Now) -> Result<Option<Tokens>, RenewError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let delay = *self.delay.lock().unwrap();
        let spent = record.refresh_token.as_ref().unwrap().expose().clone();
        let next = {
            let mut current = self.current.lock().unwrap();
            match *self.mood.lock().unwrap() {
                Mood::Well if spent == format!("refresh-{current}") => {
                    *current += 1;
                    Ok(*current)
                }
                Mood::Well => Err(RenewError::Refused("spent twice".to_owned())),
                Mood::Down => Err(self.cannot("503")),
                Mood::Refuses => Err(RenewError::Refused("invalid_grant".to_owned())),
            }
        };
        // What it did is done; its answer takes its time.
        pass(delay).await;
        let next = next?;
        Ok(Some(Tokens {
            id_token: None,
            access_token: secret("access", next),
            access_ends: Some(now.wall.plus(delay + ACCESS)),
            refresh_token: Some(secret("refresh", next)),
        }))
    }

    fn proved(&self, record: &SessionRecord, tokens: Tokens, now: Now) -> Result<SessionRecord, RenewError> {
        if !self.proves.load(Ordering::SeqCst) {
            return Err(self.cannot("userinfo: 503"));
        }
        Ok(SessionRecord {
            access_token: Some(tokens.access_token),
            access_ends: tokens.access_ends,
            refresh_token: tokens.refresh_token,
            renewed: now.wall,
            ends: Timestamp::from_seconds(i64::MAX / 1000),
            host: "elsewhere.test".into(),
            ..record.clone()
        })
    }
}

pub(super) fn secret(kind: &str, number: u64) -> Secret<String> {
    Secret::new(format!("{kind}-{number}"))
}

/// A login of one configuration.
#[derive(Debug)]
struct Owner {
    issuer: Arc<Issuer>,
    name: Arc<str>,
}

impl SessionOwner for Owner {
    fn principal(&self, record: &SessionRecord) -> Option<Principal> {
        let mut claims = ClaimsBuilder::default();
        claims.open_object().unwrap();
        claims.key("sub").unwrap();
        claims.string(&record.subject()?).unwrap();
        claims.close().unwrap();
        Some(Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Session,
            issuer: (*record.issuer).into(),
            claims: claims.finish().unwrap(),
            facts: Arc::new(FactPaths {
                subject: ClaimPath::subject(),
                groups: ClaimPath::parse("groups").unwrap(),
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
            written: Written::default(),
            tokens: None,
        })
    }

    fn holds_unrenewed(&self, record: &SessionRecord) -> Option<Timestamp> {
        let grace = (*self.issuer.grace.lock().unwrap())?;
        Some(record.access_ends?.plus(grace))
    }

    fn renew_at(&self, record: &SessionRecord) -> Option<Timestamp> {
        record.refresh_token.as_ref()?;
        let end = record.access_ends?;
        let early = ACCESS.checked_sub(DUE)?.as_millis();
        let early = i64::try_from(early).ok()?;
        Some(Timestamp::from_milliseconds(end.milliseconds() - early))
    }

    fn refresh<'a>(
        &'a self,
        record: &'a SessionRecord,
        now: Now,
    ) -> BoxFuture<'a, Result<Option<Tokens>, RenewError>> {
        Box::pin(self.issuer.refresh(record, now))
    }

    fn renewed<'a>(
        &'a self,
        record: &'a SessionRecord,
        tokens: Tokens,
        now: Now,
    ) -> BoxFuture<'a, Result<SessionRecord, RenewError>> {
        Box::pin(std::future::ready(self.issuer.proved(record, tokens, now)))
    }
}
