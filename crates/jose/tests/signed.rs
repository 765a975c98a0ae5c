//! Claims whose signature held and nothing else; keys that sign, whatever their kind.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_core::claims::Value;
use countersign_core::secret::Secret;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use countersign_jose::key::VerificationKey;
use countersign_jose::sign::{SignError, SigningKey};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{SignedClaims, VerifyError, verify_signed};

fn public(key: &SigningKey) -> VerificationKey {
    let jwk = parse_object(key.public_jwk("k").unwrap().as_bytes()).unwrap();
    VerificationKey::from_jwk(jwk.root()).unwrap()
}

fn verified(
    text: &str,
    key: &VerificationKey,
    algorithms: &[Algorithm],
) -> Result<SignedClaims, VerifyError> {
    verify_signed(UnverifiedToken::parse(text).unwrap(), key, algorithms)
}

#[test]
fn a_signature_that_holds_gives_the_claims_their_algorithm_and_type() {
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let text = key.sign(r#""typ":"logout+jwt""#, br#"{"jti":"j"}"#).unwrap();
        let signed = verified(&text, &public(&key), &[algorithm]).unwrap();
        assert_eq!(
            (signed.algorithm(), signed.typ()),
            (algorithm, Some("logout+jwt"))
        );
        assert_eq!(signed.claims().member("jti").and_then(Value::as_str), Some("j"));
    }
}

#[test]
fn another_key_algorithm_or_payload_gives_nothing() {
    let (key, other) = (
        SigningKey::generate(Algorithm::Es256).unwrap(),
        SigningKey::generate(Algorithm::Es256).unwrap(),
    );
    let text = key.sign("", b"{}").unwrap();
    let told = verified(&text, &public(&other), &[Algorithm::Es256]).unwrap_err();
    assert_eq!(told, VerifyError::Signature);
    for algorithms in [&[] as &[_], &[Algorithm::Rs256, Algorithm::EdDsa]] {
        let told = verified(&text, &public(&key), algorithms).unwrap_err();
        assert_eq!(told, VerifyError::AlgorithmNotAllowed("ES256"));
    }
    let list = key.sign("", b"[]").unwrap();
    assert!(matches!(
        verified(&list, &public(&key), &[Algorithm::Es256]),
        Err(VerifyError::Token(_))
    ));
}

#[test]
fn a_shared_secret_signs_nothing_here_even_where_it_is_listed() {
    let secret = Secret::new(vec![7; 32]);
    let text = SigningKey::hmac(Algorithm::Hs256, &secret)
        .unwrap()
        .sign("", b"{}")
        .unwrap();
    let key = VerificationKey::hmac(&secret, &[Algorithm::Hs256]).unwrap();
    let told = verified(&text, &key, &[Algorithm::Hs256]).unwrap_err();
    assert_eq!(told, VerifyError::AlgorithmNotAllowed("HS256"));
}

/// The keys of the test kit, and what each signs with unless told otherwise.
const KEYS: [(&str, Algorithm); 5] = [
    (include_str!("../../testkit/keys/rsa-1.pem"), Algorithm::Rs256),
    (include_str!("../../testkit/keys/ec-256.pem"), Algorithm::Es256),
    (include_str!("../../testkit/keys/ec-384.pem"), Algorithm::Es384),
    (include_str!("../../testkit/keys/ec-521.pem"), Algorithm::Es512),
    (include_str!("../../testkit/keys/ed25519.pem"), Algorithm::EdDsa),
];

#[test]
fn a_private_key_of_any_kind_says_what_it_signs_with_and_what_it_is_called() {
    for (pem, algorithm) in KEYS {
        let key = SigningKey::from_any_pem(pem.as_bytes()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let name = key.thumbprint().unwrap();
        assert_eq!(name.len(), 43, "{name}");
        let text = key.sign("", b"{}").unwrap();
        assert!(verified(&text, &public(&key), &[algorithm]).is_ok());
    }
    let names = KEYS.map(|(pem, _)| SigningKey::from_any_pem(pem.as_bytes()).unwrap().thumbprint());
    assert!(
        names
            .iter()
            .all(|name| names.iter().filter(|own| *own == name).count() == 1)
    );
    for pem in [
        "",
        include_str!("../../testkit/keys/rsa-1.pub.pem"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        assert_eq!(
            SigningKey::from_any_pem(pem.as_bytes()).unwrap_err(),
            SignError::Key
        );
    }
    assert_eq!(SigningKey::generate(Algorithm::Hs256).unwrap().thumbprint(), None);
}

#[test]
fn a_thumbprint_is_that_of_rfc_7638() {
    // RFC 8037 appendix A.1 to A.3: the key of RFC 8032, and its thumbprint.
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = SigningKey::from_any_pem(pem.as_bytes()).unwrap();
    assert_eq!(
        key.thumbprint().as_deref(),
        Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    );
}
