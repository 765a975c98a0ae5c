//! The authentication request (OpenID Connect Core section 3.1.2.1) with PKCE (RFC 7636), as a URL.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_jose::hash::s256;
use std::time::Duration;
use url::Url;

/// The bytes of a nonce and of a code verifier.
const DRAWN_BYTES: usize = 32;
/// What further parameters may take: how many, and the longest name and value in bytes.
const MAX_EXTRA: usize = 32;
const MAX_EXTRA_NAME: usize = 64;
const MAX_EXTRA_VALUE: usize = 1024;

/// Parameters that the flow sets itself, or that would set them another way (RFC 9101, RFC 9126).
const OWN_PARAMETERS: [&str; 19] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "request",
    "request_uri",
    "prompt",
    "max_age",
    "acr_values",
    "login_hint",
];

/// Ties an ID Token to one login: 256 random bits.
#[derive(Clone, Debug)]
pub struct Nonce(Secret<String>);

/// Proves that whoever redeems a code asked for it: 256 random bits in 43 characters (RFC 7636 section 4.1).
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret<String>);

impl Nonce {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(draw(entropy))
    }

    /// One that was drawn before and kept as text.
    pub fn from_text(text: &str) -> Option<Self> {
        drawn(text).map(Self)
    }

    /// As it is sent and kept.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// Whether `other` is the same, in time that does not depend on where they differ.
    pub fn equals(&self, other: &str) -> bool {
        self.0.ct_eq(other.as_bytes())
    }
}

impl CodeVerifier {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(draw(entropy))
    }

    /// One that was drawn before and kept as text.
    pub fn from_text(text: &str) -> Option<Self> {
        drawn(text).map(Self)
    }

    /// As it is sent to the token endpoint and kept.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// What the authentication request carries of it (RFC 7636 section 4.2, `S256`).
    pub fn challenge(&self) -> String {
        s256(self.0.expose())
    }
}

fn draw(entropy: &dyn Entropy) -> Secret<String> {
    let mut bytes = [0; DRAWN_BYTES];
    entropy.fill(&mut bytes);
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn drawn(text: &str) -> Option<Secret<String>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    (bytes.len() == DRAWN_BYTES).then(|| Secret::new(text.to_owned()))
}

/// How the answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// In the query of a redirect: what a provider does unasked.
    #[default]
    Query,
    /// In the body of a POST (OAuth 2.0 Form Post Response Mode). The browser sends no Lax cookie with it.
    FormPost,
}

/// `prompt`: one or more words, `none` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt(Box<str>);

impl Prompt {
    /// Reads the words, separated by one space each. The standard's are `none`, `login`, `consent` and `select_account`;
    /// providers have others.
    pub fn parse(text: &str) -> Option<Self> {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let sound = text.len() <= 64
            && text.split(' ').all(word)
            && (text == "none" || !text.split(' ').any(|word| word == "none"));
        sound.then(|| Self(text.into()))
    }

    /// That nothing is asked of the user: an error comes back where something would have to be.
    pub fn none() -> Self {
        Self("none".into())
    }

    /// As it is sent.
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing may be asked of the user.
    pub fn is_none(&self) -> bool {
        *self.0 == *"none"
    }
}

/// Why a further parameter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtraParameterError {
    /// The flow sets it itself.
    #[error("`{0}` is set by the login itself")]
    Own(String),
    /// Given twice.
    #[error("`{0}` is given twice")]
    Doubled(String),
    /// Empty or too long, with control characters, or one too many.
    #[error(
        "`{0}`: a name of 1 to 64 printable characters and a value of up to 1024 are possible, 32 of them"
    )]
    Unfit(String),
}

/// Further parameters that a provider wants (`hd`, `kc_idp_hint`, `audience`): none that the flow sets itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExtraParameters(Box<[(Box<str>, Box<str>)]>);

