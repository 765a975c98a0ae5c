//! The parts of a measurement, one after the other.

use super::Effort;
use super::bars::{Bar, conclude};
use super::servers::Bench;
use crate::{Failure, say};

/// A part: its name, and what it measures.
pub(crate) type Part = (&'static str, fn(&Bench, Effort) -> Result<Vec<Bar>, Failure>);

/// Measures every part, or the one called `only`.
pub(crate) fn run(parts: &[Part], bench: &Bench, only: Option<&str>, effort: Effort) -> Result<(), Failure> {
    let mut bars = Vec::new();
    for (name, measure) in parts {
        if only.is_none_or(|only| only == *name) {
            say(&format!("-- {name}"));
            bars.extend(measure(bench, effort)?);
        }
    }
    conclude(&bars)
}

/// Fails unless there is a part of this name.
pub(crate) fn must_be_known(parts: &[Part], only: &str) -> Result<(), Failure> {
    let names = parts.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    if names.contains(&only) {
        return Ok(());
    }
    Err(format!("no part {only:?}; known are: {}", names.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use super::must_be_known;

    #[test]
    fn a_part_is_named_as_it_is_called() {
        for parts in [
            crate::bench::decision::PARTS,
            crate::bench::handshake::PARTS,
            crate::bench::session::PARTS,
            crate::bench::sso::PARTS,
        ] {
            for (name, _) in parts {
                assert!(must_be_known(parts, name).is_ok());
                assert!(crate::HELP.contains(name), "{name} is not in the help");
            }
            assert!(must_be_known(parts, "nothing").is_err_and(|why| why.to_string().contains("nothing")));
        }
    }
}
