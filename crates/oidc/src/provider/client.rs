//! Who may ask us to log somebody in: clients that the operator registered, and sites.

use super::site::{Origin, SitePattern};
use countersign_core::gate::Host;
use countersign_core::policy::Named;
use countersign_core::route::HostPattern;
use countersign_core::secret::Secret;
use countersign_jose::hash::sha256;
use countersign_jose::jwks::KeySet;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// The longest `client_id` that is looked up, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// How a registered client proves itself.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// By the verifier of its code alone: a public client.
    None,
    /// By a secret, of which the hash is kept (`client_secret_basic`, `client_secret_post`).
    Secret(SecretHash),
    /// By what it signs with one of these keys (`private_key_jwt`).
    Keys(KeySet),
    /// By the certificate of its connection, which proves this subject (`tls_client_auth`, RFC 8705 section 2.1).
    Certificate(Named),
}

/// A secret that can be recognized and not read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of this secret.
    pub fn of(secret: &[u8]) -> Self {
        Self(sha256(secret))
    }

    /// Whether it is of `secret`, told in constant time.
    pub fn is_of(&self, secret: &Secret<String>) -> bool {
        Secret::new(sha256(secret.expose().as_bytes())).ct_eq(&self.0)
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// An application that the operator registered.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// Its `client_id`.
    pub id: Box<str>,
    /// Where its answers may go, each compared byte by byte (RFC 9700 section 4.1.3).
    pub redirect_uris: Vec<Box<str>>,
    /// How it proves itself.
    pub proof: ClientProof,
    /// Whether it may have refresh tokens.
    pub offline: bool,
    /// Whether the access tokens that it gets as a machine are bound to its certificate.
    pub bind: bool,
    /// Where its logouts and ours meet.
    pub logout: ClientLogout,
}

/// What a client has to do with logouts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientLogout {
    /// Where a browser may be sent once it has logged out, each compared byte by byte.
    pub redirect_uris: Vec<Box<str>>,
    /// Where it is told that a session has ended (OpenID Connect Back-Channel Logout section 2.2).
    pub backchannel_uri: Option<Url>,
}

/// Who asks.
#[derive(Clone, Debug)]
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

    /// How it proves itself. A site does by the verifier of its code alone.
    pub fn proof(&self) -> &ClientProof {
        match self {
            Self::Registered(client) => &client.proof,
            Self::Site(_) => &ClientProof::None,
        }
    }

    /// Whether it may have refresh tokens. A site may: they are good for its own next ID Token.
    pub fn may_have_refresh_tokens(&self) -> bool {
        match self {
            Self::Registered(client) => client.offline,
            Self::Site(_) => true,
        }
    }

    /// Whether a browser that has logged out may go to `uri`: a site's first page is its only one.
    pub fn has_post_logout_redirect_uri(&self, uri: &str) -> bool {
        match self {
            Self::Registered(client) => client.logout.redirect_uris.iter().any(|known| **known == *uri),
            Self::Site(origin) => origin.home() == uri,
        }
    }

    /// Where it is told that a session has ended.
    pub fn backchannel_logout_uri(&self) -> Option<Url> {
        match self {
            Self::Registered(client) => client.logout.backchannel_uri.clone(),
            Self::Site(origin) => Url::parse(&origin.backchannel_logout()).ok(),
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

/// A client is its name.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Client {}

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

    /// The sites.
    pub fn sites(&self) -> &[SitePattern] {
        &self.sites
    }

    /// On which ports some host that `hosts` covers may be a site.
    pub fn ports_of(&self, hosts: &HostPattern) -> impl Iterator<Item = u16> {
        let sites = self.sites.iter().filter(|site| site.may_hold(hosts));
        sites.map(SitePattern::port)
    }

    /// Whether `host` is a site that is listed by itself, and not only one of many.
    pub fn lists(&self, host: &Host) -> bool {
        let origin = Origin::of(host);
        let mut alone = self.sites.iter().filter(|site| !site.has_star());
        alone.any(|site| site.holds(&origin))
    }

    /// Who `client_id` is. A registered client comes before a site of the same name.
    pub fn find(&self, client_id: &str) -> Option<Client> {
        if client_id.len() > MAX_ID_BYTES {
            return None;
        }
        if let Some(client) = self.registered.get(client_id) {
            return Some(Client::Registered(Arc::clone(client)));
        }
        self.find_site(client_id).map(Client::Site)
    }

    /// The site of this origin.
    pub fn find_site(&self, origin: &str) -> Option<Origin> {
        let origin = Origin::parse(origin).ok()?;
        let known = self.sites.iter().any(|pattern| pattern.holds(&origin));
        known.then_some(origin)
    }

    /// Whether one of the sites can be one of `pattern`'s.
    pub fn has_site_of(&self, pattern: &SitePattern) -> bool {
        self.sites.iter().any(|known| known.overlaps(pattern))
    }

    /// Whether a client is registered by this name.
    pub fn has_registered(&self, client_id: &str) -> bool {
        self.registered.contains_key(client_id)
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
            offline: false,
            bind: true,
            logout: ClientLogout {
                redirect_uris: vec!["https://grafana.other.example/bye".into()],
                backchannel_uri: None,
            },
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
    fn a_browser_that_has_logged_out_goes_where_it_may_and_its_clients_are_told() {
        let client = |id: &str| clients().find(id).unwrap();
        let grafana = client("grafana");
        assert!(grafana.has_post_logout_redirect_uri("https://grafana.other.example/bye"));
        assert!(!grafana.has_post_logout_redirect_uri("https://grafana.other.example/bye/"));
        assert_eq!(grafana.backchannel_logout_uri(), None);
        let site = client("https://app.home.example");
        assert!(site.has_post_logout_redirect_uri("https://app.home.example/"));
        for uri in [
            "https://app.home.example",
            "https://app.home.example/x",
            "https://b.home.example/",
        ] {
            assert!(!site.has_post_logout_redirect_uri(uri), "{uri}");
        }
        assert_eq!(
            site.backchannel_logout_uri().unwrap().as_str(),
            "https://app.home.example/.countersign/backchannel-logout"
        );
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
    fn a_secret_is_recognized_and_not_kept() {
        let hash = SecretHash::of(b"s3cret");
        assert!(hash.is_of(&Secret::new("s3cret".to_owned())));
        for bad in ["", "S3cret", "s3cre", "s3cret "] {
            assert!(!hash.is_of(&Secret::new(bad.to_owned())), "{bad}");
        }
        assert_eq!(format!("{hash:?}"), "SecretHash(***)");
    }

    #[test]
    fn a_name_is_registered_once() {
        let client = RegisteredClient {
            id: "grafana".into(),
            redirect_uris: Vec::new(),
            proof: ClientProof::None,
            offline: false,
            bind: true,
            logout: ClientLogout::default(),
        };
        let doubled = Clients::new(vec![client.clone(), client], Vec::new());
        assert_eq!(doubled.unwrap_err(), DoubledClient("grafana".into()));
    }
}
