//! The party proved.

use crate::claims::{ClaimPath, Claims, Value};
use crate::identity_headers::Written;
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// How the principal was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticationMethod {
    /// A signed token (RFC 7519).
    Token,
    /// A login session.
    Session,
    /// A TLS client certificate.
    Certificate,
    /// Nothing at all: the route is open, in plain sight.
    Anonymous,
}

impl AuthenticationMethod {
    /// The word for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Certificate => "certificate",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Where in the claims the facts stand that have no registered claim of their own. One per authenticator, shared by
/// all its principals.
#[derive(Clone, Debug)]
pub struct FactPaths {
    /// The subject; `sub` by default.
    pub subject: ClaimPath,
    /// The groups: an array of strings, or one string.
    pub groups: ClaimPath,
    /// Whether an e-mail address counts as verified when the credential does not say so.
    pub trust_unverified_email: bool,
    /// How far the issuer's clock may be off, where a fact is a time.
    pub leeway: Duration,
}

impl FactPaths {
    /// How far a clock may be off where nobody says.
    pub const LEEWAY: Duration = Duration::from_mins(1);
}

/// The tokens that a provider gave for a session.
#[derive(Clone, Debug, Default)]
pub struct SessionTokens {
    /// The access token, while it holds.
    pub access: Option<Secret<String>>,
    /// The ID Token.
    pub id: Option<Secret<String>>,
    /// The refresh token.
    pub refresh: Option<Secret<String>>,
}

/// Who was proved: an issuer and a subject, and what the credential says about them. A subject alone names nobody: it
/// is unique within its issuer only.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The authenticator that proved it, as the configuration names it: `token.services`.
    pub authenticator: Arc<str>,
    /// How.
    pub method: AuthenticationMethod,
    /// Who vouches for the subject. Empty for `anonymous`.
    pub issuer: Arc<str>,
    /// Everything the credential says.
    pub claims: Claims,
    /// Where to find the facts.
    pub facts: Arc<FactPaths>,
    /// The tokens of its session, where an identity header asks for one of them by name.
    pub tokens: Option<Arc<SessionTokens>>,
    /// What its identity headers read, once they were written.
    pub written: Written,
}

impl Principal {
    /// The identifier, unique within the issuer. Empty for `anonymous` only.
    pub fn subject(&self) -> &str {
        self.claims
            .at(&self.facts.subject)
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// The groups, in the order the credential lists them. An element that is not a string, or is empty, is no group.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        strings(self.claims.at(&self.facts.groups)).filter(|group| !group.is_empty())
    }

    /// The scopes: `scope` as RFC 8693 section 4.2 writes it (one string, separated by spaces), or an array; else
    /// `scp`, which some issuers use.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.claims.member("scope").or_else(|| self.claims.member("scp"));
        strings(scope)
            .flat_map(|text| text.split(' '))
            .filter(|scope| !scope.is_empty())
    }

    /// The e-mail address, when it is verified.
    pub fn email(&self) -> Option<&str> {
        let verified = self.claims.member("email_verified").and_then(Value::as_bool);
        let trusted = verified.unwrap_or(self.facts.trust_unverified_email);
        self.claims
            .member("email")
            .and_then(Value::as_str)
            .filter(|email| trusted && !email.is_empty())
    }
}

/// The strings of a value: itself, or the elements of an array that are strings.
pub fn strings(value: Option<Value<'_>>) -> impl Iterator<Item = &str> {
    let (one, many) = match value {
        Some(Value::String(text)) => (Some(text), None),
        Some(Value::Array(items)) => (None, Some(items)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => (None, None),
    };
    one.into_iter()
        .chain(many.into_iter().flatten().filter_map(Value::as_str))
}
