//! What providers' endpoints answer when they do not answer what was asked, and the strict reading of what they do.

use bytes::Bytes;
use countersign_core::claims::{Claims, Value};
use countersign_jose::json::parse_object;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use std::fmt;
use std::time::Duration;

/// The largest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// The longest error code and description that are kept, in characters.
const MAX_CODE: usize = 80;
const MAX_DESCRIPTION: usize = 300;
/// The longest that a provider's `Retry-After` is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// An error in the words of OAuth 2.0 (RFC 6749 sections 4.1.2.1 and 5.2), a stranger's, made fit for a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    code: Box<str>,
    description: Option<Box<str>>,
}

/// What an error of the token endpoint means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// The code or refresh token does not hold, or not any more: asking again is no use.
    InvalidGrant,
    /// The provider does not take us for the client we say we are: the operator's to mend.
    InvalidClient,
    /// Anything else.
    Other,
}

impl OAuthError {
    /// An error of these words, bounded and printable.
    pub fn new(code: &str, description: Option<&str>) -> Self {
        Self {
            code: printable(code, MAX_CODE),
            description: description
                .map(|text| printable(text, MAX_DESCRIPTION))
                .filter(|text| !text.is_empty()),
        }
    }

    /// The error code: one of the standard's words, or whatever the provider has put there.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the provider says about it. For the log: it is nothing a page repeats.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What it means at the token endpoint. `bad_refresh_token` and `bad_verification_code` are how GitHub writes
    /// `invalid_grant`.
    pub fn at_token_endpoint(&self) -> GrantError {
        match &*self.code {
            "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => GrantError::InvalidGrant,
            "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
                GrantError::InvalidClient
            }
            _ => GrantError::Other,
        }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{}: {description}", self.code),
            None => f.write_str(&self.code),
        }
    }
}

fn printable(text: &str, most: usize) -> Box<str> {
    text.chars()
        .filter(|character| !character.is_control())
        .take(most)
        .collect()
}

/// Why an endpoint's answer is not what was asked for. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The provider cannot just now: 5xx, 408 or 429. Nothing is known about what was asked.
    #[error("the answer is {status}")]
    Unavailable {
        /// The status.
        status: StatusCode,
        /// When the provider says asking again makes sense.
        retry_after: Option<Duration>,
    },
    /// The provider refuses, and says why.
    #[error("the provider refuses: {0}")]
    Refused(OAuthError),
    /// Another status than was expected; redirects are not followed.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// Not one strict JSON object of an accepted size, or with members that cannot be.
    #[error("the answer cannot be believed: {0}")]
    Malformed(String),
}

impl AnswerError {
    pub(crate) fn member(name: &str) -> Self {
        Self::Malformed(format!(
            "`{name}` is missing, has the wrong type, or an impossible value"
        ))
    }
}

/// The object of an answer with status 200, or what else the answer says. Some providers tell errors with status 200.
pub(crate) fn object(answer: &Response<Bytes>) -> Result<Claims, AnswerError> {
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(refusal(answer));
    }
    let document = parse(answer.body())?;
    match oauth_error(&document) {
        Some(error) => Err(AnswerError::Refused(error)),
        None => Ok(document),
    }
}

/// What an answer with another status than the one expected says.
pub(crate) fn refusal(answer: &Response<Bytes>) -> AnswerError {
    let status = answer.status();
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
    if status.is_server_error() || busy.contains(&status) {
        return AnswerError::Unavailable {
            status,
            retry_after: retry_after(answer),
        };
    }
    let said = parse(answer.body()).ok();
    match said.as_ref().and_then(oauth_error) {
        Some(error) if status.is_client_error() => AnswerError::Refused(error),
        Some(_) | None => AnswerError::Status(status),
    }
}

fn parse(body: &[u8]) -> Result<Claims, AnswerError> {
    if body.len() > MAX_ANSWER_BYTES {
        return Err(AnswerError::Malformed("larger than 256 KiB".to_owned()));
    }
    parse_object(body).map_err(|error| AnswerError::Malformed(error.to_string()))
}

fn oauth_error(document: &Claims) -> Option<OAuthError> {
    let text = |name: &str| document.member(name).and_then(Value::as_str);
    Some(OAuthError::new(text("error")?, text("error_description")))
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); a date is as good as nothing.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        let answer = Response::builder().status(status);
        answer.body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn an_error_is_fit_for_a_log_line() {
        let error = OAuthError::new("bad\r\nword", Some(&"x\u{7}y".repeat(400)));
        assert_eq!(error.code(), "badword");
        assert_eq!(error.description().map(str::len), Some(MAX_DESCRIPTION));
        assert_eq!(OAuthError::new("a", Some("\n")).to_string(), "a");
        assert_eq!(OAuthError::new("a", Some("b")).to_string(), "a: b");
    }

    #[test]
    fn a_provider_in_trouble_says_nothing_about_what_was_asked() {
        let invalid = r#"{"error":"invalid_grant"}"#;
        for status in [500, 502, 503, 429, 408] {
            let told = object(&answer(status, invalid)).unwrap_err();
            assert!(matches!(told, AnswerError::Unavailable { .. }), "{status}");
        }
        for status in [400, 401, 403] {
            let told = object(&answer(status, invalid)).unwrap_err();
            assert_eq!(told, AnswerError::Refused(OAuthError::new("invalid_grant", None)));
        }
        for (status, body) in [(302, invalid), (400, "<html>"), (404, ""), (204, ""), (201, "{}")] {
            let told = object(&answer(status, body)).unwrap_err();
            assert_eq!(told, AnswerError::Status(StatusCode::from_u16(status).unwrap()));
        }
        let told = object(&answer(200, r#"{"error":"bad_verification_code"}"#)).unwrap_err();
        assert!(
            matches!(told, AnswerError::Refused(error) if error.at_token_endpoint() == GrantError::InvalidGrant)
        );
    }

    #[test]
    fn when_to_ask_again_is_believed_within_reason() {
        let told = |value: &str| {
            let mut answer = answer(503, "");
            let value = value.parse().unwrap();
            drop(answer.headers_mut().insert("retry-after", value));
            let AnswerError::Unavailable { retry_after, .. } = refusal(&answer) else {
                panic!("a 503 is one");
            };
            retry_after
        };
        assert_eq!(told("7"), Some(Duration::from_secs(7)));
        assert_eq!(told("99999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(told("-1"), None);
        assert_eq!(told("Thu, 01 Jan 2030 00:00:00 GMT"), None);
    }

    #[test]
    fn an_answer_is_one_strict_object() {
        for body in ["", "[]", "{", r#"{"a":1,"a":2}"#, "{} x"] {
            let told = object(&answer(200, body)).unwrap_err();
            assert!(matches!(told, AnswerError::Malformed(_)), "{body}");
        }
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_ANSWER_BYTES));
        assert!(matches!(
            object(&answer(200, &large)),
            Err(AnswerError::Malformed(_))
        ));
    }
}
