//! What a person or a program reads from the gateway itself: a page, or a problem (RFC 9457), worded from the reason code.
//!
//! Whoever answers says which page it is and what it shows ([`Page`], one struct for each); the pages in force
//! ([`Pages`], the operator's own where there are some) dress it on its way out ([`Pages::dress`]). So nobody who answers
//! needs to know of templates.

use crate::body::Body;
use crate::integration::Asker;
use crate::rate::RetryAfter;
use bytes::Bytes;
use countersign_core::claims::Value;
use countersign_core::principal::Principal;
use countersign_core::reason::AnswerReason;
use countersign_core::request::{OriginalRequest, RequestId};
use http::header::{CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use kinds::Kind;

pub use href::Href;
pub use kinds::{
    Certificate, Click, Flaw, Forbidden, HandOn, Insecure, NotSent, Page, Provider, SignIn, SignOut,
    SignedOut, Trouble, Whoami,
};
pub use pages::{Mistake, Pages};

mod escape;
mod href;
mod kinds;
mod lines;
mod pages;
mod samples;
mod shown;
mod texts;

/// What there is to say.
#[derive(Clone, Debug)]
pub struct Words {
    /// The true status.
    pub status: StatusCode,
    /// The reason code.
    pub code: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// The name of the request.
    pub id: RequestId,
    /// How to ask better.
    pub www_authenticate: Option<HeaderValue>,
    /// Where to go instead, with a 303.
    pub location: Option<HeaderValue>,
    /// When to ask again, in seconds.
    pub retry_after: Option<u64>,
    /// Where a script keeps its session from ending.
    pub renew: Option<&'static str>,
    /// Cookies to set or clear.
    pub cookies: Vec<HeaderValue>,
    /// The page a person sees; [`Page::Refused`] unless it is set.
    pub page: Page,
    html: bool,
    head: bool,
}

impl Words {
    /// Words about `request`.
    pub fn new(
        request: &OriginalRequest,
        status: StatusCode,
        code: &'static str,
        meaning: &'static str,
    ) -> Self {
        let head = request.method == Method::HEAD;
        Self {
            html: request.accepts_html(),
            head,
            ..Self::plain(request.id, status, code, meaning)
        }
    }

    /// Words to `asker`, whose request could not be read.
    pub fn about(asker: &Asker, status: StatusCode, code: &'static str, meaning: &'static str) -> Self {
        Self {
            html: asker.accepts_html,
            head: asker.head,
            ..Self::plain(asker.id, status, code, meaning)
        }
    }

    /// That `request` is one too many, and when to ask again.
    pub fn too_many(request: &OriginalRequest, retry_after: RetryAfter) -> Self {
        let reason = AnswerReason::TooManyRequests;
        Self {
            retry_after: Some(retry_after.seconds()),
            page: Page::TooMany,
            ..Self::new(
                request,
                StatusCode::TOO_MANY_REQUESTS,
                reason.code(),
                reason.meaning(),
            )
        }
    }

    /// The same on this page.
    #[must_use]
    pub fn on(mut self, page: Page) -> Self {
        self.page = page;
        self
    }

    const fn plain(id: RequestId, status: StatusCode, code: &'static str, meaning: &'static str) -> Self {
        Self {
            status,
            code,
            meaning,
            id,
            www_authenticate: None,
            location: None,
            retry_after: retry_after(status),
            renew: None,
            cookies: Vec::new(),
            page: Page::Refused,
            html: false,
            head: false,
        }
    }

    /// Whether a page is wanted, not a problem.
    pub const fn for_a_person(&self) -> bool {
        self.html
    }
}

/// When to ask again, in seconds, where nobody knows better: all 503 say so.
pub const fn retry_after(status: StatusCode) -> Option<u64> {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(5),
        _ => None,
    }
}

/// What a person recognises themselves by: the verified e-mail address, the name they log in with, or the subject. `None`
/// for `anonymous`.
pub fn known_as(principal: &Principal) -> Option<String> {
    let login = principal
        .claims
        .member("preferred_username")
        .and_then(Value::as_str);
    let known = principal.email().or(login).filter(|name| !name.is_empty());
    let known = known.unwrap_or_else(|| principal.subject());
    (!known.is_empty()).then(|| known.to_owned())
}

/// A page that waits for [`Pages::dress`]: rides on the response.
#[derive(Clone, Debug)]
struct Undressed(Words);

/// The answer's status, type and body. A page has its body, and its policy, once it is dressed; whoever is led elsewhere reads
/// neither.
pub fn render(words: &Words) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = words.status;
    let headers = response.headers_mut();
    if words.location.is_some() {
        harden(headers, words.html);
        return response;
    }
    if words.html {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        harden(headers, true);
        if matches!(words.page, Page::SignOut(_) | Page::Click(_)) {
            // What is clicked there says whence it comes, and is believed for that.
            headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        }
        response.extensions_mut().insert(Undressed(words.clone()));
        return response;
    }
    let media = if words.status.is_success() {
        "application/json"
    } else {
        "application/problem+json"
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    harden(headers, false);
    if !words.head {
        *response.body_mut() = Body::full(Bytes::from(problem(words)));
    }
    response
}

/// What keeps a browser from making more of an answer than it is. The policy of a page comes when it is dressed.
pub(crate) fn harden(headers: &mut HeaderMap, html: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if html {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
}

fn problem(words: &Words) -> String {
    let mut problem = serde_json::json!({
        "status": words.status.as_u16(),
        "detail": words.meaning,
        "reason": words.code,
        "request_id": words.id.to_string(),
    });
    if let Some(members) = problem.as_object_mut() {
        // What went well is no problem, and has no title of one.
        if !words.status.is_success() {
            let title = texts::title_of(Kind::of(words.status));
            members.insert("type".to_owned(), "about:blank".into());
            members.insert("title".to_owned(), title.into());
        }
        if let Some(place) = words.renew {
            members.insert("renew_url".to_owned(), place.into());
        }
    }
    format!("{problem}\n")
}

#[cfg(test)]
mod tests;
