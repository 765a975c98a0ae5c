//! What a refresh changes (RFC 6749 section 6, OpenID Connect Core section 12.2).

use crate::relying_party::token::TokenResponse;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;

/// The tokens of one login, as they are kept.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The last ID Token there was.
    pub id_token: Option<Secret<String>>,
    /// The access token.
    pub access_token: Secret<String>,
    /// When the access token ends, where the provider says so.
    pub access_ends: Option<Timestamp>,
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
}

impl Tokens {
    /// The tokens of a login that has just begun.
    pub fn of(response: TokenResponse, now: Timestamp) -> Self {
        Self {
            access_ends: response.expires_in.map(|life| now.plus(life)),
            id_token: response.id_token,
            access_token: response.access_token,
            refresh_token: response.refresh_token,
        }
    }

    /// The tokens after a refresh that was answered at `now`. A provider that sends no new refresh token, or no new ID Token,
    /// means the old one; what it says of the access token's end holds for the new access token alone.
    #[must_use]
    pub fn refreshed(self, response: TokenResponse, now: Timestamp) -> Self {
        let new = Self::of(response, now);
        Self {
            id_token: new.id_token.or(self.id_token),
            access_token: new.access_token,
            access_ends: new.access_ends,
            refresh_token: new.refresh_token.or(self.refresh_token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn response(text: &str, id_token: bool, refresh_token: bool, seconds: Option<u64>) -> TokenResponse {
        let secret = |kind: &str| Secret::new(format!("{kind}-{text}"));
        TokenResponse {
            access_token: secret("access"),
            expires_in: seconds.map(Duration::from_secs),
            id_token: id_token.then(|| secret("id")),
            refresh_token: refresh_token.then(|| secret("refresh")),
            scope: None,
        }
    }

    fn shown(tokens: &Tokens) -> [Option<&str>; 3] {
        let tokens = [
            tokens.id_token.as_ref(),
            Some(&tokens.access_token),
            tokens.refresh_token.as_ref(),
        ];
        tokens.map(|token| token.map(|token| token.expose().as_str()))
    }

    #[test]
    fn a_new_token_replaces_the_old_and_one_that_is_not_sent_stays() {
        let at = Timestamp::from_seconds;
        let begun = Tokens::of(response("1", true, true, Some(60)), at(0));
        assert_eq!(begun.access_ends, Some(at(60)));
        let kept = begun
            .clone()
            .refreshed(response("2", false, false, Some(30)), at(100));
        assert_eq!(shown(&kept), [Some("id-1"), Some("access-2"), Some("refresh-1")]);
        assert_eq!(kept.access_ends, Some(at(130)));
        let rotated = kept.refreshed(response("3", true, true, None), at(200));
        assert_eq!(
            shown(&rotated),
            [Some("id-3"), Some("access-3"), Some("refresh-3")]
        );
        assert_eq!(
            rotated.access_ends, None,
            "the end of the old one says nothing about the new one"
        );
    }
}
