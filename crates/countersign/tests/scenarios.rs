//! Runs every page under `tests/scenarios`: documentation that is checked. See its README for the format.
//!
//! Arguments that are no flags choose pages: those whose path holds one of them run. Each page that passes is noted in
//! `target/evidence/scenarios.txt`.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]
#![expect(clippy::print_stdout, reason = "this is a test runner")]

use bytes::Bytes;
use countersign::compose::{self, Loaded};
use countersign::config::session::StorePlan;
use countersign::config::{Environment, Sources, render};
use countersign_authn::bundle_file::BundleFiles;
use countersign_authn::keys::{KeySetFactory, Offline};
use countersign_authn::kinds::Parts;
use countersign_authn::login::cookies::SessionCookie;
use countersign_authn::revocations::{RevocationSources, Revocations, RevocationsFactory};
use countersign_authn::session::Sessions;
use countersign_authn::session::seal::Sealer;
use countersign_authn::token_cache::TokenCache;
use countersign_core::gate::PublicPorts;
use countersign_core::options::Fault;
use countersign_core::peer::Peer;
use countersign_core::session::SessionStore;
use countersign_core::time::Clock as _;
use countersign_core::{BoxFuture, Ports};
use countersign_edge::body::Body;
use countersign_edge::key_sets::{KeySets, Refresh};
use countersign_edge::log::{Format, Log};
use countersign_edge::metrics::Metrics;
use countersign_edge::observe::Observer;
use countersign_edge::provider_keys::{Place, ProviderKeys};
use countersign_edge::serve::{Loopback, Service, Shared};
use countersign_edge::sessions::{SessionKeeper, SessionSettings};
use countersign_edge::store::NoSessions;
use countersign_edge::store::memory::{self, MemoryStore};
use countersign_testkit::away::Away;
use countersign_testkit::op::CLIENT_SECRET;
use countersign_testkit::scenario::page::Page;
use countersign_testkit::scenario::question::Face;
use countersign_testkit::scenario::run::{Files, Gateway, Outcome, Program, run};
use countersign_testkit::world::World;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlError, CrlIndex};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Pages that fail are told about until this many failures were shown; one mistake can have many.
const SHOWN_FAILURES: usize = 12;

/// The whole program but its sockets.
struct Countersign {
    folder: PathBuf,
}

/// What a configuration is read among, and what outlives it.
type Asked<'a> = (
    &'a Arc<KeySets>,
    &'a BundleFiles,
    &'a Arc<ProviderKeys>,
    &'a Arc<dyn Sessions>,
);

/// One process: what a reload replaces, and what outlives it.
struct Process {
    world: World,
    outside: Ports,
    key_sets: Arc<KeySets>,
    bundle_files: BundleFiles,
    provider_keys: Arc<ProviderKeys>,
    sessions: Arc<dyn Sessions>,
    shared: Arc<Shared>,
    services: Vec<(String, Service)>,
    log: Arc<Mutex<Vec<String>>>,
}

fn load(
    config: &str,
    files: &Files,
    (key_sets, bundle_files, provider_keys, sessions): Asked<'_>,
    outside: &Ports,
) -> Result<Loaded, String> {
    let sources = Sources::text("countersign.toml", config);
    let keys: Arc<dyn KeySetFactory> = Arc::clone(key_sets) as _;
    let loaded = compose::load_with(&sources, &environment(files), |limits| Parts {
        signing_keys: Arc::clone(provider_keys) as _,
        sessions: Arc::clone(sessions),
        cookie: SessionCookie::default(),
        sends_tokens: false,
        public_ports: PublicPorts::default(),
        http: Arc::clone(&outside.http),
        entropy: Arc::clone(&outside.entropy),
        keys,
        bundles: Some(Arc::new(Offline)),
        bundle_files: bundle_files.in_force_now(),
        tokens: Arc::new(TokenCache::new(limits, &*outside.entropy)),
        revocations: Arc::new(PageLists(files.clone())),
    });
    let mut loaded = loaded.map_err(|said| render(&said, &sources, false))?;
    let faces = loaded.listeners.iter().map(compose::Listen::face);
    loaded.gateway.faces = faces.enumerate().collect();
    let provider = loaded.gateway.provider.as_ref();
    provider_keys.follow(provider.and_then(|provider| provider.keys.plan()), Place::Node);
    Ok(loaded)
}

