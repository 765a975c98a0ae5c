//! Keys that our own OpenID Provider makes: kept on a node, and in a store that nodes share.

use super::redis::Server;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_authn::provider::keys::life::{OVERLAP, SETTLES};
use countersign_authn::provider::keys::{KeyPlan, KeysError, SigningKeys, SigningKeysFactory as _};
use countersign_authn::session::seal::Sealer;
use countersign_core::kept::{Kept, KeptError};
use countersign_core::secret::Secret;
use countersign_core::session::SessionStore;
use countersign_core::time::Clock as _;
use countersign_core::{BoxFuture, Ports};
use countersign_edge::key_sets::Refresh;
use countersign_edge::log::{Format, Log};
use countersign_edge::provider_keys::{Place, ProviderKeys};
use countersign_edge::sessions::{SessionKeeper, SessionSettings};
use countersign_edge::store::memory::{Limits, MemoryStore};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_testkit::away::Away;
use countersign_testkit::clock::HandClock;
use countersign_testkit::kept::MemoryKept;
use countersign_testkit::world::World;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const MINUTES: Duration = Duration::from_mins(5);

/// A folder on a disk that may be full.
#[derive(Debug, Default)]
struct Disk {
    kept: MemoryKept,
    is_full: AtomicBool,
}

impl Kept for Disk {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        self.kept.load(name)
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        if self.is_full.load(Ordering::Relaxed) {
            return Box::pin(async { Err(KeptError("no space left on device".to_owned())) });
        }
        self.kept.save(name, bytes)
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        self.kept.remove(name)
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        self.kept.names(prefix)
    }
}

/// One gateway, as far as its keys are concerned.
struct Node {
    clock: Arc<HandClock>,
    since_midnight: Duration,
    disk: Arc<Disk>,
    sessions: Arc<SessionKeeper>,
    made: Arc<ProviderKeys>,
    keys: Arc<dyn SigningKeys>,
    said: Arc<Mutex<Vec<String>>>,
}

fn plan() -> KeyPlan {
    KeyPlan {
        issuer: "https://sso.test".into(),
        algorithm: Algorithm::Es256,
        rotate_every: 90 * DAY,
        former: Vec::new(),
    }
}

fn sealer(keys: &[u8]) -> Arc<Sealer> {
    let keys = keys.iter().map(|key| Secret::new(vec![*key; 32]));
    Arc::new(Sealer::new(keys.collect()).unwrap())
}

fn memory() -> Arc<dyn SessionStore> {
    Arc::new(MemoryStore::new(Limits::default(), Arc::new(HandClock::new())))
}

impl Node {
    /// One that has not looked yet.
    fn new(place: Place, disk: &Arc<Disk>, store: &Arc<dyn SessionStore>) -> Self {
        Self::sealing(place, disk, store, &[1])
    }

    fn sealing(place: Place, disk: &Arc<Disk>, store: &Arc<dyn SessionStore>, keys: &[u8]) -> Self {
        let clock = Arc::new(HandClock::new());
        let ports = Ports {
            clock: Arc::clone(&clock) as _,
            kept: Arc::clone(disk) as _,
            ..World::new().ports()
        };
        let settings = SessionSettings::default();
        let sessions = SessionKeeper::new(&ports, Arc::clone(store), settings, sealer(keys));
        let made = ProviderKeys::new(&ports, Arc::clone(&sessions) as _, Refresh::ByHand);
        let (log, said) = Log::memory(Format::Human);
        made.tell(&Arc::new(log));
        made.follow(Some(&plan()), place);
        let keys = made.open(plan());
        Self {
            clock,
            since_midnight: Duration::ZERO,
            disk: Arc::clone(disk),
            sessions,
            made,
            keys,
            said,
        }
    }

    async fn look(&self) {
        self.made.tick(self.clock.now()).await;
    }

    /// Both clocks go on at once, and it looks.
    async fn after(&mut self, duration: Duration) {
        self.since_midnight += duration;
        self.clock.move_to(self.since_midnight).unwrap();
        self.look().await;
    }

