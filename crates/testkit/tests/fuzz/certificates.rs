//! What decodes certificates, names, revocation lists, and the headers that carry certificates.

use super::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::certificate::{MAX_CHAIN, MAX_CHAIN_BYTES, SubjectAlternativeName as San};
use countersign_core::time::Timestamp;
use countersign_testkit::mutate::{count, mutations};
use countersign_testkit::pki::{self, Authority, Key, Revocations, Template};
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::Certificate;
use countersign_x509::crl::{Crl, CrlIndex};
use countersign_x509::forwarded::{self, ForwardedError};
use countersign_x509::name::Name;
use countersign_x509::pem::sections;
use countersign_x509::verify::{Checks, verify};

/// 2030-01-01T00:00:00Z
const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);

/// Tags and lengths, object identifiers of extensions, and strings that have been taken for others.
const DER: [&[u8]; 20] = [
    b"\x30\x80",
    b"\x30\x00",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x30\x81\x01",
    b"\x02\x02\x00\x01",
    b"\x03\x01\x00",
    b"\x03\x00",
    b"\x01\x01\xff",
    b"\x1f\xff\xff\x7f",
    b"\x06\x03\x55\x1d\x11",
    b"\x06\x03\x55\x1d\x13",
    b"\x86\x10spiffe://a/admin",
    b"\x82\x05a://b",
    b"\x0c\x05a\0b\r\n",
    b"\x1e\x02\xd8\x00",
    b"\x1c\x04\0\x11\0\0",
    b"\xa0\x03\x0c\x01a",
    b"\x17\x0d991231235959Z",
    b"\x18\x0f99991231235959Z",
    b"\xff",
];

fn root() -> Authority {
    Authority::root("Root", Key(1))
}