/// Where sessions are in a page.
fn store(plan: &StorePlan, outside: &Ports, world: &World) -> Result<Arc<dyn SessionStore>, String> {
    let max_records = match plan {
        StorePlan::Memory { max_sessions } => *max_sessions,
        StorePlan::Cookie { provides: false } => return Ok(Arc::new(NoSessions)),
        StorePlan::Cookie { provides: true } => memory::Limits::default().max_records,
        StorePlan::File { .. } | StorePlan::Redis(_) => return Err("sessions here are in memory".into()),
    };
    let limits = memory::Limits {
        max_records,
        ..memory::Limits::default()
    };
    let store = MemoryStore::new(limits, Arc::clone(&outside.clock));
    Ok(Arc::new(Away::new(
        Arc::new(store),
        &world.store_away,
        &world.store_keeps,
    )))
}

/// Revocation lists among the files of the page.
#[derive(Debug)]
struct PageLists(Files);

#[derive(Debug)]
struct Read(Arc<CrlIndex>);

impl RevocationsFactory for PageLists {
    fn open(
        &self,
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
    ) -> Result<Arc<dyn Revocations>, Vec<Fault>> {
        let mut lists = Vec::new();
        for path in &sources.paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = self
                .0
                .get(&name)
                .ok_or(vec![Fault::new("crls", "no such file")])?;
            let fault = |error: CrlError| vec![Fault::new("crls", error.to_string())];
            lists.extend(Crl::parse_all(text.as_bytes()).map_err(fault)?);
        }
        match CrlIndex::new(lists, authorities) {
            Ok(index) => Ok(Arc::new(Read(Arc::new(index)))),
            Err((_, error)) => Err(vec![Fault::new("crls", error.to_string())]),
        }
    }
}

impl Revocations for Read {
    fn index(&self) -> Arc<CrlIndex> {
        Arc::clone(&self.0)
    }

    fn generation(&self) -> u64 {
        0
    }

    fn shortcomings(&self, _: bool) -> Vec<String> {
        Vec::new()
    }
}

/// No variables, and the files of the page.
fn environment(files: &Files) -> Environment {
    let files = files.clone();
    let read = move |path: &Path| {
        let name = path.to_string_lossy();
        let found = files
            .get(&*name)
            .or_else(|| files.get(name.trim_start_matches("./")));
        // What every client of the test issuers has.
        let secret = match &*name {
            "client-secret" => Some(CLIENT_SECRET.to_owned()),
            "client-key.pem" | "provider-key.pem" => {
                Some(include_str!("../../testkit/keys/ec-256.pem").to_owned())
            }
            "provider-rsa-key.pem" => Some(include_str!("../../testkit/keys/rsa-1.pem").to_owned()),
            _ => None,
        };
        found
            .cloned()
            .or(secret)
            .map(String::into_bytes)
            .ok_or(std::io::ErrorKind::NotFound.into())
    };
    Environment {
        read: Box::new(read),
        ..Environment::empty()
    }
}

impl Program for Countersign {
    fn start(&self, config: &str, files: &Files, world: &World) -> Result<Arc<dyn Gateway>, String> {
        let mut outside = world.ports();
        let loopback = Loopback::new(outside.http);
        outside.http = Arc::clone(&loopback) as _;
        let key_sets = KeySets::new(&outside, Refresh::ByHand);
        let settings = SessionSettings::default();
        let sealer = Arc::new(Sealer::draw(&*outside.entropy));
        let keeper = SessionKeeper::new(&outside, Arc::new(NoSessions), settings, Arc::clone(&sealer));
        let sessions = Arc::clone(&keeper) as Arc<dyn Sessions>;
        let bundle_files = BundleFiles::default();
        let provider_keys = ProviderKeys::new(&outside, Arc::clone(&sessions), Refresh::ByHand);
        let asked = (&key_sets, &bundle_files, &provider_keys, &sessions);
        let loaded = load(config, files, asked, &outside)?;
        let sealer = loaded.session.sealer.clone().unwrap_or(sealer);
        let store = store(&loaded.session.store, &outside, world)?;
        keeper.keep_in(store, loaded.session.settings, sealer);
        let (log, lines) = Log::memory(Format::Json);
        let log = Arc::new(log);
        keeper.tell(&log);
        provider_keys.tell(&log);
        let observer = Observer::new(log, Arc::new(Metrics::new()));
        let shared = Shared::new(loaded.gateway, &outside, observer);
        loopback.lead_to(&shared);
        let services = loaded.listeners.into_iter().enumerate().map(|(face, listen)| {
            let service = Service::new(Arc::clone(&shared), listen.face()).at_face(face);
            (listen.speak, service)
        });
        let services = services.collect();
        let world = world.clone();
        Ok(Arc::new(Process {
            world,
            outside,
            key_sets,
            bundle_files,
            provider_keys,
            sessions,
            shared,
            services,
            log: lines,
        }))
    }

