//! Trust bundles as key sets of their own kind.

use super::*;
use countersign_authn::bundle_file::{BundleFiles, BundleOf, Svid};
use countersign_core::spiffe::TrustDomain;

/// The keys of a trust bundle, which says itself when it wants to be fetched again, and is read as one from disk as well.
#[tokio::test]
async fn a_trust_bundle_is_a_key_set_of_its_own_kind() {
    let world = World::new();
    let sets = world.sets();
    let location = at(URLS[0]);
    let bundle = |kids: &[&str]| {
        let keys = set(kids).replace("\"sig\"", "\"jwt-svid\"");
        keys.replacen('{', "{\"spiffe_refresh_hint\":120,", 1)
    };
    let answer = |text: String| {
        world.answer(
            "https://bundle.test/",
            Answered::With(200, text, Some("max-age=30")),
        );
    };
    answer(bundle(&["a"]));
    let keys = sets.open(&location, &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    assert_eq!(world.asked(), ["https://bundle.test/"]);
    world.later(119);
    sets.tick(world.now()).await;
    assert!(world.asked().is_empty(), "the hint outweighs the cache header");
    answer(bundle(&["b"]));
    world.later(1);
    sets.tick(world.now()).await;
    assert_eq!(world.asked().len(), 1);
    assert_eq!(world.look(&keys, "b").await, "found");
    assert_eq!(world.look(&keys, "a").await, "unknown");
    // A JWK Set of another purpose does not take its place.
    answer(set(&["c"]));
    world.later(120);
    sets.tick(world.now()).await;
    assert_eq!(world.look(&keys, "b").await, "found");
    world.answer(
        "https://bundle.test/",
        Answered::Fails(HttpError::Unreachable("down".into())),
    );
    let restarted = world.sets();
    let keys = restarted.open(&location, &settings());
    assert_eq!(world.look(&keys, "b").await, "found");
    assert_eq!(&*restarted.status(world.now())[0].issuer, "spiffe://example.org");
}

/// A bundle endpoint of `example.org`, at two addresses.
struct Endpoint {
    world: Arc<World>,
}

const URLS: [&str; 2] = ["https://bundle.test/", "https://other.test/"];

/// A table of a process of its own.
fn at(url: &str) -> KeyLocation {
    next(&BundleFiles::default(), url)
}

/// The same table of a process that goes on, as it is when the configuration is read anew.
fn next(bundles: &BundleFiles, url: &str) -> KeyLocation {
    of("example.org", bundles, url)
}

fn of(domain: &str, bundles: &BundleFiles, url: &str) -> KeyLocation {
    let domain = TrustDomain::parse(domain).unwrap();
    let table: BundleOf<'_> = ("jwt_svid.mesh", &domain, Svid::Jwt);
    KeyLocation::TrustBundle {
        issuer: domain.id().to_string().into(),
        url: Url::parse(url).unwrap(),
        in_force: bundles.in_force_now().fetched(table),
    }
}

impl Endpoint {
    fn of(world: &Arc<World>) -> Self {
        let world = Arc::clone(world);
        Self { world }
    }

    fn serve(&self, kids: &[&str], more: &str) {
        let keys = set(kids).replace("\"sig\"", "\"jwt-svid\"");
        self.answer(&keys.replacen('{', &format!("{{{more}"), 1));
    }

    fn answer(&self, text: &str) {
        for url in URLS {
            self.world.answer(url, Answered::With(200, text.to_owned(), None));
        }
    }

    async fn later(&self, sets: &Arc<KeySets>) {
        self.world.later(600);
        sets.tick(self.world.now()).await;
    }
}

/// Section 4.1.1: an older bundle never brings back what was withdrawn, nor does one after a restart.
#[tokio::test]
async fn a_trust_bundle_only_goes_forward() {
    let world = World::new();
    let endpoint = Endpoint::of(&world);
    endpoint.serve(&["a", "b"], "\"spiffe_sequence\":4,");
    let mut sets = world.sets();
    let mut keys = sets.open(&at(URLS[0]), &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    endpoint.serve(&["b"], "\"spiffe_sequence\":5,");
    endpoint.later(&sets).await;
    assert_eq!(world.look(&keys, "a").await, "unknown");
    for (older, told) in [
        ("\"spiffe_sequence\":4,", "4, and 5"),
        ("", "no spiffe_sequence, and 5"),
    ] {
        endpoint.serve(&["a", "b"], older);
        for restart in [false, true] {
            if restart {
                sets = world.sets();
                keys = sets.open(&at(URLS[0]), &settings());
            }
            endpoint.later(&sets).await;
            assert_eq!(world.look(&keys, "a").await, "unknown", "{older}");
            assert_eq!(world.look(&keys, "b").await, "found", "{older}");
            let failed = sets.status(world.now())[0].last_error.clone().unwrap_or_default();
            assert!(failed.contains(told), "{failed}");
        }
    }
    // A trust domain that counts anew is heard once the bundle in force is too old to count.
    endpoint.serve(&["d"], "\"spiffe_sequence\":1,");
    endpoint.later(&sets).await;
    assert_eq!(world.look(&keys, "d").await, "unknown");
    world.later(24 * 3600);
    sets.tick(world.now()).await;
    assert_eq!(world.look(&keys, "d").await, "found");
}

/// A reload that asks elsewhere, or otherwise, goes on from the bundle in force; what was kept of old counts no more than
/// what comes.
#[tokio::test]
async fn another_set_of_the_same_trust_domain_goes_on_from_the_bundle_in_force() {
    let world = World::new();
    let endpoint = Endpoint::of(&world);
    endpoint.serve(&["a", "b"], "\"spiffe_sequence\":4,");
    let sets = world.sets();
    let before = sets.open(&at(URLS[1]), &settings());
    assert_eq!(world.look(&before, "a").await, "found", "and kept");
    drop(before);
    let sets = world.sets();
    let bundles = BundleFiles::default();
    endpoint.serve(&["b"], "\"spiffe_sequence\":5,");
    let in_force = sets.open(&next(&bundles, URLS[0]), &settings());
    assert_eq!(world.look(&in_force, "b").await, "found");
    endpoint.serve(&["a", "b"], "\"spiffe_sequence\":4,");
    let mut in_force = Some(in_force);
    for gone in [false, true] {
        if gone {
            // Nothing is fetched between, nor from anywhere any more.
            next(&bundles, URLS[0]);
            in_force = None;
        }
        for url in URLS {
            let mut settings = settings();
            settings.freshness.refresh = Duration::from_mins(5);
            let again = sets.open(&next(&bundles, url), &settings);
            assert_ne!(world.look(&again, "a").await, "found", "{url}");
            endpoint.later(&sets).await;
            assert_ne!(world.look(&again, "a").await, "found", "{url}");
        }
    }
    drop(in_force);
    // Another trust domain's number says nothing.
    let other = sets.open(&of("other.org", &bundles, URLS[1]), &settings());
    assert_eq!(world.look(&other, "a").await, "found");
}

/// Section 4.1.3. Entries for others are none for these, and one that cannot be used is not gone.
#[tokio::test]
async fn a_trust_bundle_that_lists_no_key_has_withdrawn_them() {
    let world = World::new();
    let endpoint = Endpoint::of(&world);
    endpoint.serve(&["a"], "");
    let sets = world.sets();
    let (log, lines) = Log::memory(Format::Human);
    sets.tell(&Arc::new(log));
    let keys = sets.open(&at(URLS[0]), &settings());
    let certificate = r#"{"kty":"EC","use":"x509-svid","x5c":["MAA="]}"#;
    for (more, found) in [(r#",{"use":"jwt-svid"}"#, "found"), ("", "unknown")] {
        assert_eq!(world.look(&keys, "a").await, "found");
        endpoint.answer(&format!(r#"{{"keys":[{certificate}{more}]}}"#));
        endpoint.later(&sets).await;
        assert_eq!(world.look(&keys, "a").await, found, "{more}");
    }
    endpoint.answer(r#"{"keys":[]}"#);
    endpoint.later(&sets).await;
    assert_eq!(world.look(&keys, "a").await, "unknown");
    let lines = lines.lock().unwrap();
    let told = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert!(told("no entry of the trust bundle that signs JWT-SVIDs can be used") > 0);
    assert_eq!(
        told("the bundle lists none for JWT-SVIDs: no token is accepted"),
        1
    );
    drop(lines);
}
