//! TLS client certificates, shown to us or passed on by a trusted peer: `[certificate.NAME]`.
//!
//! Reading order: `options` (what can be configured), `build` (from values to an authenticator), `believed`
//! (whom it believes), `judge` (whether a
//! certificate holds), `subject`, `groups`, `deny` and `says` (whom it proves, and what it says of them), `spelling` (how
//! a configuration names what it says).

use countersign_core::BoxFuture;
use countersign_core::authn::{Authenticator, Challenge, Effects, Outcome, Unavailable};
use countersign_core::certificate::{CertificateJudge, PresentedCertificate};
use countersign_core::reason::{RejectionReason, UnavailableReason};
use countersign_core::request::OriginalRequest;
use countersign_core::time::Now;
use judge::Judge;
use std::sync::Arc;
use std::time::Duration;

pub use build::{build, build_certificate};
pub use options::OPTIONS;
pub use says::{CLAIMS, ClaimKind};
pub use spelling::{Misspelled, Spelling};

mod believed;
mod build;
mod deny;
mod groups;
mod judge;
mod options;
mod says;
mod spelling;
mod subject;
#[cfg(test)]
mod tests;

/// What a client is told to wait while nobody tells the authorities.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Judges the certificates of one set of authorities.
#[derive(Debug)]
pub struct ClientCertificate {
    judge: Arc<Judge>,
}

impl ClientCertificate {
    /// The outcome for a request that came with `presented`.
    fn outcome(&self, presented: Option<&Arc<PresentedCertificate>>, now: Now) -> Outcome {
        let Some(presented) = presented else {
            return Outcome::Absent(Effects::none());
        };
        if let Some(detail) = self.judge.believed.missing() {
            return Outcome::Unavailable(Unavailable {
                reason: UnavailableReason::AuthoritiesUnreachable,
                authenticator: Arc::clone(self.judge.name()),
                detail: detail.to_string(),
                retry_after: RETRY_AFTER,
            });
        }
        match self.judge.judge(presented, now) {
            Ok(judged) => Outcome::Authenticated(judged.principal, Effects::none()),
            // Another table may know the authority.
            Err(failure) if failure.rejection.reason == RejectionReason::CertificateUnknownAuthority => {
                Outcome::Unclaimed(failure.rejection)
            }
            Err(failure) => Outcome::Rejected(failure.rejection, Effects::none()),
        }
    }
}

impl Authenticator for ClientCertificate {
    fn name(&self) -> &Arc<str> {
        self.judge.name()
    }

    fn try_now(&self, request: &OriginalRequest, now: Now) -> Option<Outcome> {
        Some(self.outcome(request.certificate.presented.as_ref(), now))
    }

    fn authenticate<'a>(&'a self, request: &'a OriginalRequest, now: Now) -> BoxFuture<'a, Outcome> {
        let outcome = self.outcome(request.certificate.presented.as_ref(), now);
        Box::pin(std::future::ready(outcome))
    }

    fn certificate_judge(&self) -> Option<Arc<dyn CertificateJudge>> {
        Some(Arc::clone(&self.judge) as _)
    }

    fn challenge(&self, _request: &OriginalRequest) -> Option<Challenge> {
        Some(Challenge::Certificate {
            authenticator: Arc::clone(self.judge.name()),
        })
    }
}
