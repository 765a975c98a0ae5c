//! Records in Redis: a real server for each test, on the loopback.

use countersign_core::secret::Secret;
use countersign_core::session::{IndexKey, LeaseToken, Sealed, SessionStore, StoreError, Version};
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::store::redis::{Address, Settings};
use countersign_edge::store::{StoreKind, open};
use countersign_edge::system::SystemClock;
use countersign_testkit::pki::{Authority, Key};
use countersign_testkit::store_suite::{self, Subject, record};
pub(crate) use server::Server;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

#[path = "redis/server.rs"]
mod server;
#[path = "redis/socket.rs"]
mod socket;

suite!();

const SOON: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_mins(1);
/// How long something that is sure to come is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a URL says, and nothing else.
fn at(url: &str) -> Settings {
    let (address, database) = Address::read(url).unwrap();
    Settings {
        database: database.map_or(0, u32::from),
        ..Settings::at(address)
    }
}

fn opened(settings: Settings) -> Arc<dyn SessionStore> {
    let kind = StoreKind::Redis(Box::new(settings));
    let (store, warnings) = open(&kind, Arc::new(SystemClock::new())).unwrap();
    assert_eq!(warnings, [""; 0]);
    store
}

fn now() -> Timestamp {
    SystemClock::new().now().wall
}

fn subject() -> (Subject, Server) {
    let server = Server::plain();
    (Subject::by_itself(server.store(), now()), server)
}

fn sealed(number: u8) -> Sealed {
    Sealed(vec![number; 600].into())
}

async fn create(store: &dyn SessionStore, number: u8, lasts: Duration) -> Result<Version, StoreError> {
    let index = [IndexKey([number; 32]), IndexKey([255; 32])];
    store
        .create(&record(number), sealed(number), now().plus(lasts), &index)
        .await
}

/// Asks until it is so.
async fn until<F: Future<Output = bool>>(so: impl Fn() -> F) {
    let waited = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap();
}

