//! Certificates: read strictly, verified against authorities, looked up in revocation lists.
//!
//! Nothing here opens a socket, reads a file or asks the time. Reading order: [`certificate`], [`name`], [`san`] say
//! what is in a certificate; [`authorities`], [`verify`], [`crl`] say whether it holds; [`forwarded`] takes
//! one from the proxy in front.

pub mod authorities;
pub mod certificate;
pub mod crl;
mod der;
pub mod forwarded;
pub mod name;
pub mod pem;
pub mod san;
mod signature;
pub mod svid;
pub mod text_pattern;
pub mod verify;

/// The test kit's authority, which stands above this crate but needs nothing of what stands between.
#[cfg(test)]
#[path = "../../testkit/src/pki.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "it is part of the test kit, which has its own uses for it"
)]
mod pki;
