//! The whole way, over a socket, with an agent of our own. Time stands still but where a test moves it.

use super::*;
use crate::fakes::Folder;
use crate::fakes::pki::maker::{Authority, Key, San, Template};
use crate::log::{Format, Log};
use crate::revocation_lists::RevocationLists;
use crate::system::OsEntropy;
use agent::{Agent, PERMISSION_DENIED, Told};
use countersign_authn::bundle_file::BundleFiles;
use countersign_authn::client_certificate::build_certificate;
use countersign_authn::keys::Offline;
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_core::authn::Authenticator as _;
use countersign_core::certificate::PresentedCertificate;
use countersign_core::gate::PublicPorts;
use countersign_core::options::{OptionValue, Values};
use countersign_core::time::{Monotonic, Timestamp};
use countersign_jose::sign::SigningKey;

mod agent;

struct Bench {
    folder: Folder,
    apis: Arc<WorkloadApis>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("workload-api-{name}"));
        let apis = WorkloadApis::new(&(Arc::new(Still) as _));
        let (log, lines) = Log::memory(Format::Human);
        apis.tell(&Arc::new(log));
        Self { folder, apis, lines }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.0.join("agent.sock")
    }

    fn address(&self) -> WorkloadApiAddress {
        WorkloadApiAddress::parse(&format!("unix:{}", self.path().display())).unwrap()
    }

    fn said(&self, text: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(text))
    }
}

/// A clock at which it is always now.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        now(0)
    }
}

fn now(seconds: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(0),
        monotonic: Monotonic::from_milliseconds(seconds * 1000),
    }
}

fn example() -> TrustDomain {
    TrustDomain::parse("example.org").unwrap()
}

