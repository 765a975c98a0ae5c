//! The state folder: last good key sets, the admin socket.

use crate::config::Environment;
use crate::run::{SESSIONS, SESSIONS_KEY};
use countersign_edge::key_sets::A_KEY_SET;
use countersign_edge::provider_keys;
use countersign_edge::revocation_lists::A_LIST;
use std::fs::DirEntry;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where the state of a service is kept when nobody says otherwise.
const SHARED: &str = "/var/lib/countersign";

/// What a gateway keeps there is called so, or begins with that.
const NAMES: [&str; 3] = [provider_keys::BLOB, SESSIONS_KEY, SESSIONS];
const PREFIXES: [&str; 2] = [A_LIST, A_KEY_SET];

/// How many bytes there is to be room for.
const PROBED: usize = 4096;

/// Where the state of a gateway is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFolder {
    /// Here.
    Written(PathBuf),
    /// What is in here counts, and nothing can be written to it: why.
    ReadOnly(PathBuf, String),
    /// Nowhere: why.
    None(String),
}

impl StateFolder {
    /// Where something can be written.
    pub fn writable(&self) -> Option<&Path> {
        match self {
            Self::Written(path) => Some(path),
            Self::ReadOnly(..) | Self::None(_) => None,
        }
    }
}

/// The folder to use: the one named, or `$STATE_DIRECTORY` (systemd), whether it can be written to or only read. Otherwise
/// `/var/lib/countersign` or `$XDG_STATE_HOME/countersign` (`~/.local/state/countersign`): the first in which a gateway of
/// this user has kept something, also where it can be read only; else the first that can be written to. Made with mode 0700.
pub fn folder(named: Option<&Path>, environment: &Environment) -> StateFolder {
    let candidates = candidates(named, environment);
    let only = match &*candidates {
        [only] => Some(only),
        several => several.iter().find(|path| keeps(path, is_ours)),
    };
    if let Some(path) = only {
        return match usable(path) {
            Ok(()) => StateFolder::Written(path.clone()),
            Err(why) if std::fs::read_dir(path).is_ok() => StateFolder::ReadOnly(path.clone(), why),
            Err(why) => StateFolder::None(why),
        };
    }
    let mut reason = "neither $STATE_DIRECTORY nor $XDG_STATE_HOME nor $HOME is set".to_owned();
    for path in candidates {
        match usable(&path) {
            Ok(()) => return StateFolder::Written(path),
            Err(why) => reason = why,
        }
    }
    StateFolder::None(reason)
}

/// The folder of a gateway: the first of the same places that has a `file` of its own, else the first. Nothing is made.
pub fn folder_with(file: &str, named: Option<&Path>, environment: &Environment) -> PathBuf {
    let candidates = candidates(named, environment);
    let there = candidates.iter().find(|path| path.join(file).exists());
    there.or(candidates.first()).cloned().unwrap_or_default()
}

/// The folder of a gateway: the first of the same places with a file whose name begins with `prefix`, else the first that
/// cannot be looked into, else the first. Nothing is made.
pub fn folder_keeping(prefix: &str, named: Option<&Path>, environment: &Environment) -> PathBuf {
    let candidates = candidates(named, environment);
    let begins = |entry: &DirEntry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(prefix.as_bytes())
    };
    let there = candidates.iter().find(|path| keeps(path, begins));
    let closed =
        |path: &&PathBuf| std::fs::read_dir(path).is_err_and(|error| error.kind() != ErrorKind::NotFound);
    let there = there.or_else(|| candidates.iter().find(closed));
    there.or(candidates.first()).cloned().unwrap_or_default()
}

/// Whether others than its owner can write to the folder.
pub fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o022 != 0)
}

/// Where the state may be, in the order of preference. What was named is the only place.
fn candidates(named: Option<&Path>, environment: &Environment) -> Vec<PathBuf> {
    let variable = |name: &str| (environment.variable)(name).filter(|value| !value.is_empty());
    if let Some(path) = named {
        return vec![path.to_owned()];
    }
    if let Some(paths) = variable("STATE_DIRECTORY") {
        return vec![paths.split(':').next().unwrap_or(&paths).into()];
    }
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let own = variable("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    std::iter::once(PathBuf::from(SHARED))
        .chain(own.map(|own| own.join("countersign")))
        .collect()
}

/// Whether there is such an entry in the folder.
fn keeps(folder: &Path, is_such: impl Fn(&DirEntry) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.flatten().any(|entry| is_such(&entry))
}

/// Whether it is a file that a gateway of this user keeps.
fn is_ours(entry: &DirEntry) -> bool {
    let us = std::fs::metadata("/proc/self").map(|facts| facts.uid());
    let facts = entry.metadata().ok().filter(std::fs::Metadata::is_file);
    let name = entry.file_name();
    let name = name.as_encoded_bytes();
    let is_state = NAMES.iter().any(|known| name == known.as_bytes())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()));
    is_state && facts.zip(us.ok()).is_some_and(|(facts, us)| facts.uid() == us)
}

