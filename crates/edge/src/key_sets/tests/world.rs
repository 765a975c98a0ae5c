//! Clock, network and disk of a test of the key sets.

use super::super::{KeySets, Refresh};
use crate::store::NoSessions;
use bytes::Bytes;
use countersign_authn::key_ring::Freshness;
use countersign_authn::keys::{Answer, KeyLocation, KeySettings, Keys};
use countersign_core::entropy::Entropy;
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::kept::{Kept, KeptError};
use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use countersign_core::{BoxFuture, Ports};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use http::{Request, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use url::Url;

pub(super) const ISSUER: &str = "https://op.test";
pub(super) const DOCUMENT: &str = "https://op.test/.well-known/openid-configuration";

/// Clock, network and disk of one test.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seconds: Mutex<u64>,
    pub(super) wall_step: Mutex<i64>,
    pub(super) answers: Mutex<BTreeMap<String, Answered>>,
    pub(super) asked: Mutex<Vec<(String, FetchLimits)>>,
    /// While set, every request waits for `go`.
    pub(super) hold: Mutex<bool>,
    pub(super) go: Notify,
    pub(super) blobs: Mutex<BTreeMap<String, Vec<u8>>>,
}

#[derive(Clone, Debug)]
pub(super) enum Answered {
    With(u16, String, Option<&'static str>),
    Fails(HttpError),
    Panics,
}

#[derive(Debug)]
struct Nothing;

impl Entropy for Nothing {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

impl Clock for World {
    fn now(&self) -> Now {
        let seconds = *self.seconds.lock().unwrap();
        let wall = 1_893_456_000 + i64::try_from(seconds).unwrap() + *self.wall_step.lock().unwrap();
        Now {
            wall: Timestamp::from_seconds(wall),
            monotonic: Monotonic::from_milliseconds(seconds * 1000),
        }
    }
}

impl HttpClient for World {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        let url = request.uri().to_string();
        Box::pin(async move {
            self.asked.lock().unwrap().push((url.clone(), limits));
            let held = *self.hold.lock().unwrap();
            if held {
                self.go.notified().await;
            }
            let answer = self.answers.lock().unwrap().get(&url).cloned();
            match answer {
                Some(Answered::With(status, body, cache)) => {
                    let mut response = Response::builder().status(status);
                    if let Some(cache) = cache {
                        response = response.header("cache-control", cache);
                    }
                    Ok(response.body(Bytes::from(body)).unwrap())
                }
                Some(Answered::Fails(error)) => Err(error),
                Some(Answered::Panics) => panic!("the client has a bug"),
                None => Err(HttpError::Unreachable("nobody".into())),
            }
        })
    }
}

impl Kept for World {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        Box::pin(async move { Ok(self.blobs.lock().unwrap().get(name).cloned()) })
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            self.blobs.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
            Ok(())
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            self.blobs.lock().unwrap().remove(name);
            Ok(())
        })
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        let blobs = self.blobs.lock().unwrap();
        let names = blobs.keys().filter(|name| name.starts_with(prefix));
        let names = names.cloned().collect();
        Box::pin(std::future::ready(Ok(names)))
    }
}

impl World {
    /// An issuer that is up, with one key `a`.
    pub(super) fn new() -> Arc<Self> {
        let world = Arc::new(Self {
            seconds: Mutex::new(100_000),
            wall_step: Mutex::default(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            hold: Mutex::new(false),
            go: Notify::new(),
            blobs: Mutex::default(),
        });
        world.document(ISSUER, "https://keys.test/jwks");
        world.keys(&["a"]);
        world
    }

    pub(super) fn answer(&self, url: &str, answer: Answered) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    pub(super) fn document(&self, issuer: &str, jwks_uri: &str) {
        let body = format!("{{\"issuer\":\"{issuer}\",\"jwks_uri\":\"{jwks_uri}\"}}");
        self.answer(DOCUMENT, Answered::With(200, body, None));
    }

    pub(super) fn keys(&self, kids: &[&str]) {
        self.answer("https://keys.test/jwks", Answered::With(200, set(kids), None));
    }

    pub(super) fn down(&self) {
        self.answer(DOCUMENT, Answered::Fails(HttpError::Unreachable("down".into())));
    }

    pub(super) fn later(&self, seconds: u64) {
        *self.seconds.lock().unwrap() += seconds;
    }

    /// The URLs asked for since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.into_iter().map(|(url, _)| url).collect()
    }

    pub(super) fn sets(self: &Arc<Self>) -> Arc<KeySets> {
        let ports = Ports {
            clock: Arc::clone(self) as _,
            entropy: Arc::new(Nothing),
            http: Arc::clone(self) as _,
            sessions: Arc::new(NoSessions),
            kept: Arc::clone(self) as _,
        };
        KeySets::new(&ports, Refresh::ByHand)
    }

    pub(super) async fn look(&self, keys: &Arc<dyn Keys>, kid: &str) -> String {
        match keys.lookup(Some(kid), Algorithm::Es256, self.now()).await {
            Answer::Found(_) => "found".to_owned(),
            Answer::Unknown => "unknown".to_owned(),
            Answer::Ambiguous => "ambiguous".to_owned(),
            Answer::Unavailable { reason, .. } => reason.code().to_owned(),
        }
    }
}

pub(super) fn set(kids: &[&str]) -> String {
    let jwk = |kid: &&str| {
        SigningKey::generate(Algorithm::Es256)
            .unwrap()
            .public_jwk(kid)
            .unwrap()
    };
    format!(
        "{{\"keys\":[{}]}}",
        kids.iter().map(jwk).collect::<Vec<_>>().join(",")
    )
}

pub(super) fn location() -> KeyLocation {
    KeyLocation::Discovery {
        issuer: ISSUER.into(),
        url: Url::parse(DOCUMENT).unwrap(),
    }
}

pub(super) fn settings() -> KeySettings {
    KeySettings {
        freshness: Freshness {
            refresh: Duration::from_mins(10),
            unknown_kid_interval: Duration::from_secs(30),
            max_staleness: Duration::from_hours(24),
        },
        allow_http: false,
        authorities: None,
    }
}
