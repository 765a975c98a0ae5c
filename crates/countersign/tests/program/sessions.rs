//! Sessions of a gateway as its operator has them: the key, the store, and the commands.

use super::gateway::{Folder, Gateway, PLAIN, countersign, text};
use super::provider::{Browser, Provider, answer_one};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::process::Output;

/// A gateway with a login, whose provider nobody asks here.
fn with_login(session: &str) -> String {
    format!(
        "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n\n[login.home]\n\
         issuer = \"https://op.test\"\nclient_id = \"client\"\n\n[[route]]\nendpoint = \"/auth\"\n\
         accept = \"login.home\"\n\n[session]\n{session}\n"
    )
}

fn session(folder: &Folder, arguments: &[&str]) -> Output {
    let mut command = countersign();
    command.arg("session").args(arguments);
    command
        .arg("--state")
        .arg(folder.0.join("state"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_gateway_with_a_login_has_sessions_to_list_and_to_revoke() {
    let folder = Folder::new();
    let config = folder.write("a.toml", with_login("store = \"file\""));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    let list = session(&folder, &["list"]);
    assert!(list.status.success(), "{}", said(&list));
    assert_eq!(text(&list.stdout), "0 sessions\n");
    let list = session(&folder, &["list", "--user", "https://op.test", "ann", "--json"]);
    assert_eq!(
        text(&list.stdout),
        "{\"more\":false,\"sessions\":0,\"unopened\":0}\n"
    );
    assert!(gateway.line("who=ann").contains("audit admin"));
    let revoked = session(&folder, &["revoke", "--all"]);
    assert!(revoked.status.success(), "{}", said(&revoked));
    assert_eq!(text(&revoked.stdout), "no session ended\n");
    assert!(
        gateway
            .line("audit revoked")
            .contains("session revoke all: 0 ended")
    );
    for command in ["show", "revoke"] {
        let nobody = session(&folder, &[command, "0123456789abcdef"]);
        assert_eq!(nobody.status.code(), Some(1), "{}", said(&nobody));
        assert!(
            said(&nobody).contains("no session of this name"),
            "{}",
            said(&nobody)
        );
    }
    let all = session(&folder, &["revoke"]);
    assert_eq!(
        all.status.code(),
        Some(2),
        "never all of them by mistake: {}",
        said(&all)
    );
}

#[test]
fn the_key_is_made_once_for_this_user_alone_and_the_file_beside_it() {
    let folder = Folder::new();
    let config = folder.write("a.toml", with_login("store = \"file\""));
    let key = folder.0.join("state/session.key");
    let mut before = Vec::new();
    for _ in 0..2 {
        let mut gateway = Gateway::start(&folder, &config);
        gateway.line("listening");
        let bytes = std::fs::read(&key).unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!(std::fs::metadata(&key).unwrap().mode() & 0o777, 0o600);
        assert!(folder.0.join("state/sessions.redb").exists());
        assert!(before.is_empty() || before == bytes);
        before = bytes;
        gateway.signal("TERM");
        assert!(gateway.end().1);
    }
}

#[test]
fn a_reload_takes_new_times_and_another_store_only_by_a_restart() {
    let folder = Folder::new();
    let config = folder.write("a.toml", with_login("store = \"memory\""));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    folder.write("a.toml", with_login("store = \"memory\"\nrecheck = \"5s\""));
    gateway.takes();
    assert!(
        gateway
            .line("audit reload")
            .contains("configuration 1 is in force")
    );
    folder.write("a.toml", with_login("store = \"file\""));
    let why = gateway.refuses();
    assert!(
        why.contains("sessions are in another store since the start: memory, 100000 sessions")
            && why.contains("another store is taken by a restart"),
        "{why}"
    );
    assert!(why.contains("a.toml:16:9"), "{why}");
}

#[test]
fn a_gateway_without_a_login_has_no_sessions_until_a_reload_brings_one() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    let none = session(&folder, &["list"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        said(&none).contains("no login, and so no sessions"),
        "{}",
        said(&none)
    );
    assert!(!folder.0.join("state/session.key").exists());
    folder.write("a.toml", with_login(""));
    gateway.takes();
    assert!(session(&folder, &["list"]).status.success());
}

#[test]
fn sessions_in_cookies_have_a_key_and_no_store_and_every_command_says_why_not() {
    let folder = Folder::new();
    let config = folder.write("a.toml", with_login("store = \"cookie\""));
    let mut gateway = Gateway::start(&folder, &config);
    assert!(
        gateway
            .line("a copy of the cookie")
            .contains("good for 5m, or 1d")
    );
    gateway.line("listening");
    assert!(folder.0.join("state/session.key").exists());
    assert!(!folder.0.join("state/sessions.redb").exists());
    let commands: [&[&str]; 4] = [
        &["list"],
        &["show", "0123456789abcdef"],
        &["revoke", "--user", "https://op.test", "ann"],
        &["revoke", "--all"],
    ];
    for command in commands {
        let refused = session(&folder, command);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(
            said(&refused).contains("can be neither listed nor revoked")
                && said(&refused).contains("put another key in place of those in `sealing_keys`"),
            "{}",
            said(&refused)
        );
    }
    // Another store is another matter, either way round.
    folder.write("a.toml", with_login("store = \"memory\""));
    let why = gateway.refuses();
    assert!(
        why.contains("sessions are in another store since the start: cookies"),
        "{why}"
    );
}

#[test]
fn check_says_in_a_number_how_long_a_logout_takes() {
    let folder = Folder::new();
    let config = folder.write("a.toml", with_login("recheck = \"2s\""));
    let checked = countersign().arg("check").arg(&config).output().unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(
        said(&checked).contains("is not served any more after 2s"),
        "{}",
        said(&checked)
    );
}

#[test]
fn a_store_that_cannot_be_had_is_told_at_its_place() {
    let folder = Folder::new();
    folder.write("not-a-folder", "");
    let path = folder.0.join("not-a-folder/sessions.redb");
    let config = folder.write(
        "a.toml",
        with_login(&format!("store = \"file\"\npath = {path:?}")),
    );
    let started = countersign()
        .args(["run", "--config"])
        .arg(&config)
        .arg("--state")
        .arg(folder.0.join("state"))
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    assert!(said(&started).contains("a.toml:16:9"), "{}", said(&started));
}

/// A gateway at which people log in, in front of nothing.
fn open_to_people(provider: &Provider, session: &str) -> String {
    format!(
        "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n\n{}\n[[route]]\n\
         hosts = [\"localhost\"]\naccept = \"login.home\"\nto = \"http://127.0.0.1:9\"\n\n[session]\n{session}\n",
        provider.table()
    )
}

#[test]
fn who_is_logged_in_is_listed_without_secrets_and_out_when_revoked() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let config = folder.write("a.toml", open_to_people(&provider, "recheck = \"1m\""));
    let mut gateway = Gateway::start(&folder, &config);
    let at = gateway.listening();
    let (mut ann, mut bob) = (Browser::default(), Browser::default());
    ann.log_in(at, "ann");
    assert!(
        gateway
            .line("audit login")
            .contains("who=ann login=login.home host=localhost")
    );
    bob.log_in(at, "bob");
    let list = session(&folder, &["list", "--json"]);
    let list = said(&list);
    assert!(
        list.contains("\"subject\":\"ann\"") && list.contains("\"sid\":\"sid-of-ann\""),
        "{list}"
    );
    for secret in ann.secrets().chain(bob.secrets()) {
        let id = secret.rsplit('.').next().unwrap();
        assert!(!list.contains(id), "{list}");
    }
    assert!(
        !list.contains("access-token-of") && !list.contains("eyJ"),
        "{list}"
    );
    // A reload, and whoever is logged in stays so.
    folder.write("a.toml", open_to_people(&provider, "recheck = \"50s\""));
    gateway.takes();
    assert_eq!(ann.subject(at).as_deref(), Some("ann"));
    let revoked = session(&folder, &["revoke", "--user", &provider.issuer(), "ann"]);
    assert_eq!(text(&revoked.stdout), "1 session ended\n");
    assert_eq!(ann.subject(at), None, "at once, on this node");
    assert_eq!(bob.subject(at).as_deref(), Some("bob"));
    assert_eq!(
        text(&session(&folder, &["revoke", "--all"]).stdout),
        "1 session ended\n"
    );
    assert_eq!(bob.subject(at), None);
}

#[test]
fn a_logout_waits_for_nobody_and_its_tokens_are_given_back_before_the_end() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = provider.table_of_its_own(hangs.local_addr().unwrap());
    let config = open_to_people(&provider, "store = \"memory\"").replace(&provider.table(), &own);
    let config = folder.write("a.toml", config);
    let mut gateway = Gateway::start(&folder, &config);
    let at = gateway.listening();
    let mut ann = Browser::default();
    ann.log_in(at, "ann");
    let answer = ann.log_out(at);
    assert!(answer.contains(" 200 ") || answer.contains(" 303 "), "{answer}");
    assert_eq!(ann.subject(at), None);
    let audit = gateway.line("audit logout");
    assert!(!audit.contains("answer"), "nothing was waited for: {audit}");
    gateway.signal("TERM");
    gateway.line("finishing");
    let given_back = answer_one(&hangs);
    assert!(given_back.contains("refresh-token-"), "{given_back}");
    let (log, well) = gateway.end();
    assert!(well, "{log}");
    assert!(!log.contains("not given back"), "{log}");
}

#[test]
fn sessions_in_a_file_outlive_a_gateway_that_is_killed_and_logouts_do_too() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let config = folder.write("a.toml", open_to_people(&provider, "store = \"file\""));
    let mut people = Vec::new();
    for round in 0..5 {
        let mut gateway = Gateway::start(&folder, &config);
        let at = gateway.listening();
        for (person, browser) in &mut people {
            let browser: &mut Browser = browser;
            assert_eq!(browser.subject(at).as_ref(), Some(&*person));
        }
        let (stays, goes) = (format!("stays-{round}"), format!("goes-{round}"));
        let (mut one, mut other) = (Browser::default(), Browser::default());
        one.log_in(at, &stays);
        other.log_in(at, &goes);
        let revoked = session(&folder, &["revoke", "--user", &provider.issuer(), &goes]);
        assert_eq!(text(&revoked.stdout), "1 session ended\n");
        gateway.signal("KILL");
        drop(gateway.end());
        let mut gateway = Gateway::start(&folder, &config);
        let at = gateway.listening();
        assert_eq!(one.subject(at), Some(stays.clone()));
        assert_eq!(other.subject(at), None, "no logout is undone");
        gateway.signal("KILL");
        drop(gateway.end());
        people.push((stays, one));
    }
}

