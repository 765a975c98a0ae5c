//! Looking into tokens.

use super::{Folder, minted, said, token};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

#[test]
fn looking_into_a_token_trusts_nothing_and_says_so() {
    let folder = Folder::new();
    let claims = r#"{"tenant":"home\u001b[2J","nbf":1893456000}"#;
    let good = minted(&folder, &["--subject", "bob", "--claims", claims]);
    let shown = said(&token(&["inspect", &good], ""));
    for part in [
        "Nothing here is verified",
        "\"bob\"",
        r"home\u001b[2J",
        "2030-01-01T00:00:00.000Z",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = said(&token(&["inspect", "--json", &good], ""));
    let shown = serde_json::from_str::<Value>(&shown).unwrap();
    assert_eq!(
        (shown["verified"].as_bool(), shown["payload"]["sub"].as_str()),
        (Some(false), Some("bob"))
    );
}

#[test]
fn looking_into_what_no_gateway_takes_says_why() {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(r#"{"sub":"ann"}"#));
    let doubled = format!(
        "{}.{}.AAAA",
        encode(r#"{"alg":"ES256"}"#),
        encode(r#"{"sub":"ann","sub":"root"}"#)
    );
    let encrypted = format!("{}.a.b.c.d", encode(r#"{"alg":"dir","enc":"A128GCM"}"#));
    let input = format!("{unsigned}\n{doubled}\n{encrypted}\n");
    let output = token(&["inspect"], &input);
    assert!(output.status.success());
    let shown = said(&output);
    for part in [
        "algorithm_none",
        "token_malformed",
        "token_encrypted",
        "payload: encrypted",
        r#"the text "{\"sub\":\"ann\",\"sub\":\"root\"}""#,
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let output = token(&["inspect", "--json"], &format!("{input}nonsense\n"));
    assert_eq!(output.status.code(), Some(1), "the last is no token at all");
    let lines = said(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .collect::<Vec<_>>();
    let codes = lines
        .iter()
        .map(|line| line["refused_at_sight"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        codes,
        [
            "algorithm_none",
            "token_malformed",
            "token_encrypted",
            "token_malformed"
        ]
    );
    assert_eq!(lines[0]["payload"]["sub"], "ann");
}
