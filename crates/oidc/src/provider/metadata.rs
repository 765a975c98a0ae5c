//! What the provider says of itself (OpenID Connect Discovery 1.0, RFC 8414, RFC 8705 section 5): from the configuration alone,
//! never from a request's Host.

use super::site::Origin;
use countersign_core::gate::Host;
use countersign_core::own_path::{AUTHORIZE, END_SESSION, KEYS, TOKEN, USERINFO};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::quoted;

/// Who we are: an origin of HTTPS, so that our paths are beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(Origin);

/// Why a text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an issuer here is `https://`, a host in lower case, and a port that is not 443, with nothing after it"
)]
pub struct IssuerError;

impl Issuer {
    /// Reads an issuer.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        Origin::parse(text).map(Self).map_err(|_| IssuerError)
    }

    /// As tokens have it.
    pub const fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its host.
    pub const fn host(&self) -> &Host {
        self.0.host()
    }

    /// One of our endpoints.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }
}

/// What there is to say.
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'a> {
    /// Who we are.
    pub issuer: &'a Issuer,
    /// What tokens are signed with.
    pub algorithms: &'a [Algorithm],
    /// Where clients with certificates ask, if that is another host (RFC 8705 section 5).
    pub mtls_origin: Option<&'a Origin>,
}

impl Metadata<'_> {
    /// The document.
    pub fn document(&self) -> String {
        let algorithms = self.algorithms.iter().map(|algorithm| algorithm.name());
        let of_clients = Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_hmac());
        let of_clients = of_clients.map(|algorithm| algorithm.name());
        let mut members = self.places();
        members.extend(LISTS.map(|(name, words)| (name, list(words))));
        members.push((
            "id_token_signing_alg_values_supported",
            list(&algorithms.collect::<Vec<_>>()),
        ));
        members.push((
            "token_endpoint_auth_signing_alg_values_supported",
            list(&of_clients.collect::<Vec<_>>()),
        ));
        members.extend(YES.map(|name| (name, "true".to_owned())));
        members.extend(NO.map(|name| (name, "false".to_owned())));
        let members = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", quoted(name)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn places(&self) -> Vec<(&'static str, String)> {
        let place = |path: &str| quoted(&self.issuer.at(path));
        let mut members = vec![
            ("issuer", quoted(self.issuer.as_str())),
            ("authorization_endpoint", place(AUTHORIZE)),
            ("token_endpoint", place(TOKEN)),
            ("userinfo_endpoint", place(USERINFO)),
            ("jwks_uri", place(KEYS)),
            ("end_session_endpoint", place(END_SESSION)),
        ];
        if let Some(origin) = self.mtls_origin {
            let token = format!("{origin}{TOKEN}");
            let alias = format!(r#"{{"token_endpoint":{}}}"#, quoted(&token));
            members.push(("mtls_endpoint_aliases", alias));
        }
        members
    }
}

/// What there is a choice of.
const LISTS: [(&str, &[&str]); 9] = [
    (
        "scopes_supported",
        &["openid", "email", "groups", "offline_access"],
    ),
    ("response_types_supported", &["code"]),
    ("response_modes_supported", &["query", "form_post"]),
    (
        "grant_types_supported",
        &["authorization_code", "refresh_token", "client_credentials"],
    ),
    ("subject_types_supported", &["public"]),
    (
        "token_endpoint_auth_methods_supported",
        &[
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "tls_client_auth",
            "none",
        ],
    ),
    (
        "claims_supported",
        &[
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "sid",
            "email",
            "email_verified",
            "groups",
            "certificate_serial",
        ],
    ),
    ("code_challenge_methods_supported", &["S256"]),
    (
        "prompt_values_supported",
        &["none", "login", "consent", "select_account"],
    ),
];
/// What there is, and what there is not.
const YES: [&str; 4] = [
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "tls_client_certificate_bound_access_tokens",
];
const NO: [&str; 3] = [
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
];

fn list(words: &[&str]) -> String {
    let words = words.iter().map(|word| quoted(word));
    format!("[{}]", words.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Endpoint, ProviderMetadata};
    use crate::issuer::IssuerRule;
    use url::Url;

    #[test]
    fn our_own_relying_party_reads_what_we_say() {
        let issuer = Issuer::parse("https://sso.test").unwrap();
        let mtls = Origin::parse("https://mtls.sso.test:8443").unwrap();
        let metadata = Metadata {
            issuer: &issuer,
            algorithms: &[Algorithm::Es256, Algorithm::Rs256],
            mtls_origin: Some(&mtls),
        };
        let document = metadata.document();
        assert!(document.contains(
            r#""mtls_endpoint_aliases":{"token_endpoint":"https://mtls.sso.test:8443/.countersign/token"}"#
        ));
        assert!(document.contains(r#""id_token_signing_alg_values_supported":["ES256","RS256"]"#));
        let read =
            ProviderMetadata::parse(document.as_bytes(), &IssuerRule::exact("https://sso.test"), false)
                .unwrap();
        let endpoint = |endpoint| read.find(endpoint).map(Url::as_str);
        assert_eq!(
            endpoint(Endpoint::Authorization),
            Some("https://sso.test/.countersign/authorize")
        );
        assert_eq!(
            endpoint(Endpoint::JwkSet),
            Some("https://sso.test/.countersign/keys")
        );
        assert!(read.authorization_response_iss_parameter_supported);
    }

    #[test]
    fn an_issuer_is_an_origin_and_nothing_more() {
        for text in [
            "http://sso.test",
            "https://sso.test/",
            "https://sso.test/realm",
            "https://SSO.test",
            "sso.test",
        ] {
            assert_eq!(Issuer::parse(text), Err(IssuerError), "{text}");
        }
    }
}
