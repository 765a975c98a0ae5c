//! Lists that come, change and go: on disk and over the network, with a clock moved by hand.

use super::*;
use crate::fakes::pki::maker::{Authority, Key, Revocations as Revoked, Template, pem};
use countersign_core::entropy::Entropy;
use countersign_core::time::{Clock, Monotonic, Timestamp};
use countersign_x509::verify::{Checks, verify};
use http::StatusCode;
use std::fs;
use std::path::PathBuf;

mod end;
mod goes_on;
mod kept;
mod known;
mod late;
mod shared;

const URL: &str = "http://crl.home.test/home.crl";
/// Takes the request, and never answers.
const SILENT: &str = "http://crl.home.test/silent.crl";
/// 2030-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_893_456_000;
/// When lists end that do not matter.
const END: &str = "20310101000000Z";
const REVOKED: &str = "certificate_revoked";

/// Clock, network and folder of one test.
#[derive(Debug, Default)]
struct World {
    seconds: Mutex<u64>,
    answer: Mutex<Option<(u16, Vec<u8>)>>,
    asked: std::sync::atomic::AtomicU64,
    silent: Mutex<bool>,
}

impl Clock for World {
    fn now(&self) -> Now {
        let seconds = *self.seconds.lock().unwrap();
        Now {
            wall: Timestamp::from_seconds(MIDNIGHT + i64::try_from(seconds).unwrap()),
            monotonic: Monotonic::from_milliseconds(seconds * 1000),
        }
    }
}

impl Entropy for World {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

impl HttpClient for World {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        if request.uri() == SILENT || *self.silent.lock().unwrap() {
            return Box::pin(std::future::pending());
        }
        assert!(request.uri().to_string().starts_with(URL));
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone();
        let answered = answer.map(|(status, body)| {
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        });
        let answered = answered.ok_or(HttpError::Unreachable("down".to_owned()));
        Box::pin(std::future::ready(answered))
    }
}

/// One set of lists, and what stands around it.
struct Bench {
    world: Arc<World>,
    ports: Ports,
    folder: PathBuf,
    root: Authority,
    authorities: Arc<Authorities>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let world = Arc::new(World::default());
        let ports = Ports {
            clock: Arc::clone(&world) as _,
            entropy: Arc::clone(&world) as _,
            http: Arc::clone(&world) as _,
            sessions: Arc::new(NoSessions),
            kept: Arc::new(KeptMemory::default()),
        };
        let folder = std::env::temp_dir().join(format!("countersign-crl-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        let root = Authority::root("home", Key(1));
        let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
        Self {
            world,
            ports,
            folder,
            root,
            authorities: Arc::new(authorities),
        }
    }

    fn list(&self, serials: &[u8], until: &str) -> Vec<u8> {
        let serials = serials.iter().map(std::slice::from_ref).collect::<Vec<_>>();
        let list = Revoked::of(&serials).updated("20291231000000Z", Some(until));
        self.root.revoke(&list)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let (file, other) = (self.folder.join(name), self.folder.join("aside"));
        fs::write(&other, bytes).unwrap();
        fs::rename(other, file).unwrap();
    }

    fn open(
        &self,
        lists: &RevocationLists,
        paths: &[&str],
        urls: &[&str],
    ) -> Result<Arc<dyn Revocations>, Vec<Fault>> {
        let sources = RevocationSources {
            paths: paths.iter().map(|path| self.folder.join(path)).collect(),
            urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
            refresh: Duration::from_mins(10),
        };
        lists.open(sources, &self.authorities)
    }

    /// What becomes of the certificate with this serial number.
    fn standing(&self, revocations: &dyn Revocations, serial: u8) -> &'static str {
        let leaf = self
            .root
            .issue(&Template::client("ann", Key(2)).serial(&[serial]));
        self.judged(revocations, &[&leaf])
    }

    /// What becomes of whoever presents these.
    fn judged(&self, revocations: &dyn Revocations, chain: &[&[u8]]) -> &'static str {
        let (now, index) = (self.world.now().wall, revocations.index());
        let chain = chain.iter().copied();
        match verify(chain, &self.authorities, Some(&index), Checks::default(), now) {
            Ok(_) => "good",
            Err(error) => error.reason().code(),
        }
    }

    /// Another process with the same folder of state.
    async fn restarted(&self) -> Arc<RevocationLists> {
        let lists = lists(self);
        lists.restore().await.unwrap();
        lists
    }

    fn later(&self, seconds: u64) {
        *self.world.seconds.lock().unwrap() += seconds;
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn lists(bench: &Bench) -> Arc<RevocationLists> {
    RevocationLists::new(&bench.ports, Refresh::ByHand)
}

fn told(lists: &RevocationLists) -> Lines {
    let (log, lines) = Log::memory(crate::log::Format::Json);
    lists.tell(&Arc::new(log));
    Lines(lines)
}

/// What was logged.
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// The lines of an event, since the last call.
    fn of(&self, event: &str) -> Vec<String> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.into_iter().filter(|line| line.contains(event)).collect()
    }
}

impl Bench {
    fn answers(&self, list: Vec<u8>) {
        *self.world.answer.lock().unwrap() = Some((200, list));
    }

