//! One login at one client, as it is kept between two of the client's requests: who it was is judged anew at each of them.

use super::Provider;
use super::person::Proved;
use super::redeem::RedeemError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use countersign_core::authn::Rejection;
use countersign_core::certificate::PresentedCertificate;
use countersign_core::time::Now;
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::scope::{Scope, Scopes};
use countersign_oidc::provider::token::TokenError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One login at one client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptLogin {
    pub(super) client_id: Box<str>,
    /// Who it was. A certificate that comes to prove somebody else is no answer (OpenID Connect Core section 12.2).
    pub(super) subject: Box<str>,
    pub(super) scope: Box<str>,
    pub(super) sid: Box<str>,
    /// When they proved themselves for this session, in milliseconds since the epoch.
    pub(super) auth_time: i64,
    pub(super) chain: KeptChain,
}

/// A chain as it was presented, each certificate in base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptChain(Box<[Box<str>]>);

impl KeptLogin {
    /// Whose what is kept for it is where others have to make room.
    pub(super) fn whose(&self) -> Box<str> {
        whose(&self.client_id)
    }

    /// Whether its client asked for new tokens without its user.
    pub(super) fn has_grant(&self) -> bool {
        Scopes::read(&self.scope).is_some_and(|scopes| scopes.holds(Scope::OfflineAccess))
    }
}

/// Whose what is kept for a client is where others have to make room: a site by its host, the last label first. What is below a host
/// is in its hands.
pub(super) fn whose(client_id: &str) -> Box<str> {
    let Some(origin) = client_id.strip_prefix("https://") else {
        return client_id.into();
    };
    let (host, port) = origin.split_once(':').unwrap_or((origin, ""));
    let names = host.rsplit('.').chain(Some(port).filter(|port| !port.is_empty()));
    names.collect::<Vec<_>>().join("/").into()
}

impl KeptChain {
    pub(super) fn of(presented: &PresentedCertificate) -> Self {
        let chain = presented.chain();
        Self(
            chain
                .map(|der| BASE64_STANDARD_NO_PAD.encode(der).into())
                .collect(),
        )
    }

    fn presented(&self) -> Option<Arc<PresentedCertificate>> {
        let chain = self.0.iter();
        let chain = chain.map(|text| BASE64_STANDARD_NO_PAD.decode(&**text).ok());
        let chain = chain.collect::<Option<Vec<_>>>()?;
        PresentedCertificate::new(chain).map(Arc::new)
    }
}

impl Provider {
    /// Who logged in at `client`, by today's authorities, revocation lists, rules and clock.
    pub(super) fn proved_anew(
        &self,
        login: &KeptLogin,
        client: &Client,
        now: Now,
    ) -> Result<Proved, RedeemError> {
        let refused = |words: &'static str, detail: String| RedeemError::Refused {
            error: TokenError::InvalidGrant(words),
            detail,
        };
        let presented = login.chain.presented();
        let presented = presented.ok_or_else(|| refused("the certificate cannot be read", String::new()))?;
        let proved = self.judge(&presented, now).map_err(|failure| {
            failure.map_or_else(
                || refused("nobody judges certificates", String::new()),
                |failure| {
                    let Rejection { reason, detail, .. } = failure.rejection;
                    if failure.is_passing {
                        RedeemError::Unjudged(detail)
                    } else {
                        refused(reason.meaning(), detail)
                    }
                },
            )
        })?;
        if proved.person.subject != login.subject {
            let words = "the certificate has come to prove somebody else";
            return Err(refused(words, proved.person.subject.to_string()));
        }
        let may_enter = self.may_enter(&proved, client);
        may_enter.map_err(|why| why.told(|unmet| refused(unmet.reason.meaning(), unmet.detail)))?;
        Ok(proved)
    }
}
