//! What is asked of the provider behind the browser's back: tokens for a code, new tokens, userinfo, and tokens given back.

use super::party::{AskUserinfo, RelyingParty};
use crate::keys::Answer;
use crate::session::{RenewError, SessionRecord};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_core::claims::{Claims, ClaimsBuilder, ClaimsError, Value};
use countersign_core::secret::Secret;
use countersign_core::time::Now;
use countersign_jose::json::{copy_value, parse_object, write_object};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{SignedClaims, VerifyError, verify_signed};
use countersign_oidc::discovery::{Endpoint, ProviderMetadata};
use countersign_oidc::id_token::{IdTokenError, IdTokenExpectation, Login};
use countersign_oidc::relying_party::authorization::{CodeVerifier, Nonce};
use countersign_oidc::relying_party::client::Call;
use countersign_oidc::relying_party::refresh::Tokens;
use countersign_oidc::relying_party::token::{CodeGrant, TokenResponse, refresh_request};
use countersign_oidc::revocation::{self, TokenKind};
use countersign_oidc::userinfo::{self, Userinfo, UserinfoError};
use http::{Request, Response};
use std::time::Duration;

pub use error::ExchangeError;

mod error;

/// How long the token endpoint has for a refresh: longer than for anything else, since a refresh that is given up may have spent
/// the token all the same. Nobody waits for it as long.
const SPENDS: Duration = Duration::from_secs(30);

/// What a login found out.
#[derive(Debug)]
pub(super) struct Proved {
    pub(super) claims: Claims,
    pub(super) tokens: Tokens,
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) party: &'a RelyingParty,
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
        let request = grant.request(&self.party.client.at(&metadata), url, self.call())?;
        let tokens = Tokens::of(self.tokens(request).await?, self.now.wall);
        let claims = if self.party.believing.mapping.is_some() {
            None
        } else {
            let id_token = tokens.id_token.as_ref().ok_or(ExchangeError::NoIdToken)?;
            let expectation = IdTokenExpectation {
                issuer: &self.party.issuer,
                client_id: &self.party.client.id,
                login: Login::Begun(asked.nonce),
                access_token: Some(&tokens.access_token),
                max_age: asked.max_age,
                essential_acr: asked.acr_values,
                leeway: self.party.believing.leeway,
            };
            let signed = self.signed(id_token.expose()).await?;
            let claims = expectation.check(signed, self.now.wall)?.into_claims();
            self.check_tenant(&claims)?;
            Some(claims)
        };
        let claims = self
            .with_userinfo(claims, AskUserinfo::Login, &tokens, &metadata)
            .await?;
        Ok(Proved { claims, tokens })
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
            Answer::Unknown => return Err(VerifyError::Signature.into()),
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
                userinfo::check_signed(signed, issuer, &self.party.client.id, leeway, self.now.wall)?
            }
        };
        match (claims, mapping) {
            (Some(claims), _) => Ok(userinfo::merge(&claims, &found)?),
            (None, Some(mapping)) => Ok(mapping.apply(&found)?),
            (None, None) => Err(ExchangeError::NoIdToken),
        }
    }

    /// What the provider gives for the refresh token of `record`, unread.
    pub(super) async fn refresh(self, record: &SessionRecord) -> Result<Option<Tokens>, RenewError> {
        self.refreshed(record).await.map_err(|error| not_renewed(&error))
    }

    async fn refreshed(&self, record: &SessionRecord) -> Result<Option<Tokens>, ExchangeError> {
        let Some(refresh_token) = &record.refresh_token else {
            return Ok(None);
        };
        let metadata = self.party.metadata(self.now).await?;
        let url = metadata.endpoint(Endpoint::Token)?;
        let request = refresh_request(refresh_token, &self.party.client.at(&metadata), url, self.call())?;
        let reach = self.party.provider.reach();
        let answer = reach.send_within(request, SPENDS).await;
        let answer = answer.map_err(|error| ExchangeError::Unreachable(Endpoint::Token, error))?;
        let response = TokenResponse::read(&answer);
        let response = response.map_err(|error| ExchangeError::Answer(Endpoint::Token, error))?;
        Ok(Some(Tokens::of(response, self.now.wall)))
    }

    /// The session with these tokens, and with what they say now.
    pub(super) async fn renewed(
        self,
        record: &SessionRecord,
        tokens: Tokens,
    ) -> Result<SessionRecord, RenewError> {
        self.believed(record, tokens)
            .await
            .map_err(|error| not_renewed(&error))
    }

    async fn believed(&self, record: &SessionRecord, tokens: Tokens) -> Result<SessionRecord, ExchangeError> {
        let first = parse_object(record.claims.as_bytes());
        let first = first.map_err(|_| ExchangeError::NoIdToken)?;
        let claims = match &tokens.id_token {
            Some(id_token) if self.party.believing.mapping.is_none() => {
                let signed = self.signed(id_token.expose()).await?;
                let last = record.id_token.as_ref().and_then(claims_of);
                self.renewed_claims(signed, (&first, last.as_ref()), &tokens)?
            }
            Some(_) | None => first.clone(),
        };
        let before = (self.party.believing.mapping.is_none()).then_some(claims);
        let claims = match (before, self.party.asking.userinfo) {
            (None, AskUserinfo::Never | AskUserinfo::Login) => first,
            (before, AskUserinfo::Never | AskUserinfo::Login | AskUserinfo::Refresh) => {
                let metadata = self.party.metadata(self.now).await?;
                self.with_userinfo(before, AskUserinfo::Refresh, &tokens, &metadata)
                    .await?
            }
        };
        Ok(SessionRecord {
            claims: write_object(&claims).into(),
            id_token: tokens.id_token.or_else(|| record.id_token.clone()),
            access_token: Some(tokens.access_token),
            access_ends: tokens.access_ends,
            refresh_token: tokens.refresh_token.or_else(|| record.refresh_token.clone()),
            renewed: self.now.wall,
            ..record.clone()
        })
    }

    /// The claims after an ID Token that came with a refresh.
    fn renewed_claims(
        &self,
        signed: SignedClaims,
        (first, last): (&Claims, Option<&Claims>),
        tokens: &Tokens,
    ) -> Result<Claims, ExchangeError> {
        let expectation = IdTokenExpectation {
            issuer: &self.party.issuer,
            client_id: &self.party.client.id,
            login: Login::Renewed(first),
            access_token: Some(&tokens.access_token),
            max_age: None,
            essential_acr: &[],
            leeway: self.party.believing.leeway,
        };
        let renewed = expectation.check(signed, self.now.wall)?.into_claims();
        Ok(keep_others(&renewed, first, last).map_err(UserinfoError::Claims)?)
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
        let request = revocation::request(token, kind, &self.party.client.at(&metadata), url, self.call())?;
        let answer = self.send(Endpoint::Revocation, request).await?;
        revocation::read(&answer).map_err(|error| ExchangeError::Answer(Endpoint::Revocation, error))
    }
}

