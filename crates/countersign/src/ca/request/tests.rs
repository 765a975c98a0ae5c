use super::*;
use crate::ca::der::{element, number, oid, sequence};
use crate::ca::key::PrivateKey;
use rcgen::{PublicKeyData as _, SigningKey as _};

/// What OpenSSL made: a request for each kind of key.
const MADE: [(&str, &str); 4] = [
    ("p256", include_str!("../../../tests/ca/requests/p256.csr")),
    ("rsa", include_str!("../../../tests/ca/requests/rsa.csr")),
    ("ed", include_str!("../../../tests/ca/requests/ed.csr")),
    ("p384", include_str!("../../../tests/ca/requests/p384.csr")),
];

fn der(pem: &str) -> Vec<u8> {
    pem::decode(pem).unwrap().remove(0).1
}

/// A request for `extensions`, each a name and a value, by a new key.
fn asking(extensions: &[(&[u8], Vec<u8>)]) -> Result<Request, RequestError> {
    let extensions = extensions
        .iter()
        .map(|(name, value)| sequence(&[&oid(name), &element(tag::OCTET_STRING, &[value])]));
    let extensions = sequence(&[&extensions.collect::<Vec<_>>().concat()]);
    let attribute = sequence(&[&oid(EXTENSION_REQUEST), &element(tag::SET, &[&extensions])]);
    Request::from_der(&signed(&[], &attribute))
}

/// A request with a subject (its sets) and attributes, by a new key.
fn signed(subject: &[u8], attributes: &[u8]) -> Vec<u8> {
    let key = PrivateKey::generate().unwrap();
    let info = sequence(&[
        &number(0),
        &sequence(&[subject]),
        &key.public_half().subject_public_key_info(),
        &element(tag::CONTEXT_0, &[attributes]),
    ]);
    let signature = key.pair().sign(&info).unwrap();
    let ecdsa = sequence(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])]);
    sequence(&[&info, &ecdsa, &element(tag::BIT_STRING, &[&[0], &signature])])
}

fn names(tagged: &[(u8, &[u8])]) -> Vec<u8> {
    let names = tagged.iter().map(|(tag, text)| element(*tag, &[text]));
    sequence(&[&names.collect::<Vec<_>>().concat()])
}

#[test]
fn what_openssl_asks_for_is_read() {
    let check = |place: usize, kind: Kind, expect: &[&str]| {
        let request = Request::from_pem(MADE[place].1).unwrap();
        let names = request.names(kind).unwrap();
        assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
    };
    check(0, Kind::Server, &["app.example", "10.0.0.7"]);
    check(1, Kind::Client, &["Ann", "ann@example.org"]);
    check(2, Kind::Workload, &["spiffe://example.org/billing"]);
    check(3, Kind::Client, &["ann"]);
}

#[test]
fn a_request_is_for_its_kind_alone() {
    let told = |place: usize, kind: Kind| {
        let request = Request::from_pem(MADE[place].1).unwrap();
        request.names(kind).unwrap_err()
    };
    assert!(matches!(
        told(0, Kind::Client),
        RequestError::NotForKind("client", _, "DNS name")
    ));
    assert!(matches!(
        told(0, Kind::Workload),
        RequestError::Name(NameError::Spiffe(..))
    ));
    assert_eq!(told(1, Kind::Server), RequestError::Purpose("server"));
    assert_eq!(told(3, Kind::Workload), RequestError::NoName("workload"));
    let both = asking(&[(ALTERNATIVE_NAME, names(&[(0x87, &[10, 0, 0, 7])]))]).unwrap();
    assert!(matches!(
        both.names(Kind::Client),
        Err(RequestError::NotForKind(_, _, "address"))
    ));
    let odd = asking(&[(ALTERNATIVE_NAME, names(&[(0x86, b"urn:x")]))]).unwrap();
    assert!(matches!(
        odd.names(Kind::Client),
        Err(RequestError::NotForKind(_, _, "URI"))
    ));
}

