//! The one list: every kind of authenticator that can be configured, and how it is built.

use crate::bearer_jwt;
use crate::bundle_file::BundleFiles;
use crate::bundles::BundleFactory;
use crate::client_certificate;
use crate::introspection;
use crate::jwt_svid;
use crate::keys::KeySetFactory;
use crate::login::cookies::SessionCookie;
use crate::login::{self, Login, site};
use crate::provider::keys::SigningKeysFactory;
use crate::revocations::RevocationsFactory;
use crate::session::Sessions;
use crate::token_cache::TokenCache;
use countersign_core::authn::Authenticator;
use countersign_core::entropy::Entropy;
use countersign_core::gate::PublicPorts;
use countersign_core::http_client::HttpClient;
use countersign_core::options::{Fault, Table, Values};
use std::sync::Arc;

/// One kind: `[table.NAME]` in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatorKind {
    /// The table's name, and the first half of the authenticator's.
    pub table: &'static str,
    /// What can be configured.
    pub options: &'static Table,
    /// How one is made.
    pub build: Build,
}

/// Builds the authenticator `table.name` from checked values; every fault is at a field of the table.
pub type Build = fn(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>>;

/// What authenticators are built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where remote key sets come from.
    pub keys: Arc<dyn KeySetFactory>,
    /// Where Workload APIs are asked; `None` in a program that was built without.
    pub bundles: Option<Arc<dyn BundleFactory>>,
    /// Which trust bundles of files are in force.
    pub bundle_files: BundleFiles,
    /// Where verified tokens are remembered.
    pub tokens: Arc<TokenCache>,
    /// Where revocation lists come from.
    pub revocations: Arc<dyn RevocationsFactory>,
    /// Where keys come from that our own OpenID Provider signs with.
    pub signing_keys: Arc<dyn SigningKeysFactory>,
    /// Where sessions are found.
    pub sessions: Arc<dyn Sessions>,
    /// The cookie of sessions.
    pub cookie: SessionCookie,
    /// Whether an identity header asks for a token of a session.
    pub sends_tokens: bool,
    /// The ports at which clients reach sites.
    pub public_ports: PublicPorts,
    /// Through which providers are asked.
    pub http: Arc<dyn HttpClient>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// An authenticator, and what the operator should hear about it at each start.
#[derive(Clone, Debug)]
pub struct Built {
    /// The authenticator.
    pub authenticator: Arc<dyn Authenticator>,
    /// The same as a login, if it is one: browsers have errands there.
    pub login: Option<Arc<Login>>,
    /// Whole sentences, without the table's name.
    pub warnings: Vec<String>,
}

/// Every kind there is.
pub const KINDS: &[AuthenticatorKind] = &[
    AuthenticatorKind {
        table: "token",
        options: &bearer_jwt::OPTIONS,
        build: bearer_jwt::build,
    },
    AuthenticatorKind {
        table: "certificate",
        options: &client_certificate::OPTIONS,
        build: client_certificate::build,
    },
    AuthenticatorKind {
        table: "jwt_svid",
        options: &jwt_svid::OPTIONS,
        build: jwt_svid::build,
    },
    AuthenticatorKind {
        table: login::TABLE,
        options: &login::OPTIONS,
        build: login::build,
    },
    AuthenticatorKind {
        table: site::TABLE,
        options: &site::OPTIONS,
        build: site::build,
    },
    AuthenticatorKind {
        table: introspection::TABLE,
        options: &introspection::OPTIONS,
        build: introspection::build,
    },
];

/// The kind of `table`.
pub fn kind(table: &str) -> Option<&'static AuthenticatorKind> {
    KINDS.iter().find(|kind| kind.table == table)
}

/// Parts that ask nobody and remember what little tests have.
#[cfg(test)]
pub(crate) fn offline() -> Parts {
    use crate::dice::Zeros;
    use crate::keys::Offline;

    Parts {
        keys: Arc::new(Offline),
        bundles: None,
        bundle_files: BundleFiles::default(),
        tokens: Arc::new(TokenCache::new(
            crate::token_cache::CacheLimits::default(),
            &Zeros,
        )),
        revocations: Arc::new(crate::revocations::NoLists),
        signing_keys: Arc::new(Offline),
        sessions: Arc::new(Offline),
        cookie: SessionCookie::default(),
        sends_tokens: false,
        public_ports: PublicPorts::default(),
        http: Arc::new(Offline),
        entropy: Arc::new(Zeros),
    }
}
