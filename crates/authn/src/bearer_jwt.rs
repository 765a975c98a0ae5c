//! JWT bearer tokens (RFC 6750, RFC 7519) of one issuer: `[token.NAME]`. JWT-SVIDs walk the same path; what is theirs
//! alone is in [`jwt_svid`](crate::jwt_svid).
//!
//! Reading order: `options` (what can be configured), `build` and `source` (from values to an authenticator),
//! `credential` (where the token stands), `origin` (whose token it says it is), `audience` (whom it is for), then this file: whether it is ours to
//! judge, and whether it holds.

use crate::key_ring::Lookup;
use crate::keys::{Answer, Keys};
use crate::presented::Binding;
use crate::token_cache::{Remembered, TokenCache, TokenKey};
use audience::unclaimed;
use countersign_core::BoxFuture;
use countersign_core::authn::{
    Authenticator, Challenge, Effects, Outcome, Presented, Rejection, Unavailable,
};
use countersign_core::claims::{Claims, Value};
use countersign_core::credential_place::CredentialPlace;
use countersign_core::gate::PublicPorts;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::RejectionReason;
use countersign_core::request::OriginalRequest;
use countersign_core::time::Now;
use countersign_jose::claims::{Expectation, KEYCLOAK_HINT};
use countersign_jose::key::VerificationKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{VerifiedToken, VerifyError, verify};
use credential::{Candidate, Places, Search};
use std::sync::Arc;

pub use build::{build, build_token};
pub use options::OPTIONS;

mod audience;
mod build;
pub(crate) mod credential;
pub(crate) mod options;
mod origin;
pub(crate) mod reasons;
pub(crate) mod source;
#[cfg(test)]
mod tests;

/// How much of a stranger's text is written to the log, in characters.
const SHOWN: usize = 120;

/// Judges the tokens of one issuer.
#[derive(Debug)]
pub struct BearerJwt {
    name: Arc<str>,
    places: Places,
    expectation: Expectation,
    /// The ports of sites, where a token is for the one that it is shown at, and for no other.
    by_origin: Option<PublicPorts>,
    keys: Arc<dyn Keys>,
    /// Its number in the cache.
    judge: u64,
    tokens: Arc<TokenCache>,
    facts: Arc<FactPaths>,
}

impl BearerJwt {
    /// Judges a token in compact form, whatever place it came from: the very path of a request.
    pub async fn judge_token(&self, token: &str, now: Now) -> Outcome {
        let candidate = Candidate::alone(token);
        match self.judge_now(candidate, now) {
            Some(outcome) => outcome,
            None => self.judge_later(candidate, now).await,
        }
    }

    /// The outcome, unless the issuer must be asked for its keys first.
    fn judge_now(&self, candidate: Candidate<'_>, now: Now) -> Option<Outcome> {
        let cached = self.tokens.key(self.judge, candidate.bytes());
        if let Some(outcome) = cached.and_then(|key| self.recall(&key, candidate, now)) {
            return Some(outcome);
        }
        let token = match self.read(candidate) {
            Ok(token) => token,
            Err(outcome) => return Some(outcome),
        };
        match self
            .keys
            .lookup_now(token.kid_unverified(), token.algorithm(), now)
        {
            Lookup::Found(key) => Some(self.verify(token, &key, cached, candidate, now)),
            Lookup::Unknown => Some(self.no_key(&token, RejectionReason::KeyUnknown, candidate.presented)),
            Lookup::Ambiguous => {
                Some(self.no_key(&token, RejectionReason::KeyAmbiguous, candidate.presented))
            }
            Lookup::Fetch | Lookup::Unreachable | Lookup::Stale => None,
        }
    }

