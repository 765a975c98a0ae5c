use super::super::source::{Environment, Sources};
use super::super::{Severity, shape};
use super::*;

const HEAD: &str = "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\n[login.home]\nissuer = \"https://op.test\"\nclient_id = \"client\"\n[session]\n";

fn environment() -> Environment {
    let of = |name: &str| match name {
        "KEY" => Some("k".repeat(32)),
        "OTHER" => Some("o".repeat(40)),
        "SHORT" => Some("k".repeat(31)),
        _ => None,
    };
    Environment {
        variable: Box::new(of),
        ..Environment::empty()
    }
}

fn read(session: &str) -> (SessionPlan, Vec<Diagnostic>) {
    let sources = Sources::text("a.toml", &format!("{HEAD}{session}"));
    let document = shape::read(&sources, &environment()).0;
    let mut told = Vec::new();
    let plan = plan(&document, &environment(), &mut told);
    (plan, told)
}

#[track_caller]
fn refused(session: &str, message: &str) {
    let (_, told) = read(session);
    let errors = told.iter().filter(|one| one.severity == Severity::Error);
    let messages = errors.map(|one| one.message.as_str()).collect::<Vec<_>>();
    assert!(messages.iter().any(|told| told.contains(message)), "{messages:?}");
}

#[track_caller]
fn taken(session: &str) -> SessionPlan {
    let (plan, told) = read(session);
    assert!(told.iter().all(|one| one.severity != Severity::Error), "{told:?}");
    plan
}

#[test]
fn without_a_table_sessions_are_in_memory_for_eight_hours_and_a_day() {
    let plan = taken("");
    assert!(plan.needed);
    assert_eq!(plan.settings, SessionSettings::default());
    assert!(matches!(
        plan.store,
        StorePlan::Memory {
            max_sessions: 100_000
        }
    ));
    assert!(plan.sealer.is_none());
}

#[test]
fn what_is_written_is_what_holds() {
    let plan = taken(
        "store = \"file\"\npath = \"/var/lib/x.redb\"\nidle = \"24h\"\nabsolute = \"24h\"\nrecheck = \"0s\"\n\
         grace = \"10m\"\nper_user = 3\ncached = \"1MiB\"\ncookie_name = \"sid\"\n\
         sealing_keys = [{ env = \"KEY\" }, { env = \"OTHER\" }]",
    );
    assert_eq!(plan.settings.idle, Duration::from_hours(24));
    assert_eq!(plan.settings.recheck, Duration::ZERO);
    assert_eq!(plan.settings.grace, Duration::from_mins(10));
    assert_eq!(plan.settings.per_subject, 3);
    assert_eq!(plan.settings.cache_bytes, 1 << 20);
    assert_eq!(plan.store.to_string(), "/var/lib/x.redb");
    assert!(plan.sealer.is_some());
}

#[test]
fn redis_is_named_by_url_and_keys() {
    let plan = taken(
        "store = \"redis\"\nurl = \"rediss://redis.test:6380\"\ndatabase = 3\npassword = { env = \"OTHER\" }\n\
         sealing_keys = { env = \"KEY\" }",
    );
    assert_eq!(plan.store.to_string(), "rediss://redis.test:6380, database 3");
    assert!(!format!("{plan:?}").contains("ooo"));
    let with = |line: &str| {
        format!("store = \"redis\"\nsealing_keys = {{ env = \"KEY\" }}\nurl = \"redis://a.test:1\"\n{line}")
    };
    taken(&with(""));
    refused("store = \"redis\"\nurl = \"redis://a.test\"", "needs keys");
    refused(
        "store = \"redis\"\nsealing_keys = { env = \"KEY\" }",
        "`url` is missing",
    );
    refused(
        &with("authorities = \"a.pem\"").replace("authorities", "path"),
        "`path` is for",
    );
    let at = |url: &str| with("").replace("redis://a.test:1", url);
    for (url, message) in [
        ("http://a.test", "not the URL of a Redis"),
        ("/run/redis.sock", "not the URL of a Redis"),
        ("redis://u:p@a.test", "a password is not written here"),
        ("redis://a.test/a", "nothing stands behind"),
        ("unix://run/redis.sock", "by its whole path"),
        ("unix:redis.sock", "by its whole path"),
    ] {
        refused(&at(url), message);
    }
    let long = format!("unix:///{}", "a".repeat(107));
    refused(&at(&long), "at most 107 bytes, and this one has 108");
    refused(&with("database = 4").replace(":1", ":1/3"), "names database 3");
}

