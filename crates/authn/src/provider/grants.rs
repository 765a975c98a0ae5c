//! What a client may have new tokens for without its user (RFC 6749 section 6, OpenID Connect Core section 12).
//!
//! A grant is kept under its handle, the hash of the code it was given for, so that a code which comes a second time finds it.
//! A refresh token is that handle and a secret, and good for one use. There is no overlap in which an old one would still do:
//! whoever rides along in it with a stolen token would not be noticed (RFC 9700 section 4.14.2). A client whose answer was lost
//! has its user log in again, which with a certificate is one redirect.

use super::Provider;
use super::redeem::{RedeemError, Redeemed, refresh_member, said};
use super::sign_on::{Sid, Turn};
use super::signed_in::KeptLogin;
use super::tokens::Terms;
use crate::session::{Kept, Purpose, Share, Standing};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::reason::ErrandReason;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::{Now, Timestamp};
use countersign_jose::hash::sha256;
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::scope::Scopes;
use countersign_oidc::provider::token::TokenError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many grants one subject has at one client; the oldest makes room.
const MOST_OF_ONE: usize = 50;
/// How many it has at all clients, of which the one with the most makes room: a pattern of sites makes any number of those.
const MOST_IN_ALL: usize = 500;
const HANDLE_BYTES: usize = 32;
const SECRET_BYTES: usize = 32;

const NO_GRANT: TokenError = TokenError::InvalidGrant("the refresh token is unknown, over, or was used");

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    /// The hash of the only secret that is good now.
    secret: [u8; 32],
    /// Milliseconds since the epoch.
    ends: i64,
    /// Likewise.
    began: i64,
    login: KeptLogin,
}

/// How the grant of which these are the bytes stands among the others.
fn standing(value: &[u8]) -> Standing {
    let granted = serde_json::from_slice::<Granted>(value);
    granted.map_or_else(
        |_| Standing::default(),
        |granted| Standing {
            began: Timestamp::from_milliseconds(granted.began),
            whose: granted.login.whose(),
        },
    )
}

impl Provider {
    /// What the grant is called that is given for `code`.
    pub(super) fn handle(code: &Secret<String>) -> [u8; 32] {
        sha256(code.expose().as_bytes())
    }

    /// Ends the grant of this handle, if there is one.
    pub(super) async fn end_grant(&self, handle: &[u8; 32]) -> Result<(), StoreError> {
        self.sessions
            .forget(Purpose::Grant, &self.own(handle))
            .await
            .map(drop)
    }

    /// Keeps a grant for `code`, until the certificate ends at the latest; the first refresh token. What a registered client may do
    /// without its user outlives the session (OpenID Connect Back-Channel Logout section 2.7); a site does nothing without its user.
    pub(super) async fn grant(
        &self,
        client: &Client,
        code: &Secret<String>,
        login: &KeptLogin,
        certificate_ends: Timestamp,
        now: Now,
    ) -> Result<Secret<String>, RedeemError> {
        let handle = Self::handle(code);
        let (token, secret) = self.draw_token(&handle);
        let ends = now.wall.plus(self.grant_life).min(certificate_ends);
        let granted = Granted {
            secret,
            ends: ends.milliseconds(),
            began: now.wall.milliseconds(),
            login: login.clone(),
        };
        let group = |share| self.group(Purpose::Grant, &login.subject, share);
        let mut rooms = vec![
            group(Share::Client(&login.client_id)).most(MOST_OF_ONE, standing),
            group(Share::All).most(MOST_IN_ALL, standing),
        ];
        let sid = Sid::parse(&login.sid);
        match client {
            Client::Registered(_) => {}
            Client::Site(_) => {
                rooms.extend(sid.as_ref().map(|sid| group(Share::SignOn(&sid.key)).unbounded()));
            }
        }
        let name = self.own(&handle);
        let value = serde_json::to_vec(&granted).unwrap_or_default();
        let kept = self.sessions.keep(Purpose::Grant, &name, &value, ends, &rooms);
        match kept.await {
            Ok(()) => Ok(token),
            // Somebody is here with the same code, just now.
            Err(StoreError::Changed) => {
                self.end_grant(&handle).await?;
                self.sessions
                    .forget(Purpose::Code, &self.own(code.expose().as_bytes()))
                    .await?;
                Err(TokenError::InvalidGrant("the code came twice").into())
            }
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(error.into()),
        }
    }

