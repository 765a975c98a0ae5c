//! Files that are whole or not there: written beside their place, flushed to the disk, and then given their name.

use super::folder::{INDEX, ISSUED};
use crate::state::is_open;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Of keys, and of what tells about people: nobody else's to read.
pub(super) const SECRET: u32 = 0o600;
/// What neither the owner nor the group of a file is.
pub(super) const OTHERS: u32 = 0o007;
/// Of certificates.
pub(super) const PUBLIC: u32 = 0o644;

/// A file that is on the disk and has not got its name yet. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Staged {
    temporary: PathBuf,
    path: PathBuf,
    /// The path as it was given, for whoever reads of it.
    shown: PathBuf,
}

impl Staged {
    /// Writes `bytes` beside `path`, with `mode`. What is there already keeps its owner, its group and its mode: whoever
    /// reads it now can read what takes its place, but for others where it is a secret. Behind a link it is the file itself
    /// that is replaced. In a folder that others can write into, what is there may be theirs: no link is followed, and a
    /// secret is given to nobody. In the authority's own folder it may be theirs from when they could: what belongs neither to
    /// root nor to the folder's owner is neither followed nor kept.
    pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<Self, String> {
        let shared = is_open(folder_of(path));
        let given = std::fs::symlink_metadata(path);
        let real = if shared || given.is_ok_and(|given| is_planted(&given, folder_of(path))) {
            path.to_owned()
        } else {
            std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
        };
        let name = real.file_name().unwrap_or_default().to_string_lossy();
        let temporary = real.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let staged = Self {
            temporary,
            path: real,
            shown: path.to_owned(),
        };
        let former = std::fs::symlink_metadata(&staged.path).ok();
        let former = former.filter(|former| former.is_file() && !is_planted(former, folder_of(&staged.path)));
        let shared = shared || is_open(folder_of(&staged.path));
        staged
            .fill(bytes, mode, former, shared)
            .map_err(|error| told(path, &error))?;
        Ok(staged)
    }

    fn fill(&self, bytes: &[u8], mode: u32, former: Option<Metadata>, shared: bool) -> io::Result<()> {
        // What a process of the same number left when it was killed.
        drop(std::fs::remove_file(&self.temporary));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&self.temporary)?;
        let ours = file.metadata()?.uid();
        let keeps = |facts: &Metadata| mode != SECRET || !shared || facts.uid() == ours;
        if let Some(facts) = former.filter(keeps) {
            std::os::unix::fs::fchown(&file, Some(facts.uid()), Some(facts.gid()))?;
            let others = if mode == SECRET { OTHERS } else { 0 };
            file.set_permissions(Permissions::from_mode(facts.mode() & !others & 0o777))?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Gives it its name, in place of whatever had it.
    pub(super) fn place(self) -> Result<PathBuf, String> {
        let named = std::fs::rename(&self.temporary, &self.path);
        let named = named.and_then(|()| File::open(folder_of(&self.path))?.sync_all());
        named.map_err(|error| told(&self.shown, &error))?;
        Ok(self.shown.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `place` there is nothing of this name.
        drop(std::fs::remove_file(&self.temporary));
    }
}

/// Writes a file whole, in place of whatever had its name.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<PathBuf, String> {
    Staged::write(path, bytes, mode)?.place()
}

/// Whether a file is called as one that has not got its name yet.
pub(super) fn is_staged(name: &str) -> bool {
    let number = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".new"));
    let number = number.and_then(|rest| rest.rsplit_once('.'));
    number.is_some_and(|(_, number)| number.parse::<u32>().is_ok())
}

/// Whether something in `folder`, an authority's own, or that of what it has issued, is neither root's nor the folder's owner's.
fn is_planted(facts: &Metadata, folder: &Path) -> bool {
    let has_index = |folder: &Path| folder.join(INDEX).exists();
    let of_authority = has_index(folder) || (folder.ends_with(ISSUED) && has_index(folder_of(folder)));
    let owner = std::fs::metadata(folder).map(|folder| folder.uid());
    of_authority && facts.uid() != 0 && owner.is_ok_and(|owner| owner != facts.uid())
}

/// The folder that a path is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// What went wrong with a file.
pub(super) fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
