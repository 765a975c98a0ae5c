//! OpenID Connect as values and states; no I/O. Requests are `http::Request`s that somebody else sends, answers are read as
//! they came.
//!
//! Reading order: [`discovery`] (what a provider says about itself) and [`issuer`] (who it is), [`relying_party`] (how people
//! log in there), [`id_token`] and [`userinfo`] (what it says about them), [`logout`] and [`revocation`] (how that ends);
//! [`introspection`] (tokens that only their issuer can read); [`answer`] and `form` (what all of them share).

pub mod answer;
pub mod discovery;
mod form;
pub mod id_token;
pub mod introspection;
pub mod issuer;
pub mod logout;
pub mod provider;
pub mod relying_party;
pub mod revocation;
pub mod userinfo;

#[cfg(test)]
mod dice;
#[cfg(test)]
mod signed;
