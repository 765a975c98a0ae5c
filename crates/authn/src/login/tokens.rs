//! What is asked of the provider behind the browser's back: tokens for a code, new tokens, userinfo, and tokens given back.

use super::party::{AskUserinfo, RelyingParty};
use crate::keys::Answer;
use crate::session::SessionRecord;
use bytes::Bytes;
use countersign_core::claims::{Claims, Value};
use countersign_core::secret::Secret;
use countersign_core::time::{Now, Timestamp};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{SignedClaims, verify_signed};
use countersign_oidc::discovery::{Endpoint, ProviderMetadata};
use countersign_oidc::id_token::{IdTokenExpectation, Login};
use countersign_oidc::relying_party::authorization::{CodeVerifier, Nonce};
use countersign_oidc::relying_party::client::{Call, Client};
use countersign_oidc::relying_party::refresh::Tokens;
use countersign_oidc::relying_party::token::{CodeGrant, TokenResponse};
use countersign_oidc::revocation::{self, TokenKind};
use countersign_oidc::userinfo::{self, Userinfo};
use http::{Request, Response};
use std::borrow::Cow;
use std::time::Duration;

pub use error::ExchangeError;

mod error;
mod renewal;

/// What a login found out.
#[derive(Debug)]
pub(super) struct Proved {
    pub(super) claims: Claims,
    pub(super) tokens: Tokens,
    /// When the ID Token ends, where there is one.
    pub(super) ends: Option<Timestamp>,
}

/// What the login under way asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) code: &'a Secret<String>,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: &'a CodeVerifier,
    pub(super) nonce: &'a Nonce,
    pub(super) max_age: Option<Duration>,
    pub(super) acr_values: &'a [Box<str>],
}

/// One errand to the provider.
#[derive(Clone, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) party: &'a RelyingParty,
    /// Who we are there.
    pub(super) client: Cow<'a, Client>,
    pub(super) now: Now,
}

