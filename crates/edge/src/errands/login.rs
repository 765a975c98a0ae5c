//! `/.countersign/login`: which provider, and off to it.

use super::{Done, Errand};
use crate::body::Body;
use crate::page::{Href, Page, Provider, SignIn, Words};
use countersign_authn::login::Login;
use countersign_authn::login::start::Start;
use countersign_core::decide::{Decision, decide};
use countersign_core::gate::Target;
use countersign_core::own_path::login_place_with;
use countersign_core::reason::{AnswerReason, ErrandReason};
use countersign_core::request::OriginalRequest;
use countersign_core::return_to::ReturnTo;
use countersign_core::route::{LoginDemand, Route};
use http::{Method, StatusCode};
use std::sync::Arc;
use url::form_urlencoded;

/// The longest of its parameters but for the return address, in bytes.
const MAX_PARAMETER_BYTES: usize = 1024;

/// What is asked of the page.
#[derive(Debug, Default)]
struct Asked {
    to: Option<ReturnTo>,
    login: Option<String>,
    /// The provider that a third party names (OpenID Connect Core section 4).
    issuer: Option<String>,
    login_hint: Option<Box<str>>,
    /// Whether to log in as somebody else, whoever is logged in.
    another: bool,
}

/// What another of our hosts wants, alone in the query.
fn handoff(form: &[u8]) -> Option<String> {
    let mut pairs = form_urlencoded::parse(form);
    match (pairs.next(), pairs.next()) {
        (Some((name, value)), None) if name == "handoff" => Some(value.into_owned()),
        _ => None,
    }
}

