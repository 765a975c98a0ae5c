//! Whether a certificate holds, and whom it proves. A verdict is remembered for the chain it was made of, for as long as the
//! authorities, the revocation lists and the clock would say the same.

use super::believed::Believed;
use super::deny::DenyList;
use super::groups::Groups;
use super::says;
use super::subject::SubjectChoice;
use crate::bundle_file::BundleInForce;
use crate::presented::digests;
use crate::revocations::Revocations;
use countersign_core::authn::{Presented, Rejection};
use countersign_core::certificate::{
    BelievedAuthority, CertificateJudge, Failure, Judged, PresentedCertificate,
};
use countersign_core::identity_headers::Written;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::RejectionReason;
use countersign_core::spiffe::{SpiffeId, TrustDomain};
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_x509::certificate::Certificate;
use countersign_x509::svid::X509Svid;
use countersign_x509::verify::{Checks, VerifiedChain, verify};
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many chains that hold are remembered. A client's chain is looked up once per connection or request.
const GOOD_ENTRIES: usize = 10_000;
/// How many that do not, so that no flood of them is judged again and again. They never push out one that holds.
const BAD_ENTRIES: usize = 1024;
/// For how long such a verdict stands: the clock alone may change it.
const BAD_LIFE: Duration = Duration::from_secs(1);

/// What OpenSSL says of a certificate that its application refuses.
const APPLICATION: &str = "application verification failure";

/// What OpenSSL says where it knows nobody who could have signed.
const NO_ISSUER: &str = "unable to get local issuer certificate";

/// The judge of one `[certificate.NAME]`.
pub(super) struct Judge {
    pub(super) name: Arc<str>,
    pub(super) believed: Believed,
    /// That the bundle of the authorities is in force, where they came in one.
    pub(super) _bundle: Option<Arc<BundleInForce>>,
    pub(super) revocations: Option<Arc<dyn Revocations>>,
    pub(super) accept_stale: bool,
    pub(super) trust_domain: Option<TrustDomain>,
    /// `None` leaves the SPIFFE ID alone.
    pub(super) subject: Option<SubjectChoice>,
    pub(super) groups: Groups,
    pub(super) deny: DenyList,
    pub(super) paths: Arc<FactPaths>,
    pub(super) remembered: Remembered,
}

/// The verdicts that were made.
pub(super) struct Remembered {
    good: Cache<[u8; 32], Arc<Good>>,
    bad: Cache<[u8; 32], Bad>,
}

struct Good {
    judged: Judged,
    generation: u64,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Clone)]
struct Bad {
    failure: Arc<Failure>,
    generation: u64,
    until: Monotonic,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            good: Cache::new(GOOD_ENTRIES),
            bad: Cache::new(BAD_ENTRIES),
        }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Judge({})", self.name)
    }
}

impl CertificateJudge for Judge {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn judge(&self, presented: &Arc<PresentedCertificate>, now: Now) -> Result<Judged, Failure> {
        let chain = digests(presented).chain;
        let generation = self.generation();
        if let Some(good) = self.remembered.good.get(&chain)
            && good.generation == generation
            && (good.from..=good.until).contains(&now.wall)
        {
            return Ok(good.judged.clone());
        }
        if let Some(bad) = self.remembered.bad.get(&chain)
            && bad.generation == generation
            && now.monotonic < bad.until
        {
            return Err((*bad.failure).clone());
        }
        match self.judge_anew(presented, now.wall) {
            Ok((judged, from, until)) => {
                let good = Good {
                    judged: judged.clone(),
                    generation,
                    from,
                    until,
                };
                self.remembered.good.insert(chain, Arc::new(good));
                Ok(judged)
            }
            Err(failure) => {
                self.remembered.good.remove(&chain);
                let bad = Bad {
                    failure: Arc::new(failure.clone()),
                    generation,
                    until: now.monotonic.plus(BAD_LIFE),
                };
                self.remembered.bad.insert(chain, bad);
                Err(failure)
            }
        }
    }

    fn hints(&self) -> Vec<Vec<u8>> {
        self.believed
            .now()
            .map_or_else(|_| Vec::new(), |authorities| authorities.hints())
    }

    fn authorities(&self) -> Vec<BelievedAuthority> {
        let Ok(authorities) = self.believed.now() else {
            return Vec::new();
        };
        let told = |certificate: &Certificate, is_anchor| BelievedAuthority {
            subject: certificate.subject().nginx().into(),
            key_sha256: certificate.spki_sha256(),
            is_anchor,
            is_ca: certificate.is_ca(),
            not_after: certificate.not_after(),
        };
        let anchors = authorities.anchors().map(|anchor| told(anchor, true));
        let others = authorities.intermediates().map(|other| told(other, false));
        anchors.chain(others).collect()
    }

