//! The authentication request as a browser brings it (OpenID Connect Core section 3.1.2.1, RFC 6749 section 4.1.1, RFC 7636
//! section 4.3). First it is found out who asks and where the answer may go; nothing goes there before.

use super::client::{Client, Clients};
use super::scope::Scopes;
use crate::form::{self, FormError, Parameters};
use crate::relying_party::authorization::ResponseMode;
use countersign_core::secret::Secret;
use std::time::Duration;

/// The parameter by which our own page tells that the user has clicked.
pub const CLICK: &str = "countersign_click";
/// The longest request, in bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// How much of the name of a client that nobody knows is told, and of an address that is none of a client's, in characters.
const MAX_TOLD: usize = 300;
/// The longest `state` and `nonce` that are given back, in bytes.
const MAX_STATE_BYTES: usize = 2048;
const MAX_NONCE_BYTES: usize = 512;
/// A SHA-256 in base64url (RFC 7636 section 4.2).
const CHALLENGE_CHARACTERS: usize = 43;

/// A request that can be answered at its client's.
#[derive(Clone, Debug)]
pub struct AuthenticationRequest {
    /// Where the answer goes, and how.
    pub answer: AnswerTo,
    /// What stands in the ID Token as it came.
    pub nonce: Option<Box<str>>,
    /// What the code is bound to.
    pub challenge: Box<str>,
    /// What is asked for beside `openid`, of what we know.
    pub scopes: Scopes,
    /// What the user is asked for.
    pub prompt: Prompt,
    /// How long ago the login may have been.
    pub max_age: Option<Duration>,
    /// An ID Token of the user who is meant, as it came.
    pub id_token_hint: Option<Secret<String>>,
    /// Whether it says that the user has clicked ([`CLICK`]); whoever reads it finds out who says so.
    pub clicked: bool,
}

/// Where an answer goes: who asks, and a redirect URI that is that client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerTo {
    /// Who asked.
    pub client: Client,
    /// Where to.
    pub redirect_uri: Box<str>,
    /// How.
    pub mode: ResponseMode,
    /// What comes back as it came.
    pub state: Option<Box<str>>,
}

/// What the user is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// Whatever it takes, which may be nothing.
    #[default]
    AsNeeded,
    /// Nothing: where something would have to be, an error comes back.
    Nothing,
    /// One click at least.
    Click,
}

/// Why nothing may go back to whoever asked: the user is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// The request has no single reading.
    #[error("the request cannot be read: {0}")]
    Form(#[from] FormError),
    /// There is no such client: the name, as it was sent.
    #[error("nobody of that name may ask here: client_id = {0:?}")]
    Client(Box<str>),
    /// Nobody says who asks.
    #[error("nobody says who asks: `client_id` is missing")]
    Nobody,
    /// The answer may not go there.
    #[error("that client's answers may not go there: client_id = {client:?}, redirect_uri = {uri:?}")]
    RedirectUri {
        /// Whose.
        client: Box<str>,
        /// Where, as it was sent, as far as it is told.
        uri: Box<str>,
    },
    /// Nobody says where the answer is to go.
    #[error("nobody says where the answer is to go: `redirect_uri` is missing; client_id = {0:?}")]
    Nowhere(Box<str>),
}

/// Why a request is refused, told to the client that made it (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The registered word.
    pub error: &'static str,
    /// What was wrong, for whoever wrote the client.
    pub description: &'static str,
}

impl Refusal {
    const fn invalid(description: &'static str) -> Self {
        Self {
            error: "invalid_request",
            description,
        }
    }
}

/// What is told where something would have to be asked for, and nothing may be (OpenID Connect Core section 3.1.2.6).
pub const LOGIN_REQUIRED: Refusal = Refusal {
    error: "login_required",
    description: "the user has to do something first, and prompt=none says that nothing is asked for",
};
const NO_OPENID: Refusal = Refusal {
    error: "invalid_scope",
    description: "scope has openid in it",
};

