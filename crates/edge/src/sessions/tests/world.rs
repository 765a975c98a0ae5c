//! A store, an issuer that rotates refresh tokens strictly, and a clock that goes with tokio's paused one.

use super::super::{SessionKeeper, SessionSettings};
use super::issuer::{ACCESS, Issuer, secret};
use super::store::FakeStore;
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{
    Found, Gone, LiveSession, Scope, SessionId, SessionOwner, SessionRecord, Sessions as _,
};
use countersign_core::Ports;
use countersign_core::secret::Secret;
use countersign_core::session::{RecordKey, SessionStore};
use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

pub(super) const ISSUER: &str = "https://op.test";
pub(super) const HOST: &str = "app.test";
/// Tokio's clock; its wall hand began in 2030.
#[derive(Debug)]
pub(super) struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Now {
        let gone = self.0.elapsed();
        Now {
            wall: Timestamp::from_seconds(1_893_456_000).plus(gone),
            monotonic: Monotonic::default().plus(gone),
        }
    }
}

/// Bytes that never repeat.
#[derive(Debug, Default)]
pub(super) struct Bytes(AtomicU64);

impl countersign_core::entropy::Entropy for Bytes {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        bytes.fill(0);
        for (byte, counted) in bytes.iter_mut().zip(count.to_le_bytes()) {
            *byte = counted;
        }
    }
}

/// Everything around the keepers.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Arc<PausedClock>,
    pub(super) store: Arc<FakeStore>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) owner: Arc<dyn SessionOwner>,
    ports: Ports,
}

pub(super) fn sealer(keys: &[u8]) -> Arc<Sealer> {
    let keys = keys.iter().map(|byte| Secret::new(vec![*byte; 32]));
    Arc::new(Sealer::new(keys.collect()).unwrap())
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(PausedClock(Instant::now()));
        let store = FakeStore::new(&clock);
        let issuer = Issuer::new();
        let served = crate::fakes::ports();
        let ports = Ports {
            clock: clock.clone(),
            entropy: Arc::new(Bytes::default()),
            ..served
        };
        Self {
            owner: issuer.owner("login.home"),
            clock,
            store,
            issuer,
            ports,
        }
    }

    /// A node.
    pub(super) fn keeper(&self) -> Arc<SessionKeeper> {
        self.keeper_with(SessionSettings::default())
    }

    pub(super) fn keeper_with(&self, settings: SessionSettings) -> Arc<SessionKeeper> {
        SessionKeeper::new(&self.ports, self.store.clone(), settings, sealer(&[1]))
    }

    /// A node on another store.
    pub(super) fn keeper_on(&self, store: Arc<dyn SessionStore>) -> Arc<SessionKeeper> {
        SessionKeeper::new(&self.ports, store, SessionSettings::default(), sealer(&[1]))
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// A login of `subject`, with tokens that are renewed.
    pub(super) fn login(&self, subject: &str) -> SessionRecord {
        let now = self.now().wall;
        SessionRecord {
            login: "login.home".into(),
            issuer: ISSUER.into(),
            client_id: "client".into(),
            host: HOST.into(),
            began: now,
            ends: now.plus(Duration::from_hours(1000)),
            idle: Duration::from_hours(1000),
            remember: false,
            claims: format!("{{\"sub\":\"{subject}\"}}").into(),
            sid: Some(format!("sid-{subject}").into()),
            id_token: None,
            access_token: Some(secret("access", 0)),
            access_ends: Some(now.plus(ACCESS)),
            refresh_token: Some(secret("refresh", 0)),
            renewed: now,
        }
    }

    /// The same without tokens.
    pub(super) fn plain(&self, subject: &str) -> SessionRecord {
        SessionRecord {
            access_token: None,
            access_ends: None,
            refresh_token: None,
            ..self.login(subject)
        }
    }

    pub(super) async fn begin(&self, keeper: &SessionKeeper, record: SessionRecord) -> RecordKey {
        let (id, _) = keeper.begin(record, scope(), None, self.now()).await.unwrap();
        let again = SessionId::parse(&id.to_text()).unwrap();
        again.record(&scope())
    }

    pub(super) async fn look(&self, keeper: &SessionKeeper, name: RecordKey) -> Found {
        keeper.look(name, scope(), &self.owner, self.now()).await
    }

    pub(super) fn look_now(&self, keeper: &SessionKeeper, name: RecordKey) -> Option<Found> {
        keeper.look_now(name, &self.owner, self.now())
    }
}

pub(super) fn scope() -> Scope {
    Scope::of(ISSUER, "client", HOST)
}

#[track_caller]
pub(super) fn live(found: Found) -> Arc<LiveSession> {
    let told = format!("{found:?}");
    let Found::Live(live) = found else {
        panic!("{told}")
    };
    live
}

#[track_caller]
pub(super) fn gone(found: &Found) -> Gone {
    let told = format!("{found:?}");
    let Found::Gone(gone) = *found else {
        panic!("{told}")
    };
    gone
}

pub(super) fn access(live: &LiveSession) -> &str {
    live.record.access_token.as_ref().unwrap().expose()
}

/// A timer that is over at once waits for the next tick all the same.
pub(super) async fn pass(duration: Duration) {
    if duration > Duration::ZERO {
        sleep_until(Instant::now() + duration).await;
    }
}

/// Lets everything that was begun come as far as it can without time passing.
pub(super) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

pub(super) async fn after(duration: Duration) {
    // Timers that were about to be set are set first.
    settle().await;
    tokio::time::advance(duration).await;
    settle().await;
}
