//! What is required of every token's claims (RFC 7519 section 4.1, RFC 8725 section 3). There is no "unset means
//! unchecked".

use crate::algorithm::Algorithm;
use countersign_core::claims::{Claims, Value};
use countersign_core::principal::strings;
use countersign_core::spiffe::TrustDomain;
use countersign_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

pub use svid::JWT_SVID_ALGORITHMS;

mod svid;

/// The most clock skew that can be allowed.
pub const MAX_LEEWAY: Duration = Duration::from_mins(5);
/// Times after the year 9999 are no times.
const LATEST_SECONDS: f64 = 253_402_300_799.0;
/// What a message quotes of a stranger's claim, in characters.
const SHOWN: usize = 120;

/// What a token must say. Made by [`Expectation::new`] and [`Expectation::jwt_svid`] only, so that issuer,
/// audience and algorithm are never left out.
#[derive(Clone, Debug)]
pub struct Expectation {
    issuer: Arc<str>,
    /// The one whose JWT-SVIDs are expected.
    trust_domain: Option<TrustDomain>,
    audiences: Box<[Box<str>]>,
    algorithms: Box<[Algorithm]>,
    /// The claim that holds the audience: `aud`, unless an issuer puts it elsewhere and the operator says so.
    pub audience_claim: Box<str>,
    /// Claims that must be there besides those of every token.
    pub required_claims: Box<[Box<str>]>,
    /// The header `typ` that must be there, compared without case and without `application/`.
    pub require_typ: Option<Box<str>>,
    /// The clock skew allowed.
    pub leeway: Duration,
}

impl Expectation {
    /// Expects `issuer`, one of `audiences` and one of `algorithms`, with 60 s of leeway. `None` when one of the three
    /// is empty.
    pub fn new(issuer: Arc<str>, audiences: Vec<Box<str>>, algorithms: Vec<Algorithm>) -> Option<Self> {
        let whole = !issuer.is_empty()
            && !audiences.is_empty()
            && audiences.iter().all(|audience| !audience.is_empty())
            && !algorithms.is_empty();
        whole.then(|| Self {
            issuer,
            trust_domain: None,
            audiences: audiences.into(),
            algorithms: algorithms.into(),
            audience_claim: "aud".into(),
            required_claims: Box::default(),
            require_typ: None,
            leeway: Duration::from_mins(1),
        })
    }

    /// Expects a JWT-SVID of `trust_domain` (JWT-SVID, sections 2 and 3), for one of `audiences`, signed with one of
    /// `algorithms`. Its `sub` says whose it is, so it needs no `iss`. `None` when audiences or algorithms are empty, or
    /// an algorithm is none of [`JWT_SVID_ALGORITHMS`].
    pub fn jwt_svid(
        trust_domain: TrustDomain,
        audiences: Vec<Box<str>>,
        algorithms: Vec<Algorithm>,
    ) -> Option<Self> {
        let known = algorithms
            .iter()
            .all(|algorithm| JWT_SVID_ALGORITHMS.contains(algorithm));
        let issuer = trust_domain.id().to_string().into();
        Self::new(issuer, audiences, algorithms)
            .filter(|_| known)
            .map(|expectation| Self {
                trust_domain: Some(trust_domain),
                ..expectation
            })
    }

    /// The same for this audience alone.
    #[must_use]
    pub fn for_audience(&self, audience: &str) -> Self {
        Self {
            audiences: Box::new([audience.into()]),
            ..self.clone()
        }
    }

    /// Whose JWT-SVID it must be; `None` where a token of an issuer is expected.
    pub const fn trust_domain(&self) -> Option<&TrustDomain> {
        self.trust_domain.as_ref()
    }

    /// Who must have issued it. For a JWT-SVID the SPIFFE ID of its trust domain.
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// Whom it may be for.
    pub const fn audiences(&self) -> &[Box<str>] {
        &self.audiences
    }

    /// How it may be signed.
    pub const fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
}

/// Which check failed. The texts say what came and what was wanted, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not there.
    #[error("`{0}` is missing")]
    Missing(Box<str>),
    /// There, with a JSON type or value it cannot have.
    #[error("`{0}` has the wrong type or an impossible value")]
    Type(Box<str>),
    /// Another issuer.
    #[error("issuer is {got:?}, wanted {wanted:?}")]
    Issuer {
        /// What came.
        got: String,
        /// What was wanted.
        wanted: Arc<str>,
    },
    /// Another audience.
    #[error("audience is {got:?}, wanted one of {wanted:?}{hint}")]
    Audience {
        /// What came.
        got: Vec<String>,
        /// What was wanted.
        wanted: Vec<String>,
        /// What to do at the issuer, where that can be told.
        hint: &'static str,
    },
    /// Past its end.
    #[error("expired at {0}")]
    Expired(Timestamp),
    /// Before its beginning.
    #[error("not valid before {0}")]
    NotYetValid(Timestamp),
    /// Issued after now.
    #[error("issued at {0}, which is in the future")]
    IssuedInFuture(Timestamp),
    /// Another type of token.
    #[error("token type: {0}")]
    TokenType(String),
}