    fn shared(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.folder.join("shared").join(format!("{name}.toml"))).ok()?;
        String::from_utf8(bytes).ok()
    }
}

impl Process {
    fn service(&self, face: Face) -> &Service {
        let mut services = self.services.iter();
        let (_, service) = services.find(|(speak, _)| speak == face.name()).unwrap();
        service
    }
}

async fn whole(response: Response<Body>) -> Response<Bytes> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, body)
}

impl Gateway for Process {
    fn ask(&self, face: Face, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>> {
        Box::pin(async move {
            let service = self.service(face);
            whole(service.serve(request.map(Body::full), &peer).await).await
        })
    }

    fn ask_secured<'a>(
        &'a self,
        face: Face,
        name: &'a str,
        request: Request<Bytes>,
        peer: Peer,
    ) -> BoxFuture<'a, Response<Bytes>> {
        Box::pin(async move {
            let service = self.service(face);
            let request = request.map(Body::full);
            whole(service.serve_secured(name, request, &peer).await).await
        })
    }

    fn tick(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Ours first: a guard in this very process asks for them.
            self.provider_keys.tick(self.world.clock.now()).await;
            self.key_sets.tick(self.world.clock.now()).await;
            // What requests have left behind them, such as the renewal of a session, comes to its end.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        })
    }

    fn reload(&self, config: &str, files: &Files) -> Result<(), String> {
        let loaded = load(
            config,
            files,
            (
                &self.key_sets,
                &self.bundle_files,
                &self.provider_keys,
                &self.sessions,
            ),
            &self.outside,
        )?;
        self.shared.swap(loaded.gateway);
        self.key_sets.forget_unused();
        Ok(())
    }

    fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

/// Every page below `folder`, as its path from there; READMEs and shared configurations are none.
fn pages(folder: &Path, below: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type().unwrap().is_dir() {
            pages(folder, &path, found);
        } else if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "md")
            && name != "README.md"
        {
            found.push(path);
        }
    }
}

/// How many requests one page makes, and what is wrong with it; empty when nothing is.
fn judge(name: &str, program: &Countersign) -> (usize, String) {
    let text = String::from_utf8(fs::read(program.folder.join(name)).unwrap()).unwrap();
    let page = match Page::parse(name, &text) {
        Ok(page) => page,
        Err(error) => return (0, format!("{name}:{error}\n")),
    };
    let Outcome { requests, failures } = run(&page, program);
    let mut told = String::new();
    for failure in failures.iter().take(SHOWN_FAILURES) {
        let _: std::fmt::Result = writeln!(told, "{failure}");
    }
    if failures.len() > SHOWN_FAILURES {
        let _: std::fmt::Result = writeln!(told, "{name}: and {} more", failures.len() - SHOWN_FAILURES);
    }
    (requests, told)
}

fn note(passed: &[&String]) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .join("target/evidence");
    fs::create_dir_all(&target).unwrap();
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(target.join("scenarios.txt"))
        .unwrap();
    let lines = passed
        .iter()
        .fold(String::new(), |lines, name| lines + name + "\n");
    file.write_all(lines.as_bytes()).unwrap();
}

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let wanted = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect::<Vec<_>>();
    let mut names = Vec::new();
    pages(&folder, "", &mut names);
    names.sort();
    names.retain(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())));
    if arguments.iter().any(|argument| argument == "--list") {
        for name in &names {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let program = Countersign { folder };
    let next = AtomicUsize::new(0);
    let told = Mutex::new(BTreeMap::new());
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let said = judge(name, &program);
                    drop(told.lock().unwrap().insert(name, said));
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    let (passed, failed) = told
        .iter()
        .partition::<Vec<_>, _>(|(_, (_, said))| said.is_empty());
    for (name, (_, said)) in &failed {
        println!("FAILED {name}\n{said}");
    }
    note(&passed.iter().map(|(name, _)| **name).collect::<Vec<_>>());
    let requests = told.values().map(|(requests, _)| requests).sum::<usize>();
    println!(
        "pages {} passed {} failed {} requests {requests}",
        names.len(),
        passed.len(),
        failed.len()
    );
    if names.is_empty() {
        println!("no page's path holds {wanted:?}");
    }
    ExitCode::from(u8::from(!failed.is_empty() || names.is_empty()))
}
