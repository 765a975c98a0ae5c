//! What is believed of a discovery document.

use super::*;
use crate::issuer::IssuerTemplate;

const ISSUER: &str = "https://op.test/realms/home";

fn parse(document: &str, allow_http: bool) -> Result<String, DiscoveryError> {
    jwks_uri(document.as_bytes(), ISSUER, allow_http).map(|url| url.to_string())
}

#[test]
fn the_issuer_is_equal_to_the_letter() {
    let good = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"https://keys.test/jwks","more":[1]}}"#);
    assert_eq!(parse(&good, false), Ok("https://keys.test/jwks".to_owned()));
    for other in [
        "https://op.test/realms/home/",
        "https://OP.test/realms/home",
        "http://op.test/realms/home",
        "https://op.test:443/realms/home",
    ] {
        let document = format!(r#"{{"issuer":"{other}","jwks_uri":"https://keys.test/jwks"}}"#);
        assert!(
            matches!(parse(&document, false), Err(DiscoveryError::Issuer { .. })),
            "{other}"
        );
    }
    let doubled =
        format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}","jwks_uri":"https://keys.test/jwks"}}"#);
    assert!(matches!(
        parse(&doubled, false),
        Err(DiscoveryError::Malformed(_))
    ));
}

#[test]
fn keys_in_the_clear_are_refused_unless_allowed() {
    let document = |uri: &str| format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{uri}"}}"#);
    assert_eq!(
        parse(&document("http://keys.test/"), false),
        Err(DiscoveryError::NotHttps("jwks_uri"))
    );
    assert!(parse(&document("http://keys.test/"), true).is_ok());
    assert_eq!(
        parse(&document("file:///etc/passwd"), true),
        Err(DiscoveryError::NotHttps("jwks_uri"))
    );
    assert_eq!(
        parse(&document("/jwks"), true),
        Err(DiscoveryError::Member("jwks_uri"))
    );
    assert_eq!(
        parse(&document("https://ann:secret@keys.test/"), false),
        Err(DiscoveryError::Member("jwks_uri"))
    );
}

#[test]
fn the_document_is_under_the_issuers_path() {
    let at = |issuer: &str| discovery_url(issuer).map(|url| url.to_string());
    assert_eq!(
        at(ISSUER).as_deref(),
        Some("https://op.test/realms/home/.well-known/openid-configuration")
    );
    assert_eq!(
        at("https://op.test/").as_deref(),
        Some("https://op.test/.well-known/openid-configuration")
    );
    assert_eq!(at("golang"), None);
    assert_eq!(at("https://op.test/?x"), None);
}

fn metadata(members: &str) -> Result<ProviderMetadata, DiscoveryError> {
    let document = format!(r#"{{"issuer":"{ISSUER}"{members}}}"#);
    ProviderMetadata::parse(document.as_bytes(), &IssuerRule::exact(ISSUER), false)
}

#[test]
fn an_endpoint_that_cannot_be_believed_is_as_good_as_none_and_the_others_stand() {
    let read = metadata(
        r#","authorization_endpoint":"https://op.test/authorize","token_endpoint":"http://op.test/token",
            "userinfo_endpoint":7,"end_session_endpoint":"https://op.test/end#x",
            "introspection_endpoint":"https://ann:x@op.test/""#,
    );
    let mut read = read.unwrap();
    assert_eq!(
        read.endpoint(Endpoint::Authorization).map(Url::as_str),
        Ok("https://op.test/authorize")
    );
    assert_eq!(
        read.endpoint(Endpoint::Token),
        Err(DiscoveryError::NotHttps("token_endpoint"))
    );
    for endpoint in [
        Endpoint::Userinfo,
        Endpoint::EndSession,
        Endpoint::Introspection,
        Endpoint::Revocation,
        Endpoint::JwkSet,
    ] {
        assert_eq!(
            read.endpoint(endpoint),
            Err(DiscoveryError::Member(endpoint.name()))
        );
        assert_eq!(read.find(endpoint), None);
    }
    let url = Url::parse("http://127.0.0.1:1/token").unwrap();
    read.set(Endpoint::Token, url.clone());
    assert_eq!(read.endpoint(Endpoint::Token), Ok(&url));
}

#[test]
fn what_is_supported_is_read_with_the_defaults_of_the_standard() {
    let read = metadata("").unwrap();
    assert_eq!(
        read.token_endpoint_auth_methods_supported,
        ["client_secret_basic".into()]
    );
    assert!(!read.authorization_response_iss_parameter_supported);
    assert!(read.code_challenge_methods_supported.is_empty());
    let read = metadata(
        r#","token_endpoint_auth_methods_supported":["private_key_jwt",7,"none"],
            "id_token_signing_alg_values_supported":["ES256"],"code_challenge_methods_supported":["S256"],
            "authorization_response_iss_parameter_supported":true,"backchannel_logout_supported":true,
            "backchannel_logout_session_supported":true"#,
    );
    let read = read.unwrap();
    let methods = ["private_key_jwt".into(), "none".into()];
    assert_eq!(read.token_endpoint_auth_methods_supported, methods);
    assert_eq!(read.id_token_signing_alg_values_supported, ["ES256".into()]);
    assert_eq!(read.code_challenge_methods_supported, ["S256".into()]);
    assert!(read.authorization_response_iss_parameter_supported);
    assert!(read.backchannel_logout_supported && read.backchannel_logout_session_supported);
    for (members, name) in [
        (
            r#","authorization_response_iss_parameter_supported":"true""#,
            "authorization_response_iss_parameter_supported",
        ),
        (
            r#","code_challenge_methods_supported":"S256""#,
            "code_challenge_methods_supported",
        ),
    ] {
        assert_eq!(metadata(members), Err(DiscoveryError::Type(name)));
    }
}

#[test]
fn a_template_is_the_issuer_of_its_document_as_it_stands() {
    let template = "https://login.test/{tenantid}/v2.0";
    let rule = IssuerRule::Template(IssuerTemplate::new(template, "tid").unwrap());
    let document = |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://login.test/keys"}}"#);
    assert!(ProviderMetadata::parse(document(template).as_bytes(), &rule, false).is_ok());
    let filled = document("https://login.test/0a/v2.0");
    assert!(matches!(
        ProviderMetadata::parse(filled.as_bytes(), &rule, false),
        Err(DiscoveryError::Issuer { .. })
    ));
    let exact = IssuerRule::exact("https://login.test/0a/v2.0");
    assert!(matches!(
        ProviderMetadata::parse(document(template).as_bytes(), &exact, false),
        Err(DiscoveryError::Issuer { .. })
    ));
}

#[test]
fn a_document_that_is_far_too_large_is_not_read() {
    let padding = "x".repeat(MAX_DOCUMENT_BYTES);
    let document = format!(r#"{{"issuer":"{ISSUER}","pad":"{padding}"}}"#);
    assert!(matches!(
        parse(&document, false),
        Err(DiscoveryError::Malformed(_))
    ));
}