/// What is told where somebody else has logged in than the client means (OpenID Connect Core sections 3.1.2.1 and 3.1.2.2).
pub const SOMEBODY_ELSE: Refusal = Refusal {
    error: "login_required",
    description: "the certificate is not that of the user whom id_token_hint names",
};
/// What is told of an `id_token_hint` that says nothing: whom the client means is not known then.
pub const NO_HINT: Refusal = Refusal::invalid("id_token_hint is no ID Token that this client had from here");
/// What is told where something would have to be asked for because nobody can tell any more whom `id_token_hint` names.
pub const FORMER_HINT: Refusal = Refusal {
    error: "login_required",
    description: "whom id_token_hint names cannot be told: no key of now has signed it",
};
/// What is told where no `id_token_hint` can be checked just now (RFC 6749 section 4.1.2.1).
pub const NO_KEYS: Refusal = Refusal {
    error: "temporarily_unavailable",
    description: "id_token_hint cannot be checked just now: there are no keys",
};

/// What came of reading a request.
#[derive(Clone, Debug)]
pub enum Read {
    /// It can be granted.
    Sound(Box<AuthenticationRequest>),
    /// It cannot, and its client is told.
    Refused(AnswerTo, Refusal),
}

/// Reads the query, or the body of a form, of the authorization endpoint.
pub fn read(form: &[u8], clients: &Clients) -> Result<Read, Unanswerable> {
    let parameters = Parameters::read(form, MAX_REQUEST_BYTES)?;
    let client_id = parameters.find("client_id").ok_or(Unanswerable::Nobody)?;
    let client = clients.find(client_id);
    let client = client.ok_or_else(|| Unanswerable::Client(client_id.chars().take(MAX_TOLD).collect()))?;
    let redirect_uri = parameters.find("redirect_uri");
    let redirect_uri = redirect_uri.ok_or_else(|| Unanswerable::Nowhere(client.id().into()))?;
    if !client.has_redirect_uri(redirect_uri) {
        return Err(Unanswerable::RedirectUri {
            client: client.id().into(),
            uri: told(redirect_uri),
        });
    }
    let state = parameters.find("state");
    let mut answer = AnswerTo {
        redirect_uri: redirect_uri.into(),
        client,
        mode: ResponseMode::Query,
        state: state
            .filter(|state| is_plain(state, MAX_STATE_BYTES))
            .map(Into::into),
    };
    match parameters.find("response_mode") {
        None | Some("query") => {}
        Some("form_post") => answer.mode = ResponseMode::FormPost,
        Some(_) => {
            let why = Refusal::invalid("response_mode is query or form_post");
            return Ok(Read::Refused(answer, why));
        }
    }
    if state.is_some() && answer.state.is_none() {
        let why = Refusal::invalid("state is too long, or has characters that are not printable ASCII");
        return Ok(Read::Refused(answer, why));
    }
    Ok(match request(&parameters, &answer) {
        Ok(request) => Read::Sound(Box::new(request)),
        Err(why) => Read::Refused(answer, why),
    })
}

/// As much of an address as the log may have: that there is a user, a query and a fragment, which may hold anything, and not what.
pub fn told(uri: &str) -> Box<str> {
    let (place, more) = match uri.find(['?', '#']) {
        Some(at) if uri.get(at..).is_some_and(|more| more.starts_with('?')) => (uri.get(..at), "?…"),
        Some(at) => (uri.get(..at), "#…"),
        None => (Some(uri), ""),
    };
    let place = place.unwrap_or("");
    let told = place.split_once("://").map_or_else(
        || place.to_owned(),
        |(scheme, rest)| {
            let (authority, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
            match authority.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://…@{host}{path}"),
                None => place.to_owned(),
            }
        },
    );
    format!("{told}{more}").chars().take(MAX_TOLD).collect()
}

