//! What an ID Token must say (OpenID Connect Core sections 2, 3.1.3.6, 3.1.3.7 and 12.2), once its signature held.

use crate::issuer::IssuerRule;
use crate::relying_party::authorization::Nonce;
use countersign_core::claims::{Claims, Value};
use countersign_core::principal::strings;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::{ClaimError, TokenTimes, media_type, numeric_date, shown};
use countersign_jose::hash::half_hash;
use countersign_jose::verify::SignedClaims;
use std::time::Duration;

/// How ID Tokens, logout tokens and signed answers may be signed unless the operator lists fewer: everything but shared
/// secrets, which no provider's key set holds.
pub const ALGORITHMS: [Algorithm; 10] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
];
/// The longest subject and session id, in bytes. The standard allows a subject 255 ASCII characters.
const MAX_SUBJECT_BYTES: usize = 255;
pub(crate) const MAX_SID_BYTES: usize = 512;

/// To which login the ID Token must belong.
#[derive(Clone, Copy, Debug)]
pub enum Login<'a> {
    /// The one under way, which drew this nonce.
    Begun(&'a Nonce),
    /// An earlier one, which is being renewed (section 12.2).
    Renewed(&'a Claims),
}

/// What an ID Token must say. There is no "unset means unchecked".
#[derive(Clone, Copy, Debug)]
pub struct IdTokenExpectation<'a> {
    /// Who must have issued it.
    pub issuer: &'a IssuerRule,
    /// Whom it must be for.
    pub client_id: &'a str,
    /// To which login it must belong.
    pub login: Login<'a>,
    /// The access token that came with it, to be compared with `at_hash` where that is there.
    pub access_token: Option<&'a Secret<String>>,
    /// How long ago the user may have been authenticated, where that was asked.
    pub max_age: Option<Duration>,
    /// One of these the user must have been authenticated by, where that was asked. Empty for whatever the provider does.
    pub essential_acr: &'a [Box<str>],
    /// The clock skew allowed.
    pub leeway: Duration,
}

/// An ID Token all of whose checks held. Made by [`IdTokenExpectation::check`] only.
///
/// ```compile_fail,E0451
/// # use countersign_oidc::id_token::VerifiedIdToken;
/// # fn forge(token: VerifiedIdToken) -> VerifiedIdToken {
/// VerifiedIdToken { ..token }
/// # }
/// ```
#[derive(Debug)]
pub struct VerifiedIdToken {
    claims: Claims,
    expires: Timestamp,
    auth_time: Option<Timestamp>,
}

/// Which check failed. The texts say what came and what was wanted, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// A check of every token: a claim that is missing or has another type, issuer, audience, times, type of token.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The subject is no name: empty, too long, with control characters or white space around it.
    #[error("`sub` is no name of 1 to 255 bytes")]
    Subject,
    /// It was issued to another party (`azp`), or to several without saying to which.
    #[error(
        "`azp` is {0:?}, wanted this client: the ID Token was issued to another party, or does not say to which"
    )]
    AuthorizedParty(Option<String>),
    /// The nonce is another login's, or missing.
    #[error("`nonce` is missing or another login's")]
    Nonce,
    /// The access token is not the one it was issued with.
    #[error("`at_hash` is another access token's")]
    AccessTokenHash,
    /// The user was authenticated too long ago.
    #[error("the user was authenticated at {at}, which is more than {max_age:?} ago")]
    TooOld {
        /// When.
        at: Timestamp,
        /// What was asked.
        max_age: Duration,
    },
    /// The user was authenticated in another way than was asked.
    #[error("`acr` is {got:?}, wanted one of {wanted:?}")]
    AuthenticationContext {
        /// What came.
        got: Option<String>,
        /// What was wanted.
        wanted: Vec<String>,
    },
    /// The renewed ID Token is about someone or something else than the first.
    #[error("`{0}` is not what it was at the login")]
    Changed(&'static str),
}

impl VerifiedIdToken {
    /// Who issued it: the filled template, where the rule has one.
    pub fn issuer(&self) -> &str {
        text(&self.claims, "iss")
    }

    /// Whom it is about, unique within the issuer.
    pub fn subject(&self) -> &str {
        text(&self.claims, "sub")
    }

    /// The issuer's name for its own session.
    pub fn sid(&self) -> Option<&str> {
        self.claims.member("sid").and_then(Value::as_str)
    }

    /// How the user was authenticated.
    pub fn acr(&self) -> Option<&str> {
        self.claims.member("acr").and_then(Value::as_str)
    }

    /// When the user was authenticated.
    pub const fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// When it ends.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Everything it says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Everything it says, to keep.
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

fn text<'c>(claims: &'c Claims, name: &str) -> &'c str {
    claims.member(name).and_then(Value::as_str).unwrap_or("")
}

