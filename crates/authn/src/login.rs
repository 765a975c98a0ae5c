//! Browsers that log in at an OpenID Provider: `[login.NAME]`. Not built yet but for its parts: `cookies`, `transaction`
//! (what is known again when the browser comes back).

pub mod cookies;
pub mod transaction;

/// The name of its tables.
pub const TABLE: &str = "login";
