//! A file of authorities that is not there, or not what it should be, never means every authority there is (attack 150);
//! nor does any other file of keys mean less than it says.

use crate::gateway::{Folder, Gateway};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// Looks like a certificate from outside, and is none.
const HOLLOW: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY: &str = include_str!("../../../testkit/keys/rsa-1.pub.pem");

fn countersign(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn configuration(source: &str) -> String {
    format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n[token.home]\nissuer = \"https://op.test\"\n\
         audiences = [\"api\"]\n{source}\n[[route]]\nhosts = [\"*\"]\nendpoint = \"/auth\"\naccept = [\"token.home\"]\n"
    )
}

/// Checks with `make` having made the file, or not.
fn checked(source: &str, make: impl FnOnce(&Path)) -> (Option<i32>, String) {
    let folder = Folder::new();
    make(&folder.0.join("file"));
    let configuration = folder.write("countersign.toml", configuration(source));
    let output = countersign(&["check", &configuration.display().to_string()]);
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_refused() {
    let cut = HOLLOW.split("-----END").next().unwrap();
    let sources = [
        "ca_file = \"file\"",
        "pem_file = \"file\"",
        "jwk_set_file = \"file\"",
        "hmac_secret = { file = \"file\" }",
    ];
    for source in sources {
        let key = source.split(' ').next().unwrap();
        let refused = |what: &str, make: &dyn Fn(&Path)| {
            let (code, told) = checked(source, make);
            assert_eq!(code, Some(1), "{source}, {what}: {told}");
            assert!(told.contains(key), "{source}, {what}: {told}");
        };
        refused("missing", &|_| ());
        refused("a folder", &|path| std::fs::create_dir(path).unwrap());
        refused("a link to nowhere", &|path| {
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        });
        for content in ["", "\n", " \n\n", "short"] {
            refused(content, &|path| std::fs::write(path, content).unwrap());
        }
        if key != "hmac_secret" {
            for content in ["nonsense".repeat(10), "{}".to_owned(), cut.to_owned()] {
                refused(&content, &|path| std::fs::write(path, &content).unwrap());
            }
        }
    }
    let (code, told) = checked("ca_file = \"file\"", |path| std::fs::write(path, KEY).unwrap());
    assert_eq!(code, Some(1), "a key is no authority: {told}");
    let (code, told) = checked("pem_file = \"file\"", |path| {
        std::fs::write(path, HOLLOW).unwrap();
    });
    assert_eq!(code, Some(1), "a certificate is no key: {told}");
    let (code, told) = checked("ca_file = \"file\"", |path| std::fs::write(path, HOLLOW).unwrap());
    assert_eq!(code, Some(0), "{told}");
}

/// It passes as PEM, and then nobody at all is believed, least of all the system's authorities: there is not even a
/// connection.
#[test]
fn an_authority_that_cannot_be_read_believes_nobody() {
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = issuer.local_addr().unwrap();
    issuer.set_nonblocking(true).unwrap();
    let folder = Folder::new();
    folder.write("file", HOLLOW);
    let source = format!("ca_file = \"file\"\njwk_set_url = \"https://{address}/jwks\"");
    let configuration = folder.write("countersign.toml", configuration(&source));
    let token = countersign(&["token", "mint"]);
    let configuration = configuration.display().to_string();
    let judged = countersign(&[
        "token",
        "verify",
        "--config",
        &configuration,
        text(&token.stdout).trim(),
    ]);
    let told = text(&judged.stdout);
    assert!(told.starts_with("refused keys_unreachable: "), "{told}");
    let error = issuer.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn a_reload_without_the_authorities_takes_nothing() {
    let gateway = Gateway::start_with(
        &configuration("ca_file = \"file\"\njwk_set_url = \"https://127.0.0.1:1/jwks\""),
        &[("file", HOLLOW)],
    );
    let file = gateway.folder.0.join("file");
    for broken in ["", KEY] {
        std::fs::write(&file, broken).unwrap();
        let told = gateway.reload();
        assert_eq!(told.status.code(), Some(1));
        let told = text(&told.stderr);
        assert!(told.contains("the configuration before stays in force"), "{told}");
        assert!(told.contains("ca_file"), "{told}");
    }
    std::fs::write(&file, format!("{HOLLOW}{HOLLOW}")).unwrap();
    let told = gateway.reload();
    assert!(told.status.success(), "{}", text(&told.stderr));
}
