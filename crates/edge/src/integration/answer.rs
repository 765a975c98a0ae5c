//! The answers all dialects share, and the statuses: allow 200; challenge 303 to log in, 401, or 403 where the route says so; deny 403;
//! no route 404; unreadable 400 (too large a head 431, an upgrade 501, the wrong connection 421); unavailable 503. To a sub-request no route and unreadable are 403, and there is no body.

use super::{Asker, REFUSAL, Said, Unread};
use crate::body::Body;
use crate::page::{self, Forbidden, Href, NotSent, Page, Words};
use countersign_core::authn::{Challenge, Effects};
use countersign_core::credential_place::cookies_left;
use countersign_core::decide::{Decision, Permit, Refusal};
use countersign_core::own_path::{LogIn, login_place};
use countersign_core::policy::Unmet;
use countersign_core::principal::{AuthenticationMethod, Principal};
use countersign_core::reason::{AnswerReason, RejectionReason, UnmetReason, UnreadableReason};
use countersign_core::request::OriginalRequest;
use countersign_core::route::{ChallengeStyle, LoginDemand};
use http::header::{
    CACHE_CONTROL, COOKIE, LOCATION, REFERER, RETRY_AFTER, SET_COOKIE, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PLAIN_CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
const INVALID_REQUEST: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_request\"");

/// 200 with the identity headers, and the client's cookies as they are to go on; or, where the identity does not fit,
/// the words of a refusal.
pub(super) fn allow(request: &OriginalRequest, permit: &Permit) -> Result<Response<Body>, Box<Words>> {
    let mut headers = permit.route().identity.answer(permit).map_err(|_| {
        let reason = AnswerReason::IdentityTooLarge;
        Box::new(Words::new(
            request,
            StatusCode::FORBIDDEN,
            reason.code(),
            reason.meaning(),
        ))
    })?;
    put_their_cookies(&mut headers, request, permit);
    put_cookies(&mut headers, permit.effects());
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = headers;
    Ok(response)
}

/// The client's cookies as they are to go on: without ours, and with those that tell identity.
fn put_their_cookies(headers: &mut HeaderMap, request: &OriginalRequest, permit: &Permit) {
    let (route, lines) = (permit.route(), request.headers.get_all(COOKIE));
    let left = lines
        .iter()
        .find_map(|line| cookies_left(&route.own_cookies, line));
    let sent = lines.iter().next().is_some();
    match route.identity.cookies(permit.principal(), left) {
        Some(line) => drop(headers.insert(COOKIE, line)),
        // Where none is left that is said too: a proxy may let the client's own line go on otherwise.
        None if sent => drop(headers.insert(COOKIE, HeaderValue::from_static(""))),
        None => drop(headers.remove(COOKIE)),
    }
}

/// What there is to say about a decision that is not *allow*.
pub(super) fn words_for(request: &OriginalRequest, decision: &Decision) -> Words {
    match decision {
        Decision::Allow(_) => {
            let reason = AnswerReason::Allowed;
            Words::new(request, StatusCode::OK, reason.code(), reason.meaning())
        }
        Decision::Challenge(refusal) => challenge(request, refusal),
        Decision::Deny(principal, unmet, effects) => deny(request, principal, unmet, effects),
        Decision::Unavailable(unavailable) => {
            let reason = unavailable.reason;
            let mut words = Words::new(
                request,
                StatusCode::SERVICE_UNAVAILABLE,
                reason.code(),
                reason.meaning(),
            );
            words.retry_after = Some(unavailable.retry_after.as_secs().max(1));
            words
        }
        Decision::NoRoute => {
            let reason = AnswerReason::NoRoute;
            Words::new(request, StatusCode::NOT_FOUND, reason.code(), reason.meaning())
        }
    }
}