/// Lets everything else run until it is so. Nothing waits for time.
async fn until(mut so: impl FnMut() -> bool) {
    for _ in 0..5_000_000_u64 {
        if so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never is");
}

fn x509(roots: &[&Authority]) -> Told {
    let ders = roots.iter().flat_map(|root| root.certificate.clone()).collect();
    Told {
        x509: vec![("spiffe://example.org", ders), ("spiffe://other.org", Vec::new())],
        ..Told::default()
    }
}

fn jwt(kids: &[(&SigningKey, &str)]) -> Told {
    let keys = kids.iter().map(|(key, kid)| {
        let jwk = key.public_jwk(kid).unwrap();
        jwk.replace(r#","use":"sig""#, "")
    });
    let set = format!(r#"{{"keys":[{}]}}"#, keys.collect::<Vec<_>>().join(","));
    Told {
        jwt: vec![("spiffe://example.org", set.into_bytes())],
        ..Told::default()
    }
}

fn found(keys: &Arc<dyn Keys>, kid: &str, at: Now) -> &'static str {
    match keys.lookup_now(Some(kid), Algorithm::Es256, at) {
        Lookup::Found(_) => "found",
        Lookup::Unknown => "unknown",
        Lookup::Ambiguous => "ambiguous",
        Lookup::Fetch => "fetch",
        Lookup::Unreachable => "unreachable",
        Lookup::Stale => "stale",
    }
}

#[tokio::test(start_paused = true)]
async fn new_authorities_are_believed_as_soon_as_they_are_told_and_old_ones_no_more() {
    let bench = Bench::new("rotation");
    let (first, second) = (
        Authority::root("first", Key(1)),
        Authority::root("second", Key(2)),
    );
    let agent = Agent::at(&bench.path(), x509(&[&first]));
    let source = bench.apis.watch(&bench.address(), &example());
    let of = |roots: &[&Authority]| {
        roots
            .iter()
            .map(|root| root.certificate.clone())
            .collect::<Vec<_>>()
    };
    let holds = |roots: &[&Authority]| {
        let authorities = source.x509_authorities().unwrap_or_default();
        authorities.iter().map(|der| der.to_vec()).collect::<Vec<_>>() == of(roots)
    };
    until(|| holds(&[&first])).await;
    let before = source.generation();
    agent.tell(x509(&[&first, &second]));
    until(|| holds(&[&first, &second])).await;
    agent.tell(x509(&[&second]));
    until(|| holds(&[&second])).await;
    assert_eq!(source.generation(), before + 2);
    // Federation that ended is told by leaving the trust domain out.
    let other = TrustDomain::parse("other.org").unwrap();
    let other = bench.apis.watch(&bench.address(), &other);
    assert!(other.x509_authorities().is_ok());
    let mut told = x509(&[&second]);
    told.x509.truncate(1);
    agent.tell(told);
    until(|| other.x509_authorities().is_err()).await;
    assert_eq!(
        &*other.x509_authorities().unwrap_err(),
        "the Workload API tells nothing of the trust domain other.org"
    );
    assert!(holds(&[&second]));
}

#[tokio::test(start_paused = true)]
async fn the_last_word_stands_while_the_agent_is_away_and_it_is_found_again() {
    let bench = Bench::new("away");
    let source = bench.apis.watch(&bench.address(), &example());
    until(|| bench.said("what needs them gets 503 until it answers")).await;
    let never = source.x509_authorities().unwrap_err();
    assert!(never.contains("never told any"), "{never}");
    let (first, second) = (
        Authority::root("first", Key(1)),
        Authority::root("second", Key(2)),
    );
    let agent = Agent::at(&bench.path(), x509(&[&first]));
    tokio::time::advance(Duration::from_mins(1)).await;
    until(|| source.x509_authorities().is_ok()).await;
    assert!(bench.said("are told again"));
    let generation = source.generation();
    drop(agent);
    until(|| bench.said("the last that were told stay in force")).await;
    assert!(source.x509_authorities().is_ok());
    assert_eq!(source.generation(), generation);
    let agent = Agent::at(&bench.path(), x509(&[&second]));
    tokio::time::advance(Duration::from_mins(1)).await;
    until(|| source.generation() > generation).await;
    let denied = Told {
        status: Some(PERMISSION_DENIED),
        ..Told::default()
    };
    agent.tell(denied);
    until(|| bench.said("no identity issued")).await;
    assert!(source.x509_authorities().is_ok());
}

#[tokio::test(start_paused = true)]
async fn keys_of_jwt_svids_come_the_same_way() {
    let bench = Bench::new("jwt");
    let (first, second) = (
        SigningKey::generate(Algorithm::Es256).unwrap(),
        SigningKey::generate(Algorithm::Es256).unwrap(),
    );
    let agent = Agent::at(&bench.path(), jwt(&[(&first, "a")]));
    let hour = Duration::from_hours(1);
    let keys = bench.apis.jwt_authorities(&bench.address(), &example(), hour);
    assert_eq!(found(&keys, "a", now(0)), "fetch", "nobody answered yet");
    let first_request = Arc::clone(&keys);
    let first_request = tokio::spawn(async move {
        let answer = first_request.lookup(Some("a"), Algorithm::Es256, now(0)).await;
        assert!(matches!(answer, Answer::Found(_)), "{answer:?}");
    });
    until(|| first_request.is_finished()).await;
    first_request.await.unwrap();
    assert_eq!(found(&keys, "b", now(0)), "unknown");
    agent.tell(jwt(&[(&second, "b")]));
    until(|| found(&keys, "b", now(0)) == "found").await;
    assert_eq!(found(&keys, "a", now(0)), "unknown");
    let other = TrustDomain::parse("other.org").unwrap();
    let other = bench.apis.jwt_authorities(&bench.address(), &other, hour);
    assert_eq!(found(&other, "b", now(0)), "unreachable");
    drop(agent);
    until(|| bench.said("the last that were told stay in force")).await;
    assert_eq!(found(&keys, "b", now(3600)), "found");
    assert_eq!(found(&keys, "b", now(3601)), "stale");
}

#[tokio::test(start_paused = true)]
async fn all_who_watch_share_one_stream_and_the_last_one_closes_it() {
    let bench = Bench::new("shared");
    let agent = Agent::at(&bench.path(), x509(&[&Authority::root("first", Key(1))]));
    let watchers = (0..20)
        .map(|_| bench.apis.watch(&bench.address(), &example()))
        .collect::<Vec<_>>();
    until(|| watchers.iter().all(|one| one.x509_authorities().is_ok())).await;
    assert_eq!((agent.streams(), agent.opened()), (1, 1));
    drop(watchers);
    until(|| agent.streams() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_changes_nothing() {
    let bench = Bench::new("broken");
    let root = Authority::root("first", Key(1));
    let agent = Agent::at(&bench.path(), x509(&[&root]));
    let source = bench.apis.watch(&bench.address(), &example());
    until(|| source.x509_authorities().is_ok()).await;
    let generation = source.generation();
    let mut broken = x509(&[&root]);
    if let Some((_, der)) = broken.x509.first_mut() {
        der.truncate(40);
    }
    agent.tell(broken);
    until(|| bench.said("stay in force")).await;
    assert!(source.x509_authorities().is_ok());
    agent.tell(Told::default());
    agent.tell(x509(&[&root, &Authority::root("second", Key(2))]));
    until(|| source.generation() > generation).await;
}

/// The whole of `[certificate.NAME] workload_api`: what an authority vouches for ends with the authority.
#[tokio::test(start_paused = true)]
async fn a_certificate_holds_as_long_as_its_authority_is_told() {
    let bench = Bench::new("certificate");
    let (first, second) = (
        Authority::root("first", Key(1)),
        Authority::root("second", Key(2)),
    );
    let agent = Agent::at(&bench.path(), x509(&[&first]));
    let parts = Parts {
        keys: Arc::new(Offline),
        bundles: Some(Arc::clone(&bench.apis) as _),
        bundle_files: BundleFiles::default(),
        tokens: Arc::new(TokenCache::new(CacheLimits::default(), &OsEntropy::new())),
        revocations: RevocationLists::offline(),
        signing_keys: Arc::new(Offline),
        sessions: Arc::new(Offline),
        cookie: countersign_authn::login::cookies::SessionCookie::default(),
        sends_tokens: false,
        public_ports: PublicPorts::default(),
        http: Arc::new(Offline),
        entropy: Arc::new(OsEntropy::new()),
    };
    let mut values = Values::default();
    values.insert("trust_domain", OptionValue::Text("example.org".to_owned()));
    values.insert("workload_api", OptionValue::Text(bench.address().to_string()));
    let (table, _) = build_certificate("mesh", &values, &parts).unwrap();
    let judge = table.certificate_judge().unwrap();
    let name = [San::Uri("spiffe://example.org/joe")];
    let leaf_of = |authority: &Authority| {
        let leaf = authority.issue(&Template::client("joe", Key(3)).names(&name));
        Arc::new(PresentedCertificate::new([leaf]).unwrap())
    };
    let (old, new) = (leaf_of(&first), leaf_of(&second));
    let at = Now {
        wall: Timestamp::from_seconds(1_893_456_000),
        ..now(0)
    };
    let judged = |leaf: &Arc<PresentedCertificate>| match judge.judge(leaf, at) {
        Ok(judged) => judged.principal.subject().to_owned(),
        Err(failure) => failure.rejection.reason.code().to_owned(),
    };
    let joe = "spiffe://example.org/joe";
    assert_eq!(
        judged(&old),
        "certificate_unknown_authority",
        "nobody answered yet"
    );
    assert!(judge.hints().is_empty());
    until(|| judged(&old) == joe).await;
    assert_eq!(judge.hints(), std::slice::from_ref(&first.name));
    assert_eq!(judged(&new), "certificate_unknown_authority");
    let generation = judge.generation();
    agent.tell(x509(&[&first, &second]));
    until(|| judge.generation() != generation).await;
    assert_eq!((judged(&old).as_str(), judged(&new).as_str()), (joe, joe));
    let generation = judge.generation();
    agent.tell(x509(&[&second]));
    until(|| judge.generation() != generation).await;
    assert_eq!(judged(&old), "certificate_unknown_authority");
    assert_eq!(judged(&new), joe);
    assert_eq!(judge.hints(), std::slice::from_ref(&second.name));
    drop(agent);
    until(|| bench.said("the last that were told stay in force")).await;
    assert_eq!(judged(&new), joe);
}
