//! What is asked of the provider while a session goes on: new tokens for the refresh token, and what they prove.

use super::{Exchange, ExchangeError};
use crate::login::party::AskUserinfo;
use crate::session::{RenewError, SessionRecord};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{Claims, ClaimsBuilder, ClaimsError};
use countersign_core::secret::Secret;
use countersign_jose::json::{copy_value, parse_object, write_object};
use countersign_jose::verify::SignedClaims;
use countersign_oidc::discovery::Endpoint;
use countersign_oidc::id_token::{IdTokenError, IdTokenExpectation, Login};
use countersign_oidc::relying_party::refresh::Tokens;
use countersign_oidc::relying_party::token::{TokenResponse, refresh_request};
use countersign_oidc::userinfo::UserinfoError;
use std::time::Duration;

/// How long the token endpoint has for a refresh: longer than for anything else, since a refresh that is given up may have spent
/// the token all the same. Nobody waits for it as long.
const SPENDS: Duration = Duration::from_secs(30);

impl Exchange<'_> {
    /// What the provider gives for the refresh token of `record`, unread.
    pub(in crate::login) async fn refresh(
        self,
        record: &SessionRecord,
    ) -> Result<Option<Tokens>, RenewError> {
        self.refreshed(record)
            .await
            .map_err(|error| self.not_renewed(&error))
    }

    async fn refreshed(&self, record: &SessionRecord) -> Result<Option<Tokens>, ExchangeError> {
        let Some(refresh_token) = &record.refresh_token else {
            return Ok(None);
        };
        let metadata = self.party.metadata(self.now).await?;
        let url = metadata.endpoint(Endpoint::Token)?;
        let request = refresh_request(refresh_token, &self.client.at(&metadata), url, self.call())?;
        let reach = self.party.provider.reach();
        let answer = reach.send_within(request, SPENDS).await;
        let answer = answer.map_err(|error| ExchangeError::Unreachable(Endpoint::Token, error))?;
        let response = TokenResponse::read(&answer);
        let response = response.map_err(|error| ExchangeError::Answer(Endpoint::Token, error))?;
        Ok(Some(Tokens::of(response, self.now.wall)))
    }

    /// The session with these tokens, and with what they say now.
    pub(in crate::login) async fn renewed(
        self,
        record: &SessionRecord,
        tokens: Tokens,
    ) -> Result<SessionRecord, RenewError> {
        self.believed(record, tokens)
            .await
            .map_err(|error| self.not_renewed(&error))
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

    /// Whether the session ends with it, or goes on as it is. Somebody else is no passing trouble: this is not the session it
    /// was. A site that its provider does not list any more has no secret that could be wrong: its operator has taken it out.
    fn not_renewed(&self, error: &ExchangeError) -> RenewError {
        let is_anothers = matches!(
            error,
            ExchangeError::IdToken(IdTokenError::Changed(_))
                | ExchangeError::Userinfo(UserinfoError::Subject)
        );
        let is_taken_out = self.party.known_as.is_site() && error.is_refused_client();
        let why = error.to_string();
        if is_anothers || is_taken_out || error.is_refused_grant() {
            RenewError::Refused(why)
        } else {
            let retry_after = error.retry_after();
            RenewError::Unavailable { why, retry_after }
        }
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
            client_id: &self.client.id,
            login: Login::Renewed(first),
            access_token: Some(&tokens.access_token),
            max_age: None,
            essential_acr: &[],
            leeway: self.party.believing.leeway,
        };
        let renewed = expectation.check(signed, self.now.wall)?.into_claims();
        Ok(keep_others(&renewed, first, last).map_err(UserinfoError::Claims)?)
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
