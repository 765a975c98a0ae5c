//! When a changed configuration is taken: a pure judgement over what was read.
//!
//! An editor or a copy may be half-way. TOML cut off before `require` is sound and means "anybody"; so two readings a
//! second apart must agree, of the configuration and of every file it names, and a configuration that only lost its end is
//! not believed.

use crate::config::{Environment, Sources};
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use stamps::Stamps;

mod stamps;

/// How far apart the two readings are.
pub const BETWEEN_READINGS: Duration = Duration::from_secs(1);

/// Files that a configuration names (secrets, keys), by a digest of what is in them; `None` for one that cannot be read.
type Named = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// What was read at one time.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    /// The configuration.
    pub sources: Sources,
    /// The files it names.
    pub named: Named,
}

/// An environment that remembers which files were read through it.
#[derive(Debug)]
pub struct Recorder {
    environment: Environment,
    named: Arc<Mutex<Named>>,
    stamps: Arc<Mutex<Stamps>>,
}

impl Recorder {
    /// Reads through `inner`.
    pub fn around(inner: &Arc<Environment>) -> Self {
        let named = Arc::<Mutex<Named>>::default();
        let stamps = Arc::<Mutex<Stamps>>::default();
        let looked = Arc::clone(&stamps);
        let (variable, read) = (Arc::clone(inner), Arc::clone(inner));
        let (mode, now) = (Arc::clone(inner), Arc::clone(inner));
        let kept = Arc::clone(&named);
        let environment = Environment {
            variable: Box::new(move |name| (variable.variable)(name)),
            read: Box::new(move |path: &Path| {
                // First looked at, then read: what changes in between is seen as a change.
                looked.lock().unwrap_or_else(PoisonError::into_inner).look(path);
                let bytes = (read.read)(path);
                let seen = bytes
                    .as_ref()
                    .ok()
                    .map(|bytes| digest(&SHA256, bytes).as_ref().to_vec());
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(path.to_owned(), seen);
                bytes
            }),
            mode: Box::new(move |path| (mode.mode)(path)),
            now: Box::new(move || (now.now)()),
        };
        Self {
            environment,
            named,
            stamps,
        }
    }

    /// What the files looked like before they were read.
    pub fn stamps(&self) -> Stamps {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be read through.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What was read besides `sources`.
    pub fn reading(&self, sources: Sources) -> Reading {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Reading { sources, named }
    }
}

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
pub fn judge(in_force: &Sources, first: &Reading, second: &Reading) -> Result<(), NotTaken> {
    let (before, after) = (&first.sources.0, &second.sources.0);
    if let Some(changed) = after.iter().find(|source| !before.contains(source)) {
        return Err(NotTaken::StillChanging(changed.name.clone()));
    }
    if before.len() != after.len() {
        return Err(NotTaken::StillChanging("the folder".to_owned()));
    }
    let differs = |(path, seen): &(&PathBuf, &Option<Vec<u8>>)| first.named.get(*path) != Some(*seen);
    if let Some((path, _)) = second.named.iter().find(differs) {
        return Err(NotTaken::StillChanging(path.display().to_string()));
    }
    for source in after {
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
    use crate::config::shape;

    fn of(text: &str) -> Reading {
        Reading {
            sources: Sources::text("a.toml", text),
            ..Reading::default()
        }
    }

    fn judged(in_force: &str, first: &str, second: &str) -> Result<(), NotTaken> {
        judge(&of(in_force).sources, &of(first), &of(second))
    }

    #[test]
    fn two_readings_must_agree() {
        assert_eq!(judged("a", "b", "b"), Ok(()));
        assert_eq!(judged("a", "a", "a"), Ok(()));
        let changing = NotTaken::StillChanging("a.toml".to_owned());
        assert_eq!(judged("a", "b", "bc"), Err(changing));
    }

    #[test]
    fn a_folder_whose_files_come_and_go_is_still_being_written() {
        let one = Sources::text("a.toml", "a").0;
        let two = [one.clone(), Sources::text("b.toml", "b").0].concat();
        let reading = |sources: &[crate::config::source::Source]| Reading {
            sources: Sources(sources.to_vec()),
            ..Reading::default()
        };
        let judged = |first, second| judge(&Sources(two.clone()), &reading(first), &reading(second));
        assert!(matches!(judged(&two, &one), Err(NotTaken::StillChanging(_))));
        assert!(matches!(judged(&one, &two), Err(NotTaken::StillChanging(_))));
        assert_eq!(judged(&one, &one), Ok(()));
    }

    #[test]
    fn a_text_that_only_lost_its_end_is_not_believed() {
        let whole = "accept = [\"token.a\"]\nrequire = { groups = [\"ops\"] }\n";
        for end in 0..whole.len() {
            let cut = &whole[..end];
            assert!(
                matches!(judged(whole, cut, cut), Err(NotTaken::CutOff(_))),
                "{end}"
            );
        }
        let longer = format!("{whole}# more\n");
        assert_eq!(judged(whole, &longer, &longer), Ok(()));
        let other = "accept = [\"token.a\"]\n# no groups any more\n";
        assert_eq!(judged(whole, other, other), Ok(()));
    }

    #[test]
    fn the_files_a_configuration_names_are_read_twice_as_well() {
        let text = "config = 1\n[token.a]\nissuer = \"a\"\naudiences = \"x\"\npem_file = \"a.pem\"\n\
                    hmac_secret = { file = \"secret\" }\n";
        let sources = Sources::text("a.toml", text);
        let reading = |pem: &'static str, secret: Option<&'static str>| {
            let read = move |path: &Path| match path.to_str() {
                Some("a.pem") => Ok(pem.into()),
                _ => secret
                    .map(Into::into)
                    .ok_or_else(|| std::io::ErrorKind::NotFound.into()),
            };
            let recorder = Recorder::around(&Arc::new(Environment {
                read: Box::new(read),
                ..Environment::empty()
            }));
            drop(shape::read(&sources, recorder.environment()));
            recorder.reading(sources.clone())
        };
        let first = reading("key", Some("s3cr3t"));
        assert_eq!(first.named.len(), 2);
        assert!(
            !format!("{first:?}").contains("s3cr3t"),
            "what is in them is not kept"
        );
        let judged = |second: &Reading| judge(&sources, &first, second);
        assert_eq!(judged(&reading("key", Some("s3cr3t"))), Ok(()));
        for second in [
            reading("ke", Some("s3cr3t")),
            reading("key", Some("s3cr3")),
            reading("key", None),
        ] {
            assert!(matches!(judged(&second), Err(NotTaken::StillChanging(_))));
        }
    }
}
