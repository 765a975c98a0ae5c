//! A provider whose store pauses before each thing it does, and everybody is Ann.

use crate::dice::Counted;
use crate::kinds::{Parts, offline};
use crate::provider::{Provider, build};
use crate::session::Sessions;
use crate::session::fake::FakeSessions;
use countersign_core::certificate::{
    BelievedAuthority, CertificateFacts, CertificateJudge, ClientCertificate, Failure, Judged,
    PresentedCertificate,
};
use countersign_core::claims::ClaimPath;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::identity_headers::Written;
use countersign_core::options::{OptionValue, Values};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::request::{Forwarder, OriginalRequest, RequestId};
use countersign_core::secret::Secret;
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_jose::json::parse_object;
use http::{HeaderMap, Method};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Believes everybody, and takes everybody for Ann.
#[derive(Debug)]
struct Everybody {
    name: Arc<str>,
    groups: usize,
}

impl CertificateJudge for Everybody {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn authorities(&self) -> Vec<BelievedAuthority> {
        Vec::new()
    }

    fn judge(&self, presented: &Arc<PresentedCertificate>, _: Now) -> Result<Judged, Failure> {
        let path = |name: &str| ClaimPath::parse(name).unwrap();
        let groups = (0..self.groups).map(|group| format!("\"a-group-of-the-house-{group:05}\""));
        let groups = groups.collect::<Vec<_>>().join(",");
        let claims = format!("{{\"sub\":\"ann\",\"groups\":[{groups}]}}");
        let principal = Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Certificate,
            issuer: "home".into(),
            claims: parse_object(claims.as_bytes()).unwrap(),
            facts: Arc::new(FactPaths {
                subject: path("sub"),
                groups: path("groups"),
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
            tokens: None,
            written: Written::default(),
        };
        let text = || Box::<str>::from("x");
        let facts = CertificateFacts {
            presented: Arc::clone(presented),
            subject: text(),
            issuer: text(),
            serial: text(),
            fingerprint: text(),
            spki: text(),
            not_before: Timestamp::default(),
            not_after: Timestamp::from_seconds(1_000_000),
            sans: Box::default(),
            spiffe_id: None,
        };
        Ok(Judged {
            principal: Arc::new(principal),
            facts: Arc::new(facts),
        })
    }

    fn hints(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn generation(&self) -> u64 {
        0
    }
}

pub(super) const NOW: Now = Now {
    wall: Timestamp::from_seconds(1000),
    monotonic: Monotonic::from_milliseconds(0),
};

pub(super) fn provider() -> Provider {
    let [provider, _] = two_on_one_store();
    provider
}

/// Two providers that share a store and its keys.
pub(super) fn two_on_one_store() -> [Provider; 2] {
    let sessions: Arc<dyn Sessions> = FakeSessions::new(&[1]);
    ["https://sso.test", "https://sso.other.test"].map(|issuer| provider_of(issuer, 0, &sessions))
}

/// One at which Ann is in so many groups.
pub(super) fn provider_with(groups: usize) -> Provider {
    let sessions: Arc<dyn Sessions> = FakeSessions::new(&[1]);
    provider_of("https://sso.test", groups, &sessions)
}

fn provider_of(issuer: &str, groups: usize, sessions: &Arc<dyn Sessions>) -> Provider {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let mut values = Values::default();
    values.insert("issuer", text(issuer));
    values.insert(
        "sites",
        OptionValue::List(vec![text("app.test"), text("*.sites.test")]),
    );
    let key = include_bytes!("../../../../../testkit/keys/ec-256.pem").to_vec();
    values.insert("key", OptionValue::Secret(Secret::new(key)));
    let parts = Parts {
        sessions: Arc::clone(sessions),
        entropy: Arc::new(Counted::default()),
        ..offline()
    };
    let judge = Arc::new(Everybody {
        name: "certificate.people".into(),
        groups,
    });
    build(&values, vec![judge], Vec::new(), &parts).unwrap()
}

pub(super) fn request() -> OriginalRequest {
    let presented = PresentedCertificate::new([vec![1, 2, 3]]).map(Arc::new);
    OriginalRequest {
        id: RequestId(7),
        method: Method::POST,
        scheme: Scheme::Https,
        host: Host::judge("sso.test").unwrap(),
        target: Target::judge("/").unwrap(),
        client: None,
        headers: HeaderMap::new(),
        forwarder: Forwarder::Another,
        certificate: ClientCertificate {
            presented,
            ..ClientCertificate::default()
        },
    }
}

pub(super) fn finished<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}
