use super::*;
use crate::log::{Format, Log};
use countersign_core::http_client::HttpError;
use countersign_core::reason::UnavailableReason;
use countersign_core::time::Clock;
use url::Url;
use world::{Answered, DOCUMENT, ISSUER, World, location, set, settings};

mod bundles;
mod world;

#[tokio::test]
async fn a_set_is_discovered_and_fetched_when_it_is_first_needed() {
    let world = World::new();
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    assert!(world.asked().is_empty());
    assert!(matches!(
        keys.lookup_now(Some("a"), Algorithm::Es256, world.now()),
        Lookup::Fetch
    ));
    assert_eq!(world.look(&keys, "a").await, "found");
    let asked = world.asked.lock().unwrap().clone();
    let hosts = asked
        .iter()
        .map(|(url, limits)| (url.as_str(), limits.as_public_as.as_deref()));
    assert_eq!(
        hosts.collect::<Vec<_>>(),
        [(DOCUMENT, None), ("https://keys.test/jwks", Some("op.test"))],
        "another https host is taken, and must be as public as the issuer"
    );
    assert!(
        asked
            .iter()
            .all(|(_, limits)| limits.deadline <= Duration::from_secs(5))
    );
    let status = sets.status(world.now());
    assert_eq!(status.len(), 1);
    assert_eq!(
        (&*status[0].issuer, status[0].keys, status[0].age),
        (ISSUER, 1, Some(Duration::ZERO))
    );
}

/// It may hold a token.
#[tokio::test]
async fn the_query_of_a_url_is_shown_nowhere() {
    let world = World::new();
    let sets = world.sets();
    let (log, lines) = Log::memory(Format::Human);
    sets.tell(&Arc::new(log));
    let url = "https://keys.test/jwks?token=SECRET";
    let location = KeyLocation::JwkSet {
        issuer: ISSUER.into(),
        url: Url::parse(url).unwrap(),
    };
    let keys = sets.open(&location, &settings());
    for answered in [
        Answered::Fails(HttpError::Unreachable("down".into())),
        Answered::With(500, String::new(), None),
        Answered::With(302, String::new(), None),
    ] {
        world.answer(url, answered);
        world.later(600);
        sets.tick(world.now()).await;
        let failed = sets.status(world.now())[0].last_error.clone().unwrap_or_default();
        assert!(failed.starts_with("https://keys.test/jwks?…: "), "{failed}");
    }
    let lines = lines.lock().unwrap();
    assert!(lines.len() >= 3 && !lines.iter().any(|line| line.contains("SECRET")));
    assert!(!format!("{keys:?}").contains("SECRET"));
    drop(lines);
}

#[tokio::test]
async fn all_who_wait_share_one_fetch() {
    let world = World::new();
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    *world.hold.lock().unwrap() = true;
    let waiting = (0..50).map(|number| {
        let (world, keys) = (Arc::clone(&world), Arc::clone(&keys));
        tokio::spawn(async move { world.look(&keys, if number % 2 == 0 { "a" } else { "zzz" }).await })
    });
    let waiting = waiting.collect::<Vec<_>>();
    while world.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    *world.hold.lock().unwrap() = false;
    world.go.notify_waiters();
    let mut found = Vec::new();
    for one in waiting {
        found.push(one.await.unwrap());
    }
    assert_eq!(found.iter().filter(|word| *word == "found").count(), 25);
    assert_eq!(found.iter().filter(|word| *word == "unknown").count(), 25);
    // One for the set, one more because keys were unknown.
    assert_eq!(world.asked().len(), 4);
}

/// Attack row 137, whatever the issuer does meanwhile.
#[tokio::test]
async fn unknown_key_ids_cause_one_fetch_an_interval() {
    for broken in [
        None,
        Some(Answered::Fails(HttpError::TooSlow(Duration::from_secs(5)))),
        Some(Answered::Fails(HttpError::TooLarge(1))),
        Some(Answered::With(500, set(&["b"]), None)),
    ] {
        let world = World::new();
        let sets = world.sets();
        let keys = sets.open(&location(), &settings());
        assert_eq!(world.look(&keys, "a").await, "found");
        world.asked();
        if let Some(broken) = broken {
            world.answer(DOCUMENT, broken);
        }
        let mut fetches = 0;
        for second in 0..61 {
            for number in 0..20 {
                assert_eq!(world.look(&keys, &format!("{second}-{number}")).await, "unknown");
                assert_eq!(world.look(&keys, "a").await, "found");
            }
            fetches += world.asked().iter().filter(|url| *url == DOCUMENT).count();
            world.later(1);
        }
        assert_eq!(fetches, 3, "at 0, 30 and 60 s");
    }
}

