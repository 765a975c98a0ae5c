//! Logout: the provider is asked for it (OpenID Connect RP-Initiated Logout 1.0), and the provider tells of it (OpenID Connect
//! Back-Channel Logout 1.0).

use crate::id_token::{MAX_SID_BYTES, check_audience, is_name, missing, optional};
use crate::issuer::IssuerRule;
use countersign_core::claims::Value;
use countersign_core::time::Timestamp;
use countersign_jose::claims::{ClaimError, media_type, numeric_date, shown};
use countersign_jose::verify::SignedClaims;
use std::time::Duration;
use url::Url;

/// The event that a logout token tells of (Back-Channel Logout section 2.4).
pub(crate) const BACKCHANNEL_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The type of a logout token (section 2.4).
pub(crate) const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// How long after it was issued a logout token is taken, whatever it says itself: so long its id is remembered.
pub const LOGOUT_TOKEN_LIFE: Duration = Duration::from_mins(5);
/// The longest id of a logout token, in bytes.
const MAX_ID_BYTES: usize = 256;

/// A logout that the provider is asked for.
#[derive(Clone, Copy, Debug)]
pub struct EndSessionRequest<'a> {
    /// The end session endpoint.
    pub endpoint: &'a Url,
    /// The ID Token of the session that ends, where it was kept.
    pub id_token_hint: Option<&'a str>,
    /// Who asks: sent in place of a hint.
    pub client_id: &'a str,
    /// Where the provider sends the browser then, as registered.
    pub post_logout_redirect_uri: Option<&'a str>,
    /// What comes back with the browser.
    pub state: Option<&'a str>,
}

impl EndSessionRequest<'_> {
    /// Where the browser is sent. The endpoint's own query stays, but for parameters that are ours to set.
    pub fn url(&self) -> Url {
        let client_id = self.id_token_hint.is_none().then_some(self.client_id);
        let parameters = [
            ("id_token_hint", self.id_token_hint),
            ("client_id", client_id),
            ("post_logout_redirect_uri", self.post_logout_redirect_uri),
            (
                "state",
                self.state.filter(|_| self.post_logout_redirect_uri.is_some()),
            ),
        ];
        let mut url = self.endpoint.clone();
        let kept = url
            .query_pairs()
            .filter(|(name, _)| !parameters.iter().any(|(own, _)| own == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect::<Vec<_>>();
        let sent = parameters
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)));
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .extend_pairs(sent);
        url
    }
}

/// What a logout token says, all its checks held. It is to be taken once: `jti` of `issuer` is remembered until `ends`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Whose sessions end.
    pub issuer: Box<str>,
    /// Of whom; all of that subject's sessions where no session is named.
    pub subject: Option<Box<str>>,
    /// Which session, by the issuer's name for it.
    pub sid: Option<Box<str>>,
    /// Its id.
    pub jti: Box<str>,
    /// When it cannot be taken any more.
    pub ends: Timestamp,
}

/// What a logout token must say.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTokenExpectation<'a> {
    /// Who must have issued it.
    pub issuer: &'a IssuerRule,
    /// Whom it must be for.
    pub client_id: &'a str,
    /// The clock skew allowed.
    pub leeway: Duration,
}

/// Which check failed. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutTokenError {
    /// A check of every token: a claim that is missing or has another type, issuer, audience, times, type of token.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// It does not tell of a logout.
    #[error("`events` holds no back-channel logout")]
    Event,
    /// It names neither a subject nor a session.
    #[error("neither `sub` nor `sid`")]
    Nobody,
    /// It holds a nonce, so that it could pass for an ID Token.
    #[error("`nonce` has no place in a logout token")]
    Nonce,
    /// It was issued too long ago to be told from one that is replayed.
    #[error("issued at {0}, which is too long ago")]
    TooOld(Timestamp),
}

impl LogoutTokenExpectation<'_> {
    /// Checks everything about the logout token but its signature, which has held, and whether it was taken before (Back-Channel
    /// Logout section 2.6).
    pub fn check(&self, signed: &SignedClaims, now: Timestamp) -> Result<LogoutToken, LogoutTokenError> {
        let claims = signed.claims();
        let typ = signed.typ().map(media_type);
        let other = typ.filter(|typ| {
            ![LOGOUT_TOKEN_TYPE, "jwt"]
                .iter()
                .any(|known| typ.eq_ignore_ascii_case(known))
        });
        if let Some(other) = other {
            return Err(ClaimError::TokenType(format!("`typ` is {:?}", shown(other))).into());
        }
        let issuer = self.issuer.judge(claims)?;
        check_audience(claims, self.client_id)?;
        let ends = self.check_times(signed, now)?;
        let event = claims.member("events").and_then(Value::as_object);
        let event = event.and_then(|events| events.member(BACKCHANNEL_EVENT));
        if event.and_then(Value::as_object).is_none() {
            return Err(LogoutTokenError::Event);
        }
        if claims.member("nonce").is_some() {
            return Err(LogoutTokenError::Nonce);
        }
        let jti = optional(claims, "jti")?.ok_or_else(|| missing("jti"))?;
        let (subject, sid) = (optional(claims, "sub")?, optional(claims, "sid")?);
        for (name, sound) in [
            ("jti", (1..=MAX_ID_BYTES).contains(&jti.len())),
            ("sub", subject.is_none_or(is_name)),
            (
                "sid",
                sid.is_none_or(|sid| (1..=MAX_SID_BYTES).contains(&sid.len())),
            ),
        ] {
            if !sound {
                return Err(ClaimError::Type(name.into()).into());
            }
        }
        if subject.is_none() && sid.is_none() {
            return Err(LogoutTokenError::Nobody);
        }
        Ok(LogoutToken {
            issuer: issuer.into(),
            subject: subject.map(Into::into),
            sid: sid.map(Into::into),
            jti: jti.into(),
            ends,
        })
    }

    /// When it cannot be taken any more: at its own end, or some minutes after it was issued, whichever is sooner. Providers from
    /// before the final standard leave `exp` out.
    fn check_times(&self, signed: &SignedClaims, now: Timestamp) -> Result<Timestamp, LogoutTokenError> {
        let claims = signed.claims();
        let issued = numeric_date(claims, "iat")?.ok_or_else(|| missing("iat"))?;
        if issued > now.plus(self.leeway) {
            return Err(ClaimError::IssuedInFuture(issued).into());
        }
        let last = issued.plus(LOGOUT_TOKEN_LIFE).plus(self.leeway);
        if now >= last {
            return Err(LogoutTokenError::TooOld(issued));
        }
        let Some(expires) = numeric_date(claims, "exp")? else {
            return Ok(last);
        };
        let ends = expires.plus(self.leeway);
        if now >= ends {
            return Err(ClaimError::Expired(expires).into());
        }
        Ok(ends.min(last))
    }
}

#[cfg(test)]
mod tests;