    fn signs(&self) -> Option<String> {
        self.keys.current().map(|current| current.kid().to_owned())
    }

    fn published(&self) -> usize {
        let current = self.keys.current();
        current.map_or(0, |current| current.jwk_set().matches("\"kid\"").count())
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().drain(..).collect::<Vec<_>>().join("\n")
    }
}

/// Whether the JWK Set of `keys` verifies `token`.
fn verifies(keys: &dyn SigningKeys, token: &str) -> bool {
    let current = keys.current().unwrap();
    let (set, left_out) = KeySet::parse(current.jwk_set().as_bytes()).unwrap();
    assert!(left_out.is_empty());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let header = bytes(message.split_once('.').unwrap().0);
    let header = serde_json::from_slice::<serde_json::Value>(&header).unwrap();
    let Lookup::Found(key) = set.find(header["kid"].as_str(), Algorithm::Es256) else {
        return false;
    };
    let verified = key.verify(Algorithm::Es256, message.as_bytes(), &bytes(signature));
    verified.is_ok()
}

/// The same with a store in memory and with Redis.
macro_rules! with_each_store {
    ($($check:ident)+) => {
        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    super::$check(super::memory()).await;
                }
            )+
        }
        mod in_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    let server = super::Server::plain();
                    super::$check(server.store()).await;
                }
            )+
        }
    };
}

with_each_store! {
    of_nodes_that_start_at_once_one_makes_the_key_and_all_sign_with_it
    one_node_rotates_and_the_others_publish_what_it_signs_with
    a_node_that_cannot_reach_the_store_signs_nothing_and_makes_nothing
    while_the_store_is_away_the_keys_that_are_known_go_on
    a_store_that_has_lost_the_keys_gets_them_back
    keys_are_sealed_and_sealed_anew_under_a_new_key
}

async fn of_nodes_that_start_at_once_one_makes_the_key_and_all_sign_with_it(store: Arc<dyn SessionStore>) {
    let nodes = (0..8).map(|_| Node::new(Place::Store, &Arc::default(), &store));
    let nodes = nodes.collect::<Vec<_>>();
    let looking = nodes.iter().map(|node| {
        let (made, now) = (Arc::clone(&node.made), node.clock.now());
        tokio::spawn(async move { made.tick(now).await })
    });
    for looked in looking.collect::<Vec<_>>() {
        looked.await.unwrap();
    }
    let signs = nodes[0].signs();
    assert!(signs.is_some());
    for node in &nodes {
        assert_eq!((node.signs(), node.published()), (signs.clone(), 1));
        assert!(
            node.disk.kept.blobs().is_empty(),
            "nothing is left in the state folder"
        );
    }
}

async fn one_node_rotates_and_the_others_publish_what_it_signs_with(store: Arc<dyn SessionStore>) {
    let mut nodes = [0, 300_000, -240_000].map(|skew| {
        let node = Node::new(Place::Store, &Arc::default(), &store);
        node.clock.step_wall(skew);
        node
    });
    for node in &nodes {
        node.look().await;
    }
    let mut signed = nodes[0].signs();
    let mut rotated = 0;
    for node in &mut nodes {
        node.after(88 * DAY).await;
    }
    for _ in 0..(4 * 24 * 12) {
        for at in 0..nodes.len() {
            nodes[at].after(MINUTES).await;
            let token = nodes[at].keys.sign("JWT", "{}").unwrap();
            for other in &nodes {
                assert!(verifies(&*other.keys, &token));
            }
        }
        rotated += usize::from(signed != nodes[0].signs());
        signed = nodes[0].signs();
    }
    assert_eq!(rotated, 1);
    let told = nodes.each_ref().map(|node| (node.signs(), node.published()));
    assert_eq!(
        told,
        [const { 1 }; 3].map(|published| (signed.clone(), published))
    );
}

