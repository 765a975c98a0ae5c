use super::*;
use SubjectAlternativeName::{Dns, Email, Ip, Uri};

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn names(elements: &[Vec<u8>]) -> Option<Names> {
    parse(&element(der::SEQUENCE, &elements.concat()))
}

fn one(tag: u8, content: &[u8]) -> Result<SubjectAlternativeName, NameFault> {
    let names = names(&[element(tag, content)]).unwrap();
    match (names.well_formed.as_slice(), names.misshapen.as_slice()) {
        ([name], []) => Ok(name.clone()),
        ([], [misshapen]) => Err(misshapen.fault),
        _ => panic!("one name: {names:?}"),
    }
}

fn other(oid: &[u8], tag: u8, content: &[u8]) -> Vec<u8> {
    let value = element(constructed(0), &element(tag, content));
    element(
        constructed(0),
        &[element(der::OBJECT_IDENTIFIER, oid), value].concat(),
    )
}

#[test]
fn kinds_and_order_are_kept() {
    let names = names(&[
        element(context(1), b"spiffe@example.com"),
        element(context(6), b"spiffe://example.com/admin"),
        element(context(2), b"*.example.com"),
        element(context(7), &[10, 0, 0, 1]),
        element(context(6), b"urn:x"),
        other(UPN, UTF8_STRING, b"ann@example.com"),
        other(&[0x2a, 3], 4, b"x"),
        element(context(8), &[0x2a, 3]),
    ])
    .unwrap();
    assert_eq!(
        names.well_formed,
        [
            Email("spiffe@example.com".into()),
            Uri("spiffe://example.com/admin".into()),
            Dns("*.example.com".into()),
            Ip("10.0.0.1".parse().unwrap()),
            Uri("urn:x".into()),
            SubjectAlternativeName::Upn("ann@example.com".into()),
            SubjectAlternativeName::Other("1.2.3".into()),
            SubjectAlternativeName::Other("8".into()),
        ]
    );
    assert!(names.misshapen.is_empty());
}

#[test]
fn a_name_of_one_kind_never_reads_like_another() {
    for tag in [context(1), context(2)] {
        for text in [
            "spiffe://example.com/admin",
            "https://example.com",
            "a://b",
            "a://b@c.d",
        ] {
            assert_eq!(one(tag, text.as_bytes()), Err(NameFault::Shape), "{text}");
        }
    }
    assert_eq!(one(context(6), b"joe"), Err(NameFault::Shape));
    assert_eq!(one(context(6), b"joe@example.com"), Err(NameFault::Shape));
    assert_eq!(one(context(2), b"joe@example.com"), Err(NameFault::Shape));
    assert_eq!(one(context(2), b"10.0.0.1"), Err(NameFault::Shape));
    assert_eq!(one(context(1), b"example.com"), Err(NameFault::Shape));
}

#[test]
fn what_is_not_well_formed_is_left_out_and_counted() {
    for tag in [context(1), context(2), context(6)] {
        assert_eq!(one(tag, b""), Err(NameFault::Empty));
        assert_eq!(
            one(tag, b"spiffe://victim\0evil"),
            Err(NameFault::ControlCharacter)
        );
        assert_eq!(
            one(tag, b"a@example.com\r\nX-A: b"),
            Err(NameFault::ControlCharacter)
        );
        assert_eq!(one(tag, "spiffe://ünïcode".as_bytes()), Err(NameFault::NotAscii));
        assert_eq!(one(tag, b"\xff"), Err(NameFault::NotAscii));
    }
    for text in [
        "spiffe://a b",
        "spiffe://a\"b",
        "spiffe://a\\b",
        "spiffe:",
        "://a",
        "1a:b",
        "a:%",
        "a:%4",
        "a:%4g",
        "a:<b>",
        "a:{b}",
    ] {
        assert_eq!(one(context(6), text.as_bytes()), Err(NameFault::Shape), "{text}");
    }
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
    for text in [
        "a..b",
        ".a",
        "a.",
        "*",
        "a.*.b",
        "*a.b",
        "a b",
        "a,b",
        &long,
        &"a".repeat(64),
    ] {
        assert!(!is_dns(text), "{text}");
    }
    for text in [
        "@b.c",
        "a@",
        "a@b@c",
        "a@*.b",
        "a@b..c",
        ".a@b.c",
        "a.@b.c",
        "\"a b\"@c.d",
        "a b@c.d",
        "a@[10.0.0.1]",
    ] {
        assert_eq!(one(context(1), text.as_bytes()), Err(NameFault::Shape), "{text}");
    }
    assert_eq!(one(context(7), &[]), Err(NameFault::Empty));
    assert_eq!(
        one(context(7), &[10, 0, 0, 0, 255, 0, 0, 0]),
        Err(NameFault::Shape),
        "a mask"
    );
    assert_eq!(one(constructed(4), &[0x30, 0]), Err(NameFault::Empty));
}

#[test]
fn a_user_principal_name_is_text_that_can_be_seen() {
    let upn = |tag, content: &[u8]| {
        let names = names(&[other(UPN, tag, content)]).unwrap();
        (
            names.well_formed.len(),
            names.misshapen.first().map(|name| name.fault),
        )
    };
    assert_eq!(upn(UTF8_STRING, "jörg@example.com".as_bytes()), (1, None));
    assert_eq!(upn(UTF8_STRING, b"1234567890@mil"), (1, None));
    for (tag, content, fault) in [
        (UTF8_STRING, &b"victim@x\0evil"[..], NameFault::ControlCharacter),
        (UTF8_STRING, b"", NameFault::Empty),
        (UTF8_STRING, b"victim", NameFault::Shape),
        (UTF8_STRING, b"@x", NameFault::Shape),
        (UTF8_STRING, b"a@b@c", NameFault::Shape),
        (UTF8_STRING, b"a b@c", NameFault::Shape),
        (UTF8_STRING, "a\u{202e}b@c".as_bytes(), NameFault::Shape),
        (UTF8_STRING, "a\u{200b}b@c".as_bytes(), NameFault::Shape),
        (UTF8_STRING, "a\u{3164}@c".as_bytes(), NameFault::Shape),
        (UTF8_STRING, b"\xff@c", NameFault::Shape),
        (0x1e, b"\0v\0@\0x", NameFault::Shape),
        (0x1c, b"\0\0\0v", NameFault::Shape),
        (0x16, b"v@x", NameFault::Shape),
    ] {
        assert_eq!(upn(tag, content), (0, Some(fault)), "{tag:x} {content:?}");
    }
}

#[test]
fn a_broken_encoding_has_no_names_at_all() {
    assert_eq!(parse(&[]), None);
    assert_eq!(parse(&[0x30, 0]), None, "no names");
    let good = element(context(2), b"a.b");
    assert!(names(std::slice::from_ref(&good)).is_some());
    let mut trailing = element(der::SEQUENCE, &good);
    trailing.push(0);
    assert_eq!(parse(&trailing), None);
    for broken in [
        vec![context(2), 5, b'a'],
        element(0xa2, b"a.b"),
        element(context(9), b"a"),
        element(0x0c, b"a.b"),
        element(constructed(4), b"a"),
        element(constructed(0), &[6, 1, 0x2a]),
        [other(&[0x2a, 3], 4, b"x"), vec![0xa0, 0]].concat(),
    ] {
        assert_eq!(names(&[good.clone(), broken.clone()]), None, "{broken:?}");
    }
}