#[test]
fn whoever_asks_to_sign_gets_nothing() {
    let authority = sequence(&[&element(tag::BOOLEAN, &[&[0xff]])]);
    assert_eq!(
        asking(&[(BASIC_CONSTRAINTS, authority)]).unwrap_err(),
        RequestError::Authority
    );
    for bits in [0b0000_0100, 0b0000_0010, 0xff] {
        let usage = element(tag::BIT_STRING, &[&[1], &[bits]]);
        assert_eq!(
            asking(&[(KEY_USAGE, usage)]).unwrap_err(),
            RequestError::Authority
        );
    }
    let usage = element(tag::BIT_STRING, &[&[7], &[0x80]]);
    asking(&[(KEY_USAGE, usage), (BASIC_CONSTRAINTS, sequence(&[]))]).unwrap();
    let made = Request::from_pem(include_str!("../../../tests/ca/requests/ca.csr"));
    assert_eq!(made.unwrap_err(), RequestError::Authority);
    let weak = Request::from_pem(include_str!("../../../tests/ca/requests/small.csr"));
    assert_eq!(weak.unwrap_err(), RequestError::Key);
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused_wherever_it_was_changed() {
    for (name, text) in MADE {
        let sound = der(text);
        for place in 0..sound.len() {
            let mut changed = sound.clone();
            changed[place] ^= 1;
            if let Ok(request) = Request::from_der(&changed) {
                // What is left is the NULL of an algorithm, which nobody reads.
                let names = |request: &Request| request.names.clone();
                assert_eq!(
                    names(&request),
                    names(&Request::from_der(&sound).unwrap()),
                    "{name} {place}"
                );
            }
            assert!(Request::from_der(&sound[..place]).is_err(), "{name} {place}");
        }
        let longer = [sound.as_slice(), &[0]].concat();
        assert!(Request::from_der(&longer).is_err(), "{name}");
    }
}

#[test]
fn odd_requests_are_told_apart() {
    let dns = |text: &[u8]| names(&[(0x82, text)]);
    let twice = asking(&[
        (ALTERNATIVE_NAME, dns(b"a.example")),
        (ALTERNATIVE_NAME, dns(b"b.example")),
    ]);
    assert_eq!(
        twice.unwrap_err(),
        RequestError::Structure("what it asks for twice")
    );
    let foreign = asking(&[(ALTERNATIVE_NAME, names(&[(0xa4, b"")]))]);
    assert_eq!(foreign.unwrap_err(), RequestError::NameKind);
    let wide = asking(&[(ALTERNATIVE_NAME, dns("bücher.example".as_bytes()))]);
    assert_eq!(wide.unwrap_err(), RequestError::Structure("its names"));
    let address = asking(&[(ALTERNATIVE_NAME, names(&[(0x87, &[10, 0, 0])]))]);
    assert_eq!(address.unwrap_err(), RequestError::Structure("its names"));
    let nul = asking(&[(ALTERNATIVE_NAME, dns(b"app.example\0.evil.example"))]).unwrap();
    assert!(matches!(
        nul.names(Kind::Server),
        Err(RequestError::Name(NameError::Control(_)))
    ));
    let many = vec![(0x82, &b"a.example"[..]); 201];
    assert_eq!(
        asking(&[(ALTERNATIVE_NAME, names(&many))]).unwrap_err(),
        RequestError::TooManyNames
    );
    let huge = asking(&[(ALTERNATIVE_NAME, dns(&vec![b'a'; MAX_REQUEST_BYTES]))]);
    assert_eq!(huge.unwrap_err(), RequestError::TooLarge);
    // Two lists of extensions would be two readings.
    let attribute = sequence(&[&oid(EXTENSION_REQUEST), &element(tag::SET, &[&sequence(&[])])]);
    let doubled = Request::from_der(&signed(&[], &[attribute.clone(), attribute].concat()));
    assert_eq!(doubled.unwrap_err(), RequestError::Structure("what it asks for"));
    // What is no text is no common name.
    let value = element(tag::OCTET_STRING, &[b"ann"]);
    let set = element(tag::SET, &[&sequence(&[&oid(COMMON_NAME), &value])]);
    assert_eq!(
        Request::from_der(&signed(&set, &[])).unwrap_err(),
        RequestError::Structure("its subject")
    );
    for text in ["", "nothing", &MADE[0].1.repeat(2), &pem::certificate(b"x")] {
        assert_eq!(Request::from_pem(text).unwrap_err(), RequestError::NotPem);
    }
    let old = MADE[0]
        .1
        .replace("BEGIN CERT", "BEGIN NEW CERT")
        .replace("END CERT", "END NEW CERT");
    Request::from_pem(&old).unwrap();
}
