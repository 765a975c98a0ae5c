//! Every algorithm signs and verifies, and nothing but the very token verifies.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::key::{KeyError, VerificationKey};
use countersign_jose::sign::SigningKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{VerifyError, verify, verify_signature};

const PAYLOAD: &str = r#"{"iss":"https://op.test","aud":"api","exp":1893456600,"sub":"ann"}"#;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_893_456_000)
}

fn expectation(algorithm: Algorithm) -> Expectation {
    Expectation::new("https://op.test".into(), vec!["api".into()], vec![algorithm]).unwrap()
}

fn pair(algorithm: Algorithm) -> (SigningKey, VerificationKey) {
    if algorithm.is_hmac() {
        let secret = Secret::new(vec![7; 64]);
        return (
            SigningKey::hmac(algorithm, &secret).unwrap(),
            VerificationKey::hmac(&secret, &[algorithm]).unwrap(),
        );
    }
    let key = SigningKey::generate(algorithm).unwrap();
    let jwk = countersign_jose::json::parse_object(key.public_jwk("k").unwrap().as_bytes()).unwrap();
    let public = VerificationKey::from_jwk(jwk.root()).unwrap();
    (key, public)
}

#[test]
fn what_one_side_signs_the_other_verifies_with_that_algorithm_only() {
    for algorithm in Algorithm::ALL {
        let (key, public) = pair(algorithm);
        let text = key.sign(r#""kid":"k""#, PAYLOAD.as_bytes()).unwrap();
        let token = UnverifiedToken::parse(&text).unwrap();
        let verified = verify(token, &public, &expectation(algorithm), now()).unwrap();
        assert_eq!(
            verified
                .claims()
                .member("sub")
                .and_then(countersign_core::claims::Value::as_str),
            Some("ann")
        );
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let refused = verify(
                UnverifiedToken::parse(&text).unwrap(),
                &public,
                &expectation(other),
                now(),
            )
            .err();
            assert_eq!(refused, Some(VerifyError::AlgorithmNotAllowed(algorithm.name())));
            assert!(!public.fits(other), "{algorithm:?} {other:?}");
        }
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let (key, public) = pair(Algorithm::Rs256);
    let published = key.public_jwk("k").unwrap();
    let secret = Secret::new(published.into_bytes());
    let forged = SigningKey::hmac(Algorithm::Hs256, &secret)
        .unwrap()
        .sign(r#""kid":"k""#, PAYLOAD.as_bytes())
        .unwrap();
    let token = UnverifiedToken::parse(&forged).unwrap();
    let both = Expectation::new(
        "https://op.test".into(),
        vec!["api".into()],
        vec![Algorithm::Rs256, Algorithm::Hs256],
    )
    .unwrap();
    assert_eq!(
        verify(token, &public, &both, now()).err(),
        Some(VerifyError::AlgorithmNotAllowed("HS256"))
    );
}

#[test]
fn the_signature_is_judged_before_the_claims() {
    let (_, public) = pair(Algorithm::Es256);
    let (stranger, _) = pair(Algorithm::Es256);
    let expired = stranger
        .sign("", PAYLOAD.replace("1893456600", "1").as_bytes())
        .unwrap();
    let token = UnverifiedToken::parse(&expired).unwrap();
    assert_eq!(
        verify(token, &public, &expectation(Algorithm::Es256), now()).err(),
        Some(VerifyError::Signature)
    );
}

#[test]
fn empty_zero_and_short_signatures_do_not_hold() {
    for algorithm in Algorithm::ALL {
        let (key, public) = pair(algorithm);
        let text = key.sign("", PAYLOAD.as_bytes()).unwrap();
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let zeros = "A".repeat(signature.len() / 4 * 4);
        let shorter = &signature[..signature.len() / 2 / 4 * 4];
        for forged in ["", zeros.as_str(), shorter] {
            let text = format!("{signed}.{forged}");
            let token = UnverifiedToken::parse(&text).unwrap();
            assert!(
                verify_signature(&token, &public).is_err(),
                "{algorithm:?} {forged}"
            );
        }
    }
}

#[test]
fn no_single_changed_character_verifies() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Rs256,
    ] {
        let (key, public) = pair(algorithm);
        let text = key.sign(r#""kid":"k""#, PAYLOAD.as_bytes()).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let Ok(token) = UnverifiedToken::parse(&changed) else {
                continue;
            };
            assert!(
                verify(token, &public, &expectation(algorithm), now()).is_err(),
                "{algorithm:?} at {at}"
            );
        }
    }
}

#[test]
fn a_short_secret_is_refused_with_its_length() {
    let short = Secret::new(vec![1; 31]);
    assert_eq!(
        VerificationKey::hmac(&short, &[Algorithm::Hs256]).err(),
        Some(KeyError::SecretTooShort { needed: 32, got: 31 })
    );
    assert!(VerificationKey::hmac(&Secret::new(vec![1; 32]), &[Algorithm::Hs256]).is_ok());
    assert!(VerificationKey::hmac(&Secret::new(vec![1; 32]), &[Algorithm::Rs256]).is_err());
}

#[test]
fn keys_made_by_openssl_verify_from_pem() {
    // Made with: openssl genpkey -algorithm ed25519 | openssl pkey -pubout, and for P-256 likewise.
    let pem = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let set = KeySet::from_pem(pem).unwrap();
    // RFC 8037 appendix A.4: the same key, and a signature made with it.
    let text = concat!(
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
    let token = UnverifiedToken::parse(text).unwrap();
    let Lookup::Found(key) = set.find(None, Algorithm::EdDsa) else {
        panic!("one key fits")
    };
    assert_eq!(
        verify_signature(&token, &key).unwrap(),
        b"Example of Ed25519 signing"
    );
    assert!(KeySet::from_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
}

#[test]
fn the_examples_of_rfc_7515_verify() {
    let parse = |jwk: &str| countersign_jose::json::parse_object(jwk.as_bytes()).unwrap();
    // Appendix A.3: ES256.
    let es256 = VerificationKey::from_jwk(
        parse(concat!(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
            r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
        ))
        .root(),
    )
    .unwrap();
    let text = concat!(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert!(verify_signature(&UnverifiedToken::parse(text).unwrap(), &es256).is_ok());
    // Appendix A.4: ES512.
    let es512 = VerificationKey::from_jwk(parse(concat!(
        r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","#,
        r#""y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#
    )).root()).unwrap();
    let text = concat!(
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt",
        "AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
    );
    assert_eq!(
        verify_signature(&UnverifiedToken::parse(text).unwrap(), &es512).unwrap(),
        b"Payload"
    );
}
