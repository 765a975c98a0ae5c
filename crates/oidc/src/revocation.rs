//! Tokens given back at logout (RFC 7009).

use crate::answer::{self, AnswerError};
use crate::form::Form;
use crate::relying_party::client::{Call, Client, RequestError};
use bytes::Bytes;
use countersign_core::secret::Secret;
use http::{Request, Response, StatusCode};
use url::Url;

/// What kind of token is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The refresh token; most providers end the access tokens of its grant with it.
    Refresh,
    /// The access token.
    Access,
}

impl TokenKind {
    /// `token_type_hint` (RFC 7009 section 2.1).
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Refresh => "refresh_token",
            Self::Access => "access_token",
        }
    }
}

/// Gives `token` back.
pub fn request(
    token: &Secret<String>,
    kind: TokenKind,
    client: &Client,
    endpoint: &Url,
    call: Call<'_>,
) -> Result<Request<Bytes>, RequestError> {
    let form = Form::new()
        .with("token", token.expose())
        .with("token_type_hint", kind.hint());
    client.post(endpoint, form, call)
}

/// Whether it was taken: 200, whether or not the token was known (section 2.2).
pub fn read(answer: &Response<Bytes>) -> Result<(), AnswerError> {
    if answer.status() == StatusCode::OK {
        Ok(())
    } else {
        Err(answer::refusal(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Zeros;
    use crate::relying_party::client::ClientAuthentication;
    use countersign_core::time::Timestamp;

    #[test]
    fn a_token_is_given_back_with_proof_of_who_gives_it() {
        let client = Client {
            id: "gw".into(),
            authentication: ClientAuthentication::SecretPost(Secret::new("s".to_owned())),
        };
        let call = Call {
            entropy: &Zeros,
            now: Timestamp::from_seconds(0),
        };
        let endpoint = Url::parse("https://op.test/revoke").unwrap();
        let token = Secret::new("r&t".to_owned());
        let request = request(&token, TokenKind::Refresh, &client, &endpoint, call).unwrap();
        assert_eq!(
            request.body(),
            "token=r%26t&token_type_hint=refresh_token&client_id=gw&client_secret=s"
        );
        assert_eq!(TokenKind::Access.hint(), "access_token");
    }

    #[test]
    fn only_a_200_says_that_it_was_taken() {
        let answer = |status: u16, body: &'static str| {
            let answer = Response::builder().status(status);
            read(&answer.body(Bytes::from_static(body.as_bytes())).unwrap())
        };
        assert_eq!(answer(200, ""), Ok(()));
        assert_eq!(answer(200, "anything"), Ok(()));
        assert!(matches!(answer(503, ""), Err(AnswerError::Unavailable { .. })));
        let refused = answer(400, r#"{"error":"unsupported_token_type"}"#);
        assert!(matches!(refused, Err(AnswerError::Refused(_))));
        assert!(matches!(answer(302, ""), Err(AnswerError::Status(_))));
    }
}
