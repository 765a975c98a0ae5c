//! Userinfo (OpenID Connect Core section 5.3): what else a provider knows about the user, and how that joins the claims of the
//! ID Token. At a plain OAuth 2.0 provider it is all there is.

use crate::answer::{self, AnswerError, OAuthError};
use crate::id_token::{check_audience, is_name};
use crate::issuer::IssuerRule;
use crate::relying_party::client::{RequestError, sensitive};
use bytes::Bytes;
use countersign_core::claims::{ClaimPath, Claims, ClaimsBuilder, ClaimsError, Value};
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::claims::{ClaimError, numeric_date};
use countersign_jose::json::copy_value;
use countersign_jose::verify::SignedClaims;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use std::time::Duration;
use url::Url;

/// Claims that say how and when somebody was authenticated, and for whom: the ID Token's alone, never replaced or added by
/// userinfo.
pub(crate) const PROTOCOL_CLAIMS: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "acr",
    "amr",
    "auth_time",
    "sid",
    "cnf",
    "events",
    "typ",
    "token_use",
];

/// Asks for the claims of whoever the access token is about.
pub fn request(endpoint: &Url, access_token: &Secret<String>) -> Result<Request<Bytes>, RequestError> {
    let request = Request::get(endpoint.as_str())
        .header(ACCEPT, "application/json, application/jwt")
        .header(
            AUTHORIZATION,
            sensitive(&format!("Bearer {}", access_token.expose()))?,
        );
    let request = request.body(Bytes::new());
    request.map_err(|_| RequestError::Unsendable("the endpoint's URL"))
}

/// An answer, as it came.
#[derive(Debug)]
pub enum Userinfo {
    /// Claims in plain JSON, vouched for by TLS.
    Plain(Claims),
    /// A JWT, whose signature is to be verified first: then [`check_signed`].
    Signed(String),
}

/// Why userinfo is not believed. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// Another answer than claims.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A claim of a signed answer does not hold.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// It is about somebody else than the ID Token, or does not say about whom (section 5.3.2).
    #[error("`sub` is another subject's than the ID Token's, or missing")]
    Subject,
    /// Nothing at the place where the operator says that the subject is, or nothing that can be one.
    #[error(
        "no subject where the mapping says: a string, or a whole number, that is no longer than 255 bytes"
    )]
    NoSubject,
    /// Together it is too much.
    #[error("the claims cannot be joined: {0}")]
    Claims(#[from] ClaimsError),
}

impl Userinfo {
    /// Reads the answer. A 401 is told as [`AnswerError::Refused`]: the access token is not, or no longer, accepted.
    pub fn read(answer: &Response<Bytes>) -> Result<Self, AnswerError> {
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(AnswerError::Refused(OAuthError::new("invalid_token", None)));
        }
        if answer.status() != StatusCode::OK || !is_jwt(answer) {
            return answer::object(answer).map(Self::Plain);
        }
        let text = std::str::from_utf8(answer.body()).ok();
        let text = text.ok_or_else(|| AnswerError::Malformed("a JWT that is not text".to_owned()))?;
        Ok(Self::Signed(text.trim_ascii().to_owned()))
    }
}

fn is_jwt(answer: &Response<Bytes>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/jwt")
}

/// The claims of a signed answer: from the issuer, for this client (section 5.3.2), and not ended where it says when it ends.
pub fn check_signed(
    signed: SignedClaims,
    issuer: &IssuerRule,
    client_id: &str,
    leeway: Duration,
    now: Timestamp,
) -> Result<Claims, UserinfoError> {
    let claims = signed.claims();
    issuer.judge(claims)?;
    check_audience(claims, client_id)?;
    if let Some(expires) = numeric_date(claims, "exp")?
        && now >= expires.plus(leeway)
    {
        return Err(ClaimError::Expired(expires).into());
    }
    Ok(signed.into_claims())
}

/// The claims of the ID Token and what userinfo adds to them. Userinfo must be about the same subject; where both say something
/// it is userinfo's that counts, but for the claims of the protocol, which are the ID Token's alone.
pub fn merge(id_token: &Claims, userinfo: &Claims) -> Result<Claims, UserinfoError> {
    let subject = |claims: &Claims| claims.member("sub").and_then(Value::as_str).map(str::to_owned);
    match (subject(id_token), subject(userinfo)) {
        (Some(first), Some(second)) if first == second => {}
        (Some(_) | None, Some(_) | None) => return Err(UserinfoError::Subject),
    }
    let added = |name: &str| !PROTOCOL_CLAIMS.contains(&name);
    let replaced = |name: &str| added(name) && userinfo.member(name).is_some();
    let mut builder = ClaimsBuilder::with_capacity(id_token.heap_bytes() + userinfo.heap_bytes());
    builder.open_object()?;
    copy_members(&mut builder, id_token, |name| !replaced(name))?;
    copy_members(&mut builder, userinfo, added)?;
    builder.close()?;
    Ok(builder.finish()?)
}

fn copy_members(
    builder: &mut ClaimsBuilder,
    claims: &Claims,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), ClaimsError> {
    for (name, value) in claims.root() {
        if wanted(name) {
            builder.key(name)?;
            copy_value(builder, value)?;
        }
    }
    Ok(())
}

/// How a plain OAuth 2.0 provider's userinfo reads as claims: who vouches, where the subject is, and what else stands under
/// another name. Its paths and its issuer are the operator's word.
#[derive(Clone, Debug)]
pub struct UserinfoMapping {
    /// The issuer, since nobody else names one.
    pub issuer: Box<str>,
    /// Where the subject is: a string or a whole number that never changes hands, such as GitHub's `id`. Names do.
    pub subject: ClaimPath,
    /// Claims and where they are: `preferred_username` from `login`.
    pub claims: Box<[(Box<str>, ClaimPath)]>,
}

impl UserinfoMapping {
    /// The claims: `iss` and `sub` first, then what is mapped, then the rest as it came, but for the claims of the protocol.
    /// What is mapped and not there is not there.
    pub fn apply(&self, userinfo: &Claims) -> Result<Claims, UserinfoError> {
        let subject = match userinfo.at(&self.subject) {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) if number.as_i64().is_some() => number.as_str(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))
            | None => {
                return Err(UserinfoError::NoSubject);
            }
        };
        if !is_name(subject) {
            return Err(UserinfoError::NoSubject);
        }
        let own = |name: &str| PROTOCOL_CLAIMS.contains(&name);
        let mapped = |name: &str| self.claims.iter().any(|(mapped, _)| **mapped == *name);
        let mut builder = ClaimsBuilder::with_capacity(userinfo.heap_bytes() + 256);
        builder.open_object()?;
        for (name, value) in [("iss", &*self.issuer), ("sub", subject)] {
            builder.key(name)?;
            builder.string(value)?;
        }
        for (name, path) in self.claims.iter().filter(|(name, _)| !own(name)) {
            if let Some(value) = userinfo.at(path) {
                builder.key(name)?;
                copy_value(&mut builder, value)?;
            }
        }
        copy_members(&mut builder, userinfo, |name| !own(name) && !mapped(name))?;
        builder.close()?;
        Ok(builder.finish()?)
    }
}

#[cfg(test)]
mod tests;