async fn a_node_that_cannot_reach_the_store_signs_nothing_and_makes_nothing(store: Arc<dyn SessionStore>) {
    let (away, keeps) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let there = Node::new(Place::Store, &Arc::default(), &store);
    let cut_off: Arc<dyn SessionStore> = Arc::new(Away::new(store, &away, &keeps));
    away.store(true, Ordering::Relaxed);
    let mut node = Node::new(Place::Store, &Arc::default(), &cut_off);
    node.look().await;
    assert_eq!(node.keys.sign("JWT", "{}"), Err(KeysError::Unavailable));
    let said = node.said();
    assert!(
        said.contains("cut off by the test; nothing is signed until they can be had"),
        "{said}"
    );
    node.after(MINUTES).await;
    assert_eq!(node.said(), "", "it is told once");
    there.look().await;
    away.store(false, Ordering::Relaxed);
    node.after(Duration::from_secs(2)).await;
    assert_eq!(node.signs(), there.signs());
    assert!(node.signs().is_some());
}

async fn while_the_store_is_away_the_keys_that_are_known_go_on(store: Arc<dyn SessionStore>) {
    let (away, keeps) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let cut_off: Arc<dyn SessionStore> = Arc::new(Away::new(store, &away, &keeps));
    let mut node = Node::new(Place::Store, &Arc::default(), &cut_off);
    node.look().await;
    let first = node.signs();
    away.store(true, Ordering::Relaxed);
    node.after(100 * DAY).await;
    assert_eq!((node.signs(), node.published()), (first.clone(), 1));
    let said = node.said();
    assert!(
        said.contains("those that are known go on, and none is made"),
        "{said}"
    );
    away.store(false, Ordering::Relaxed);
    node.after(MINUTES).await;
    assert_eq!((node.signs(), node.published()), (first.clone(), 2));
    node.after(OVERLAP).await;
    assert_ne!(node.signs(), first);
}

async fn a_store_that_has_lost_the_keys_gets_them_back(store: Arc<dyn SessionStore>) {
    let mut node = Node::new(Place::Store, &Arc::default(), &store);
    node.look().await;
    let first = node.signs();
    let page = countersign_core::session::Page {
        after: None,
        limit: 10,
    };
    for name in store.list(None, page).await.unwrap() {
        assert!(store.remove(&name.id).await.unwrap());
    }
    node.after(MINUTES).await;
    let other = Node::new(Place::Store, &Arc::default(), &store);
    other.look().await;
    assert_eq!((node.signs(), other.signs()), (first.clone(), first));
}

