//! Which keys of a set can be used, and which one a token finds.

use super::*;
use crate::sign::SigningKey;
use base64::Engine as _;

fn jwk(algorithm: Algorithm, kid: &str) -> String {
    SigningKey::generate(algorithm).unwrap().public_jwk(kid).unwrap()
}

fn set(jwks: &[&str]) -> (KeySet, Vec<UnusableKey>) {
    KeySet::parse(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes()).unwrap()
}

fn found(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> &'static str {
    match set.find(kid, algorithm) {
        Lookup::Found(_) => "found",
        Lookup::Ambiguous => "ambiguous",
        Lookup::Unknown => "unknown",
    }
}

#[test]
fn an_unusable_key_is_left_out_and_the_others_stand() {
    let good = jwk(Algorithm::Es256, "good");
    let other = |text: &str, by: &str| good.replace(text, by);
    let unusable = [
        r#"{"kty":"oct","k":"c2VjcmV0","kid":"shared"}"#.to_owned(),
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
        r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#.to_owned(),
        r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.to_owned(),
        r#"{"kid":"nothing"}"#.to_owned(),
        other(r#""use":"sig""#, r#""use":"enc""#),
        other(r#""use":"sig""#, r#""key_ops":["sign"]"#),
        other(r#""use":"sig""#, r#""key_ops":"verify""#),
        other(r#""alg":"ES256""#, r#""alg":"RS256""#),
        other(r#""alg":"ES256""#, r#""alg":"ES256","d":"AA""#),
        other("P-256", "P-384"),
    ];
    let all = unusable
        .iter()
        .map(String::as_str)
        .chain([good.as_str()])
        .collect::<Vec<_>>();
    let (keys, left_out) = set(&all);
    assert_eq!(keys.keys().len(), 1);
    assert_eq!(
        left_out.iter().map(|key| key.index).collect::<Vec<_>>(),
        (0..unusable.len()).collect::<Vec<_>>()
    );
    assert_eq!(found(&keys, Some("good"), Algorithm::Es256), "found");
}

#[test]
fn a_set_with_nothing_usable_is_no_set() {
    let parse = |text: &str| KeySet::parse(text.as_bytes()).err().unwrap();
    assert_eq!(parse(r#"{"keys":[]}"#), KeySetError::NothingUsable(0));
    assert_eq!(
        parse(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#),
        KeySetError::NothingUsable(1)
    );
    for (left_out, words) in [
        (0, "there is no key in the set"),
        (1, "the only key in the set cannot be used"),
        (2, "no key in the set can be used (2 were left out)"),
    ] {
        assert_eq!(KeySetError::NothingUsable(left_out).to_string(), words);
    }
    assert!(matches!(parse("{}"), KeySetError::Malformed(_)));
    assert!(matches!(parse(r#"{"keys":{}}"#), KeySetError::Malformed(_)));
    assert!(matches!(parse(r#"{"keys":[1]}"#), KeySetError::Malformed(_)));
    assert!(matches!(parse("<html>"), KeySetError::Malformed(_)));
    assert!(matches!(
        parse(r#"{"keys":[],"keys":[]}"#),
        KeySetError::Malformed(_)
    ));
    assert_eq!(
        KeySet::parse(&vec![b' '; MAX_SET_BYTES + 1]).err(),
        Some(KeySetError::TooLarge)
    );
    let many = vec![r#"{"kty":"x"}"#; MAX_KEYS + 1].join(",");
    assert_eq!(parse(&format!(r#"{{"keys":[{many}]}}"#)), KeySetError::TooLarge);
}

#[test]
fn a_token_finds_one_key_or_none() {
    let (one, two) = (jwk(Algorithm::Es256, "one"), jwk(Algorithm::Es256, "two"));
    let (three, nameless) = (
        jwk(Algorithm::EdDsa, "three"),
        jwk(Algorithm::Es384, "x").replace(r#""kid":"x","#, ""),
    );
    let (keys, _) = set(&[&one, &two, &three, &nameless]);
    assert_eq!(found(&keys, Some("one"), Algorithm::Es256), "found");
    assert_eq!(
        found(&keys, Some("one"), Algorithm::EdDsa),
        "unknown",
        "the id does not choose the algorithm"
    );
    assert_eq!(found(&keys, Some("none"), Algorithm::Es256), "unknown");
    assert_eq!(found(&keys, None, Algorithm::Es256), "ambiguous");
    assert_eq!(found(&keys, None, Algorithm::EdDsa), "found");
    assert_eq!(
        found(&keys, Some("any"), Algorithm::Es384),
        "found",
        "a key without an id is found by its algorithm"
    );
    assert_eq!(found(&keys, None, Algorithm::Rs256), "unknown");
    let (twins, _) = set(&[&one, &two.replace(r#""kid":"two""#, r#""kid":"one""#)]);
    assert_eq!(found(&twins, Some("one"), Algorithm::Es256), "ambiguous");
}

#[test]
fn a_thumbprint_is_rfc_7638s() {
    let example = concat!(
        r#"{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"#,
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnY",
        "b9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-cs",
        r#"FCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}"#
    );
    let (keys, _) = KeySet::parse(example.as_bytes()).unwrap();
    let thumbprint = keys.keys()[0].thumbprint();
    let encoded = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(thumbprint.0);
    assert_eq!(encoded, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert!(keys.holds(thumbprint));
}
