//! The browser comes back from the provider: with a code, with an error, late, twice, or with nothing it left with. It is led
//! somewhere sensible in every case.
//!
//! Reading order: this file (which login it is back from, and whether it is the browser that left), `answer` (what the provider
//! says), `begin` (the session).

use super::cookies::{Sent, sent};
use super::handoff::handed;
use super::start::Start;
use super::transaction::{BrowserSecret, Transaction, state_hash};
use super::trouble::{Trouble, Why};
use super::{Login, Logins};
use crate::session::{Found, Purpose, SessionRecord};
use countersign_core::request::OriginalRequest;
use countersign_core::return_to::ReturnTo;
use countersign_core::route::LoginDemand;
use countersign_core::time::Now;
use countersign_oidc::relying_party::callback::AuthorizationResponse;
use http::HeaderValue;
use std::sync::Arc;

mod answer;
mod begin;

/// How often a browser is sent away once more that came back without what it left with.
const MAX_TRIES: u8 = 1;

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
    /// The session that has ended for the new one, whose tokens are to be given back ([`Login::give_back`]), and its login.
    pub replaced: Option<(Arc<Login>, Box<SessionRecord>)>,
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
    /// It is sent away once more. What the place asks of the login is to be looked up; a prompt that is named goes before.
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
            replaced: None,
        }
    }
}

/// What it brings.
#[derive(Debug)]
enum Brought {
    /// What the provider says.
    Answer(Box<AuthorizationResponse>),
    /// A code for the session, of the host that runs logins.
    Code(String),
}

/// A browser that is back from a login that was begun on this host.
#[derive(Debug)]
struct Arrival<'a> {
    logins: &'a Logins,
    login: &'a Arc<Login>,
    request: &'a OriginalRequest,
    state: &'a str,
    transaction: Transaction,
    /// What another host wants of the login.
    wish: Option<Vec<u8>>,
    /// Whether it has the cookie it left with: it is the browser that began.
    is_of_this: bool,
    now: Now,
}

impl Logins {
    /// What becomes of the browser that sent `request` and brings `form` from a provider: the query, or the body of a form.
    pub async fn come_back(&self, request: &OriginalRequest, form: &[u8], now: Now) -> Return {
        let (state, brought) = match handed(form) {
            Some((state, code)) => (state.into_boxed_str(), Brought::Code(code)),
            None => match AuthorizationResponse::parse(form) {
                Ok(response) => (response.state.clone(), Brought::Answer(Box::new(response))),
                // Bookmarks and links of others: nothing here was asked for.
                Err(_) => return Return::of(Outcome::Elsewhere(ReturnTo::root())),
            },
        };
        match self.arrival(request, &state, now) {
            Ok(arrival) => arrival.end(brought).await,
            Err(to) => Return::of(Outcome::Elsewhere(to)),
        }
    }

    /// The login that was begun with `state`. Without one the browser goes where it is said.
    fn arrival<'a>(
        &'a self,
        request: &'a OriginalRequest,
        state: &'a str,
        now: Now,
    ) -> Result<Arrival<'a>, ReturnTo> {
        let any = self.all().first().ok_or_else(ReturnTo::root)?;
        let opened = Transaction::opened(state, &*any.party.sessions);
        let of_here = opened.filter(|transaction| *transaction.host == *request.host.to_string());
        let transaction = of_here.ok_or_else(ReturnTo::root)?;
        let Some(login) = self.named(&transaction.login) else {
            return Err(transaction.to);
        };
        if !login.party.is_at(&request.host) {
            return Err(transaction.to);
        }
        let under_way = login.party.cookies().under_way(&state_hash(state));
        let browser = match sent(&request.headers, &under_way) {
            Sent::One(value) => BrowserSecret::parse(value),
            Sent::Nothing | Sent::Doubtful => None,
        };
        Ok(Arrival {
            logins: self,
            login,
            request,
            state,
            is_of_this: browser.is_some_and(|browser| transaction.is_of(&browser)),
            transaction,
            wish: None,
            now,
        })
    }
}

