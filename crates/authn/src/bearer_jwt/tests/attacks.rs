//! The attack book's rows on tokens (A9, A10), as far as one authenticator answers for them.

use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// What the good token becomes with these members changed.
fn with(changes: &[(&str, &str)]) -> String {
    let bench = Bench::new();
    judge(&bench.build(&[]), &bench.token(&payload(changes)), now())
}

/// Rows 100, 103, 141: every claim that is required, missing, wrong or nearly right.
#[test]
fn what_is_required_is_there_and_right() {
    for (changes, expect) in [
        (&[("iss", "")][..], "unclaimed claim_missing"),
        (&[("iss", "null")], "unclaimed claim_missing"),
        (&[("iss", "[\"https://op.test\"]")], "unclaimed claim_missing"),
        (&[("iss", "\"https://op.test/\"")], "unclaimed unknown_issuer"),
        (&[("iss", "\"http://op.test\"")], "unclaimed unknown_issuer"),
        (&[("iss", "\"https://OP.test\"")], "unclaimed unknown_issuer"),
        (&[("iss", "\"https://op.test:443\"")], "unclaimed unknown_issuer"),
        (
            &[("iss", "\"https://self-issued.me\"")],
            "unclaimed unknown_issuer",
        ),
        (&[("aud", "")], "rejected claim_missing"),
        (&[("aud", "\"apis\"")], "unclaimed audience_wrong"),
        (&[("aud", "\"ap\"")], "unclaimed audience_wrong"),
        (&[("aud", "\"API\"")], "unclaimed audience_wrong"),
        (&[("aud", "[\"\"]")], "unclaimed audience_wrong"),
        (&[("aud", "\"\"")], "unclaimed audience_wrong"),
        (&[("exp", "")], "rejected claim_missing"),
        (&[("exp", ""), ("aud", "")], "rejected claim_missing"),
        (&[("sub", "")], "rejected subject_missing"),
        (&[("sub", "\"\"")], "rejected subject_missing"),
        (&[("sub_jwk", "{}")], "rejected token_type"),
    ] {
        assert_eq!(with(changes), expect, "{changes:?}");
    }
}

/// Row 101.
#[test]
fn an_audience_of_the_wrong_type_is_none() {
    for aud in [
        "[]",
        "null",
        "{}",
        "0",
        "true",
        "[1]",
        "[[\"api\"]]",
        "{\"api\":\"api\"}",
    ] {
        assert_eq!(with(&[("aud", aud)]), "rejected claim_type", "{aud}");
    }
    assert_eq!(with(&[("aud", "[\"api\",1]")]), "rejected claim_type");
}

/// Rows 102 and 131.
#[test]
fn times_are_numbers_that_can_be() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            "\"1\"",
            "\"1893456300\"",
            "null",
            "[]",
            "1e300",
            "-1",
            "true",
            "{}",
            "9223372036854775808",
        ] {
            assert_eq!(with(&[(name, value)]), "rejected claim_type", "{name}: {value}");
        }
    }
    assert_eq!(with(&[("exp", "1893456300.5")]), "ok ann");
    assert_eq!(with(&[("exp", "1.8934563e9")]), "ok ann");
    assert_eq!(with(&[("exp", "0")]), "rejected token_expired");
    assert_eq!(with(&[("exp", "-0.0")]), "rejected token_expired");
    assert_eq!(
        with(&[("exp", "1893455940")]),
        "rejected token_expired",
        "exp + leeway is now"
    );
    assert_eq!(with(&[("exp", "1893455940.001")]), "ok ann");
    assert_eq!(with(&[("nbf", "1893456060")]), "ok ann");
    assert_eq!(with(&[("nbf", "1893456061")]), "rejected token_not_yet_valid");
    assert_eq!(with(&[("iat", "1893456060")]), "ok ann");
    assert_eq!(with(&[("iat", "1893456061")]), "rejected token_issued_in_future");
}