async fn keys_are_sealed_and_sealed_anew_under_a_new_key(store: Arc<dyn SessionStore>) {
    let disk = Arc::default();
    let mut old = Node::sealing(Place::Store, &disk, &store, &[1]);
    old.look().await;
    let stranger = Node::sealing(Place::Store, &disk, &store, &[2]);
    stranger.look().await;
    assert_eq!(stranger.signs(), None);
    let said = stranger.said();
    assert!(
        said.contains("do not open under any of `session.sealing_keys`"),
        "{said}"
    );
    // The new key is listed first, beside the old one.
    old.sessions.set(SessionSettings::default(), sealer(&[2, 1]));
    old.made.follow(Some(&plan()), Place::Store);
    old.look().await;
    let new = Node::sealing(Place::Store, &disk, &store, &[2]);
    new.look().await;
    assert_eq!(new.signs(), old.signs());
    old.after(MINUTES).await;
    assert_eq!(new.signs(), old.signs());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_a_node_outlive_a_restart_and_are_rotated() {
    let (disk, store) = (Arc::default(), memory());
    let mut node = Node::new(Place::Node, &disk, &store);
    node.look().await;
    let first = node.signs();
    assert_eq!(disk.kept.blobs().keys().collect::<Vec<_>>(), ["provider-keys"]);
    let said = node.said();
    assert!(
        said.contains(&format!("{} (ES256) signs", first.as_deref().unwrap())),
        "{said}"
    );
    assert!(!said.contains("MIG"), "no key is printed: {said}");
    let again = Node::new(Place::Node, &disk, &store);
    again.look().await;
    assert_eq!(again.signs(), first);
    node.after(89 * DAY).await;
    let said = node.said();
    assert!(
        said.contains("is published, and signs from 2030-04-01T00:00:00.000Z"),
        "{said}"
    );
    let status = node.made.status().unwrap();
    assert_eq!(
        (
            status.published,
            status.next_signs.seconds() - node.clock.now().wall.seconds()
        ),
        (2, 86_400)
    );
    node.after(DAY).await;
    assert_ne!(node.signs(), first);
    node.after(DAY).await;
    node.after(SETTLES).await;
    assert_eq!(node.published(), 1);
    assert!(node.said().contains("is not published any more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_short_or_something_else_is_left_alone_and_nothing_is_signed() {
    let (disk, store) = (Arc::<Disk>::default(), memory());
    let node = Node::new(Place::Node, &disk, &store);
    node.look().await;
    let whole = disk.kept.blobs()["provider-keys"].clone();
    let first = node.signs();
    for broken in [
        &whole[..whole.len() / 2],
        b"",
        b"{}",
        b"-----BEGIN PRIVATE KEY-----",
    ] {
        disk.save("provider-keys", broken).await.unwrap();
        let mut again = Node::new(Place::Node, &disk, &store);
        again.look().await;
        assert_eq!(again.signs(), None);
        let said = again.said();
        assert!(
            said.contains("`provider-keys` in the state folder holds no keys")
                && said.contains("put it back"),
            "{said}"
        );
        assert_eq!(
            disk.kept.blobs()["provider-keys"],
            broken,
            "it is nobody's to overwrite"
        );
        // Put back, it is taken without a restart.
        disk.save("provider-keys", &whole).await.unwrap();
        again.after(Duration::from_secs(2)).await;
        assert_eq!(again.signs(), first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_no_key_signs_that_is_not_kept() {
    let (disk, store) = (Arc::<Disk>::default(), memory());
    disk.is_full.store(true, Ordering::Relaxed);
    let mut node = Node::new(Place::Node, &disk, &store);
    node.look().await;
    assert_eq!(node.keys.sign("JWT", "{}"), Err(KeysError::Unavailable));
    let said = node.said();
    assert!(said.contains("cannot be kept: no space left on device"), "{said}");
    disk.is_full.store(false, Ordering::Relaxed);
    node.after(Duration::from_secs(2)).await;
    let first = node.signs();
    assert!(first.is_some());
    disk.is_full.store(true, Ordering::Relaxed);
    node.after(89 * DAY).await;
    assert_eq!((node.signs(), node.published()), (first.clone(), 1));
    disk.is_full.store(false, Ordering::Relaxed);
    node.after(DAY).await;
    assert_eq!((node.signs(), node.published()), (first, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_signs_while_keys_are_rotated_has_a_token_that_holds() {
    let mut node = Node::new(Place::Node, &Arc::default(), &memory());
    node.look().await;
    let stops = Arc::new(AtomicBool::new(false));
    let signed = [(); 3].map(|()| Arc::<AtomicUsize>::default());
    let signing = signed.iter().map(|signed| {
        let (keys, stops, signed) = (Arc::clone(&node.keys), Arc::clone(&stops), Arc::clone(signed));
        tokio::task::spawn_blocking(move || {
            while !stops.load(Ordering::Relaxed) {
                let token = keys.sign("JWT", "{}").unwrap();
                assert!(verifies(&*keys, &token), "what was signed a moment ago holds");
                signed.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let signing = signing.collect::<Vec<_>>();
    let mut kids = Vec::new();
    for _ in 0..6 {
        for step in [88 * DAY, DAY, DAY] {
            node.after(step).await;
            // Each of them signs before and after whatever happened.
            for (signed, signing) in signed.iter().zip(&signing) {
                let enough = signed.load(Ordering::Relaxed) + 2;
                while signed.load(Ordering::Relaxed) < enough && !signing.is_finished() {
                    tokio::task::yield_now().await;
                }
            }
        }
        kids.push(node.signs());
    }
    stops.store(true, Ordering::Relaxed);
    for one in signing {
        one.await.unwrap();
    }
    kids.dedup();
    assert_eq!(kids.len(), 6);
}
