//! OpenID Provider metadata (OpenID Connect Discovery 1.0 sections 3 and 4; RFC 8414).

use countersign_core::claims::{Claims, Value};
use countersign_jose::json::parse_object;
use url::Url;

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// What is appended to an issuer (section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// What a provider says about itself, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// The issuer, equal to the one expected.
    pub issuer: Box<str>,
    /// Where its JWK Set is.
    pub jwks_uri: Url,
}

/// Why a document is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Not one strict JSON object of an accepted size.
    #[error("the discovery document is not one strict JSON object: {0}")]
    Malformed(String),
    /// Another issuer speaks (section 4.3): compared character by character.
    #[error(
        "the discovery document is issuer {got:?}'s, wanted {wanted:?}; the two must be equal to the letter"
    )]
    Issuer {
        /// What came.
        got: String,
        /// What was wanted.
        wanted: String,
    },
    /// A member is missing, no URL, or a URL with a user name or password.
    #[error("`{0}` in the discovery document is missing or not an absolute URL without a password")]
    Member(&'static str),
    /// A URL in the clear, and nobody allowed that.
    #[error("`{0}` in the discovery document is not https")]
    NotHttps(&'static str),
}

/// Where the document of `issuer` is: appended to its path, whether or not that ends in a slash (section 4.1).
/// `None` when the issuer is not an http or https URL without query and fragment.
pub fn discovery_url(issuer: &str) -> Option<Url> {
    let url = Url::parse(issuer).ok()?;
    let plain = matches!(url.scheme(), "https" | "http") && url.query().is_none() && url.fragment().is_none();
    plain
        .then(|| Url::parse(&format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'))).ok())
        .flatten()
}

impl ProviderMetadata {
    /// Reads the document of `expected_issuer`. URLs in it must be https unless `allow_http`.
    pub fn parse(bytes: &[u8], expected_issuer: &str, allow_http: bool) -> Result<Self, DiscoveryError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(DiscoveryError::Malformed("larger than 256 KiB".to_owned()));
        }
        let document = parse_object(bytes).map_err(|error| DiscoveryError::Malformed(error.to_string()))?;
        let issuer = document
            .member("issuer")
            .and_then(Value::as_str)
            .ok_or(DiscoveryError::Member("issuer"))?;
        if issuer != expected_issuer {
            let got = issuer.chars().take(200).collect();
            return Err(DiscoveryError::Issuer {
                got,
                wanted: expected_issuer.to_owned(),
            });
        }
        let jwks_uri = url_member(&document, "jwks_uri", allow_http)?;
        Ok(Self {
            issuer: issuer.into(),
            jwks_uri,
        })
    }
}

fn url_member(document: &Claims, name: &'static str, allow_http: bool) -> Result<Url, DiscoveryError> {
    let text = document
        .member(name)
        .and_then(Value::as_str)
        .ok_or(DiscoveryError::Member(name))?;
    let url = Url::parse(text).map_err(|_| DiscoveryError::Member(name))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DiscoveryError::Member(name));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_http => Ok(url),
        _ => Err(DiscoveryError::NotHttps(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://op.test/realms/home";

    fn parse(document: &str, allow_http: bool) -> Result<String, DiscoveryError> {
        ProviderMetadata::parse(document.as_bytes(), ISSUER, allow_http)
            .map(|metadata| metadata.jwks_uri.to_string())
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
}
