//! `countersign import jwtauthrequest`: what is kept, what is bettered, and what it will not do in silence.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign::cli::offline_parts;
use countersign::compose;
use countersign::config::{Environment, Sources, render};
use countersign::import::jwtauthrequest::{Imported, Remark, Verdict, Wishes, import};

#[path = "import/command.rs"]
mod command;

/// The sample configuration of jwtauthrequest's own README.
const SAMPLE: &str = r#"{"listen-port":":8081","clients":[{"endpoints":["/auth"],"name":"Test endpoint","required-claims":["exp","iss"],
    "allowed-algo":["HS256"],"token-name":"Authorization","trim-prefix":"Bearer ","audience":["developer"],
    "HMAC":"qwertyuiopasdfghjklzxcvbnm123456","debug":true,"issuer":"golang"}]}"#;

fn imported(json: &str, wishes: &Wishes) -> Imported {
    import(json.as_bytes(), wishes).unwrap()
}

/// The report as one text.
fn report(imported: &Imported) -> String {
    let lines = imported.report.iter();
    let lines = lines.map(|remark| format!("{}: {remark}", remark.verdict.word()));
    lines.collect::<Vec<_>>().join("\n")
}

/// What is to do, as one text.
fn missing(json: &str) -> String {
    imported(json, &Wishes::default()).missing.join("\n")
}

