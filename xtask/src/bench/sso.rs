//! `cargo xtask bench sso`: what it costs to sign somebody in by a certificate, and what is left of those who never come
//! back.

use super::parts::Part;

mod abandoned;
mod login;
mod sites;
mod visitor;

pub(crate) const PARTS: &[Part] = &[
    ("silent-login", login::measure),
    ("abandoned", abandoned::measure),
];
