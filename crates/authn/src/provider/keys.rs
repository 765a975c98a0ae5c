//! What the provider signs with: one key that signs, and those that clients may still meet or soon will, published beside it.
//!
//! Reading order: [`set`] (the keys of one moment), [`life`] (how made keys follow one another), [`kept`] (as they are kept).

use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SignError;
use set::{Published, SigningSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub mod kept;
pub mod life;
pub mod set;

/// What the provider's tokens can be signed by. A shared secret is none: whoever verifies could sign.
pub const ALGORITHMS: &[&str] = &[
    "ES256", "RS256", "EdDSA", "PS256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512",
];

/// How long a made key signs where nothing is said.
pub const ROTATE_EVERY: Duration = Duration::from_hours(90 * 24);

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The keys are kept where they cannot be had now.
    #[error("the provider's keys cannot be had")]
    Unavailable,
    /// The library made no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// What is to be made where no key is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    /// Whose keys they are.
    pub issuer: Box<str>,
    /// What they sign with.
    pub algorithm: Algorithm,
    /// How long each signs.
    pub rotate_every: Duration,
    /// Keys that were given in the past, and are published still.
    pub former: Vec<Published>,
}

/// The provider's keys, now.
pub trait SigningKeys: Send + Sync + fmt::Debug {
    /// The keys of this moment; `None` where they cannot be had.
    fn current(&self) -> Option<Arc<SigningSet>>;

    /// What is to be made and rotated; nothing where keys were given.
    fn plan(&self) -> Option<&KeyPlan>;

    /// A token of `payload` by the key that signs now, with its name in the header. `typ` is the type of the token.
    fn sign(&self, typ: &str, payload: &str) -> Result<String, KeysError> {
        let current = self.current().ok_or(KeysError::Unavailable)?;
        Ok(current.sign(typ, payload)?)
    }

    /// What tokens may be signed with.
    fn algorithms(&self) -> Vec<Algorithm> {
        let planned = || self.plan().map(|plan| plan.algorithm);
        self.current().map_or_else(
            || planned().into_iter().collect(),
            |current| current.algorithms().to_vec(),
        )
    }
}

/// Keys that were given, and stay.
#[derive(Debug)]
pub struct GivenKeys(Arc<SigningSet>);

impl GivenKeys {
    /// These.
    pub fn new(set: SigningSet) -> Self {
        Self(Arc::new(set))
    }
}

impl SigningKeys for GivenKeys {
    fn current(&self) -> Option<Arc<SigningSet>> {
        Some(Arc::clone(&self.0))
    }

    fn plan(&self) -> Option<&KeyPlan> {
        None
    }
}

/// Where keys that are made come from.
pub trait SigningKeysFactory: Send + Sync + fmt::Debug {
    /// The keys of this plan. Nothing is made before the configuration that has it is in force.
    fn open(&self, plan: KeyPlan) -> Arc<dyn SigningKeys>;
}

/// Keys that are made by nobody, for checking a configuration.
#[derive(Debug)]
struct NoKeys(KeyPlan);

impl SigningKeys for NoKeys {
    fn current(&self) -> Option<Arc<SigningSet>> {
        None
    }

    fn plan(&self) -> Option<&KeyPlan> {
        Some(&self.0)
    }
}

impl SigningKeysFactory for crate::keys::Offline {
    fn open(&self, plan: KeyPlan) -> Arc<dyn SigningKeys> {
        Arc::new(NoKeys(plan))
    }
}
