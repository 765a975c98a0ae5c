//! The answer of the authorization endpoint, as the browser brings it (OpenID Connect Core sections 3.1.2.5 and 3.1.2.6, RFC
//! 9207). Nothing of it is believed before its state was opened.

use crate::answer::OAuthError;
use crate::form;
use crate::issuer::IssuerRule;
use countersign_core::secret::Secret;

pub use crate::form::FormError;

/// The longest answer that is read, in bytes: query or body.
pub const MAX_RESPONSE_BYTES: usize = 16 * 1024;
/// The longest state, code and issuer, in bytes.
const MAX_STATE_BYTES: usize = 2048;
const MAX_CODE_BYTES: usize = 8 * 1024;
const MAX_ISSUER_BYTES: usize = 1024;

/// Parameters of flows that were not asked for: whoever sends them wants something else believed.
const OTHER_FLOWS: [&str; 3] = ["id_token", "access_token", "response"];

/// An answer, well formed and nothing more.
#[derive(Clone, Debug)]
pub struct AuthorizationResponse {
    /// The state that came back.
    pub state: Box<str>,
    /// Who says it is answering.
    pub issuer: Option<Box<str>>,
    /// A code, or why there is none.
    pub outcome: Result<Secret<String>, AuthorizationError>,
}

/// Why the provider gives no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationError {
    /// What to make of it.
    pub kind: AuthorizationErrorKind,
    /// The provider's own words, for the log.
    pub told: OAuthError,
}

/// What to make of a login that was refused (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationErrorKind {
    /// The user or the provider said no.
    AccessDenied,
    /// `prompt=none`, and the user would have to log in.
    LoginRequired,
    /// `prompt=none`, and the user would have to do, choose or agree to something.
    InteractionRequired,
    /// The provider cannot just now: it is overloaded, or in trouble.
    TemporarilyUnavailable,
    /// Something the operator has to mend, or that nobody foresaw.
    Other,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The form has no single reading.
    #[error("the answer is a form {0}")]
    Form(#[from] FormError),
    /// No state, an empty one, or one that is too long.
    #[error("`state` is missing or too long")]
    State,
    /// Neither a code nor an error, both, or an empty or overlong code.
    #[error("neither exactly a code nor exactly an error")]
    Outcome,
    /// A parameter of a flow that was not asked for.
    #[error("`{0}` belongs to a flow that was not asked for")]
    OtherFlow(&'static str),
    /// Another issuer answers (RFC 9207 section 2.4).
    #[error("`iss` is {got:?}, wanted {wanted:?}")]
    Issuer {
        /// What came.
        got: String,
        /// What was wanted.
        wanted: String,
    },
    /// The provider says that it always names itself, and does not.
    #[error("`iss` is missing, though the provider's metadata says that it is always sent")]
    IssuerMissing,
}

impl AuthorizationResponse {
    /// Reads the query of a callback (without `?`), or the body of a posted one.
    pub fn parse(form: &[u8]) -> Result<Self, CallbackError> {
        let parameters = form::parse(form, MAX_RESPONSE_BYTES)?;
        let value = |name: &str| {
            let found = parameters.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_str())
        };
        if let Some(name) = OTHER_FLOWS.into_iter().find(|name| value(name).is_some()) {
            return Err(CallbackError::OtherFlow(name));
        }
        let state = value("state").filter(|state| (1..=MAX_STATE_BYTES).contains(&state.len()));
        let state = state.ok_or(CallbackError::State)?;
        let outcome = match (value("code"), value("error")) {
            (Some(code), None) if (1..=MAX_CODE_BYTES).contains(&code.len()) => {
                Ok(Secret::new(code.to_owned()))
            }
            (None, Some(error)) if !error.is_empty() => {
                Err(AuthorizationError::new(error, value("error_description")))
            }
            (Some(_) | None, Some(_) | None) => return Err(CallbackError::Outcome),
        };
        Ok(Self {
            state: state.into(),
            issuer: value("iss").map(Into::into),
            outcome,
        })
    }

    /// Whether the issuer that was asked answers (RFC 9207 section 2.4): `iss` must be right where it is there, and must be
    /// there where `always_named`, the provider's `authorization_response_iss_parameter_supported`, says so.
    pub fn check_issuer(&self, rule: &IssuerRule, always_named: bool) -> Result<(), CallbackError> {
        match self.issuer.as_deref() {
            None if always_named => Err(CallbackError::IssuerMissing),
            None => Ok(()),
            Some(issuer) if issuer.len() <= MAX_ISSUER_BYTES && rule.admits(issuer) => Ok(()),
            Some(issuer) => Err(CallbackError::Issuer {
                got: issuer.chars().take(200).collect(),
                wanted: rule.as_str().to_owned(),
            }),
        }
    }
}

impl AuthorizationError {
    fn new(code: &str, description: Option<&str>) -> Self {
        use AuthorizationErrorKind as Kind;
        let kind = match code {
            "access_denied" => Kind::AccessDenied,
            "login_required" => Kind::LoginRequired,
            "interaction_required"
            | "consent_required"
            | "account_selection_required"
            | "unmet_authentication_requirements" => Kind::InteractionRequired,
            "temporarily_unavailable" | "server_error" => Kind::TemporarilyUnavailable,
            _ => Kind::Other,
        };
        Self {
            kind,
            told: OAuthError::new(code, description),
        }
    }
}

#[cfg(test)]
mod tests;
