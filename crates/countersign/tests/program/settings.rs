//! Settings that a reload puts in force: lines, limits, remembered tokens.

use super::gateway::{Client, Folder, Gateway, PLAIN, countersign, free, text};
use std::path::Path;

/// A gateway at an address of its own, and that address.
fn start(folder: &Folder, text: &str) -> (Gateway, Client) {
    let file = folder.write("a.toml", text);
    let mut gateway = Gateway::start(folder, &file);
    let at = gateway.listening();
    (gateway, Client::tcp(at))
}

#[test]
fn the_form_and_the_level_of_lines_change_with_a_reload() {
    let folder = Folder::new();
    let (mut gateway, mut client) = start(&folder, PLAIN);
    assert_eq!(client.ask("/auth"), Some(200));
    assert!(gateway.line("allowed").contains(" allow allowed status=200"));
    folder.write("a.toml", format!("{PLAIN}\n[log]\nformat = \"json\"\n"));
    gateway.takes();
    let taken = gateway.line("\"event\":\"reload\"");
    assert!(
        taken.starts_with("{\"level\":\"info\",\"event\":\"reload\"") && taken.contains("in force"),
        "{taken}"
    );
    assert_eq!(client.ask("/auth"), Some(200));
    assert!(gateway.line("allowed").starts_with("{\"event\":\"decision\""));
    folder.write("a.toml", format!("{PLAIN}\n[log]\nlevel = \"events\"\n"));
    gateway.takes();
    assert_eq!(client.ask("/auth"), Some(200));
    gateway.signal("TERM");
    let (rest, good) = gateway.end();
    assert!(
        good && rest.contains("info: reload: configuration 2 is in force"),
        "{rest}"
    );
    assert!(!rest.contains("allowed"), "{rest}");
}

#[test]
fn limits_change_with_a_reload_for_connections_made_after_it() {
    let folder = Folder::new();
    let at = free();
    let plain = PLAIN.replace("127.0.0.1:0", &at.to_string());
    let (gateway, mut kept) = start(&folder, &plain);
    let mut other = Client::tcp(at);
    assert_eq!((kept.ask("/auth"), other.ask("/auth")), (Some(200), Some(200)));
    folder.write(
        "a.toml",
        format!("{plain}\n[limits]\nconnections = 2\nidle = \"1s\"\nhead = \"1s\"\n"),
    );
    gateway.takes();
    assert_eq!(Client::tcp(at).ask("/auth"), None, "there is no third place");
    assert_eq!(
        (kept.ask("/auth"), other.ask("/auth")),
        (Some(200), Some(200)),
        "nobody is sent away"
    );
    drop(other);
    let mut third = std::iter::repeat_with(|| Client::tcp(at));
    // The place is given back a moment after the connection has ended.
    let mut third = third
        .find_map(|mut client| (client.ask("/auth") == Some(200)).then_some(client))
        .unwrap();
    assert_eq!(third.answer(), None, "it idles for a second at most");
    assert_eq!(kept.ask("/auth"), Some(200), "and the one before for longer");
    folder.write("a.toml", format!("{plain}\n[limits]\nconnections = 3\n"));
    gateway.takes();
    let mut more = [(); 2].map(|()| Client::tcp(at));
    assert_eq!(more.each_mut().map(|client| client.ask("/auth")), [Some(200); 2]);
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Tokens of `issuer` are taken, and what they cost can be read at `status`.
fn tokens(issuer: &str, status: &str, cache: &str) -> String {
    format!(
        "{PLAIN}\n[token.t]\nissuer = \"{issuer}\"\naudiences = \"api\"\nhmac_secret = {{ file = \"secret\" }}\n\n\
         [status]\naddress = \"{status}\"\n{cache}"
    )
    .replace("\"anonymous\"", "[\"token.t\"]")
}

fn mint(file: &Path) -> String {
    let mut command = countersign();
    command
        .args(["token", "mint", "--token", "t", "--config"])
        .arg(file);
    text(&command.output().unwrap().stdout).trim().to_owned()
}

#[test]
fn remembered_tokens_are_counted_by_the_new_limits_and_none_outlives_its_table() {
    let folder = Folder::new();
    folder.write("secret", SECRET);
    let status = free();
    let plain = tokens("https://op.example", &status.to_string(), "");
    let (gateway, mut client) = start(&folder, &plain);
    let token = mint(&folder.0.join("a.toml"));
    let mut ask = || {
        client.send("/auth", &format!("Authorization: Bearer {token}\r\n"));
        client.answer().unwrap().0
    };
    let figure = |name: &str| {
        let metrics = Client::tcp(status).read("/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    let (hits, entries) = (
        "countersign_token_cache_hits_total ",
        "countersign_token_cache_entries ",
    );
    assert_eq!((ask(), ask()), (200, 200));
    assert_eq!((figure(hits), figure(entries)), (1, 1));
    let none = "\n[token_cache]\nentries = 0\n";
    folder.write("a.toml", tokens("https://op.example", &status.to_string(), none));
    gateway.takes();
    assert_eq!((ask(), ask()), (200, 200));
    assert_eq!(
        (figure(hits), figure(entries)),
        (1, 0),
        "what was counted stays counted"
    );
    folder.write("a.toml", format!("{plain}\n# as before\n"));
    gateway.takes();
    assert_eq!((ask(), ask()), (200, 200));
    assert_eq!((figure(hits), figure(entries)), (2, 1));
    folder.write("a.toml", tokens("https://other.example", &status.to_string(), ""));
    gateway.takes();
    assert_eq!(
        ask(),
        401,
        "another issuer's token, however well it is remembered"
    );
    assert_eq!(figure(entries), 0);
}
