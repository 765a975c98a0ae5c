//! `--name VALUE` after a chore's name.

use crate::Failure;
use std::str::FromStr;

/// The options of one chore.
pub(crate) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// Reads `--name VALUE` pairs; only the names in `known` are taken.
    pub(crate) fn read(words: &[&'a str], known: &[&str]) -> Result<Self, Failure> {
        let mut options = Vec::new();
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if !known.contains(name) {
                return Err(format!("no option {name:?}; known are: {}", known.join(", ")).into());
            }
            let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
            options.push((*name, *value));
        }
        Ok(Self(options))
    }

    /// What was given for `name`.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| *value)
    }

    /// The same as a number.
    pub(crate) fn number<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(otherwise);
        };
        text.parse::<T>()
            .map_err(|_| format!("{name} {text:?}: not such a number").into())
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn options_are_read_in_pairs_and_unknown_ones_refused() {
        let read = |words: &[&str]| {
            Options::read(words, &["--rounds"])
                .and_then(|options| options.number("--rounds", 7_u32))
                .map_err(|failure| failure.to_string())
        };
        assert_eq!(read(&[]), Ok(7));
        assert_eq!(read(&["--rounds", "3"]), Ok(3));
        assert!(read(&["--rounds"]).is_err());
        assert!(read(&["--rounds", "many"]).is_err());
        assert!(read(&["--round", "3"]).is_err_and(|why| why.contains("--rounds")));
    }
}
