//! The gateway's own pages for browsers: logging in and out, and what is told of sessions. What becomes of an errand is
//! decided below the waterline (`countersign_authn::login`); here it is read and answered.

use crate::audit::{Action, Audit};
use crate::behind::Behind;
use crate::body::Body;
use crate::gateway::Gateway;
use crate::integration::{Said, answer};
use crate::log::Log;
use crate::page::{self, Page, Words};
use crate::rate::Endpoint;
use bytes::Bytes;
use countersign_authn::login::Login;
use countersign_authn::login::trouble::{Trouble, Why};
use countersign_authn::session::SessionRecord;
use countersign_core::own_path::{LogIn, OwnPage, ProviderPage, login_place};
use countersign_core::reason::{AnswerReason, ErrandReason, RejectionReason, UnavailableReason};
use countersign_core::request::OriginalRequest;
use countersign_core::time::Now;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, ORIGIN, REFERER, RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

mod callback;
mod login;
mod logout;
mod provider;
mod session;
mod told;

/// The largest form that is read, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;
/// How long a form may take to come.
const FORM_TAKES: Duration = Duration::from_secs(10);

/// One request for one of the pages.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) request: &'a OriginalRequest,
    pub(crate) log: &'a Arc<Log>,
    pub(crate) behind: &'a Behind,
    pub(crate) now: Now,
}

/// What came of it, for the log line.
pub(crate) struct Done {
    pub(crate) response: Response<Body>,
    pub(crate) outcome: &'static str,
    pub(crate) reason: &'static str,
    /// For the log: what was wrong.
    pub(crate) detail: String,
    /// Whom the request has proved, where it counts as theirs and not as their address's.
    proved: Option<Box<str>>,
}

impl Done {
    /// What `words` say, to the client.
    fn telling(words: &Words, outcome: &'static str, detail: String) -> Self {
        Self {
            response: answer::to_client(words),
            outcome,
            reason: words.code,
            detail,
            proved: None,
        }
    }

