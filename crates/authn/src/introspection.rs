//! Bearer tokens that only their issuer can read (RFC 7662): `[introspection.NAME]`.
//!
//! Reading order: `options`, `build` (from values to an authenticator), this file (whether a token is ours to ask about, and
//! what an answer means for the request), `ask` (one question), then what keeps the questions few: `answers` (what was said,
//! remembered), `flights` (one question for a token at a time), `slots` (so many under way), `budget` (floods of random
//! tokens).

use crate::bearer_jwt::credential::{Candidate, Places, Search};
use ask::Asker;
use countersign_core::BoxFuture;
use countersign_core::authn::{
    Authenticator, Challenge, Effects, Outcome, Presented, Rejection, Unavailable,
};
use countersign_core::credential_place::CredentialPlace;
use countersign_core::reason::RejectionReason;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::time::Now;
use countersign_jose::token::{TokenError, UnverifiedToken};
use countersign_oidc::introspection::MAX_TOKEN_BYTES;
use flights::Flights;
use std::sync::Arc;
use verdict::Verdict;

pub use build::build;
pub use options::OPTIONS;

mod answers;
mod ask;
mod budget;
mod build;
mod flights;
mod options;
mod slots;
#[cfg(test)]
mod tests;
mod verdict;

/// The name of its tables.
pub const TABLE: &str = "introspection";

/// The place of the second of the authenticators `named` that asks an issuer about opaque tokens: nothing about such a token says
/// whose it is, so that one route can have one such way only.
pub fn second<'n>(named: impl IntoIterator<Item = &'n str>) -> Option<usize> {
    let is_one = |(_, name): &(usize, &str)| name.split_once('.').is_some_and(|(table, _)| table == TABLE);
    let second = named.into_iter().enumerate().filter(is_one).nth(1);
    second.map(|(place, _)| place)
}

/// Asks one issuer about its tokens.
#[derive(Debug)]
pub(crate) struct Introspection {
    name: Arc<str>,
    places: Places,
    ask_about_jwts: bool,
    asker: Arc<Asker>,
    flights: Flights,
}

impl Introspection {
    /// The outcome, unless the issuer must be asked first.
    fn judge_now(&self, candidate: Candidate<'_>, request: &OriginalRequest, now: Now) -> Option<Outcome> {
        let token = match self.claim(candidate) {
            Ok(token) => token,
            Err(outcome) => return Some(outcome),
        };
        let name = self.asker.answers.name(token);
        let recalled = self.asker.answers.recall(&name, now.monotonic);
        let told = recalled.or_else(|| self.asker.not_asked(request.client, now.monotonic));
        told.map(|verdict| self.outcome(&verdict, candidate, now))
    }

    /// The same after asking.
    async fn judge_later(&self, candidate: Candidate<'_>, request: &OriginalRequest, now: Now) -> Outcome {
        // Somebody else may have asked meanwhile.
        if let Some(outcome) = self.judge_now(candidate, request, now) {
            return outcome;
        }
        let token = match self.claim(candidate) {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let name = self.asker.answers.name(token);
        let question = self.flights.join(name, || {
            let token = Secret::new(token.to_owned());
            let asker = Arc::clone(&self.asker);
            Box::pin(asker.ask(token, name, request.client, now))
        });
        self.outcome(&question.await, candidate, now)
    }

    /// The token, when it is ours to ask about by what can be seen without trusting it.
    fn claim<'t>(&self, candidate: Candidate<'t>) -> Result<&'t str, Outcome> {
        let presented = candidate.presented;
        let rejected = |reason, detail: &str| self.rejected(reason, presented, detail.to_owned());
        let token = candidate
            .text()
            .map_err(|(reason, detail)| rejected(reason, detail))?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(rejected(RejectionReason::TokenTooLarge, "longer than 16 KiB"));
        }
        let jwt = match UnverifiedToken::parse(token) {
            Ok(jwt) => Some(jwt),
            // What is no JWS in compact form is opaque to us; so is a JWE, which only its issuer can open.
            Err(TokenError::Malformed | TokenError::Encrypted) => return Ok(token),
            Err(
                TokenError::TooLarge
                | TokenError::AlgorithmNone
                | TokenError::AlgorithmUnknown
                | TokenError::CriticalHeader
                | TokenError::KeyInHeader,
            ) => None,
        };
        let issuer = jwt
            .as_ref()
            .and_then(|jwt| jwt.issuer_unverified().ok().flatten());
        if self.ask_about_jwts && issuer == Some(&*self.asker.expectation.issuer) {
            return Ok(token);
        }
        Err(Outcome::Unclaimed(Rejection {
            reason: RejectionReason::UnknownIssuer,
            presented,
            authenticator: "".into(),
            detail: "a JWT, which is for the `token.*` of its issuer (`ask_about_jwts` asks about it, too)"
                .to_owned(),
        }))
    }

    fn outcome(&self, verdict: &Verdict, candidate: Candidate<'_>, now: Now) -> Outcome {
        let rejected = |reason, detail: String| self.rejected(reason, candidate.presented, detail);
        let active = match verdict {
            Verdict::Active(active) => active,
            Verdict::Refused(reason, detail) => return rejected(*reason, detail.to_string()),
            Verdict::Unavailable {
                reason,
                detail,
                retry_after,
            } => {
                return Outcome::Unavailable(Unavailable {
                    reason: *reason,
                    authenticator: Arc::clone(&self.name),
                    detail: detail.to_string(),
                    retry_after: *retry_after,
                });
            }
        };
        // Times and proofs belong to one request: they are looked at each time.
        if let Err(error) = active.times.check(self.asker.expectation.leeway, now.wall) {
            return rejected(crate::bearer_jwt::reasons::of_claim(&error), error.to_string());
        }
        if active
            .bound
            .as_ref()
            .is_some_and(|bound| !bound.is_shown(candidate.certificate))
        {
            let detail = "it is bound to a key or certificate (`cnf`) that is not shown";
            return rejected(RejectionReason::TokenBound, detail.to_owned());
        }
        Outcome::Authenticated(Arc::clone(&active.principal), Effects::none())
    }

    fn rejected(&self, reason: RejectionReason, presented: Presented, detail: String) -> Outcome {
        let rejection = Rejection {
            reason,
            presented,
            authenticator: Arc::clone(&self.name),
            detail,
        };
        Outcome::Rejected(rejection, Effects::none())
    }

    /// The one candidate of the request, or what is said where there is not exactly one.
    fn search<'r>(&self, request: &'r OriginalRequest) -> Result<Candidate<'r>, Outcome> {
        match self.places.search(request) {
            Search::Absent => Err(Outcome::Absent(Effects::none())),
            Search::Refused(reason, presented, detail) => {
                Err(self.rejected(reason, presented, detail.to_owned()))
            }
            Search::Token(candidate) => Ok(candidate),
        }
    }
}

impl Authenticator for Introspection {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn try_now(&self, request: &OriginalRequest, now: Now) -> Option<Outcome> {
        match self.search(request) {
            Ok(candidate) => self.judge_now(candidate, request, now),
            Err(outcome) => Some(outcome),
        }
    }

    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.search(request) {
                Ok(candidate) => self.judge_later(candidate, request, now).await,
                Err(outcome) => outcome,
            }
        })
    }

    fn credential_places(&self) -> &[CredentialPlace] {
        self.places.all()
    }

    fn challenge(&self, _request: &OriginalRequest) -> Option<Challenge> {
        Some(Challenge::Bearer {
            authenticator: Arc::clone(&self.name),
        })
    }
}
