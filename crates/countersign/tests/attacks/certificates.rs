//! A certificate, a key or an authority of a listener that is not there, or not what it should be, means that nothing
//! starts, and that a reload takes nothing (attacks 150 and 151).

use crate::gateway::{Folder, Gateway};
use countersign_testkit::pki::{Authority, Key, Template, pem};
use std::path::Path;
use std::process::Command;

const CONFIGURATION: &str = "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[[listen.host]]\nnames = \
                             [\"app.test\"]\ncertificate = \"app.crt\"\nkey = { file = \"app.key\" }\nclient_certificates = { \
                             mode = \"required\", by = [\"certificate.staff\"] }\n[certificate.staff]\nauthorities = \
                             [\"root.crt\"]\n[[route]]\nendpoint = \"/auth\"\naccept = [\"certificate.staff\"]\n";

/// The files of the configuration, as they should be.
fn files() -> [(&'static str, String); 3] {
    let root = Authority::root("Root", Key(6));
    let certificate = root.issue(&Template::server("app.test", Key(1)));
    [
        ("app.crt", pem("CERTIFICATE", &certificate)),
        ("app.key", Key(1).pem().to_owned()),
        ("root.crt", root.pem()),
    ]
}

/// What may stand where `good` should.
fn broken(good: &str) -> Vec<String> {
    let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let [(_, certificate), (_, key), _] = files();
    let other = if good == key { certificate } else { key };
    let half = good.split_at(good.len() / 2).0.to_owned();
    let all = [
        "",
        "\n",
        "short",
        "{}",
        hollow,
        &other,
        &half,
        &Key(2).pem().replace("PRIVATE", "ENCRYPTED PRIVATE"),
    ];
    all.map(str::to_owned).to_vec()
}

fn checked(folder: &Folder) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = command
        .args(["check", &folder.path("countersign.toml")])
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_listener_does_not_start_with_a_file_that_is_not_what_it_should_be() {
    let folder = Folder::new();
    folder.write("countersign.toml", CONFIGURATION);
    let whole = || {
        for (name, content) in files() {
            folder.write(name, content);
        }
    };
    whole();
    assert_eq!(checked(&folder).0, Some(0));
    for (name, good) in files() {
        let path = folder.0.join(name);
        let refused = |what: &str, make: &dyn Fn(&Path)| {
            std::fs::remove_file(&path).unwrap();
            make(&path);
            let (code, told) = checked(&folder);
            assert_eq!(code, Some(1), "{name}, {what}: {told}");
            let keys = ["certificate = ", "key = ", "authorities = "];
            assert!(
                keys.iter().any(|key| told.contains(key)),
                "{name}, {what}: {told}"
            );
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap();
            }
            whole();
        };
        refused("missing", &|_| ());
        refused("a folder", &|path| std::fs::create_dir(path).unwrap());
        for content in broken(&good) {
            refused(&content, &|path| std::fs::write(path, &content).unwrap());
        }
        // The name points elsewhere: nothing may be written through it.
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(checked(&folder).0, Some(1), "{name}: a link to nowhere");
        std::fs::remove_file(&path).unwrap();
        whole();
    }
}

#[test]
fn a_reload_with_such_a_file_takes_nothing() {
    let files = files();
    let named = files.each_ref().map(|(name, content)| (*name, content.as_str()));
    let gateway = Gateway::start_with(CONFIGURATION, &named);
    for (name, good) in &files {
        for content in broken(good).into_iter().take(1) {
            gateway.folder.write(name, content);
            let told = gateway.reload();
            assert_eq!(told.status.code(), Some(1));
            let told = String::from_utf8_lossy(&told.stderr).into_owned();
            assert!(
                told.contains("the configuration before stays in force"),
                "{name}: {told}"
            );
        }
        gateway.folder.write(name, good);
    }
    let told = gateway.reload();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

#[test]
fn without_mode_or_judges_there_is_no_listener() {
    let folder = Folder::new();
    for (name, content) in files() {
        folder.write(name, content);
    }
    for (from, to) in [
        ("mode = \"required\"", "mode = \"\""),
        ("mode = \"required\", ", ""),
        ("mode = ", "mod = "),
        ("by = [\"certificate.staff\"]", "by = []"),
        (", by = [\"certificate.staff\"]", ""),
        ("by = ", "bi = "),
        ("client_certificates = ", "client_certificate = "),
        ("certificate.staff\"] }", "certificate.stuff\"] }"),
        ("authorities = [\"root.crt\"]", "authorities = []"),
        ("authorities = [\"root.crt\"]", ""),
        ("accept = [\"certificate.staff\"]", "accept = []"),
    ] {
        assert!(CONFIGURATION.contains(from), "{from}");
        folder.write("countersign.toml", CONFIGURATION.replacen(from, to, 1));
        let (code, told) = checked(&folder);
        assert_eq!(code, Some(1), "{from} is {to}: {told}");
    }
}