    /// The same after waiting for the keys.
    async fn judge_later(&self, candidate: Candidate<'_>, now: Now) -> Outcome {
        let token = match self.read(candidate) {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let answer = self
            .keys
            .lookup(token.kid_unverified(), token.algorithm(), now)
            .await;
        match answer {
            Answer::Found(key) => {
                let cached = self.tokens.key(self.judge, candidate.bytes());
                self.verify(token, &key, cached, candidate, now)
            }
            Answer::Unknown => self.no_key(&token, RejectionReason::KeyUnknown, candidate.presented),
            Answer::Ambiguous => self.no_key(&token, RejectionReason::KeyAmbiguous, candidate.presented),
            Answer::Unavailable {
                reason,
                detail,
                retry_after,
            } => Outcome::Unavailable(Unavailable {
                reason,
                authenticator: Arc::clone(&self.name),
                detail: detail.to_string(),
                retry_after,
            }),
        }
    }

    /// A token that was verified a short while ago, its key still the issuer's. The clock is asked again.
    fn recall(&self, cached: &TokenKey, candidate: Candidate<'_>, now: Now) -> Option<Outcome> {
        let remembered = self.tokens.recall(cached, now.monotonic)?;
        if !self.keys.holds(remembered.key, now) {
            self.tokens.forget(cached);
            return None;
        }
        if let Err(error) = remembered.times.check(self.expectation.leeway, now.wall) {
            return Some(self.rejected(reasons::of_claim(&error), candidate.presented, error.to_string()));
        }
        if let Some(outcome) = self.of_another_site(&remembered.principal.claims, candidate) {
            return Some(outcome);
        }
        Some(match remembered.bound {
            Some(bound) if !bound.is_shown(candidate.certificate) => self.not_shown(candidate),
            Some(_) | None => Outcome::Authenticated(remembered.principal, Effects::none()),
        })
    }

    /// The candidate as a token that is this issuer's to judge.
    fn read<'t>(&self, candidate: Candidate<'t>) -> Result<UnverifiedToken<'t>, Outcome> {
        let presented = candidate.presented;
        let text = candidate
            .text()
            .map_err(|(reason, detail)| self.rejected(reason, presented, detail.to_owned()))?;
        self.claim(text, candidate)
    }

    /// The token, when it is this issuer's to judge by what can be seen without trusting it: well formed, its `iss` (or
    /// trust domain) ours, its audience not plainly another's, so that two tables may share an issuer.
    fn claim<'t>(&self, text: &'t str, candidate: Candidate<'_>) -> Result<UnverifiedToken<'t>, Outcome> {
        let presented = candidate.presented;
        let unclaimed = |reason, detail| unclaimed(reason, presented, detail);
        let unreadable = |error| unclaimed(reasons::of_token(error), error.to_string());
        let token = UnverifiedToken::parse(text).map_err(unreadable)?;
        let told = origin::whose(&token, &self.expectation).map_err(unreadable)?;
        if let Some((reason, detail)) = told {
            return Err(unclaimed(reason, detail));
        }
        let audiences = token
            .audiences_unverified(&self.expectation.audience_claim)
            .map_err(unreadable)?;
        let audiences = audiences.collect::<Vec<_>>();
        let expected = self.expected(&token, candidate);
        let wanted = expected.audiences();
        if !audiences.is_empty()
            && !audiences
                .iter()
                .any(|got| wanted.iter().any(|one| **one == **got))
        {
            let hint = if audiences.iter().all(|got| *got == "account") {
                KEYCLOAK_HINT
            } else {
                &self.about_the_port(candidate)
            };
            let got = audiences
                .iter()
                .take(8)
                .map(|got| shortened(got))
                .collect::<Vec<_>>();
            let detail = format!("audience is {got:?}, wanted one of {wanted:?}{hint}");
            return Err(unclaimed(RejectionReason::AudienceWrong, detail));
        }
        let algorithm = token.algorithm();
        if !self.expectation.algorithms().contains(&algorithm) {
            let detail = format!("the algorithm is {}", algorithm.name());
            return Err(self.rejected(RejectionReason::AlgorithmNotAllowed, presented, detail));
        }
        if self.expectation.trust_domain().is_some() && token.kid_unverified().is_none() {
            return Err(self.no_key(&token, RejectionReason::KeyUnknown, presented));
        }
        Ok(token)
    }

    fn verify(
        &self,
        token: UnverifiedToken<'_>,
        key: &VerificationKey,
        cached: Option<TokenKey>,
        candidate: Candidate<'_>,
        now: Now,
    ) -> Outcome {
        let presented = candidate.presented;
        let rejected = |error: &VerifyError| {
            self.rejected(reasons::of_verification(error), presented, error.to_string())
        };
        let bad = cached.and_then(|cached| self.tokens.recall_bad(&cached, now.monotonic));
        if bad == Some(key.thumbprint()) {
            return rejected(&VerifyError::Signature);
        }
        let expected = self.expected(&token, candidate);
        let verified = match verify(token, key, &expected, now.wall) {
            Ok(verified) => verified,
            Err(error) => {
                if let (VerifyError::Signature, Some(cached)) = (&error, cached) {
                    self.tokens.remember_bad(cached, key.thumbprint(), now.monotonic);
                }
                return rejected(&error);
            }
        };
        if let Err((reason, detail)) = check_subject(verified.claims()) {
            return self.rejected(reason, presented, detail.to_owned());
        }
        // Proofs of possession belong to one request: this is asked each time.
        let bound = Binding::of(verified.claims());
        if bound
            .as_ref()
            .is_some_and(|bound| !bound.is_shown(candidate.certificate))
        {
            return self.not_shown(candidate);
        }
        Outcome::Authenticated(self.remember(verified, bound, cached, now), Effects::none())
    }

    fn not_shown(&self, candidate: Candidate<'_>) -> Outcome {
        let detail = match candidate.certificate {
            Some(_) => "it is bound (`cnf`) to another proof than the client certificate that came with it",
            None => "it is bound to a key or certificate (`cnf`), and none is shown",
        };
        self.rejected(
            RejectionReason::TokenBound,
            candidate.presented,
            detail.to_owned(),
        )
    }

    fn remember(
        &self,
        verified: VerifiedToken,
        bound: Option<Binding>,
        cached: Option<TokenKey>,
        now: Now,
    ) -> Arc<Principal> {
        let (times, key) = (verified.times(), verified.key());
        let principal = Arc::new(Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Token,
            issuer: Arc::clone(self.expectation.issuer()),
            claims: verified.into_claims(),
            written: countersign_core::identity_headers::Written::default(),
            tokens: None,
            facts: Arc::clone(&self.facts),
        });
        if let Some(cached) = cached {
            let remembered = Remembered {
                principal: Arc::clone(&principal),
                times,
                key,
                bound,
            };
            self.tokens.remember(cached, remembered, now);
        }
        principal
    }

    fn no_key(&self, token: &UnverifiedToken<'_>, reason: RejectionReason, presented: Presented) -> Outcome {
        let kid = token.kid_unverified().map(shortened);
        let detail = format!("key id {kid:?}, algorithm {}", token.algorithm().name());
        self.rejected(reason, presented, detail)
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
}

