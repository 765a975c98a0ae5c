//! A changed configuration, taken whole or not at all.

use super::gateway::{Client, Folder, Gateway, PLAIN, text};
use std::process::Command;

#[test]
fn a_reload_with_a_mistake_says_where_and_takes_nothing() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    folder.write("a.toml", PLAIN.replace("anonymous", "anonymos"));
    let refused = gateway.reload();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("the configuration before stays in force: mistakes in it: 1\n"),
        "{said}"
    );
    assert!(
        said.contains("a.toml:9:10\n") && said.contains("did you mean \"anonymous\"?"),
        "{said}"
    );
    assert!(gateway.line("a.toml:9:10").contains("anonymos"));
    gateway.line("reload_refused");
    folder.write(
        "a.toml",
        format!("{PLAIN}\n[identity_headers]\npreset = \"none\"\n"),
    );
    let taken = gateway.reload();
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    assert_eq!(text(&taken.stdout), "ok: configuration 1 is in force\n");
    folder.write("a.toml", PLAIN);
    let cut = gateway.reload();
    assert!(text(&cut.stderr).contains("cut off"), "{}", text(&cut.stderr));
}

#[test]
fn a_reload_with_very_many_mistakes_has_an_end() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    folder.write(
        "a.toml",
        format!("{PLAIN}{}", "[[route]]\naccept = 1\n".repeat(3000)),
    );
    let said = gateway.refuses();
    assert!(
        said.contains("mistakes in it: 6000\n") && said.ends_with("and 5800 more\n"),
        "{said}"
    );
    let mut lines = 0;
    while !gateway.line("").contains("reload_refused") {
        lines += 1;
    }
    // And what was said before them, and who asked for it.
    assert!(lines <= 203, "{lines}");
}

#[test]
fn sighup_reloads_and_never_kills() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("starting");
    gateway.signal("HUP");
    assert!(gateway.line("reload").contains("configuration 1 is in force"));
}

/// A machine or a container of one core, on which everything runs on one thread.
#[test]
fn on_one_core_it_answers_while_it_reloads_and_stops_in_order() {
    let folder = Folder::new();
    let config = folder.write("a.toml", PLAIN);
    let status = text(&std::fs::read("/proc/self/status").unwrap());
    let allowed = status.split("Cpus_allowed_list:").nth(1).unwrap().trim_start();
    let core = allowed.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let mut command = Command::new("taskset");
    command.args(["-c", core, env!("CARGO_BIN_EXE_countersign")]);
    let mut gateway = Gateway::start_by(command, &folder, &config);
    let mut client = Client::tcp(gateway.listening());
    assert_eq!(client.ask("/auth"), Some(200));
    folder.write("a.toml", PLAIN.replace("/auth", "/other"));
    gateway.signal("HUP");
    // The reload takes a second between its two readings.
    assert_eq!(client.ask("/auth"), Some(200));
    gateway.line("configuration 1 is in force");
    assert_eq!(
        (client.ask("/auth"), client.ask("/other")),
        (Some(404), Some(200))
    );
    gateway.signal("TERM");
    assert!(gateway.end().1);
}
