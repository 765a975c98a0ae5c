//! Keys as operators and issuers bring them: which are taken, and what is said of the others.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use countersign_jose::jwks::{KeySet, KeySetError, Lookup};
use countersign_jose::key::{KeyError, VerificationKey};
use countersign_jose::sign::SigningKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signature;

const RSA_PEM: &str = include_str!("../../testkit/keys/rsa-1.pub.pem");
const RSA_JWK: &str = include_str!("../../testkit/keys/rsa-1.jwk.json");
const SECRET: &str = r#"{"kty":"oct","kid":"s","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;

fn jwk(text: &str) -> Result<VerificationKey, KeyError> {
    VerificationKey::from_jwk(parse_object(text.as_bytes()).unwrap().root())
}

fn pem(text: &str) -> Option<KeyError> {
    KeySet::from_pem(text.as_bytes()).err()
}

#[test]
fn a_pem_of_every_kind_of_key_verifies_what_its_private_half_signs() {
    let pairs = [
        (
            Algorithm::Rs256,
            include_str!("../../testkit/keys/rsa-1.pem"),
            RSA_PEM,
        ),
        (
            Algorithm::Ps512,
            include_str!("../../testkit/keys/rsa-2.pem"),
            include_str!("../../testkit/keys/rsa-2.pub.pem"),
        ),
        (
            Algorithm::Es256,
            include_str!("../../testkit/keys/ec-256.pem"),
            include_str!("../../testkit/keys/ec-256.pub.pem"),
        ),
        (
            Algorithm::Es384,
            include_str!("../../testkit/keys/ec-384.pem"),
            include_str!("../../testkit/keys/ec-384.pub.pem"),
        ),
        (
            Algorithm::Es512,
            include_str!("../../testkit/keys/ec-521.pem"),
            include_str!("../../testkit/keys/ec-521.pub.pem"),
        ),
        (
            Algorithm::EdDsa,
            include_str!("../../testkit/keys/ed25519.pem"),
            include_str!("../../testkit/keys/ed25519.pub.pem"),
        ),
    ];
    let all = pairs.map(|(_, _, public)| public).concat();
    let all = KeySet::from_pem(all.as_bytes()).unwrap();
    assert_eq!(all.keys().len(), pairs.len());
    for (algorithm, private, public) in pairs {
        let token = SigningKey::from_pem(algorithm, private.as_bytes()).unwrap();
        let token = token.sign("", b"signed").unwrap();
        let token = UnverifiedToken::parse(&token).unwrap();
        let set = KeySet::from_pem(public.as_bytes()).unwrap();
        let Lookup::Found(key) = set.find(None, algorithm) else {
            panic!("{algorithm:?}: one key fits")
        };
        assert_eq!(verify_signature(&token, &key).unwrap(), b"signed");
        assert!(
            pem(private).is_some_and(|error| error == KeyError::Private),
            "{algorithm:?}"
        );
        let others = all
            .keys()
            .iter()
            .filter(|other| other.thumbprint() != key.thumbprint());
        for other in others {
            assert!(
                verify_signature(&token, other).is_err(),
                "{algorithm:?} {other:?}"
            );
        }
    }
}

#[test]
fn an_rsa_key_is_the_same_key_in_a_pem_and_in_a_jwk() {
    let from_pem = KeySet::from_pem(RSA_PEM.as_bytes()).unwrap();
    assert_eq!(
        from_pem.keys()[0].thumbprint(),
        jwk(RSA_JWK).unwrap().thumbprint()
    );
}

#[test]
fn a_pem_without_a_public_key_says_what_it_holds_instead() {
    let section = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let told = |text: &str| pem(text).unwrap().to_string();
    assert!(told(&section("CERTIFICATE")).contains("openssl x509"));
    assert!(told(&format!("{RSA_PEM}{}", section("CERTIFICATE"))).contains("certificate"));
    assert_eq!(pem(&section("RSA PRIVATE KEY")), Some(KeyError::Private));
    assert_eq!(
        pem(&format!("{RSA_PEM}{}", section("PRIVATE KEY"))),
        Some(KeyError::Private)
    );
    assert_eq!(pem(&section("PUBLIC KEY")), Some(KeyError::Unusable));
    for text in ["", "golang", "{}", &section("RSA PUBLIC KEY")] {
        assert!(told(text).contains("BEGIN PUBLIC KEY"), "{text}");
    }
    for text in [
        RSA_PEM.trim_end_matches("-----END PUBLIC KEY-----\n"),
        "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(pem(text), Some(KeyError::Member("PEM")), "{text}");
    }
    let short = include_str!("../../testkit/keys/rsa-short.pub.pem");
    assert_eq!(pem(short), Some(KeyError::Unusable));
}

