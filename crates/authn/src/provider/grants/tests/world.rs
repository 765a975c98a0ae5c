//! A provider whose store pauses before each thing it does, and everybody is Ann.

use crate::keys::Offline;
use crate::kinds::{Parts, offline};
use crate::provider::{Provider, build};
use crate::session::{
    Found, Kept, Purpose, Room, Scope, SessionGroup, SessionId, SessionOwner, SessionRecord, Sessions,
};
use countersign_core::BoxFuture;
use countersign_core::certificate::{
    CertificateFacts, CertificateJudge, ClientCertificate, Failure, Judged, PresentedCertificate,
};
use countersign_core::claims::ClaimPath;
use countersign_core::entropy::Entropy;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::identity_headers::Written;
use countersign_core::options::{OptionValue, Values};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::request::{Forwarder, OriginalRequest, RequestId};
use countersign_core::secret::Secret;
use countersign_core::session::{RecordKey, StoreError, Version};
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_jose::json::parse_object;
use http::{HeaderMap, Method};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Bytes that never repeat.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        for (byte, counted) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = counted;
        }
    }
}

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

/// Lets the other one go on once.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Keeps in memory, and pauses before each thing it does.
#[derive(Debug, Default)]
struct Paused(Mutex<HashMap<RecordKey, (Vec<u8>, u64)>>);

impl Paused {
    fn now<'a, T: Send + 'a>(
        &'a self,
        what: impl FnOnce(&mut HashMap<RecordKey, (Vec<u8>, u64)>) -> Result<T, StoreError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            Pause(false).await;
            what(&mut self.0.lock().unwrap())
        })
    }
}

impl Sessions for Paused {
    fn look_now(&self, record: RecordKey, owner: &Arc<dyn SessionOwner>, now: Now) -> Option<Found> {
        Offline.look_now(record, owner, now)
    }

    fn look<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Offline.look(record, scope, owner, now)
    }

    fn renew<'a>(
        &'a self,
        record: RecordKey,
        scope: Scope,
        owner: &'a Arc<dyn SessionOwner>,
        now: Now,
    ) -> BoxFuture<'a, Found> {
        Offline.renew(record, scope, owner, now)
    }

    fn begin(
        &self,
        record: SessionRecord,
        scope: Scope,
        instead_of: Option<RecordKey>,
        now: Now,
    ) -> BoxFuture<'_, Result<(SessionId, Timestamp), StoreError>> {
        Offline.begin(record, scope, instead_of, now)
    }

    fn leave(
        &self,
        record: RecordKey,
        scope: Scope,
        ends: Timestamp,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Offline.leave(record, scope, ends, now)
    }

    fn end(
        &self,
        record: RecordKey,
        scope: Scope,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<SessionRecord>, StoreError>> {
        Offline.end(record, scope, now)
    }

    fn end_all<'a>(&'a self, group: SessionGroup<'a>) -> BoxFuture<'a, Result<u64, StoreError>> {
        Offline.end_all(group)
    }

    fn end_under_way<'a>(
        &'a self,
        group: SessionGroup<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Offline.end_under_way(group, now)
    }

    fn put<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        _: Timestamp,
        _: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.now(move |all| {
            let (name, kept) = (purpose.record(name), (value.to_vec(), 1));
            match all.entry(name) {
                std::collections::hash_map::Entry::Occupied(_) => Err(StoreError::Changed),
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(kept);
                    Ok(())
                }
            }
        })
    }

    fn is_kept<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.now(move |all| Ok(all.contains_key(&purpose.record(name))))
    }

    fn take<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.now(move |all| Ok(all.remove(&purpose.record(name)).map(|(value, _)| value)))
    }

    fn keep<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        value: &'a [u8],
        ends: Timestamp,
        _: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.put(purpose, name, value, ends, NOW)
    }

    fn read<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>> {
        self.now(move |all| {
            let kept = all.get(&purpose.record(name)).cloned();
            Ok(kept.map(|(value, version)| Kept {
                value,
                version: Version(version),
            }))
        })
    }

    fn write<'a>(
        &'a self,
        purpose: Purpose,
        name: &'a [u8],
        kept: &'a Kept,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.now(move |all| {
            let found = all.get_mut(&purpose.record(name));
            let found = found.filter(|(_, version)| Version(*version) == kept.version);
            let (value, version) = found.ok_or(StoreError::Changed)?;
            value.clone_from(&kept.value);
            *version += 1;
            Ok(())
        })
    }

    fn forget<'a>(&'a self, purpose: Purpose, name: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.now(move |all| Ok(all.remove(&purpose.record(name)).is_some()))
    }

    fn seal(&self, _: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8> {
        [context, plain].concat()
    }

    fn open(&self, _: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        sealed.strip_prefix(context).map(<[u8]>::to_vec)
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
    let sessions: Arc<dyn Sessions> = Arc::new(Paused::default());
    ["https://sso.test", "https://sso.other.test"].map(|issuer| provider_of(issuer, 0, &sessions))
}

/// One at which Ann is in so many groups.
pub(super) fn provider_with(groups: usize) -> Provider {
    let sessions: Arc<dyn Sessions> = Arc::new(Paused::default());
    provider_of("https://sso.test", groups, &sessions)
}

fn provider_of(issuer: &str, groups: usize, sessions: &Arc<dyn Sessions>) -> Provider {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let mut values = Values::default();
    values.insert("issuer", text(issuer));
    values.insert("sites", OptionValue::List(vec![text("app.test")]));
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
