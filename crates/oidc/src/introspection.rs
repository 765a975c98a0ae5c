//! Tokens that only their issuer can read: it is asked (RFC 7662).

use crate::answer::{self, AnswerError};
use crate::form::Form;
use crate::id_token::optional;
use crate::relying_party::client::{Call, Client, RequestError};
use bytes::Bytes;
use countersign_core::claims::{Claims, Value};
use countersign_core::principal::strings;
use countersign_core::time::Timestamp;
use countersign_jose::claims::{ClaimError, numeric_date, shown};
use http::{Request, Response};
use std::time::Duration;
use url::Url;

/// The longest token that is asked about, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Asks about `token`, as the protected resource that `client` is (section 2.1).
pub fn request(
    token: &str,
    client: &Client,
    endpoint: &Url,
    call: Call<'_>,
) -> Result<Request<Bytes>, RequestError> {
    let form = Form::new()
        .with("token", token)
        .with("token_type_hint", "access_token");
    client.post(endpoint, form, call)
}

/// Whose tokens, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionExpectation {
    /// The issuer; where the answer names one it must be this.
    pub issuer: Box<str>,
    /// One of these the token must be for. `None` when the operator takes the issuer's word that it is for us.
    pub audiences: Option<Box<[Box<str>]>>,
    /// The clock skew allowed.
    pub leeway: Duration,
}

/// What the issuer says of a token.
#[derive(Debug)]
pub enum Introspection {
    /// Nothing that could be used: unknown, ended, revoked, or not for us (section 2.2).
    Inactive,
    /// It is active. Whether it is one that is taken here is told by [`IntrospectionExpectation::check`].
    Active(Claims),
}

impl Introspection {
    /// Reads the answer. `active` must be there and a boolean.
    pub fn read(answer: &Response<Bytes>) -> Result<Self, AnswerError> {
        let document = answer::object(answer)?;
        match document.member("active") {
            Some(Value::Bool(true)) => Ok(Self::Active(document)),
            Some(Value::Bool(false)) => Ok(Self::Inactive),
            Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_))
            | None => Err(AnswerError::member("active")),
        }
    }
}

/// When an active token holds, to be checked again whenever it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveTimes {
    /// `exp`, where the issuer says so.
    pub expires: Option<Timestamp>,
    /// `nbf`
    pub not_before: Option<Timestamp>,
    /// `iat`
    pub issued_at: Option<Timestamp>,
}

impl ActiveTimes {
    fn read(claims: &Claims) -> Result<Self, ClaimError> {
        Ok(Self {
            expires: numeric_date(claims, "exp")?,
            not_before: numeric_date(claims, "nbf")?,
            issued_at: numeric_date(claims, "iat")?,
        })
    }

    /// Whether the token holds at `now`, give or take `leeway`.
    pub fn check(&self, leeway: Duration, now: Timestamp) -> Result<(), ClaimError> {
        if let Some(expires) = self.expires
            && now >= expires.plus(leeway)
        {
            return Err(ClaimError::Expired(expires));
        }
        let latest = now.plus(leeway);
        match (self.not_before, self.issued_at) {
            (Some(not_before), _) if not_before > latest => Err(ClaimError::NotYetValid(not_before)),
            (_, Some(issued_at)) if issued_at > latest => Err(ClaimError::IssuedInFuture(issued_at)),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

impl IntrospectionExpectation {
    /// Whether what is said of an active token is what is wanted: its issuer, audience, times, and that it is an access token
    /// that whoever bears it may use. A token that is bound to a proof (`cnf`) is for the caller to look at.
    pub fn check(&self, claims: &Claims, now: Timestamp) -> Result<ActiveTimes, ClaimError> {
        if let Some(issuer) = optional(claims, "iss")?
            && *issuer != *self.issuer
        {
            return Err(ClaimError::Issuer {
                got: shown(issuer),
                wanted: (&*self.issuer).into(),
            });
        }
        self.check_audience(claims)?;
        let times = ActiveTimes::read(claims)?;
        times.check(self.leeway, now)?;
        check_type(claims)?;
        Ok(times)
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), ClaimError> {
        let Some(audiences) = &self.audiences else {
            return Ok(());
        };
        let value = claims
            .member("aud")
            .ok_or_else(|| ClaimError::Missing("aud".into()))?;
        let sound = match value {
            Value::String(_) => true,
            Value::Array(mut items) => items.all(|item| item.as_str().is_some_and(|text| !text.is_empty())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        };
        if !sound {
            return Err(ClaimError::Type("aud".into()));
        }
        let mut got = strings(Some(value));
        if got.any(|audience| audiences.iter().any(|wanted| **wanted == *audience)) {
            return Ok(());
        }
        Err(ClaimError::Audience {
            got: strings(Some(value)).take(8).map(shown).collect(),
            wanted: audiences.iter().map(ToString::to_string).collect(),
            hint: "",
        })
    }
}

/// An access token (some issuers call their refresh tokens active, too), to be used by whoever bears it, or by whoever shows
/// the proof that it is bound to. One that is used with a proof (RFC 9449) and names none (`cnf`) is nobody's.
fn check_type(claims: &Claims) -> Result<(), ClaimError> {
    // Some issuers say here what kind of token it is rather than how it is used.
    const ACCESS: [&str; 6] = [
        "bearer",
        "access",
        "access_token",
        "at+jwt",
        "jwt",
        "urn:ietf:params:oauth:token-type:access_token",
    ];
    let is_bound = claims.member("cnf").is_some();
    for name in ["token_type", "typ", "token_use"] {
        let Some(kind) = optional(claims, name)? else {
            continue;
        };
        let is_proved = kind.eq_ignore_ascii_case("dpop");
        if is_proved && !is_bound {
            let told = format!("`{name}` is {:?}, and `cnf` does not say whose", shown(kind));
            return Err(ClaimError::TokenType(told));
        }
        if !is_proved && !ACCESS.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            return Err(ClaimError::TokenType(format!("`{name}` is {:?}", shown(kind))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
