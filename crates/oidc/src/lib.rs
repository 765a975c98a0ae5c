//! OpenID Connect as values and states; no I/O.
//!
//! So far only [`discovery`], which bearer tokens need to find their issuer's keys. The relying party and the provider
//! come with the login.

pub mod discovery;
