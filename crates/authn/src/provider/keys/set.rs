//! The keys of one moment: what signs, and what is published.

use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::quoted;
use countersign_jose::public_key::PublicKey;
use countersign_jose::sign::{SignError, SigningKey};
use std::fmt;
use std::sync::Arc;

/// A key that signs, with its public half: its thumbprint is its name (RFC 7638).
pub struct Pair {
    signs: SigningKey,
    public: PublicKey,
}

impl Pair {
    /// Of this key; `None` for a shared secret, and for a key of a size that nobody accepts.
    pub fn new(signs: SigningKey) -> Option<Self> {
        let public = signs.public_key()?;
        Some(Self { signs, public })
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        self.public.thumbprint()
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.signs.algorithm()
    }

    /// The private half.
    pub const fn private(&self) -> &SigningKey {
        &self.signs
    }

    /// What others are told of it.
    pub fn published(&self) -> Published {
        Published {
            key: self.public.clone(),
            algorithm: self.algorithm(),
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.kid())
    }
}

/// A public key, and what is signed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The key.
    pub key: PublicKey,
    /// What its signatures are.
    pub algorithm: Algorithm,
}

impl Published {
    /// A key out of a PEM text, public or private. Its signatures are `algorithm`'s if it fits, else what is usual for it.
    pub fn from_pem(pem: &[u8], algorithm: Option<Algorithm>) -> Option<Self> {
        let key = PublicKey::from_pem(pem)?;
        let fits = algorithm.filter(|algorithm| key.fits(*algorithm));
        let algorithm = fits.unwrap_or_else(|| key.usual_algorithm());
        Some(Self { key, algorithm })
    }
}

/// The key that signs now, and all that are published.
#[derive(Debug)]
pub struct SigningSet {
    signs: Arc<Pair>,
    algorithms: Box<[Algorithm]>,
    jwk_set: Arc<str>,
    pem: Arc<str>,
}

impl SigningSet {
    /// `signs` signs; it is published before `beside`, of which none is there twice.
    pub fn new(signs: Arc<Pair>, beside: impl IntoIterator<Item = Published>) -> Self {
        let mut published = vec![signs.published()];
        for more in beside {
            if published.iter().all(|known| known.key != more.key) {
                published.push(more);
            }
        }
        let jwks = published
            .iter()
            .map(|published| published.key.jwk(published.key.thumbprint(), published.algorithm));
        let mut algorithms = Vec::new();
        for published in &published {
            if !algorithms.contains(&published.algorithm) {
                algorithms.push(published.algorithm);
            }
        }
        Self {
            jwk_set: format!(r#"{{"keys":[{}]}}"#, jwks.collect::<Vec<_>>().join(",")).into(),
            pem: signs.public.pem().into(),
            algorithms: algorithms.into(),
            signs,
        }
    }

    /// A token of `payload`. `typ` is its type.
    pub fn sign(&self, typ: &str, payload: &str) -> Result<String, SignError> {
        let header = format!(r#""typ":{},"kid":{}"#, quoted(typ), quoted(self.kid()));
        self.signs.signs.sign(&header, payload.as_bytes())
    }

    /// The name of the key that signs.
    pub fn kid(&self) -> &str {
        self.signs.kid()
    }

    /// What tokens are signed with that clients may meet; first what signs now.
    pub const fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The public halves (RFC 7517 section 5).
    pub const fn jwk_set(&self) -> &Arc<str> {
        &self.jwk_set
    }

    /// The public half of the key that signs (RFC 7468 section 13).
    pub const fn pem(&self) -> &Arc<str> {
        &self.pem
    }
}