impl Exchange<'_> {
    fn call(&self) -> Call<'_> {
        Call {
            entropy: &*self.party.entropy,
            now: self.now.wall,
        }
    }

    async fn send(
        &self,
        endpoint: Endpoint,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let sent = self.party.provider.reach().send(request).await;
        sent.map_err(|error| ExchangeError::Unreachable(endpoint, error))
    }

    /// The tokens of a code, and what they prove.
    pub(super) async fn redeem(&self, asked: &Asked<'_>) -> Result<Proved, ExchangeError> {
        let metadata = self.party.metadata(self.now).await?;
        let grant = CodeGrant {
            code: asked.code,
            redirect_uri: asked.redirect_uri,
            code_verifier: asked.verifier,
        };
        let url = metadata.endpoint(Endpoint::Token)?;
        let request = grant.request(&self.client.at(&metadata), url, self.call())?;
        let tokens = Tokens::of(self.tokens(request).await?, self.now.wall);
        let (claims, ends) = if self.party.believing.mapping.is_some() {
            (None, None)
        } else {
            let id_token = tokens.id_token.as_ref().ok_or(ExchangeError::NoIdToken)?;
            let expectation = IdTokenExpectation {
                issuer: &self.party.issuer,
                client_id: &self.client.id,
                login: Login::Begun(asked.nonce),
                access_token: Some(&tokens.access_token),
                max_age: asked.max_age,
                essential_acr: asked.acr_values,
                leeway: self.party.believing.leeway,
            };
            let signed = self.signed(id_token.expose()).await?;
            let believed = expectation.check(signed, self.now.wall)?;
            let ends = believed.expires();
            let claims = believed.into_claims();
            self.check_tenant(&claims)?;
            (Some(claims), Some(ends))
        };
        let claims = self
            .with_userinfo(claims, AskUserinfo::Login, &tokens, &metadata)
            .await?;
        Ok(Proved { claims, tokens, ends })
    }

    fn check_tenant(&self, claims: &Claims) -> Result<(), ExchangeError> {
        let tenants = &self.party.believing.tenants;
        let tenant = claims.member("tid").and_then(Value::as_str).unwrap_or("");
        if tenants.is_empty() || tenants.iter().any(|listed| **listed == *tenant) {
            return Ok(());
        }
        Err(ExchangeError::Tenant(tenant.chars().take(80).collect()))
    }

    async fn tokens(&self, request: Request<Bytes>) -> Result<TokenResponse, ExchangeError> {
        let answer = self.send(Endpoint::Token, request).await?;
        TokenResponse::read(&answer).map_err(|error| ExchangeError::Answer(Endpoint::Token, error))
    }

    /// The claims of a token that the provider signed.
    pub(super) async fn signed(&self, text: &str) -> Result<SignedClaims, ExchangeError> {
        let token = UnverifiedToken::parse(text)?;
        let believing = &self.party.believing;
        let answer = believing
            .keys
            .lookup(token.kid_unverified(), token.algorithm(), self.now)
            .await;
        let key = match answer {
            Answer::Found(key) => key,
            Answer::Unknown => {
                let kid = token.kid_unverified();
                return Err(ExchangeError::KeyUnknown {
                    kid: kid.map(|kid| kid.chars().take(80).collect()),
                    algorithm: token.algorithm().name(),
                });
            }
            Answer::Ambiguous => {
                return Err(ExchangeError::Key(
                    "more than one fits, and it does not say which".to_owned(),
                ));
            }
            Answer::Unavailable { detail, .. } => return Err(ExchangeError::Key(detail.to_string())),
        };
        Ok(verify_signed(token, &key, &believing.algorithms)?)
    }

    /// `claims`, or where there are none what userinfo says instead, and what it adds.
    async fn with_userinfo(
        &self,
        claims: Option<Claims>,
        when: AskUserinfo,
        tokens: &Tokens,
        metadata: &ProviderMetadata,
    ) -> Result<Claims, ExchangeError> {
        let mapping = self.party.believing.mapping.as_ref();
        let wanted = self.party.asking.userinfo >= when;
        let url = match (claims.is_some(), metadata.find(Endpoint::Userinfo)) {
            (true, found) => found.filter(|_| wanted),
            (false, _) => Some(metadata.endpoint(Endpoint::Userinfo)?),
        };
        let Some(url) = url else {
            return claims.ok_or(ExchangeError::NoIdToken);
        };
        let request = userinfo::request(url, &tokens.access_token)?;
        let answer = self.send(Endpoint::Userinfo, request).await?;
        let read = Userinfo::read(&answer);
        let found = match read.map_err(|error| ExchangeError::Answer(Endpoint::Userinfo, error))? {
            Userinfo::Plain(found) => found,
            Userinfo::Signed(text) => {
                let signed = self.signed(&text).await?;
                let (issuer, leeway) = (&self.party.issuer, self.party.believing.leeway);
                userinfo::check_signed(signed, issuer, &self.client.id, leeway, self.now.wall)?
            }
        };
        match (claims, mapping) {
            (Some(claims), _) => Ok(userinfo::merge(&claims, &found)?),
            (None, Some(mapping)) => Ok(mapping.apply(&found)?),
            (None, None) => Err(ExchangeError::NoIdToken),
        }
    }

    /// Gives a token back, so that nobody can use it any more. What fails is told and changes nothing here.
    pub(super) async fn give_back(&self, record: &SessionRecord) -> Result<(), ExchangeError> {
        let metadata = self.party.metadata(self.now).await?;
        let Some(url) = metadata.find(Endpoint::Revocation) else {
            return Ok(());
        };
        let (token, kind) = match (&record.refresh_token, &record.access_token) {
            (Some(token), _) => (token, TokenKind::Refresh),
            (None, Some(token)) => (token, TokenKind::Access),
            (None, None) => return Ok(()),
        };
        let request = revocation::request(token, kind, &self.client.at(&metadata), url, self.call())?;
        let answer = self.send(Endpoint::Revocation, request).await?;
        revocation::read(&answer).map_err(|error| ExchangeError::Answer(Endpoint::Revocation, error))
    }
}