impl Errand<'_> {
    pub(super) async fn log_in(self, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::HEAD | Method::POST) {
            return self.not_allowed("GET, HEAD, POST");
        }
        let Some(form) = self.form(body).await else {
            return Done::going("/", ErrandReason::LoginReturn, Vec::new());
        };
        if let Some(sealed) = handoff(&form) {
            return match self.gateway.logins.wanted(self.request, &sealed, self.now) {
                Some((login, start)) => self.send_away(login, start).await,
                None => Done::going("/", ErrandReason::LoginReturn, Vec::new()),
            };
        }
        let asked = self.asked(&form);
        let to = asked.to.clone().unwrap_or_else(ReturnTo::root);
        let wanted = self.as_asked(&to);
        let route = wanted
            .as_ref()
            .and_then(|wanted| self.gateway.routes.find(wanted).ok().flatten());
        // Logged in already, in another tab perhaps.
        if let (Some(route), Some(wanted), false, None) = (route, &wanted, asked.another, &asked.issuer)
            && let Decision::Allow(_) = decide(route, wanted, self.now).await
        {
            return Done::going(to.as_str(), ErrandReason::LoginReturn, Vec::new());
        }
        let logins = self.logins(route);
        let fits = |login: &&Arc<Login>| {
            let party = login.party();
            let named = asked.login.as_ref().is_none_or(|name| *party.name == **name);
            named
                && asked
                    .issuer
                    .as_ref()
                    .is_none_or(|issuer| party.issuer.admits(issuer))
        };
        let mut fitting = logins.into_iter().filter(fits).collect::<Vec<_>>();
        // A session that rests goes on where it began: there is nothing to choose.
        let resting = self.gateway.logins.of_resting(self.request, self.now);
        if let Some(login) =
            resting.filter(|login| !asked.another && fitting.iter().any(|own| Arc::ptr_eq(own, login)))
        {
            fitting = vec![login];
        }
        match fitting.as_slice() {
            [] => {
                let reason = AnswerReason::NotFound;
                let words = Words::new(
                    self.request,
                    StatusCode::NOT_FOUND,
                    reason.code(),
                    reason.meaning(),
                );
                Done::telling(&words, "not_found", "no login is accepted there".to_owned())
            }
            [login] => {
                let mut demand = route.map(|route| route.login.clone()).unwrap_or_default();
                if asked.another {
                    demand.prompt = Some("login".into());
                }
                let start = Start {
                    to,
                    demand,
                    tries: 0,
                    ask_the_user: asked.another,
                    login_hint: asked.login_hint,
                    wish: None,
                };
                self.send_away(login, start).await
            }
            several => self.choose(several, &to, &asked),
        }
    }

    /// Off to the provider.
    pub(super) async fn send_away(self, login: &Arc<Login>, start: Start) -> Done {
        let to = start.to.clone();
        match login.start(self.request, start, self.now).await {
            Ok(departure) => Done::going(&departure.location, ErrandReason::LoginStarted, departure.cookies),
            Err(trouble) => self.trouble(Some(login), trouble, (None, to.as_str())),
        }
    }

    /// What the place `to` asks of a login.
    pub(super) fn demand_at(&self, to: &ReturnTo) -> LoginDemand {
        let wanted = self.as_asked(to);
        let route = wanted.and_then(|wanted| self.gateway.routes.find(&wanted).ok().flatten().cloned());
        route.map(|route| route.login.clone()).unwrap_or_default()
    }

    /// The browser's request for the place it wants to go to.
    fn as_asked(&self, to: &ReturnTo) -> Option<OriginalRequest> {
        let target = Target::judge(to.as_str()).ok()?;
        Some(OriginalRequest {
            method: Method::GET,
            target,
            ..self.request.clone()
        })
    }

    /// The logins that the place accepts; of a place that accepts none, or that nobody governs, those of the whole host.
    fn logins(&self, route: Option<&Arc<Route>>) -> Vec<&Arc<Login>> {
        let of = |route: &Arc<Route>| {
            let names = route.accept.iter().map(|way| way.name());
            let found = names.filter_map(|name| self.gateway.logins.named(name));
            found.collect::<Vec<_>>()
        };
        let there = route.map(of).unwrap_or_default();
        if there.is_empty() {
            let all = self.gateway.routes.whoami(&self.request.host);
            return all.map(of).unwrap_or_default();
        }
        there
    }

    /// Which of them? What else was asked for stays so.
    fn choose(&self, logins: &[&Arc<Login>], to: &ReturnTo, asked: &Asked) -> Done {
        let label = |login: &Login| login.party().label.to_string();
        let providers = logins.iter().filter_map(|login| {
            let name = label(login);
            let is_twice = logins.iter().filter(|other| label(other) == name).count() > 1;
            // Two ways to one provider are told apart by what the operator calls them.
            let own = login.party().name.rsplit('.').next().filter(|_| is_twice);
            let mut more = vec![("login", &*login.party().name)];
            more.extend(asked.another.then_some(("as", "another")));
            more.extend(asked.login_hint.as_deref().map(|hint| ("login_hint", hint)));
            Some(Provider {
                name: own.map_or(name.clone(), |own| format!("{name} ({own})")),
                href: Href::new(login_place_with(to.as_str(), &more))?,
            })
        });
        let page = Page::SignIn(SignIn {
            providers: providers.collect(),
        });
        let reason = ErrandReason::LoginChoice;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
        Done::telling(&words.on(page), "errand", String::new())
    }

    /// What the query, or the form, asks for. What is there twice, or too long, is not there.
    fn asked(&self, form: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let pairs = form_urlencoded::parse(form).collect::<Vec<_>>();
        let once = |name: &str| pairs.iter().filter(|(own, _)| own == name).count() == 1;
        for (name, value) in pairs.iter().filter(|(name, _)| once(name)) {
            let short = value.len() <= MAX_PARAMETER_BYTES && !value.is_empty();
            match &**name {
                "to" => asked.to = ReturnTo::judge(value),
                "target_link_uri" => asked.to = asked.to.take().or_else(|| self.request.place_here(value)),
                "login" if short => asked.login = Some(value.clone().into_owned()),
                "iss" if short => asked.issuer = Some(value.clone().into_owned()),
                "login_hint" if short => asked.login_hint = Some((&**value).into()),
                "as" => asked.another = value == "another",
                _ => {}
            }
        }
        asked
    }
}
