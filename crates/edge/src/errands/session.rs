//! `/.countersign/session` and `/.countersign/renew`: what a page's own script may know and do about the session.

use super::{Done, Errand, From};
use crate::page::Words;
use countersign_authn::login::Login;
use countersign_authn::session::{Found, LiveSession};
use countersign_core::own_path::{LOGOUT, LogIn, RENEW, login_place};
use countersign_core::reason::{ErrandReason, UnavailableReason};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

impl Errand<'_> {
    /// Who is logged in, until when, and how to log in. Nothing of it is for other sites: no header lets them read it.
    pub(super) async fn tell_session(self) -> Done {
        if !matches!(self.request.method, Method::GET | Method::HEAD) {
            return self.not_allowed("GET, HEAD");
        }
        let Some(login) = self.gateway.logins.of_session(self.request) else {
            return Self::shown(None);
        };
        match login.find(self.request, self.now).await {
            Some(found) => Self::found(found, login),
            None => Self::shown(None),
        }
    }

    /// Renews the session at its provider, whether or not that is due. Only a page of this very host may ask.
    pub(super) async fn renew(self) -> Done {
        if self.request.method != Method::POST {
            return self.not_allowed("POST");
        }
        if self.from() == From::Elsewhere {
            let reason = ErrandReason::FromElsewhere;
            let words = Words::new(
                self.request,
                StatusCode::FORBIDDEN,
                reason.code(),
                reason.meaning(),
            );
            return Done::telling(&words, "errand", String::new());
        }
        let Some(login) = self.gateway.logins.of_session(self.request) else {
            return Self::shown(None);
        };
        let Some((found, cookie)) = login.renew(self.request, self.now).await else {
            return Self::shown(None);
        };
        let mut done = match found {
            Found::Unavailable(detail) => self.not_renewed(detail, login).await,
            Found::Live(_) | Found::Gone(_) | Found::NotRenewed { .. } => Self::found(found, login),
        };
        if let Some(cookie) = cookie {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }

    /// The session could not be renewed. It goes on all the same, unless nobody knows of it, or it has gone on for too long.
    async fn not_renewed(&self, detail: String, login: &Login) -> Done {
        let session = match login.find(self.request, self.now).await {
            Some(Found::Live(session)) => session,
            Some(found @ Found::NotRenewed { .. }) => return Self::found(found, login),
            Some(Found::Gone(_) | Found::Unavailable(_)) | None => {
                return Self::found(Found::Unavailable(detail), login);
            }
        };
        let mut told = Self::told(&session, login);
        told.insert(
            "reason".to_owned(),
            json!(ErrandReason::ProviderUnavailable.code()),
        );
        let (status, text) = (StatusCode::SERVICE_UNAVAILABLE, Value::Object(told));
        Done {
            detail,
            ..Done::document(status, format!("{text}\n"), ErrandReason::ProviderUnavailable)
        }
    }

    fn found(found: Found, login: &Login) -> Done {
        match found {
            Found::Live(session) => Self::shown(Some((&session, login))),
            Found::Gone(_) => Self::shown(None),
            Found::Unavailable(detail) => Self::unknown(UnavailableReason::SessionsUnreachable, detail),
            Found::NotRenewed { why, retry_after } => {
                let mut done = Self::unknown(UnavailableReason::SessionNotRenewed, why);
                let seconds = HeaderValue::from(retry_after.as_secs().max(1));
                done.response.headers_mut().insert(RETRY_AFTER, seconds);
                done
            }
        }
    }

    /// Nobody knows.
    fn unknown(reason: UnavailableReason, detail: String) -> Done {
        let text = json!({ "authenticated": null, "reason": reason.code() });
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Done {
            detail,
            ..Done::document(status, format!("{text}\n"), ErrandReason::SessionShown)
        }
    }

    fn shown(session: Option<(&LiveSession, &Login)>) -> Done {
        let told = match session {
            None => json!({ "authenticated": false, "login_url": login_place("/", LogIn::Anyhow) }),
            Some((session, login)) => Value::Object(Self::told(session, login)),
        };
        Done::document(StatusCode::OK, format!("{told}\n"), ErrandReason::SessionShown)
    }

    /// What there is to know of a session.
    fn told(session: &LiveSession, login: &Login) -> Map<String, Value> {
        let record = &session.record;
        let renews = login.is_in_cookie() || record.refresh_token.is_some();
        let members = [
            ("authenticated", json!(true)),
            ("subject", json!(session.principal.subject())),
            ("issuer", json!(&*session.principal.issuer)),
            ("login", json!(&*record.login)),
            ("name", json!(crate::page::known_as(&session.principal))),
            ("groups", session.principal.groups().collect()),
            ("began", json!(record.began.to_string())),
            ("ends", json!(record.ends.to_string())),
            ("ends_unused", json!(session.idle_ends.to_string())),
            (
                "access_token_ends",
                json!(record.access_ends.map(|ends| ends.to_string())),
            ),
            ("login_url", json!(login_place("/", LogIn::Anyhow))),
            ("logout_url", json!(LOGOUT)),
            ("renew_url", json!(renews.then_some(RENEW))),
        ];
        members
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}
