//! An ID Token of ours that comes back to say whom a client means, or which session (`id_token_hint`).

use super::Provider;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signed;
use countersign_oidc::provider::logout::Hint;

/// Why an ID Token says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHint {
    /// There are no keys to check it by.
    NoKeys,
    /// It names a key that is none of those of now, and may have been one.
    Former,
    /// It is no ID Token of ours.
    Foreign,
}

impl Provider {
    /// What an ID Token says, if it is ours: by the keys of now.
    pub(super) fn hint(&self, text: &str) -> Result<Hint, NoHint> {
        let current = self.keys.current().ok_or(NoHint::NoKeys)?;
        let token = UnverifiedToken::parse(text).map_err(|_| NoHint::Foreign)?;
        let keys = KeySet::parse(current.jwk_set().as_bytes());
        let (keys, _) = keys.map_err(|_| NoHint::NoKeys)?;
        let key = match keys.find(token.kid_unverified(), token.algorithm()) {
            Lookup::Found(key) => key,
            Lookup::Unknown => return Err(NoHint::Former),
            Lookup::Ambiguous => return Err(NoHint::Foreign),
        };
        let signed = verify_signed(token, &key, &self.keys.algorithms());
        let signed = signed.map_err(|_| NoHint::Foreign)?;
        Hint::read(&signed, self.issuer.as_str()).ok_or(NoHint::Foreign)
    }
}
