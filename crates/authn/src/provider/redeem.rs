//! A client asks for tokens: with a code that the browser brought it (OpenID Connect Core section 3.1.3), with a refresh token
//! (section 12), or for itself.

use super::Provider;
use super::authorize::Waiting;
use super::keys::KeysError;
use super::person::Fails;
use super::sign_on::{LOGGED_OUT, Turn};
use super::tokens::Terms;
use crate::session::Purpose;
use countersign_core::reason::ErrandReason;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::scope::{Scope, Scopes};
use countersign_oidc::provider::token::{CodeGrant, Grant, TokenError, TokenRequest};
use http::header::AUTHORIZATION;
use std::time::Duration;

/// What a client gets.
#[derive(Debug)]
pub struct Redeemed {
    /// The JSON that is the answer (RFC 6749 section 5.1).
    pub answer: Secret<String>,
    /// What happened.
    pub reason: ErrandReason,
    /// For the log: who got what.
    pub detail: String,
    /// Whom the tokens are about.
    pub subject: Box<str>,
}

/// Why nothing is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The client is told why.
    #[error("{error}; {detail}")]
    Refused {
        /// What it is told.
        error: TokenError,
        /// More, for the log.
        detail: String,
    },
    /// Nothing can be signed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Whether the certificate holds cannot be told just now. The text is for the log.
    #[error("{0}")]
    Unjudged(String),
    /// The store does not answer. The text is for the log.
    #[error("{0}")]
    Unavailable(String),
}

impl RedeemError {
    /// Whether the same may be asked again: what was asked with is as good as before.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Refused { .. } => false,
            Self::Keys(_) | Self::Unjudged(_) | Self::Unavailable(_) => true,
        }
    }
}

impl<Why> Fails<Why> {
    /// What a client is told: `surely` makes it of why it does not hold.
    pub(super) fn told(self, surely: impl FnOnce(Why) -> RedeemError) -> RedeemError {
        match self {
            Self::Surely(why) => surely(why),
            Self::Unjudged(detail) => RedeemError::Unjudged(detail),
        }
    }
}

impl From<TokenError> for RedeemError {
    fn from(error: TokenError) -> Self {
        Self::Refused {
            error,
            detail: String::new(),
        }
    }
}

impl From<StoreError> for RedeemError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Why a code is no good.
const NO_CODE: TokenError = TokenError::InvalidGrant("the code is unknown, over, or was taken");

impl Provider {
    /// Answers the form of the token endpoint.
    pub async fn redeem(
        &self,
        request: &OriginalRequest,
        form: &[u8],
        now: Now,
    ) -> Result<Redeemed, RedeemError> {
        let mut headers = request.headers.get_all(AUTHORIZATION).iter();
        let authorization = headers.next().map(|value| value.to_str().unwrap_or(""));
        if headers.next().is_some() {
            return Err(TokenError::InvalidRequest("a client proves itself in one way").into());
        }
        let asked = TokenRequest::read(form, authorization)?;
        let client = self.proven(&asked, request, now).await?;
        let life = asked.expires_in.unwrap_or(self.token_life).min(self.token_life);
        match (asked.grant, client) {
            (Grant::Code(grant), Some(client)) => self.redeem_code(&client, &grant, life, now).await,
            (Grant::Refresh { token, scopes }, Some(client)) => {
                self.refresh(&client, &token, (scopes, life), now).await
            }
            (Grant::Code(_) | Grant::Refresh { .. }, None) => {
                Err(TokenError::InvalidClient("client_id is missing").into())
            }
            (Grant::ClientCredentials { resource }, client) => {
                self.machine(client.as_ref(), request, (&resource, life), now)
            }
        }
    }

    /// A code is looked at, then what is granted for it is kept, and then it is taken. So whoever else comes with it meanwhile
    /// finds the grant, and ends it (RFC 6749 section 4.1.2), or takes the code first.
    async fn redeem_code(
        &self,
        client: &Client,
        grant: &CodeGrant,
        life: Duration,
        now: Now,
    ) -> Result<Redeemed, RedeemError> {
        let code = self.own(grant.code.expose().as_bytes());
        let code = code.as_slice();
        let kept = self.sessions.read(Purpose::Code, code, now).await?;
        let waiting = kept.and_then(|kept| serde_json::from_slice::<Waiting>(&kept.value).ok());
        let Some(mut waiting) = waiting else {
            self.end_grant(&Self::handle(&grant.code)).await?;
            return Err(NO_CODE.into());
        };
        let proved = fits(&waiting, client, grant)
            .map_err(RedeemError::from)
            .and_then(|()| self.proved_anew(&waiting.login, client, now));
        let proved = match proved {
            Ok(proved) => proved,
            Err(why) => {
                // In the wrong hands it is over.
                if !why.is_passing() {
                    self.sessions.forget(Purpose::Code, code).await?;
                }
                return Err(why);
            }
        };
        let Some(sid) = self.signs_on(&waiting.login, Turn::Login, now).await? else {
            self.sessions.forget(Purpose::Code, code).await?;
            return Err(LOGGED_OUT.into());
        };
        waiting.login.sid = sid.to_string().into();
        let login = &waiting.login;
        let detail = said(client, &login.subject);
        let scopes = Scopes::read(&login.scope).unwrap_or_default();
        let offline = scopes.holds(Scope::OfflineAccess) && client.may_have_refresh_tokens();
        let granted = if offline {
            scopes
        } else {
            scopes.without(Scope::OfflineAccess)
        };
        let certificate_ends = proved.judged.facts.not_after;
        let terms = Terms {
            scopes: granted,
            nonce: waiting.nonce.as_deref(),
            life,
        };
        let mut answer = self.tokens(login, proved, terms, now)?.expose().clone();
        if offline {
            let refresh = self
                .grant(client, &grant.code, login, certificate_ends, now)
                .await?;
            answer.push_str(&refresh_member(&refresh));
        }
        answer.push('}');
        let answer = Secret::new(answer);
        if self.sessions.take(Purpose::Code, code, now).await?.is_none() {
            self.end_grant(&Self::handle(&grant.code)).await?;
            return Err(NO_CODE.into());
        }
        Ok(Redeemed {
            answer,
            reason: ErrandReason::TokensGiven,
            detail,
            subject: login.subject.clone(),
        })
    }
}

/// Who got something about whom, for the log.
pub(super) fn said(client: &Client, subject: &str) -> String {
    format!("{} for {subject}", client.id())
}

/// The refresh token, as it stands in an answer.
pub(super) fn refresh_member(token: &Secret<String>) -> String {
    // It is base64url.
    format!(r#","refresh_token":"{}""#, token.expose())
}

fn fits(waiting: &Waiting, client: &Client, grant: &CodeGrant) -> Result<(), TokenError> {
    if *waiting.login.client_id != *client.id() || waiting.redirect_uri != grant.redirect_uri {
        let why = "the code is another client's, or went elsewhere";
        return Err(TokenError::InvalidGrant(why));
    }
    if !grant.answers(&waiting.challenge) {
        let why = "code_verifier is not what code_challenge was made of";
        return Err(TokenError::InvalidGrant(why));
    }
    Ok(())
}
