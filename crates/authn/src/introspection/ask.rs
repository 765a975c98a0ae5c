//! One question to the issuer, from waiting for a turn to a verdict.

use super::answers::{Answers, Name};
use super::budget::Budget;
use super::slots::{Slots, TooMany};
use super::verdict::{Active, Verdict};
use crate::bearer_jwt::reasons;
use crate::login::provider::Provider;
use crate::presented::Binding;
use countersign_core::claims::{Claims, Value};
use countersign_core::entropy::Entropy;
use countersign_core::identity_headers::Written;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::{RejectionReason, UnavailableReason};
use countersign_core::secret::Secret;
use countersign_core::time::{Monotonic, Now};
use countersign_oidc::answer::AnswerError;
use countersign_oidc::discovery::Endpoint;
use countersign_oidc::introspection::{self, IntrospectionExpectation};
use countersign_oidc::relying_party::client::{Call, Client};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an issuer that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest an issuer is left alone because it says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Everything a question needs.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) name: Arc<str>,
    pub(super) provider: Provider,
    pub(super) client: Client,
    pub(super) expectation: IntrospectionExpectation,
    pub(super) facts: Arc<FactPaths>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) answers: Answers,
    pub(super) slots: Slots,
    pub(super) budget: Mutex<Budget>,
    /// Until when the issuer is left alone, and what is said meanwhile.
    pub(super) paused: Mutex<Option<(Monotonic, Verdict)>>,
}

impl Asker {
    /// Asks about `token`, and remembers the answer.
    pub(super) async fn ask(
        self: Arc<Self>,
        token: Secret<String>,
        name: Name,
        client: Option<IpAddr>,
        now: Now,
    ) -> Verdict {
        let _slot = match self.slots.take().await {
            Ok(slot) => slot,
            Err(TooMany) => return busy("too many questions wait their turn", PAUSE),
        };
        // While it waited, the issuer may have stopped answering, or others may have spent what there was.
        if let Some(verdict) = self.not_asked(client, now.monotonic) {
            return verdict;
        }
        let verdict = match self.put(&token, now).await {
            Ok(answer) => self.judge(answer, now),
            Err(trouble) => self.pause(trouble, now.monotonic),
        };
        if let Verdict::Refused(..) = verdict {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.spend(client, now.monotonic);
        }
        self.answers.remember(name, &verdict, now);
        verdict
    }

    async fn put(&self, token: &Secret<String>, now: Now) -> Result<introspection::Introspection, Trouble> {
        let metadata = self.provider.metadata(now).await.map_err(passing)?;
        let url = metadata.endpoint(Endpoint::Introspection).map_err(passing)?;
        let call = Call {
            entropy: &*self.entropy,
            now: now.wall,
        };
        let request = introspection::request(token.expose(), &self.client.at(&metadata), url, call);
        let request = request.map_err(|error| Trouble::of(error.to_string(), None))?;
        let answer = self.provider.reach().send(request).await.map_err(passing)?;
        introspection::Introspection::read(&answer).map_err(|error| Trouble::of_answer(&error))
    }

    fn judge(&self, answer: introspection::Introspection, now: Now) -> Verdict {
        let refused = |reason, detail: String| Verdict::Refused(reason, detail.into());
        let claims = match answer {
            introspection::Introspection::Active(claims) => claims,
            introspection::Introspection::Inactive => {
                let detail = "the issuer says that it is not active";
                return refused(RejectionReason::TokenInactive, detail.to_owned());
            }
        };
        let times = match self.expectation.check(&claims, now.wall) {
            Ok(times) => times,
            Err(error) => return refused(reasons::of_claim(&error), error.to_string()),
        };
        if let Err((reason, detail)) = check_subject(&claims, &self.facts) {
            return refused(reason, detail.to_owned());
        }
        let bound = Binding::of(&claims);
        let principal = Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Token,
            issuer: (&*self.expectation.issuer).into(),
            claims,
            facts: Arc::clone(&self.facts),
            written: Written::default(),
            tokens: None,
        };
        Verdict::Active(Arc::new(Active {
            principal: Arc::new(principal),
            times,
            bound,
        }))
    }

    /// What is said of a token that nobody has heard of, where it is not asked about just now.
    pub(super) fn not_asked(&self, client: Option<IpAddr>, now: Monotonic) -> Option<Verdict> {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, verdict)) = paused.as_ref()
            && now < *until
        {
            return Some(verdict.clone());
        }
        drop(paused);
        let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = budget.wait(client, now)?;
        let detail = "too many tokens turned out to be unknown (`unknown_per_second`)";
        Some(busy(detail, wait))
    }

    fn pause(&self, trouble: Trouble, now: Monotonic) -> Verdict {
        let verdict = Verdict::Unavailable {
            reason: UnavailableReason::IntrospectionUnreachable,
            detail: trouble.detail.into(),
            retry_after: trouble.pause.unwrap_or(PAUSE),
        };
        if let Some(pause) = trouble.pause {
            let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
            *paused = Some((now.plus(pause), verdict.clone()));
        }
        verdict
    }
}

/// What is said where nobody is asked because too much is.
fn busy(detail: &str, wait: Duration) -> Verdict {
    Verdict::Unavailable {
        reason: UnavailableReason::IntrospectionBusy,
        detail: detail.into(),
        retry_after: wait.max(PAUSE),
    }
}

/// Why there is no answer, and how long the issuer is left alone.
struct Trouble {
    detail: String,
    pause: Option<Duration>,
}

fn passing(error: impl std::fmt::Display) -> Trouble {
    Trouble::of(error.to_string(), Some(PAUSE))
}

impl Trouble {
    const fn of(detail: String, pause: Option<Duration>) -> Self {
        Self { detail, pause }
    }

    fn of_answer(error: &AnswerError) -> Self {
        let pause = match error {
            AnswerError::Unavailable { retry_after, .. } => retry_after.map(|wait| wait.min(LONGEST_PAUSE)),
            AnswerError::Refused(_) | AnswerError::Status(_) | AnswerError::Malformed(_) => None,
        };
        Self::of(format!("the introspection endpoint: {error}"), pause)
    }
}

/// A subject is a name that can be written in a header and compared as it stands.
fn check_subject(claims: &Claims, facts: &FactPaths) -> Result<(), (RejectionReason, &'static str)> {
    let subject = match claims.at(&facts.subject) {
        None => {
            return Err((
                RejectionReason::SubjectMissing,
                "no subject where `subject_claim` says",
            ));
        }
        Some(Value::String(subject)) => subject,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err((RejectionReason::ClaimType, "the subject is no string"));
        }
    };
    if subject.is_empty() {
        Err((RejectionReason::SubjectMissing, "the subject is empty"))
    } else if subject.trim() != subject || subject.chars().any(char::is_control) {
        let detail = "the subject has control characters, or white space around it";
        Err((RejectionReason::ClaimType, detail))
    } else {
        Ok(())
    }
}