fn request(parameters: &Parameters, answer: &AnswerTo) -> Result<AuthenticationRequest, Refusal> {
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if parameters.find(name).is_some() {
            let description = "parameters are sent as they are";
            return Err(Refusal { error, description });
        }
    }
    if parameters.find("response_type") != Some("code") {
        return Err(Refusal {
            error: "unsupported_response_type",
            description: "response_type is code",
        });
    }
    let nonce = parameters.find("nonce");
    if nonce.is_some_and(|nonce| !is_plain(nonce, MAX_NONCE_BYTES)) {
        let why = "nonce is too long, or has characters that are not printable ASCII";
        return Err(Refusal::invalid(why));
    }
    let max_age = parameters.find("max_age").map(seconds).transpose()?;
    let hint = parameters.find("id_token_hint");
    Ok(AuthenticationRequest {
        scopes: Scopes::read(parameters.find("scope").unwrap_or_default()).ok_or(NO_OPENID)?,
        challenge: challenge(parameters)?.into(),
        prompt: prompt(parameters.find("prompt"), max_age)?,
        max_age,
        id_token_hint: hint.map(|hint| Secret::new(hint.to_owned())),
        clicked: parameters.find(CLICK).is_some(),
        nonce: nonce.map(Into::into),
        answer: answer.clone(),
    })
}

/// PKCE is asked of every client (RFC 9700 section 2.1.1), and by hash.
fn challenge(parameters: &Parameters) -> Result<&str, Refusal> {
    let method = parameters.find("code_challenge_method");
    let challenge = parameters.find("code_challenge");
    let challenge = challenge.ok_or(Refusal::invalid("code_challenge is required (PKCE, RFC 7636)"))?;
    if method != Some("S256") {
        return Err(Refusal::invalid("code_challenge_method is S256"));
    }
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != CHALLENGE_CHARACTERS || !challenge.bytes().all(sound) {
        return Err(Refusal::invalid(
            "code_challenge is a SHA-256 in base64url, 43 characters",
        ));
    }
    Ok(challenge)
}

/// Unknown words are left out, as scopes are. A login that is too old is made anew by the certificate alone, which is judged each
/// time, but where it may have no age at all (`max_age=0`, which is as `prompt=login`).
fn prompt(text: Option<&str>, max_age: Option<Duration>) -> Result<Prompt, Refusal> {
    let anew = max_age == Some(Duration::ZERO);
    let words = || {
        text.unwrap_or_default()
            .split(' ')
            .filter(|word| !word.is_empty())
    };
    if words().any(|word| word == "none") {
        if words().count() > 1 {
            return Err(Refusal::invalid("prompt=none stands alone"));
        }
        return if anew {
            Err(LOGIN_REQUIRED)
        } else {
            Ok(Prompt::Nothing)
        };
    }
    let clicks = words().any(|word| matches!(word, "login" | "consent" | "select_account"));
    Ok(if clicks || anew {
        Prompt::Click
    } else {
        Prompt::AsNeeded
    })
}

fn seconds(text: &str) -> Result<Duration, Refusal> {
    let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits);
    seconds
        .map(Duration::from_secs)
        .ok_or(Refusal::invalid("max_age is a number of seconds"))
}

/// The same request with the user's click: the query of a link on our own page.
pub fn with_click(form: &[u8]) -> String {
    again(form).append_pair(CLICK, "1").finish()
}

/// The same request without a click: nobody has been asked yet.
pub fn without_click(form: &[u8]) -> String {
    again(form).finish()
}

fn again(form: &[u8]) -> url::form_urlencoded::Serializer<'static, String> {
    let parameters = form::parse(form, MAX_REQUEST_BYTES).unwrap_or_default();
    let asked = parameters.iter().filter(|(name, _)| name != CLICK);
    let mut again = url::form_urlencoded::Serializer::new(String::new());
    again.extend_pairs(asked.map(|(name, value)| (name.as_str(), value.as_str())));
    again
}

/// Printable ASCII (RFC 6749 appendix A.5), of bounded length.
fn is_plain(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests;
