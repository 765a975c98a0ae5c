//! A judge that is told what to say.

use countersign_core::authn::{Presented, Rejection};
use countersign_core::certificate::{
    BelievedAuthority, CertificateFacts, CertificateJudge, Failure, Judged, PresentedCertificate,
};
use countersign_core::claims::{ClaimPath, ClaimsBuilder};
use countersign_core::identity_headers::Written;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::RejectionReason;
use countersign_core::time::{Now, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Takes the leaves it was told of.
#[derive(Debug)]
pub(crate) struct FakeJudge {
    name: Arc<str>,
    good: Mutex<Vec<Vec<u8>>>,
    generation: AtomicU64,
    hint: Vec<u8>,
}

impl FakeJudge {
    /// `certificate.NAME`, which takes nobody yet.
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            good: Mutex::default(),
            generation: AtomicU64::new(1),
            hint: super::pki::maker::common(name),
        })
    }

    /// Takes this leaf from now on.
    pub(crate) fn take(&self, leaf: &[u8]) {
        self.good.lock().unwrap().push(leaf.to_vec());
    }

    /// Takes nobody any more, as after a revocation.
    pub(crate) fn revoke(&self) {
        self.good.lock().unwrap().clear();
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    fn judged(&self, presented: &Arc<PresentedCertificate>) -> Judged {
        let mut claims = ClaimsBuilder::default();
        claims.open_object().unwrap();
        claims.key("sub").unwrap();
        claims.string("joe").unwrap();
        claims.close().unwrap();
        let principal = Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Certificate,
            issuer: "CN=Root".into(),
            claims: claims.finish().unwrap(),
            written: Written::default(),
            tokens: None,
            facts: Arc::new(FactPaths {
                subject: ClaimPath::subject(),
                groups: ClaimPath::parse("groups").unwrap(),
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
        };
        let facts = CertificateFacts {
            presented: Arc::clone(presented),
            subject: "CN=joe".into(),
            issuer: "CN=Root".into(),
            serial: "01".into(),
            fingerprint: "00".into(),
            spki: "00".into(),
            not_before: Timestamp::from_seconds(0),
            not_after: Timestamp::from_seconds(0),
            sans: Box::default(),
            spiffe_id: None,
        };
        Judged {
            principal: Arc::new(principal),
            facts: Arc::new(facts),
        }
    }
}

impl CertificateJudge for FakeJudge {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn authorities(&self) -> Vec<BelievedAuthority> {
        Vec::new()
    }

    fn judge(&self, presented: &Arc<PresentedCertificate>, _: Now) -> Result<Judged, Failure> {
        if self
            .good
            .lock()
            .unwrap()
            .iter()
            .any(|good| good == presented.leaf())
        {
            return Ok(self.judged(presented));
        }
        Err(Failure {
            rejection: Rejection {
                reason: RejectionReason::CertificateUnknownAuthority,
                presented: Presented::Ambient,
                authenticator: Arc::clone(&self.name),
                detail: "nobody vouches for it".into(),
            },
            words: "unable to get local issuer certificate",
            is_passing: false,
            proves: None,
        })
    }

    fn hints(&self) -> Vec<Vec<u8>> {
        vec![self.hint.clone()]
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }
}
