//! The browser comes back from the provider: with a code, with an error, late, twice, or with nothing it left with. It is led
//! somewhere sensible in every case.

use super::cookies::{Sent, sent, session_value};
use super::handoff::{Wish, handed};
use super::in_cookie::MAX_CLAIMS_BYTES;
use super::start::Start;
use super::tokens::{Asked, Exchange, ExchangeError, Proved};
use super::transaction::{BrowserSecret, Transaction, state_hash};
use super::trouble::{Trouble, Why};
use super::{Login, Logins};
use crate::session::{Found, Purpose, Scope, SessionRecord};
use countersign_core::claims::Value;
use countersign_core::request::OriginalRequest;
use countersign_core::return_to::ReturnTo;
use countersign_core::route::LoginDemand;
use countersign_core::secret::Secret;
use countersign_core::session::{RecordKey, StoreError};
use countersign_core::time::Now;
use countersign_jose::json::write_object;
use countersign_oidc::relying_party::authorization::{CodeVerifier, Nonce};
use countersign_oidc::relying_party::callback::{
    AuthorizationError, AuthorizationErrorKind, AuthorizationResponse,
};
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// How often a browser is sent away once more that came back without what it left with.
const MAX_TRIES: u8 = 1;
/// Logins of one user in one browser that lie no further apart are of tabs that log in at once.
const AT_ONCE: Duration = Duration::from_mins(1);

/// What becomes of a browser that is back.
#[derive(Debug)]
pub struct Return {
    /// Where to, or why not.
    pub outcome: Outcome,
    /// The login, where it was found out.
    pub login: Option<Arc<Login>>,
    /// The origin that wanted the login, when it is another than this: there it can be tried again.
    pub wished_by: Option<Box<str>>,
    /// What the browser keeps, and what it forgets.
    pub cookies: Vec<HeaderValue>,
}

/// Where a browser goes that is back.
#[derive(Debug)]
pub enum Outcome {
    /// It has logged in: back to where it wanted to go.
    LoggedIn(ReturnTo, Box<SessionRecord>),
    /// It has logged in for another host, and takes the session there.
    HandedOver(String),
    /// There is nothing to do: it goes there.
    Elsewhere(ReturnTo),
    /// It is sent away once more. What the place asks of the login is to be looked up.
    Again(Start),
    /// It stays here and reads why; from there it can try again for this place.
    Trouble(Trouble, ReturnTo),
}

impl Return {
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            login: None,
            wished_by: None,
            cookies: Vec::new(),
        }
    }
}

impl Logins {
    /// What becomes of the browser that sent `request` and brings `form` from a provider: the query, or the body of a form.
    pub async fn come_back(&self, request: &OriginalRequest, form: &[u8], now: Now) -> Return {
        let Some(any) = self.all().first() else {
            return Return::of(Outcome::Elsewhere(ReturnTo::root()));
        };
        if let Some((state, code)) = handed(form) {
            return self.take_over(request, &state, &code, now).await;
        }
        // Bookmarks and links of others: nothing here was asked for.
        let Ok(response) = AuthorizationResponse::parse(form) else {
            return Return::of(Outcome::Elsewhere(ReturnTo::root()));
        };
        let opened = Transaction::opened(&response.state, &*any.party.sessions);
        let of_here = opened.filter(|transaction| *transaction.host == *request.host.to_string());
        let Some(mut transaction) = of_here else {
            return Return::of(Outcome::Elsewhere(ReturnTo::root()));
        };
        let Some(login) = self.named(&transaction.login) else {
            return Return::of(Outcome::Elsewhere(transaction.to));
        };
        let cookies = login.party.cookies();
        let under_way = cookies.under_way(&state_hash(&response.state));
        let browser = match sent(&request.headers, &under_way) {
            Sent::One(value) => BrowserSecret::parse(value),
            Sent::Nothing | Sent::Doubtful => None,
        };
        let is_of_this = browser.is_some_and(|browser| transaction.is_of(&browser));
        let wished_by = transaction.wished_by.clone();
        let mut wish = None;
        if is_of_this {
            login.recall_return(&mut transaction, &response.state, now).await;
            wish = login.recall_wish(&transaction, &response.state, now).await;
        }
        let mut back = if is_of_this && !transaction.is_late(now.wall) {
            login.arrive(request, (transaction, wish), &response, now).await
        } else {
            Return::of(login.stray(request, (transaction, wish), now).await)
        };
        back.wished_by = wished_by;
        if is_of_this {
            back.cookies.extend(cookies.clear(&under_way));
            login.forget_resting(request, &mut back, now);
        }
        back.login = Some(Arc::clone(login));
        back
    }
}

