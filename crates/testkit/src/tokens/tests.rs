use super::*;

fn parts(token: &Token) -> (Value, Value, Vec<u8>) {
    let compact = token.compact();
    let parts = compact.split('.').collect::<Vec<_>>();
    assert_eq!(parts.len(), 3);
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let json = |text: &str| serde_json::from_slice(&bytes(text)).unwrap();
    (json(parts[0]), json(parts[1]), bytes(parts[2]))
}

#[test]
fn a_good_token_is_the_same_each_time_and_changes_by_name() {
    let mut token = Token::of("ann").unwrap();
    assert_eq!(token.compact(), token.compact());
    token.change("aud", "other").unwrap();
    token.change("exp", "+90s").unwrap();
    token
        .change("with", r#"{"sub":null,"nonce":{"null":true},"a":{"b":1}}"#)
        .unwrap();
    token.change("jose", r#"{"kid":"x","typ":"at+jwt"}"#).unwrap();
    let (header, claims, signature) = parts(&token);
    assert_eq!(header, json!({ "alg": "RS256", "kid": "x", "typ": "at+jwt" }));
    assert_eq!(claims["aud"], "other");
    assert_eq!(claims["exp"], MIDNIGHT + 90);
    assert_eq!(claims["nonce"], Value::Null);
    assert!(claims.get("sub").is_none());
    assert_eq!(signature.len(), 256);
}

#[test]
fn payloads_are_taken_as_they_stand_and_signed() {
    let mut token = Token::of("ann").unwrap();
    token.change("payload", r#"{"sub":"a","sub":"\xff"}"#).unwrap();
    let compact = token.compact();
    let payload = URL_SAFE_NO_PAD
        .decode(compact.split('.').nth(1).unwrap())
        .unwrap();
    assert_eq!(payload, b"{\"sub\":\"a\",\"sub\":\"\xff\"}");
}

#[test]
fn other_keys_bring_their_algorithm_and_mangling_breaks_one_thing() {
    let mut token = Token::of("ann").unwrap();
    token.change("key", "ec-521").unwrap();
    let (header, _, signature) = parts(&token);
    assert_eq!(
        (header["alg"].as_str(), header["kid"].as_str()),
        (Some("ES512"), Some("ec-521"))
    );
    assert_eq!(signature.len(), 132);
    token.change("key", "hmac:rsa-1.pem").unwrap();
    let (header, _, signature) = parts(&token);
    assert_eq!(
        (header["alg"].as_str(), header["kid"].as_str()),
        (Some("HS256"), Some("ec-521"))
    );
    assert_eq!(signature.len(), 32);
    token.change("mangle", "five-parts").unwrap();
    assert_eq!(token.compact().split('.').count(), 5);
    assert!(token.change("mangle", "nonsense").is_err());
    assert!(token.change("nonsense", "").is_err());
    assert!(token.change("key", "nonsense").is_err());
}