impl ExtraParameters {
    /// These names and values. Refused when one of them could change what the flow says.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ExtraParameterError> {
        let mut taken: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (name, value) in pairs {
            let shown = || name.chars().filter(|character| !character.is_control()).take(64);
            if OWN_PARAMETERS.contains(&name) {
                return Err(ExtraParameterError::Own(name.to_owned()));
            }
            let fit = (1..=MAX_EXTRA_NAME).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic())
                && value.len() <= MAX_EXTRA_VALUE
                && !value.chars().any(char::is_control)
                && taken.len() < MAX_EXTRA;
            if !fit {
                return Err(ExtraParameterError::Unfit(shown().collect()));
            }
            if taken.iter().any(|(own, _)| **own == *name) {
                return Err(ExtraParameterError::Doubled(shown().collect()));
            }
            taken.push((name.into(), value.into()));
        }
        Ok(Self(taken.into()))
    }
}

/// How the user is to be authenticated, as far as we have a say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuthenticationWishes {
    /// Whether the provider must, or must not, ask the user.
    pub prompt: Option<Prompt>,
    /// How long ago the user may have been authenticated, in whole seconds.
    pub max_age: Option<Duration>,
    /// Authentication context classes, the most wanted first.
    pub acr_values: Box<[Box<str>]>,
    /// Whom the provider may suggest.
    pub login_hint: Option<Box<str>>,
    /// What else the provider wants.
    pub extra: ExtraParameters,
}

/// One authentication request, all its parts known.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest<'a> {
    /// The authorization endpoint.
    pub endpoint: &'a Url,
    /// Who we are there.
    pub client_id: &'a str,
    /// Where the answer goes, exactly as registered.
    pub redirect_uri: &'a str,
    /// What is asked for, separated by spaces; `openid` is among it except at a plain OAuth 2.0 provider.
    pub scope: &'a str,
    /// What ties the answer to this login and this browser.
    pub state: &'a str,
    /// What ties the ID Token to this login; `None` at a plain OAuth 2.0 provider.
    pub nonce: Option<&'a Nonce>,
    /// Of which verifier the challenge is sent.
    pub code_verifier: &'a CodeVerifier,
    /// How the answer comes back.
    pub response_mode: ResponseMode,
    /// How the user is to be authenticated.
    pub wishes: &'a AuthenticationWishes,
}

impl AuthorizationRequest<'_> {
    /// Where the browser is sent. The endpoint's own query stays (RFC 6749 section 3.1), but for parameters that are ours to set.
    pub fn url(&self) -> Url {
        let parameters = self.parameters();
        let mut url = self.endpoint.clone();
        let kept = url
            .query_pairs()
            .filter(|(name, _)| {
                let ours = parameters.iter().any(|(own, _)| own == name);
                !ours && !OWN_PARAMETERS.contains(&&**name)
            })
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect::<Vec<_>>();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .extend_pairs(parameters);
        url
    }

    fn parameters(&self) -> Vec<(&str, String)> {
        let wishes = self.wishes;
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.to_owned()),
            ("redirect_uri", self.redirect_uri.to_owned()),
            ("scope", self.scope.to_owned()),
            ("state", self.state.to_owned()),
            ("code_challenge", self.code_verifier.challenge()),
            ("code_challenge_method", "S256".to_owned()),
        ];
        let optional = [
            ("nonce", self.nonce.map(|nonce| nonce.as_str().to_owned())),
            (
                "response_mode",
                match self.response_mode {
                    ResponseMode::Query => None,
                    ResponseMode::FormPost => Some("form_post".to_owned()),
                },
            ),
            (
                "prompt",
                wishes.prompt.as_ref().map(|prompt| prompt.as_str().to_owned()),
            ),
            ("max_age", wishes.max_age.map(|age| age.as_secs().to_string())),
            (
                "acr_values",
                Some(wishes.acr_values.join(" ")).filter(|values| !values.is_empty()),
            ),
            ("login_hint", wishes.login_hint.as_deref().map(str::to_owned)),
        ];
        let present = |(name, value): (&'static str, Option<String>)| value.map(|value| (name, value));
        parameters.extend(optional.into_iter().filter_map(present));
        let extra = wishes.extra.0.iter();
        parameters.extend(extra.map(|(name, value)| (&**name, value.to_string())));
        parameters
    }
}

#[cfg(test)]
mod tests;