impl Logins {
    /// A browser comes back from the host that runs logins, with a code for the session.
    async fn take_over(&self, request: &OriginalRequest, state: &str, code: &str, now: Now) -> Return {
        let nothing = || Return::of(Outcome::Elsewhere(ReturnTo::root()));
        let Some(any) = self.all().first() else {
            return nothing();
        };
        let opened = Transaction::opened(state, &*any.party.sessions);
        let of_here = opened.filter(|transaction| *transaction.host == *request.host.to_string());
        let Some(mut transaction) = of_here else {
            return nothing();
        };
        let Some(login) = self.named(&transaction.login) else {
            return nothing();
        };
        let cookies = login.party.cookies();
        let under_way = cookies.under_way(&state_hash(state));
        let browser = match sent(&request.headers, &under_way) {
            Sent::One(value) => BrowserSecret::parse(value),
            Sent::Nothing | Sent::Doubtful => None,
        };
        let is_of_this = browser.is_some_and(|browser| transaction.is_of(&browser));
        let taken = if is_of_this {
            login.recall_return(&mut transaction, state, now).await;
            login.take_over(request, state, code, now).await
        } else {
            Ok(None)
        };
        let mut back = match taken {
            Ok(Some(record)) => login.begin(request, transaction.to, record, now).await,
            // Used, late, or another browser's.
            Ok(None) => Return::of(login.stray(request, (transaction, None), now).await),
            Err(error) => {
                let trouble = Trouble::new(Why::Sessions, error.to_string());
                Return::of(Outcome::Trouble(trouble, transaction.to))
            }
        };
        if is_of_this {
            back.cookies.extend(cookies.clear(&under_way));
        }
        back.login = Some(Arc::clone(login));
        back
    }
}

impl Login {
    /// The return address that was too long for the state.
    async fn recall_return(&self, transaction: &mut Transaction, state: &str, now: Now) {
        if transaction.to_is_kept {
            let name = state_hash(state);
            let kept = self.party.sessions.take(Purpose::ReturnTo, &name, now).await;
            let kept = kept
                .ok()
                .flatten()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(to) = kept.and_then(|text| ReturnTo::judge(&text)) {
                transaction.to = to;
            }
        }
    }

    /// What another host wants of the login that has come back.
    async fn recall_wish(&self, transaction: &Transaction, state: &str, now: Now) -> Option<Vec<u8>> {
        transaction.wished_by.as_ref()?;
        let name = state_hash(state);
        let kept = self.party.sessions.take(Purpose::Handoff, &name, now).await;
        kept.ok().flatten()
    }

    /// A browser that left in another way, or too long ago: back where it wanted to go if it has logged in meanwhile (a
    /// bookmark, the back button, another tab), else it starts again, once.
    async fn stray(
        &self,
        request: &OriginalRequest,
        (transaction, wish): (Transaction, Option<Vec<u8>>),
        now: Now,
    ) -> Outcome {
        if transaction.wished_by.is_none() && self.has_session(request, now).await {
            return Outcome::Elsewhere(transaction.to);
        }
        again((transaction, wish), false)
    }

    /// About a session that is resting the provider was asked without its user. Where asking so again would come to the same,
    /// the session is forgotten.
    fn forget_resting(&self, request: &OriginalRequest, back: &mut Return, now: Now) {
        let may_help = match &back.outcome {
            Outcome::LoggedIn(..) | Outcome::HandedOver(_) | Outcome::Elsewhere(_) => true,
            Outcome::Again(start) => !start.ask_the_user,
            Outcome::Trouble(trouble, _) => trouble.why == Why::Provider,
        };
        if !may_help && self.is_resting(request, now) {
            let cookies = self.party.cookies();
            back.cookies.extend(cookies.clear_session(request.host.name()));
        }
    }

    /// Whether the browser has a session here that holds.
    async fn has_session(&self, request: &OriginalRequest, now: Now) -> bool {
        match self.find(request, now).await {
            Some(Found::Live(_)) => true,
            Some(Found::Gone(_) | Found::Unavailable(_)) | None => false,
        }
    }

