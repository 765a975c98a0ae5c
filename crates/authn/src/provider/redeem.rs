//! A client gets what the browser brought it a code for (OpenID Connect Core section 3.1.3), and asks whom it is about
//! (section 5.3).

use super::Provider;
use super::authorize::{KeptPerson, Waiting};
use crate::session::Purpose;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::secret::Secret;
use countersign_core::time::{Now, Timestamp};
use countersign_jose::json::quoted;
use countersign_oidc::provider::claims::{IdToken, Person, userinfo};
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::scope::Scopes;
use countersign_oidc::provider::token::{CodeGrant, Grant, TokenError, TokenRequest};
use serde::{Deserialize, Serialize};

/// The context of access tokens: nothing else is sealed for their purpose.
const ACCESS: &[u8] = b"userinfo";
/// The longest access token that is looked at, in bytes.
const MAX_ACCESS_BYTES: usize = 8 * 1024;

/// Why nothing is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The client is told why.
    #[error(transparent)]
    Refused(#[from] TokenError),
    /// The store, or the key, does not answer. The text is for the log.
    #[error("{0}")]
    Unavailable(String),
}

/// What an access token says, sealed: whoever holds it cannot read it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    scope: Box<str>,
    /// Milliseconds since the epoch.
    ends: i64,
    person: KeptPerson,
}

impl Provider {
    /// Answers the form of the token endpoint: the JSON that a client gets (RFC 6749 section 5.1).
    pub async fn redeem(
        &self,
        form: &[u8],
        authorization: Option<&str>,
        now: Now,
    ) -> Result<Secret<String>, RedeemError> {
        let request = TokenRequest::read(form, authorization)?;
        let client = self.proven(&request)?;
        match request.grant {
            Grant::Code(grant) => self.redeem_code(&client, &grant, now).await,
            Grant::Refresh(_) | Grant::ClientCredentials { .. } => {
                let why = TokenError::UnauthorizedClient("this client gets tokens for codes alone");
                Err(why.into())
            }
        }
    }

    /// The client, as it proved itself.
    fn proven(&self, request: &TokenRequest) -> Result<Client, TokenError> {
        let id = request.client_id.as_deref();
        let client = id.and_then(|id| self.clients.find(id));
        let client = client.ok_or(TokenError::InvalidClient("nobody of that name may ask here"))?;
        if client.is_proven_by(&request.proof) {
            return Ok(client);
        }
        Err(TokenError::InvalidClient(
            "the client did not prove itself as it is registered",
        ))
    }

    async fn redeem_code(
        &self,
        client: &Client,
        grant: &CodeGrant,
        now: Now,
    ) -> Result<Secret<String>, RedeemError> {
        let taken = self
            .sessions
            .take(Purpose::Code, grant.code.expose().as_bytes(), now);
        let taken = taken
            .await
            .map_err(|error| RedeemError::Unavailable(error.to_string()))?;
        let waiting = taken.and_then(|bytes| serde_json::from_slice::<Waiting>(&bytes).ok());
        let waiting = waiting.ok_or(TokenError::InvalidGrant(
            "the code is unknown, over, or was taken",
        ))?;
        if *waiting.client_id != *client.id() || waiting.redirect_uri != grant.redirect_uri {
            return Err(TokenError::InvalidGrant("the code is another client's, or went elsewhere").into());
        }
        if !grant.answers(&waiting.challenge) {
            return Err(
                TokenError::InvalidGrant("code_verifier is not what code_challenge was made of").into(),
            );
        }
        self.tokens(waiting, now)
    }

    fn tokens(&self, waiting: Waiting, now: Now) -> Result<Secret<String>, RedeemError> {
        let ends = now.wall.plus(self.token_life);
        let scopes = Scopes::read(&waiting.scope).unwrap_or_default();
        let person = Person::from(waiting.person);
        let payload = IdToken {
            issuer: self.issuer.as_str(),
            client_id: &waiting.client_id,
            person: &person,
            scopes,
            nonce: waiting.nonce.as_deref(),
            sid: &waiting.sid,
            auth_time: Timestamp::from_milliseconds(waiting.auth_time),
            issued: now.wall,
            ends,
        }
        .payload(&self.static_claims);
        let signed = self.keys.sign("JWT", &payload);
        let id_token = signed.map_err(|error| RedeemError::Unavailable(error.to_string()))?;
        let access = self.access_token(person, &waiting.scope, ends);
        Ok(Secret::new(format!(
            r#"{{"access_token":{},"token_type":"Bearer","expires_in":{},"scope":{},"id_token":{}}}"#,
            quoted(access.expose()),
            self.token_life.as_secs(),
            quoted(&waiting.scope),
            quoted(&id_token),
        )))
    }

    fn access_token(&self, person: Person, scope: &str, ends: Timestamp) -> Secret<String> {
        let access = Access {
            scope: scope.into(),
            ends: ends.milliseconds(),
            person: person.into(),
        };
        let bytes = serde_json::to_vec(&access).unwrap_or_default();
        let sealed = self.sessions.seal(Purpose::AccessToken, ACCESS, &bytes);
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What the userinfo endpoint answers to whoever has this access token; `None` where it does not hold.
    pub fn userinfo(&self, token: &str, now: Now) -> Option<String> {
        if token.len() > MAX_ACCESS_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let bytes = self.sessions.open(Purpose::AccessToken, ACCESS, &sealed)?;
        let access = serde_json::from_slice::<Access>(&bytes).ok()?;
        let holds = now.wall < Timestamp::from_milliseconds(access.ends);
        let scopes = Scopes::read(&access.scope)?;
        holds.then(|| userinfo(&access.person.into(), scopes, &self.static_claims))
    }
}
