//! What a client asks of the token endpoint (RFC 6749 sections 2.3, 4.1.3, 4.4, 5.2 and 6; RFC 7636 section 4.5; RFC 8707), and
//! how it is refused.

use super::description;
use super::scope::Scopes;
use crate::form::{self, FormError, Parameters};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_core::secret::Secret;
use countersign_jose::hash::s256;
use countersign_jose::json::quoted;
use http::StatusCode;
use std::time::Duration;

/// The longest request, in bytes.
const MAX_REQUEST_BYTES: usize = 32 * 1024;
/// How long a code verifier may be (RFC 7636 section 4.1).
const VERIFIER_CHARACTERS: std::ops::RangeInclusive<usize> = 43..=128;
/// `client_assertion_type` (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// One request, read and not yet believed.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// What is to be had for what.
    pub grant: Grant,
    /// Who asks, as it says; a certificate may say it in place of a name.
    pub client_id: Option<Box<str>>,
    /// How it proves that.
    pub proof: Proof,
    /// How long what is given is to hold at most: less than the usual, never more. No standard has this parameter.
    pub expires_in: Option<Duration>,
}

/// What tokens are given for.
#[derive(Clone, Debug)]
pub enum Grant {
    /// A code (RFC 6749 section 4.1.3).
    Code(CodeGrant),
    /// A refresh token (RFC 6749 section 6).
    Refresh {
        /// The token.
        token: Secret<String>,
        /// What is asked for, where it is less than what was granted.
        scopes: Option<Scopes>,
    },
    /// The client itself (RFC 6749 section 4.4).
    ClientCredentials {
        /// Where the token is to be shown (RFC 8707).
        resource: Box<str>,
    },
}

/// What a code is redeemed with.
#[derive(Clone, Debug)]
pub struct CodeGrant {
    /// The code.
    pub code: Secret<String>,
    /// Where it came to.
    pub redirect_uri: Box<str>,
    /// What its challenge was made of.
    verifier: Secret<String>,
}

impl CodeGrant {
    /// Whether `challenge` was made of the verifier (RFC 7636 section 4.6, `S256`).
    pub fn answers(&self, challenge: &str) -> bool {
        let hash = Secret::new(s256(self.verifier.expose()));
        hash.ct_eq(challenge.as_bytes())
    }
}

/// How a client proves itself, beside the certificate of its connection.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By nothing that stands in the request.
    None,
    /// By a secret in the Authorization header (`client_secret_basic`).
    Basic(Secret<String>),
    /// By a secret in the form (`client_secret_post`).
    Post(Secret<String>),
    /// By a signed assertion (`private_key_jwt`).
    Assertion(Secret<String>),
}