    /// The browser that left comes back with the provider's answer.
    async fn arrive(
        &self,
        request: &OriginalRequest,
        (transaction, wish): (Transaction, Option<Vec<u8>>),
        response: &AuthorizationResponse,
        now: Now,
    ) -> Return {
        // A node that was started meanwhile has to ask, or it would not know what it must not miss.
        let metadata = self.party.metadata(now).await;
        let always_named =
            metadata.is_ok_and(|metadata| metadata.authorization_response_iss_parameter_supported);
        if let Err(error) = response.check_issuer(&self.party.issuer, always_named) {
            let trouble = Trouble::new(Why::Answer, error.to_string());
            return Return::of(Outcome::Trouble(trouble, transaction.to));
        }
        let code = match &response.outcome {
            Ok(code) => code,
            Err(error) => return Return::of(refused(error, (transaction, wish))),
        };
        let proved = match self.redeem(request, &transaction, code, now).await {
            Ok(proved) => proved,
            // The code was used: the back button, or the same answer twice.
            Err(error) if error.is_refused_grant() => {
                return Return::of(self.stray(request, (transaction, wish), now).await);
            }
            Err(error) => return Return::of(Outcome::Trouble(trouble(&error), transaction.to)),
        };
        if transaction.wished_by.is_some() {
            return self.hand_over_to(request, (transaction, wish), proved, now).await;
        }
        let record = self.new_record(request, proved, now);
        self.begin(request, transaction.to, record, now).await
    }

    /// Somebody has logged in for another host.
    async fn hand_over_to(
        &self,
        request: &OriginalRequest,
        (transaction, wish): (Transaction, Option<Vec<u8>>),
        proved: Proved,
        now: Now,
    ) -> Return {
        let record = self.new_record(request, proved, now);
        let handed = match wish.and_then(|bytes| Wish::from_bytes(&bytes)) {
            Some(wish) => self.hand_over(&wish, record, now).await,
            None => Err(StoreError::Unavailable(
                "what the other host wants is gone".to_owned(),
            )),
        };
        Return::of(match handed {
            Ok(place) => Outcome::HandedOver(place),
            Err(error) => Outcome::Trouble(Trouble::new(Why::Sessions, error.to_string()), transaction.to),
        })
    }

    async fn redeem(
        &self,
        request: &OriginalRequest,
        transaction: &Transaction,
        code: &Secret<String>,
        now: Now,
    ) -> Result<Proved, ExchangeError> {
        let (Some(verifier), Some(nonce)) = (
            CodeVerifier::from_text(&transaction.verifier),
            Nonce::from_text(&transaction.nonce),
        ) else {
            return Err(ExchangeError::NoIdToken);
        };
        let redirect_uri = self.party.redirect_uri(request.scheme, &transaction.host);
        let asked = Asked {
            code,
            redirect_uri: &redirect_uri,
            verifier: &verifier,
            nonce: &nonce,
            max_age: transaction.max_age.map(Duration::from_secs),
            acr_values: &transaction.acr_values,
        };
        let party = &*self.party;
        Exchange { party, now }.redeem(&asked).await
    }

    /// Somebody has logged in, and the session is the cookie.
    fn begin_in_cookie(
        &self,
        request: &OriginalRequest,
        to: ReturnTo,
        mut record: SessionRecord,
        lasts: Duration,
        now: Now,
    ) -> Return {
        record.ends = now.wall.plus(lasts);
        let Some(value) = self.sealed(request, &record, now) else {
            let detail = format!(
                "{} bytes of claims, and a session in its cookie has at most {MAX_CLAIMS_BYTES}",
                record.claims.len()
            );
            return Return::of(Outcome::Trouble(Trouble::new(Why::TooLarge, detail), to));
        };
        self.logged_in(request, to, record, &value, now)
    }

    fn logged_in(
        &self,
        request: &OriginalRequest,
        to: ReturnTo,
        record: SessionRecord,
        value: &str,
        now: Now,
    ) -> Return {
        let life = self.party.cookie_life(&record, now.wall);
        let cookie = self.party.cookies().set_session(request.host.name(), value, life);
        Return {
            outcome: Outcome::LoggedIn(to, Box::new(record)),
            login: None,
            wished_by: None,
            cookies: cookie.into_iter().collect(),
        }
    }