fn unavailable(answer: Result<impl Sized, StoreError>, words: &str) -> String {
    let Err(StoreError::Unavailable(why)) = answer else {
        panic!("it is answered");
    };
    assert!(why.contains("127.0.0.1:") || why.contains("localhost:"), "{why}");
    assert!(why.contains(words), "{why}");
    assert!(!why.contains("horse"), "{why}");
    why
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_over_tls() {
    let authority = Authority::root("Test", Key(1));
    let server = Server::with_tls(&authority);
    let settings = Settings {
        authorities: Some(authority.pem().into_bytes().into()),
        ..server.settings()
    };
    let by = |host: &str| at(&format!("rediss://{host}:{}", server.port)).address;
    let good = Settings {
        address: by("localhost"),
        database: 2,
        ..settings.clone()
    };
    let subject = Subject::by_itself(opened(good), now());
    store_suite::writes_are_counted(&subject).await;
    store_suite::a_lease_has_one_holder(&subject).await;
    assert_eq!(subject.store.remove(&record(1)).await, Ok(true));
    assert_eq!(subject.store.remove(&record(2)).await, Ok(true));
    store_suite::what_is_taken_is_taken_once(&subject).await;

    let stranger = Authority::root("Stranger", Key(3));
    let other = Settings {
        address: by("localhost"),
        authorities: Some(stranger.pem().into_bytes().into()),
        ..settings.clone()
    };
    let untrusted = opened(other).load(&record(1), now()).await;
    unavailable(untrusted, "certificate");
    let address = Settings {
        address: by("127.0.0.1"),
        ..settings
    };
    let misnamed = opened(address).load(&record(1), now()).await;
    unavailable(misnamed, "certificate");
    let plain = opened(server.settings()).load(&record(1), now()).await;
    unavailable(plain, "");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_printed() {
    let server = Server::plain();
    let wrong = |password: Option<&str>| Settings {
        password: password.map(|password| Secret::new(password.to_owned())),
        ..server.settings()
    };
    let store = opened(wrong(Some("wrong horse")));
    unavailable(store.load(&record(1), now()).await, "");
    unavailable(create(&*store, 1, MINUTE).await, "");
    unavailable(opened(wrong(None)).load(&record(1), now()).await, "");
    let told = format!("{:?} {:?}", server.settings(), server.store());
    assert!(!told.contains("horse"), "{told}");
    let strange = Settings {
        username: Some("nobody".to_owned()),
        ..server.settings()
    };
    unavailable(opened(strange).load(&record(1), now()).await, "");
}

#[tokio::test]
async fn databases_and_prefixes_keep_apart() {
    let server = Server::plain();
    let store = server.store();
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    let prefixed = opened(Settings {
        prefix: "other:".to_owned(),
        ..server.settings()
    });
    let elsewhere = opened(Settings {
        database: 2,
        ..server.settings()
    });
    for other in [prefixed, elsewhere] {
        assert_eq!(other.load(&record(1), now()).await, Ok(None));
        assert_eq!(other.remove_all(&IndexKey([255; 32])).await, Ok(0));
        assert_eq!(create(&*other, 1, MINUTE).await, Ok(Version(1)));
    }
    let names = server.told("KEYS *");
    assert!(
        names.contains("countersign:all") && names.contains("other:all"),
        "{names}"
    );
    let beyond = opened(Settings {
        database: 9,
        ..server.settings()
    });
    unavailable(beyond.load(&record(1), now()).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_share_it() {
    let server = Server::plain();
    let (one, other) = (server.store(), server.store());
    assert_eq!(create(&*one, 1, MINUTE).await, Ok(Version(1)));
    assert_eq!(create(&*other, 2, MINUTE).await, Ok(Version(1)));
    assert_eq!(create(&*other, 1, MINUTE).await, Err(StoreError::Changed));
    let holder = |number| LeaseToken([number; 16]);
    let fence = one.lease(&record(1), holder(1), MINUTE).await.unwrap();
    assert_eq!(other.lease(&record(1), holder(2), MINUTE).await, Ok(None));
    let later = other.lease(&record(2), holder(2), MINUTE).await.unwrap();
    assert!(later > fence, "fences rise across nodes");
    let ends = now().plus(MINUTE);
    let written = other.replace(&record(1), sealed(9), Version(1), ends).await;
    assert_eq!(written, Ok(Version(2)));
    let late = one.replace(&record(1), sealed(8), Version(1), ends).await;
    assert_eq!(late, Err(StoreError::Changed));
    assert_eq!(other.remove_all(&IndexKey([255; 32])).await, Ok(2));
    assert_eq!(one.load(&record(1), now()).await, Ok(None), "at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_has_ended_leaves_nothing_behind() {
    let server = Server::plain();
    let store = server.store();
    for number in 0..20 {
        assert_eq!(create(&*store, number, SOON).await, Ok(Version(1)));
    }
    assert_eq!(create(&*store, 20, MINUTE).await, Ok(Version(1)));
    assert_eq!(
        store.touch(&record(20), now().plus(MINUTE * 2), now()).await,
        Ok(true)
    );
    assert_eq!(create(&*store, 21, MINUTE).await, Ok(Version(1)));
    assert_eq!(store.remove(&record(21)).await, Ok(true));
    let left = || async {
        let again = create(&*store, 22, MINUTE).await;
        assert_eq!(again, Ok(Version(1)));
        assert_eq!(store.remove(&record(22)).await, Ok(true));
        // One record, its two keys, all of them, and their ends.
        server.told("DBSIZE") == ":5"
    };
    until(left).await;
    assert_eq!(server.told("ZCARD countersign:all"), ":1");
    assert_eq!(server.told("ZCARD countersign:ends"), ":1");
    let lasts = server.told("PTTL countersign:all");
    let lasts = lasts.trim_start_matches(':').parse::<u128>().unwrap();
    assert!(
        (MINUTE.as_millis()..=MINUTE.as_millis() * 2).contains(&lasts),
        "sets last as long as what they find: {lasts}"
    );
}

#[tokio::test]
async fn without_memory_nothing_new_is_taken_and_nothing_lost() {
    let server = Server::plain();
    let store = server.store();
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    assert_eq!(create(&*store, 2, MINUTE).await, Ok(Version(1)));
    assert_eq!(server.told("CONFIG SET maxmemory 1"), "+OK");
    let full = create(&*store, 3, MINUTE).await;
    assert!(
        matches!(&full, Err(StoreError::Full(why)) if why.contains("maxmemory")),
        "{full:?}"
    );
    let lease = store.lease(&record(1), LeaseToken([1; 16]), MINUTE).await;
    assert!(matches!(&lease, Err(StoreError::Full(_))), "{lease:?}");
    let written = store
        .replace(&record(1), sealed(9), Version(1), now().plus(MINUTE))
        .await;
    assert!(matches!(&written, Err(StoreError::Full(_))), "{written:?}");
    let found = store.load(&record(1), now()).await;
    assert_eq!(found, Ok(Some((sealed(1), Version(1)))));
    assert_eq!(store.take(&record(2), now()).await, Ok(Some(sealed(2))));
    assert_eq!(server.told("CONFIG SET maxmemory 0"), "+OK");
    assert_eq!(create(&*store, 3, MINUTE).await, Ok(Version(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_goes_is_unavailable_until_it_is_back() {
    let mut server = Server::plain();
    let store = server.store();
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    server.kill();
    for _ in 0..3 {
        unavailable(store.load(&record(1), now()).await, "");
        unavailable(create(&*store, 2, MINUTE).await, "");
    }
    server.restart();
    assert_eq!(store.load(&record(1), now()).await, Ok(None), "it kept nothing");
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_does_not_answer_is_unavailable_after_a_second() {
    let server = Server::plain();
    let store = server.store();
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    server.signal("STOP");
    // Many at once wait no longer than one, be it for an answer or for a connection.
    for _ in 0..2 {
        let asked = (0..50).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.load(&record(1), now()).await })
        });
        let answered = async {
            for answer in asked.collect::<Vec<_>>() {
                unavailable(answer.await.unwrap(), "no answer within 1 s");
            }
        };
        tokio::time::timeout(Duration::from_secs(5), answered)
            .await
            .unwrap();
    }
    server.signal("CONT");
    let found = async || store.load(&record(1), now()).await == Ok(Some((sealed(1), Version(1))));
    until(found).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_hindrance_to_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let store = opened(at(&format!("redis://127.0.0.1:{port}")));
    unavailable(store.load(&record(1), now()).await, "refused");
    let unknown = opened(at("rediss://localhost.invalid:1"));
    let unknown = unknown.load(&record(1), now()).await;
    assert!(matches!(unknown, Err(StoreError::Unavailable(_))));
}
