//! Every algorithm signs and verifies, and nothing but the very token verifies.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use countersign_core::claims::Value;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use countersign_jose::json::parse_object;
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
    let jwk = parse_object(key.public_jwk("k").unwrap().as_bytes()).unwrap();
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
            verified.claims().member("sub").and_then(Value::as_str),
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
fn a_public_key_is_no_shared_secret_in_whatever_form_it_is_written() {
    let pem = include_str!("../../testkit/keys/rsa-1.pub.pem");
    let jwk = include_str!("../../testkit/keys/rsa-1.jwk.json").trim();
    let body = pem
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect::<String>();
    let members = parse_object(jwk.as_bytes()).unwrap();
    let n = members.member("n").and_then(Value::as_str).unwrap();
    let forms = [
        pem.as_bytes().to_vec(),
        pem.trim_end().as_bytes().to_vec(),
        pem.replace('\n', "\r\n").into_bytes(),
        pem.replace('\n', "").into_bytes(),
        body.clone().into_bytes(),
        BASE64_STANDARD.decode(&body).unwrap(),
        jwk.as_bytes().to_vec(),
        format!(r#"{{"keys":[{jwk}]}}"#).into_bytes(),
        n.as_bytes().to_vec(),
        BASE64_URL_SAFE_NO_PAD.decode(n).unwrap(),
        VerificationKey::from_jwk(members.root())
            .unwrap()
            .thumbprint()
            .0
            .to_vec(),
    ];
    let sets = [
        KeySet::from_pem(pem.as_bytes()).unwrap(),
        KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes())
            .unwrap()
            .0,
    ];
    for secret in forms {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let key = SigningKey::hmac(algorithm, &Secret::new(secret.clone())).unwrap();
            let forged = key.sign("", PAYLOAD.as_bytes()).unwrap();
            for set in &sets {
                assert!(matches!(set.find(None, algorithm), Lookup::Unknown));
                let both = Expectation::new(
                    "https://op.test".into(),
                    vec!["api".into()],
                    vec![Algorithm::Rs256, algorithm],
                );
                let token = UnverifiedToken::parse(&forged).unwrap();
                assert_eq!(
                    verify(token, &set.keys()[0], &both.unwrap(), now()).err(),
                    Some(VerifyError::AlgorithmNotAllowed(algorithm.name()))
                );
            }
        }
    }
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
