//! How we prove at a provider's endpoints that we are its client (OpenID Connect Core section 9, RFC 6749 section 2.3, RFC
//! 7523).

use crate::discovery::{Endpoint, ProviderMetadata};
use crate::form::{self, Form, MEDIA_TYPE};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::quoted;
use countersign_jose::sign::{SignError, SigningKey};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long an assertion holds unless the operator says otherwise.
pub const ASSERTION_LIFE: Duration = Duration::from_mins(1);
/// `client_assertion_type` (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The ways a client may be told to use, by their registered names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticationMethod {
    /// `client_secret_basic`
    SecretBasic,
    /// `client_secret_post`
    SecretPost,
    /// `private_key_jwt`
    PrivateKeyJwt,
    /// `none`
    None,
}

impl AuthenticationMethod {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::SecretBasic,
        Self::SecretPost,
        Self::PrivateKeyJwt,
        Self::None,
    ];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// The method of that name; why not, in words for the operator.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let known = Self::ALL.into_iter().find(|method| method.name() == name);
        known.ok_or(match name {
            "client_secret_jwt" => {
                "`client_secret_jwt` makes a shared secret sign, so that whoever checks it can also make it"
            }
            "tls_client_auth" | "self_signed_tls_client_auth" => {
                "clients that prove themselves by a certificate are not built yet; use `private_key_jwt`"
            }
            _ => "one of client_secret_basic, client_secret_post, private_key_jwt, none",
        })
    }
}

/// A client of one provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: Box<str>,
    /// How it proves itself.
    pub authentication: ClientAuthentication,
}

/// How a client proves itself.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Name and secret in the Authorization header, each encoded as in a form (RFC 6749 section 2.3.1).
    SecretBasic(Secret<String>),
    /// The secret in the form.
    SecretPost(Secret<String>),
    /// The secret, in whichever of those two ways the provider takes: [`Client::at`] says which.
    SecretAsTaken(Secret<String>),
    /// A signed assertion in the form.
    PrivateKeyJwt(Arc<PrivateKeyJwt>),
    /// A token in the Authorization header: at introspection endpoints that want one (RFC 7662 section 2.1).
    Bearer(Secret<String>),
    /// Not at all: a public client, which has PKCE alone.
    None,
}

/// A key that signs assertions.
#[derive(Clone)]
pub struct PrivateKeyJwt {
    key: Arc<SigningKey>,
    kid: Box<str>,
    /// Whom assertions are for: the provider's issuer.
    pub audience: Box<str>,
    /// Whether they are for its token endpoint's URL instead, for a provider that wants that: [`Client::at`] finds it.
    pub for_token_endpoint: bool,
    /// How long an assertion holds.
    pub life: Duration,
}

