use super::*;

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let length = if length < 0x80 {
        vec![length]
    } else {
        vec![0x81, length]
    };
    [&[tag], length.as_slice(), content].concat()
}

fn attribute(oid: &str, tag: u8, content: &[u8]) -> Vec<u8> {
    let oid = element(der::OBJECT_IDENTIFIER, &der::oid(oid).unwrap());
    element(der::SEQUENCE, &[oid, element(tag, content)].concat())
}

/// Types, tags and contents.
type Relative<'a> = &'a [(&'a str, u8, &'a [u8])];

/// A name of relative names of attributes.
fn name(relatives: &[Relative<'_>]) -> Vec<u8> {
    let sets = relatives.iter().flat_map(|set| {
        let attributes = set
            .iter()
            .flat_map(|(oid, tag, content)| attribute(oid, *tag, content));
        element(der::SET, &attributes.collect::<Vec<_>>())
    });
    element(der::SEQUENCE, &sets.collect::<Vec<_>>())
}

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";
const OU: &str = "2.5.4.11";
const MAIL: &str = "1.2.840.113549.1.9.1";
const UTF8: u8 = text::UTF8_STRING;
const IA5: u8 = 0x16;

#[test]
fn a_name_with_anything_left_over_is_none() {
    let good = name(&[&[(CN, UTF8, b"joe")]]);
    assert!(Name::parse(&good).is_some());
    assert!(Name::parse(&[0x30, 0]).is_some_and(|name| name.is_empty() && name.nginx().is_empty()));
    assert_eq!(Name::parse(&[&good[..], &[5, 0]].concat()), None);
    // Parsers that stop at what they cannot read would take each of these for CN=joe, or for nobody.
    let first = &good[2..];
    let also = |more: &[u8]| element(der::SEQUENCE, &[first, more].concat());
    assert_eq!(Name::parse(&also(&element(der::SET, &[]))), None);
    assert_eq!(Name::parse(&also(&[5, 0])), None);
    assert_eq!(Name::parse(&also(&element(der::SET, &[0x30, 3, 0x06, 1]))), None);
    let broken_oid = element(der::SEQUENCE, &[&[6, 1, 0x80][..], &[12, 1, b'x']].concat());
    assert_eq!(Name::parse(&also(&element(der::SET, &broken_oid))), None);
}

#[test]
fn a_string_that_is_not_of_its_type_makes_no_name() {
    let parsed = |tag, content: &[u8]| Name::parse(&name(&[&[(CN, tag, content)]])).is_some();
    assert!(!parsed(UTF8, b"\xff"));
    assert!(!parsed(UTF8, b"\xc0\x80"), "NUL in two bytes");
    assert!(!parsed(0x1e, b"\x00a\x00"), "half a character");
    assert!(!parsed(0x1e, b"\xd8\x00\xdc\x00"), "surrogates");
    assert!(!parsed(0x1c, b"\x00\x11\x00\x00"), "past Unicode");
    assert!(!parsed(0x1c, b"\x00\x00a"));
    assert!(parsed(0x1e, b"\x00a") && parsed(0x1c, b"\x00\x01\xf6\x00"));
}

#[test]
fn identities_come_from_attributes_and_never_from_text() {
    let values = |relatives: &[&[(&str, u8, &[u8])]], attribute: &str| {
        Name::parse(&name(relatives)).unwrap().attribute(attribute)
    };
    // Each of these has won against a pattern over the printed name.
    for spoof in [
        &b"x,emailAddress=victim@x"[..],
        b"emailAddress=victim@x",
        b"x/emailAddress=victim@x",
        b"x\nemailAddress=victim@x",
        b"x+emailAddress=victim@x",
    ] {
        let told = values(&[&[(CN, UTF8, spoof)], &[(MAIL, IA5, b"real@x")]], "emailAddress");
        assert_eq!(told, ["real@x"]);
        let none = values(&[&[(CN, UTF8, spoof)]], "emailAddress");
        assert!(none.is_empty());
    }
    let told = values(&[&[(CN, UTF8, b"x"), (MAIL, IA5, b"real@x")]], "emailAddress");
    assert_eq!(told, ["real@x"], "of several in one relative name");
    let told = values(&[&[(CN, UTF8, b"a")], &[(CN, UTF8, b"b")]], "CN");
    assert_eq!(told, ["a", "b"], "repeated");
    assert_eq!(
        values(&[&[(MAIL, IA5, b"real@x")]], MAIL),
        ["real@x"],
        "by its dots"
    );
    assert!(values(&[&[(CN, UTF8, b"a")]], "cn").is_empty());
    assert!(values(&[&[(CN, UTF8, b"a")]], "nothing").is_empty());
}

#[test]
fn a_value_that_is_no_plain_text_leaves_its_attribute_without_value() {
    let values = |content: &[u8], tag: u8| {
        Name::parse(&name(&[&[(CN, UTF8, b"victim")], &[(CN, tag, content)]]))
            .unwrap()
            .attribute("CN")
    };
    assert_eq!(values(b"b", UTF8), ["victim", "b"]);
    for (content, tag) in [
        (&b"victim\0evil"[..], UTF8),
        (b"a\r\nb", UTF8),
        ("a\u{202e}b".as_bytes(), UTF8),
        ("a\u{200b}".as_bytes(), UTF8),
        ("\u{3164}".as_bytes(), UTF8),
        (b"\x20\x0b\0a", 0x1e),
        (b"\xe9", IA5),
        (b"\xe9", 0x13),
        (b"\x01", 0x02),
    ] {
        assert!(values(content, tag).is_empty(), "{content:?}");
    }
    assert_eq!(
        values("Ann–Sophie O’Hara".as_bytes(), UTF8),
        ["victim", "Ann–Sophie O’Hara"]
    );
    assert_eq!(values(b"\xe9", 0x14), ["victim", "é"]);
    assert_eq!(values(b"\x00\xe9", 0x1e), ["victim", "é"]);
    assert!(is_attribute("OU") && is_attribute("1.2.3") && !is_attribute("ou") && !is_attribute(""));
}

#[test]
fn rfc_4514_writes_its_own_words_and_everything_else_as_der() {
    let written = |relatives: &[&[(&str, u8, &[u8])]]| Name::parse(&name(relatives)).unwrap().rfc4514();
    let check = |relatives: &[&[(&str, u8, &[u8])]], expect: &str| assert_eq!(written(relatives), expect);
    check(
        &[
            &[("0.9.2342.19200300.100.1.25", IA5, b"net")],
            &[("0.9.2342.19200300.100.1.25", IA5, b"example")],
            &[("2.5.4.11", UTF8, b"Sales"), (CN, UTF8, b"J.  Smith")],
        ],
        "CN=J.  Smith+OU=Sales,DC=example,DC=net",
    );
    check(
        &[&[(CN, UTF8, b"James \"Jim\" Smith, III")]],
        "CN=James \\\"Jim\\\" Smith\\, III",
    );
    check(&[&[(CN, UTF8, b"Before\rAfter")]], "CN=Before\\0DAfter");
    check(&[&[(CN, UTF8, "Lučić".as_bytes())]], "CN=Lu\\C4\\8Di\\C4\\87");
    check(
        &[&[("1.3.6.1.4.1.1466.0", 0x04, b"Hi")]],
        "1.3.6.1.4.1.1466.0=#04024869",
    );
    check(&[&[(MAIL, IA5, b"a@b")]], "1.2.840.113549.1.9.1=#1603614062");
    check(&[&[("2.5.4.9", UTF8, b"Main St")]], "STREET=Main St");
    check(&[&[(CN, UTF8, b"#")]], "CN=\\#");
    check(&[&[(CN, UTF8, b" ")]], "CN=\\ ");
    check(&[&[(CN, UTF8, b"")]], "CN=");
}

#[test]
fn whatever_is_in_a_name_it_prints_as_visible_ascii() {
    for number in 0..=0x10_ffff_u32 {
        let Some(character) = char::from_u32(number) else {
            continue;
        };
        if number > 0x300 && number % 977 != 0 {
            continue;
        }
        let parsed = Name::parse(&name(&[&[(CN, UTF8, format!("a{character}b").as_bytes())]])).unwrap();
        for text in [parsed.nginx(), parsed.rfc4514()] {
            let safe = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
            assert!(text.bytes().all(safe), "{text:?}");
        }
    }
}

#[test]
fn a_name_is_read_and_written_again_as_it_was_printed() {
    let printed: [&[Relative<'_>]; 8] = [
        &[],
        &[&[(O, UTF8, b"Home")], &[(CN, UTF8, b"*.home.example")]],
        &[&[(CN, UTF8, b"*")]],
        &[&[(OU, UTF8, b"a"), (OU, UTF8, b"b"), (CN, UTF8, b"ann")]],
        &[&[(CN, UTF8, b"")], &[(CN, UTF8, b" ")], &[(CN, UTF8, b"#")]],
        &[&[(CN, UTF8, b"  # ,+=;<>\\\"\0\n*\xc3\xbc ")]],
        &[&[(CN, UTF8, b"#41"), (MAIL, IA5, b"ann@home.example")]],
        &[&[(CN, 0x1e, b"\0a"), (CN, 4, b"x*"), ("1.3.6.1.4.1.7", UTF8, b"*")]],
    ];
    for relatives in printed {
        let parsed = Name::parse(&name(relatives)).unwrap();
        let (nginx, rfc4514) = (parsed.nginx(), parsed.rfc4514());
        assert_eq!(NamePattern::as_nginx(&nginx).as_deref(), Some(&*nginx));
        assert_eq!(NamePattern::as_rfc4514(&rfc4514).as_deref(), Some(&*rfc4514));
    }
    let escaped = NamePattern::as_nginx("CN = \\*.home.example, O=Home");
    assert_eq!(escaped.as_deref(), Some("CN=*.home.example,O=Home"));
    assert_eq!(NamePattern::as_nginx("*,O=Home"), None);
}
