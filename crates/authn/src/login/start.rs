//! A browser leaves for the provider.

use super::Login;
use super::cookies::{Life, SameSite};
use super::handoff::{At, Wish};
use super::transaction::{
    Beginning, BrowserSecret, LASTS, MAX_CARRIED_BYTES, MAX_STATE_BYTES, Transaction, state_hash, whose,
};
use super::trouble::{Trouble, Why};
use crate::session::Purpose;
use countersign_core::request::OriginalRequest;
use countersign_core::return_to::ReturnTo;
use countersign_core::route::LoginDemand;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_oidc::discovery::Endpoint;
use countersign_oidc::relying_party::authorization::{
    AuthenticationWishes, AuthorizationRequest, CodeVerifier, Nonce, Prompt, ResponseMode,
};
use http::HeaderValue;
use std::time::Duration;

/// How, and how often before, somebody is sent to log in.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where the browser wants to go.
    pub to: ReturnTo,
    /// What the place asks of the login.
    pub demand: LoginDemand,
    /// How often this browser was sent away for it without coming back as it should.
    pub tries: u8,
    /// Whether the provider is to ask the user, whatever else is said: it could not answer without.
    pub ask_the_user: bool,
    /// Who it is, as a third party believes.
    pub login_hint: Option<Box<str>>,
    /// What another host wants, which has sent the browser here for it.
    pub wish: Option<Vec<u8>>,
}

/// Where a browser is sent.
#[derive(Clone, Debug)]
pub struct Departure {
    /// A URL at the provider.
    pub location: String,
    /// What it keeps.
    pub cookies: Vec<HeaderValue>,
}

impl Login {
    /// Sends the browser that sent `request` to log in.
    pub async fn start(
        &self,
        request: &OriginalRequest,
        start: Start,
        now: Now,
    ) -> Result<Departure, Trouble> {
        let party = &*self.party;
        if !party.may_log_in(request.scheme, &request.host) {
            return Err(Trouble::new(Why::OverHttp, "the request came over plain http"));
        }
        if !party.is_at(&request.host) {
            let detail = format!("the port of {} is none of `public_ports`", request.host);
            return Err(Trouble::new(Why::Port, detail));
        }
        let elsewhere = party.visiting.at.as_ref().filter(|at| !at.is_of(request));
        if let Some(at) = elsewhere.filter(|_| start.wish.is_none()) {
            if !at.hands_to(request) {
                let detail = format!("{} has another port than `at` and its scheme", request.host);
                return Err(Trouble::new(Why::Port, detail));
            }
            return self.leave_for(at, request, &start, now).await;
        }
        let metadata = party.metadata(now).await;
        let metadata = metadata.map_err(|error| {
            let why = if error.is_in_its_words() {
                Why::Answer
            } else {
                Why::Provider
            };
            Trouble::new(why, error.to_string())
        })?;
        let endpoint = metadata.endpoint(Endpoint::Authorization);
        let endpoint = endpoint.map_err(|error| Trouble::new(Why::Provider, error.to_string()))?;
        let wishes = self.wishes(&start, self.resting(request, now).is_some());
        let (nonce, verifier) = (Nonce::draw(&*party.entropy), CodeVerifier::draw(&*party.entropy));
        let begun = self.begin_here(&start, Some((&nonce, &verifier)), request, &wishes, now);
        let (transaction, state, browser) = begun?;
        let wish = start.wish.as_deref().filter(|_| transaction.wish.is_none());
        self.keep(&transaction, &state, wish, now).await?;
        let location = AuthorizationRequest {
            endpoint,
            client_id: &party.known_as.at(&request.host).id,
            redirect_uri: &party.redirect_uri(request.scheme, &request.host),
            scope: &party.asking.scope,
            state: &state,
            nonce: party.believing.mapping.is_none().then_some(&nonce),
            code_verifier: &verifier,
            response_mode: party.asking.response_mode,
            wishes: &wishes,
        };
        let mut cookies = party.cookies().clear_abandoned(&request.headers);
        cookies.extend(self.under_way(&state, &browser));
        Ok(Departure {
            location: location.url().into(),
            cookies,
        })
    }

    /// Sends the browser to the host that runs logins, with what is wanted of it.
    async fn leave_for(
        &self,
        at: &At,
        request: &OriginalRequest,
        start: &Start,
        now: Now,
    ) -> Result<Departure, Trouble> {
        let party = &*self.party;
        // What is asked of the login is measured where it is run, and no provider's answer comes here.
        let nothing = AuthenticationWishes::default();
        let begun = self.begin_here(start, None, request, &nothing, now);
        let (transaction, state, browser) = begun?;
        // Without a kept address the browser returns to its path alone.
        drop(self.keep(&transaction, &state, None, now).await);
        let wish = Wish::of(&transaction, &state, request, start, now.wall);
        let mut cookies = party.cookies().clear_abandoned(&request.headers);
        cookies.extend(self.under_way(&state, &browser));
        Ok(Departure {
            location: self.place_elsewhere(at, wish),
            cookies,
        })
    }

