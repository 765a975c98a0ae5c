//! What a host asks of clients, and what becomes of it with each request.

use super::Session;
use countersign_core::certificate::{CertificateJudge, ClientCertificate, PresentedCertificate, Verdict};
use countersign_core::time::Now;
use std::sync::Arc;

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are not.
    #[default]
    Off,
    /// They are, and go on without one, or with one that does not hold: what that means is for the routes to say.
    Ask,
    /// They are, and nothing is served without one that holds.
    Required,
}

impl Mode {
    /// The words in the configuration.
    pub const NAMES: &[&str] = &["off", "ask", "required"];

    /// The mode of this word.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "ask" => Some(Self::Ask),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

/// Whether a certificate was asked for, and whose: hosts of which one can be said in a connection that was made for the
/// other.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Asked {
    mode: Mode,
    by: Vec<Arc<str>>,
}

/// What a host asks of clients, and who judges it.
#[derive(Clone, Debug, Default)]
pub struct ClientPolicy {
    asked: Arc<Asked>,
    judges: Vec<Arc<dyn CertificateJudge>>,
}

impl ClientPolicy {
    /// Asks as `mode` says, and lets these judge, in this order.
    pub fn new(mode: Mode, judges: Vec<Arc<dyn CertificateJudge>>) -> Self {
        let by = judges.iter().map(|judge| Arc::clone(judge.name())).collect();
        Self {
            asked: Arc::new(Asked { mode, by }),
            judges,
        }
    }

    /// What is asked for.
    pub(crate) const fn asked(&self) -> &Arc<Asked> {
        &self.asked
    }

    /// Whether clients are asked at all.
    pub(super) fn asks(&self) -> bool {
        self.asked.mode != Mode::Off
    }

    /// The names of the authorities whose certificates are wanted.
    pub(super) fn hints(&self) -> impl Iterator<Item = Vec<u8>> {
        self.judges.iter().flat_map(|judge| judge.hints())
    }

    /// Other numbers whenever authorities or revocations are others.
    pub(super) fn generations(&self) -> impl Iterator<Item = u64> {
        self.judges.iter().map(|judge| judge.generation())
    }

    /// What becomes of the certificate now: judged anew with each request, so that a reload, a revocation and the end of
    /// its life hold from the next request on.
    pub(crate) fn judge(&self, presented: Option<&Arc<PresentedCertificate>>, now: Now) -> ClientCertificate {
        // Who is not asked any more shows nothing: it may have been asked by other rules.
        let presented = presented.filter(|_| self.asks());
        ClientCertificate {
            verdict: Verdict::of(&self.judges, presented, now),
            presented: presented.cloned(),
        }
    }

    /// Whether a request with this certificate is served.
    pub(crate) fn lets_in(&self, certificate: &ClientCertificate) -> bool {
        match self.asked.mode {
            Mode::Off | Mode::Ask => true,
            Mode::Required => matches!(certificate.verdict, Verdict::Success(_)),
        }
    }

    /// Whether a connection that was made with this session may carry requests for a host with this policy.
    pub(crate) fn is_that_of(&self, session: &Session) -> bool {
        self.asked == session.asked
    }
}