/// Makes the folder where it is missing, and tries to write into it.
pub fn usable(path: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(told)?;
    }
    let probe = path.join(format!(".probe.{}", std::process::id()));
    // Of a process that was killed and was called so, too.
    drop(std::fs::remove_file(&probe));
    let written = write_probe(&probe);
    let removed = std::fs::remove_file(&probe);
    written.and(removed).map_err(told)
}

/// Where there is no room an empty file can be made all the same.
fn write_probe(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(&[0; PROBED])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testkit::folder::Folder;

    fn environment(variables: &[(&'static str, String)]) -> Environment {
        let variables = variables.to_vec();
        let of = move |name: &str| {
            variables
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| value.clone())
        };
        Environment {
            variable: Box::new(of),
            ..Environment::empty()
        }
    }

    #[test]
    fn the_named_folder_goes_before_systemds_and_both_are_made_for_their_owner_alone() {
        let folder = Folder::new();
        let at = |name: &str| folder.0.join(name);
        let systemd = environment(&[("STATE_DIRECTORY", format!("{}:/else", at("systemd").display()))]);
        let written = |name: &str| StateFolder::Written(at(name));
        assert_eq!(super::folder(Some(&at("named")), &systemd), written("named"));
        assert_eq!(super::folder(None, &systemd), written("systemd"));
        for name in ["named", "systemd"] {
            assert!(!is_open(&at(name)), "{name}");
            assert_eq!(
                std::fs::read_dir(at(name)).unwrap().count(),
                0,
                "the probe is gone"
            );
        }
        assert!(!at("else").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_reason_and_not_another_folder() {
        let folder = Folder::new();
        folder.write("file", "");
        let named = folder.0.join("file/state");
        let none = super::folder(Some(&named), &environment(&[]));
        assert!(matches!(none, StateFolder::None(_)), "{none:?}");
        assert_eq!(none.writable(), None);
    }

    /// In this one not even root can make a file.
    #[test]
    fn a_folder_that_can_only_be_read_is_read() {
        let named = Path::new("/proc/self/task");
        let only = folder(Some(named), &environment(&[]));
        let StateFolder::ReadOnly(path, why) = &only else {
            panic!("{only:?}")
        };
        assert!(path == named && why.contains("/proc/self/task"), "{why}");
        assert_eq!(only.writable(), None);
        let systemd = environment(&[("STATE_DIRECTORY", named.display().to_string())]);
        assert_eq!(folder(None, &systemd), only);
    }

    #[test]
    fn where_something_is_kept_goes_before_what_could_be_made() {
        let folder = Folder::new();
        let own = environment(&[("XDG_STATE_HOME", folder.0.display().to_string())]);
        let state = folder.0.join("countersign");
        std::fs::create_dir(&state).unwrap();
        for name in [
            ".probe.1",
            ".crl-00.17",
            "README",
            "crl",
            "provider-keys.old",
            "countersign.toml",
        ] {
            folder.write(&format!("countersign/{name}"), "");
            assert!(!keeps(&state, is_ours), "{name} is no state");
        }
        for name in [
            "keys-00",
            "provider-keys",
            "session.key",
            "sessions.redb",
            "crl-test",
        ] {
            let file = folder.write(&format!("countersign/{name}"), "");
            assert!(keeps(&state, is_ours), "{name}");
            std::fs::remove_file(file).unwrap();
        }
        folder.write("countersign/crl-test", "");
        assert_eq!(folder_keeping("crl-te", None, &own), state);
        assert_eq!(folder_keeping("crl-no", Some(&state), &own), state);
        // Where this machine keeps something in the shared folder, that is the first.
        if !keeps(Path::new(SHARED), is_ours) {
            assert_eq!(super::folder(None, &own), StateFolder::Written(state));
        }
    }

    #[test]
    fn looking_for_a_running_gateway_makes_nothing() {
        let folder = Folder::new();
        let named = folder.0.join("named");
        assert_eq!(folder_with("a.sock", Some(&named), &environment(&[])), named);
        assert!(!named.exists());
        let own = environment(&[("XDG_STATE_HOME", folder.0.display().to_string())]);
        std::fs::create_dir(folder.0.join("countersign")).unwrap();
        folder.write("countersign/unit-test.sock", "");
        assert_eq!(
            folder_with("unit-test.sock", None, &own),
            folder.0.join("countersign")
        );
        assert_eq!(folder_with("no-such.sock", None, &own), Path::new(SHARED));
    }
}
