//! How clients prove themselves at the token endpoint: each exactly as it is registered.

use super::Provider;
use crate::session::Purpose;
use countersign_core::own_path::TOKEN;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_jose::jwks::KeySet;
use countersign_oidc::provider::assertion;
use countersign_oidc::provider::client::{Client, ClientProof};
use countersign_oidc::provider::token::{Proof, TokenError, TokenRequest};

use super::redeem::RedeemError;

const UNPROVEN: TokenError = TokenError::InvalidClient("the client did not prove itself as it is registered");

impl Provider {
    /// The client, as it proved itself; `None` where it names itself by its certificate alone.
    pub(super) async fn proven(
        &self,
        asked: &TokenRequest,
        request: &OriginalRequest,
        now: Now,
    ) -> Result<Option<Client>, RedeemError> {
        let by_assertion = match &asked.proof {
            Proof::Assertion(text) => assertion::client_id_unverified(text.expose()),
            Proof::None | Proof::Basic(_) | Proof::Post(_) => None,
        };
        let Some(id) = asked.client_id.as_deref().or(by_assertion.as_deref()) else {
            return match &asked.proof {
                Proof::None => Ok(None),
                Proof::Basic(_) | Proof::Post(_) | Proof::Assertion(_) => {
                    Err(TokenError::InvalidClient("client_id is missing").into())
                }
            };
        };
        let client = self.clients.find(id);
        let client = client.ok_or(TokenError::InvalidClient("nobody of that name may ask here"))?;
        match (client.proof(), &asked.proof) {
            (ClientProof::None, Proof::None) => {}
            (ClientProof::Secret(hash), Proof::Basic(secret) | Proof::Post(secret)) if hash.is_of(secret) => {
            }
            (ClientProof::Keys(keys), Proof::Assertion(text)) => {
                self.take_assertion(id, keys, text, now).await?;
            }
            (ClientProof::Certificate(wanted), Proof::None) => {
                let presented = request.certificate.presented.as_ref();
                let proved = presented.map(|presented| self.judge(presented, now));
                match proved {
                    Some(Ok(proved)) => {
                        let is = |principal: &_| wanted.is(principal).then_some(()).ok_or(UNPROVEN);
                        proved.check(is).map_err(|why| why.told(RedeemError::from))?;
                    }
                    Some(Err(Some(failure))) if failure.is_passing => {
                        return Err(RedeemError::Unjudged(failure.rejection.detail));
                    }
                    Some(Err(_)) | None => return Err(UNPROVEN.into()),
                }
            }
            (
                ClientProof::None
                | ClientProof::Secret(_)
                | ClientProof::Keys(_)
                | ClientProof::Certificate(_),
                Proof::None | Proof::Basic(_) | Proof::Post(_) | Proof::Assertion(_),
            ) => return Err(UNPROVEN.into()),
        }
        Ok(Some(client))
    }

    /// Checks an assertion, and takes its name, which is good for one use.
    async fn take_assertion(
        &self,
        client_id: &str,
        keys: &KeySet,
        text: &Secret<String>,
        now: Now,
    ) -> Result<(), RedeemError> {
        let endpoint = self.issuer.at(TOKEN);
        let alias = self.mtls_origin.as_ref().map(|origin| format!("{origin}{TOKEN}"));
        let mut audiences = vec![self.issuer.as_str(), &endpoint];
        audiences.extend(alias.as_deref());
        let checked = assertion::check(text.expose(), keys, client_id, &audiences, now.wall);
        let assertion = checked.map_err(|error| RedeemError::Refused {
            error: UNPROVEN,
            detail: error.to_string(),
        })?;
        let name = self.own(format!("{client_id}\n{}", assertion.id).as_bytes());
        let kept = self
            .sessions
            .put(Purpose::Assertion, &name, &[], assertion.ends, now);
        match kept.await {
            Ok(()) => Ok(()),
            Err(StoreError::Changed) => Err(RedeemError::Refused {
                error: UNPROVEN,
                detail: "client_assertion was used before".to_owned(),
            }),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(error.into()),
        }
    }
}
