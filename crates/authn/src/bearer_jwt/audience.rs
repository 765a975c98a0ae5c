//! Whom a token may be for: those that are listed, or the one site that it is shown at.

use super::credential::{Candidate, Shown};
use super::{BearerJwt, shortened};
use countersign_core::authn::{Outcome, Presented, Rejection};
use countersign_core::claims::{Claims, Value};
use countersign_core::reason::RejectionReason;
use countersign_jose::claims::Expectation;
use countersign_jose::token::UnverifiedToken;
use countersign_oidc::provider::site::Origin;
use std::borrow::Cow;

/// What no token can be for: less than an origin. It stands in an expectation until it is known where a token is shown.
pub(super) const NOBODY: &str = "https://";

impl BearerJwt {
    /// What is expected of `token`, which was shown as `candidate`.
    pub(super) fn expected(
        &self,
        token: &UnverifiedToken<'_>,
        candidate: Candidate<'_>,
    ) -> Cow<'_, Expectation> {
        if !self.by_origin {
            return Cow::Borrowed(&self.expectation);
        }
        let audience = match candidate.shown {
            Shown::At(host) => Origin::of(host).as_str().to_owned(),
            Shown::InTheClear => NOBODY.to_owned(),
            Shown::Nowhere => of_some_site(token).unwrap_or_else(|| NOBODY.to_owned()),
        };
        Cow::Owned(self.expectation.for_audience(&audience))
    }

    /// A token that was verified before, and is shown at a site that it is not for.
    pub(super) fn of_another_site(&self, claims: &Claims, candidate: Candidate<'_>) -> Option<Outcome> {
        let (true, wanted) = (self.by_origin, candidate.shown) else {
            return None;
        };
        let origin = match wanted {
            Shown::Nowhere => return None,
            Shown::At(host) => Origin::of(host).as_str().to_owned(),
            Shown::InTheClear => NOBODY.to_owned(),
        };
        let got = audiences(claims);
        let detail = || {
            let got = got.iter().take(8).map(|one| shortened(one)).collect::<Vec<_>>();
            format!("audience is {got:?}, and the token was shown at {origin:?}")
        };
        (!got.contains(&&*origin))
            .then(|| unclaimed(RejectionReason::AudienceWrong, candidate.presented, detail()))
    }
}

/// A token that no request brought: for whichever site it is.
fn of_some_site(token: &UnverifiedToken<'_>) -> Option<String> {
    let mut audiences = token.audiences_unverified("aud").ok()?;
    let origin = audiences.find(|audience| Origin::parse(audience).is_ok());
    origin.map(str::to_owned)
}

fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.member("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

/// It is not ours to judge.
pub(super) fn unclaimed(reason: RejectionReason, presented: Presented, detail: String) -> Outcome {
    Outcome::Unclaimed(Rejection {
        reason,
        presented,
        authenticator: "".into(),
        detail,
    })
}
