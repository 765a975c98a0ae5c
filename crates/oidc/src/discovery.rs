//! OpenID Provider metadata (OpenID Connect Discovery 1.0 sections 3 and 4; RFC 8414).

use crate::issuer::IssuerRule;
use countersign_core::claims::{Claims, Value};
use countersign_jose::json::parse_object;
use std::fmt;
use url::Url;

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// The most elements of a list in a document, and the longest of them in bytes; the others are left out.
const MAX_LISTED: usize = 64;
const MAX_WORD_BYTES: usize = 128;
/// What is appended to an issuer (section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A place at the provider, by the member that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Where people log in.
    Authorization,
    /// Where codes and refresh tokens become tokens.
    Token,
    /// What is known about the user (OpenID Connect Core section 5.3).
    Userinfo,
    /// Where logout is asked for (OpenID Connect RP-Initiated Logout 1.0).
    EndSession,
    /// Where tokens are given back (RFC 7009).
    Revocation,
    /// Where tokens are asked about (RFC 7662).
    Introspection,
    /// The JWK Set.
    JwkSet,
}

impl Endpoint {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Authorization,
        Self::Token,
        Self::Userinfo,
        Self::EndSession,
        Self::Revocation,
        Self::Introspection,
        Self::JwkSet,
    ];

    /// The member of the metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_endpoint",
            Self::Token => "token_endpoint",
            Self::Userinfo => "userinfo_endpoint",
            Self::EndSession => "end_session_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Introspection => "introspection_endpoint",
            Self::JwkSet => "jwks_uri",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a provider says about itself, as far as it is used, or what the operator says in its place. An endpoint that cannot be
