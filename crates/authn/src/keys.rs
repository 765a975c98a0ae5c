//! Where an authenticator gets its verification keys from: a file, a secret, or an issuer that may have to be asked.

use crate::bundle_file::BundleInForce;
use crate::key_ring::{Freshness, Lookup};
use countersign_core::BoxFuture;
use countersign_core::reason::UnavailableReason;
use countersign_core::time::Now;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::{self, KeySet};
use countersign_jose::key::{Thumbprint, VerificationKey};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The answer to a token's question for its key, after all waiting is done.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This key.
    Found(Arc<VerificationKey>),
    /// No key fits.
    Unknown,
    /// More than one key fits, and the token does not say which.
    Ambiguous,
    /// The keys could not be had.
    Unavailable {
        /// Why.
        reason: UnavailableReason,
        /// For the log: the cause.
        detail: Arc<str>,
        /// When asking again makes sense.
        retry_after: Duration,
    },
}

/// The keys of one issuer.
pub trait Keys: Send + Sync + fmt::Debug {
    /// The key named by `kid` and fit for `algorithm`, as far as that is known now; [`Lookup::Fetch`] when only waiting
    /// can tell.
    fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, now: Now) -> Lookup;

    /// The same, after waiting for whatever fetch can tell.
    fn lookup<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm, now: Now) -> BoxFuture<'a, Answer>;

    /// Whether the key with `thumbprint` still verifies tokens.
    fn holds(&self, thumbprint: Thumbprint, now: Now) -> bool;
}

/// Which remote set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyLocation {
    /// The set that the discovery document at `url` names; the document must be `issuer`'s.
    Discovery {
        /// The issuer, exactly.
        issuer: Arc<str>,
        /// Where its document is.
        url: Url,
    },
    /// The JWK Set at `url`.
    JwkSet {
        /// The issuer whose set it is.
        issuer: Arc<str>,
        /// Where it is.
        url: Url,
    },
    /// The keys that sign JWT-SVIDs in the trust bundle at `url` (SPIFFE Trust Domain and Bundle, section 5).
    TrustBundle {
        /// The SPIFFE ID of the trust domain whose bundle it is.
        issuer: Arc<str>,
        /// Where it is.
        url: Url,
        /// Which version of it is in force.
        in_force: Arc<BundleInForce>,
    },
}

impl KeyLocation {
    /// Whose keys.
    pub const fn issuer(&self) -> &Arc<str> {
        match self {
            Self::Discovery { issuer, .. }
            | Self::JwkSet { issuer, .. }
            | Self::TrustBundle { issuer, .. } => issuer,
        }
    }

    /// What is fetched first.
    pub const fn url(&self) -> &Url {
        match self {
            Self::Discovery { url, .. } | Self::JwkSet { url, .. } | Self::TrustBundle { url, .. } => url,
        }
    }
}

/// How a remote set is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// How it is kept fresh.
    pub freshness: Freshness,
    /// Whether a URL may be plain http.
    pub allow_http: bool,
    /// The authorities (PEM) believed instead of the system's.
    pub authorities: Option<Arc<[u8]>>,
}

/// Opens remote sets. Sets of equal location and settings are one set.
pub trait KeySetFactory: Send + Sync + fmt::Debug {
    /// The set at `location`. Nothing is waited for.
    fn open(&self, location: &KeyLocation, settings: &KeySettings) -> Arc<dyn Keys>;
}

/// Keys that stand in the configuration.
#[derive(Debug)]
pub struct StaticKeys {
    keys: KeySet,
    _bundle: Option<Arc<BundleInForce>>,
}

impl StaticKeys {
    /// These keys, until the configuration changes.
    pub const fn new(keys: KeySet) -> Self {
        Self { keys, _bundle: None }
    }

    /// Those of a bundle, which is in force as long as they are.
    pub const fn of_bundle(keys: KeySet, bundle: Arc<BundleInForce>) -> Self {
        Self {
            keys,
            _bundle: Some(bundle),
        }
    }

    fn answer(&self, kid: Option<&str>, algorithm: Algorithm) -> Answer {
        match self.keys.find(kid, algorithm) {
            jwks::Lookup::Found(key) => Answer::Found(key),
            jwks::Lookup::Ambiguous => Answer::Ambiguous,
            jwks::Lookup::Unknown => Answer::Unknown,
        }
    }
}

impl Keys for StaticKeys {
    fn lookup_now(&self, kid: Option<&str>, algorithm: Algorithm, _now: Now) -> Lookup {
        match self.keys.find(kid, algorithm) {
            jwks::Lookup::Found(key) => Lookup::Found(key),
            jwks::Lookup::Ambiguous => Lookup::Ambiguous,
            jwks::Lookup::Unknown => Lookup::Unknown,
        }
    }

    fn lookup<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm, _now: Now) -> BoxFuture<'a, Answer> {
        Box::pin(std::future::ready(self.answer(kid, algorithm)))
    }

    fn holds(&self, thumbprint: Thumbprint, _now: Now) -> bool {
        self.keys.holds(thumbprint)
    }
}

/// A factory that asks nobody, for checking a configuration: its sets are empty and unreachable.
#[derive(Clone, Copy, Debug)]
pub struct Offline;

impl KeySetFactory for Offline {
    fn open(&self, _location: &KeyLocation, _settings: &KeySettings) -> Arc<dyn Keys> {
        Arc::new(Self)
    }
}

impl Keys for Offline {
    fn lookup_now(&self, _kid: Option<&str>, _algorithm: Algorithm, _now: Now) -> Lookup {
        Lookup::Unreachable
    }

    fn lookup<'a>(
        &'a self,
        _kid: Option<&'a str>,
        _algorithm: Algorithm,
        _now: Now,
    ) -> BoxFuture<'a, Answer> {
        let answer = Answer::Unavailable {
            reason: UnavailableReason::KeysUnreachable,
            detail: "nothing is fetched here".into(),
            retry_after: Duration::ZERO,
        };
        Box::pin(std::future::ready(answer))
    }

    fn holds(&self, _thumbprint: Thumbprint, _now: Now) -> bool {
        false
    }
}
