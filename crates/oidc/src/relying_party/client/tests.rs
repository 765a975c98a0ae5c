//! How a client proves itself, and what it does not send.

use super::*;
use crate::dice::Counted;
use crate::form::parse;
use crate::issuer::IssuerRule;
use countersign_core::claims::Value;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signed;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn post(id: &str, authentication: ClientAuthentication, entropy: &Counted) -> Request<Bytes> {
    let client = Client {
        id: id.into(),
        authentication,
    };
    let endpoint = Url::parse("https://op.test/token").unwrap();
    let call = Call {
        entropy,
        now: Timestamp::from_seconds(1_893_456_000),
    };
    client
        .post(&endpoint, Form::new().with("grant_type", "x"), call)
        .unwrap()
}

fn sent(request: &Request<Bytes>) -> Vec<(String, String)> {
    parse(request.body(), 10_000).unwrap()
}

fn value(request: &Request<Bytes>, name: &str) -> Option<String> {
    let mut sent = sent(request).into_iter();
    sent.find(|(own, _)| own == name).map(|(_, value)| value)
}

#[test]
fn a_secret_is_encoded_before_it_is_basic_and_stands_nowhere_else() {
    let basic = ClientAuthentication::SecretBasic(secret("a:b c%é"));
    let request = post("gw+1", basic, &Counted::default());
    let expected = BASE64_STANDARD.encode("gw%2B1:a%3Ab+c%25%C3%A9");
    let header = &request.headers()["authorization"];
    assert_eq!(header.to_str().unwrap(), format!("Basic {expected}"));
    assert!(header.is_sensitive());
    assert_eq!(sent(&request), [("grant_type".into(), "x".into())]);
    assert_eq!(
        request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(
        (request.method().as_str(), request.uri().path()),
        ("POST", "/token")
    );
}

#[test]
fn a_posted_secret_is_in_the_form_alone() {
    let request = post(
        "gw",
        ClientAuthentication::SecretPost(secret("a&b")),
        &Counted::default(),
    );
    assert!(!request.headers().contains_key("authorization"));
    assert_eq!(value(&request, "client_id").as_deref(), Some("gw"));
    assert_eq!(value(&request, "client_secret").as_deref(), Some("a&b"));
}

#[test]
fn a_secret_goes_the_way_that_the_provider_takes() {
    let client = Client {
        id: "gw".into(),
        authentication: ClientAuthentication::SecretAsTaken(secret("s")),
    };
    let rule = IssuerRule::exact("https://op.test");
    let mut metadata = ProviderMetadata::of_operator(&rule);
    let mut posted = |methods: &[&str]| {
        metadata.token_endpoint_auth_methods_supported =
            methods.iter().map(|method| (*method).into()).collect();
        matches!(
            client.at(&metadata).authentication,
            ClientAuthentication::SecretPost(_)
        )
    };
    assert!(posted(&["client_secret_post"]));
    assert!(posted(&["private_key_jwt", "client_secret_post"]));
    assert!(!posted(&["client_secret_post", "client_secret_basic"]));
    assert!(!posted(&["private_key_jwt"]));
    assert!(!posted(&[]));
    let told = Client {
        id: "gw".into(),
        authentication: ClientAuthentication::SecretBasic(secret("s")),
    };
    metadata.token_endpoint_auth_methods_supported = vec!["client_secret_post".into()];
    assert!(matches!(
        told.at(&metadata).authentication,
        ClientAuthentication::SecretBasic(_)
    ));
}

#[test]
fn a_public_client_says_who_it_is_and_a_bearer_shows_its_token() {
    let request = post("gw", ClientAuthentication::None, &Counted::default());
    assert_eq!(sent(&request).len(), 2);
    assert_eq!(value(&request, "client_id").as_deref(), Some("gw"));
    let request = post(
        "gw",
        ClientAuthentication::Bearer(secret("tok")),
        &Counted::default(),
    );
    assert_eq!(request.headers()["authorization"], "Bearer tok");
    assert_eq!(sent(&request).len(), 1);
}

#[test]
fn a_credential_that_no_header_can_hold_is_told() {
    let client = Client {
        id: "gw".into(),
        authentication: ClientAuthentication::Bearer(secret("a\r\nb: c")),
    };
    let call = Call {
        entropy: &Counted::default(),
        now: Timestamp::from_seconds(0),
    };
    let told = client.post(&Url::parse("https://op.test").unwrap(), Form::new(), call);
    assert_eq!(told.unwrap_err(), RequestError::Unsendable("a credential"));
}

#[test]
fn an_assertion_is_signed_for_the_provider_and_each_has_an_id_of_its_own() {
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let key = Arc::new(PrivateKeyJwt::new(key, None, "https://op.test").unwrap());
        let (keys, unusable) = KeySet::parse(jwk_set([&*key, &*key]).as_bytes()).unwrap();
        assert!(unusable.is_empty() && keys.keys().len() == 1);
        let entropy = Counted::default();
        let ids = [0, 1].map(|_| {
            let request = post(
                "gw",
                ClientAuthentication::PrivateKeyJwt(Arc::clone(&key)),
                &entropy,
            );
            assert!(!request.headers().contains_key("authorization"));
            assert_eq!(
                value(&request, "client_assertion_type").as_deref(),
                Some(JWT_BEARER)
            );
            let text = value(&request, "client_assertion").unwrap();
            let token = UnverifiedToken::parse(&text).unwrap();
            let Lookup::Found(public) = keys.find(token.kid_unverified(), algorithm) else {
                panic!("its key is published");
            };
            let signed = verify_signed(token, &public, &[algorithm]).unwrap();
            let text = |name: &str| signed.claims().member(name).and_then(Value::as_str).unwrap();
            let number = |name: &str| signed.claims().member(name).and_then(Value::as_number).unwrap();
            assert_eq!(
                (text("iss"), text("sub"), text("aud")),
                ("gw", "gw", "https://op.test")
            );
            assert_eq!(number("iat").as_i64(), Some(1_893_456_000));
            assert_eq!(number("exp").as_i64(), Some(1_893_456_060));
            text("jti").to_owned()
        });
        assert_ne!(ids[0], ids[1], "{algorithm:?}");
        assert_eq!(ids[0].len(), 22);
    }
}