    /// The client goes on to `location`.
    fn going(location: &str, reason: ErrandReason, cookies: Vec<HeaderValue>) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.extensions_mut().insert(Said(reason.code()));
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Every place was judged or made here: it is visible ASCII.
        if let Ok(location) = HeaderValue::from_str(location) {
            headers.insert(LOCATION, location);
        }
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
        page::harden(headers, false);
        Self {
            response,
            outcome: "errand",
            reason: reason.code(),
            detail: String::new(),
            proved: None,
        }
    }

    /// There is no such page.
    pub(crate) fn nothing_there(request: &OriginalRequest) -> Self {
        let reason = AnswerReason::NotFound;
        let words = Words::new(request, StatusCode::NOT_FOUND, reason.code(), reason.meaning());
        Self::telling(&words, "not_found", String::new())
    }

    /// A document for programs.
    fn document(status: StatusCode, text: String, reason: ErrandReason) -> Self {
        let mut response = Response::new(Body::full(Bytes::from(text)));
        *response.status_mut() = status;
        response.extensions_mut().insert(Said(reason.code()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(page::retry_after(status).map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        page::harden(headers, false);
        Self {
            response,
            outcome: "errand",
            reason: reason.code(),
            detail: String::new(),
            proved: None,
        }
    }
}

/// Where a request was made, as far as its browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// On this very host, or by the user's own hand.
    Here,
    /// On another site, or nobody knows.
    Elsewhere,
}

impl Errand<'_> {
    /// Does it.
    pub(crate) async fn run(self, page: OwnPage, body: Body) -> Done {
        let limited = match page {
            OwnPage::Login | OwnPage::Provider(ProviderPage::Authorize) => Some(Endpoint::Login),
            OwnPage::Callback | OwnPage::Provider(ProviderPage::Token) => Some(Endpoint::Callback),
            OwnPage::Logout
            | OwnPage::BackchannelLogout
            | OwnPage::FrontchannelLogout
            | OwnPage::Provider(ProviderPage::EndSession) => Some(Endpoint::Logout),
            OwnPage::Whoami
            | OwnPage::Session
            | OwnPage::Renew
            | OwnPage::Jwks
            | OwnPage::Provider(
                ProviderPage::Discovery | ProviderPage::Keys | ProviderPage::KeysPem | ProviderPage::Userinfo,
            ) => None,
        };
        let allowed = limited.map_or(Ok(()), |endpoint| {
            self.gateway.rates.allow(endpoint, self.request.client, self.now)
        });
        if let Err(retry_after) = allowed {
            return Done::telling(
                &Words::too_many(self.request, retry_after),
                "limited",
                String::new(),
            );
        }
        let done = self.run_unlimited(page, body).await;
        if let (Some(endpoint), Some(whose)) = (limited, &done.proved) {
            self.gateway.rates.proved(endpoint, self.request.client, whose);
        }
        done
    }

    /// Does it, however much was asked for before.
    pub(crate) async fn run_unlimited(self, page: OwnPage, body: Body) -> Done {
        match page {
            OwnPage::Login => self.log_in(body).await,
            OwnPage::Callback => self.come_back(body).await,
            OwnPage::Logout => self.log_out(body).await,
            OwnPage::Session => self.tell_session().await,
            OwnPage::Renew => self.renew().await,
            OwnPage::BackchannelLogout => self.told_behind(body).await,
            OwnPage::FrontchannelLogout => self.told_in_front().await,
            OwnPage::Jwks => self.tell_keys(),
            OwnPage::Provider(page) => self.provide(page, body).await,
            // It is decided like any request.
            OwnPage::Whoami => self.not_allowed("GET"),
        }
    }

    /// The query, or the body of a form.
    async fn form(&self, body: Body) -> Option<Bytes> {
        if self.request.method != Method::POST {
            let query = self.request.target.query().unwrap_or("");
            return Some(Bytes::copy_from_slice(query.as_bytes()));
        }
        let whole = Limited::new(body, MAX_FORM_BYTES).collect();
        let whole = tokio::time::timeout(FORM_TAKES, whole).await;
        whole.ok()?.ok().map(http_body_util::Collected::to_bytes)
    }

    fn not_allowed(&self, methods: &'static str) -> Done {
        let reason = AnswerReason::MethodNotAllowed;
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let words = Words::new(self.request, status, reason.code(), reason.meaning());
        let mut done = Done::telling(&words, "unreadable", String::new());
        let headers = done.response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static(methods));
        done
    }

    /// Whether the browser says that this very host sent it here.
    fn from(&self) -> From {
        let headers = &self.request.headers;
        if let Some(site) = headers.get("sec-fetch-site") {
            return match site.as_bytes() {
                b"same-origin" | b"none" => From::Here,
                _ => From::Elsewhere,
            };
        }
        let told = headers.get(ORIGIN).or_else(|| headers.get(REFERER));
        let told = told.and_then(|value| value.to_str().ok());
        match told.and_then(|text| Url::parse(text).ok()) {
            Some(url) if self.request.is_at_origin_of(&url) => From::Here,
            Some(_) | None => From::Elsewhere,
        }
    }

    /// The page about what went wrong, with the way to try again for `to`, on this origin or another.
    fn trouble(
        &self,
        login: Option<&Arc<Login>>,
        trouble: Trouble,
        (origin, to): (Option<&str>, &str),
    ) -> Done {
        let (status, code, meaning) = worded(trouble.why);
        let again = login.map_or(LogIn::Anyhow, |login| LogIn::By(&login.party().name));
        let (scheme, host) = (self.request.scheme, &self.request.host);
        let usual = login.filter(|_| matches!(trouble.why, Why::Port));
        let usual = usual.map(|login| login.party().usual_origin(scheme, host));
        let origin = usual.as_deref().or(origin).unwrap_or("");
        let again = page::Href::new(format!("{origin}{}", login_place(to, again)));
        let words = Words::new(self.request, status, code, meaning).on(match trouble.why {
            Why::OverHttp => Page::Insecure(page::Insecure {
                // A port of http is none of https.
                secure: page::Href::new(format!("https://{}{to}", self.request.host.name())),
            }),
            Why::Provider
            | Why::Answer
            | Why::Declined
            | Why::Denied
            | Why::Lost
            | Why::TooOld
            | Why::Acr
            | Why::Full
            | Why::TooLarge
            | Why::Sessions => Page::Trouble(page::Trouble {
                provider: login.map(|login| login.party().label.to_string()),
                again,
            }),
            // The provider was not reached, and not asked.
            Why::Port => Page::Trouble(page::Trouble {
                provider: None,
                again,
            }),
        });
        Done::telling(&words, "errand", trouble.detail)
    }

    /// One line about a session that began or ended.
    fn audit(&self, action: Action, login: &Login, record: Option<&SessionRecord>, detail: &str) {
        let issuer = record.map_or("", |record| &record.issuer);
        let subject = record.and_then(SessionRecord::subject);
        self.audit_of(action, login, (issuer, subject.as_deref().unwrap_or("")), detail);
    }

    /// The same about whoever a provider calls so.
    fn audit_of(&self, action: Action, login: &Login, whose: (&str, &str), detail: &str) {
        self.audit_in(action, &login.party().name, whose, detail);
    }

    /// The same; `table` is by whose rules.
    fn audit_in(&self, action: Action, table: &str, (issuer, who): (&str, &str), detail: &str) {
        let client = self.request.client.map(|client| client.to_string());
        let audit = Audit {
            issuer,
            who,
            login: table,
            host: self.request.host.name(),
            request: &self.request.id.to_string(),
            client: client.as_deref().unwrap_or(""),
            detail,
            ..Audit::new(action)
        };
        self.log.audit(&audit, self.now.wall);
    }
}

/// Status, code and meaning of a trouble.
fn worded(why: Why) -> (StatusCode, &'static str, &'static str) {
    let told = |status, reason: ErrandReason| (status, reason.code(), reason.meaning());
    let unmet = |reason: RejectionReason| (StatusCode::FORBIDDEN, reason.code(), reason.meaning());
    match why {
        Why::Provider => told(StatusCode::SERVICE_UNAVAILABLE, ErrandReason::ProviderUnavailable),
        Why::Answer => told(StatusCode::BAD_GATEWAY, ErrandReason::ProviderAnswer),
        Why::Declined => told(StatusCode::FORBIDDEN, ErrandReason::LoginDeclined),
        Why::Denied => told(StatusCode::FORBIDDEN, ErrandReason::SiteDenied),
        Why::Lost => told(StatusCode::BAD_REQUEST, ErrandReason::LoginLost),
        Why::TooOld => unmet(RejectionReason::LoginTooOld),
        Why::Acr => unmet(RejectionReason::AcrUnmet),
        Why::OverHttp => told(StatusCode::FORBIDDEN, ErrandReason::CookiesOverHttp),
        Why::Port => told(StatusCode::FORBIDDEN, ErrandReason::LoginPort),
        Why::TooLarge => told(StatusCode::FORBIDDEN, ErrandReason::SessionTooLarge),
        Why::Full => told(StatusCode::SERVICE_UNAVAILABLE, ErrandReason::SessionsFull),
        Why::Sessions => {
            let reason = UnavailableReason::SessionsUnreachable;
            (StatusCode::SERVICE_UNAVAILABLE, reason.code(), reason.meaning())
        }
    }
}
