//! `cargo xtask bench decision`: every bar that a decision has to clear, one part after the other.

use super::parts::Part;
use super::{growth, in_process, side_by_side, start};

pub(crate) const PARTS: &[Part] = &[
    ("same-token", side_by_side::same_token),
    ("many-rs256", side_by_side::many_rs256),
    ("many-es256", side_by_side::many_es256),
    ("behind-nginx", side_by_side::behind_nginx),
    ("in-process", in_process::tokens),
    ("rules", in_process::rules),
    ("start", start::measure),
    ("growth", growth::measure),
];
