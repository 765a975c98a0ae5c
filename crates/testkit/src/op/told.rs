//! Applications that are told of logouts (OpenID Connect Back-Channel Logout 1.0): whoever is asked at `/backchannel-logout` is one.

use crate::tokens::opened;
use bytes::Bytes;
use countersign_core::http_client::HttpError;
use http::{Request, Response, StatusCode};
use std::fmt;
use url::form_urlencoded;

/// Where they are told.
const PATH: &str = "/backchannel-logout";

/// One logout that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where.
    pub url: String,
    /// The form.
    pub form: String,
}

/// Where, and header and claims of the token.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut form = form_urlencoded::parse(self.form.as_bytes());
        let token = form.find(|(name, _)| name == "logout_token");
        let token = token.and_then(|(_, token)| opened(&token));
        write!(f, "{} {}", self.url, token.as_deref().unwrap_or("no token"))
    }
}

/// What the application answers, if `request` is to one; what it was told goes to `told`. `deaf.test` takes nothing, and nobody is at
/// `away.test`.
pub(super) fn answer(
    request: &Request<Bytes>,
    told: &mut Vec<Told>,
) -> Option<Result<Response<Bytes>, HttpError>> {
    let uri = request.uri();
    if request.method() != "POST" || !uri.path().ends_with(PATH) {
        return None;
    }
    let status = match uri.host()? {
        "away.test" => return Some(Err(HttpError::Unreachable("nobody is there".into()))),
        "deaf.test" => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    told.push(Told {
        url: uri.to_string(),
        form: String::from_utf8_lossy(request.body()).into_owned(),
    });
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    Some(Ok(answer))
}