/// Row 105.
#[test]
fn other_tokens_of_the_same_issuer_are_no_access_tokens() {
    for (changes, expect) in [
        (&[("nonce", "\"n\"")][..], "rejected token_type"),
        (&[("nonce", "\"n\""), ("typ", "\"Bearer\"")], "ok ann"),
        (&[("at_hash", "\"h\"")], "rejected token_type"),
        (&[("c_hash", "\"h\"")], "rejected token_type"),
        (&[("events", "{}")], "rejected token_type"),
        (&[("typ", "\"ID\"")], "rejected token_type"),
        (&[("typ", "\"Refresh\"")], "rejected token_type"),
        (&[("typ", "\"Logout\"")], "rejected token_type"),
        (&[("token_use", "\"id\"")], "rejected token_type"),
        (&[("token_use", "\"access\"")], "ok ann"),
    ] {
        assert_eq!(with(changes), expect, "{changes:?}");
    }
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let strict = bench.build(&[("require_typ", text("at+jwt"))]);
    for (typ, expect, expect_strict) in [
        ("at+jwt", "ok ann", "ok ann"),
        ("application/AT+JWT", "ok ann", "ok ann"),
        ("JWT", "ok ann", "rejected token_type"),
        ("logout+jwt", "rejected token_type", "rejected token_type"),
        ("dpop+jwt", "rejected token_type", "rejected token_type"),
    ] {
        let token = bench
            .key
            .sign(&format!(r#""kid":"k1","typ":"{typ}""#), payload(&[]).as_bytes())
            .unwrap();
        assert_eq!(judge(&authenticator, &token, now()), expect, "{typ}");
        assert_eq!(judge(&strict, &token, now()), expect_strict, "{typ}");
    }
}

/// A subject goes into headers, logs and rules as it stands.
#[test]
fn a_subject_is_one_plain_name() {
    for (subject, expect) in [
        ("\"ann\"", "ok ann"),
        ("\"Ann Example\"", "ok Ann Example"),
        ("\"\\u00e1nn\"", "ok \u{e1}nn"),
        ("\" ann\"", "rejected claim_type"),
        ("\"ann \"", "rejected claim_type"),
        ("\"\\u00a0ann\"", "rejected claim_type"),
        ("\"ann\\u0000\"", "rejected claim_type"),
        ("\"ann\\r\\nX-Admin: 1\"", "rejected claim_type"),
        ("\"ann\\u007f\"", "rejected claim_type"),
        ("\"ann\\u0085\"", "rejected claim_type"),
        ("\" \"", "rejected claim_type"),
        ("7", "rejected claim_type"),
        ("[\"ann\"]", "rejected claim_type"),
        ("null", "rejected claim_type"),
    ] {
        assert_eq!(with(&[("sub", subject)]), expect, "{subject}");
    }
}

#[test]
fn a_bound_token_without_its_proof_is_refused_every_time() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for cnf in ["{\"jkt\":\"x\"}", "{\"x5t#S256\":\"x\"}", "{}", "null"] {
        let token = bench.token(&payload(&[("cnf", cnf)]));
        for _ in 0..2 {
            assert_eq!(
                judge(&authenticator, &token, now()),
                "rejected token_bound",
                "{cnf}"
            );
        }
    }
    assert_eq!(bench.parts.tokens.stats().entries, 0);
}

/// Rows 115 and 129: the algorithm is the operator's to choose, and a public key is no secret.
#[test]
fn no_token_chooses_its_own_algorithm() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let body = encode(&payload(&[]));
    for (alg, expect) in [
        ("none", "unclaimed algorithm_none"),
        ("None", "unclaimed algorithm_none"),
        ("nOnE", "unclaimed algorithm_none"),
        ("", "unclaimed algorithm_none"),
        ("dir", "unclaimed algorithm_unknown"),
        ("es256", "unclaimed algorithm_unknown"),
        ("HS256", "rejected algorithm_not_allowed"),
        ("ES384", "rejected algorithm_not_allowed"),
        ("RS256", "rejected key_unknown"),
    ] {
        let header = encode(&format!("{{\"alg\":\"{alg}\",\"kid\":\"k1\"}}"));
        for signature in ["", "AA"] {
            let token = format!("{header}.{body}.{signature}");
            assert_eq!(
                judge(&authenticator, &token, now()),
                expect,
                "{alg:?} {signature:?}"
            );
        }
    }
    // The public key's own bytes as an HMAC secret.
    let jwk = bench.key.public_jwk("k1").unwrap();
    for secret in [jwk.clone(), jwk.replace(",\"kid\":\"k1\"", ""), encode(&jwk)] {
        let key = SigningKey::hmac(Algorithm::Hs256, &Secret::new(secret.into_bytes())).unwrap();
        let token = key.sign(r#""kid":"k1""#, payload(&[]).as_bytes()).unwrap();
        assert_eq!(
            judge(&authenticator, &token, now()),
            "rejected algorithm_not_allowed"
        );
    }
}

/// Rows 116, 118, 119 and 120, validly signed.
#[test]
fn headers_that_change_the_rules_are_refused() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for (header, expect) in [
        (r#""crit":["x"],"x":1"#, "unclaimed critical_header"),
        (r#""crit":[]"#, "unclaimed critical_header"),
        (r#""crit":"exp""#, "unclaimed critical_header"),
        (r#""b64":false,"crit":["b64"]"#, "unclaimed critical_header"),
        (r#""b64":true"#, "unclaimed critical_header"),
        (r#""jwk":{"kty":"EC"}"#, "unclaimed key_in_header"),
        (r#""jku":"https://evil.test/jwks""#, "unclaimed key_in_header"),
        (r#""x5u":"https://evil.test/c""#, "unclaimed key_in_header"),
        (r#""x5c":["AA=="]"#, "unclaimed key_in_header"),
        (r#""enc":"A256GCM""#, "unclaimed token_encrypted"),
        (r#""zip":"DEF""#, "unclaimed token_encrypted"),
        (r#""epk":{}"#, "unclaimed token_encrypted"),
        (r#""kid":"https://evil.test/k""#, "rejected key_unknown"),
        (r#""kid":"../../../dev/null""#, "rejected key_unknown"),
        (r#""kid":"k1' OR '1'='1""#, "rejected key_unknown"),
        (r#""kid":["k1"]"#, "unclaimed token_malformed"),
        (r#""kid":"k1","kid":"k1""#, "unclaimed token_malformed"),
    ] {
        let token = bench.key.sign(header, payload(&[]).as_bytes()).unwrap();
        assert_eq!(judge(&authenticator, &token, now()), expect, "{header}");
    }
    let long = format!("\"kid\":\"{}\"", "k".repeat(10_000));
    let token = bench.key.sign(&long, payload(&[]).as_bytes()).unwrap();
    assert_eq!(judge(&authenticator, &token, now()), "unclaimed token_malformed");
}

/// Row 121: the signature is judged before anything the token says about itself.
#[test]
fn a_bad_signature_is_told_before_a_bad_claim() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for changes in [
        &[("exp", "1")][..],
        &[("exp", "\"x\"")],
        &[("sub", "")],
        &[("nonce", "\"n\"")],
    ] {
        let token = bench.token(&payload(changes));
        let (rest, signature) = token.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        let token = format!("{rest}.{flipped}{}", &signature[1..]);
        assert_eq!(
            judge(&authenticator, &token, now()),
            "rejected signature_invalid",
            "{changes:?}"
        );
    }
}

/// Rows 117, 120, 122, 126 and 128.
#[test]
fn only_three_honest_segments_are_a_token() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let token = bench.token(&payload(&[]));
    let (rest, _) = token.rsplit_once('.').unwrap();
    let (header, _) = rest.split_once('.').unwrap();
    let zeros = BASE64_URL_SAFE_NO_PAD.encode([0_u8; 64]);
    for (token, expect) in [
        (format!("{rest}.{zeros}"), "rejected signature_invalid"),
        (format!("{rest}."), "rejected signature_invalid"),
        (rest.to_owned(), "unclaimed token_malformed"),
        (format!("{token}."), "unclaimed token_malformed"),
        (format!("{header}..{zeros}"), "unclaimed token_malformed"),
        (format!("{token}.AA.AA"), "unclaimed token_encrypted"),
        (format!("{token}="), "unclaimed token_malformed"),
        (".".repeat(1_000_000), "unclaimed token_too_large"),
        (".".repeat(16_000), "unclaimed token_malformed"),
        ("x".repeat(8_000_000), "unclaimed token_too_large"),
        (String::new(), "rejected token_malformed"),
        ("..".to_owned(), "unclaimed token_malformed"),
    ] {
        let shown = token.get(..40).unwrap_or(&token).to_owned();
        assert_eq!(judge(&authenticator, &token, now()), expect, "{shown}");
    }
}

/// Row 130, validly signed.
#[test]
fn json_with_two_readings_is_refused() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    let good = payload(&[]);
    let inner = &good[1..good.len() - 1];
    for body in [
        format!("{{{inner},\"sub\":\"admin\"}}"),
        format!("{{{inner},\"\\u0073ub\":\"admin\"}}"),
        format!("{{{inner},\"a\":{{\"b\":1,\"b\":2}}}}"),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("{good} x"),
        format!("[{good}]"),
        format!("{{{inner},\"x\":\"\\ud800\"}}"),
        format!("{{{inner},}}"),
        format!("{{{inner},\"x\":NaN}}"),
        format!("{{{inner},\"x\":01}}"),
        format!("{{{inner},\"x\":{}}}", "[".repeat(200) + &"]".repeat(200)),
        "null".to_owned(),
        String::new(),
    ] {
        assert_eq!(
            judge(&authenticator, &bench.token(&body), now()),
            "unclaimed token_malformed",
            "{body}"
        );
    }
}

/// Row 187: nothing that is printed holds the token.
#[test]
fn no_outcome_holds_the_token() {
    let bench = Bench::new();
    let authenticator = bench.build(&[]);
    for changes in [&[][..], &[("aud", "\"x\"")], &[("exp", "1")], &[("iss", "\"x\"")]] {
        let token = bench.token(&payload(changes));
        let printed = format!(
            "{:?} {authenticator:?}",
            block_on(authenticator.judge_token(&token, now()))
        );
        for segment in token.split('.') {
            assert!(!printed.contains(segment), "{printed}");
        }
    }
}