    /// A list of the root's: when it was made, its number, and what it revokes.
    fn dated(&self, made: &str, number: u8, serials: &[u8]) -> Vec<u8> {
        let serials = serials.iter().map(std::slice::from_ref).collect::<Vec<_>>();
        let list = Revoked::of(&serials).updated(made, Some(END)).number(number);
        self.root.revoke(&list)
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_counts_at_the_next_look() {
    let bench = Bench::new("replaced");
    bench.write(
        "home.crl",
        pem("X509 CRL", &bench.list(&[7], "20310101000000Z")).as_bytes(),
    );
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let generation = held.generation();
    assert_eq!(
        (bench.standing(&*held, 7), bench.standing(&*held, 8)),
        ("certificate_revoked", "good")
    );
    lists.tick(bench.world.now()).await;
    assert_eq!(held.generation(), generation, "nothing changed");
    bench.write("home.crl", &bench.list(&[7, 8], "20310101000000Z"));
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "certificate_revoked");
    assert!(held.generation() > generation, "sessions of TLS are begun anew");
}

#[tokio::test]
async fn a_file_that_cannot_be_taken_leaves_what_it_held_in_force() {
    let bench = Bench::new("broken");
    let good = bench.list(&[7], "20310101000000Z");
    bench.write("home.crl", &good);
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let (log, lines) = Log::memory(crate::log::Format::Json);
    lists.tell(&Arc::new(log));
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    for bytes in [&good[..good.len() - 9], b"garbage", b"", &forged] {
        bench.write("home.crl", bytes);
        lists.tick(bench.world.now()).await;
        lists.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
        assert_eq!(bench.standing(&*held, 8), "good");
    }
    fs::remove_file(bench.folder.join("home.crl")).unwrap();
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "good");
    let told = lines
        .lock()
        .unwrap()
        .iter()
        .filter(|line| line.contains("crl_refused"))
        .count();
    assert_eq!(told, 5, "each is told once");
}

#[tokio::test]
async fn a_folder_is_what_is_in_it() {
    let bench = Bench::new("folder");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    bench.write("lists/home.crl", &bench.list(&[7], "20310101000000Z"));
    bench.write("lists/README", b"no list");
    let lists = lists(&bench);
    let held = bench.open(&lists, &["lists"], &[]).unwrap();
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    fs::remove_file(bench.folder.join("lists/home.crl")).unwrap();
    lists.tick(bench.world.now()).await;
    assert_eq!(
        (bench.standing(&*held, 7), bench.standing(&*held, 8)),
        (REVOKED, "good"),
        "what it said is known until it ends"
    );
    bench.write("lists/other.pem", &bench.dated("20291231000001Z", 2, &[8]));
    lists.tick(bench.world.now()).await;
    assert_eq!(
        (bench.standing(&*held, 7), bench.standing(&*held, 8)),
        ("good", REVOKED)
    );
}

#[tokio::test]
async fn what_cannot_be_read_at_the_start_is_a_fault_of_the_configuration() {
    let bench = Bench::new("faults");
    let stranger = Authority::root("home", Key(3));
    bench.write("forged.crl", &stranger.revoke(&Revoked::of(&[&[7]])));
    bench.write("empty.crl", b"");
    for name in ["missing.crl", "empty.crl", "forged.crl"] {
        let faults = bench.open(&lists(&bench), &[name], &[]).unwrap_err();
        assert_eq!(faults.len(), 1, "{name}");
        assert!(faults[0].message.contains(name), "{faults:?}");
    }
}

#[tokio::test]
async fn a_list_is_fetched_again_before_it_ends_and_kept_for_the_next_start() {
    let bench = Bench::new("fetched");
    let all = lists(&bench);
    let held = bench.open(&all, &[], &[URL]).unwrap();
    assert_eq!(
        bench.standing(&*held, 8),
        "revocation_unknown",
        "nothing came yet"
    );
    let asked = || bench.world.asked.load(std::sync::atomic::Ordering::Relaxed);
    all.tick(bench.world.now()).await;
    assert_eq!((asked(), bench.standing(&*held, 8)), (1, "revocation_unknown"));
    // It ends after 100 seconds: fetched again after half of them.
    let list = bench.list(&[7], "20300101000145Z");
    *bench.world.answer.lock().unwrap() = Some((200, list));
    bench.later(5);
    all.tick(bench.world.now()).await;
    assert_eq!((asked(), bench.standing(&*held, 8)), (2, "good"));
    bench.later(49);
    all.tick(bench.world.now()).await;
    assert_eq!(asked(), 2);
    *bench.world.answer.lock().unwrap() = Some((500, Vec::new()));
    bench.later(1);
    all.tick(bench.world.now()).await;
    assert_eq!(
        (asked(), bench.standing(&*held, 7)),
        (3, "certificate_revoked"),
        "the one before stays"
    );
    // Another process, and the network is down.
    *bench.world.answer.lock().unwrap() = None;
    let next = bench.restarted().await;
    let held = bench.open(&next, &[], &[URL]).unwrap();
    next.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    bench.later(51);
    assert_eq!(
        bench.standing(&*held, 8),
        "revocation_unknown",
        "it ended, and no other came"
    );
}

#[tokio::test]
async fn the_same_sources_are_opened_once_and_closed_with_their_last_holder() {
    let bench = Bench::new("once");
    bench.write("home.crl", &bench.list(&[7], "20310101000000Z"));
    let lists = lists(&bench);
    let one = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let other = bench.open(&lists, &["home.crl"], &[]).unwrap();
    assert_eq!(one.generation(), other.generation());
    let [status] = &lists.status()[..] else { panic!() };
    assert_eq!((status.issuer.as_str(), status.revoked), ("CN=home", 1));
    drop((one, other));
    assert_eq!(lists.status(), []);
}
