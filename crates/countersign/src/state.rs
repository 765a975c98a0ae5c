//! The state folder: last good key sets, the admin socket.

use crate::config::Environment;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The folder to use: the one named, `$STATE_DIRECTORY` (systemd), `/var/lib/countersign` when it is there or can be
/// made, else `$XDG_STATE_HOME/countersign` or `~/.local/state/countersign`. Made with mode 0700. Fails with the reason
/// when none can be written to: the gateway goes on without.
pub fn folder(named: Option<&Path>, environment: &Environment) -> Result<PathBuf, String> {
    let variable = |name: &str| (environment.variable)(name).filter(|value| !value.is_empty());
    if let Some(path) = named {
        return usable(path).map(|()| path.to_owned());
    }
    if let Some(paths) = variable("STATE_DIRECTORY") {
        let first = PathBuf::from(paths.split(':').next().unwrap_or(&paths));
        return usable(&first).map(|()| first);
    }
    let shared = PathBuf::from("/var/lib/countersign");
    if usable(&shared).is_ok() {
        return Ok(shared);
    }
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let own = variable("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    let own = own
        .ok_or("neither $STATE_DIRECTORY nor $XDG_STATE_HOME nor $HOME is set")?
        .join("countersign");
    usable(&own).map(|()| own)
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

/// Whether others than its owner can look into the folder.
pub fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
}