#[test]
fn redis_may_be_at_a_socket() {
    let at = |url: &str, line: &str| {
        format!("store = \"redis\"\nsealing_keys = {{ env = \"KEY\" }}\nurl = \"{url}\"\n{line}")
    };
    for (url, line, database) in [
        ("unix:///run/redis/redis.sock", "", 0),
        ("unix:/run/redis/redis.sock?db=3", "", 3),
        ("unix:///run/redis/redis.sock?db=3", "database = 3", 3),
        (
            "redis+unix:///run/redis/redis.sock",
            "username = \"me\"\npassword = { env = \"OTHER\" }\ndatabase = 3",
            3,
        ),
    ] {
        let name = format!("unix:///run/redis/redis.sock, database {database}");
        assert_eq!(taken(&at(url, line)).store.to_string(), name);
    }
}

#[test]
fn what_is_another_stores_is_refused() {
    refused("path = \"/a\"", "`path` is for the store \"file\"");
    refused("url = \"redis://a\"", "`url` is for the store \"redis\"");
    refused(
        "store = \"file\"\ndatabase = 1",
        "`database` is for the store \"redis\"",
    );
}

#[test]
fn a_session_does_not_rest_longer_than_it_lasts() {
    refused("idle = \"25h\"", "rest longer");
    taken("idle = \"25h\"\nabsolute = \"48h\"");
}

#[test]
fn sessions_in_cookies_are_told_what_they_are_worth() {
    let (plan, told) = read("store = \"cookie\"\nabsolute = \"12h\"");
    assert!(matches!(plan.store, StorePlan::Cookie { provides: false }));
    let [only] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        only.message.contains("good for 5m, or 12h where it is renewed"),
        "{}",
        only.message
    );
    refused(
        "store = \"cookie\"\npath = \"/a\"",
        "`path` is for the store \"file\"",
    );
    for line in [
        "idle = \"8h\"",
        "recheck = \"1s\"",
        "grace = \"1s\"",
        "per_user = 20",
        "cached = \"1MiB\"",
    ] {
        refused(
            &format!("store = \"cookie\"\n{line}"),
            "is for sessions in a store",
        );
    }
    // The usual idle time is no fault of somebody who set none.
    taken("store = \"cookie\"\nabsolute = \"20m\"");
}

#[test]
fn keys_are_long_and_each_is_there_once() {
    refused("sealing_keys = { env = \"SHORT\" }", "at least 32 bytes");
    refused("sealing_keys = [{ env = \"KEY\" }, { env = \"KEY\" }]", "twice");
    refused("sealing_keys = []", "empty list");
}

#[test]
fn a_cookie_has_a_plain_name() {
    refused("cookie_name = \"a b\"", "a cookie is named by");
    refused("cookie_name = \"a;b\"", "a cookie is named by");
}

#[test]
fn a_domain_is_shared_that_is_ones_own_and_every_start_warns() {
    let (_, told) = read("share = \"home.example\"");
    let warnings = told.iter().filter(|one| one.severity == Severity::Warning);
    let warnings = warnings.map(|one| one.message.as_str()).collect::<Vec<_>>();
    assert!(
        matches!(warnings.as_slice(), [only] if only.contains("whoever runs any host under home.example")),
        "{warnings:?}"
    );
    refused("share = \"com\"", "anybody can have a host under it");
    refused("share = \"192.0.2.1\"", "an address");
    refused("share = \"*.home.example\"", "not the name of a domain");
}

#[test]
fn how_long_a_logout_takes_is_told_in_a_number() {
    let note = |session: &str| {
        let (_, told) = read(session);
        let note = told.into_iter().find(|one| one.severity == Severity::Note);
        note.map(|note| note.message).unwrap_or_default()
    };
    assert!(note("").contains("after 1s, on any node"), "{}", note(""));
    let long = note("recheck = \"5s\"\ngrace = \"1m\"");
    assert!(
        long.contains("after 5s, on any node; while the store is away, after 65s"),
        "{long}"
    );
}

#[test]
fn without_a_login_nothing_is_said_and_nothing_needed() {
    let sources = Sources::text("a.toml", "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\n");
    let document = shape::read(&sources, &environment()).0;
    let mut told = Vec::new();
    assert!(!plan(&document, &environment(), &mut told).needed);
    assert!(told.is_empty());
}
