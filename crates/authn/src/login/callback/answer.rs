//! What the provider says of the login.

use super::super::handoff::Wish;
use super::super::tokens::{Asked, ExchangeError, Proved};
use super::super::transaction::whose;
use super::super::trouble::Why;
use super::{Arrival, Outcome, Return};
use crate::session::{SessionOwner as _, SessionRecord};
use countersign_core::reason::RejectionReason;
use countersign_core::route::LoginDemand;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_oidc::relying_party::authorization::{CodeVerifier, Nonce};
use countersign_oidc::relying_party::callback::{
    AuthorizationError, AuthorizationErrorKind, AuthorizationResponse,
};
use std::time::Duration;

impl Arrival<'_> {
    /// The browser that left comes back with the provider's answer.
    pub(super) async fn answered(&self, response: &AuthorizationResponse) -> Return {
        let party = &self.login.party;
        // A node that was started meanwhile has to ask, or it would not know what it must not miss.
        let metadata = party.metadata(self.now).await;
        // A provider of sites always says who it is.
        let always_named = party.known_as.is_site()
            || metadata.is_ok_and(|metadata| metadata.authorization_response_iss_parameter_supported);
        if let Err(error) = response.check_issuer(&party.issuer, always_named) {
            return self.trouble(Why::Answer, error.to_string());
        }
        let code = match &response.outcome {
            Ok(code) => code,
            Err(error) => return self.refused(error),
        };
        let proved = match self.redeem(code).await {
            Ok(proved) => proved,
            // The code was used: the back button, or the same answer twice.
            Err(error) if error.is_refused_grant() => return Return::of(self.stray().await),
            Err(error) if error.is_passing() => return self.trouble(Why::Provider, error.to_string()),
            Err(error) => return self.trouble(error.why(), error.to_string()),
        };
        let record = self.new_record(proved);
        if self.transaction.whose.is_some_and(|own| own != whose(&record)) {
            return Return::of(self.of_somebody_else());
        }
        if let Err((why, detail)) = self.will_do(&record) {
            return self.trouble(why, detail);
        }
        if self.transaction.wished_by.is_some() {
            return self.hand_over(record).await;
        }
        self.begin(record).await
    }

    /// Whether the place, once it is asked for, takes what the provider said: a browser that is sent back there must not be
    /// sent here again.
    fn will_do(&self, record: &SessionRecord) -> Result<(), (Why, &'static str)> {
        let demand = LoginDemand {
            max_age: self.transaction.max_age.map(Duration::from_secs),
            acr_values: self.transaction.acr_values.clone(),
            prompt: None,
        };
        let principal = self.login.party.principal(record);
        let principal = principal.ok_or((Why::Answer, "no subject where `subject_claim` says"))?;
        match demand.unmet(&principal, self.now) {
            None => Ok(()),
            Some(RejectionReason::AcrUnmet) => {
                Err((Why::Acr, "the provider does not say how the user has logged in"))
            }
            Some(_) => Err((
                Why::TooOld,
                "the provider does not say when the user has logged in",
            )),
        }
    }

    /// The provider says no.
    fn refused(&self, error: &AuthorizationError) -> Return {
        let why = match error.kind {
            // It was asked not to ask the user, and cannot answer without.
            AuthorizationErrorKind::LoginRequired | AuthorizationErrorKind::InteractionRequired => {
                return Return::of(self.again(true));
            }
            AuthorizationErrorKind::AccessDenied if self.login.party.known_as.is_site() => Why::Denied,
            AuthorizationErrorKind::AccessDenied => Why::Declined,
            AuthorizationErrorKind::TemporarilyUnavailable => Why::Provider,
            AuthorizationErrorKind::Other => Why::Answer,
        };
        self.trouble(why, error.told.to_string())
    }

    /// Somebody has logged in for another host.
    async fn hand_over(&self, record: SessionRecord) -> Return {
        let handed = match self.wish.as_deref().and_then(Wish::from_bytes) {
            Some(wish) => self.login.hand_over(&wish, record, self.now).await,
            None => Err(StoreError::Unavailable(
                "what the other host wants is gone".to_owned(),
            )),
        };
        match handed {
            Ok(place) => Return::of(Outcome::HandedOver(place)),
            Err(error) => self.trouble(Why::Sessions, error.to_string()),
        }
    }

    async fn redeem(&self, code: &Secret<String>) -> Result<Proved, ExchangeError> {
        let (party, transaction) = (&*self.login.party, &self.transaction);
        let (Some(verifier), Some(nonce)) = (
            CodeVerifier::from_text(&transaction.verifier),
            Nonce::from_text(&transaction.nonce),
        ) else {
            return Err(ExchangeError::NoIdToken);
        };
        let redirect_uri = party.redirect_uri(self.request.scheme, &self.request.host);
        let asked = Asked {
            code,
            redirect_uri: &redirect_uri,
            verifier: &verifier,
            nonce: &nonce,
            max_age: transaction.max_age.map(Duration::from_secs),
            acr_values: &transaction.acr_values,
        };
        let client = party.known_as.at(&self.request.host);
        party.exchange(&client.id, self.now).redeem(&asked).await
    }
}
