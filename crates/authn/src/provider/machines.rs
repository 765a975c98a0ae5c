//! Devices and services ask for themselves (RFC 6749 section 4.4): the certificate of the very request says who they are.

use super::Provider;
use super::redeem::{RedeemError, Redeemed};
use crate::presented::digests;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::certificate::Failure;
use countersign_core::principal::Principal;
use countersign_core::reason::ErrandReason;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::time::Now;
use countersign_jose::json::quoted;
use countersign_jose::token::MAX_TOKEN_BYTES;
use countersign_oidc::provider::claims::AccessToken;
use countersign_oidc::provider::client::{Client, ClientProof};
use countersign_oidc::provider::site::Origin;
use countersign_oidc::provider::token::TokenError;
use std::time::Duration;

/// The longest life of a token that needs no certificate beside it: whoever finds it can use it.
const UNBOUND_LIFE: Duration = Duration::from_mins(5);
/// The bytes of a token's name.
const ID_BYTES: usize = 16;

impl Provider {
    /// An access token for `resource` (RFC 9068, RFC 8707), bound to the certificate (RFC 8705 section 3) unless the operator
    /// said otherwise, and good for `life` at most. `client` is who asks where it named itself.
    pub(super) fn machine(
        &self,
        client: Option<&Client>,
        request: &OriginalRequest,
        (resource, life): (&str, Duration),
        now: Now,
    ) -> Result<Redeemed, RedeemError> {
        let wants_no_binding = client.map(is_machine).transpose()?.unwrap_or(false);
        let presented = request.certificate.presented.as_ref();
        let presented = presented.ok_or(TokenError::InvalidClient(
            "this is asked for with a client certificate",
        ))?;
        let proved = self.judge(presented, now).map_err(unproven)?;
        if client.is_none() {
            let called = proved.check(|principal| self.is_called_like_no_other(principal));
            called.map_err(|why| why.told(RedeemError::from))?;
        }
        let site = self.clients.find_site(resource).ok_or(TokenError::InvalidTarget(
            "resource is the origin of one of our sites, as in https://app.home.example",
        ))?;
        for place in [Some(&Client::Site(site.clone())), client].into_iter().flatten() {
            self.may_enter(&proved, place).map_err(|why| {
                why.told(|unmet| RedeemError::Refused {
                    error: TokenError::InvalidTarget(unmet.reason.meaning()),
                    detail: format!("{} at {}: {}", proved.person.subject, place.id(), unmet.detail),
                })
            })?;
        }
        let is_bound = !wants_no_binding && !self.is_unbound(&site);
        let life = if is_bound { life } else { life.min(UNBOUND_LIFE) };
        let ends = proved.end(life, now);
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digests(presented).leaf);
        let subject = &*proved.person.subject;
        let payload = AccessToken {
            issuer: self.issuer.as_str(),
            audience: site.as_str(),
            client_id: client.map_or(subject, Client::id),
            person: &proved.person,
            id: &self.draw::<ID_BYTES>(),
            bound_to: is_bound.then_some(&*thumbprint),
            issued: now.wall,
            ends,
        }
        .payload(&self.static_claims);
        let token = self.signed("at+jwt", &payload)?;
        if token.len() > MAX_TOKEN_BYTES {
            let why = "what there is to tell does not fit into a token that a site takes";
            let error = TokenError::InvalidTarget(why);
            let detail = format!("{subject}: {} bytes, and {MAX_TOKEN_BYTES} fit", token.len());
            return Err(RedeemError::Refused { error, detail });
        }
        let seconds = ends.since(now.wall).as_secs();
        let answer = format!(
            r#"{{"access_token":{},"token_type":"Bearer","expires_in":{seconds}}}"#,
            quoted(&token),
        );
        let bound = if is_bound {
            ""
        } else {
            ", not bound to its certificate"
        };
        Ok(Redeemed {
            answer: Secret::new(answer),
            reason: ErrandReason::MachineTokenGiven,
            detail: format!("{subject} for {site}, {seconds} s{bound}"),
            subject: subject.into(),
        })
    }

    /// Fails where a client other than this one has its subject for a name: its tokens would say that they are that client's.
    fn is_called_like_no_other(&self, principal: &Principal) -> Result<(), TokenError> {
        let known = self.clients.find(principal.subject());
        let is_another = known.is_some_and(|known| match known.proof() {
            ClientProof::Certificate(named) => !named.is(principal),
            ClientProof::None | ClientProof::Secret(_) | ClientProof::Keys(_) => true,
        });
        if is_another {
            let why = "the subject of this certificate is the name of another client";
            return Err(TokenError::InvalidClient(why));
        }
        Ok(())
    }

    fn is_unbound(&self, site: &Origin) -> bool {
        self.unbound.iter().any(|pattern| pattern.holds(site))
    }
}

/// What a machine is told whose certificate proves nobody.
fn unproven(failure: Option<Failure>) -> RedeemError {
    let refused = |words: &'static str, detail: String| RedeemError::Refused {
        error: TokenError::InvalidClient(words),
        detail,
    };
    match failure {
        None => refused("nobody judges certificates", String::new()),
        Some(failure) if failure.is_passing => RedeemError::Unjudged(failure.rejection.detail),
        Some(failure) => refused(failure.rejection.reason.meaning(), failure.rejection.detail),
    }
}

/// Whether the client's tokens are not to be bound; fails for one that is no machine.
fn is_machine(client: &Client) -> Result<bool, TokenError> {
    let why = TokenError::UnauthorizedClient(
        "client_credentials is for clients that prove themselves by certificate, or name no client_id",
    );
    match client {
        Client::Registered(client) => match client.proof {
            ClientProof::Certificate(_) => Ok(!client.bind),
            ClientProof::None | ClientProof::Secret(_) | ClientProof::Keys(_) => Err(why),
        },
        Client::Site(_) => Err(why),
    }
}
