//! Logouts, as the provider: asked for by a client (OpenID Connect RP-Initiated Logout 1.0), and told to the others (OpenID
//! Connect Back-Channel Logout 1.0).

use super::authorize::CLICK;
use crate::form::{self, FormError};
use crate::logout::{BACKCHANNEL_EVENT, LOGOUT_TOKEN_TYPE};
use bytes::Bytes;
use countersign_core::claims::Value;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use countersign_jose::json::quoted;
use countersign_jose::verify::SignedClaims;
use std::time::Duration;
use url::Url;

/// The field by which our own page names the session of the ID Token that it was asked with.
const SESSION: &str = "countersign_session";
/// The longest request, in bytes.
const MAX_REQUEST_BYTES: usize = 32 * 1024;
/// The longest `state` that is given back, in bytes.
const MAX_STATE_BYTES: usize = 2048;
/// How long a logout token may be believed (Back-Channel Logout section 4: two minutes at most are recommended).
const LOGOUT_TOKEN_LASTS: Duration = Duration::from_mins(2);

/// The type of a logout token, for its header.
pub const TYPE: &str = LOGOUT_TOKEN_TYPE;

/// What a client asks for, through the browser.
#[derive(Clone, Debug, Default)]
pub struct EndSession {
    /// The ID Token of the session that is to end.
    pub id_token_hint: Option<Secret<String>>,
    /// Who asks.
    pub client_id: Option<Box<str>>,
    /// Where the browser is to go then.
    pub post_logout_redirect_uri: Option<Box<str>>,
    /// What comes back as it came.
    pub state: Option<Box<str>>,
    /// The session that the ID Token before the click was of, as our own page has it; whoever reads it finds out whose it is.
    pub session: Option<Box<str>>,
    /// Whether it says that the user has clicked; whoever reads it finds out who says so.
    pub clicked: bool,
}

impl EndSession {
    /// Reads the query, or the body of a form (RP-Initiated Logout section 2).
    pub fn read(form: &[u8]) -> Result<Self, FormError> {
        let mut asked = Self::default();
        for (name, value) in form::parse(form, MAX_REQUEST_BYTES)? {
            let value = Some(value).filter(|value| !value.is_empty());
            match name.as_str() {
                "id_token_hint" => asked.id_token_hint = value.map(Secret::new),
                "client_id" => asked.client_id = value.map(Into::into),
                "post_logout_redirect_uri" => asked.post_logout_redirect_uri = value.map(Into::into),
                "state" => {
                    let sound = value.filter(|state| state.len() <= MAX_STATE_BYTES);
                    asked.state = sound.map(Into::into);
                }
                SESSION => asked.session = value.map(Into::into),
                _ => asked.clicked |= name == CLICK,
            }
        }
        Ok(asked)
    }

    /// The same once more with the user's click: the fields of a form. Who asks, and where the browser may go then, is known by now, and
    /// the ID Token has said all it had to say: no page holds it.
    pub fn fields<'f>(
        &'f self,
        client_id: Option<&'f str>,
        post_logout_redirect_uri: Option<&'f str>,
        session: Option<&'f str>,
    ) -> Vec<(&'static str, &'f str)> {
        let fields = [
            ("client_id", client_id),
            ("post_logout_redirect_uri", post_logout_redirect_uri),
            ("state", self.state.as_deref()),
            (SESSION, session),
            (CLICK, Some("1")),
        ];
        let there = fields.into_iter();
        there
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect()
    }

    /// Where the browser goes once the session has ended: `uri`, which is the client's, with the state.
    pub fn location(&self, uri: &str) -> Option<String> {
        let mut url = Url::parse(uri).ok()?;
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        Some(url.into())
    }
}

/// What an ID Token of ours says of its session; it may have ended long ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whom it was for.
    pub client_id: Box<str>,
    /// Whom it is about.
    pub subject: Box<str>,
    /// The session.
    pub sid: Box<str>,
}

impl Hint {
    /// Reads it from a token whose signature is ours. `None` where it is no ID Token of `issuer`.
    pub fn read(signed: &SignedClaims, issuer: &str) -> Option<Self> {
        let claims = signed.claims();
        let text = |name: &str| claims.member(name).and_then(Value::as_str);
        let is_id_token = signed.typ().is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"))
            && claims.member("events").is_none()
            && text("iss") == Some(issuer);
        is_id_token.then_some(())?;
        Some(Self {
            client_id: text("aud")?.into(),
            subject: text("sub")?.into(),
            sid: text("sid")?.into(),
        })
    }
}

/// What a client is told.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTold<'a> {
    /// Who we are.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client_id: &'a str,
    /// Whose session it was.
    pub subject: &'a str,
    /// Which.
    pub sid: &'a str,
    /// What no other logout token is called.
    pub jti: &'a str,
    /// When it is told.
    pub issued: Timestamp,
}

impl LogoutTold<'_> {
    /// The payload of the logout token (Back-Channel Logout section 2.4).
    pub fn payload(&self) -> String {
        let ends = self.issued.plus(LOGOUT_TOKEN_LASTS);
        format!(
            r#"{{"iss":{},"aud":{},"iat":{},"exp":{},"jti":{},"sub":{},"sid":{},"events":{{{}:{{}}}}}}"#,
            quoted(self.issuer),
            quoted(self.client_id),
            self.issued.seconds(),
            ends.seconds(),
            quoted(self.jti),
            quoted(self.subject),
            quoted(self.sid),
            quoted(BACKCHANNEL_EVENT),
        )
    }
}

/// The request that tells it (section 2.5); `None` where no request can be made of the address.
pub fn request(uri: &Url, logout_token: &Secret<String>) -> Option<http::Request<Bytes>> {
    let body = form::Form::new()
        .with("logout_token", logout_token.expose())
        .into_bytes();
    http::Request::post(uri.as_str())
        .header(http::header::CONTENT_TYPE, form::MEDIA_TYPE)
        .body(body)
        .ok()
}

#[cfg(test)]
mod tests;
