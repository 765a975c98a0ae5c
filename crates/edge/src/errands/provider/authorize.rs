//! The authorization endpoint: a browser asks for a login, and its certificate is the answer.

use super::super::{Done, Errand, From};
use crate::audit::Action;
use crate::body::Body;
use crate::page::{Certificate, Click, Flaw, HandOn, Href, Page, Trouble, Words};
use countersign_authn::provider::authorize::{self, Answered, Authorized};
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::certificate::Failure;
use countersign_core::own_path::AUTHORIZE;
use countersign_core::reason::{AnswerReason, ErrandReason};
use countersign_core::secret::Secret;
use countersign_oidc::provider::authorize::{Unanswerable, without_click};
use countersign_oidc::provider::response::Delivery;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

impl Errand<'_> {
    pub(super) async fn authorize(self, provider: &Provider, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let form = self.form(body).await.unwrap_or_default();
        let mut done = match provider
            .authorize(self.request, &form, self.is_from_our_page(), self.now)
            .await
        {
            Authorized::Told(answered) => self.answer(provider, answered),
            Authorized::Click(click) => self.want_click(click),
            Authorized::Unanswerable(why) => self.no_answer(&why),
            Authorized::NoCertificate(failure) => self.want_certificate(failure, &form),
            Authorized::Unjudged(detail) => self.unjudged(detail),
            Authorized::Unavailable(detail) => self.no_store(detail),
        };
        let headers = done.response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        done
    }

    fn no_answer(&self, why: &Unanswerable) -> Done {
        let reason = match why {
            Unanswerable::Client(_) => ErrandReason::ClientUnknown,
            Unanswerable::Form(_)
            | Unanswerable::Nobody
            | Unanswerable::Nowhere(_)
            | Unanswerable::RedirectUri { .. } => ErrandReason::AuthorizationRefused,
        };
        self.told_nobody(reason, why.to_string())
    }

    /// The page of a request that nobody is answered.
    fn unanswerable(&self, detail: String) -> Done {
        self.told_nobody(ErrandReason::AuthorizationRefused, detail)
    }

    fn told_nobody(&self, reason: ErrandReason, detail: String) -> Done {
        let (code, meaning) = (reason.code(), reason.meaning());
        let words = Words::new(self.request, StatusCode::BAD_REQUEST, code, meaning);
        Done::telling(&words.on(Page::Trouble(Trouble::default())), "errand", detail)
    }

    /// Whether a page of this very host sent it, and no hand that typed it or followed a link in a mail.
    pub(super) fn is_from_our_page(&self) -> bool {
        let site = self.request.headers.get("sec-fetch-site");
        self.from() == From::Here && site.is_none_or(|site| site == "same-origin")
    }

    fn answer(&self, provider: &Provider, answered: Answered) -> Done {
        if let Some((subject, client)) = &answered.login {
            self.audit_sign_on(Action::SignOn, provider, subject, client);
        }
        let mut done = match answered.delivery {
            Delivery::Redirect(location) => {
                Done::going(location.expose(), ErrandReason::AuthorizationAnswered, Vec::new())
            }
            Delivery::Form { action, fields } => self.hand_form(&action, fields),
        };
        if let Some(cookie) = answered.cookie {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }

    /// The page that sends the answer as a form (OAuth 2.0 Form Post Response Mode).
    fn hand_form(&self, action: &str, fields: Vec<(&'static str, Secret<String>)>) -> Done {
        let origin = origin_of(action).unwrap_or_default();
        let Some(action) = Href::new(action) else {
            return self.unanswerable("a redirect URI that no page can lead to".to_owned());
        };
        let fields = fields.into_iter();
        let page = Page::HandOn(HandOn {
            action,
            fields: fields
                .map(|(name, value)| (name.to_owned(), value.expose().clone()))
                .collect(),
            origin,
        });
        let reason = ErrandReason::AuthorizationAnswered;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning()).on(page);
        Done::telling(&words, "errand", String::new())
    }

    /// The page with one button: a link, so that wherever the application leads on to, no policy of ours is in the way.
    fn want_click(&self, click: authorize::Click) -> Done {
        let reason = ErrandReason::LoginClick;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
        let Some(go) = Href::new(format!("{AUTHORIZE}?{}", click.query)) else {
            return self.unanswerable("a request that is too long for a link".to_owned());
        };
        let page = Page::Click(Click {
            who: click.who.into(),
            client: shown(&click.client),
            go,
        });
        Done::telling(&words.on(page), "errand", String::new())
    }

    /// The page of somebody whose certificate does not hold, or who has shown none.
    fn want_certificate(&self, failure: Option<Failure>, form: &[u8]) -> Done {
        let none = AnswerReason::CertificateRequired;
        let (flaw, code, meaning, detail) = failure.map_or_else(
            || (Flaw::Missing, none.code(), none.meaning(), String::new()),
            |failure| {
                let reason = failure.rejection.reason;
                let detail = failure.rejection.detail;
                (Flaw::of(reason), reason.code(), reason.meaning(), detail)
            },
        );
        let words = Words::new(self.request, StatusCode::FORBIDDEN, code, meaning);
        let again = Href::new(format!("{AUTHORIZE}?{}", without_click(form)));
        let page = Page::Certificate(Certificate { flaw, again });
        Done::telling(&words.on(page), "rejected", detail)
    }

    /// One line about a session that began at one of the provider's clients, or ended at all of them.
    pub(super) fn audit_sign_on(&self, action: Action, provider: &Provider, who: &str, detail: &str) {
        self.audit_in(action, TABLE, (provider.issuer.as_str(), who), detail);
    }
}

/// What people call a client: a site by its host.
pub(super) fn shown(client_id: &str) -> String {
    client_id.strip_prefix("https://").unwrap_or(client_id).to_owned()
}

/// The origin of a place, as a policy names it.
pub(super) fn origin_of(place: &str) -> Option<String> {
    Url::parse(place)
        .ok()
        .map(|url| url.origin().ascii_serialization())
}
