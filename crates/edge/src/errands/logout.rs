//! `/.countersign/logout`: the session ends here, first and always, and then at the provider.

use super::{Done, Errand, From};
use crate::audit::Action;
use crate::body::Body;
use crate::log::Log;
use crate::page::{Href, Page, SignOut, SignedOut, Words, known_as};
use countersign_authn::login::Login;
use countersign_authn::session::{Found, SessionRecord};
use countersign_core::gate::Scheme;
use countersign_core::own_path::{END_SESSION, ProviderPage};
use countersign_core::reason::ErrandReason;
use http::header::SET_COOKIE;
use http::{Method, StatusCode};
use std::sync::Arc;

impl Errand<'_> {
    pub(super) async fn log_out(self, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let Some(login) = self.whose() else {
            return self.log_out_at_provider(body).await;
        };
        drop(body);
        // Anybody can make a browser follow a link, and whoever writes a text of the application can have it fetch a picture:
        // that alone ends nobody's session.
        let navigates = self.request.headers.contains_key("sec-fetch-dest") && self.request.is_navigation();
        let ends_something = self.gateway.logins.of_session(self.request).is_some();
        let fetched = self.request.method == Method::GET && ends_something && !navigates;
        if fetched || self.from() == From::Elsewhere {
            return self.confirm(login).await;
        }
        let left = login.log_out(self.request, self.now).await;
        if let Some(record) = left.record {
            self.audit(Action::Logout, login, Some(&record), "");
            self.give_back(login, record);
        }
        let mut done = match (&left.failed, &left.location) {
            (Some(error), _) => {
                let reason = ErrandReason::LogoutFailed;
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let words = Words::new(self.request, status, reason.code(), reason.meaning());
                Done::telling(&words, "errand", error.to_string())
            }
            (None, Some(location)) => Done::going(location, ErrandReason::LoggedOut, Vec::new()),
            (None, None) => self.signed_out(Some(login)),
        };
        for cookie in left.cookies {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }

    /// There is no session of a site: on our provider's own hosts it is the one at all its sites that people mean.
    async fn log_out_at_provider(self, body: Body) -> Done {
        let host = self.request.host.name();
        let Some(provider) = &self.gateway.provider else {
            return self.signed_out(None);
        };
        let end_session = ProviderPage::EndSession;
        if provider.issuer.host().name() == host {
            return self.provide(end_session, body).await;
        }
        if provider.mtls_host().is_none_or(|own| own.name() != host) {
            return self.signed_out(None);
        }
        if self.request.scheme != Scheme::Https {
            return self.only_over_https();
        }
        // Browsers are known at the issuer's host alone.
        let place = format!("{}{END_SESSION}", provider.issuer.as_str());
        Done::going(&place, ErrandReason::LogoutElsewhere, Vec::new())
    }

    /// Gives the tokens back behind the answer: the browser waits for nobody.
    pub(super) fn give_back(&self, login: &Arc<Login>, record: Box<SessionRecord>) {
        let (login, log, now) = (Arc::clone(login), Arc::clone(self.log), self.now);
        let name = Arc::clone(&login.party().name);
        let give_up = {
            let (log, name) = (Arc::clone(&log), Arc::clone(&name));
            move |why: &str| not_given_back(&log, &name, why)
        };
        let work = async move {
            if let Err(error) = login.give_back(&record, now).await {
                not_given_back(&log, &login.party().name, &error.to_string());
            }
        };
        if !self.behind.begin(work, give_up) {
            not_given_back(self.log, &name, "too much is under way");
        }
    }

    /// The login whose session the browser has; without one the only login there is here, for there may be a session at the
    /// provider still.
    fn whose(&self) -> Option<&Arc<Login>> {
        let logins = &self.gateway.logins;
        if let Some(login) = logins.of_session(self.request) {
            return Some(login);
        }
        let here = self.gateway.routes.whoami(&self.request.host)?;
        let mut named = here.accept.iter().filter_map(|way| logins.named(way.name()));
        match (named.next(), named.next()) {
            (Some(login), None) => Some(login),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    fn signed_out(&self, login: Option<&Arc<Login>>) -> Done {
        let reason = ErrandReason::LoggedOut;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
        let page = Page::SignedOut(SignedOut {
            sign_in: Href::new("/"),
            still_at: login.map(|login| login.party().label.to_string()),
            ..SignedOut::default()
        });
        Done::telling(&words.on(page), "errand", String::new())
    }

    async fn confirm(&self, login: &Arc<Login>) -> Done {
        let who = match login.find(self.request, self.now).await {
            Some(Found::Live(session)) => known_as(&session.principal),
            Some(Found::Gone(_) | Found::Unavailable(_) | Found::NotRenewed { .. }) | None => None,
        };
        let (Some(action), Some(stay)) = (Href::new(self.request.target.path()), Href::new("/")) else {
            return self.signed_out(None);
        };
        let reason = ErrandReason::LogoutConfirm;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
        let page = Page::SignOut(SignOut {
            who,
            action,
            fields: Vec::new(),
            ends_at: login.party().origins(self.now).await,
            stay,
            // The provider is told, and it tells the others.
            everywhere: login.party().known_as.is_site() && !login.is_in_cookie(),
        });
        Done::telling(&words.on(page), "errand", String::new())
    }
}

fn not_given_back(log: &Log, login: &str, why: &str) {
    let text = format!("{login}: tokens of a session that has ended were not given back: {why}");
    log.event("warning", "logout", &text);
}
