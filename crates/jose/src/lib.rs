//! JWT, JWS and JWK: what a token says, and whether its issuer said it.
//!
//! Reading order: [`json`] and [`token`] (how it is written), [`algorithm`], [`key`], [`jwks`] and [`trust_bundle`] (who
//! can have signed it), [`claims`] (what it must say), [`verify`] (all of it together), [`sign`] and [`public_key`]
//! (the other side), [`hash`].
//!
//! The signature library is seen in this crate only. Randomness inside it (ECDSA, PSS, key making) is its own.

pub mod algorithm;
pub mod claims;
mod der;
pub mod hash;
pub mod json;
pub mod jwks;
pub mod key;
pub mod public_key;
pub mod sign;
pub mod token;
pub mod trust_bundle;
pub mod verify;
