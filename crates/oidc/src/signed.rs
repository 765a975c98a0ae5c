//! Signed claims for tests.

use countersign_core::claims::Claims;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use countersign_jose::key::VerificationKey;
use countersign_jose::sign::SigningKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{SignedClaims, verify_signed};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// When every test is.
pub(crate) const NOW: i64 = 1_893_456_000;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW + seconds)
}

/// `good` with `changes` merged in, where `null` removes; `header` are further members of the header.
pub(crate) fn signed(header: &str, good: &Value, changes: &Value) -> SignedClaims {
    let payload = merged(good, changes).to_string();
    let text = KEY.sign(header, payload.as_bytes()).unwrap();
    let jwk = parse_object(KEY.public_jwk("k").unwrap().as_bytes()).unwrap();
    let key = VerificationKey::from_jwk(jwk.root()).unwrap();
    verify_signed(UnverifiedToken::parse(&text).unwrap(), &key, &[Algorithm::Es256]).unwrap()
}

pub(crate) fn merged(good: &Value, changes: &Value) -> Value {
    let mut members = good.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else if *value == json!({"null": true}) {
            members.insert(name.clone(), Value::Null);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Value::Object(members)
}

pub(crate) fn claims(value: &Value) -> Claims {
    parse_object(value.to_string().as_bytes()).unwrap()
}
