//! Certificate single sign-on end to end: our own OpenID Provider, and other people's clients at it, unchanged.

mod browser;
mod clients;
mod example;
mod keys;
mod migrated;
mod site;
