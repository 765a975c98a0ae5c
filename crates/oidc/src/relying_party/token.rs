//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6; OpenID Connect Core section 3.1.3): a code, or a refresh token, for
//! tokens.

use crate::answer::{self, AnswerError};
use crate::form::Form;
use crate::relying_party::authorization::CodeVerifier;
use crate::relying_party::client::{Call, Client, RequestError};
use bytes::Bytes;
use countersign_core::claims::{Claims, Value};
use countersign_core::secret::Secret;
use countersign_jose::token::MAX_TOKEN_BYTES;
use http::{Request, Response};
use std::time::Duration;
use url::Url;

/// The longest an access token is believed to last.
const MAX_LIFE_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// What a code is redeemed with.
#[derive(Clone, Copy, Debug)]
pub struct CodeGrant<'a> {
    /// The code, as it came.
    pub code: &'a Secret<String>,
    /// Where it came to: the same as in the authentication request.
    pub redirect_uri: &'a str,
    /// What the challenge was made of.
    pub code_verifier: &'a CodeVerifier,
}

impl CodeGrant<'_> {
    /// Asks for the tokens of the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
    pub fn request(
        &self,
        client: &Client,
        endpoint: &Url,
        call: Call<'_>,
    ) -> Result<Request<Bytes>, RequestError> {
        let form = Form::new()
            .with("grant_type", "authorization_code")
            .with("code", self.code.expose())
            .with("redirect_uri", self.redirect_uri)
            .with("code_verifier", self.code_verifier.as_str());
        client.post(endpoint, form, call)
    }
}

/// Asks for new tokens (RFC 6749 section 6). No scope is sent, which means the one that was granted.
pub fn refresh_request(
    refresh_token: &Secret<String>,
    client: &Client,
    endpoint: &Url,
    call: Call<'_>,
) -> Result<Request<Bytes>, RequestError> {
    let form = Form::new()
        .with("grant_type", "refresh_token")
        .with("refresh_token", refresh_token.expose());
    client.post(endpoint, form, call)
}

/// What the token endpoint gives.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The access token, for `Authorization: Bearer`.
    pub access_token: Secret<String>,
    /// How long it lasts, where that is told.
    pub expires_in: Option<Duration>,
    /// The ID Token, to be verified yet.
    pub id_token: Option<Secret<String>>,
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
    /// What was granted, where that is told.
    pub scope: Option<Box<str>>,
}

impl TokenResponse {
    /// Reads the answer (RFC 6749 sections 5.1 and 5.2). An error says what it means by
    /// [`OAuthError::at_token_endpoint`](crate::answer::OAuthError::at_token_endpoint).
    pub fn read(answer: &Response<Bytes>) -> Result<Self, AnswerError> {
        let document = answer::object(answer)?;
        let kind = document.member("token_type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| AnswerError::member("token_type"))?;
        if !kind.eq_ignore_ascii_case("bearer") {
            let kind = kind.chars().filter(|character| !character.is_control()).take(40);
            return Err(AnswerError::Malformed(format!(
                "`token_type` is {:?}, and only Bearer can be used here",
                kind.collect::<String>()
            )));
        }
        let access_token = token(&document, "access_token")?;
        Ok(Self {
            access_token: access_token.ok_or_else(|| AnswerError::member("access_token"))?,
            expires_in: expires_in(&document)?,
            id_token: token(&document, "id_token")?,
            refresh_token: token(&document, "refresh_token")?,
            scope: match document.member("scope") {
                None | Some(Value::Null) => None,
                Some(Value::String(scope)) if scope.len() <= MAX_TOKEN_BYTES => Some(scope.into()),
                Some(_) => return Err(AnswerError::member("scope")),
            },
        })
    }
}

/// A token that fits into a header and a form: visible characters (RFC 6749 appendix A.12), but no space.
fn token(document: &Claims, name: &str) -> Result<Option<Secret<String>>, AnswerError> {
    match document.member(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text))
            if (1..=MAX_TOKEN_BYTES).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(Secret::new(text.to_owned())))
        }
        Some(Value::String(text)) if text.len() > MAX_TOKEN_BYTES => Err(AnswerError::Malformed(format!(
            "`{name}` has {} bytes, and at most {MAX_TOKEN_BYTES} are taken",
            text.len()
        ))),
        Some(_) => Err(AnswerError::member(name)),
    }
}

/// Whole seconds, as a number or, as some providers write it, as a string of digits.
fn expires_in(document: &Claims) -> Result<Option<Duration>, AnswerError> {
    let seconds = match document.member("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
    };
    let seconds = seconds.filter(|seconds| *seconds >= 0);
    let seconds = seconds.ok_or_else(|| AnswerError::member("expires_in"))?;
    let seconds = u64::try_from(seconds.min(MAX_LIFE_SECONDS)).unwrap_or(0);
    Ok(Some(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests;