impl Arrival<'_> {
    async fn end(mut self, brought: Brought) -> Return {
        if self.is_of_this {
            self.recall_return().await;
        }
        let mut back = match brought {
            // Another login's provider may have sent it: nobody is told the code.
            _ if self.is_of_this && !self.is_where_it_belongs() => self.misled(),
            Brought::Answer(response) => {
                if self.is_of_this {
                    self.recall_wish().await;
                }
                if self.is_of_this && !self.transaction.is_late(self.now.wall) {
                    self.answered(&response).await
                } else {
                    Return::of(self.stray().await)
                }
            }
            Brought::Code(code) => self.take_over(&code).await,
        };
        back.wished_by.clone_from(&self.transaction.wished_by);
        if self.is_of_this {
            let cookies = self.login.party.cookies();
            back.cookies
                .extend(cookies.clear(&cookies.under_way(&state_hash(self.state))));
            self.forget_resting(&mut back);
        }
        back.login = Some(Arc::clone(self.login));
        back
    }

    /// Whether it has come to the callback of its own login. That of another is all that another's provider knows of us.
    fn is_where_it_belongs(&self) -> bool {
        self.login.party.callback() == self.request.target.path()
    }

    fn misled(&self) -> Return {
        let (came, own) = (self.request.target.path(), self.login.party.callback());
        let detail = format!(
            "the answer came to {came}, and the callback of this login is {own}: two providers mixed up"
        );
        self.trouble(Why::Answer, detail)
    }

    /// It comes from the host that runs logins.
    async fn take_over(&self, code: &str) -> Return {
        let login = self.login;
        let taken = if self.is_of_this {
            login.take_over(self.request, self.state, code, self.now).await
        } else {
            Ok(None)
        };
        match taken {
            Ok(Some(record)) => self.begin(record).await,
            // Used, late, or another browser's.
            Ok(None) => Return::of(self.stray().await),
            Err(error) => self.trouble(Why::Sessions, error.to_string()),
        }
    }

    /// The return address that was too long for the state.
    async fn recall_return(&mut self) {
        if self.transaction.to_is_kept {
            let kept = self.recall(Purpose::ReturnTo).await;
            let kept = kept.and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(to) = kept.and_then(|text| ReturnTo::judge(&text)) {
                self.transaction.to = to;
            }
        }
    }

    /// What another host wants of the login that has come back.
    async fn recall_wish(&mut self) {
        self.wish = match &self.transaction.wish {
            Some(wish) => Some(wish.as_bytes().to_vec()),
            None if self.transaction.wished_by.is_some() => self.recall(Purpose::Wish).await,
            None => None,
        };
    }

    async fn recall(&self, purpose: Purpose) -> Option<Vec<u8>> {
        let name = state_hash(self.state);
        let kept = self.login.party.sessions.take(purpose, &name, self.now).await;
        kept.ok().flatten()
    }

    /// A browser that left in another way, or too long ago: back where it wanted to go if it has logged in meanwhile (a
    /// bookmark, the back button, another tab), else it starts again, once.
    async fn stray(&self) -> Outcome {
        if self.transaction.wished_by.is_none() && self.has_session().await {
            return Outcome::Elsewhere(self.transaction.to.clone());
        }
        self.again(false)
    }

    /// Whether the browser has a session here that holds.
    async fn has_session(&self) -> bool {
        match self.login.find(self.request, self.now).await {
            Some(Found::Live(_)) => true,
            Some(Found::Gone(_) | Found::Unavailable(_) | Found::NotRenewed { .. }) | None => false,
        }
    }

    /// The browser is sent away once more, and no oftener.
    fn again(&self, ask_the_user: bool) -> Outcome {
        let transaction = &self.transaction;
        // What another host wants is with the browser that it was sent with.
        let lost = transaction.wished_by.is_some() && self.wish.is_none();
        if transaction.tries >= MAX_TRIES || lost {
            let detail =
                "the browser came back twice without the cookie it left with, or with a code that was used";
            return Outcome::Trouble(Trouble::new(Why::Lost, detail), transaction.to.clone());
        }
        Outcome::Again(Start {
            to: transaction.to.clone(),
            demand: LoginDemand::default(),
            tries: transaction.tries + 1,
            ask_the_user,
            login_hint: None,
            wish: self.wish.clone(),
        })
    }

    /// The provider was asked without its user, and names somebody else: whoever is there is asked, and has to log in.
    fn of_somebody_else(&self) -> Outcome {
        match self.again(true) {
            Outcome::Again(start) => {
                let prompt = Some("login".into());
                let demand = LoginDemand {
                    prompt,
                    ..start.demand
                };
                Outcome::Again(Start { demand, ..start })
            }
            other @ (Outcome::LoggedIn(..)
            | Outcome::HandedOver(_)
            | Outcome::Elsewhere(_)
            | Outcome::Trouble(..)) => other,
        }
    }

    fn trouble(&self, why: Why, detail: impl Into<String>) -> Return {
        let trouble = Trouble::new(why, detail);
        Return::of(Outcome::Trouble(trouble, self.transaction.to.clone()))
    }

    /// About a session that is resting the provider was asked without its user. Where asking so again would come to the same,
    /// the session is forgotten.
    fn forget_resting(&self, back: &mut Return) {
        let may_help = match &back.outcome {
            Outcome::LoggedIn(..) | Outcome::HandedOver(_) | Outcome::Elsewhere(_) => true,
            // Or to the same question once more: nobody else takes it without being asked.
            Outcome::Again(start) => !start.ask_the_user || start.demand.prompt.is_some(),
            Outcome::Trouble(trouble, _) => trouble.why == Why::Provider,
        };
        if !may_help && self.login.resting(self.request, self.now).is_some() {
            let cookies = self.login.party.cookies();
            back.cookies.extend(cookies.clear_session(&self.request.host));
        }
    }
}
