//! Whom a certificate proves to the provider's clients.

use super::Provider;
use countersign_core::authn::{Presented, Rejection};
use countersign_core::certificate::{Failure, Judged, PresentedCertificate};
use countersign_core::claims::Value;
use countersign_core::principal::Principal;
use countersign_core::reason::RejectionReason;
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::provider::claims::Person;
use countersign_x509::certificate::Certificate;
use std::sync::Arc;
use std::time::Duration;

/// The longest subject that every application takes, in bytes, all of them ASCII (OpenID Connect Core section 2, `sub`).
const MAX_SUBJECT_BYTES: usize = 255;

/// Where an e-mail address comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailFrom {
    /// The one e-mail address among the certificate's alternative names.
    #[default]
    San,
    /// The one attribute `emailAddress` of its subject, parsed: text that only looks like one is none.
    Subject,
}

impl EmailFrom {
    fn of(self, judged: &Judged) -> Option<Box<str>> {
        match self {
            Self::San => judged
                .principal
                .claims
                .member("email")
                .and_then(Value::as_str)
                .map(Into::into),
            Self::Subject => {
                let leaf = Certificate::parse(judged.facts.presented.leaf()).ok()?;
                let mut addresses = leaf.subject().attribute("emailAddress").into_iter();
                let only = addresses.next().filter(|_| addresses.next().is_none())?;
                (!only
                    .chars()
                    .any(|character| character.is_control() || character == ' '))
                .then(|| only.into())
            }
        }
    }
}

/// Whom a certificate proves, and the verdict that says so.
#[derive(Clone, Debug)]
pub(super) struct Proved {
    /// Whom, as clients are told.
    pub(super) person: Person,
    /// The verdict.
    pub(super) judged: Judged,
    /// What judges that are asked before this one say who cannot tell just now: each would prove the same person, by its own name.
    late: Vec<(String, Judged)>,
}

/// Why something does not hold of whoever is proved.
#[derive(Debug)]
pub(super) enum Fails<Why> {
    /// It does not.
    Surely(Why),
    /// It may: a judge that is asked before cannot tell just now. The text is for the log.
    Unjudged(String),
}

impl Proved {
    /// Whether `check` holds, whichever judge comes to say who they are: what only one of them meets cannot be told just now.
    pub(super) fn check<Why>(&self, check: impl Fn(&Principal) -> Result<(), Why>) -> Result<(), Fails<Why>> {
        let late = self.late.iter().map(|(_, judged)| judged);
        let mut all = std::iter::once(&self.judged).chain(late);
        let checked = all.try_for_each(|judged| check(&judged.principal));
        checked.map_err(|why| match self.late.first() {
            None => Fails::Surely(why),
            Some((detail, _)) => Fails::Unjudged(detail.clone()),
        })
    }

    /// When a token about them ends that is to hold for `life`: no later than the certificate.
    pub(super) fn end(&self, life: Duration, now: Now) -> Timestamp {
        now.wall.plus(life).min(self.judged.facts.not_after)
    }

    /// The same, if applications can be told the subject.
    pub(super) fn fit_for_sub(self) -> Result<Self, Option<Failure>> {
        let subject = &self.person.subject;
        if subject.len() <= MAX_SUBJECT_BYTES && subject.is_ascii() {
            return Ok(self);
        }
        Err(Some(Failure {
            rejection: Rejection {
                reason: RejectionReason::CertificateSubjectUnfit,
                presented: Presented::Ambient,
                authenticator: Arc::clone(&self.judged.principal.authenticator),
                detail: format!(
                    "its subject, {} bytes: {}",
                    subject.len(),
                    subject.escape_default()
                ),
            },
            words: "application verification failure",
            is_passing: false,
            proves: None,
        }))
    }
}

/// How much a verdict says among those of several judges; the least number says most.
pub(super) fn rank(failure: &Failure) -> u8 {
    let is_stranger = failure.rejection.reason == RejectionReason::CertificateUnknownAuthority;
    match (is_out(failure), failure.is_passing, is_stranger) {
        (true, _, _) => 0,
        // Nobody can say more until it has passed.
        (false, true, _) => 1,
        (false, false, false) => 2,
        (false, false, true) => 3,
    }
}

fn is_out(failure: &Failure) -> bool {
    use RejectionReason::{CertificateDenied, CertificateRevoked};
    [CertificateRevoked, CertificateDenied].contains(&failure.rejection.reason)
}

impl Provider {
    /// Whom `presented` proves: the verdict of the first judge who believes it, else the one that says most. Nobody is asked about what
    /// one judge has revoked or denies. While one that is asked before cannot tell, the verdict counts only where it would say the same.
    pub(super) fn judge(
        &self,
        presented: &Arc<PresentedCertificate>,
        now: Now,
    ) -> Result<Proved, Option<Failure>> {
        let mut failures = Vec::new();
        for judge in &self.judges {
            match judge.judge(presented, now) {
                Ok(judged) => return self.proved(judged, failures).map_err(Some),
                Err(failure) if is_out(&failure) => return Err(Some(failure)),
                Err(failure) => failures.push(failure),
            }
        }
        Err(failures.into_iter().min_by_key(rank))
    }

    /// Whom a verdict proves that came after these `failures`; fails with the first that may yet prove another person.
    fn proved(&self, judged: Judged, failures: Vec<Failure>) -> Result<Proved, Failure> {
        let person = self.person(&judged);
        let mut late = Vec::new();
        for failure in failures.into_iter().filter(|failure| failure.is_passing) {
            match &failure.proves {
                Some(other) if self.person(other) == person => {
                    late.push((failure.rejection.detail, other.clone()));
                }
                Some(_) | None => return Err(failure),
            }
        }
        Ok(Proved { person, judged, late })
    }

    fn person(&self, judged: &Judged) -> Person {
        let principal = &judged.principal;
        Person {
            subject: principal.subject().into(),
            email: self.email.of(judged),
            groups: principal.groups().map(Into::into).collect(),
            certificate_serial: judged.facts.serial.clone(),
        }
    }
}
