//! Who may ask us to log somebody in: clients that the operator registered, and sites.

use super::site::{Origin, SitePattern};
use super::token::Proof;
use countersign_core::secret::Secret;
use countersign_jose::hash::sha256;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest `client_id` that is looked up, in bytes.
const MAX_ID_BYTES: usize = 512;

/// How a registered client proves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// By the verifier of its code alone: a public client.
    None,
    /// By a secret, of which the hash is kept.
    Secret(SecretHash),
}

/// A secret that can be recognized and not read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of this secret.
    pub fn of(secret: &[u8]) -> Self {
        Self(sha256(secret))
    }

    fn is_of(&self, secret: &Secret<String>) -> bool {
        Secret::new(sha256(secret.expose().as_bytes())).ct_eq(&self.0)
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// An application that the operator registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// Its `client_id`.
    pub id: Box<str>,
    /// Where its answers may go, each compared byte by byte (RFC 9700 section 4.1.3).
    pub redirect_uris: Vec<Box<str>>,
    /// How it proves itself.
    pub proof: ClientProof,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A registered application.
    Registered(Arc<RegisteredClient>),
    /// A site: its origin is its `client_id`.
    Site(Origin),
}

impl Client {
    /// Its `client_id`, which is the audience of what it gets.
    pub fn id(&self) -> &str {
        match self {
            Self::Registered(client) => &client.id,
            Self::Site(origin) => origin.as_str(),
        }
    }

    /// Whether this is its proof. A site has none but the verifier of its code.
    pub fn is_proven_by(&self, proof: &Proof) -> bool {
        match (self.secret(), proof) {
            (None, Proof::None) => true,
            (Some(hash), Proof::Basic(secret) | Proof::Post(secret)) => hash.is_of(secret),
            (None, Proof::Basic(_) | Proof::Post(_) | Proof::Assertion(_))
            | (Some(_), Proof::None | Proof::Assertion(_)) => false,
        }
    }

    fn secret(&self) -> Option<&SecretHash> {
        match self {
            Self::Registered(client) => match &client.proof {
                ClientProof::None => None,
                ClientProof::Secret(hash) => Some(hash),
            },
            Self::Site(_) => None,
        }
    }

    /// Whether its answers may go to `uri`.
    pub fn has_redirect_uri(&self, uri: &str) -> bool {
        match self {
            Self::Registered(client) => client.redirect_uris.iter().any(|known| **known == *uri),
            Self::Site(origin) => origin.callback() == uri,
        }
    }
}

/// Everybody who may ask.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    registered: BTreeMap<Box<str>, Arc<RegisteredClient>>,
    sites: Vec<SitePattern>,
}

/// A `client_id` is registered twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client {0:?} is registered twice")]
pub struct DoubledClient(pub Box<str>);

impl Clients {
    /// These clients, and the sites of these patterns.
    pub fn new(clients: Vec<RegisteredClient>, sites: Vec<SitePattern>) -> Result<Self, DoubledClient> {
        let mut registered = BTreeMap::new();
        for client in clients {
            let id = client.id.clone();
            if registered.insert(id.clone(), Arc::new(client)).is_some() {
                return Err(DoubledClient(id));
            }
        }
        Ok(Self { registered, sites })
    }

    /// Who `client_id` is. A registered client comes before a site of the same name.
    pub fn find(&self, client_id: &str) -> Option<Client> {
        if client_id.len() > MAX_ID_BYTES {
            return None;
        }
        if let Some(client) = self.registered.get(client_id) {
            return Some(Client::Registered(Arc::clone(client)));
        }
        let origin = Origin::parse(client_id).ok()?;
        let known = self.sites.iter().any(|pattern| pattern.holds(&origin));
        known.then_some(Client::Site(origin))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::provider) fn clients() -> Clients {
        let registered = RegisteredClient {
            id: "grafana".into(),
            redirect_uris: vec!["https://grafana.other.example/login/generic_oauth".into()],
            proof: ClientProof::Secret(SecretHash::of(b"s3cret")),
        };
        let sites = vec![SitePattern::parse("*.home.example").unwrap()];
        Clients::new(vec![registered], sites).unwrap()
    }

    #[test]
    fn a_site_is_its_origin_and_has_one_redirect_uri() {
        let client = clients().find("https://app.home.example").unwrap();
        assert_eq!(client.id(), "https://app.home.example");
        assert!(client.has_redirect_uri("https://app.home.example/.countersign/callback"));
        for uri in [
            "https://app.home.example/.countersign/callback/",
            "https://app.home.example/.countersign/callback?x=1",
            "https://app.home.example/.countersign/callback#x",
            "https://app.home.example/.countersign/../.countersign/callback",
            "https://APP.home.example/.countersign/callback",
            "https://app.home.example:443/.countersign/callback",
            "https://other.home.example/.countersign/callback",
            "http://app.home.example/.countersign/callback",
            "https://app.home.example/callback",
            "",
        ] {
            assert!(!client.has_redirect_uri(uri), "{uri}");
        }
    }

    #[test]
    fn a_registered_client_has_what_was_registered_to_the_byte() {
        let client = clients().find("grafana").unwrap();
        assert!(client.has_redirect_uri("https://grafana.other.example/login/generic_oauth"));
        for uri in [
            "https://grafana.other.example/login/generic_oauth/",
            "https://grafana.other.example/login/",
            "https://grafana.other.example.evil.test/login/generic_oauth",
        ] {
            assert!(!client.has_redirect_uri(uri), "{uri}");
        }
    }

    #[test]
    fn strangers_are_nobody() {
        for id in [
            "https://home.example",
            "https://app.other.example",
            "https://app.home.example/",
            "https://evilhome.example",
            "Grafana",
            "",
            &format!("https://{}home.example", "a.".repeat(300)),
        ] {
            assert_eq!(clients().find(id), None, "{id}");
        }
    }

    #[test]
    fn a_secret_is_asked_of_whoever_has_one() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let grafana = clients().find("grafana").unwrap();
        assert!(grafana.is_proven_by(&Proof::Basic(secret("s3cret"))));
        assert!(grafana.is_proven_by(&Proof::Post(secret("s3cret"))));
        for bad in [
            Proof::None,
            Proof::Basic(secret("")),
            Proof::Post(secret("S3cret")),
            Proof::Assertion(secret("s3cret")),
        ] {
            assert!(!grafana.is_proven_by(&bad), "{bad:?}");
        }
        let site = clients().find("https://app.home.example").unwrap();
        assert!(site.is_proven_by(&Proof::None));
        assert!(!site.is_proven_by(&Proof::Post(secret(""))));
    }

    #[test]
    fn a_name_is_registered_once() {
        let client = RegisteredClient {
            id: "grafana".into(),
            redirect_uris: Vec::new(),
            proof: ClientProof::None,
        };
        let doubled = Clients::new(vec![client.clone(), client], Vec::new());
        assert_eq!(doubled.unwrap_err(), DoubledClient("grafana".into()));
    }
}