/// Whether the session ends with it, or goes on as it is. Somebody else is no passing trouble: this is not the session it was.
fn not_renewed(error: &ExchangeError) -> RenewError {
    let is_anothers = matches!(
        error,
        ExchangeError::IdToken(IdTokenError::Changed(_)) | ExchangeError::Userinfo(UserinfoError::Subject)
    );
    let why = error.to_string();
    if is_anothers || error.is_refused_grant() {
        RenewError::Refused(why)
    } else {
        RenewError::Unavailable(why)
    }
}

/// How somebody was authenticated: an ID Token that came with a refresh need not say it again.
const OF_THE_LOGIN: [&str; 5] = ["auth_time", "acr", "amr", "nonce", "sid"];

/// `renewed`, and what `before` said that no ID Token had said (`last`, the one before): that was userinfo's. What an ID Token
/// said once and does not say any more is gone: groups are taken away like that.
fn keep_others(renewed: &Claims, before: &Claims, last: Option<&Claims>) -> Result<Claims, ClaimsError> {
    let is_kept = |name: &str| {
        let said_elsewhere = last.is_some_and(|last| last.member(name).is_none());
        renewed.member(name).is_none() && (said_elsewhere || OF_THE_LOGIN.contains(&name))
    };
    let mut builder = ClaimsBuilder::with_capacity(renewed.heap_bytes() + before.heap_bytes());
    builder.open_object()?;
    let kept = before.root().into_iter().filter(|(name, _)| is_kept(name));
    for (name, value) in renewed.root().into_iter().chain(kept) {
        builder.key(name)?;
        copy_value(&mut builder, value)?;
    }
    builder.close()?;
    builder.finish()
}

/// What a token says that was verified when it came.
fn claims_of(token: &Secret<String>) -> Option<Claims> {
    let payload = token.expose().split('.').nth(1)?;
    parse_object(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
