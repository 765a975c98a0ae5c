use super::*;
use crate::jwks::KeySet;
use crate::jwks::Lookup;

const KEYS: [(&str, &[u8], &[u8]); 5] = [
    (
        "RS256",
        include_bytes!("../../../testkit/keys/rsa-1.pem"),
        include_bytes!("../../../testkit/keys/rsa-1.pub.pem"),
    ),
    (
        "ES256",
        include_bytes!("../../../testkit/keys/ec-256.pem"),
        include_bytes!("../../../testkit/keys/ec-256.pub.pem"),
    ),
    (
        "ES384",
        include_bytes!("../../../testkit/keys/ec-384.pem"),
        include_bytes!("../../../testkit/keys/ec-384.pub.pem"),
    ),
    (
        "ES512",
        include_bytes!("../../../testkit/keys/ec-521.pem"),
        include_bytes!("../../../testkit/keys/ec-521.pub.pem"),
    ),
    (
        "EdDSA",
        include_bytes!("../../../testkit/keys/ed25519.pem"),
        include_bytes!("../../../testkit/keys/ed25519.pub.pem"),
    ),
];

#[test]
fn a_public_half_is_written_as_openssl_writes_it() {
    for (name, private, public) in KEYS {
        let key = PublicKey::from_pem(private).unwrap();
        assert_eq!(key.pem().as_bytes(), public, "{name}");
        assert_eq!(PublicKey::from_pem(public), Some(key.clone()), "{name}");
        assert_eq!(key.usual_algorithm().name(), name);
    }
}

#[test]
fn a_set_of_it_verifies_what_the_private_half_signs() {
    for (name, private, public) in KEYS {
        let (signs, verifies) = (
            SigningKey::from_any_pem(private).unwrap(),
            PublicKey::from_pem(public).unwrap(),
        );
        let algorithm = verifies.usual_algorithm();
        let set = format!(r#"{{"keys":[{}]}}"#, verifies.jwk("one", algorithm));
        let (set, left_out) = KeySet::parse(set.as_bytes()).unwrap();
        assert!(left_out.is_empty(), "{left_out:?}");
        let Lookup::Found(found) = set.find(Some("one"), algorithm) else {
            panic!("{name}");
        };
        let token = signs.sign("", b"{}").unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(
            found.verify(algorithm, message.as_bytes(), &signature).is_ok(),
            "{name}"
        );
        assert_eq!(signs.thumbprint().as_deref(), Some(verifies.thumbprint()));
    }
}

#[test]
fn a_thumbprint_is_that_of_rfc_7638() {
    // Section 3.1 of the RFC.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM\
             stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5ha\
             jrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(n).unwrap();
    let number = [&[0x02, 0x82, 0x01, 0x01, 0][..], &modulus].concat();
    let key = [&[0x30, 0x82, 0x01, 0x0a][..], &number, &[2, 3, 1, 0, 1]].concat();
    let bits = [&[0x03, 0x82, 0x01, 0x0f, 0][..], &key].concat();
    let algorithm = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let spki = [&[0x30, 0x82, 0x01, 0x22][..], &algorithm, &bits].concat();
    let key = PublicKey::from_spki(&spki).unwrap();
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn what_is_no_such_key_is_none() {
    let short = include_bytes!("../../../testkit/keys/rsa-short.pub.pem");
    for pem in [
        &short[..],
        b"",
        b"-----BEGIN PUBLIC KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(PublicKey::from_pem(pem), None);
    }
    let spki = PublicKey::from_pem(KEYS[1].2).unwrap().spki;
    for at in [spki.len() - 1, spki.len() - 40] {
        let mut bent = spki.clone();
        bent[at] ^= 1;
        assert_eq!(PublicKey::from_spki(&bent), None, "the point is off its curve");
    }
    assert_eq!(PublicKey::from_spki(&spki[..spki.len() - 1]), None);
}

#[test]
fn a_private_key_is_read_in_its_older_form_and_kept_in_the_newer() {
    use rustls_pki_types::PrivatePkcs8KeyDer;

    // What comes before the key itself in PKCS#8: the length of it, the version, the algorithm.
    for (name, at, kind) in [("RS256", 26, "RSA"), ("ES256", 29, "EC")] {
        let (_, private, public) = KEYS.into_iter().find(|(own, ..)| *own == name).unwrap();
        let whole = PrivatePkcs8KeyDer::from_pem_slice(private).unwrap();
        let text = BASE64_STANDARD.encode(&whole.secret_pkcs8_der()[at..]);
        let older = format!("-----BEGIN {kind} PRIVATE KEY-----\n{text}\n-----END {kind} PRIVATE KEY-----\n");
        let key = SigningKey::from_any_pem(older.as_bytes()).unwrap();
        assert_eq!(key.public_key(), PublicKey::from_pem(public), "{name}");
        let kept = key.to_pkcs8().unwrap();
        let again = SigningKey::from_pkcs8(key.algorithm(), kept.expose()).unwrap();
        assert_eq!(again.public_key(), key.public_key(), "{name}");
    }
    let hidden = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(SigningKey::from_any_pem(hidden).is_err());
}