    /// New tokens, which hold for `life` at most, and a new refresh token. What does not hold any more ends the grant, and so does
    /// whatever suggests that the refresh token is in the wrong hands; what cannot be told just now does not.
    pub(super) async fn refresh(
        &self,
        client: &Client,
        token: &Secret<String>,
        (asked, life): (Option<Scopes>, Duration),
        now: Now,
    ) -> Result<Redeemed, RedeemError> {
        let (handle, secret) = read_token(token).ok_or(NO_GRANT)?;
        let kept = self
            .sessions
            .read(Purpose::Grant, &self.own(&handle), now)
            .await?;
        let Some(kept) = kept else {
            return Err(NO_GRANT.into());
        };
        let granted = serde_json::from_slice::<Granted>(&kept.value).ok();
        let granted = granted.filter(|granted| {
            let is_now = Secret::new(secret).ct_eq(&granted.secret);
            is_now && *granted.login.client_id == *client.id()
        });
        let Some(granted) = granted else {
            self.end_grant(&handle).await?;
            let detail = "an old refresh token, or another client's: the grant has ended".to_owned();
            let error = NO_GRANT;
            return Err(RedeemError::Refused { error, detail });
        };
        let scopes = Scopes::read(&granted.login.scope).unwrap_or_default();
        let asked = asked.unwrap_or(scopes);
        if !asked.are_within(scopes) {
            return Err(TokenError::NOT_GRANTED.into());
        }
        let may = client.may_have_refresh_tokens() && self.may_go_on(&granted.login, client, now).await?;
        if !may {
            self.end_grant(&handle).await?;
            return Err(NO_GRANT.into());
        }
        let proved = match self.proved_anew(&granted.login, client, now) {
            Ok(proved) => proved,
            Err(why) => {
                if !why.is_passing() {
                    self.end_grant(&handle).await?;
                }
                return Err(why);
            }
        };
        let terms = Terms {
            scopes: asked,
            nonce: None,
            life,
        };
        let answer = self.tokens(&granted.login, proved, terms, now)?;
        let subject = granted.login.subject.clone();
        let detail = said(client, &subject);
        let next = self.rotate(&handle, granted, &kept, now).await?;
        let answer = format!("{}{}}}", answer.expose(), refresh_member(&next));
        Ok(Redeemed {
            answer: Secret::new(answer),
            reason: ErrandReason::TokensGiven,
            detail,
            subject,
        })
    }

    /// Whether the session of this login goes on, where the grant hangs on that.
    async fn may_go_on(&self, login: &KeptLogin, client: &Client, now: Now) -> Result<bool, StoreError> {
        match client {
            Client::Registered(_) => Ok(true),
            Client::Site(_) => Ok(self.signs_on(login, Turn::Renewal, now).await?.is_some()),
        }
    }

    /// Writes the next secret over the one that was read. Of two that read the same, one has come with a copy.
    async fn rotate(
        &self,
        handle: &[u8; 32],
        granted: Granted,
        kept: &Kept,
        now: Now,
    ) -> Result<Secret<String>, RedeemError> {
        let (token, secret) = self.draw_token(handle);
        let ends = Timestamp::from_milliseconds(granted.ends);
        let next = Granted { secret, ..granted };
        let next = Kept {
            value: serde_json::to_vec(&next).unwrap_or_default(),
            version: kept.version,
        };
        let name = self.own(handle);
        match self.sessions.write(Purpose::Grant, &name, &next, ends).await {
            Ok(()) => Ok(token),
            Err(StoreError::Changed) => {
                self.end_grant(handle).await?;
                let detail = format!("a refresh token came twice at {}: the grant has ended", now.wall);
                let error = NO_GRANT;
                Err(RedeemError::Refused { error, detail })
            }
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(error.into()),
        }
    }

    /// A refresh token of the grant, and the hash of its secret.
    fn draw_token(&self, handle: &[u8; 32]) -> (Secret<String>, [u8; 32]) {
        let mut secret = [0; SECRET_BYTES];
        self.entropy.fill(&mut secret);
        let secret = Secret::new(secret);
        let both = [handle.as_slice(), secret.expose()].concat();
        let token = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(both));
        (token, sha256(secret.expose()))
    }
}

/// The handle, and the hash of the secret.
fn read_token(token: &Secret<String>) -> Option<([u8; HANDLE_BYTES], [u8; 32])> {
    let both = BASE64_URL_SAFE_NO_PAD.decode(token.expose()).ok()?;
    let (handle, secret) = both.split_first_chunk::<HANDLE_BYTES>()?;
    (secret.len() == SECRET_BYTES).then(|| (*handle, sha256(secret)))
}

#[cfg(test)]
mod tests;
