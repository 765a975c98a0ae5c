//! The state folder: last good key sets, the admin socket.

use crate::config::Environment;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where the state of a service is kept when nobody says otherwise.
const SHARED: &str = "/var/lib/countersign";

/// The folder to use: the one named, `$STATE_DIRECTORY` (systemd), `/var/lib/countersign` when it is there or can be
/// made, else `$XDG_STATE_HOME/countersign` or `~/.local/state/countersign`. Made with mode 0700. Fails with the reason
/// when none can be written to: the gateway goes on without.
pub fn folder(named: Option<&Path>, environment: &Environment) -> Result<PathBuf, String> {
    let mut reason = "neither $STATE_DIRECTORY nor $XDG_STATE_HOME nor $HOME is set".to_owned();
    for path in candidates(named, environment) {
        match usable(&path) {
            Ok(()) => return Ok(path),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

/// The folder of a gateway: the first of the same places that has a `file` of its own, else the first. Nothing is made.
pub fn folder_with(file: &str, named: Option<&Path>, environment: &Environment) -> PathBuf {
    let candidates = candidates(named, environment);
    let there = candidates.iter().find(|path| path.join(file).exists());
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

/// Makes the folder where it is missing, and tries to write into it.
fn usable(path: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(told)?;
    }
    let probe = path.join(format!(".probe.{}", std::process::id()));
    std::fs::write(&probe, b"").map_err(told)?;
    std::fs::remove_file(&probe).map_err(told)
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
        assert_eq!(super::folder(Some(&at("named")), &systemd), Ok(at("named")));
        assert_eq!(super::folder(None, &systemd), Ok(at("systemd")));
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
    fn a_folder_that_cannot_be_written_to_is_a_reason_and_not_another_folder() {
        let folder = Folder::new();
        folder.write("file", "");
        let named = folder.0.join("file/state");
        assert!(super::folder(Some(&named), &environment(&[])).is_err());
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