fn client() -> Template {
    let subject = pki::relatives(&[
        &[("2.5.4.10", 0x0c, "Ünïon, Ltd".as_bytes())],
        &[
            ("2.5.4.3", 0x0c, b"joe"),
            ("1.2.840.113549.1.9.1", 0x16, b"joe@example.test"),
        ],
    ]);
    let names = [
        pki::San::Uri("spiffe://example.test/joe"),
        pki::San::Dns("joe.example.test"),
        pki::San::Email("joe@example.test"),
        pki::San::Ip(&[10, 0, 0, 1]),
        pki::San::Upn("joe@example.test"),
    ];
    Template::client("joe", Key(3))
        .subject(subject)
        .names(&names)
        .serial(&[0, 0xff, 7])
        .distribution_points(&["http://example.test/1.crl"])
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn check_name(name: &Name) {
    assert_eq!(Name::parse(name.der()).as_ref(), Some(name));
    assert!(is_visible(&name.nginx()) && is_visible(&name.rfc4514()));
    for attribute in ["CN", "O", "emailAddress", "2.5.4.3"] {
        let values = name.attribute(attribute);
        assert!(values.iter().all(|value| !value.chars().any(char::is_control)));
    }
}

fn check_names(certificate: &Certificate) {
    for san in certificate.sans() {
        let text = san.text();
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{san:?}");
        match san {
            San::Uri(uri) => assert!(is_visible(uri) && uri.contains(':')),
            San::Dns(name) | San::Email(name) => assert!(is_visible(name) && !name.contains("://")),
            San::Upn(name) => assert!(!name.contains(' ')),
            San::Ip(_) | San::DirectoryName(_) | San::Other(_) => assert!(is_visible(&text)),
        }
    }
}

#[test]
fn no_mutation_of_a_certificate_holds_but_the_certificate() {
    let root = root();
    let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
    let good = root.issue(&client());
    let plain = root.issue(&Template::new("plain", Key(3)));
    let corpus = [good.as_slice(), &plain, &root.certificate];
    mutations(&corpus, &DER, count(), |bytes| {
        let Ok(certificate) = Certificate::parse(bytes) else {
            return;
        };
        assert_eq!(certificate.der(), bytes);
        check_name(certificate.subject());
        check_name(certificate.issuer());
        check_names(&certificate);
        let serial = certificate.serial_text();
        let digits = serial.strip_prefix('-').unwrap_or(&serial);
        assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let verified = verify([bytes], &authorities, None, Checks::default(), NOW);
        assert!(verified.is_err() || bytes == good, "{:?}", certificate.sans());
    });
}

#[test]
fn whatever_a_distinguished_name_holds_it_prints_as_visible_ascii() {
    let of = |template: &Template| {
        Certificate::parse(&root().issue(template))
            .unwrap()
            .subject()
            .der()
            .to_vec()
    };
    let wide = pki::relatives(&[&[
        ("2.5.4.3", 0x1e, b"\0a\x01\x0d"),
        ("1.2.3.4", 0x1c, b"\0\x01\xf5\x10"),
        ("2.5.4.11", 0x14, b"\xe9 \\"),
    ]]);
    let corpus = [of(&client()), of(&Template::new("#\"+,;<> ", Key(3))), wide];
    let corpus = corpus.iter().map(Vec::as_slice).collect::<Vec<_>>();
    mutations(&corpus, &DER, count(), |bytes| {
        if let Some(name) = Name::parse(bytes) {
            assert_eq!(name.der(), bytes);
            check_name(&name);
        }
    });
}

#[test]
fn no_mutation_of_a_revocation_list_is_its_issuers() {
    let root = root();
    let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
    let reason = pki::extension("2.5.29.21", false, &[0x0a, 1, 1]);
    let scope = [pki::distribution_point_name("http://example.test/1.crl")];
    let whole = root.revoke(&Revocations::of(&[&[7], &[0, 0xff, 7]]).entry(&[9], &[reason]));
    let scoped = root.revoke(&Revocations::of(&[&[7]]).scope(&scope));
    let plain = root.revoke(&Revocations::of(&[&[7]]).plain());
    let leaf = root.issue(&client());
    let good = [whole.as_slice(), &scoped, &plain];
    mutations(&good, &DER, count(), |bytes| {
        let Ok(crl) = Crl::parse(bytes) else { return };
        assert!(crl.revoked() <= bytes.len() / 8);
        let _: bool = crl.lists(&[7]);
        if crl.issuer().der() == root.name {
            let Ok(index) = CrlIndex::new([crl], &authorities) else {
                return;
            };
            assert!(good.contains(&bytes));
            let chain = [leaf.as_slice()];
            let verified = verify(chain, &authorities, Some(&index), Checks::default(), NOW);
            assert_eq!(verified.is_err(), bytes == whole, "only that list has its number");
        }
    });
}

/// As nginx escapes a part of a URL.
fn escaped(text: &str) -> String {
    let escaped = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    escaped.collect()
}

fn check_forwarded(decoded: Result<Vec<Vec<u8>>, ForwardedError>) -> Option<Vec<Vec<u8>>> {
    let chain = decoded.ok()?;
    assert!((1..=MAX_CHAIN).contains(&chain.len()));
    assert!(chain.iter().map(Vec::len).sum::<usize>() <= MAX_CHAIN_BYTES);
    assert!(chain.iter().all(|der| der.first() == Some(&0x30)));
    Some(chain)
}

#[test]
fn a_header_with_a_certificate_has_one_reading() {
    let der = root().issue(&client());
    let (pem, base64) = (pki::pem("CERTIFICATE", &der), STANDARD.encode(&der));
    let spaced = pem.replace('\n', " ");
    let (once, twice) = (escaped(&pem), escaped(&pem.repeat(2)));
    let xfcc = format!("By=a;Hash=00;Cert=\"{once}\";Subject=\"a\\\"b\"");
    let chain = format!("Cert=\"{once}\";Chain=\"{twice}\"");
    let field = format!(":{base64}:, :{base64}:");
    let joined = format!("{base64},{base64}");
    let corpus: [&str; 8] = [&once, &twice, &spaced, &xfcc, &chain, &field, &joined, &base64];
    let corpus = corpus.map(str::as_bytes);
    let dictionary: [&[u8]; 16] = [
        b"%",
        b"%0A",
        b"%00",
        b"%2B",
        b"+",
        b"=",
        b"\"",
        b"\\",
        b"\\\"",
        b",",
        b";",
        b":",
        b" ",
        b"-----END%20CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----",
        b"Cert=",
    ];
    mutations(&corpus, &dictionary, count(), |bytes| {
        let value = text(bytes);
        if let Some(chain) = check_forwarded(forwarded::escaped_pem(&value)) {
            let again = escaped(&pki::pem("CERTIFICATE", &chain[0]));
            assert_eq!(forwarded::escaped_pem(&again).as_ref(), Ok(&chain));
            assert_eq!(chain.len(), 1);
        }
        if let Some(chain) = check_forwarded(forwarded::xfcc(&value)) {
            let again = chain
                .iter()
                .map(|der| pki::pem("CERTIFICATE", der))
                .collect::<String>();
            assert_eq!(
                forwarded::xfcc(&format!("Chain=\"{}\"", escaped(&again))),
                Ok(chain)
            );
        }
        if let Some(chain) = check_forwarded(forwarded::base64_der(&value)) {
            let again = chain.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>();
            assert_eq!(forwarded::base64_der(&again.join(",")), Ok(chain));
        }
        if let Some(chain) = check_forwarded(forwarded::spaced_pem(&value)) {
            assert_eq!(chain.len(), 1);
        }
        if let Some(chain) = check_forwarded(forwarded::rfc9440(&value, &[])) {
            assert_eq!(value, format!(":{}:", STANDARD.encode(&chain[0])));
        }
        check_forwarded(forwarded::rfc9440(&format!(":{base64}:"), &[&value]));
        drop(sections(bytes));
    });
}