#[tokio::test]
async fn a_key_that_is_new_is_found_at_once_and_one_that_is_gone_is_dead() {
    let world = World::new();
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    let Answer::Found(old) = keys.lookup(Some("a"), Algorithm::Es256, world.now()).await else {
        panic!("not found");
    };
    assert!(keys.holds(old.thumbprint(), world.now()));
    world.keys(&["b"]);
    assert_eq!(world.look(&keys, "b").await, "found");
    assert!(!keys.holds(old.thumbprint(), world.now()));
    world.keys(&["c"]);
    sets.tick(world.now()).await;
    assert_eq!(world.look(&keys, "b").await, "found", "not due yet");
    world.later(600);
    sets.tick(world.now()).await;
    assert_eq!(world.look(&keys, "b").await, "unknown");
    assert_eq!(world.look(&keys, "c").await, "found");
}

/// Attack rows 135, 139, 140, 141 and JL-06, JL-07: nothing but a whole, right set is taken.
#[tokio::test]
async fn a_broken_answer_never_takes_a_good_sets_place() {
    let jwks = "https://keys.test/jwks";
    let bad: [(&str, Answered, &str); 12] = [
        (
            DOCUMENT,
            Answered::With(307, String::new(), None),
            "redirects are not followed",
        ),
        (DOCUMENT, Answered::With(500, "{}".into(), None), "500"),
        (
            DOCUMENT,
            Answered::With(200, "<html>".into(), None),
            "strict JSON",
        ),
        (DOCUMENT, Answered::Fails(HttpError::TooLarge(1)), "longer"),
        (
            jwks,
            Answered::With(302, set(&["x"]), None),
            "redirects are not followed",
        ),
        (jwks, Answered::With(404, set(&["x"]), None), "404"),
        (jwks, Answered::With(200, "{\"keys\":[]}".into(), None), "no key"),
        (jwks, Answered::With(200, "{\"keys\":[".into(), None), "JWK Set"),
        (jwks, Answered::With(200, "<html>".into(), None), "JWK Set"),
        (
            jwks,
            Answered::Fails(HttpError::PrivateAddress("keys.test".into())),
            "private",
        ),
        (
            jwks,
            Answered::Fails(HttpError::TooSlow(Duration::from_secs(5))),
            "no whole answer",
        ),
        (
            jwks,
            Answered::With(200, format!("{{\"keys\":[],{}", &set(&["x"])[1..]), None),
            "JWK Set",
        ),
    ];
    for (url, answer, words) in bad {
        let world = World::new();
        let sets = world.sets();
        let keys = sets.open(&location(), &settings());
        assert_eq!(world.look(&keys, "a").await, "found");
        world.answer(url, answer.clone());
        world.later(600);
        sets.tick(world.now()).await;
        assert_eq!(world.look(&keys, "a").await, "found", "{answer:?}");
        let status = sets.status(world.now());
        let error = status[0].last_error.clone().unwrap();
        assert!(error.contains(words), "{error}");
        // And where nothing was there before, nothing is there now.
        let world = World::new();
        world.answer(url, answer);
        let fresh = world.sets().open(&location(), &settings());
        assert_eq!(world.look(&fresh, "a").await, "keys_unreachable");
        assert!(world.blobs.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_document_of_another_issuer_or_with_keys_in_the_clear_is_refused() {
    for (issuer, jwks_uri) in [
        ("https://op.test/", "https://keys.test/jwks"),
        ("https://OP.test", "https://keys.test/jwks"),
        ("https://evil.test", "https://keys.test/jwks"),
        (ISSUER, "http://keys.test/jwks"),
        (ISSUER, "file:///etc/passwd"),
    ] {
        let world = World::new();
        world.document(issuer, jwks_uri);
        let keys = world.sets().open(&location(), &settings());
        assert_eq!(
            world.look(&keys, "a").await,
            "keys_unreachable",
            "{issuer} {jwks_uri}"
        );
        assert_eq!(world.asked(), [DOCUMENT]);
    }
}

#[tokio::test]
async fn a_start_with_the_issuer_down_works_from_the_disk() {
    let world = World::new();
    let keys = world.sets().open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    drop(keys);
    world.down();
    world.later(3600);
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    assert_eq!(sets.status(world.now())[0].age, Some(Duration::from_hours(1)));
    world.later(23 * 3600);
    assert_eq!(world.look(&keys, "a").await, "found");
    world.later(1);
    assert_eq!(world.look(&keys, "a").await, "keys_stale");
    world.document(ISSUER, "https://keys.test/jwks");
    world.later(31);
    assert_eq!(world.look(&keys, "a").await, "found");
}

#[tokio::test]
async fn a_copy_from_the_future_or_of_another_set_is_not_believed() {
    let world = World::new();
    let keys = world.sets().open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    world.down();
    *world.wall_step.lock().unwrap() = -86_400;
    let keys = world.sets().open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "found", "as old as a set may be");
    world.later(1);
    assert_eq!(world.look(&keys, "a").await, "keys_stale");
    *world.wall_step.lock().unwrap() = 0;
    // Every blob now says it is the other issuer's.
    let blob = world.blobs.lock().unwrap().values().next().unwrap().clone();
    let other = KeyLocation::Discovery {
        issuer: "https://other.test".into(),
        url: Url::parse("https://other.test/d").unwrap(),
    };
    let stranger = settings();
    let name = blob::Binding::new(&other, &stranger).name();
    world.blobs.lock().unwrap().insert(name, blob);
    let sets = world.sets();
    let (log, lines) = Log::memory(Format::Human);
    sets.tell(&Arc::new(log));
    let keys = sets.open(&other, &stranger);
    assert_eq!(world.look(&keys, "a").await, "keys_unreachable");
    assert!(sets.status(world.now())[0].kept_error.is_some());
    let said = lines.lock().unwrap().concat();
    assert!(
        said.contains("the copy on disk is another set's, or broken"),
        "{said}"
    );
}

#[tokio::test]
async fn an_issuer_that_is_down_from_the_start_is_asked_ever_more_rarely() {
    let world = World::new();
    world.down();
    let keys = world.sets().open(&location(), &settings());
    let mut asked = Vec::new();
    for second in 0..64 {
        for _ in 0..10 {
            let Answer::Unavailable {
                reason, retry_after, ..
            } = keys.lookup(Some("a"), Algorithm::Es256, world.now()).await
            else {
                panic!("not unavailable");
            };
            assert_eq!(reason, UnavailableReason::KeysUnreachable);
            assert!((1..=30).contains(&retry_after.as_secs()));
        }
        asked.extend(world.asked().iter().map(|_| second));
        world.later(1);
    }
    assert_eq!(asked, [0, 1, 3, 7, 15, 31, 61]);
}

#[tokio::test]
async fn a_fetch_that_fails_has_a_line_in_the_log() {
    let world = World::new();
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    world.down();
    assert_eq!(world.look(&keys, "a").await, "keys_unreachable");
    let (log, lines) = Log::memory(Format::Human);
    sets.tell(&Arc::new(log));
    let told = lines.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("warning: key_set: keys of https://"),
        "{told:?}"
    );
    assert!(
        told[0].ends_with("; its tokens get 503 until a fetch succeeds"),
        "{told:?}"
    );
    world.later(60);
    sets.tick(world.now()).await;
    assert_eq!(lines.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_end_the_fetch() {
    let world = World::new();
    let keys = world.sets().open(&location(), &settings());
    *world.hold.lock().unwrap() = true;
    let waiting = {
        let (world, keys) = (Arc::clone(&world), Arc::clone(&keys));
        tokio::spawn(async move { world.look(&keys, "a").await })
    };
    while world.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    *world.hold.lock().unwrap() = false;
    world.go.notify_waiters();
    assert_eq!(world.look(&keys, "a").await, "found");
    assert_eq!(world.asked().len(), 2);
}

/// Attack row 138.
#[tokio::test]
async fn a_fetch_that_panics_is_a_fetch_that_failed() {
    let world = World::new();
    world.answer(DOCUMENT, Answered::Panics);
    let keys = world.sets().open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "keys_unreachable");
    world.document(ISSUER, "https://keys.test/jwks");
    world.later(2);
    assert_eq!(world.look(&keys, "a").await, "found");
}

#[tokio::test]
async fn equal_sets_are_one_set_and_unused_ones_are_let_go() {
    let world = World::new();
    let sets = world.sets();
    let first = sets.open(&location(), &settings());
    assert_eq!(world.look(&first, "a").await, "found");
    let again = sets.open(&location(), &settings());
    assert!(matches!(
        again.lookup_now(Some("a"), Algorithm::Es256, world.now()),
        Lookup::Found(_)
    ));
    let mut other = settings();
    other.freshness.refresh = Duration::from_mins(1);
    let other = sets.open(&location(), &other);
    assert!(matches!(
        other.lookup_now(Some("a"), Algorithm::Es256, world.now()),
        Lookup::Fetch
    ));
    assert_eq!(sets.status(world.now()).len(), 2);
    drop(first);
    assert_eq!(sets.status(world.now()).len(), 2, "still held");
    drop((again, other));
    sets.forget_unused();
    assert!(sets.status(world.now()).is_empty());
}

#[tokio::test]
async fn cache_headers_bring_the_next_fetch_nearer() {
    let world = World::new();
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    world.answer(
        "https://keys.test/jwks",
        Answered::With(200, set(&["a"]), Some("max-age=60")),
    );
    assert_eq!(world.look(&keys, "a").await, "found");
    world.asked();
    world.later(59);
    sets.tick(world.now()).await;
    assert!(world.asked().is_empty());
    world.later(1);
    sets.tick(world.now()).await;
    assert_eq!(world.asked().len(), 2);
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_left_out_and_told() {
    let world = World::new();
    let body = set(&["a"]).replace("[{", "[{\"kty\":\"oct\",\"kid\":\"secret\",\"k\":\"AA\"},{");
    world.answer("https://keys.test/jwks", Answered::With(200, body, None));
    let sets = world.sets();
    let keys = sets.open(&location(), &settings());
    assert_eq!(world.look(&keys, "a").await, "found");
    let status = sets.status(world.now());
    assert_eq!(status[0].left_out.len(), 1);
    assert!(status[0].left_out[0].contains("secret"), "{status:?}");
}
