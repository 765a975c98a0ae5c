//! Whom a certificate proves to the provider's clients.

use super::Provider;
use countersign_core::certificate::{Failure, Judged, PresentedCertificate};
use countersign_core::claims::Value;
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::provider::claims::Person;
use countersign_x509::certificate::Certificate;
use std::sync::Arc;
use std::time::Duration;

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
}

impl Proved {
    /// When a token about them ends that is to hold for `life`: no later than the certificate.
    pub(super) fn end(&self, life: Duration, now: Now) -> Timestamp {
        now.wall.plus(life).min(self.judged.facts.not_after)
    }
}

impl Provider {
    /// Whom `presented` proves: the verdict of the first judge who believes it, else the first one's.
    pub(super) fn judge(
        &self,
        presented: &Arc<PresentedCertificate>,
        now: Now,
    ) -> Result<Proved, Option<Failure>> {
        let mut first = None;
        for judge in &self.judges {
            match judge.judge(presented, now) {
                Ok(judged) => {
                    let person = self.person(&judged);
                    return Ok(Proved { person, judged });
                }
                Err(failure) => first = first.or(Some(failure)),
            }
        }
        Err(first)
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
