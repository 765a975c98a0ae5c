//! `cargo xtask bench session`: every bar that sessions have to clear, one part after the other.

use super::parts::Part;

mod decision;
mod file;
mod flood;
mod site;
mod visitor;

pub(crate) const PARTS: &[Part] = &[
    ("cached-session", decision::measure),
    ("flood", flood::measure),
    ("file-store", file::measure),
];