impl PrivateKeyJwt {
    /// Assertions signed by `key` for `audience`, a minute each. Without a `kid` it is the key's thumbprint (RFC 7638).
    /// `None` for a shared secret.
    pub fn new(key: SigningKey, kid: Option<&str>, audience: &str) -> Option<Self> {
        let thumbprint = key.thumbprint()?;
        Some(Self {
            key: Arc::new(key),
            kid: kid.map_or_else(|| thumbprint.into(), Into::into),
            audience: audience.into(),
            for_token_endpoint: false,
            life: ASSERTION_LIFE,
        })
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The name of its key.
    pub const fn kid(&self) -> &str {
        &self.kid
    }

    /// An assertion of `client_id` (RFC 7523 section 3), with an id of its own.
    fn assertion(&self, client_id: &str, call: Call<'_>) -> Result<String, SignError> {
        let mut id = [0; 16];
        call.entropy.fill(&mut id);
        let (client, issued) = (quoted(client_id), call.now.seconds());
        let payload = format!(
            r#"{{"iss":{client},"sub":{client},"aud":{},"jti":"{}","iat":{issued},"exp":{}}}"#,
            quoted(&self.audience),
            BASE64_URL_SAFE_NO_PAD.encode(id),
            call.now.plus(self.life).seconds(),
        );
        self.key
            .sign(&format!(r#""kid":{}"#, quoted(&self.kid)), payload.as_bytes())
    }
}

impl fmt::Debug for PrivateKeyJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKeyJwt")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// The JWK Set by which providers check the assertions of `keys` (RFC 7517 section 5): public halves alone, each once.
pub fn jwk_set<'k>(keys: impl IntoIterator<Item = &'k PrivateKeyJwt>) -> String {
    let mut published = Vec::new();
    for key in keys {
        let jwk = key.key.public_jwk(&key.kid);
        published.extend(jwk.filter(|jwk| !published.contains(jwk)));
    }
    format!(r#"{{"keys":[{}]}}"#, published.join(","))
}

/// What one call draws on.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// For the id of an assertion.
    pub entropy: &'a dyn Entropy,
    /// For its times.
    pub now: Timestamp,
}

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The URL, or a credential, cannot stand in a request.
    #[error("{0} cannot stand in a request")]
    Unsendable(&'static str),
    /// The assertion was not signed.
    #[error("the client assertion was not signed: {0}")]
    Sign(#[from] SignError),
}

impl Client {
    /// This client as it proves itself at the provider of `metadata`: where the operator leaves it open, a secret stands in the
    /// Authorization header unless the provider takes it in the form alone; and assertions may be for its token endpoint.
    pub fn at(&self, metadata: &ProviderMetadata) -> Cow<'_, Self> {
        let authentication = match &self.authentication {
            ClientAuthentication::SecretAsTaken(secret) => as_taken(secret, metadata),
            ClientAuthentication::PrivateKeyJwt(key) if key.for_token_endpoint => {
                let mut key = PrivateKeyJwt::clone(key);
                if let Some(url) = metadata.find(Endpoint::Token) {
                    key.audience = url.as_str().into();
                }
                ClientAuthentication::PrivateKeyJwt(Arc::new(key))
            }
            ClientAuthentication::SecretBasic(_)
            | ClientAuthentication::SecretPost(_)
            | ClientAuthentication::PrivateKeyJwt(_)
            | ClientAuthentication::Bearer(_)
            | ClientAuthentication::None => return Cow::Borrowed(self),
        };
        Cow::Owned(Self {
            id: self.id.clone(),
            authentication,
        })
    }

    /// A POST of `form` to `endpoint`, with proof that it is from this client.
    pub(crate) fn post(
        &self,
        endpoint: &Url,
        form: Form,
        call: Call<'_>,
    ) -> Result<Request<Bytes>, RequestError> {
        let (mut form, mut authorization) = (form, None);
        match &self.authentication {
            ClientAuthentication::SecretBasic(secret) | ClientAuthentication::SecretAsTaken(secret) => {
                let pair = format!("{}:{}", form::encode(&self.id), form::encode(secret.expose()));
                authorization = Some(format!("Basic {}", BASE64_STANDARD.encode(pair)));
            }
            ClientAuthentication::SecretPost(secret) => {
                form = form
                    .with("client_id", &self.id)
                    .with("client_secret", secret.expose());
            }
            ClientAuthentication::PrivateKeyJwt(key) => {
                form = form
                    .with("client_id", &self.id)
                    .with("client_assertion_type", JWT_BEARER)
                    .with("client_assertion", &key.assertion(&self.id, call)?);
            }
            ClientAuthentication::Bearer(token) => authorization = Some(format!("Bearer {}", token.expose())),
            ClientAuthentication::None => form = form.with("client_id", &self.id),
        }
        let mut request = Request::post(endpoint.as_str())
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(ACCEPT, "application/json");
        if let Some(text) = authorization {
            request = request.header(AUTHORIZATION, sensitive(&text)?);
        }
        let request = request.body(form.into_bytes());
        request.map_err(|_| RequestError::Unsendable("the endpoint's URL"))
    }
}

/// A secret, where the provider of `metadata` takes it.
fn as_taken(secret: &Secret<String>, metadata: &ProviderMetadata) -> ClientAuthentication {
    let takes = |method: AuthenticationMethod| {
        let mut listed = metadata.token_endpoint_auth_methods_supported.iter();
        listed.any(|own| **own == *method.name())
    };
    if takes(AuthenticationMethod::SecretPost) && !takes(AuthenticationMethod::SecretBasic) {
        ClientAuthentication::SecretPost(secret.clone())
    } else {
        ClientAuthentication::SecretBasic(secret.clone())
    }
}

/// `text` as a header that nobody prints.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue, RequestError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| RequestError::Unsendable("a credential"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
