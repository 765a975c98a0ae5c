//! What the provider signs with.

use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::quoted;
use countersign_jose::sign::{SignError, SigningKey};
use std::fmt;
use std::sync::Arc;

/// The keys of now: one that signs, and those that clients may still meet.
pub trait SigningKeys: Send + Sync + fmt::Debug {
    /// A token of `payload` by the key that signs now, with its name in the header. `typ` is the type of the token.
    fn sign(&self, typ: &str, payload: &str) -> Result<String, SignError>;

    /// The public halves (RFC 7517).
    fn jwk_set(&self) -> Arc<str>;

    /// What tokens may be signed with.
    fn algorithms(&self) -> Vec<Algorithm>;
}

/// One key that stays.
pub struct OneKey {
    key: SigningKey,
    kid: Box<str>,
    set: Arc<str>,
}

impl OneKey {
    /// Signs with `key`, which is called by its thumbprint (RFC 7638). `None` for a shared secret.
    pub fn new(key: SigningKey) -> Option<Self> {
        let kid = key.thumbprint()?.into_boxed_str();
        let set = format!(r#"{{"keys":[{}]}}"#, key.public_jwk(&kid)?).into();
        Some(Self { key, kid, set })
    }
}

impl fmt::Debug for OneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OneKey({})", self.kid)
    }
}

impl SigningKeys for OneKey {
    fn sign(&self, typ: &str, payload: &str) -> Result<String, SignError> {
        let header = format!(r#""typ":{},"kid":{}"#, quoted(typ), quoted(&self.kid));
        self.key.sign(&header, payload.as_bytes())
    }

    fn jwk_set(&self) -> Arc<str> {
        Arc::clone(&self.set)
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        vec![self.key.algorithm()]
    }
}