impl IdTokenExpectation<'_> {
    /// Checks everything about the ID Token but its signature, which has held.
    pub fn check(&self, signed: SignedClaims, now: Timestamp) -> Result<VerifiedIdToken, IdTokenError> {
        let claims = signed.claims();
        check_type(&signed)?;
        self.issuer.judge(claims)?;
        self.check_audience(claims)?;
        let times = TokenTimes::read(claims)?;
        if times.issued_at.is_none() {
            return Err(missing("iat").into());
        }
        times.check(self.leeway, now)?;
        let subject = optional(claims, "sub")?.ok_or_else(|| missing("sub"))?;
        if !is_name(subject) {
            return Err(IdTokenError::Subject);
        }
        let sid = optional(claims, "sid")?;
        if sid.is_some_and(|sid| sid.is_empty() || sid.len() > MAX_SID_BYTES) {
            return Err(ClaimError::Type("sid".into()).into());
        }
        self.check_login(claims)?;
        self.check_access_token(&signed)?;
        let auth_time = self.check_auth_time(claims, now)?;
        self.check_acr(claims)?;
        Ok(VerifiedIdToken {
            claims: signed.into_claims(),
            expires: times.expires,
            auth_time,
        })
    }

    /// `aud` holds this client; `azp` is this client, where it is there or there are several audiences.
    fn check_audience(&self, claims: &Claims) -> Result<(), IdTokenError> {
        let count = check_audience(claims, self.client_id)?;
        match optional(claims, "azp")? {
            Some(party) if party == self.client_id => Ok(()),
            None if count == 1 => Ok(()),
            party => Err(IdTokenError::AuthorizedParty(party.map(shown))),
        }
    }

    fn check_login(&self, claims: &Claims) -> Result<(), IdTokenError> {
        let nonce = optional(claims, "nonce")?;
        match self.login {
            Login::Begun(drawn) => match nonce {
                Some(nonce) if drawn.equals(nonce) => Ok(()),
                Some(_) | None => Err(IdTokenError::Nonce),
            },
            Login::Renewed(first) => {
                for name in ["iss", "sub"] {
                    if text(claims, name) != text(first, name) {
                        return Err(IdTokenError::Changed(name));
                    }
                }
                // It need not be there, and where it is it is the first one's.
                if nonce.is_some_and(|nonce| nonce != text(first, "nonce")) {
                    return Err(IdTokenError::Nonce);
                }
                Ok(())
            }
        }
    }

    fn check_access_token(&self, signed: &SignedClaims) -> Result<(), IdTokenError> {
        let told = optional(signed.claims(), "at_hash")?;
        let (Some(told), Some(token)) = (told, self.access_token) else {
            return Ok(());
        };
        let made = Secret::new(half_hash(signed.algorithm(), token.expose()));
        if made.ct_eq(told.as_bytes()) {
            Ok(())
        } else {
            Err(IdTokenError::AccessTokenHash)
        }
    }

    fn check_auth_time(&self, claims: &Claims, now: Timestamp) -> Result<Option<Timestamp>, IdTokenError> {
        let auth_time = numeric_date(claims, "auth_time")?;
        if let Some(at) = auth_time
            && at > now.plus(self.leeway)
        {
            return Err(ClaimError::Type("auth_time".into()).into());
        }
        if let Some(max_age) = self.max_age {
            let at = auth_time.ok_or_else(|| missing("auth_time"))?;
            if now > at.plus(max_age).plus(self.leeway) {
                return Err(IdTokenError::TooOld { at, max_age });
            }
        }
        Ok(auth_time)
    }

    fn check_acr(&self, claims: &Claims) -> Result<(), IdTokenError> {
        let acr = optional(claims, "acr")?;
        let wanted = self.essential_acr;
        if wanted.is_empty() || acr.is_some_and(|acr| wanted.iter().any(|wanted| **wanted == *acr)) {
            return Ok(());
        }
        Err(IdTokenError::AuthenticationContext {
            got: acr.map(shown),
            wanted: wanted.iter().map(ToString::to_string).collect(),
        })
    }
}

/// An ID Token and nothing else: not an access token, a logout token, or one that says something else about itself.
fn check_type(signed: &SignedClaims) -> Result<(), ClaimError> {
    let typ = signed.typ().map(media_type);
    if let Some(other) = typ.filter(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(ClaimError::TokenType(format!("`typ` is {:?}", shown(other))));
    }
    for name in ["typ", "token_use"] {
        if let Some(kind) = optional(signed.claims(), name)?
            && !["id", "jwt", "id_token"]
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known))
        {
            let what = format!("the claim `{name}` is {:?}", shown(kind));
            return Err(ClaimError::TokenType(what));
        }
    }
    let another = ["events", "sub_jwk"]
        .into_iter()
        .find(|name| signed.claims().member(name).is_some());
    another.map_or(Ok(()), |name| {
        let what = format!("the claim `{name}` is no ID Token's");
        Err(ClaimError::TokenType(what))
    })
}

/// Whether `aud`, one string or an array of them, holds `client_id`; how many there are.
pub(crate) fn check_audience(claims: &Claims, client_id: &str) -> Result<usize, ClaimError> {
    let value = claims.member("aud").ok_or_else(|| missing("aud"))?;
    let sound = match value {
        Value::String(_) => true,
        Value::Array(mut items) => items.all(|item| item.as_str().is_some()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    if !sound {
        return Err(ClaimError::Type("aud".into()));
    }
    let audiences = || strings(Some(value));
    if !client_id.is_empty() && audiences().any(|audience| audience == client_id) {
        return Ok(audiences().count());
    }
    Err(ClaimError::Audience {
        got: audiences().take(8).map(shown).collect(),
        wanted: vec![client_id.to_owned()],
        hint: "",
    })
}

/// The string at `name`, if the member is there; any other type is refused.
pub(crate) fn optional<'c>(claims: &'c Claims, name: &str) -> Result<Option<&'c str>, ClaimError> {
    let wrong = || ClaimError::Type(name.into());
    let value = claims.member(name);
    value.map(|value| value.as_str().ok_or_else(wrong)).transpose()
}

pub(crate) fn missing(name: &str) -> ClaimError {
    ClaimError::Missing(name.into())
}

/// Whether `subject` can be written in a header and compared as it stands.
pub(crate) fn is_name(subject: &str) -> bool {
    (1..=MAX_SUBJECT_BYTES).contains(&subject.len())
        && subject.trim() == subject
        && !subject.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
