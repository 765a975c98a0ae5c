//! Whom a certificate proves to the provider's clients.

use super::Provider;
use countersign_core::certificate::{Failure, Judged, PresentedCertificate};
use countersign_core::claims::Value;
use countersign_core::time::Now;
use countersign_oidc::provider::claims::Person;
use countersign_x509::certificate::Certificate;
use std::sync::Arc;

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

impl Provider {
    /// Whom `presented` proves: the verdict of the first judge who believes it, else the first one's.
    pub(super) fn judge(
        &self,
        presented: &Arc<PresentedCertificate>,
        now: Now,
    ) -> Result<Person, Option<Failure>> {
        let mut first = None;
        for judge in &self.judges {
            match judge.judge(presented, now) {
                Ok(judged) => return Ok(self.person(&judged)),
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