    fn generation(&self) -> u64 {
        let lists = self.revocations.as_ref().map_or(0, |lists| lists.generation());
        lists.wrapping_add(self.believed.generation())
    }
}

impl Judge {
    /// The verdict, and from when until when it stands.
    fn judge_anew(
        &self,
        presented: &Arc<PresentedCertificate>,
        now: Timestamp,
    ) -> Result<(Judged, Timestamp, Timestamp), Failure> {
        let authorities = self.believed.now().map_err(|why| {
            let reason = RejectionReason::CertificateUnknownAuthority;
            Failure {
                is_passing: true,
                ..self.failure(reason, NO_ISSUER, why.to_string())
            }
        })?;
        let index = self.revocations.as_ref().map(|lists| lists.index());
        let checks = Checks {
            accept_stale_crl: self.accept_stale,
        };
        let verified = |lists| {
            verify(presented.chain(), &authorities, lists, checks, now)
                .map_err(|error| self.failure(error.reason(), error.openssl(), error.to_string()))
        };
        match verified(index.as_deref()) {
            Ok(chain) => Ok((self.proved(presented, &chain)?, now, chain.holds_until())),
            Err(late) if late.rejection.reason == RejectionReason::RevocationUnknown => {
                // What else there is against it does not hang on a list, and is no less so while one is late.
                let proves = Some(self.proved(presented, &verified(None)?)?);
                Err(Failure { proves, ..late })
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whom a path proves that was verified, if nothing of it is denied.
    fn proved(
        &self,
        presented: &Arc<PresentedCertificate>,
        chain: &VerifiedChain,
    ) -> Result<Judged, Failure> {
        let spiffe_id = self.spiffe_id(chain)?;
        let leaf = chain.leaf();
        if let Some(detail) = self.deny.why(chain, spiffe_id.as_ref()) {
            return Err(self.refused(RejectionReason::CertificateDenied, detail));
        }
        let subject = match (&spiffe_id, &self.subject) {
            (Some(id), _) => id.to_string(),
            (None, Some(choice)) => choice
                .of(leaf)
                .map_err(|detail| self.refused(RejectionReason::CertificateSubject, detail))?,
            (None, None) => {
                let detail = "it has no SPIFFE ID, and `subject` names nothing else".to_owned();
                return Err(self.refused(RejectionReason::SvidInvalid, detail));
            }
        };
        let facts = leaf.facts(
            Arc::clone(presented),
            spiffe_id.as_ref().map(|id| id.to_string().into()),
        );
        let groups = self.groups.of(leaf);
        let claims = says::claims(&facts, leaf, &subject, &groups)
            .map_err(|error| self.refused(RejectionReason::CertificateMalformed, error.to_string()))?;
        let principal = Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Certificate,
            issuer: match &spiffe_id {
                Some(id) => id.trust_domain().id().to_string().into(),
                None => chain
                    .anchor()
                    .map_or_else(String::new, |anchor| anchor.subject().rfc4514())
                    .into(),
            },
            claims,
            facts: Arc::clone(&self.paths),
            written: Written::default(),
            tokens: None,
        };
        Ok(Judged {
            principal: Arc::new(principal),
            facts: Arc::new(facts),
        })
    }

    /// The SPIFFE ID, where these authorities speak for a trust domain and the certificate has one.
    fn spiffe_id(&self, chain: &VerifiedChain) -> Result<Option<SpiffeId>, Failure> {
        let Some(domain) = &self.trust_domain else {
            return Ok(None);
        };
        // Whatever looks like a SPIFFE ID is held to be one, and so is a name that cannot be read.
        let mut names = chain.leaf().sans().iter().map(|name| name.text());
        let named = !chain.leaf().misshapen_names().is_empty()
            || names.any(|name| {
                name.get(..7)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
            });
        if !named && self.subject.is_some() {
            return Ok(None);
        }
        match X509Svid::check(chain, domain) {
            Ok(svid) => Ok(Some(svid.id().clone())),
            Err(error) => Err(self.refused(error.reason(), error.to_string())),
        }
    }

    fn refused(&self, reason: RejectionReason, detail: String) -> Failure {
        self.failure(reason, APPLICATION, detail)
    }

    fn failure(&self, reason: RejectionReason, words: &'static str, detail: String) -> Failure {
        Failure {
            rejection: Rejection {
                reason,
                presented: Presented::Ambient,
                authenticator: Arc::clone(&self.name),
                detail,
            },
            words,
            is_passing: reason == RejectionReason::RevocationUnknown,
            proves: None,
        }
    }
}
