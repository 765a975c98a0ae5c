//! People log in end to end: the examples as they stand, with a real provider (oidc-provider), in real Chromium and with
//! curl.

mod browser;
mod curl;
mod hosts;
mod killed;
pub(crate) mod migrated;
mod nodes;
mod open;
mod out;
mod site;