/// believed is as good as none, and whoever needs it is told why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// The issuer, or the template of its tenants', equal to what was expected.
    pub issuer: Box<str>,
    endpoints: Vec<(Endpoint, Result<Url, DiscoveryError>)>,
    /// How clients may prove themselves at the token endpoint; `client_secret_basic` where the document does not say.
    pub token_endpoint_auth_methods_supported: Vec<Box<str>>,
    /// How ID Tokens may be signed; empty where the document does not say.
    pub id_token_signing_alg_values_supported: Vec<Box<str>>,
    /// Which code challenges are known (RFC 8414 section 2); empty where the document does not say.
    pub code_challenge_methods_supported: Vec<Box<str>>,
    /// Whether every authorization response names its issuer (RFC 9207 section 3).
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether the provider tells of logouts (OpenID Connect Back-Channel Logout 1.0 section 2.1).
    pub backchannel_logout_supported: bool,
    /// Whether its logout tokens name the session (`sid`).
    pub backchannel_logout_session_supported: bool,
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
    /// A member is missing, no URL, or a URL with a user name, password or fragment.
    #[error("`{0}` in the discovery document is missing or not an absolute URL without a password")]
    Member(&'static str),
    /// A URL in the clear, and nobody allowed that.
    #[error("`{0}` in the discovery document is not https")]
    NotHttps(&'static str),
    /// A member has another JSON type than the standard's.
    #[error("`{0}` in the discovery document has the wrong type")]
    Type(&'static str),
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

/// Where the keys of `expected_issuer` are, as its document says; nothing else of it matters. The URL must be https unless
/// `allow_http`.
pub fn jwks_uri(bytes: &[u8], expected_issuer: &str, allow_http: bool) -> Result<Url, DiscoveryError> {
    let document = document(bytes, expected_issuer)?;
    let missing = DiscoveryError::Member(Endpoint::JwkSet.name());
    url_member(&document, Endpoint::JwkSet.name(), allow_http).unwrap_or(Err(missing))
}

impl ProviderMetadata {
    /// Reads the document of the issuer that `rule` expects. URLs in it must be https unless `allow_http`.
    pub fn parse(bytes: &[u8], rule: &IssuerRule, allow_http: bool) -> Result<Self, DiscoveryError> {
        let document = document(bytes, rule.as_str())?;
        let mut metadata = Self::of_operator(rule);
        for endpoint in Endpoint::ALL {
            if let Some(read) = url_member(&document, endpoint.name(), allow_http) {
                metadata.endpoints.push((endpoint, read));
            }
        }
        if let Some(methods) = words(&document, "token_endpoint_auth_methods_supported")? {
            metadata.token_endpoint_auth_methods_supported = methods;
        }
        let listed = |name: &'static str| words(&document, name).map(Option::unwrap_or_default);
        metadata.id_token_signing_alg_values_supported = listed("id_token_signing_alg_values_supported")?;
        metadata.code_challenge_methods_supported = listed("code_challenge_methods_supported")?;
        metadata.authorization_response_iss_parameter_supported =
            flag(&document, "authorization_response_iss_parameter_supported")?;
        metadata.backchannel_logout_supported = flag(&document, "backchannel_logout_supported")?;
        metadata.backchannel_logout_session_supported =
            flag(&document, "backchannel_logout_session_supported")?;
        Ok(metadata)
    }

    /// Metadata without any endpoint yet, for the operator to fill.
    pub fn of_operator(rule: &IssuerRule) -> Self {
        Self {
            issuer: rule.as_str().into(),
            endpoints: Vec::new(),
            token_endpoint_auth_methods_supported: vec!["client_secret_basic".into()],
            id_token_signing_alg_values_supported: Vec::new(),
            code_challenge_methods_supported: Vec::new(),
            authorization_response_iss_parameter_supported: false,
            backchannel_logout_supported: false,
            backchannel_logout_session_supported: false,
        }
    }

    /// Puts `url`, which the operator vouches for, in the place of what the document says.
    pub fn set(&mut self, endpoint: Endpoint, url: Url) {
        self.endpoints.retain(|(own, _)| *own != endpoint);
        self.endpoints.push((endpoint, Ok(url)));
    }

    /// The endpoint, which must be there; why it is not, for the log.
    pub fn endpoint(&self, endpoint: Endpoint) -> Result<&Url, DiscoveryError> {
        let found = self.endpoints.iter().find(|(own, _)| *own == endpoint);
        match found {
            Some((_, Ok(url))) => Ok(url),
            Some((_, Err(error))) => Err(error.clone()),
            None => Err(DiscoveryError::Member(endpoint.name())),
        }
    }

    /// The endpoint, where there is one that can be believed.
    pub fn find(&self, endpoint: Endpoint) -> Option<&Url> {
        self.endpoint(endpoint).ok()
    }
}

/// The document, when it is the expected issuer's.
fn document(bytes: &[u8], expected_issuer: &str) -> Result<Claims, DiscoveryError> {
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
    Ok(document)
}

/// The URL at `name`, if the member is there.
fn url_member(
    document: &Claims,
    name: &'static str,
    allow_http: bool,
) -> Option<Result<Url, DiscoveryError>> {
    let text = document.member(name)?.as_str();
    Some(match text.and_then(|text| Url::parse(text).ok()) {
        Some(url) => judge_url(url, name, allow_http),
        None => Err(DiscoveryError::Member(name)),
    })
}

fn judge_url(url: Url, name: &'static str, allow_http: bool) -> Result<Url, DiscoveryError> {
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(DiscoveryError::Member(name));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_http => Ok(url),
        _ => Err(DiscoveryError::NotHttps(name)),
    }
}

/// The words of a list, if the member is there.
fn words(document: &Claims, name: &'static str) -> Result<Option<Vec<Box<str>>>, DiscoveryError> {
    let Some(value) = document.member(name) else {
        return Ok(None);
    };
    let items = value.as_array().ok_or(DiscoveryError::Type(name))?;
    let words = items.filter_map(Value::as_str);
    let words = words.filter(|word| !word.is_empty() && word.len() <= MAX_WORD_BYTES);
    Ok(Some(words.take(MAX_LISTED).map(Into::into).collect()))
}

fn flag(document: &Claims, name: &'static str) -> Result<bool, DiscoveryError> {
    let value = document.member(name);
    value.map_or(Ok(false), |value| {
        value.as_bool().ok_or(DiscoveryError::Type(name))
    })
}

#[cfg(test)]
mod tests;
