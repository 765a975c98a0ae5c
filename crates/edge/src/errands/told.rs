//! What providers tell of logouts, and what they read about us.

use super::{Done, Errand};
use crate::audit::Action;
use crate::body::Body;
use countersign_authn::login::logout::{Told, ToldError};
use countersign_authn::login::party::KnownAs;
use countersign_core::reason::ErrandReason;
use countersign_oidc::relying_party::client::{ClientAuthentication, jwk_set};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

/// All that a provider's frame gets to see.
const FRAME: &str = "<!doctype html><html lang=\"en\"><title>Signed out</title></html>\n";

impl Errand<'_> {
    /// Back-channel logout: an empty 200, or 400 with the reason (section 2.8); 503 where the provider should tell again.
    pub(super) async fn told_behind(self, body: Body) -> Done {
        if self.request.method != Method::POST {
            return self.not_allowed("POST");
        }
        let form = self.form(body).await.unwrap_or_default();
        match self
            .gateway
            .logins
            .told_behind(self.request, &form, self.now)
            .await
        {
            Ok(told) => {
                self.audit_told(&told, "back-channel logout");
                Done::document(StatusCode::OK, String::new(), ErrandReason::LoggedOut)
            }
            Err(error) => Self::refuse_told(&error),
        }
    }

    /// Front-channel logout: an empty page that the provider, and nobody else, may frame.
    pub(super) async fn told_in_front(self) -> Done {
        if self.request.method != Method::GET {
            return self.not_allowed("GET");
        }
        let query = self.request.target.query().unwrap_or("");
        let told = match self
            .gateway
            .logins
            .told_in_front(query.as_bytes(), self.now)
            .await
        {
            Ok(told) => told,
            Err(error) => return Self::refuse_told(&error),
        };
        self.audit_told(&told, "front-channel logout");
        let mut done = Done::document(StatusCode::OK, FRAME.to_owned(), ErrandReason::LoggedOut);
        let ancestors = told.login.party().origins(self.now).await.join(" ");
        let policy = format!("default-src 'none'; frame-ancestors {ancestors}");
        let headers = done.response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        done
    }

    /// The public keys by which providers check that it is us.
    pub(super) fn tell_keys(self) -> Done {
        if !matches!(self.request.method, Method::GET | Method::HEAD) {
            return self.not_allowed("GET, HEAD");
        }
        let logins = self.gateway.logins.all().iter();
        let clients = logins.filter_map(|login| match &login.party().known_as {
            KnownAs::Client(client) => Some(&client.authentication),
            KnownAs::Site { .. } => None,
        });
        let keys = clients.filter_map(|authentication| match authentication {
            ClientAuthentication::PrivateKeyJwt(key) => Some(&**key),
            ClientAuthentication::SecretBasic(_)
            | ClientAuthentication::SecretPost(_)
            | ClientAuthentication::SecretAsTaken(_)
            | ClientAuthentication::Bearer(_)
            | ClientAuthentication::None => None,
        });
        Done::document(
            StatusCode::OK,
            format!("{}\n", jwk_set(keys)),
            ErrandReason::KeysShown,
        )
    }

    fn refuse_told(error: &ToldError) -> Done {
        let (status, word, reason) = if error.is_passing() {
            let reason = ErrandReason::LogoutNotYet;
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", reason)
        } else {
            (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                ErrandReason::LogoutRefused,
            )
        };
        let text = json!({ "error": word, "error_description": reason.meaning() });
        Done {
            detail: error.to_string(),
            ..Done::document(status, format!("{text}\n"), reason)
        }
    }

    fn audit_told(&self, told: &Told, how: &str) {
        let detail = format!("{how}, sessions ended: {}", told.ended);
        let who = told.subject.as_deref().unwrap_or("");
        let whose = (told.login.party().issuer.as_str(), who);
        self.audit_of(Action::Revoked, &told.login, whose, &detail);
    }
}