/// Why no token is given (RFC 6749 section 5.2). The words are for whoever wrote the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request cannot be read, or lacks something.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The client is not known, or did not prove itself.
    #[error("{0}")]
    InvalidClient(&'static str),
    /// The code or refresh token is not good, or not this client's.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// More is asked for than was granted, or than fits.
    #[error("{0}")]
    InvalidScope(&'static str),
    /// This client may not ask for that.
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    /// Another kind of grant.
    #[error("grant_type is authorization_code, refresh_token or client_credentials")]
    UnsupportedGrantType,
    /// The resource is none of ours, or not for this client (RFC 8707 section 2).
    #[error("{0}")]
    InvalidTarget(&'static str),
}

impl TokenError {
    /// What was granted does not hold what is asked for.
    pub const NOT_GRANTED: Self = Self::InvalidScope("scope is openid and what was granted, or less");

    /// The registered word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::InvalidScope(_) => "invalid_scope",
            Self::UnauthorizedClient(_) => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidTarget(_) => "invalid_target",
        }
    }

    /// 401 for a client that did not prove itself, which says how it may; else 400.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient(_) => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest(_)
            | Self::InvalidGrant(_)
            | Self::InvalidScope(_)
            | Self::UnauthorizedClient(_)
            | Self::UnsupportedGrantType
            | Self::InvalidTarget(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer's body.
    pub fn body(self) -> String {
        let words = self.to_string();
        let (code, words) = (self.code(), quoted(&description(&words)));
        format!(r#"{{"error":"{code}","error_description":{words}}}"#)
    }
}

impl From<FormError> for TokenError {
    fn from(error: FormError) -> Self {
        Self::InvalidRequest(match error {
            FormError::TooLarge => "the request is too long, or has too many parameters",
            FormError::Malformed => "the request has a broken escape, or bytes that are not UTF-8",
            FormError::Doubled => "the request has a parameter that occurs twice",
        })
    }
}

fn need<'p>(parameters: &'p Parameters, name: &str, without: &'static str) -> Result<&'p str, TokenError> {
    parameters.find(name).ok_or(TokenError::InvalidRequest(without))
}

fn secret(parameters: &Parameters, name: &str) -> Option<Secret<String>> {
    parameters.find(name).map(|text| Secret::new(text.to_owned()))
}

impl TokenRequest {
    /// Reads the form, and the Authorization header where there is one.
    pub fn read(form: &[u8], authorization: Option<&str>) -> Result<Self, TokenError> {
        let parameters = &Parameters::read(form, MAX_REQUEST_BYTES)?;
        let (client_id, proof) = client(parameters, authorization)?;
        let grant = match need(parameters, "grant_type", "grant_type is missing")? {
            "authorization_code" => Grant::Code(code(parameters)?),
            "refresh_token" => Grant::Refresh {
                token: secret(parameters, "refresh_token")
                    .ok_or(TokenError::InvalidRequest("refresh_token is missing"))?,
                scopes: parameters
                    .find("scope")
                    .map(|text| Scopes::read(text).ok_or(TokenError::NOT_GRANTED))
                    .transpose()?,
            },
            "client_credentials" => Grant::ClientCredentials {
                resource: need(parameters, "resource", "resource is missing (RFC 8707)")?.into(),
            },
            _ => return Err(TokenError::UnsupportedGrantType),
        };
        Ok(Self {
            grant,
            client_id,
            proof,
            expires_in: expires_in(parameters.find("expires_in"))?,
        })
    }
}

fn code(parameters: &Parameters) -> Result<CodeGrant, TokenError> {
    let code = need(parameters, "code", "code is missing")?;
    let verifier = need(
        parameters,
        "code_verifier",
        "code_verifier is missing (PKCE, RFC 7636)",
    )?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !VERIFIER_CHARACTERS.contains(&verifier.len()) || !verifier.bytes().all(sound) {
        return Err(TokenError::InvalidRequest(
            "code_verifier is 43 to 128 characters of RFC 7636",
        ));
    }
    Ok(CodeGrant {
        code: Secret::new(code.to_owned()),
        redirect_uri: need(parameters, "redirect_uri", "redirect_uri is missing")?.into(),
        verifier: Secret::new(verifier.to_owned()),
    })
}

fn expires_in(text: Option<&str>) -> Result<Option<Duration>, TokenError> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| digits && *seconds > 0);
    let seconds = seconds.ok_or(TokenError::InvalidRequest("expires_in is a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds)))
}

/// Who asks, and by what; one way at a time (RFC 6749 section 2.3).
fn client(
    parameters: &Parameters,
    authorization: Option<&str>,
) -> Result<(Option<Box<str>>, Proof), TokenError> {
    let named = parameters.find("client_id").map(Box::<str>::from);
    let basic = authorization.map(basic).transpose()?;
    let post = secret(parameters, "client_secret").map(Proof::Post);
    let assertion = assertion(parameters)?.map(Proof::Assertion);
    let ways = usize::from(basic.is_some()) + usize::from(post.is_some()) + usize::from(assertion.is_some());
    if ways > 1 {
        return Err(TokenError::InvalidRequest("a client proves itself in one way"));
    }
    if let Some((id, secret)) = basic {
        if named.is_some_and(|named| named != id) {
            return Err(TokenError::InvalidRequest(
                "client_id is another than in the Authorization header",
            ));
        }
        return Ok((Some(id), Proof::Basic(secret)));
    }
    Ok((named, post.or(assertion).unwrap_or(Proof::None)))
}

fn assertion(parameters: &Parameters) -> Result<Option<Secret<String>>, TokenError> {
    let kind = parameters.find("client_assertion_type");
    match (kind, secret(parameters, "client_assertion")) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(assertion)) => Ok(Some(assertion)),
        (Some(_) | None, Some(_)) | (Some(_), None) => Err(TokenError::InvalidRequest(
            "client_assertion comes with client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )),
    }
}

/// Name and secret, each encoded as in a form (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Result<(Box<str>, Secret<String>), TokenError> {
    let read = || {
        let (scheme, rest) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = BASE64_STANDARD.decode(rest.trim_start_matches(' ')).ok()?;
        let pair = Secret::new(String::from_utf8(pair).ok()?);
        let (id, secret) = pair.expose().split_once(':')?;
        let (id, secret) = (
            form::decode(id.as_bytes()).ok()?,
            form::decode(secret.as_bytes()).ok()?,
        );
        (!id.is_empty()).then(|| (id.into_boxed_str(), Secret::new(secret)))
    };
    read().ok_or(TokenError::InvalidClient(
        "the Authorization header is not Basic with a name and a secret",
    ))
}

#[cfg(test)]
mod tests;
