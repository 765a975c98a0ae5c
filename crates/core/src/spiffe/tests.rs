//! The rules of the SPIFFE-ID standard, and the cases that go-spiffe tests.

use super::*;
use SpiffeIdError as E;

#[test]
fn what_the_standard_takes_is_taken_and_printed_as_it_came() {
    for (text, trust_domain, path) in [
        ("spiffe://trustdomain", "trustdomain", ""),
        ("spiffe://trustdomain/path", "trustdomain", "/path"),
        (
            "spiffe://trustdomain/path/element",
            "trustdomain",
            "/path/element",
        ),
        (
            "spiffe://staging.example.com/payments/mysql",
            "staging.example.com",
            "/payments/mysql",
        ),
        (
            "spiffe://k8s-west.example.com/ns/staging/sa/default",
            "k8s-west.example.com",
            "/ns/staging/sa/default",
        ),
        (
            "spiffe://example.com/9eebccd2-12bf-40a6-b262-65fe0487d453",
            "example.com",
            "/9eebccd2-12bf-40a6-b262-65fe0487d453",
        ),
        ("spiffe://1.2.3.4/service", "1.2.3.4", "/service"),
        ("spiffe://my_domain-1/A.b_C-9", "my_domain-1", "/A.b_C-9"),
        ("spiffe://-_.", "-_.", ""),
        ("spiffe://td/.../.a/..b/c..", "td", "/.../.a/..b/c.."),
    ] {
        let id = SpiffeId::parse(text).unwrap();
        assert_eq!(
            (id.trust_domain().name(), id.path()),
            (trust_domain, path),
            "{text}"
        );
        assert_eq!(id.to_string(), text);
        assert_eq!(TrustDomain::parse(trust_domain).as_ref(), Ok(id.trust_domain()));
    }
}

#[test]
fn each_rule_is_told_by_its_own_name() {
    for (text, expect) in [
        ("", E::Scheme),
        ("spiffe", E::Scheme),
        ("spiffe:", E::Scheme),
        ("spiffe:/", E::Scheme),
        ("spiffe:path/element", E::Scheme),
        ("spiffe:/path/element", E::Scheme),
        ("SPIFFE://trustdomain/path", E::Scheme),
        ("http://trustdomain/path", E::Scheme),
        ("//trustdomain/path", E::Scheme),
        (" spiffe://trustdomain/path", E::Scheme),
        ("spiffe://", E::TrustDomainEmpty),
        ("spiffe:///path", E::TrustDomainEmpty),
        ("spiffe://user@trustdomain/path", E::UserInfo),
        ("spiffe://user:password@trustdomain/path", E::UserInfo),
        ("spiffe://@trustdomain", E::UserInfo),
        ("spiffe://trustdomain:80/path", E::Port),
        ("spiffe://trustdomain:/path", E::Port),
        ("spiffe://spiffe://trustdomain/path", E::Port),
        ("spiffe://[::1]/path", E::TrustDomainCharacter),
        ("spiffe://TrustDomain/path", E::TrustDomainUpperCase),
        ("spiffe://trust domain/path", E::TrustDomainCharacter),
        ("spiffe://trustdomain\\path", E::TrustDomainCharacter),
        ("spiffe://tr\u{fc}stdomain/path", E::TrustDomainCharacter),
        ("spiffe://trustdomain\0.evil/path", E::TrustDomainCharacter),
        ("spiffe://trust%20domain/path", E::PercentEncoding),
        ("spiffe://trustdomain?query", E::Query),
        ("spiffe://trustdomain/path?query=1", E::Query),
        ("spiffe://trustdomain/path?", E::Query),
        ("spiffe://trustdomain#fragment", E::Fragment),
        ("spiffe://trustdomain/path#fragment-1", E::Fragment),
        ("spiffe://trustdomain/path%61", E::PercentEncoding),
        ("spiffe://trustdomain/path%5u", E::PercentEncoding),
        ("spiffe://trustdomain/%2e%2e/path", E::PercentEncoding),
        ("spiffe://trustdomain/", E::TrailingSlash),
        ("spiffe://trustdomain/path/", E::TrailingSlash),
        ("spiffe://trustdomain//", E::TrailingSlash),
        ("spiffe://trustdomain//path", E::EmptySegment),
        ("spiffe://trustdomain/path//element", E::EmptySegment),
        ("spiffe://trustdomain/./path", E::DotSegment),
        ("spiffe://trustdomain/path/.", E::DotSegment),
        ("spiffe://trustdomain/../path", E::DotSegment),
        ("spiffe://trustdomain/path/..", E::DotSegment),
        ("spiffe://trustdomain/pa th", E::PathCharacter),
        ("spiffe://trustdomain/pa:th", E::PathCharacter),
        ("spiffe://trustdomain/pa@th", E::PathCharacter),
        ("spiffe://trustdomain/!path", E::PathCharacter),
        ("spiffe://trustdomain/path\r\nX-Admin: 1", E::PathCharacter),
        ("spiffe://trustdomain/p\u{e4}th", E::PathCharacter),
        ("spiffe://trustdomain/spiffe://other/path", E::PathCharacter),
    ] {
        assert_eq!(SpiffeId::parse(text), Err(expect), "{text:?}");
    }
}

