//! Keys of every kind and in every form that an operator hands in.

use super::{Folder, WHOLE, complained, minted, said, token, verdict};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn keys_of_every_kind_sign_and_verify() {
    let folder = Folder::new();
    let keys = folder.path("jwks.json");
    for algorithm in [
        "RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS512",
    ] {
        let good = minted(&folder, &["--algorithm", algorithm]);
        let all = [
            &["verify", "--jwk", keys.as_str()],
            WHOLE.as_slice(),
            &[good.as_str()],
        ]
        .concat();
        assert_eq!(
            verdict(&token(&all, "")),
            ("accepted allowed".into(), Some(0)),
            "{algorithm}"
        );
        let mode = std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777;
        let shared = algorithm.starts_with("HS");
        assert!(!shared || mode == 0o600, "{algorithm}: {mode:o}");
        std::fs::remove_file(&keys).unwrap();
    }
    let unknown = token(&["mint", "--algorithm", "none"], "");
    assert!(complained(&unknown).contains("not known here") && unknown.status.code() == Some(2));
}

#[test]
fn one_jwk_and_a_pem_are_keys_too() {
    let folder = Folder::new();
    let both = token(&["mint", "--algorithm", "ES256", "--json"], "");
    let both = serde_json::from_str::<Value>(&said(&both)).unwrap();
    let (good, jwk) = (both["token"].as_str().unwrap(), &both["jwks"]["keys"][0]);
    std::fs::write(folder.path("one.jwk"), jwk.to_string()).unwrap();
    std::fs::write(folder.path("key.pem"), pem(jwk)).unwrap();
    for file in ["one.jwk", "key.pem"] {
        let path = folder.path(file);
        let all = [&["verify", "--jwk", path.as_str()], WHOLE.as_slice(), &[good]].concat();
        assert_eq!(
            verdict(&token(&all, "")),
            ("accepted allowed".into(), Some(0)),
            "{file}"
        );
    }
}

/// The SubjectPublicKeyInfo (RFC 5480) of a key on P-256.
fn pem(jwk: &Value) -> String {
    let number = |name: &str| {
        BASE64_URL_SAFE_NO_PAD
            .decode(jwk[name].as_str().unwrap())
            .unwrap()
    };
    let head = BASE64_STANDARD
        .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
        .unwrap();
    let der = [head, number("x"), number("y")].concat();
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn the_payload_of_a_signature_is_opaque_bytes() {
    let folder = Folder::new();
    // RFC 7515 appendix A.1 has line breaks in its JSON; appendix A.3's key signs any bytes. Here: bytes that are no JSON.
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    std::fs::write(
        folder.path("oct.jwk"),
        format!(r#"{{"kty":"oct","k":"{secret}"}}"#),
    )
    .unwrap();
    let signed = "eyJhbGciOiJIUzI1NiJ9.bm8gSlNPTg.";
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap());
    let tag = hmac::sign(&key, signed.trim_end_matches('.').as_bytes());
    let whole = format!("{signed}{}", BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref()));
    let path = folder.path("oct.jwk");
    let alone = token(&["verify", "--jwk", &path, "--signature-only", &whole], "");
    assert_eq!(verdict(&alone), ("accepted allowed".into(), Some(0)));
    let all = [
        &["verify", "--jwk", path.as_str()],
        WHOLE.as_slice(),
        &[whole.as_str()],
    ]
    .concat();
    assert_eq!(
        verdict(&token(&all, "")),
        ("refused token_malformed".into(), Some(1))
    );
}