#[test]
fn an_assertion_may_be_for_the_token_endpoint() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut key = PrivateKeyJwt::new(key, None, "https://op.test").unwrap();
    key.for_token_endpoint = true;
    let client = Client {
        id: "gw".into(),
        authentication: ClientAuthentication::PrivateKeyJwt(Arc::new(key)),
    };
    let audience = |metadata: &ProviderMetadata| {
        let here = client.at(metadata);
        let ClientAuthentication::PrivateKeyJwt(key) = &here.authentication else {
            panic!("it proves itself by a key")
        };
        key.audience.clone()
    };
    let rule = IssuerRule::exact("https://op.test");
    let mut metadata = ProviderMetadata::of_operator(&rule);
    assert_eq!(&*audience(&metadata), "https://op.test");
    let url = "https://op.test/token".parse().unwrap();
    metadata.set(Endpoint::Token, url);
    assert_eq!(&*audience(&metadata), "https://op.test/token");
}

#[test]
fn a_set_of_keys_holds_no_private_half() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let key = PrivateKeyJwt::new(key, Some("one \"1\""), "x").unwrap();
    let set = jwk_set([&key]);
    assert!(!set.contains("\"d\""), "{set}");
    assert!(KeySet::parse(set.as_bytes()).unwrap().0.keys()[0].kid() == Some("one \"1\""));
    assert_eq!(jwk_set([]), r#"{"keys":[]}"#);
    let printed = format!("{key:?}");
    assert!(
        printed.contains("ES256") || printed.contains("Es256"),
        "{printed}"
    );
    let shared = SigningKey::generate(Algorithm::Hs256).unwrap();
    assert!(PrivateKeyJwt::new(shared, None, "x").is_none());
}

#[test]
fn methods_are_known_by_their_registered_names_and_refused_with_the_reason() {
    for method in AuthenticationMethod::ALL {
        assert_eq!(AuthenticationMethod::parse(method.name()), Ok(method));
    }
    assert!(
        AuthenticationMethod::parse("client_secret_jwt")
            .unwrap_err()
            .contains("can also make it")
    );
    assert!(
        AuthenticationMethod::parse("tls_client_auth")
            .unwrap_err()
            .contains("not built")
    );
    assert!(
        AuthenticationMethod::parse("basic")
            .unwrap_err()
            .starts_with("one of")
    );
}
