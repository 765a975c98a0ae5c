//! What can be wrong with a table, and what is said about it.

use super::*;

fn faults(more: &[(&str, Option<OptionValue>)]) -> Vec<Fault> {
    build("opaque", &values(more), &parts(Arc::new(Offline))).unwrap_err()
}

fn one(more: &[(&str, Option<OptionValue>)], at: &str, says: &str) {
    let faults = faults(more);
    let [fault] = faults.as_slice() else {
        panic!("{faults:?}");
    };
    assert_eq!(fault.at.join("."), at, "{fault}");
    assert!(fault.message.contains(says), "{fault}");
}

fn warnings(more: &[(&str, Option<OptionValue>)]) -> Vec<String> {
    build("opaque", &values(more), &parts(Arc::new(Offline)))
        .unwrap()
        .warnings
}

#[test]
fn the_issuer_is_asked_as_somebody() {
    one(&[("client_id", None)], "", "`client_id`");
    one(&[("client_secret", None)], "", "`client_secret` or `private_key`");
    let both = faults(&[("bearer_token", Some(secret("b")))]);
    assert!(both.iter().all(|fault| fault.message.contains("not both")) && both.len() == 2);
    let bearer = |token: &str| {
        [
            ("client_id", None),
            ("client_secret", None),
            ("bearer_token", Some(secret(token))),
        ]
    };
    one(&bearer("a b"), "bearer_token", "one word");
    assert!(warnings(&bearer("b\n")).is_empty());
    let method = Some(text("client_secret_jwt"));
    one(
        &[("client_authentication", method)],
        "client_authentication",
        "can also make it",
    );
    let both = faults(&[("private_key", Some(secret("x")))]);
    let at = both.iter().map(|fault| fault.at.join(".")).collect::<Vec<_>>();
    assert_eq!(at, ["client_secret", "private_key"]);
}

#[test]
fn an_audience_is_named_or_the_danger_is() {
    one(&[("audiences", None)], "audiences", "at least one audience");
    let any = ("danger_any_audience", Some(OptionValue::Bool(true)));
    one(std::slice::from_ref(&any), "audiences", "means nothing");
    let told = warnings(&[any, ("audiences", None)]);
    assert!(told[0].contains("another application"), "{told:?}");
}

#[test]
fn where_to_ask_is_one_place_and_not_in_the_clear() {
    one(&[("url", Some(text("http://op.test/i")))], "url", "plain http");
    one(&[("url", Some(text("https://u:p@op.test/i")))], "url", "password");
    one(
        &[("url", Some(text("file:///etc/passwd")))],
        "url",
        "not an https URL",
    );
    one(
        &[("discovery_url", Some(text("https://op.test/d")))],
        "discovery_url",
        "nothing is discovered",
    );
    one(
        &[("url", None), ("issuer", Some(text("opaque")))],
        "issuer",
        "https URL without query",
    );
    one(
        &[("url", None), ("issuer", Some(text("http://op.test")))],
        "issuer",
        "plain http",
    );
    let allowed = [
        ("url", Some(text("http://op.test/i"))),
        ("danger_allow_http", Some(OptionValue::Bool(true))),
    ];
    assert!(warnings(&allowed)[0].contains("plain http"));
}

#[test]
fn where_to_ask_is_discovered_once() {
    let bench = Bench::new(ANN, &[("url", None)]);
    let document = |issuer: &str, endpoint: &str| {
        format!(r#"{{"issuer":"{issuer}","introspection_endpoint":"{endpoint}"}}"#)
    };
    *bench.issuer.answers.lock().unwrap() = vec![
        (200, document("https://op.test", "https://op.test/ask")),
        (200, ANN.to_owned()),
    ];
    assert_eq!(reason(&bench.ask("t", 0)), "authenticated");
    assert_eq!(reason(&bench.ask("u", 0)), "authenticated");
    let urls = bench
        .issuer
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|asked| asked.uri().to_string())
        .collect::<Vec<_>>();
    let expected = [
        "https://op.test/.well-known/openid-configuration",
        "https://op.test/ask",
        "https://op.test/ask",
    ];
    assert_eq!(urls, expected);
    for document in [
        document("https://evil.test", "https://op.test/ask"),
        document("https://op.test", "http://op.test/ask"),
        r#"{"issuer":"https://op.test"}"#.to_owned(),
    ] {
        let bench = Bench::new(ANN, &[("url", None)]);
        bench.says(200, &document);
        assert_eq!(
            reason(&bench.ask("t", 0)),
            "introspection_unreachable",
            "{document}"
        );
        assert_eq!(bench.asked(), 1, "no token goes out");
    }
}
