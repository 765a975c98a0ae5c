//! Wycheproof's vectors for JSON Web Signatures, keys and ECDSA in the form JWS uses (RFC 7518 section 3.4): what is valid
//! verifies, what is not does not. `data/README.md` says where they are from.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test panics when it must"
)]

use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::token::{TokenError, UnverifiedToken};
use countersign_jose::verify::verify_signature;
use serde_json::Value;

/// Called valid, and refused here: by comment, because the suite says "valid" of characters that base64url does not have,
/// and of a PS384 signature with a key whose `alg` is PS256 (RFC 7515 section 2, RFC 7517 section 4.4).
const STRICTER: [&str; 3] = [
    "InvalidCharacterInsertedInHeader",
    "InvalidCharacterInsertedInPayload",
    "Figure20",
];

/// Called invalid for the padding they once had, which the suite lost: they are the group's valid token, byte for byte.
const LOST_ITS_PADDING: [&str; 2] = ["invalidBase64Padding", "invalidBase64PaddingInPayload"];

/// Whether `token` verifies with the key or keys of this JWK or JWK Set, found as a token finds them.
fn verifies(keys: &Value, token: &str) -> bool {
    let keys = if keys.is_array() {
        format!(r#"{{"keys":{keys}}}"#)
    } else {
        keys.to_string()
    };
    let Ok((keys, _)) = KeySet::from_operator(keys.as_bytes()) else {
        return false;
    };
    let Ok(token) = UnverifiedToken::parse(token) else {
        return false;
    };
    match keys.find(token.kid_unverified(), token.algorithm()) {
        Lookup::Found(key) => verify_signature(&token, &key).is_ok(),
        Lookup::Ambiguous | Lookup::Unknown => false,
    }
}

/// Judges every JWS of a file; gives how many there were.
fn judge(text: &str) -> usize {
    let groups = serde_json::from_str::<Vec<Value>>(text).unwrap();
    let mut count = 0;
    for group in &groups {
        let tests = group["tests"].as_array().unwrap();
        for test in tests.iter().filter(|test| test.get("jws").is_some()) {
            let comment = test["comment"].as_str().unwrap();
            let expect = if LOST_ITS_PADDING.contains(&comment) {
                assert_eq!(test["jws"], tests[0]["jws"], "{comment}");
                true
            } else {
                test["result"] == "valid" && !STRICTER.contains(&comment)
            };
            // A JWS in JSON form comes as an object.
            let token = test["jws"]
                .as_str()
                .map_or_else(|| test["jws"].to_string(), str::to_owned);
            let told = format!("{} {}: {comment}", group["comment"], test["tcId"]);
            assert_eq!(verifies(&group["key"], &token), expect, "{told}");
            count += 1;
        }
    }
    count
}

#[test]
fn json_web_signatures() {
    assert_eq!(
        judge(include_str!("data/wycheproof_json_web_signature.json")),
        401
    );
}

#[test]
fn json_web_keys() {
    assert_eq!(judge(include_str!("data/wycheproof_json_web_key.json")), 26);
}

#[test]
fn json_web_crypto() {
    let text = include_str!("data/wycheproof_json_web_crypto.json");
    assert_eq!(judge(text), 49);
}

#[test]
fn an_encrypted_token_is_never_a_signed_one() {
    let encrypted = include_str!("data/wycheproof_json_web_encryption.json");
    let mut tokens = serde_json::from_str::<Vec<Value>>(encrypted).unwrap();
    let groups =
        serde_json::from_str::<Vec<Value>>(include_str!("data/wycheproof_json_web_crypto.json")).unwrap();
    let tests = groups.iter().flat_map(|group| group["tests"].as_array().unwrap());
    tokens.extend(tests.filter_map(|test| test.get("jwe").cloned()));
    assert_eq!(tokens.len(), 139 + 34);
    for token in tokens {
        let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
        let error = UnverifiedToken::parse(&token).err();
        assert!(
            matches!(
                error,
                Some(TokenError::Encrypted | TokenError::Malformed | TokenError::AlgorithmUnknown)
            ),
            "{token}: {error:?}"
        );
    }
}

#[test]
fn ecdsa_signatures_of_fixed_length() {
    let sets = serde_json::from_str::<Vec<Value>>(include_str!("data/wycheproof_ecdsa_p1363.json")).unwrap();
    let algorithms = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];
    let mut count = 0;
    for (set, algorithm) in sets.iter().zip(algorithms) {
        for group in set["groups"].as_array().unwrap() {
            let keys = KeySet::from_pem(group["publicKeyPem"].as_str().unwrap().as_bytes()).unwrap();
            let key = &keys.keys()[0];
            for test in group["tests"].as_array().unwrap() {
                let bytes = |index: usize| hex(test[index].as_str().unwrap());
                let holds = key.verify(algorithm, &bytes(1), &bytes(2)).is_ok();
                assert_eq!(holds, test[3] == "valid", "{} {}", set["set"], test[0]);
                count += 1;
            }
        }
    }
    assert_eq!(count, 262 + 280 + 318);
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}
