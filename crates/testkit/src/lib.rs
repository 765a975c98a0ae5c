//! A world that stands still: nothing here waits, draws dice or leaves the machine.
//!
//! - [`clock`], [`entropy`], [`kept`]: the world outside, moved by hand;
//! - [`keys`], [`tokens`]: test keys that never change, and tokens in every shape that must be refused;
//! - [`pki`]: certificates and revocation lists, good and bad;
//! - [`op`]: issuers in the same process, each with a switch for every way they can fail;
//! - [`upstream`]: the application, which writes down what reached it;
//! - [`world`]: all of these behind the ports the gateway asks for;
//! - [`store_suite`]: what every store of sessions does;
//! - [`scenario`]: pages of documentation that are checked;
//! - [`folder`]: a folder of one test;
//! - [`mutate`]: seeded mutations for whatever decodes strangers' bytes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is only part of tests, and a test panics when it must"
)]

pub mod away;
pub mod clock;
pub mod entropy;
pub mod folder;
pub mod kept;
pub mod keys;
pub mod mutate;
pub mod op;
pub mod pki;
pub mod scenario;
pub mod store_suite;
pub mod tokens;
pub mod upstream;
pub mod world;