/// A subject is a name that can be written in a header and compared as it stands.
fn check_subject(claims: &Claims) -> Result<(), (RejectionReason, &'static str)> {
    let subject = match claims.member("sub") {
        None => return Err((RejectionReason::SubjectMissing, "`sub` is missing")),
        Some(Value::String(subject)) => subject,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err((RejectionReason::ClaimType, "`sub` is no string"));
        }
    };
    if subject.is_empty() {
        Err((RejectionReason::SubjectMissing, "`sub` is empty"))
    } else if subject.trim() != subject || subject.chars().any(char::is_control) {
        let detail = "`sub` has control characters, or white space around it";
        Err((RejectionReason::ClaimType, detail))
    } else {
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

impl Authenticator for BearerJwt {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn try_now(&self, request: &OriginalRequest, now: Now) -> Option<Outcome> {
        match self.places.search(request) {
            Search::Absent => Some(Outcome::Absent(Effects::none())),
            Search::Refused(reason, presented, detail) => {
                Some(self.rejected(reason, presented, detail.to_owned()))
            }
            Search::Token(candidate) => self.judge_now(candidate, now),
        }
    }

    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.places.search(request) {
                Search::Absent => Outcome::Absent(Effects::none()),
                Search::Refused(reason, presented, detail) => {
                    self.rejected(reason, presented, detail.to_owned())
                }
                Search::Token(candidate) => self.judge_later(candidate, now).await,
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
