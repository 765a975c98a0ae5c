//! Files and folders of files: which changed, and what is in them.

use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex, MAX_CRL_BYTES};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most files of one table, folders opened.
const MAX_FILES: usize = 1000;
/// What the files of a folder are called that are lists.
const EXTENSIONS: [&str; 3] = ["pem", "crl", "der"];

/// What can be seen of a file without reading it: device, inode, size, and when it was written last.
type Mark = (u64, u64, u64, i64, i64);

/// The files of one table, as they were read last.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Known>);

/// One file. When it could not be taken, its lists are those from before.
#[derive(Clone, Debug, Default)]
struct Known {
    mark: Option<Mark>,
    lists: Vec<Crl>,
}

/// What a look at the files brought.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Whether a list came, went or was replaced.
    pub(super) changed: bool,
    /// Files that were not taken, and why.
    pub(super) refused: Vec<(PathBuf, String)>,
}

impl Files {
    /// Every list, and the file it is in.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&Path, &Crl)> {
        let all = self.0.iter();
        all.flat_map(|(path, known)| known.lists.iter().map(move |list| (path.as_path(), list)))
    }

    /// Reads those of `paths`, and of the folders among them, that can be seen to have changed. One that cannot be taken
    /// keeps the lists it had, and is refused once for each time it changes; one that was removed from a folder is gone.
    pub(super) fn look(&mut self, paths: &[PathBuf], authorities: &Authorities) -> Look {
        let (mut look, mut there) = (Look::default(), Vec::new());
        for path in paths {
            match names(path) {
                Ok(names) => there.extend(names),
                Err(error) => {
                    look.refused.push((path.clone(), error.to_string()));
                    return look;
                }
            }
        }
        let before = self.0.len();
        self.0.retain(|path, _| there.contains(path));
        look.changed = self.0.len() < before;
        for path in there {
            let mark = fs::metadata(&path).as_ref().map(mark).ok();
            let known = self.0.get(&path);
            if known.is_some_and(|known| known.mark == mark) {
                continue;
            }
            let lists = read(&path, authorities);
            let known = self.0.entry(path.clone()).or_default();
            known.mark = mark;
            match lists {
                Ok(lists) => {
                    known.lists = lists;
                    look.changed = true;
                }
                Err(why) => look.refused.push((path, why)),
            }
        }
        look
    }
}

/// The files that `path` stands for.
fn names(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
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
    let (seconds, nanoseconds) = (facts.mtime(), facts.mtime_nsec());
    (facts.dev(), facts.ino(), facts.size(), seconds, nanoseconds)
}

/// The lists of one file, each signed by one of `authorities`.
fn read(path: &Path, authorities: &Authorities) -> Result<Vec<Crl>, String> {
    let bytes = read_bounded(path).map_err(|error| error.to_string())?;
    taken(&bytes, authorities)
}

/// The lists in `bytes`, each signed by one of `authorities` or by one that they may vouch for.
pub(super) fn taken(bytes: &[u8], authorities: &Authorities) -> Result<Vec<Crl>, String> {
    let lists = Crl::parse_all(bytes).map_err(|error| error.to_string())?;
    match CrlIndex::new(lists.iter().cloned(), authorities) {
        Ok(_) => Ok(lists),
        Err((_, error)) => Err(error.to_string()),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let told = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    // What gives its bytes once, or lets a reader wait, is not opened.
    if !fs::metadata(path)?.is_file() {
        return Err(told("not a file, and it is read again and again"));
    }
    let mut bytes = Vec::new();
    // PEM is longer than what it holds.
    let enough = MAX_CRL_BYTES.saturating_mul(3) / 2;
    let limit = u64::try_from(enough).unwrap_or(u64::MAX);
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > enough {
        return Err(told("larger than a revocation list may be"));
    }
    Ok(bytes)
}
