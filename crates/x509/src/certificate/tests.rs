use super::*;
use crate::pki::{self, Authority, Key, San, Template, element, sequence};
use crate::san::NameFault;
use countersign_core::certificate::SanKind;
use countersign_core::certificate::SubjectAlternativeName::{Email, Uri};

fn parsed(template: &Template) -> Result<Certificate, CertificateError> {
    Certificate::parse(&template.signed_by(&pki::common("Issuer"), Key(1)))
}

fn client() -> Template {
    Template::client("joe", Key(2))
}

#[test]
fn a_certificate_says_what_it_holds() {
    let names = [
        San::Uri("spiffe://example.test/joe"),
        San::Email("joe@example.test"),
    ];
    let der = client()
        .names(&names)
        .serial(&[0, 0xb7, 0x01])
        .signed_by(&pki::common("Issuer"), Key(1));
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.der(), der);
    assert_eq!(certificate.version(), 3);
    assert_eq!(certificate.subject().nginx(), "CN=joe");
    assert_eq!(certificate.issuer().nginx(), "CN=Issuer");
    assert!(!certificate.is_self_issued());
    assert_eq!(certificate.serial(), [0, 0xb7, 1]);
    assert_eq!(certificate.serial_text(), "B701");
    assert_eq!(certificate.not_before().to_string(), "2025-01-01T00:00:00.000Z");
    assert_eq!(certificate.not_after().to_string(), "2035-01-01T00:00:00.000Z");
    assert_eq!(certificate.subject_public_key_info(), Key(2).spki());
    assert_eq!(*certificate.key(), KeyKind::P256);
    assert_eq!(
        certificate.sans(),
        [
            Uri("spiffe://example.test/joe".into()),
            Email("joe@example.test".into())
        ]
    );
    assert!(!certificate.is_ca());
    assert!(certificate.key_usage().unwrap().digital_signature());
    assert_eq!(
        certificate.key_usage().unwrap().names().collect::<Vec<_>>(),
        ["digitalSignature"]
    );
    assert_eq!(
        certificate.extended_key_usages(),
        Some([ExtendedKeyUsage::ClientAuth].as_slice())
    );
    assert_eq!(certificate.unknown_critical_extension(), None);
    assert_eq!(certificate.extensions().count(), 4);
}

#[test]
fn what_a_certificate_does_not_say_is_none() {
    let certificate = parsed(&Template::new("joe", Key(2))).unwrap();
    assert_eq!(certificate.version(), 1);
    assert!(certificate.sans().is_empty() && certificate.misshapen_names().is_empty());
    assert_eq!(certificate.key_usage(), None);
    assert_eq!(certificate.extended_key_usages(), None);
    assert_eq!(certificate.basic_constraints(), None);
}

/// MT-09: `critical` came out as the value.
#[test]
fn a_critical_extension_of_names_reads_like_any_other() {
    let names = sequence(&[element(0x86, b"spiffe://example.test/joe")]);
    for critical in [false, true] {
        let certificate = parsed(&client().extension("2.5.29.17", critical, &names)).unwrap();
        assert_eq!(certificate.sans(), [Uri("spiffe://example.test/joe".into())]);
        assert_eq!(certificate.unknown_critical_extension(), None);
    }
}

/// MT-11: the first bytes that looked like the extension won, wherever they were.
#[test]
fn names_are_read_from_their_extension_and_from_nowhere_else() {
    let forged = sequence(&[
        pki::oid("2.5.29.17"),
        element(4, &sequence(&[element(0x86, b"spiffe://example.test/admin")])),
    ]);
    let subject = pki::relatives(&[&[("2.5.4.3", 0x0c, b"2.5.29.17"), ("1.2.3", 0x30, &forged[2..])]]);
    let template = client()
        .subject(subject)
        .extension("1.2.3.4", false, &sequence(std::slice::from_ref(&forged)))
        .names(&[San::Uri("spiffe://example.test/joe")]);
    let certificate = parsed(&template).unwrap();
    assert_eq!(certificate.sans(), [Uri("spiffe://example.test/joe".into())]);
    let without = parsed(&client().extension("1.2.3.4", false, &sequence(&[forged]))).unwrap();
    assert!(without.sans().is_empty());
}

#[test]
fn an_extension_that_is_there_twice_is_refused() {
    let names = [San::Uri("spiffe://example.test/joe")];
    let twice = parsed(&client().names(&names).names(&names));
    assert_eq!(twice, Err(CertificateError::ExtensionDoubled("2.5.29.17".into())));
    let twice = parsed(
        &client()
            .extension("1.2.3", false, b"a")
            .extension("1.2.3", false, b"b"),
    );
    assert_eq!(twice, Err(CertificateError::ExtensionDoubled("1.2.3".into())));
}

#[test]
fn misshapen_names_are_told_by_kind_and_the_others_stay() {
    let names = [
        San::Email("spiffe://example.test/admin"),
        San::Uri("spiffe://example.test/joe"),
        San::Dns("victim\0evil"),
    ];
    let certificate = parsed(&client().names(&names)).unwrap();
    assert_eq!(certificate.sans(), [Uri("spiffe://example.test/joe".into())]);
    let misshapen = certificate.misshapen_names();
    assert_eq!(
        misshapen
            .iter()
            .map(|name| (name.kind, name.fault))
            .collect::<Vec<_>>(),
        [
            (SanKind::Email, NameFault::Shape),
            (SanKind::Dns, NameFault::ControlCharacter)
        ]
    );
}

