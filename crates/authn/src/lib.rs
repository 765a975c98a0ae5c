//! The ways of proving who you are, and what a route may ask beyond that.
//!
//! Reading order: [`kinds`] (the one list), [`anonymous`], [`bearer_jwt`]; what a token needs: [`keys`], [`key_ring`],
//! [`token_cache`]; and [`condition`].

pub mod anonymous;
pub mod bearer_jwt;
pub mod condition;
pub mod key_ring;
pub mod keys;
pub mod kinds;
pub mod presented;
pub mod token_cache;
