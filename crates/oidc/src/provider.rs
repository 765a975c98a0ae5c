//! The OpenID Provider: what applications ask of us, and what they are told (OpenID Connect Core section 3.1, seen from the
//! other side).
//!
//! Reading order: [`site`] and [`client`] (who may ask), [`authorize`] and [`scope`] (what the browser brings), [`response`] (what it takes
//! back), [`token`] (what a client redeems), [`assertion`] (how it may sign for itself), [`claims`] (what it is told about the user), [`metadata`] (what we say of
//! ourselves).

pub mod assertion;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod metadata;
pub mod response;
pub mod scope;
pub mod site;
pub mod token;
