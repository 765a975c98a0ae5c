//! Two who come with the same thing at once: whatever the order of their steps, one gets tokens at most, and nothing of it stays.

use crate::keys::Offline;
use crate::kinds::{Parts, offline};
use crate::provider::redeem::{RedeemError, Redeemed};
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

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const AUTHORIZE: &str = "client_id=https://app.test&redirect_uri=https://app.test/.countersign/callback&response_type=code\
                         &scope=openid+offline_access&code_challenge_method=S256\
                         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

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
struct Everybody(Arc<str>);

impl CertificateJudge for Everybody {
    fn name(&self) -> &Arc<str> {
        &self.0
    }

    fn judge(&self, presented: &Arc<PresentedCertificate>, _: Now) -> Result<Judged, Failure> {
        let path = |name: &str| ClaimPath::parse(name).unwrap();
        let principal = Principal {
            authenticator: Arc::clone(&self.0),
            method: AuthenticationMethod::Certificate,
            issuer: "home".into(),
            claims: parse_object(br#"{"sub":"ann"}"#).unwrap(),
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
        _: Room<'a>,
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

    fn seal(&self, _: Purpose, _: &[u8], plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }

    fn open(&self, _: Purpose, _: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        Some(sealed.to_vec())
    }
}

const NOW: Now = Now {
    wall: Timestamp::from_seconds(1000),
    monotonic: Monotonic::from_milliseconds(0),
};

fn provider() -> Provider {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let mut values = Values::default();
    values.insert("issuer", text("https://sso.test"));
    values.insert("sites", OptionValue::List(vec![text("app.test")]));
    let key = include_bytes!("../../../../testkit/keys/ec-256.pem").to_vec();
    values.insert("key", OptionValue::Secret(Secret::new(key)));
    let parts = Parts {
        sessions: Arc::new(Paused::default()),
        entropy: Arc::new(Counted::default()),
        ..offline()
    };
    let judge = Arc::new(Everybody("certificate.people".into()));
    build(&values, vec![judge], Vec::new(), &parts).unwrap()
}

fn request() -> OriginalRequest {
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

fn finished<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

type Told = Result<Redeemed, RedeemError>;

/// How far one goes before the other does, three times; then both go to their ends.
type Order = [usize; 3];

/// Every one: a redemption pauses fewer times than that.
fn orders() -> impl Iterator<Item = Order> {
    let most = 0..10;
    most.clone()
        .flat_map(move |one| most.clone().map(move |two| (one, two)))
        .flat_map(|(one, two)| (0..10).map(move |three| [one, two, three]))
}

fn interleaved(
    one: impl Future<Output = Told>,
    other: impl Future<Output = Told>,
    order: Order,
) -> [Told; 2] {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let mut context = Context::from_waker(Waker::noop());
    let (mut first, mut second) = (None, None);
    let [before, between, after] = order;
    for (turn, steps) in [
        (true, before),
        (false, between),
        (true, after),
        (false, 100),
        (true, 100),
    ] {
        for _ in 0..steps {
            if turn && first.is_none() {
                if let Poll::Ready(told) = one.as_mut().poll(&mut context) {
                    first = Some(told);
                }
            } else if !turn
                && second.is_none()
                && let Poll::Ready(told) = other.as_mut().poll(&mut context)
            {
                second = Some(told);
            }
        }
    }
    [first.unwrap(), second.unwrap()]
}

fn code_form(provider: &Provider) -> String {
    use crate::provider::authorize::Authorized;
    use countersign_oidc::provider::response::Delivery;
    let told = finished(provider.authorize(&request(), AUTHORIZE.as_bytes(), false, NOW));
    let Authorized::Told(answered) = told else {
        panic!("{told:?}")
    };
    let Delivery::Redirect(location) = answered.delivery else {
        panic!("{answered:?}")
    };
    let code = location.expose().split("code=").nth(1).unwrap();
    let code = code.split('&').next().unwrap();
    format!(
        "grant_type=authorization_code&client_id=https://app.test&redirect_uri=https://app.test/.countersign/callback\
         &code={code}&code_verifier={VERIFIER}"
    )
}

fn refresh_form(told: &Redeemed) -> String {
    let answer = parse_object(told.answer.expose().as_bytes()).unwrap();
    let token = answer.member("refresh_token").unwrap().as_str().unwrap();
    format!("grant_type=refresh_token&client_id=https://app.test&refresh_token={token}")
}

/// Whoever of the two got tokens: nothing more is to be had for them.
fn nothing_stays(provider: &Provider, told: [Told; 2], order: Order) {
    let given = told.into_iter().flatten().collect::<Vec<_>>();
    assert!(given.len() < 2, "{order:?}: both got tokens");
    for given in given {
        let more = finished(provider.redeem(&request(), refresh_form(&given).as_bytes(), NOW));
        assert!(
            matches!(more, Err(RedeemError::Refused { .. })),
            "{order:?}: {more:?}"
        );
    }
}

#[test]
fn a_code_that_comes_twice_at_once_ends_what_was_given_for_it() {
    for order in orders() {
        let provider = provider();
        let form = code_form(&provider);
        let request = request();
        let redeem = || provider.redeem(&request, form.as_bytes(), NOW);
        let told = interleaved(redeem(), redeem(), order);
        nothing_stays(&provider, told, order);
    }
}

#[test]
fn a_refresh_token_that_comes_twice_at_once_ends_its_grant() {
    for order in orders() {
        let provider = provider();
        let first = finished(provider.redeem(&request(), code_form(&provider).as_bytes(), NOW));
        let form = refresh_form(&first.unwrap());
        let request = request();
        let redeem = || provider.redeem(&request, form.as_bytes(), NOW);
        let told = interleaved(redeem(), redeem(), order);
        nothing_stays(&provider, told, order);
    }
}

#[test]
fn one_after_the_other_everybody_gets_the_next() {
    let provider = provider();
    let mut form = code_form(&provider);
    for _ in 0..5 {
        let told = finished(provider.redeem(&request(), form.as_bytes(), NOW));
        form = refresh_form(&told.unwrap());
    }
}