fn taken(imported: &Imported) {
    let secrets = imported
        .secrets
        .iter()
        .map(|(file, secret)| (file.clone(), secret.expose().clone()))
        .collect::<Vec<_>>();
    let read = move |path: &std::path::Path| {
        let found = secrets.iter().find(|(file, _)| path.ends_with(file));
        found
            .map(|(_, bytes)| bytes.clone())
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let environment = Environment {
        read: Box::new(read),
        ..Environment::empty()
    };
    let sources = Sources::text("countersign.toml", &imported.toml);
    let loaded = compose::load(&sources, &environment, &offline_parts());
    assert!(
        loaded.is_ok(),
        "{}\n{}",
        imported.toml,
        loaded.err().map(|told| render(&told, &sources, false)).unwrap()
    );
}

#[test]
fn the_sample_of_their_readme_can_be_run_as_it_stands() {
    for query_token in [false, true] {
        let imported = imported(
            SAMPLE,
            &Wishes {
                query_token,
                ..Wishes::default()
            },
        );
        assert!(imported.missing.is_empty(), "{:?}", imported.missing);
        assert_eq!(imported.toml.contains("query "), query_token);
        assert!(imported.toml.contains("127.0.0.1:8081") && imported.toml.contains("challenge = \"403\""));
        assert!(
            !imported.toml.contains("qwerty") && !report(&imported).contains("qwerty"),
            "the secret is in a file of its own"
        );
        taken(&imported);
    }
}

#[test]
fn every_option_has_a_word_and_keys_are_read_without_regard_to_case() {
    let shouted = SAMPLE
        .replace("listen-port", "Listen-Port")
        .replace("\"HMAC\"", "\"hmac\"")
        .replace("issuer", "ISSUER");
    let imported = imported(&shouted, &Wishes::default());
    assert!(imported.missing.is_empty(), "{:?}", imported.missing);
    let report = report(&imported);
    for option in [
        "listen-port",
        "endpoints",
        "name",
        "allowed-algo",
        "token-name",
        "trim-prefix",
        "audience",
        "HMAC",
        "debug",
        "issuer",
        "required-claims",
    ] {
        let mut remarks = imported.report.iter();
        let named = remarks.any(|remark| remark.option.as_deref() == Some(option));
        assert!(named, "{option}: {report}");
    }
    let unknown = imported
        .report
        .iter()
        .any(|remark| remark.verdict == Verdict::Unknown);
    assert!(!unknown, "{report}");
    for said in ["tokens without `exp` are refused", "`challenge = \"401\"`"] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[test]
fn one_option_in_two_spellings_is_refused() {
    let doubled = SAMPLE.replace("\"debug\":true", "\"Issuer\":\"other\"");
    let why = import(doubled.as_bytes(), &Wishes::default()).unwrap_err();
    assert!(why.contains("`Issuer` and `issuer`"), "{why}");
    assert!(import(br#"{"clients":[],"clients":[]}"#, &Wishes::default()).is_err());
    assert!(import(br#"{"clients":[],"Clients":[]}"#, &Wishes::default()).is_err());
    for no_configuration in ["[]", "{}", r#"{"clients":{}}"#, r#"{"clients":[7]}"#, "nonsense"] {
        assert!(
            import(no_configuration.as_bytes(), &Wishes::default()).is_err(),
            "{no_configuration}"
        );
    }
}

#[test]
fn what_cannot_be_taken_over_is_named() {
    let check = |from: &str, to: &str, part: &str| {
        let missing = missing(&SAMPLE.replace(from, to));
        assert!(missing.contains(part), "{part}: {missing}");
    };
    check("\"debug\"", "\"jwks-url\"", "Test endpoint: `jwks-url`");
    check(
        "\"clients\"",
        "\"tls\":true,\"clients\"",
        "`tls`: find out what it does",
    );
    check("123456", "", "26 bytes, too short: 32 are the least");
    check("123456\"", "123456\\n\"", "line break");
    check(r#"["HS256"]"#, r#"["HS512"]"#, "64 are the least for HS512");
    check(r#""issuer":"golang""#, r#""issuer":"""#, "no `issuer`");
    check(r#""issuer":"golang""#, r#""issuer":7"#, "`issuer` is no string");
    check(r#"["developer"]"#, "[]", "no `audience`");
    check(
        r#"["developer"]"#,
        r#""developer""#,
        "`audience` is no array of strings",
    );
    check(r#"["HS256"]"#, r#"["RS256"]"#, "--jwks");
    check(r#"["HS256"]"#, r#"["HS256","ES256K"]"#, "ES256K");
    check(r#""HMAC":"qwertyuiopasdfghjklzxcvbnm123456","#, "", "no `HMAC`");
    check(r#""endpoints":["/auth"],"#, "", "no `endpoints`");
    check(":8081", "8081", "--listen");
    check(":8081", "gateway.example:8081", "--listen");
}

#[test]
fn a_client_that_mixes_secrets_and_public_keys_is_refused_by_name() {
    let mixed = SAMPLE.replace(r#"["HS256"]"#, r#"["HS256","RS256"]"#);
    let imported = imported(&mixed, &Wishes::default());
    let missing = imported.missing.join("\n");
    assert!(
        missing.contains("Test endpoint: `allowed-algo` mixes"),
        "{missing}"
    );
    assert!(
        !imported.toml.contains("[[route]]") && imported.secrets.is_empty(),
        "{}",
        imported.toml
    );
}

#[test]
fn an_empty_list_of_algorithms_never_mixes() {
    let check = |secret: &str, expect: &str| {
        let json = SAMPLE
            .replace(r#"["HS256"]"#, "[]")
            .replace("qwertyuiopasdfghjklzxcvbnm123456", secret);
        let hmac = imported(&json, &Wishes::default());
        assert!(
            hmac.toml.contains(&format!("algorithms = {expect}\n")),
            "{}",
            hmac.toml
        );
        hmac
    };
    let long = "1".repeat(64);
    taken(&check(&long, r#"["HS256", "HS384", "HS512"]"#));
    let enough = check("qwertyuiopasdfghjklzxcvbnm123456", r#"["HS256"]"#);
    assert!(enough.missing.is_empty(), "{:?}", enough.missing);
    taken(&enough);
    assert!(
        check("short", r#"["HS256"]"#)
            .missing
            .join("")
            .contains("too short")
    );
    let public = SAMPLE
        .replace(r#"["HS256"]"#, "[]")
        .replace(r#""HMAC":"qwertyuiopasdfghjklzxcvbnm123456","#, "");
    let public = imported(
        &public.replace("golang", "https://op.example"),
        &Wishes::default(),
    );
    let listed = r#"["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]"#;
    assert!(public.toml.contains(listed), "{}", public.toml);
    taken(&public);
}

#[test]
fn what_the_json_lacks_can_be_said() {
    let json = r#"{"clients":[{"endpoints":["/a"],"allowed-algo":["ES256"],"token-name":"X-Token","trim-prefix":""},
        {"endpoints":["/b"],"allowed-algo":["ES256"],"name":"client 1","token-name":null,"trim-prefix":"Token "},
        {"endpoints":["/c","/d"],"allowed-algo":["ES256"],"name":"client-1","token-name":"token","trim-prefix":"x "}]}"#;
    let wishes = Wishes {
        issuer: Some("golang".into()),
        audience: Some("api".into()),
        jwks: Some("https://op.example/jwks".parse().unwrap()),
        listen: Some("127.0.0.1:9000".into()),
        query_token: true,
    };
    let imported = imported(json, &wishes);
    assert!(imported.missing.is_empty(), "{:?}", imported.missing);
    for part in [
        "address = \"127.0.0.1:9000\"",
        "header     = \"X-Token\"",
        "prefix     = \"Token \"",
        "[token.client-1]",
        "[token.client-1-2]",
        "[token.client-1-3]",
        "name      = \"client 1-2\"",
        "query      = [\"X-Token\", \"token\"]",
        "query      = [\"token\"]",
        "jwk_set_url = \"https://op.example/jwks\"",
        "issuer     = \"golang\"",
        "paths     = [\"/c\", \"/d\"]",
    ] {
        assert!(imported.toml.contains(part), "{part}: {}", imported.toml);
    }
    taken(&imported);
}

#[test]
fn wishes_that_nobody_needed_are_said_to_be_dropped() {
    let wishes = Wishes {
        issuer: Some("other".into()),
        audience: Some("other".into()),
        jwks: Some("https://op.example/jwks".parse().unwrap()),
        ..Wishes::default()
    };
    let imported = imported(SAMPLE, &wishes);
    assert!(imported.toml.contains("\"golang\"") && !imported.toml.contains("other"));
    for option in ["--issuer", "--audience", "--jwks"] {
        let told =
            |remark: &Remark| remark.option.as_deref() == Some(option) && remark.verdict == Verdict::Dropped;
        assert!(imported.report.iter().any(told), "{option}");
    }
}

#[test]
fn one_endpoint_of_two_clients_is_named() {
    let client = r#"{"endpoints":["/auth"],"allowed-algo":["ES256"],"issuer":"https://op.example","audience":["api"]}"#;
    let missing = missing(&format!(r#"{{"clients":[{client},{client}]}}"#));
    assert!(
        missing.contains("client 2: /auth is an endpoint of client 1 as well"),
        "{missing}"
    );
}

#[test]
fn keys_over_plain_http_are_not_taken_in_silence() {
    let json = SAMPLE.replace(r#"["HS256"]"#, r#"["RS256"]"#);
    let wishes = Wishes {
        jwks: Some("http://op.example/jwks".parse().unwrap()),
        ..Wishes::default()
    };
    let missing = imported(&json, &wishes).missing.join("\n");
    assert!(missing.contains("danger_allow_http"), "{missing}");
}

#[test]
fn keys_of_one_issuer_are_not_taken_for_another() {
    let client = |path: &str, issuer: &str| {
        format!(
            r#"{{"endpoints":["{path}"],"allowed-algo":["ES256"],"issuer":"{issuer}","audience":["api"]}}"#
        )
    };
    let wishes = Wishes {
        jwks: Some("https://op.example/jwks".parse().unwrap()),
        ..Wishes::default()
    };
    let missing = |other: &str| {
        let json = format!(
            r#"{{"clients":[{},{}]}}"#,
            client("/a", "https://op.example"),
            client("/b", other)
        );
        imported(&json, &wishes).missing.join("\n")
    };
    assert_eq!(missing("https://op.example"), "");
    let told = missing("golang");
    assert!(
        told.contains("several issuers would share these keys (golang, https://op.example)"),
        "{told}"
    );
}

#[test]
fn a_name_that_holds_anything_stays_a_name() {
    let named = |algorithm: &str| {
        let json = SAMPLE.replace("Test endpoint", r#"\n[[route]]\u202e\" #"#);
        imported(&json.replace("HS256", algorithm), &Wishes::default())
    };
    let whole = named("HS256");
    assert!(whole.missing.is_empty(), "{:?}", whole.missing);
    taken(&whole);
    let left_out = named("hs256");
    assert!(
        left_out.toml.contains("\n# route was left out"),
        "{}",
        left_out.toml
    );
    assert_eq!(
        (left_out.missing.len(), left_out.missing[0].lines().count()),
        (1, 1)
    );
}
