//! The relying party: how people are sent to log in, and what is made of the answer (OpenID Connect Core section 3.1).
//!
//! Reading order: [`authorization`] (the request the browser carries), [`callback`] (the answer it brings back), [`client`] (how
//! we prove ourselves), [`token`] (code for tokens), [`refresh`].

pub mod authorization;
pub mod callback;
pub mod client;
pub mod refresh;
pub mod token;
