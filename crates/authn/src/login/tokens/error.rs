//! Why a login, or its renewal, came to nothing.

use super::super::provider::ProviderError;
use super::super::trouble::Why;
use countersign_core::http_client::HttpError;
use countersign_jose::token::TokenError;
use countersign_jose::verify::VerifyError;
use countersign_oidc::answer::{AnswerError, GrantError};
use countersign_oidc::discovery::{DiscoveryError, Endpoint};
use countersign_oidc::id_token::IdTokenError;
use countersign_oidc::relying_party::client::RequestError;
use countersign_oidc::userinfo::UserinfoError;
use std::time::Duration;

/// Why a login, or its renewal, came to nothing. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It has no such endpoint that can be believed.
    #[error(transparent)]
    Endpoint(#[from] DiscoveryError),
    /// The request could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No answer.
    #[error("{0}: {1}")]
    Unreachable(Endpoint, HttpError),
    /// Another answer than was asked for.
    #[error("{0}: {1}")]
    Answer(Endpoint, AnswerError),
    /// There is no ID Token, and there must be.
    #[error("the provider sent no ID Token: is `openid` among the scopes?")]
    NoIdToken,
    /// The ID Token cannot be read.
    #[error("the ID Token: {0}")]
    Token(#[from] TokenError),
    /// Its key could not be had. The text says why.
    #[error("the ID Token's key: {0}")]
    Key(String),
    /// It names a key that its issuer does not have, as far as is known.
    #[error("the ID Token: its issuer has no key of that name for {algorithm} (key id {kid:?})")]
    KeyUnknown {
        /// What it is called, shortened.
        kid: Option<String>,
        /// What it is for.
        algorithm: &'static str,
    },
    /// Its signature does not hold.
    #[error("the ID Token: {0}")]
    Signature(#[from] VerifyError),
    /// What it says does not hold.
    #[error("the ID Token: {0}")]
    IdToken(#[from] IdTokenError),
    /// It is a user of a tenant that is not listed.
    #[error("the tenant (`tid`) is {0:?}, which is not one of `tenants`")]
    Tenant(String),
    /// What userinfo says does not hold.
    #[error("userinfo: {0}")]
    Userinfo(#[from] UserinfoError),
}

impl ExchangeError {
    /// Whether the code, or the refresh token, is what does not hold.
    pub fn is_refused_grant(&self) -> bool {
        self.refused() == Some(GrantError::InvalidGrant)
    }

    /// Whether it is we who do not hold: the provider knows no such client, or not for this.
    pub fn is_refused_client(&self) -> bool {
        self.refused() == Some(GrantError::InvalidClient)
    }

    /// What the token endpoint refuses.
    fn refused(&self) -> Option<GrantError> {
        match self {
            Self::Answer(Endpoint::Token, AnswerError::Refused(error)) => Some(error.at_token_endpoint()),
            Self::Answer(..)
            | Self::Provider(_)
            | Self::Endpoint(_)
            | Self::Request(_)
            | Self::Unreachable(..)
            | Self::NoIdToken
            | Self::Token(_)
            | Self::Key(_)
            | Self::KeyUnknown { .. }
            | Self::Signature(_)
            | Self::IdToken(_)
            | Self::Tenant(_)
            | Self::Userinfo(_) => None,
        }
    }

    /// What a person is told, where asking again does not help.
    pub(in crate::login) const fn why(&self) -> Why {
        match self {
            Self::IdToken(IdTokenError::TooOld { .. }) => Why::TooOld,
            Self::IdToken(IdTokenError::AuthenticationContext { .. }) => Why::Acr,
            Self::Tenant(_) => Why::Declined,
            Self::IdToken(_)
            | Self::Answer(..)
            | Self::Provider(_)
            | Self::Endpoint(_)
            | Self::Request(_)
            | Self::Unreachable(..)
            | Self::NoIdToken
            | Self::Token(_)
            | Self::Key(_)
            | Self::KeyUnknown { .. }
            | Self::Signature(_)
            | Self::Userinfo(_) => Why::Answer,
        }
    }

    /// When the provider wants to be asked again, where it says so.
    pub(in crate::login) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer(_, AnswerError::Unavailable { retry_after, .. }) => *retry_after,
            Self::Answer(..)
            | Self::Provider(_)
            | Self::Endpoint(_)
            | Self::Request(_)
            | Self::Unreachable(..)
            | Self::NoIdToken
            | Self::Token(_)
            | Self::Key(_)
            | Self::KeyUnknown { .. }
            | Self::Signature(_)
            | Self::IdToken(_)
            | Self::Tenant(_)
            | Self::Userinfo(_) => None,
        }
    }

    /// Whether asking again later may help.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Provider(_)
            | Self::Unreachable(..)
            | Self::Key(_)
            | Self::Answer(_, AnswerError::Unavailable { .. }) => true,
            Self::Answer(..)
            | Self::Endpoint(_)
            | Self::Request(_)
            | Self::NoIdToken
            | Self::Token(_)
            | Self::KeyUnknown { .. }
            | Self::Signature(_)
            | Self::IdToken(_)
            | Self::Tenant(_)
            | Self::Userinfo(_) => false,
        }
    }
}