impl ClaimError {
    /// The reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "claim_missing",
            Self::Type(_) => "claim_type",
            Self::Issuer { .. } => "issuer_wrong",
            Self::Audience { .. } => "audience_wrong",
            Self::Expired(_) => "token_expired",
            Self::NotYetValid(_) => "token_not_yet_valid",
            Self::IssuedInFuture(_) => "token_issued_in_future",
            Self::TokenType(_) => "token_type",
        }
    }
}

/// The times of a token, to be checked again whenever it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTimes {
    /// `exp`
    pub expires: Timestamp,
    /// `nbf`
    pub not_before: Option<Timestamp>,
    /// `iat`
    pub issued_at: Option<Timestamp>,
}

impl TokenTimes {
    /// Reads `exp`, `nbf` and `iat`: JSON numbers, fractions allowed (RFC 7519 section 2, NumericDate), between 1970 and
    /// 9999.
    pub fn read(claims: &Claims) -> Result<Self, ClaimError> {
        let expires = numeric_date(claims, "exp")?.ok_or_else(|| ClaimError::Missing("exp".into()))?;
        Ok(Self {
            expires,
            not_before: numeric_date(claims, "nbf")?,
            issued_at: numeric_date(claims, "iat")?,
        })
    }

    /// Whether the token holds at `now`, give or take `leeway`. It ends at `exp` plus leeway, that instant excluded.
    pub fn check(&self, leeway: Duration, now: Timestamp) -> Result<(), ClaimError> {
        if now >= self.expires.plus(leeway) {
            return Err(ClaimError::Expired(self.expires));
        }
        let latest = now.plus(leeway);
        match (self.not_before, self.issued_at) {
            (Some(not_before), _) if not_before > latest => Err(ClaimError::NotYetValid(not_before)),
            (_, Some(issued_at)) if issued_at > latest => Err(ClaimError::IssuedInFuture(issued_at)),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// The time at `name`, if it is there: a JSON number (RFC 7519 section 2, NumericDate) between 1970 and 9999.
pub fn numeric_date(claims: &Claims, name: &str) -> Result<Option<Timestamp>, ClaimError> {
    let Some(value) = claims.member(name) else {
        return Ok(None);
    };
    let number = value.as_number().ok_or_else(|| ClaimError::Type(name.into()))?;
    if let Some(seconds) = number.as_i64() {
        let timely = (0..=253_402_300_799).contains(&seconds);
        return if timely {
            Ok(Some(Timestamp::from_seconds(seconds)))
        } else {
            Err(ClaimError::Type(name.into()))
        };
    }
    let seconds = number
        .as_f64()
        .filter(|seconds| (0.0..=LATEST_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| ClaimError::Type(name.into()))?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above: at most 2.6e14")]
    Ok(Some(Timestamp::from_milliseconds(
        (seconds * 1000.0).floor() as i64
    )))
}

/// Checks everything about `claims` but the signature: issuer or trust domain, audience, times, required claims, and that
/// it is an access token, or a JWT-SVID, and nothing else. `typ` is the token header's.
pub fn check(
    claims: &Claims,
    typ: Option<&str>,
    expectation: &Expectation,
    now: Timestamp,
) -> Result<TokenTimes, ClaimError> {
    match &expectation.trust_domain {
        None => check_issuer(claims, expectation)?,
        Some(trust_domain) => svid::check_workload(claims, trust_domain)?,
    }
    check_audience(claims, expectation)?;
    let times = TokenTimes::read(claims)?;
    times.check(expectation.leeway, now)?;
    match &expectation.trust_domain {
        None => check_type(claims, typ, expectation)?,
        Some(_) => svid::check_type(typ)?,
    }
    for name in &expectation.required_claims {
        if matches!(claims.member(name), None | Some(Value::Null)) {
            return Err(ClaimError::Missing(name.clone()));
        }
    }
    Ok(times)
}

fn check_issuer(claims: &Claims, expectation: &Expectation) -> Result<(), ClaimError> {
    match claims.member("iss") {
        None => Err(ClaimError::Missing("iss".into())),
        Some(Value::String(issuer)) if *issuer == *expectation.issuer => Ok(()),
        Some(Value::String(issuer)) => Err(ClaimError::Issuer {
            got: shown(issuer),
            wanted: Arc::clone(&expectation.issuer),
        }),
        Some(_) => Err(ClaimError::Type("iss".into())),
    }
}

/// One string or an array of strings, not empty, one of them wanted.
fn check_audience(claims: &Claims, expectation: &Expectation) -> Result<(), ClaimError> {
    let name = &*expectation.audience_claim;
    let value = claims
        .member(name)
        .ok_or_else(|| missing_audience(claims, expectation))?;
    let sound = match value {
        Value::String(audience) => !audience.is_empty(),
        Value::Array(mut audiences) => {
            audiences.clone().next().is_some()
                && audiences.all(|one| one.as_str().is_some_and(|text| !text.is_empty()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    if !sound {
        return Err(ClaimError::Type(name.into()));
    }
    if strings(Some(value)).any(|audience| expectation.audiences.iter().any(|wanted| **wanted == *audience)) {
        return Ok(());
    }
    Err(wrong_audience(claims, strings(Some(value)), expectation))
}

/// Keycloak leaves the client out of `aud` until a mapper says otherwise; its tokens are known by `azp`.
pub const KEYCLOAK_HINT: &str = "; if the issuer is Keycloak, add an audience mapper to the client (client scopes, dedicated scope, mappers, Audience)";

fn missing_audience(claims: &Claims, expectation: &Expectation) -> ClaimError {
    if claims.member("azp").is_some() && *expectation.audience_claim == *"aud" {
        return wrong_audience(claims, std::iter::empty(), expectation);
    }
    ClaimError::Missing(expectation.audience_claim.clone())
}

fn wrong_audience<'a>(
    claims: &Claims,
    got: impl Iterator<Item = &'a str>,
    expectation: &Expectation,
) -> ClaimError {
    let got = got.take(8).map(shown).collect::<Vec<_>>();
    let keycloak = claims.member("azp").is_some() && got.iter().all(|audience| audience == "account");
    let wanted = expectation.audiences.iter().map(ToString::to_string).collect();
    ClaimError::Audience {
        got,
        wanted,
        hint: if keycloak { KEYCLOAK_HINT } else { "" },
    }
}

/// An access token and nothing else (RFC 9068 section 4, RFC 8725 section 3.11).
fn check_type(claims: &Claims, typ: Option<&str>, expectation: &Expectation) -> Result<(), ClaimError> {
    let refused = |what: String| Err(ClaimError::TokenType(what));
    let typ = typ.map(media_type);
    let is = |wanted: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(wanted));
    match (&expectation.require_typ, typ) {
        (Some(wanted), got) if !is(media_type(wanted)) => {
            let got = got.map(shown);
            return refused(format!("`typ` is {got:?}, wanted {wanted:?}"));
        }
        (None, Some(other)) if !is("at+jwt") && !is("jwt") => {
            return refused(format!("`typ` is {:?}", shown(other)));
        }
        (Some(_) | None, Some(_) | None) => {}
    }
    for name in ["typ", "token_use"] {
        match claims.member(name) {
            None => {}
            // Some issuers say in the claims once more what the header says: that it is a JWT.
            // Keycloak says so of a token that is bound to a key. Without one named it is nobody's; the proof is asked for
            // elsewhere.
            Some(Value::String(kind))
                if kind.eq_ignore_ascii_case("dpop") && claims.member("cnf").is_none() =>
            {
                return refused(format!(
                    "the claim `{name}` is {:?}, and `cnf` is missing",
                    shown(kind)
                ));
            }
            Some(Value::String(kind)) if is_access(kind) || kind.eq_ignore_ascii_case("jwt") => {}
            Some(Value::String(kind)) => return refused(format!("the claim `{name}` is {:?}", shown(kind))),
            Some(_) => return Err(ClaimError::Type(name.into())),
        }
    }
    if let Some(name) = ["at_hash", "c_hash", "events", "sub_jwk"]
        .iter()
        .find(|name| claims.member(name).is_some())
    {
        return refused(format!("the claim `{name}` is no access token's"));
    }
    // An ID Token carries the nonce; so did access tokens of Keycloak up to 24, which say `typ: Bearer`.
    let says_access = is("at+jwt")
        || ["typ", "token_use"]
            .iter()
            .any(|name| claims.member(name).and_then(Value::as_str).is_some_and(is_access));
    if claims.member("nonce").is_some() && !says_access {
        return refused("the claim `nonce` is an ID Token's".to_owned());
    }
    Ok(())
}

/// `typ` without the `application/` that RFC 7515 section 4.1.9 lets it leave out.
pub fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        Some(_) | None => typ,
    }
}

/// What an access token is called, one that is bound to a key included.
fn is_access(kind: &str) -> bool {
    ["bearer", "access", "access_token", "at+jwt", "dpop"]
        .iter()
        .any(|access| kind.eq_ignore_ascii_case(access))
}

/// A stranger's word, short, for a message.
pub fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
