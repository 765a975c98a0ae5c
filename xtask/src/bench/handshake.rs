//! `cargo xtask bench handshake`: every bar that mutual TLS has to clear, one part after the other.
//!
//! Both servers have the same certificate and the same authority, end TLS themselves, and name the client in a header of
//! an empty answer. Both are asked by one client ([`crate::handshakes`]), which offers X25519 alone and one cipher suite
//! per version, and takes no session up again.

use super::parts::Part;

mod full;
mod memory;
mod reloaded;
mod revocation;
mod servers;

pub(crate) const PARTS: &[Part] = &[
    ("tls-1.3", full::tls_1_3),
    ("tls-1.2", full::tls_1_2),
    ("revocation", revocation::measure),
    ("crl-reload", reloaded::measure),
    ("idle-memory", memory::measure),
];
