//! What clients are given: ID Tokens, and access tokens for our own userinfo endpoint (OpenID Connect Core sections 2 and 5.3).
//!
//! These access tokens are sealed and kept nowhere. They hold as long as the ID Token beside them, and no longer than the
//! certificate: one that was given before a revocation ends with its own short life.

use super::Provider;
use super::person::Proved;
use super::redeem::RedeemError;
use super::signed_in::KeptLogin;
use crate::session::Purpose;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::secret::Secret;
use countersign_core::time::{Now, Timestamp};
use countersign_jose::json::quoted;
use countersign_jose::token::MAX_TOKEN_BYTES;
use countersign_oidc::provider::claims::{IdToken, Person, userinfo};
use countersign_oidc::provider::scope::{Scope, Scopes};
use countersign_oidc::provider::token::TokenError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The context of access tokens, with the issuer before it: nothing else is sealed for their purpose.
const ACCESS: &[u8] = b"userinfo";
/// Why no tokens are given to whom they would be too long for.
const TOO_MUCH: TokenError =
    TokenError::InvalidScope("what there is to tell does not fit into a token: ask for fewer scopes");

/// What an access token says, sealed: whoever holds it cannot read it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    scope: Box<str>,
    /// Milliseconds since the epoch.
    ends: i64,
    person: KeptPerson,
}

/// A person, as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptPerson {
    subject: Box<str>,
    email: Option<Box<str>>,
    groups: Vec<Box<str>>,
    serial: Box<str>,
}

impl KeptPerson {
    /// As much of `person` as these scopes tell.
    fn of(person: Person, scopes: Scopes) -> Self {
        let has_groups = scopes.holds(Scope::Groups);
        Self {
            subject: person.subject,
            email: person.email.filter(|_| scopes.holds(Scope::Email)),
            groups: if has_groups { person.groups } else { Vec::new() },
            serial: person.certificate_serial,
        }
    }
}

impl From<KeptPerson> for Person {
    fn from(kept: KeptPerson) -> Self {
        Self {
            subject: kept.subject,
            email: kept.email,
            groups: kept.groups,
            certificate_serial: kept.serial,
        }
    }
}

/// What goes into tokens beside who it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// What is granted.
    pub(super) scopes: Scopes,
    /// What the client sent to find in the ID Token. A refreshed one has none (OpenID Connect Core section 12.2).
    pub(super) nonce: Option<&'a str>,
    /// How long they hold at most.
    pub(super) life: Duration,
}

impl Provider {
    /// The answer for a login: everything but the closing brace, where a refresh token may follow (RFC 6749 section 5.1). No token is
    /// given that would be too long for a guarded site; fails where there is too much to tell.
    pub(super) fn tokens(
        &self,
        login: &KeptLogin,
        proved: Proved,
        terms: Terms<'_>,
        now: Now,
    ) -> Result<Secret<String>, RedeemError> {
        let ends = proved.end(terms.life, now);
        let payload = IdToken {
            issuer: self.issuer.as_str(),
            client_id: &login.client_id,
            person: &proved.person,
            scopes: terms.scopes,
            nonce: terms.nonce,
            sid: &login.sid,
            auth_time: Timestamp::from_milliseconds(login.auth_time),
            issued: now.wall,
            ends,
        }
        .payload(&self.static_claims);
        let id_token = self.signed("JWT", &payload)?;
        let scope = terms.scopes.text();
        let groups = proved.person.groups.len();
        let access = self.access_token(proved.person, terms.scopes, ends);
        let longest = id_token.len().max(access.expose().len());
        if longest > MAX_TOKEN_BYTES {
            let subject = &login.subject;
            let detail =
                format!("a token of {longest} bytes, and {MAX_TOKEN_BYTES} fit: {subject}, {groups} groups");
            return Err(RedeemError::Refused {
                error: TOO_MUCH,
                detail,
            });
        }
        Ok(Secret::new(format!(
            r#"{{"access_token":{},"token_type":"Bearer","expires_in":{},"scope":{},"id_token":{}"#,
            quoted(access.expose()),
            ends.since(now.wall).as_secs(),
            quoted(&scope),
            quoted(&id_token),
        )))
    }

    /// `payload`, signed.
    pub(super) fn signed(&self, typ: &str, payload: &str) -> Result<String, RedeemError> {
        Ok(self.keys.sign(typ, payload)?)
    }

    /// An access token that our own userinfo endpoint takes.
    fn access_token(&self, person: Person, scopes: Scopes, ends: Timestamp) -> Secret<String> {
        let access = Access {
            scope: scopes.text().into(),
            ends: ends.milliseconds(),
            person: KeptPerson::of(person, scopes),
        };
        let bytes = serde_json::to_vec(&access).unwrap_or_default();
        let sealed = self
            .sessions
            .seal(Purpose::AccessToken, &self.own(ACCESS), &bytes);
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What the userinfo endpoint answers to whoever has this access token; `None` where it does not hold.
    pub fn userinfo(&self, token: &str, now: Now) -> Option<String> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let bytes = self
            .sessions
            .open(Purpose::AccessToken, &self.own(ACCESS), &sealed)?;
        let access = serde_json::from_slice::<Access>(&bytes).ok()?;
        let holds = now.wall < Timestamp::from_milliseconds(access.ends);
        let scopes = Scopes::read(&access.scope)?;
        holds.then(|| userinfo(&access.person.into(), scopes, &self.static_claims))
    }
}
