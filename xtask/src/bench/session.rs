//! `cargo xtask bench session`: every bar that sessions have to clear, one part after the other.

use super::parts::Part;

mod file;

pub(crate) const PARTS: &[Part] = &[("file-store", file::measure)];