#[test]
fn broken_extensions_are_refused() {
    let extension =
        |dots: &str, value: &[u8]| parsed(&Template::new("joe", Key(2)).extension(dots, false, value)).err();
    let broken = |dots: &str| Some(CertificateError::Extension(dots.into()));
    for value in [&b""[..], &[0x30, 0], &[0x30, 1], &[4, 1, 0], &[0x30, 2, 0x82, 1]] {
        assert_eq!(extension("2.5.29.17", value), broken("2.5.29.17"), "{value:?}");
    }
    for value in [
        &b""[..],
        &[0x30, 3, 1, 1, 1],
        &[0x30, 3, 2, 1, 0xff],
        &[0x30, 6, 2, 1, 0, 1, 1, 0xff],
    ] {
        assert_eq!(extension("2.5.29.19", value), broken("2.5.29.19"), "{value:?}");
    }
    for value in [
        &b""[..],
        &[3, 0],
        &[3, 1, 1],
        &[3, 2, 8, 0x80],
        &[3, 2, 6, 0xa0],
        &[3, 4, 0, 1, 1, 1],
    ] {
        assert_eq!(extension("2.5.29.15", value), broken("2.5.29.15"), "{value:?}");
    }
    for value in [&b""[..], &[0x30, 0], &[0x30, 2, 4, 0]] {
        assert_eq!(extension("2.5.29.37", value), broken("2.5.29.37"), "{value:?}");
    }
    let unknown = parsed(&client().extension("1.2.3", true, b"x")).unwrap();
    assert_eq!(unknown.unknown_critical_extension(), Some("1.2.3"));
}

#[test]
fn a_certificate_with_a_second_reading_is_refused() {
    let issuer = pki::common("Issuer");
    let template = client();
    let good = template.signed_by(&issuer, Key(1));
    assert!(Certificate::parse(&good).is_ok());
    let trailing = [&good[..], &[0]].concat();
    assert_eq!(Certificate::parse(&trailing), Err(CertificateError::Structure));
    assert_eq!(Certificate::parse(&[]), Err(CertificateError::Structure));
    let large = vec![0; MAX_CERTIFICATE_BYTES + 1];
    assert_eq!(Certificate::parse(&large), Err(CertificateError::TooLarge));

    let signed = template.to_be_signed(&issuer);
    let ecdsa = sequence(&[pki::oid("1.2.840.10045.4.3.2")]);
    let other = sequence(&[pki::oid("1.2.840.10045.4.3.3")]);
    let signature = pki::bit_string(0, b"x");
    let assembled = |signed: &[u8], algorithm: &Vec<u8>, signature: &Vec<u8>| {
        Certificate::parse(&sequence(&[
            signed.to_vec(),
            algorithm.clone(),
            signature.clone(),
        ]))
    };
    assert!(assembled(&signed, &ecdsa, &signature).is_ok());
    assert_eq!(
        assembled(&signed, &other, &signature),
        Err(CertificateError::Algorithm)
    );
    assert_eq!(
        assembled(&signed, &ecdsa, &pki::bit_string(1, b"x")),
        Err(CertificateError::Structure)
    );
    // A length that is longer than it must be, around the same content.
    let content = &good[4..];
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let padded = [&[0x30, 0x83, 0], &length[..], content].concat();
    assert_eq!(Certificate::parse(&padded), Err(CertificateError::Structure));
}

#[test]
fn serial_numbers_are_written_as_openssl_does() {
    let text = |serial: &[u8]| parsed(&client().serial(serial)).map(|certificate| certificate.serial_text());
    for (serial, expect) in [
        (&[0][..], "00"),
        (&[1], "01"),
        (&[0, 0x80], "80"),
        (&[0x0a, 0xbc], "0ABC"),
        (&[0xff], "-01"),
        (&[0x80], "-80"),
        (&[0xff, 0x00], "-0100"),
        (&[0x80, 0x00], "-8000"),
    ] {
        assert_eq!(text(serial).as_deref(), Ok(expect), "{serial:?}");
    }
    for broken in [&[][..], &[0, 1], &[0xff, 0xff], &[1; 33]] {
        assert_eq!(text(broken), Err(CertificateError::Serial), "{broken:?}");
    }
}

#[test]
fn an_authority_says_so() {
    let root = Authority::root("Root", Key(1));
    let root = Certificate::parse(&root.certificate).unwrap();
    assert!(root.is_ca() && root.is_self_issued());
    assert!(root.key_usage().unwrap().key_cert_sign() && root.key_usage().unwrap().crl_sign());
    let bounded = parsed(&Template::new("A", Key(2)).basic_constraints(true, Some(3))).unwrap();
    let basic = bounded.basic_constraints().unwrap();
    assert_eq!((basic.ca, basic.path_length), (true, Some(3)));
}

/// Attack 159.
#[test]
fn keys_of_an_unheard_of_length_are_not_accepted() {
    let kind = |bytes: usize| {
        let modulus = [&[0, 0x80][..], &vec![1; bytes - 1]].concat();
        let key = sequence(&[element(2, &modulus), element(2, &[1, 0, 1])]);
        let algorithm = sequence(&[pki::oid("1.2.840.113549.1.1.1"), element(5, &[])]);
        KeyKind::of(&sequence(&[algorithm, pki::bit_string(0, &key)])).unwrap()
    };
    for (bytes, accepted) in [
        (128, false),
        (255, false),
        (256, true),
        (1024, true),
        (1025, false),
        (2048, false),
    ] {
        assert_eq!(kind(bytes), KeyKind::Rsa { bits: bytes * 8 });
        assert_eq!(kind(bytes).is_accepted(), accepted, "{bytes}");
    }
    assert_eq!(kind(256).to_string(), "RSA 2048 bits");
}
