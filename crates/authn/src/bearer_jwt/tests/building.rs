//! What can be wrong with `[token.NAME]`, and what an operator is told.

use super::*;
use crate::bearer_jwt::source::KEY_SOURCES;
use countersign_core::options::{Fault, Need};

fn values(changes: &[(&str, Option<OptionValue>)]) -> Values {
    let mut all = vec![("issuer", text(ISSUER)), ("audiences", texts(&["api"]))];
    for (name, value) in changes {
        all.retain(|(other, _)| other != name);
        all.extend(value.clone().map(|value| (*name, value)));
    }
    let mut values = Values::default();
    for (name, value) in all {
        values.insert(name, value);
    }
    values
}

fn faults(changes: &[(&str, Option<OptionValue>)]) -> Vec<Fault> {
    match build_token("a", &values(changes), &Bench::new().parts) {
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a removed option would")]
fn file(bytes: &[u8]) -> Option<OptionValue> {
    Some(OptionValue::File("/etc/x".into(), bytes.to_vec()))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults, one a line or two")]
fn each_fault_is_at_its_field() {
    let secret = |bytes: &[u8]| Some(OptionValue::Secret(Secret::new(bytes.to_vec())));
    let good_secret = || secret(&[7; 32]);
    let check = |changes: &[(&str, Option<OptionValue>)], at: &str, words: &str| {
        let found = faults(changes);
        let fits = |fault: &Fault| {
            fault.at == [at] && format!("{fault} {}", fault.help.as_deref().unwrap_or("")).contains(words)
        };
        assert!(found.iter().any(fits), "{changes:?}: {found:?}");
    };
    check(&[("issuer", None)], "issuer", "required");
    check(&[("issuer", Some(text("golang")))], "issuer", "https URL");
    check(
        &[("issuer", Some(text("http://op.test")))],
        "issuer",
        "danger_allow_http",
    );
    check(
        &[("issuer", Some(text("https://op.test/?x")))],
        "issuer",
        "https URL",
    );
    check(
        &[("issuer", Some(text("https://u:p@op.test")))],
        "issuer",
        "user name",
    );
    let well_known = "https://op.test/realms/a/.well-known/openid-configuration";
    check(
        &[("issuer", Some(text(well_known)))],
        "issuer",
        "https://op.test/realms/a\"",
    );
    let inserted = "https://op.test/.well-known/oauth-authorization-server/a";
    check(
        &[("issuer", Some(text(inserted)))],
        "issuer",
        "https://op.test/a\"",
    );
    check(&[("audiences", None)], "audiences", "at least one");
    check(&[("audiences", Some(texts(&[""])))], "audiences", "none is empty");
    check(&[("algorithms", Some(texts(&[])))], "algorithms", "empty");
    check(
        &[("algorithms", Some(texts(&["HS256"])))],
        "algorithms",
        "hmac_secret",
    );
    check(
        &[("algorithms", Some(texts(&["HS256", "RS256"])))],
        "algorithms",
        "do not go together",
    );
    check(
        &[
            ("algorithms", Some(texts(&["RS256"]))),
            ("hmac_secret", good_secret()),
        ],
        "algorithms",
        "only HS256",
    );
    check(&[("hmac_secret", secret(b"short"))], "hmac_secret", "32");
    let hs512 = Some(texts(&["HS512"]));
    check(
        &[("algorithms", hs512), ("hmac_secret", good_secret())],
        "hmac_secret",
        "64",
    );
    let jwks = Some(text("https://op.test/jwks"));
    check(
        &[("jwk_set_url", jwks), ("pem_file", file(b""))],
        "pem_file",
        "one place",
    );
    check(
        &[("jwk_set_url", Some(text("http://op.test/jwks")))],
        "jwk_set_url",
        "plain http",
    );
    check(
        &[("jwk_set_url", Some(text("file:///etc/x")))],
        "jwk_set_url",
        "not an https URL",
    );
    check(
        &[("discovery_url", Some(text("nonsense")))],
        "discovery_url",
        "absolute",
    );
    check(
        &[("jwk_set_file", file(b"{\"keys\":[]}"))],
        "jwk_set_file",
        "/etc/x",
    );
    check(&[("pem_file", file(b"nonsense"))], "pem_file", "/etc/x");
    check(&[("ca_file", file(b"nonsense"))], "ca_file", "certificates");
    check(&[("ca_file", file(b""))], "ca_file", "certificates");
    check(&[("header", Some(text("a b")))], "header", "no header");
    check(&[("header", Some(text("Cookie")))], "header", "no header");
    check(&[("prefix", Some(text(" x")))], "prefix", "does not begin");
    check(&[("prefix", Some(text("x\n")))], "prefix", "printable");
    let bare = || Some(OptionValue::Bool(true));
    check(
        &[("header", Some(text("X-Token"))), ("allow_bare", bare())],
        "allow_bare",
        "elsewhere",
    );
    check(&[("cookie", Some(text("a=b")))], "cookie", "cookie's name");
    check(
        &[("groups_claim", Some(text("a..b")))],
        "groups_claim",
        "no claim",
    );
    let short = Some(OptionValue::Duration(Duration::from_mins(1)));
    check(&[("max_staleness", short)], "max_staleness", "refresh");
}

#[test]
fn many_faults_are_told_at_once() {
    let found = faults(&[
        ("issuer", Some(text("http://op.test"))),
        ("audiences", None),
        ("algorithms", Some(texts(&["HS256"]))),
        ("header", Some(text("a b"))),
        ("cookie", Some(text("a=b"))),
        ("groups_claim", Some(text(""))),
        ("ca_file", file(b"x")),
    ]);
    let mut at = found.iter().map(|fault| fault.at[0].as_str()).collect::<Vec<_>>();
    at.sort_unstable();
    at.dedup();
    assert_eq!(
        at,
        [
            "algorithms",
            "audiences",
            "ca_file",
            "cookie",
            "groups_claim",
            "header",
            "issuer"
        ]
    );
}

#[test]
fn what_is_unsafe_is_warned_of() {
    let check = |changes: &[(&str, Option<OptionValue>)], words: &[&str]| {
        let (_, warnings) = build_token("a", &values(changes), &Bench::new().parts).unwrap();
        assert_eq!(warnings.len(), words.len(), "{warnings:?}");
        for (warning, word) in warnings.iter().zip(words) {
            assert!(warning.contains(word), "{warnings:?}");
        }
    };
    check(&[], &[]);
    check(&[("query", Some(texts(&["token"])))], &["URL"]);
    let http = Some(text("http://op.test"));
    check(
        &[
            ("issuer", http),
            ("danger_allow_http", Some(OptionValue::Bool(true))),
        ],
        &["plain http"],
    );
    check(
        &[("hmac_secret", Some(OptionValue::Secret(Secret::new(vec![7; 32]))))],
        &["hmac_secret"],
    );
    let key = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .public_jwk("a")
        .unwrap();
    let set = format!("{{\"keys\":[{key},{{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"b\"}}]}}");
    check(&[("jwk_set_file", file(set.as_bytes()))], &["\"b\" is left out"]);
}

#[test]
fn the_keys_are_where_the_table_says() {
    let opened = |changes: &[(&str, Option<OptionValue>)]| {
        let bench = Bench::new();
        build_token("a", &values(changes), &bench.parts).unwrap();
        let opened = bench.moved.opened.lock().unwrap();
        opened
            .iter()
            .map(|location| format!("{} {}", location.issuer(), location.url()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        opened(&[]),
        ["https://op.test https://op.test/.well-known/openid-configuration"]
    );
    let elsewhere = Some(text("https://inside.test/d"));
    assert_eq!(
        opened(&[("discovery_url", elsewhere)]),
        ["https://op.test https://inside.test/d"]
    );
    let set = Some(text("https://op.test/jwks"));
    assert_eq!(
        opened(&[("issuer", Some(text("golang"))), ("jwk_set_url", set)]),
        ["golang https://op.test/jwks"]
    );
    let secret = Some(OptionValue::Secret(Secret::new(vec![7; 32])));
    assert!(opened(&[("hmac_secret", secret)]).is_empty());
}

#[test]
fn the_table_of_options_is_sound() {
    let fields = OPTIONS.fields;
    for (index, field) in fields.iter().enumerate() {
        assert!(!field.doc.is_empty(), "{}", field.name);
        assert!(
            !fields[..index].iter().any(|other| other.name == field.name),
            "{}",
            field.name
        );
    }
    let required = fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.name);
    assert_eq!(required.collect::<Vec<_>>(), ["issuer"]);
    for source in KEY_SOURCES {
        assert!(fields.iter().any(|field| field.name == source), "{source}");
    }
}
