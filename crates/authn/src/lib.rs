//! The ways of proving who you are, and what a route may ask beyond that.
//!
//! Reading order: [`kinds`] (the one list), [`anonymous`], [`bearer_jwt`], [`jwt_svid`], [`introspection`], [`client_certificate`]; what a
//! token needs: [`keys`], [`key_ring`], [`token_cache`]; what a certificate needs: [`presented`], [`revocations`]; what both
//! need: [`bundles`]; what a login needs: [`session`]; [`condition`]; and [`provider`], at which
//! others log in with a certificate.

pub mod anonymous;
pub mod bearer_jwt;
pub mod bundle_file;
pub mod bundles;
pub mod client_certificate;
pub mod condition;
pub(crate) mod gmac;
pub mod introspection;
pub mod jwt_svid;
pub mod key_ring;
pub mod keys;
pub mod kinds;
pub mod login;
pub mod presented;
pub mod provider;
pub mod revocations;
pub mod session;
pub mod token_cache;

#[cfg(test)]
mod dice;

/// The test kit's authority, which stands above this crate but needs nothing of what stands between.
#[cfg(test)]
#[path = "../../testkit/src/pki.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "it is part of the test kit, which has its own uses for it"
)]
mod pki;
