//! `cargo xtask bench decision`: every bar that a decision has to clear, one part after the other.

use super::bars::{Bar, conclude};
use super::servers::Bench;
use super::{Effort, growth, in_process, side_by_side, start};
use crate::{Failure, say};

/// A part: its name, and what it measures.
type Part = (&'static str, fn(&Bench, Effort) -> Result<Vec<Bar>, Failure>);

const PARTS: [Part; 8] = [
    ("same-token", side_by_side::same_token),
    ("many-rs256", side_by_side::many_rs256),
    ("many-es256", side_by_side::many_es256),
    ("behind-nginx", side_by_side::behind_nginx),
    ("in-process", in_process::tokens),
    ("rules", in_process::rules),
    ("start", start::measure),
    ("growth", growth::measure),
];

/// Measures every part, or the one called `only`.
pub(crate) fn run(bench: &Bench, only: Option<&str>, effort: Effort) -> Result<(), Failure> {
    let mut bars = Vec::new();
    for (name, measure) in PARTS {
        if only.is_none_or(|only| only == name) {
            say(&format!("-- {name}"));
            bars.extend(measure(bench, effort)?);
        }
    }
    conclude(&bars)
}

/// Fails unless there is a part of this name.
pub(crate) fn must_be_known(only: &str) -> Result<(), Failure> {
    let names = PARTS.map(|(name, _)| name);
    if names.contains(&only) {
        return Ok(());
    }
    Err(format!("no part {only:?}; known are: {}", names.join(", ")).into())
}