    fn begin_here(
        &self,
        start: &Start,
        here: Option<(&Nonce, &CodeVerifier)>,
        request: &OriginalRequest,
        wishes: &AuthenticationWishes,
        now: Now,
    ) -> Result<(Transaction, String, BrowserSecret), Trouble> {
        let browser = BrowserSecret::draw(&*self.party.entropy);
        let beginning = Beginning {
            login: (&*self.party.name).into(),
            host: request.host.to_string().into(),
            nonce: here.map_or("", |(nonce, _)| nonce.as_str()).into(),
            verifier: here.map_or("", |(_, verifier)| verifier.as_str()).into(),
            to: start.to.clone(),
            wished_by: start
                .wish
                .as_deref()
                .and_then(Wish::from_bytes)
                .map(|wish| wish.origin),
            wish: start
                .wish
                .as_deref()
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .map(Into::into),
            tries: start.tries,
            max_age: wishes.max_age.map(|age| age.as_secs()),
            acr_values: wishes.acr_values.to_vec(),
            whose: self.asked_alone(request, wishes, now),
        };
        let mut transaction = Transaction::begin(beginning, &browser, now.wall);
        let most = here.map_or(MAX_CARRIED_BYTES, |_| MAX_STATE_BYTES);
        let state = transaction.seal(most, &*self.party.sessions).ok_or_else(|| {
            let detail = format!("the state would be longer than {most} characters");
            Trouble::new(Why::TooLarge, detail)
        })?;
        Ok((transaction, state, browser))
    }

    /// Who must come back when the provider is asked without its user: it may know somebody else by now, and nobody would
    /// have said a word about it.
    fn asked_alone(
        &self,
        request: &OriginalRequest,
        wishes: &AuthenticationWishes,
        now: Now,
    ) -> Option<[u8; 32]> {
        let alone = wishes.prompt.as_ref().is_some_and(Prompt::is_none);
        let resting = self.resting(request, now).filter(|_| alone)?;
        Some(whose(&resting))
    }

    /// What the user is asked for: what the place says goes before what the login says. About a session that is resting
    /// the provider is asked alone, as long as nobody says otherwise.
    fn wishes(&self, start: &Start, resting: bool) -> AuthenticationWishes {
        let usual = &self.party.asking.wishes;
        let demand = &start.demand;
        let said = demand.prompt.as_deref().and_then(Prompt::parse);
        // What the place asks of the login, the provider may have to ask the user for.
        let alone = resting && demand.max_age.is_none() && demand.acr_values.is_empty();
        let alone = || alone.then(|| Prompt::parse("none")).flatten();
        let prompt = said.or_else(|| usual.prompt.clone()).or_else(alone);
        AuthenticationWishes {
            prompt: prompt.filter(|prompt| !(start.ask_the_user && prompt.is_none())),
            max_age: shorter(demand.max_age, usual.max_age),
            acr_values: if demand.acr_values.is_empty() {
                usual.acr_values.clone()
            } else {
                demand.acr_values.clone().into()
            },
            login_hint: start.login_hint.clone(),
            extra: usual.extra.clone(),
        }
    }

    /// Keeps what is too long for the state: a return address, without which the browser returns to its path alone, and what
    /// another host wants, without which nothing can be handed over.
    async fn keep(
        &self,
        transaction: &Transaction,
        state: &str,
        wish: Option<&[u8]>,
        now: Now,
    ) -> Result<(), Trouble> {
        let (name, ends) = (state_hash(state), now.wall.plus(LASTS));
        let sessions = &self.party.sessions;
        if transaction.to_is_kept {
            let to = transaction.to.as_str().as_bytes();
            drop(sessions.put(Purpose::ReturnTo, &name, to, ends, now).await);
        }
        if let Some(wish) = wish {
            let kept = sessions.put(Purpose::Wish, &name, wish, ends, now).await;
            kept.map_err(|error| match error {
                StoreError::Full(_) => Trouble::new(Why::Full, error.to_string()),
                StoreError::Changed | StoreError::Unavailable(_) => {
                    Trouble::new(Why::Sessions, error.to_string())
                }
            })?;
        }
        Ok(())
    }

    fn under_way(&self, state: &str, browser: &BrowserSecret) -> Option<HeaderValue> {
        let cookies = self.party.cookies();
        let same_site = match self.party.asking.response_mode {
            ResponseMode::Query => SameSite::Lax,
            ResponseMode::FormPost => SameSite::None,
        };
        let name = cookies.under_way(&state_hash(state));
        cookies.set(
            &name,
            &browser.to_text(),
            Life::Seconds(LASTS.as_secs()),
            same_site,
        )
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
