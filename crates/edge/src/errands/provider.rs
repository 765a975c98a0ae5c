//! The endpoints of our own OpenID Provider: what browsers and clients ask of it.

use super::{Done, Errand};
use crate::body::Body;
use crate::page::Words;
use crate::serve::MAX_HEAD_BYTES;
use bytes::Bytes;
use countersign_authn::provider::Provider;
use countersign_authn::provider::keys::KeysError;
use countersign_authn::provider::redeem::RedeemError;
use countersign_core::gate::Scheme;
use countersign_core::own_path::ProviderPage;
use countersign_core::reason::{ErrandReason, UnavailableReason};
use countersign_jose::token::MAX_TOKEN_BYTES;
use countersign_oidc::provider::token::TokenError;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, StatusCode};
use std::sync::Arc;

mod authorize;
mod end_session;

/// How long what is public may be kept.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// What documents are sent as.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What a key in PEM is sent as. There is no registered type; this one saves it as a file everywhere.
const PEM: HeaderValue = HeaderValue::from_static("application/x-pem-file");
const _: () = assert!(
    MAX_TOKEN_BYTES + MAX_HEAD_BYTES / 4 <= MAX_HEAD_BYTES,
    "an access token that is given fits into a request"
);
/// What forms are sent as (RFC 6749 section 4.1.3).
const FORM: &str = "application/x-www-form-urlencoded";

impl Errand<'_> {
    /// Answers at one of the provider's pages.
    pub(super) async fn provide(self, page: ProviderPage, body: Body) -> Done {
        // There is a provider where there are pages of it.
        let Some(provider) = self.gateway.provider.as_ref().map(Arc::clone) else {
            return self.not_allowed("");
        };
        if self.request.scheme != Scheme::Https && !page.is_public() {
            return self.only_over_https();
        }
        match page {
            ProviderPage::Discovery => {
                let document = format!("{}\n", provider.metadata());
                self.tell_publicly(JSON, document, ErrandReason::ProviderShown)
            }
            ProviderPage::Keys | ProviderPage::KeysPem => self.tell_signing_keys(&provider, page),
            ProviderPage::Authorize => self.authorize(&provider, body).await,
            ProviderPage::Token => self.redeem(&provider, body).await,
            ProviderPage::Userinfo => self.tell_about(&provider),
            ProviderPage::EndSession => self.end_session(&provider, body).await,
        }
    }

    /// The issuer is https, and what it gives would be read on the way.
    pub(super) fn only_over_https(&self) -> Done {
        let (status, reason) = (StatusCode::FORBIDDEN, ErrandReason::CookiesOverHttp);
        let words = Words::new(self.request, status, reason.code(), reason.meaning());
        Done::telling(&words, "errand", String::new())
    }

    fn tell_signing_keys(self, provider: &Provider, page: ProviderPage) -> Done {
        let Some(keys) = provider.keys.current() else {
            return self.no_keys(KeysError::Unavailable);
        };
        let (kind, text) = if page == ProviderPage::KeysPem {
            (PEM, keys.pem().to_string())
        } else {
            (JSON, format!("{}\n", keys.jwk_set()))
        };
        self.tell_publicly(kind, text, ErrandReason::KeysShown)
    }

    /// What anybody may read, scripts of other sites among them.
    fn tell_publicly(self, kind: HeaderValue, text: String, reason: ErrandReason) -> Done {
        if !matches!(self.request.method, Method::GET | Method::HEAD) {
            return self.not_allowed("GET, HEAD");
        }
        let mut done = Done::document(StatusCode::OK, text, reason);
        let headers = done.response.headers_mut();
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CACHE_CONTROL, PUBLIC);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        done
    }

    fn no_keys(&self, error: KeysError) -> Done {
        self.unavailable(UnavailableReason::ProviderKeysUnavailable, error.to_string())
    }

    pub(super) fn no_store(&self, detail: String) -> Done {
        self.unavailable(UnavailableReason::SessionsUnreachable, detail)
    }

    pub(super) fn unjudged(&self, detail: String) -> Done {
        self.unavailable(UnavailableReason::CertificateUnjudged, detail)
    }

    fn unavailable(&self, reason: UnavailableReason, detail: String) -> Done {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let words = Words::new(self.request, status, reason.code(), reason.meaning());
        Done::telling(&words, "unavailable", detail)
    }

    async fn redeem(self, provider: &Provider, body: Body) -> Done {
        if self.request.method != Method::POST {
            return self.not_allowed("POST");
        }
        let redeemed = match self.token_form(body).await {
            Ok(form) => provider.redeem(self.request, &form, self.now).await,
            Err(why) => Err(why.into()),
        };
        match redeemed {
            Ok(redeemed) => Done {
                detail: redeemed.detail,
                proved: Some(redeemed.subject),
                ..Done::document(StatusCode::OK, redeemed.answer.expose().clone(), redeemed.reason)
            },
            Err(RedeemError::Refused { error, detail }) => {
                let detail = if detail.is_empty() {
                    error.to_string()
                } else {
                    format!("{error} ({detail})")
                };
                let mut done = Done {
                    detail,
                    ..Done::document(error.status(), error.body(), ErrandReason::TokensRefused)
                };
                if error.status() == StatusCode::UNAUTHORIZED {
                    let basic = HeaderValue::from_static("Basic realm=\"countersign\"");
                    done.response.headers_mut().insert(WWW_AUTHENTICATE, basic);
                }
                done
            }
            Err(RedeemError::Keys(error)) => self.no_keys(error),
            Err(RedeemError::Unjudged(detail)) => self.unjudged(detail),
            Err(RedeemError::Unavailable(detail)) => self.no_store(detail),
        }
    }

    /// The form, which is of one media type and no other (RFC 6749 section 3.2).
    async fn token_form(&self, body: Body) -> Result<Bytes, TokenError> {
        let kind = self.request.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
        if !kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(FORM)) {
            let why = "the request is a form: Content-Type is application/x-www-form-urlencoded";
            return Err(TokenError::InvalidRequest(why));
        }
        let form = self.form(body).await;
        form.ok_or(TokenError::InvalidRequest(
            "the form is too long, or did not come whole",
        ))
    }

    /// Whom an access token is about (RFC 6750 sections 2.1 and 3).
    fn tell_about(self, provider: &Provider) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let header = self.request.headers.get(AUTHORIZATION);
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let told = token.and_then(|(_, token)| provider.userinfo(token.trim_start_matches(' '), self.now));
        if let Some(text) = told {
            return Done::document(StatusCode::OK, text, ErrandReason::UserinfoGiven);
        }
        let error = if token.is_some() {
            "Bearer realm=\"countersign\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"countersign\""
        };
        let mut done = Done::document(
            StatusCode::UNAUTHORIZED,
            String::new(),
            ErrandReason::UserinfoRefused,
        );
        let headers = done.response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(error));
        done
    }
}
