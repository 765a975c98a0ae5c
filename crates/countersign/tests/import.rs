//! `countersign import jwtauthrequest`: what is kept, what is bettered, and what it will not do in silence.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign::cli::offline_parts;
use countersign::compose;
use countersign::config::{Environment, Sources, render};
use countersign::import::jwtauthrequest::{Imported, Wishes, import};

/// The sample configuration of jwtauthrequest's own README.
const SAMPLE: &str = r#"{"listen-port":":8081","clients":[{"endpoints":["/auth"],"name":"Test endpoint","required-claims":["exp","iss"],
    "allowed-algo":["HS256"],"token-name":"Authorization","trim-prefix":"Bearer ","audience":["developer"],
    "HMAC":"qwertyuiopasdfghjklzxcvbnm123456","debug":true,"issuer":"golang"}]}"#;

fn imported(json: &str, wishes: &Wishes) -> Imported {
    import(json.as_bytes(), wishes).unwrap()
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
        assert_eq!(imported.toml.contains("query ="), query_token);
        assert!(imported.toml.contains("127.0.0.1:8081") && imported.toml.contains("challenge = \"403\""));
        assert!(
            !imported.toml.contains("qwerty"),
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
    let report = imported.report.join("\n");
    for option in [
        "listen-port",
        "endpoints",
        "allowed-algo",
        "token-name",
        "trim-prefix",
        "audience",
        "HMAC",
        "debug",
        "issuer",
        "required-claims",
    ] {
        assert!(report.contains(option), "{option}: {report}");
    }
}

#[test]
fn what_cannot_be_taken_over_is_named() {
    assert!(missing(&SAMPLE.replace("\"debug\"", "\"jwks-url\"")).contains("`jwks-url`"));
    assert!(missing(&SAMPLE.replace("123456", "")).contains("32 are the least"));
    assert!(
        missing(&SAMPLE.replace(r#"["HS256"]"#, r#"["HS256","RS256"]"#))
            .contains("Test endpoint: `allowed-algo` mixes")
    );
    assert!(missing(&SAMPLE.replace(r#""issuer":"golang""#, r#""issuer":"""#)).contains("no `issuer`"));
    assert!(missing(&SAMPLE.replace(r#"["developer"]"#, "[]")).contains("no `audience`"));
    assert!(missing(&SAMPLE.replace(r#"["HS256"]"#, r#"["RS256"]"#)).contains("--jwks"));
    assert!(import(br#"{"clients":[],"clients":[]}"#, &Wishes::default()).is_err());
    assert!(import(b"[]", &Wishes::default()).is_err());
}

#[test]
fn an_empty_list_of_algorithms_never_mixes() {
    let hmac = imported(
        &SAMPLE
            .replace(r#"["HS256"]"#, "[]")
            .replace("123456", &"1".repeat(64)),
        &Wishes::default(),
    );
    assert!(
        hmac.toml.contains(r#"algorithms = ["HS256", "HS384", "HS512"]"#),
        "{}",
        hmac.toml
    );
    taken(&hmac);
    let public = SAMPLE
        .replace(r#"["HS256"]"#, "[]")
        .replace(r#""HMAC":"qwertyuiopasdfghjklzxcvbnm123456","#, "");
    let public = imported(
        &public.replace("golang", "https://op.example"),
        &Wishes::default(),
    );
    assert!(
        public.toml.contains("\"RS256\"") && !public.toml.contains("\"HS256\""),
        "{}",
        public.toml
    );
    taken(&public);
}

#[test]
fn what_the_json_lacks_can_be_said() {
    let json = r#"{"clients":[{"endpoints":["/a"],"allowed-algo":["ES256"],"token-name":"X-Token","trim-prefix":""},
        {"endpoints":["/b"],"allowed-algo":["ES256"]}]}"#;
    let wishes = Wishes {
        issuer: Some("golang".into()),
        audience: Some("api".into()),
        jwks: Some("https://op.example/jwks".into()),
        listen: Some("127.0.0.1:9000".into()),
        query_token: false,
    };
    let imported = imported(json, &wishes);
    assert!(imported.missing.is_empty(), "{:?}", imported.missing);
    assert!(imported.toml.contains("header = \"X-Token\"") && imported.toml.contains("[token.client-2]"));
    taken(&imported);
}
