//! Files and folders of files: which changed, and what is in them.

use countersign_core::time::Timestamp;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex, MAX_CRL_BYTES};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most files of one folder.
const MAX_FILES: usize = 1000;
/// How many lists are held beside those that came last from the same place.
const MAX_BESIDE: usize = 4;
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

/// One file. When it could not be taken, its lists are those from before.
#[derive(Clone, Debug, Default)]
struct Known {
    mark: Option<Mark>,
    /// Why it could not be read the last time: nothing need be seen of the file when it can be again.
    trouble: Option<String>,
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
        let all = self.0.values().flat_map(|place| &place.files);
        all.flat_map(|(path, known)| known.lists.iter().map(move |list| (path.as_path(), list)))
    }

    /// Reads those of `paths`, and of the folders among them, that can be seen to have changed. One that cannot be taken
    /// keeps the lists it had, and is refused once for each time it changes; one that was removed from a folder is gone,
    /// but a folder that is itself gone keeps what was in it.
    /// An older list than one of `former` counts only where that one is still held.
    pub(super) fn look(
        &mut self,
        paths: &[PathBuf],
        authorities: &Authorities,
        former: &[Crl],
        now: Timestamp,
    ) -> Look {
        let mut look = Look::default();
        for path in paths {
            let place = self.0.entry(path.clone()).or_default();
            match place.names(path) {
                Ok(names) => {
                    place.trouble = None;
                    place.look(names, authorities, now, &mut look);
                }
                Err(why) if place.trouble.as_ref() == Some(&why) => {}
                Err(why) => {
                    place.trouble = Some(why.clone());
                    look.refused.push((path.clone(), why));
                }
            }
        }
        if look.changed {
            self.drop_older(former, now, &mut look);
        }
        look
    }

    /// Under another name, of another scope, in another set: a list that was outdone before does not come back.
    fn drop_older(&mut self, former: &[Crl], now: Timestamp, look: &mut Look) {
        let held = self.lists().map(|(_, list)| list.clone()).collect::<Vec<_>>();
        let gone = former.iter().filter(|former| former.this_update() <= now);
        let gone = gone.filter(|former| !held.iter().any(|list| list.is(former) || list.outdates(former)));
        for former in gone {
            for (path, known) in self.0.values_mut().flat_map(|place| &mut place.files) {
                let Some(list) = known.lists.iter().find(|list| former.outdates(list)) else {
                    continue;
                };
                look.refused.push((path.clone(), older(list, former)));
                look.changed = true;
                known.lists.retain(|list| !former.outdates(list));
            }
        }
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
        if names.is_empty() && self.folder != folder && self.lists() > 0 {
            // What is left of a mount, or a folder that is still being filled.
            return Err("another folder is in its place, with no list in it".to_owned());
        }
        self.folder = folder;
        Ok(names)
    }

    fn lists(&self) -> usize {
        self.files.values().map(|known| known.lists.len()).sum()
    }

    fn look(&mut self, names: Vec<PathBuf>, authorities: &Authorities, now: Timestamp, look: &mut Look) {
        let before = self.files.len();
        self.files.retain(|path, _| names.contains(path));
        look.changed |= self.files.len() < before;
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
            let lists = taken(&bytes, authorities);
            match lists.and_then(|lists| none_older(lists, &known.lists, now)) {
                Ok(lists) => {
                    known.lists = beside(lists, &known.lists);
                    look.changed = true;
                }
                Err(why) => look.refused.push((path, why)),
            }
        }
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

/// The lists in `bytes`, each signed by one of `authorities` or by one that they may vouch for.
pub(super) fn taken(bytes: &[u8], authorities: &Authorities) -> Result<Vec<Crl>, String> {
    let lists = Crl::parse_all(bytes).map_err(|error| error.to_string())?;
    match CrlIndex::new(lists.iter().cloned(), authorities) {
        Ok(_) => Ok(lists),
        Err((_, error)) => Err(error.to_string()),
    }
}

/// `lists`, unless one of them would undo what one of `held` tells: whoever can pass on an old list could take back a
/// revocation.
pub(super) fn none_older(lists: Vec<Crl>, held: &[Crl], now: Timestamp) -> Result<Vec<Crl>, String> {
    let mut pairs = lists
        .iter()
        .flat_map(|list| held.iter().map(move |held| (list, held)));
    // Also one that has ended: what it revoked has not become good by that.
    match pairs.find(|(list, held)| held.this_update() <= now && held.outdates(list)) {
        None => Ok(lists),
        Some((list, held)) => Err(older(list, held)),
    }
}

/// `lists`, and beside them those of `held` whose place they cannot be known to take: of the same issuers, and signed by
/// another key as far as keys are known. Nobody who has not the key can take a list away with one of his own.
pub(super) fn beside(mut lists: Vec<Crl>, held: &[Crl]) -> Vec<Crl> {
    let stays = |held: &&Crl| {
        let mut others = lists
            .iter()
            .filter(|list| list.issuer() == held.issuer())
            .peekable();
        let replaces = |list: &Crl| held.is(list) || held.signed_as(list);
        let better = |list: &Crl| list.has_known_signer() && !held.has_known_signer();
        others.peek().is_some() && !others.any(|list| replaces(list) || better(list))
    };
    let mut staying = held.iter().filter(stays).cloned().collect::<Vec<_>>();
    // No number of others puts out one that is known to be genuine.
    staying.sort_by_key(|held| !held.has_known_signer());
    staying.truncate(MAX_BESIDE);
    lists.extend(staying);
    lists
}

fn older(list: &Crl, held: &Crl) -> String {
    format!(
        "the list of {} is of {}, older than the one that was taken before, of {}",
        list.issuer().rfc4514(),
        list.this_update(),
        held.this_update()
    )
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