#[test]
fn sessions_in_cookies_outlive_the_gateway_hold_at_its_like_and_end_with_their_key() {
    let (folder, provider) = (Folder::new(), Provider::start());
    let config = folder.write("a.toml", open_to_people(&provider, "store = \"cookie\""));
    let mut ann = Browser::default();
    // The key that is made at the first start.
    for round in 0..2 {
        let mut gateway = Gateway::start(&folder, &config);
        let at = gateway.listening();
        if round == 0 {
            ann.log_in(at, "ann");
            assert!(gateway.line("audit login").contains("who=ann"));
        }
        assert_eq!(ann.subject(at).as_deref(), Some("ann"));
        gateway.signal("KILL");
        drop(gateway.end());
    }
    // Keys that several have.
    let one = folder.write("one", "a key that two of them have, and nobody else");
    let other = folder.write("other", "another key that nobody else has, long enough");
    let with = |keys: &str| {
        let session = format!("store = \"cookie\"\nsealing_keys = [{keys}]");
        open_to_people(&provider, &session)
    };
    let (one, other) = (format!("{{ file = {one:?} }}"), format!("{{ file = {other:?} }}"));
    let (mut bob, elsewhere) = (Browser::default(), Folder::new());
    folder.write("a.toml", with(&one));
    let mut first = Gateway::start(&folder, &config);
    let at = first.listening();
    assert_eq!(ann.subject(at), None, "her key is gone");
    bob.log_in(at, "bob");
    let both = elsewhere.write("a.toml", with(&format!("{other}, {one}")));
    let mut second = Gateway::start(&elsewhere, &both);
    let at = second.listening();
    assert_eq!(bob.subject(at).as_deref(), Some("bob"));
    elsewhere.write("a.toml", with(&other));
    second.takes();
    assert_eq!(bob.subject(at), None, "and so is his");
}
