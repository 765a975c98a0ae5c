//! OpenSSL is asked about the same certificates: what nginx would tell an application is what we tell it.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_x509::certificate::Certificate;
use pki::{Key, Template};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

mod recipe;
mod words;

#[path = "../../../testkit/src/pki.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "it is part of the test kit, which has its own uses for it"
)]
mod pki;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("countersign-x509-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// Runs `openssl` with these arguments, parted by spaces, in the folder.
    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new("openssl");
        let arguments = arguments.split_whitespace();
        command.args(arguments).current_dir(&self.0).output().unwrap()
    }

    fn openssl(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What OpenSSL says of one field of `der`, with the flags nginx prints names with.
fn told(der: &[u8], field: &str) -> String {
    let folder = Folder::new();
    folder.write("x.der", der);
    let text = folder.openssl(&format!(
        "x509 -inform DER -in x.der -noout {field} -nameopt RFC2253"
    ));
    let (_, value) = text.split_once('=').unwrap();
    value.strip_suffix('\n').unwrap().to_owned()
}

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";
const OU: &str = "2.5.4.11";
const DC: &str = "0.9.2342.19200300.100.1.25";
const UID: &str = "0.9.2342.19200300.100.1.1";
const MAIL: &str = "1.2.840.113549.1.9.1";
const SERIAL: &str = "2.5.4.5";
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const T61: u8 = 0x14;
const IA5: u8 = 0x16;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;

type Relatives<'a> = &'a [&'a [(&'a str, u8, &'a [u8])]];

/// Names whose every attribute RFC 4514 has a word for: there the two forms are one.
const COMMON: &[Relatives<'_>] = &[
    &[],
    &[&[(CN, UTF8, b"joe")]],
    &[&[(CN, UTF8, b"")]],
    &[&[(CN, UTF8, b"Doe, Joe")]],
    &[&[(CN, UTF8, b"a+b")]],
    &[&[(CN, UTF8, b"say \"hi\"")]],
    &[&[(CN, UTF8, b"<a>;=\\")]],
    &[&[(CN, UTF8, b" a ")]],
    &[&[(CN, UTF8, b"  ")]],
    &[&[(CN, UTF8, b" ")]],
    &[&[(CN, UTF8, b"#1")]],
    &[&[(CN, UTF8, b"a#")]],
    &[&[(CN, UTF8, b"victim\0evil")]],
    &[&[(CN, UTF8, b"a\r\nX-Evil: 1\x7f\x1b")]],
    &[&[(CN, UTF8, "Lučić 中 🔐".as_bytes())]],
    &[&[(CN, PRINTABLE, b"*@&")]],
    &[&[(CN, BMP, b"\0L\0u\x01\x0d\x4e\x2d\0,")]],
    &[&[(CN, UNIVERSAL, b"\0\0\0a\0\x01\xf5\x10\0\0\0+")]],
    &[&[(CN, T61, b"J\xf6rg, M\xfcller")]],
    &[&[(CN, IA5, b"caf\xe9")]],
    &[&[(CN, UTF8, b"a"), (OU, UTF8, b"b")]],
    &[
        &[(DC, IA5, b"test")],
        &[(DC, IA5, b"example")],
        &[(O, UTF8, b"X"), (OU, UTF8, b"Y"), (UID, UTF8, b"joe")],
        &[(CN, UTF8, b"joe")],
    ],
    &[&[(CN, UTF8, b"a")], &[(CN, UTF8, b"b")], &[(CN, UTF8, b"a")]],
    &[&[(CN, UTF8, b"x,emailAddress=victim@x")]],
    &[&[(CN, UTF8, b"emailAddress=victim@x")]],
    &[
        &[("2.5.4.6", PRINTABLE, b"CZ")],
        &[("2.5.4.8", UTF8, b"S")],
        &[("2.5.4.7", UTF8, b"L")],
    ],
    &[&[("1.2.3.4", UTF8, b"x")]],
    &[&[("2.25.18446744073709551615", IA5, b"x,y")]],
    &[&[(CN, 0x30, &[2, 1, 5])]],
    &[&[(CN, 0x03, &[0, 0xa5])]],
];

/// Names with attributes that RFC 4514 writes by their numbers.
const OPENSSLS: &[Relatives<'_>] = &[
    &[&[(MAIL, IA5, b"joe@example.test")]],
    &[
        &[(SERIAL, PRINTABLE, b"42")],
        &[("2.5.4.4", UTF8, b"Doe")],
        &[("2.5.4.42", UTF8, b"Joe")],
    ],
    &[
        &[("2.5.4.9", UTF8, b"Main")],
        &[("2.5.4.97", UTF8, b"VATCZ-1")],
        &[("2.5.4.45", 3, &[0, 1])],
    ],
    &[
        &[("0.9.2342.19200300.100.1.44", UTF8, b"u")],
        &[("0.9.2342.19200300.100.1.3", IA5, b"m@x")],
    ],
    &[
        &[("1.3.6.1.4.1.311.60.2.1.3", PRINTABLE, b"CZ")],
        &[("1.2.840.113549.1.9.2", UTF8, b"u")],
    ],
    // OpenSSL takes a lone character for the last and not for the first.
    &[&[(CN, UTF8, b"#")]],
];

#[test]
fn distinguished_names_are_written_as_openssl_and_nginx_write_them() {
    for relatives in COMMON.iter().chain(OPENSSLS) {
        let der = Template::client("x", Key(1))
            .subject(pki::relatives(relatives))
            .self_signed();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(
            certificate.subject().nginx(),
            told(&der, "-subject"),
            "{relatives:?}"
        );
        assert_eq!(
            certificate.issuer().nginx(),
            told(&der, "-issuer"),
            "{relatives:?}"
        );
    }
    for relatives in COMMON {
        let der = Template::client("x", Key(1))
            .subject(pki::relatives(relatives))
            .self_signed();
        let certificate = Certificate::parse(&der).unwrap();
        let (nginx, rfc4514) = (certificate.subject().nginx(), certificate.subject().rfc4514());
        assert_eq!(rfc4514, nginx, "{relatives:?}");
    }
}

#[test]
fn attribute_types_have_openssls_short_names() {
    let arcs = [
        "2.5.4.",
        "0.9.2342.19200300.100.1.",
        "1.2.840.113549.1.9.",
        "1.3.6.1.4.1.311.60.2.1.",
    ];
    let list = Folder::new().openssl("list -objects");
    let mut asked = 0;
    for line in list.lines() {
        let Some((name, rest)) = line.split_once(" = ") else {
            continue;
        };
        let dots = rest.rsplit(", ").next().unwrap();
        let of_an_arc = arcs
            .iter()
            .filter_map(|arc| dots.strip_prefix(arc))
            .any(|last| last.parse::<u8>().is_ok());
        // A name for an attribute that a later OpenSSL knows is no difference: the dots stand for it meanwhile.
        if !of_an_arc || !countersign_x509::name::is_attribute(name) {
            continue;
        }
        asked += 1;
        let der = Template::new("x", Key(1))
            .subject(pki::relatives(&[&[(dots, UTF8, b"v")]]))
            .self_signed();
        let subject = Certificate::parse(&der).unwrap().subject().clone();
        assert_eq!(subject.nginx(), format!("{name}=v"));
        assert_eq!(subject.attribute(name), ["v"]);
        assert_eq!(subject.attribute(dots), ["v"]);
    }
    assert!(asked > 100, "{asked} of `openssl list -objects`");
}

#[test]
fn serial_numbers_and_fingerprints_are_openssls() {
    for serial in [
        &[0][..],
        &[1],
        &[0, 0x80],
        &[0x0a, 0xbc],
        &[0xff],
        &[0x80],
        &[0x80, 0],
        &[0x7f; 20],
    ] {
        let der = Template::new("x", Key(1)).serial(serial).self_signed();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.serial_text(), told(&der, "-serial"), "{serial:?}");
        let folder = Folder::new();
        folder.write("x.der", &der);
        let text = folder.openssl("x509 -inform DER -in x.der -noout -fingerprint -sha256");
        let digits = text.trim().rsplit('=').next().unwrap().replace(':', "");
        let ours = countersign_x509::certificate::hexadecimal(&certificate.sha256());
        assert_eq!(ours.to_uppercase(), digits);
    }
}
