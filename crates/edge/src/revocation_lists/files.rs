//! Files and folders of files: which changed, and what is in them.

use crate::regular_file;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, MAX_CRL_BYTES};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most files of one folder.
const MAX_FILES: usize = 1000;
/// The most lists of one file, or of one answer.
const MAX_LISTS: usize = 1024;
/// What the files of a folder are called that are lists.
const EXTENSIONS: [&str; 3] = ["pem", "crl", "der"];

/// What can be seen of a file without reading it: device, inode, size, and when it and what is said of it were written last.
type Mark = (u64, u64, u64, [i64; 4]);

/// What is at each path of one table, as it was read last.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Place>);

/// One path: a file, or a folder of files.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Device and inode of the folder whose files these are.
    folder: Option<(u64, u64)>,
    files: BTreeMap<PathBuf, Known>,
    /// Why it could not be looked at the last time.
    trouble: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Default)]
struct Known {
    mark: Option<Mark>,
    /// Why it could not be read the last time: nothing need be seen of the file when it can be again.
    trouble: Option<String>,
    /// Whether there ever was a list in it.
    held: bool,
}

/// The lists of a file or an answer, as far as they can be relied on.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lists: Vec<Crl>,
    /// Of the others: why not.
    pub(super) refused: Vec<String>,
}

/// What a look at the files brought.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// What is in those that changed.
    pub(super) read: Vec<(PathBuf, Read)>,
    /// Those that were removed from a folder.
    pub(super) gone: Vec<PathBuf>,
    /// Those that cannot be read, and why.
    pub(super) refused: Vec<(PathBuf, String)>,
}

impl Files {
    /// Every file there was at the last look.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let all = self.0.values().flat_map(|place| place.files.keys());
        all.map(PathBuf::as_path)
    }

    /// Reads those of `paths`, and of the folders among them, that can be seen to have changed. One that cannot be read is
    /// told once for each time it changes; a folder that is itself gone is as it was.
    pub(super) fn look(&mut self, paths: &[PathBuf], authorities: &Authorities) -> Look {
        let mut look = Look::default();
        for path in paths {
            let place = self.0.entry(path.clone()).or_default();
            match place.names(path) {
                Ok(names) => {
                    place.trouble = None;
                    place.look(names, authorities, &mut look);
                }
                Err(why) if place.trouble.as_ref() == Some(&why) => {}
                Err(why) => {
                    place.trouble = Some(why.clone());
                    look.refused.push((path.clone(), why));
                }
            }
        }
        look
    }
}

impl Place {
    /// The files that `path` stands for now.
    fn names(&mut self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let facts = fs::metadata(path).ok().filter(Metadata::is_dir);
        let folder = facts.map(|facts| (facts.dev(), facts.ino()));
        if folder.is_none() {
            return match self.folder {
                // Renamed or removed with all that is in it: nobody took a list out of it.
                Some(_) if !path.is_file() => Err("the folder is not there any more".to_owned()),
                Some(_) | None => {
                    self.folder = None;
                    Ok(vec![path.to_owned()])
                }
            };
        }
        let names = names(path).map_err(|error| error.to_string())?;
        if names.is_empty() && self.folder != folder && self.files.values().any(|known| known.held) {
            // What is left of a mount, or a folder that is still being filled.
            return Err("another folder is in its place, with no list in it".to_owned());
        }
        self.folder = folder;
        Ok(names)
    }

    fn look(&mut self, names: Vec<PathBuf>, authorities: &Authorities, look: &mut Look) {
        let gone = self.files.keys().filter(|path| !names.contains(path));
        look.gone.extend(gone.cloned());
        self.files.retain(|path, _| names.contains(path));
        for path in names {
            let mark = fs::metadata(&path).as_ref().map(mark).ok();
            let known = self.files.entry(path.clone()).or_default();
            if known.trouble.is_none() && known.mark == mark && mark.is_some() {
                continue;
            }
            known.mark = mark;
            let bytes = match read_bounded(&path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let why = error.to_string();
                    if known.trouble.replace(why.clone()).as_ref() != Some(&why) {
                        look.refused.push((path, why));
                    }
                    continue;
                }
            };
            known.trouble = None;
            match Read::of(&bytes, authorities) {
                Ok(read) => {
                    known.held |= !read.lists.is_empty();
                    look.read.push((path, read));
                }
                Err(why) => look.refused.push((path, why)),
            }
        }
    }
}

impl Read {
    /// The lists in `bytes`: those that are signed by one of `authorities`, or by one that they may vouch for.
    pub(super) fn of(bytes: &[u8], authorities: &Authorities) -> Result<Self, String> {
        let lists = Crl::parse_all(bytes).map_err(|error| error.to_string())?;
        if lists.len() > MAX_LISTS {
            return Err(format!("more than {MAX_LISTS} lists"));
        }
        let mut read = Self::default();
        for list in lists {
            match list.check(authorities) {
                Ok(()) => read.lists.push(list),
                Err(error) => {
                    let issuer = list.issuer().rfc4514();
                    read.refused.push(format!("the list of {issuer}: {error}"));
                }
            }
        }
        Ok(read)
    }
}

/// The files of a folder.
fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            names.push(file);
        }
        if names.len() > MAX_FILES {
            let why = format!("more than {MAX_FILES} files");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
    Ok(names)
}

fn mark(facts: &Metadata) -> Mark {
    // With `chmod` alone, too, what could not be read can be.
    let times = [
        facts.mtime(),
        facts.mtime_nsec(),
        facts.ctime(),
        facts.ctime_nsec(),
    ];
    (facts.dev(), facts.ino(), facts.size(), times)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let told = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    // What gives its bytes once, or lets a reader wait, is not read.
    let Some(file) = regular_file::open(path)? else {
        return Err(told("not a file, and it is read again and again"));
    };
    let mut bytes = Vec::new();
    // PEM is longer than what it holds.
    let enough = MAX_CRL_BYTES.saturating_mul(3) / 2;
    let limit = u64::try_from(enough).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > enough {
        return Err(told("larger than a revocation list may be"));
    }
    Ok(bytes)
}
