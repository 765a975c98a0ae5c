//! Our own OpenID Provider: its login is the client's certificate (OpenID Connect Core section 3.1, as the provider).
//!
//! Reading order: `options` (what can be configured) and `build`, [`keys`] (what it signs with), [`person`] (whom a certificate proves), [`authorize`] (a browser asks),
//! [`redeem`] (a client asks for tokens: `proofs` of who it is, `signed_in` and [`tokens`] for a login, `grants` to refresh it,
//! `machines` for itself), [`permissions`] (who may enter where), `sign_on` (what is remembered of a browser), `hint` (whom
//! a client means), [`end_session`] (how that ends).

use crate::session::Sessions;
use countersign_core::certificate::CertificateJudge;
use countersign_core::entropy::Entropy;
use countersign_core::gate::Host;
use countersign_core::http_client::HttpClient;
use countersign_oidc::provider::claims::StaticClaims;
use countersign_oidc::provider::client::Clients;
use countersign_oidc::provider::metadata::{Issuer, Metadata};
use countersign_oidc::provider::site::{Origin, SitePattern};
use keys::SigningKeys;
use permissions::Rule;
use person::EmailFrom;
use std::sync::Arc;
use std::time::Duration;

pub use build::build;
pub use options::OPTIONS;
pub use sign_on::COOKIE;

pub mod apart;
pub mod authorize;
mod build;
pub mod end_session;
mod grants;
mod hint;
pub mod keys;
mod machines;
mod options;
pub mod permissions;
pub mod person;
mod proofs;
pub mod redeem;
mod sign_on;
mod signed_in;
pub mod tokens;

#[cfg(test)]
mod tests;

/// The table of the configuration.
pub const TABLE: &str = "openid_provider";

/// How long a code is good: as long as a slow link takes, and no longer (RFC 6749 section 4.1.2).
pub const CODE_LASTS: Duration = Duration::from_mins(1);

/// The provider.
#[derive(Debug)]
pub struct Provider {
    /// Who it is, in everything it signs.
    pub issuer: Issuer,
    /// Who may ask.
    pub clients: Clients,
    /// Who judges certificates, in this order.
    pub judges: Vec<Arc<dyn CertificateJudge>>,
    /// Where an e-mail address comes from.
    pub email: EmailFrom,
    /// What every token says beside what the certificate proves.
    pub static_claims: StaticClaims,
    /// How long tokens hold.
    pub token_life: Duration,
    /// How long a client may have new ones without its user.
    pub grant_life: Duration,
    /// Who may enter where.
    pub rules: Vec<Rule>,
    /// Sites at which machines need no certificate beside their token.
    pub unbound: Vec<SitePattern>,
    /// Where clients with certificates ask, if that is another host.
    pub mtls_origin: Option<Origin>,
    /// What it signs with.
    pub keys: Arc<dyn SigningKeys>,
    /// Where codes wait.
    pub sessions: Arc<dyn Sessions>,
    /// What codes are drawn from.
    pub entropy: Arc<dyn Entropy>,
    /// Through which clients are told of logouts.
    pub http: Arc<dyn HttpClient>,
    /// Whose certificates clients have there (PEM), where that is not the system's affair.
    pub authorities: Option<Arc<[u8]>>,
}

impl Provider {
    /// The host on which it answers.
    pub fn host(&self) -> Host {
        self.issuer.host().clone()
    }

    /// Another one, for clients with certificates.
    pub fn mtls_host(&self) -> Option<Host> {
        self.mtls_origin.as_ref().map(|origin| origin.host().clone())
    }

    /// What is kept for it under `name` is called so: another provider on the same store finds nothing there.
    fn own(&self, name: &[u8]) -> Vec<u8> {
        // An issuer has no line end in it.
        [self.issuer.as_str().as_bytes(), b"\n", name].concat()
    }

    /// What it says of itself.
    pub fn metadata(&self) -> String {
        let algorithms = self.keys.algorithms();
        Metadata {
            issuer: &self.issuer,
            algorithms: &algorithms,
            mtls_origin: self.mtls_origin.as_ref(),
        }
        .document()
    }
}