fn challenge(request: &OriginalRequest, refusal: &Refusal) -> Words {
    // Asking for a certificate in an answer leads nowhere.
    let only_certificates = refusal.only_certificates();
    let status = match refusal.style {
        ChallengeStyle::Auto | ChallengeStyle::Login | ChallengeStyle::LoginOrForbidden
            if refusal.asks_login() && is_sent_to_log_in(request, refusal.style) =>
        {
            StatusCode::SEE_OTHER
        }
        ChallengeStyle::Auto | ChallengeStyle::Login | ChallengeStyle::Unauthorized if only_certificates => {
            StatusCode::FORBIDDEN
        }
        ChallengeStyle::Auto | ChallengeStyle::Login | ChallengeStyle::Unauthorized => {
            StatusCode::UNAUTHORIZED
        }
        ChallengeStyle::LoginOrForbidden | ChallengeStyle::Forbidden => StatusCode::FORBIDDEN,
    };
    let (code, meaning) = refusal.reason();
    let mut words = Words::new(request, status, code, meaning);
    if refusal.asks_login() && is_lost_form(request) {
        let form = page_of_form(request);
        words = words.on(Page::NotSent(NotSent {
            sign_in: Href::new(login_place(&form, LogIn::Anyhow)),
            back: Href::new(&*form),
        }));
    }
    if status == StatusCode::SEE_OTHER {
        let place = login_place(request.target.as_str(), LogIn::Anyhow);
        words.location = HeaderValue::from_str(&place).ok();
    }
    let asks_bearer = refusal.challenges.iter().any(|challenge| match challenge {
        Challenge::Bearer { .. } => true,
        Challenge::Login { .. } | Challenge::Certificate { .. } => false,
    });
    if asks_bearer && status == StatusCode::UNAUTHORIZED {
        let unmet = refusal.demand.as_ref().and_then(insufficient_login);
        words.www_authenticate = Some(
            match refusal.rejection.as_ref().map(|rejection| rejection.reason) {
                None => PLAIN_CHALLENGE,
                Some(RejectionReason::AuthorizationMalformed | RejectionReason::CredentialAmbiguous) => {
                    INVALID_REQUEST
                }
                Some(_) => unmet.unwrap_or(INVALID_TOKEN),
            },
        );
    }
    words.renew = refusal.renew();
    words.cookies.clone_from(&refusal.effects.cookies);
    words
}

/// Whether the client is one that logs in: scripts, forms and other programs are told instead.
fn is_sent_to_log_in(request: &OriginalRequest, style: ChallengeStyle) -> bool {
    let reads =
        matches!(request.method, Method::GET | Method::HEAD) && !request.headers.contains_key(UPGRADE);
    match style {
        ChallengeStyle::Auto => reads && request.is_navigation(),
        ChallengeStyle::Login => reads,
        ChallengeStyle::LoginOrForbidden => reads && request.accepts_html(),
        ChallengeStyle::Unauthorized | ChallengeStyle::Forbidden => false,
    }
}

/// The page that the form was on, where the browser tells; else where it went, which may well be the same.
fn page_of_form(request: &OriginalRequest) -> String {
    let told = request.headers.get(REFERER).and_then(|value| value.to_str().ok());
    let place = told.and_then(|text| request.place_here(text));
    place.map_or_else(
        || request.target.as_str().to_owned(),
        |place| place.as_str().to_owned(),
    )
}

/// Whether a person has just sent a form that goes nowhere now.
fn is_lost_form(request: &OriginalRequest) -> bool {
    let mode = request.headers.get("sec-fetch-mode");
    let reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reads && request.accepts_html() && mode.is_none_or(|mode| mode == "navigate")
}

/// What a client is to ask its issuer for (RFC 9470 section 3).
fn insufficient_login(demand: &LoginDemand) -> Option<HeaderValue> {
    let acr_values = match demand.acr_values.join(" ") {
        none if none.is_empty() => none,
        some => format!(", acr_values=\"{some}\""),
    };
    let max_age = demand.max_age.map(|age| format!(", max_age={}", age.as_secs()));
    let max_age = max_age.unwrap_or_default();
    let value = format!("Bearer error=\"insufficient_user_authentication\"{acr_values}{max_age}");
    HeaderValue::from_str(&value).ok()
}

fn deny(request: &OriginalRequest, principal: &Principal, unmet: &Unmet, effects: &Effects) -> Words {
    let forbidden = Forbidden {
        who: page::known_as(principal),
        // Whoever has a session can end it and begin another; a token or certificate is what it is.
        as_another: match principal.method {
            AuthenticationMethod::Session => {
                Href::new(login_place(request.target.as_str(), LogIn::AsAnother))
            }
            AuthenticationMethod::Token
            | AuthenticationMethod::Certificate
            | AuthenticationMethod::Anonymous => None,
        },
    };
    let mut words = Words::new(
        request,
        StatusCode::FORBIDDEN,
        unmet.reason.code(),
        unmet.reason.meaning(),
    )
    .on(Page::Forbidden(forbidden));
    if unmet.reason == UnmetReason::Scope {
        let scopes = unmet.scopes.join(" ");
        let value = format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"");
        words.www_authenticate = HeaderValue::from_str(&value).ok();
    }
    words.cookies.clone_from(&effects.cookies);
    words
}