#[test]
fn rsa_numbers_that_are_no_sound_key_are_left_out() {
    let members = parse_object(RSA_JWK.as_bytes()).unwrap();
    let n = members
        .member("n")
        .and_then(countersign_core::claims::Value::as_str)
        .unwrap();
    let n = BASE64_URL_SAFE_NO_PAD.decode(n).unwrap();
    let rsa = |n: &[u8], e: &[u8]| {
        let (n, e) = (BASE64_URL_SAFE_NO_PAD.encode(n), BASE64_URL_SAFE_NO_PAD.encode(e));
        jwk(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)).err()
    };
    assert_eq!(rsa(&n, &[1, 0, 1]), None);
    assert_eq!(rsa(&n, &[3]), None);
    for e in [[].as_slice(), &[1], &[2], &[1, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(rsa(&n, e), Some(KeyError::Unusable), "{e:?}");
    }
    assert_eq!(rsa(&n, &[0, 1, 0, 1]), Some(KeyError::Member("e")));
    assert_eq!(rsa(&[&[0], &*n].concat(), &[3]), Some(KeyError::Member("n")));
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    let mut short = n.clone();
    short[0] = 0x7f;
    let long = [&n[..], &n, &n, &n, &[1]].concat();
    for n in [&[][..], &even, &short, &n[1..], &long] {
        assert_eq!(rsa(n, &[1, 0, 1]), Some(KeyError::Unusable));
    }
}

#[test]
fn a_point_that_is_not_on_its_curve_is_left_out() {
    let key = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .public_jwk("k")
        .unwrap();
    assert!(jwk(&key).is_ok());
    let zeros = BASE64_URL_SAFE_NO_PAD.encode([0; 32]);
    let x = format!(r#"{{"kty":"EC","crv":"P-256","x":"{zeros}","y":"{zeros}"}}"#);
    assert_eq!(jwk(&x).err(), Some(KeyError::Unusable));
    assert_eq!(
        jwk(&x.replace("AAAA\",\"y", "AA\",\"y")).err(),
        Some(KeyError::Member("x"))
    );
}

#[test]
fn what_the_operator_hands_in_may_be_a_set_one_key_a_pem_or_a_secret() {
    let read = |text: &str| KeySet::from_operator(text.as_bytes()).map(|(keys, _)| keys.keys().len());
    let set = |keys: &[&str]| format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    assert_eq!(read(RSA_PEM), Ok(1));
    assert_eq!(read(RSA_JWK), Ok(1));
    assert_eq!(read(&set(&[RSA_JWK])), Ok(1));
    assert_eq!(read(SECRET), Ok(1));
    assert_eq!(read(&set(&[SECRET])), Ok(1));
    let mixed = Err(KeySetError::Key(KeyError::SharedSecret));
    assert_eq!(read(&set(&[SECRET, RSA_JWK])), mixed);
    assert_eq!(read(&set(&[RSA_JWK, SECRET])), mixed);
    assert_eq!(read(&set(&[])), Err(KeySetError::NothingUsable(0)));
    assert!(matches!(read("{\"keys\":1}"), Err(KeySetError::Key(_))));
    assert!(matches!(read("{"), Err(KeySetError::Malformed(_))));
    assert_eq!(read(&" ".repeat((1 << 20) + 1)), Err(KeySetError::TooLarge));
    // What an issuer publishes is never read this way.
    assert_eq!(
        KeySet::parse(set(&[SECRET]).as_bytes()).err(),
        Some(KeySetError::NothingUsable(1))
    );
}

#[test]
fn a_secret_is_for_the_algorithms_it_is_long_enough_for() {
    let secret = |bytes: usize, more: &str| {
        let k = BASE64_URL_SAFE_NO_PAD.encode(vec![7; bytes]);
        let text = format!(r#"{{"kty":"oct","k":"{k}"{more}}}"#);
        let key = VerificationKey::from_secret_jwk(parse_object(text.as_bytes()).unwrap().root());
        key.map(|key| {
            let fitting = Algorithm::ALL
                .into_iter()
                .filter(|algorithm| key.fits(*algorithm));
            fitting.map(Algorithm::name).collect::<Vec<_>>().join(" ")
        })
    };
    let too_short = |needed, got| Err(KeyError::SecretTooShort { needed, got });
    assert_eq!(secret(64, ""), Ok("HS256 HS384 HS512".to_owned()));
    assert_eq!(secret(63, ""), Ok("HS256 HS384".to_owned()));
    assert_eq!(secret(32, ""), Ok("HS256".to_owned()));
    assert_eq!(secret(31, ""), too_short(32, 31));
    assert_eq!(secret(64, r#","alg":"HS384""#), Ok("HS384".to_owned()));
    assert_eq!(secret(47, r#","alg":"HS384""#), too_short(48, 47));
    assert_eq!(
        secret(64, r#","alg":"RS256""#),
        Err(KeyError::Algorithm("RS256".to_owned()))
    );
    assert_eq!(
        secret(64, r#","use":"enc""#),
        Err(KeyError::Purpose("enc".to_owned()))
    );
    let key = format!("{:?}", KeySet::from_operator(SECRET.as_bytes()).unwrap());
    assert!(!key.contains("MDEy") && !key.contains("0123"), "{key}");
}

#[test]
fn the_same_key_listed_twice_is_one_key() {
    let listed = format!(r#"{{"keys":[{RSA_JWK},{RSA_JWK}]}}"#);
    let (set, _) = KeySet::parse(listed.as_bytes()).unwrap();
    assert!(matches!(set.find(None, Algorithm::Rs256), Lookup::Found(_)));
}
