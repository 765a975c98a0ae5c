//! `/.countersign/session` and `/.countersign/renew`: what a page's own script may know and do about the session.

use super::{Done, Errand, From};
use crate::page::Words;
use countersign_authn::session::{Found, LiveSession};
use countersign_core::own_path::{LOGOUT, LogIn, RENEW, login_place};
use countersign_core::reason::{ErrandReason, UnavailableReason};
use http::{Method, StatusCode};
use serde_json::{Value, json};

impl Errand<'_> {
    /// Who is logged in, until when, and how to log in. Nothing of it is for other sites: no header lets them read it.
    pub(super) async fn tell_session(self) -> Done {
        if !matches!(self.request.method, Method::GET | Method::HEAD) {
            return self.not_allowed("GET, HEAD");
        }
        let Some(known) = self.gateway.logins.known(self.request) else {
            return Self::shown(None);
        };
        let party = known.login.party();
        let scope = party.scope(&self.request.host);
        let found = party
            .sessions()
            .look(known.record, scope, known.login.owner(), self.now);
        Self::found(found.await)
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
        let Some(known) = self.gateway.logins.known(self.request) else {
            return Self::shown(None);
        };
        let party = known.login.party();
        let scope = party.scope(&self.request.host);
        let found = party
            .sessions()
            .renew(known.record, scope, known.login.owner(), self.now);
        Self::found(found.await)
    }

    fn found(found: Found) -> Done {
        match found {
            Found::Live(session) => Self::shown(Some(&session)),
            Found::Gone(_) => Self::shown(None),
            Found::Unavailable(detail) => {
                let reason = UnavailableReason::SessionsUnreachable;
                let text = json!({ "authenticated": false, "reason": reason.code() });
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Done {
                    detail,
                    ..Done::document(status, format!("{text}\n"), ErrandReason::SessionShown)
                }
            }
        }
    }

    fn shown(session: Option<&LiveSession>) -> Done {
        let login = login_place("/", LogIn::Anyhow);
        let told = match session {
            None => json!({ "authenticated": false, "login_url": login }),
            Some(session) => json!({
                "authenticated": true,
                "subject": session.principal.subject(),
                "issuer": &*session.principal.issuer,
                "login": &*session.record.login,
                "name": crate::page::known_as(&session.principal),
                "groups": session.principal.groups().collect::<Vec<_>>(),
                "began": session.record.began.to_string(),
                "ends": session.record.ends.to_string(),
                "ends_unused": session.idle_ends.to_string(),
                "access_token_ends": session.record.access_ends.map(|ends| ends.to_string()),
                "login_url": login,
                "logout_url": LOGOUT,
                "renew_url": session.record.refresh_token.as_ref().map_or(Value::Null, |_| json!(RENEW)),
            }),
        };
        Done::document(StatusCode::OK, format!("{told}\n"), ErrandReason::SessionShown)
    }
}
