//! Test keys, checked in so that nothing in a test depends on the day it runs. They sign for nobody.

use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The shared secret of the HMAC issuer: 64 bytes, long enough for HS512.
pub const HMAC_SECRET: &str = "the-secret-that-the-tests-and-their-issuer-share-and-nobody-else";

/// One key pair.
#[derive(Debug)]
pub struct TestKey {
    /// Its name, which is also its `kid`.
    pub name: &'static str,
    /// The algorithm it signs with unless told otherwise.
    pub algorithm: &'static str,
    /// The private half: PKCS#8 in PEM.
    private_pem: &'static str,
    /// The public half: SubjectPublicKeyInfo in PEM.
    pub public_pem: &'static str,
    /// The public half as a JWK without `kid`.
    jwk: &'static str,
}

macro_rules! key {
    ($name:literal, $algorithm:literal) => {
        TestKey {
            name: $name,
            algorithm: $algorithm,
            private_pem: include_str!(concat!("../keys/", $name, ".pem")),
            public_pem: include_str!(concat!("../keys/", $name, ".pub.pem")),
            jwk: include_str!(concat!("../keys/", $name, ".jwk.json")),
        }
    };
}

/// Every key there is.
pub const KEYS: [TestKey; 8] = [
    key!("rsa-1", "RS256"),
    key!("rsa-2", "RS256"),
    key!("rsa-foreign", "RS256"),
    key!("rsa-short", "RS256"),
    key!("ec-256", "ES256"),
    key!("ec-384", "ES384"),
    key!("ec-521", "ES512"),
    key!("ed25519", "EdDSA"),
];

impl TestKey {
    /// The key called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The public half as a JWK (RFC 7517) with `kid` and `use`.
    pub fn jwk(&self) -> Map<String, Value> {
        let mut jwk = serde_json::from_str::<Map<String, Value>>(self.jwk).unwrap();
        jwk.insert("kid".into(), self.name.into());
        jwk.insert("use".into(), "sig".into());
        jwk
    }

    /// The public half as DER.
    pub fn public_der(&self) -> Vec<u8> {
        from_pem(self.public_pem)
    }

    /// Signs `message` as `algorithm` says (RFC 7518 section 3.1). `None` when this key cannot.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
        let pkcs8 = from_pem(self.private_pem);
        let ecdsa = |with: &'static EcdsaSigningAlgorithm| {
            let pair = EcdsaKeyPair::from_pkcs8(with, &pkcs8).ok()?;
            Some(
                pair.sign(&rand::SystemRandom::new(), message)
                    .ok()?
                    .as_ref()
                    .to_vec(),
            )
        };
        match algorithm {
            "RS256" => rsa(&pkcs8, &signature::RSA_PKCS1_SHA256, message),
            "RS384" => rsa(&pkcs8, &signature::RSA_PKCS1_SHA384, message),
            "RS512" => rsa(&pkcs8, &signature::RSA_PKCS1_SHA512, message),
            "PS256" => rsa(&pkcs8, &signature::RSA_PSS_SHA256, message),
            "PS384" => rsa(&pkcs8, &signature::RSA_PSS_SHA384, message),
            "PS512" => rsa(&pkcs8, &signature::RSA_PSS_SHA512, message),
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING),
            "EdDSA" | "Ed25519" => Some(
                Ed25519KeyPair::from_pkcs8(&pkcs8)
                    .ok()?
                    .sign(message)
                    .as_ref()
                    .to_vec(),
            ),
            _ => None,
        }
    }
}

/// `text` with `<rsa-1.pem>`, `<rsa-1.jwk>` and `<rsa-1.jwt-svid>` (the entry of a trust bundle) replaced by that public
/// key, whatever key it is.
pub fn fill_in(text: &str) -> String {
    KEYS.iter().fold(text.to_owned(), |text, key| {
        let jwk = Value::Object(key.jwk()).to_string();
        text.replace(&format!("<{}.pem>", key.name), key.public_pem.trim_end())
            .replace(&format!("<{}.jwk>", key.name), &jwk)
            .replace(
                &format!("<{}.jwt-svid>", key.name),
                &jwk.replace("\"sig\"", "\"jwt-svid\""),
            )
    })
}

/// The HMAC of `message` with `secret` as `algorithm` says. `None` for other algorithms.
pub fn mac(algorithm: &str, secret: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let with = match algorithm {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    Some(
        hmac::sign(&hmac::Key::new(with, secret), message)
            .as_ref()
            .to_vec(),
    )
}

fn rsa(pkcs8: &[u8], with: &'static dyn RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(with, &rand::SystemRandom::new(), message, &mut signature)
        .ok()?;
    Some(signature)
}

/// The bytes of a PEM block.
pub fn from_pem(pem: &str) -> Vec<u8> {
    let body = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect::<String>();
    STANDARD.decode(body).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_signs_with_its_own_algorithm_and_with_no_other_family() {
        for key in &KEYS {
            // The library signs with 2048 bits and more only; the short key is there to be left out of key sets.
            let signed = key.sign(key.algorithm, b"message");
            assert_eq!(signed.is_some(), key.name != "rsa-short", "{}", key.name);
            let other = if key.algorithm == "RS256" {
                "ES256"
            } else {
                "RS256"
            };
            assert_eq!(key.sign(other, b"message"), None, "{}", key.name);
            assert!(key.jwk().contains_key("kty"));
        }
    }

    #[test]
    fn files_of_pages_name_keys_instead_of_spelling_them() {
        let filled = fill_in("{\"keys\":[<ec-256.jwk>,<ec-384.jwt-svid>]} <rsa-1.pem>");
        assert!(filled.contains("\"use\":\"jwt-svid\""));
        assert!(filled.contains("\"crv\":\"P-256\"") && filled.ends_with("-----END PUBLIC KEY-----"));
    }
}