/// The answer to nginx's question: no body, and only statuses that nginx passes on or turns into 500.
pub(super) fn to_sub_request(words: &Words) -> Response<Body> {
    let status = match words.status {
        StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE => words.status,
        StatusCode::SEE_OTHER => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    };
    with_status(words, status)
}

/// The same words in a head alone, under this status.
pub(super) fn with_status(words: &Words, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    put_words(&mut response, words);
    if let Some(cookie) = words.cookies.first() {
        response.headers_mut().insert(SET_COOKIE, cookie.clone());
    }
    response
}

/// The answer the client reads: a page or a problem, with the true status.
pub(crate) fn to_client(words: &Words) -> Response<Body> {
    let mut response = page::render(words);
    put_words(&mut response, words);
    for cookie in &words.cookies {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}

/// The proxy asks for the words of a refusal, and the request is allowed: never 2xx, never the same URL again.
pub(super) fn allowed_after_all(request: &OriginalRequest, refused: bool) -> Response<Body> {
    let (status, reason) = if refused {
        (StatusCode::SERVICE_UNAVAILABLE, AnswerReason::DecidedAnew)
    } else {
        (StatusCode::FORBIDDEN, AnswerReason::RefusedByProxy)
    };
    let mut words = Words::new(request, status, reason.code(), reason.meaning());
    words.retry_after = refused.then_some(1);
    to_client(&words)
}

/// The answer where there is no question.
pub(super) fn refuse(unread: &Unread, asker: &Asker) -> Response<Body> {
    let (status, code, meaning) = match unread {
        Unread::Elsewhere(location) => return elsewhere(location),
        Unread::NotFound => (
            StatusCode::NOT_FOUND,
            AnswerReason::NotFound.code(),
            AnswerReason::NotFound.meaning(),
        ),
        Unread::NoCertificate(None) => (
            StatusCode::FORBIDDEN,
            AnswerReason::CertificateRequired.code(),
            AnswerReason::CertificateRequired.meaning(),
        ),
        Unread::NoCertificate(Some(failure)) => {
            let reason = failure.rejection.reason;
            (StatusCode::FORBIDDEN, reason.code(), reason.meaning())
        }
        Unread::Unreadable(unreadable) => {
            let status = if unreadable.reason == UnreadableReason::HeadersTooLarge {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            } else if unreadable.reason == UnreadableReason::Upgrade {
                StatusCode::NOT_IMPLEMENTED
            } else if unreadable.reason == UnreadableReason::Misdirected {
                StatusCode::MISDIRECTED_REQUEST
            } else {
                StatusCode::BAD_REQUEST
            };
            (status, unreadable.reason.code(), unreadable.reason.meaning())
        }
    };
    let words = Words::about(asker, status, code, meaning);
    match unread {
        Unread::Unreadable(_) | Unread::NoCertificate(_) if asker.sub_request => {
            with_status(&words, StatusCode::FORBIDDEN)
        }
        Unread::Unreadable(_) | Unread::NoCertificate(_) | Unread::NotFound | Unread::Elsewhere(_) => {
            to_client(&words)
        }
    }
}

/// The same is asked for elsewhere, with the same method and body.
fn elsewhere(location: &HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response
        .extensions_mut()
        .insert(Said(AnswerReason::OverTls.code()));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(LOCATION, location.clone());
    response
}

fn put_words(response: &mut Response<Body>, words: &Words) {
    response.extensions_mut().insert(Said(words.code));
    let is_elsewhere = response.status() == StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    if !words.status.is_success()
        && let Ok(id) = HeaderValue::from_str(&words.id.to_string())
    {
        headers.insert(REFUSAL, id);
    }
    if let Some(challenge) = &words.www_authenticate {
        headers.insert(WWW_AUTHENTICATE, challenge.clone());
    }
    if let Some(location) = words.location.as_ref().filter(|_| is_elsewhere) {
        headers.insert(LOCATION, location.clone());
    }
    if let Some(seconds) = words.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Beside *allowed* at most one cookie travels: nginx keeps the first of repeated headers.
fn put_cookies(headers: &mut HeaderMap, effects: &Effects) {
    if let Some(cookie) = effects.cookies.first() {
        headers.insert(SET_COOKIE, cookie.clone());
    }
}
