//! What others on this machine can read, change or put in the place of: nothing of that is believed or vouched for.

use super::written::{OTHERS, folder_of, told};
use crate::state;
use std::fs::metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Refuses a folder that others can write into.
pub(super) fn refuse_shared(folder: &Path) -> Result<(), String> {
    if !state::is_open(folder) {
        return Ok(());
    }
    Err(format!(
        "others can write into {0}, and put their own certificates and keys there: `chmod go-w {0}`",
        folder.display()
    ))
}

/// Refuses a folder within the authority's that others can write into, or own: they could at any time.
pub(super) fn refuse_anothers(path: &Path, authority: &Path) -> Result<(), String> {
    refuse_shared(path)?;
    if is_anothers(path, authority) {
        return Err(format!(
            "{0} is another's, who can put their own certificates and keys there: look at what is in it, then `chown {1} {0}`",
            path.display(),
            owner(authority)
        ));
    }
    Ok(())
}

/// Refuses an index that others can write, or that lies where they can put another.
pub(super) fn refuse_anothers_index(index: &Path, authority: &Path) -> Result<(), String> {
    let real = real(index);
    refuse_anothers(folder_of(&real), authority)?;
    let anothers = is_anothers(&real, authority);
    if !anothers && !state::is_open(&real) {
        return Ok(());
    }
    let (shown, owner) = (index.display(), owner(authority));
    let (why, mend) = if anothers {
        (format!("{shown} is another's"), format!("chown {owner} {shown}"))
    } else {
        (format!("others can write {shown}"), format!("chmod go-w {shown}"))
    };
    Err(format!(
        "{why}, and what it says of certificates may be theirs: look at it, then `{mend}`"
    ))
}

/// Refuses a key that anybody on this machine may have read.
pub(super) fn refuse_open(key: &Path) -> Result<(), String> {
    match metadata(key) {
        Ok(facts) if facts.mode() & OTHERS != 0 => Err(format!(
            "everybody on this machine can read or change {0}: `chmod o-rwx {0}`, or make a new authority if somebody may have",
            key.display()
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Refuses to vouch once more for a key that somebody else put there or may have read.
pub(super) fn may_be_kept(key: &Path, is_ours: bool) -> Result<(), String> {
    let real = std::fs::canonicalize(key).map_err(|error| told(key, &error))?;
    for folder in [folder_of(key), folder_of(&real)] {
        refuse_shared(folder)?;
    }
    let facts = metadata(&real).map_err(|error| told(key, &error))?;
    let owner = metadata(folder_of(&real)).map_err(|error| told(key, &error))?;
    // Elsewhere a key may have been given to the program that uses it.
    let of_another = is_ours && facts.uid() != 0 && facts.uid() != owner.uid();
    if facts.mode() & OTHERS == 0 && !of_another {
        return Ok(());
    }
    let why = if of_another {
        "is another's"
    } else {
        "can be read or changed by everybody on this machine"
    };
    Err(format!(
        "{} {why}, and a key that may be somebody else's is not vouched for again: without --keep-key a new one is made",
        key.display()
    ))
}

/// Whether somebody owns it who is neither root nor the owner of the authority's folder.
fn is_anothers(path: &Path, authority: &Path) -> bool {
    metadata(path).is_ok_and(|facts| facts.uid() != 0 && facts.uid() != owner(authority))
}

fn owner(authority: &Path) -> u32 {
    metadata(authority).map_or(0, |facts| facts.uid())
}

/// Where a link leads.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