#[test]
fn every_byte_is_allowed_where_the_standard_says_and_nowhere_else() {
    for byte in 0..=0x7f_u8 {
        let character = char::from(byte);
        let in_trust_domain = TrustDomain::parse(&format!("trust{character}domain")).is_ok();
        let expect = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        assert_eq!(in_trust_domain, expect, "{character:?}");
        let in_path = SpiffeId::parse(&format!("spiffe://td/a{character}b")).is_ok();
        let expect = byte.is_ascii_alphanumeric() || b".-_/".contains(&byte);
        assert_eq!(in_path, expect, "{character:?}");
    }
}

#[test]
fn lengths_are_bounded_to_the_byte() {
    let name = "a".repeat(MAX_TRUST_DOMAIN_BYTES);
    assert!(TrustDomain::parse(&name).is_ok());
    assert_eq!(
        TrustDomain::parse(&format!("{name}a")),
        Err(E::TrustDomainTooLong)
    );
    assert_eq!(
        SpiffeId::parse(&format!("spiffe://{name}a/path")),
        Err(E::TrustDomainTooLong)
    );
    let id = format!("spiffe://td/{}", "p".repeat(MAX_ID_BYTES - "spiffe://td/".len()));
    assert_eq!(SpiffeId::parse(&id).unwrap().to_string().len(), MAX_ID_BYTES);
    assert_eq!(SpiffeId::parse(&format!("{id}p")), Err(E::TooLong));
}

#[test]
fn a_trust_domain_is_a_bare_name() {
    for (name, expect) in [
        ("", E::TrustDomainEmpty),
        ("spiffe://example.org", E::NotAName),
        ("example.org/path", E::TrustDomainCharacter),
        ("Example.org", E::TrustDomainUpperCase),
        ("example.org:443", E::Port),
    ] {
        assert_eq!(TrustDomain::parse(name), Err(expect), "{name}");
    }
    let example = TrustDomain::parse("example.org").unwrap();
    assert_eq!(example.to_string(), "example.org");
    assert_eq!(example.id().to_string(), "spiffe://example.org");
    assert_eq!(example.id(), SpiffeId::parse("spiffe://example.org").unwrap());
}

/// One trust domain's workload is never another's, whatever the text looks like from one end.
#[test]
fn a_trust_domain_is_the_whole_name() {
    let example = TrustDomain::parse("example.org").unwrap();
    let mine = SpiffeId::parse("spiffe://example.org/joe").unwrap();
    assert_eq!(*mine.trust_domain(), example);
    for other in [
        "spiffe://evil/joe",
        "spiffe://sub.example.org/joe",
        "spiffe://example.org.evil/joe",
        "spiffe://example.or/joe",
        "spiffe://evil/example.org/joe",
    ] {
        let other = SpiffeId::parse(other).unwrap();
        assert_ne!(*other.trust_domain(), example, "{other}");
        assert_ne!(other, mine);
    }
}