    /// Somebody has logged in: a new session under a new id, in place of the one the browser had.
    async fn begin(
        &self,
        request: &OriginalRequest,
        to: ReturnTo,
        mut record: SessionRecord,
        now: Now,
    ) -> Return {
        if let Some(lasts) = self.party.visiting.in_cookie {
            return self.begin_in_cookie(request, to, record, lasts, now);
        }
        let sessions = &self.party.sessions;
        let scope = self.party.scope(&request.host);
        let begun = sessions.begin(record.clone(), scope, now).await;
        let (id, ends) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let why = match error {
                    StoreError::Full(_) => Why::Full,
                    StoreError::Changed | StoreError::Unavailable(_) => Why::Sessions,
                };
                let trouble = Trouble::new(why, error.to_string());
                return Return::of(Outcome::Trouble(trouble, to));
            }
        };
        record.ends = ends;
        if let Some(before) = self.record(request)
            && !self.is_another_tabs(before, scope, &record, now).await
        {
            // Where it cannot be ended it ends by itself: nobody has its id any more.
            drop(sessions.end(before, scope, now).await);
        }
        self.logged_in(request, to, record, &session_value(&self.party.tag, &id), now)
    }

    /// Whether `before` is the same user's and has begun a moment ago: of several tabs that log in at once, none takes from
    /// another what it is loading just now.
    async fn is_another_tabs(
        &self,
        before: RecordKey,
        scope: Scope,
        record: &SessionRecord,
        now: Now,
    ) -> bool {
        let found = self.party.sessions.look(before, scope, &self.owner, now).await;
        let Found::Live(session) = found else {
            return false;
        };
        let other = &session.record;
        let same = other.issuer == record.issuer && other.subject() == record.subject();
        same && now.wall < other.began.plus(AT_ONCE)
    }

    /// What is remembered; for how long, is cut to the sessions' own settings.
    fn new_record(&self, request: &OriginalRequest, proved: Proved, now: Now) -> SessionRecord {
        let text = |name: &str| proved.claims.member(name).and_then(Value::as_str);
        SessionRecord {
            login: (&*self.party.name).into(),
            issuer: text("iss").unwrap_or(self.party.issuer.as_str()).into(),
            client_id: self.party.client.id.clone(),
            host: self
                .party
                .cookies()
                .bound_to(super::host_of(&request.host))
                .into(),
            began: now.wall,
            ends: now.wall.plus(Duration::MAX),
            idle: Duration::MAX,
            remember: self.party.visiting.remember,
            claims: write_object(&proved.claims).into(),
            sid: text("sid").map(Into::into),
            id_token: proved.tokens.id_token,
            access_token: Some(proved.tokens.access_token),
            access_ends: proved.tokens.access_ends,
            refresh_token: proved.tokens.refresh_token,
            renewed: now.wall,
        }
    }
}

/// The browser is sent away once more, and no oftener.
fn again((transaction, wish): (Transaction, Option<Vec<u8>>), ask_the_user: bool) -> Outcome {
    // What another host wants is with the browser that it was sent with.
    let lost = transaction.wished_by.is_some() && wish.is_none();
    if transaction.tries >= MAX_TRIES || lost {
        let detail =
            "the browser came back twice without the cookie it left with, or with a code that was used";
        return Outcome::Trouble(Trouble::new(Why::Lost, detail), transaction.to);
    }
    Outcome::Again(Start {
        to: transaction.to,
        demand: LoginDemand::default(),
        tries: transaction.tries + 1,
        ask_the_user,
        login_hint: None,
        wish,
    })
}

/// The provider says no.
fn refused(error: &AuthorizationError, (transaction, wish): (Transaction, Option<Vec<u8>>)) -> Outcome {
    match error.kind {
        // It was asked not to ask the user, and cannot answer without.
        AuthorizationErrorKind::LoginRequired | AuthorizationErrorKind::InteractionRequired => {
            again((transaction, wish), true)
        }
        AuthorizationErrorKind::AccessDenied => Outcome::Trouble(
            Trouble::new(Why::Declined, error.told.to_string()),
            transaction.to,
        ),
        AuthorizationErrorKind::TemporarilyUnavailable => Outcome::Trouble(
            Trouble::new(Why::Provider, error.told.to_string()),
            transaction.to,
        ),
        AuthorizationErrorKind::Other => {
            Outcome::Trouble(Trouble::new(Why::Answer, error.told.to_string()), transaction.to)
        }
    }
}

fn trouble(error: &ExchangeError) -> Trouble {
    let why = if error.is_passing() {
        Why::Provider
    } else {
        error.why()
    };
    Trouble::new(why, error.to_string())
}
