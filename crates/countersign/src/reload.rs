//! When a changed configuration is taken: a pure judgement over what was read.
//!
//! An editor or a copy may be half-way. TOML cut off before `require` is sound and means "anybody"; so two readings a
//! second apart must agree, and a text that only lost its end is not believed.

use crate::config::Sources;
use std::time::Duration;

/// How far apart the two readings are.
pub const BETWEEN_READINGS: Duration = Duration::from_secs(1);

/// Why what was read is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The two readings differ.
    #[error("{0} changed while it was read: it is still being written; reload again when it is done")]
    StillChanging(String),
    /// A file is what it was, cut short.
    #[error(
        "{0} is what it was, cut off: its end is missing; if that is meant, change something else in it too"
    )]
    CutOff(String),
}

/// Judges two readings against the configuration in force.
pub fn judge(in_force: &Sources, first: &Sources, second: &Sources) -> Result<(), NotTaken> {
    if let Some(changed) = second.0.iter().find(|source| !first.0.contains(source)) {
        return Err(NotTaken::StillChanging(changed.name.clone()));
    }
    if first.0.len() != second.0.len() {
        return Err(NotTaken::StillChanging("the folder".to_owned()));
    }
    for source in &second.0 {
        let before = in_force.0.iter().find(|before| before.name == source.name);
        if before.is_some_and(|before| {
            before.text.len() > source.text.len() && before.text.starts_with(&source.text)
        }) {
            return Err(NotTaken::CutOff(source.name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sources {
        Sources::text("a.toml", text)
    }

    #[test]
    fn two_readings_must_agree() {
        assert_eq!(judge(&of("a"), &of("b"), &of("b")), Ok(()));
        assert_eq!(judge(&of("a"), &of("a"), &of("a")), Ok(()));
        assert!(matches!(
            judge(&of("a"), &of("b"), &of("bc")),
            Err(NotTaken::StillChanging(_))
        ));
    }

    #[test]
    fn a_text_that_only_lost_its_end_is_not_believed() {
        let whole = "accept = [\"token.a\"]\nrequire = { groups = [\"ops\"] }\n";
        for end in 0..whole.len() {
            let cut = of(&whole[..end]);
            assert!(
                matches!(judge(&of(whole), &cut, &cut), Err(NotTaken::CutOff(_))),
                "{end}"
            );
        }
        let longer = of(&format!("{whole}# more\n"));
        assert_eq!(judge(&of(whole), &longer, &longer), Ok(()));
        let other = of("accept = [\"token.a\"]\n# no groups any more\n");
        assert_eq!(judge(&of(whole), &other, &other), Ok(()));
    }
}
