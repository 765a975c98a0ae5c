//! Named blobs in the state folder.

use crate::regular_file;
use crate::revocation_lists::A_LIST;
use crate::system::SystemClock;
use countersign_core::BoxFuture;
use countersign_core::kept::{Kept, KeptError, MAX_NAMES, is_name};
use countersign_core::time::Clock as _;
use std::fs::{File, Metadata};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use memory::{KeptMemory, Left};

mod memory;

/// The largest blob that is read back, in bytes: as large as a revocation list may be.
const MAX_BLOB_BYTES: u64 = 64 << 20;

/// A folder of files, each written whole: to a temporary name, synced, renamed.
#[derive(Debug)]
pub struct KeptFolder {
    folder: PathBuf,
    /// Another process writes to it, and nothing is changed here.
    is_anothers: bool,
    /// Counts writes, from the time it began, for the names of temporary files: two writers of one blob must not share one,
    /// nor two processes.
    writes: AtomicU64,
}

impl KeptFolder {
    /// Keeps blobs in `folder`, which exists. What a process that was killed left half written is removed.
    pub fn new(folder: PathBuf) -> Self {
        remove_temporaries(&folder);
        Self {
            folder,
            is_anothers: false,
            writes: AtomicU64::new(began()),
        }
    }

    /// Reads the blobs of a gateway that may be running, and whose user the folder belongs to: nothing is written or removed.
    pub fn of_another(folder: PathBuf) -> Self {
        Self {
            folder,
            is_anothers: true,
            writes: AtomicU64::new(began()),
        }
    }

    fn writable(&self, name: &str) -> Result<PathBuf, KeptError> {
        if self.is_anothers {
            return Err(KeptError("another process keeps this folder".to_owned()));
        }
        self.path(name)
    }

    /// Whose blobs are believed, beside our own and root's: those of the user who keeps the folder.
    fn keeper(&self) -> Option<u32> {
        let folder = self.is_anothers.then(|| std::fs::metadata(&self.folder).ok());
        folder.flatten().map(|folder| folder.uid())
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeptError> {
        if is_name(name) {
            Ok(self.folder.join(name))
        } else {
            Err(KeptError(format!("{name:?} cannot name a blob")))
        }
    }
}

/// The number of the first write of a process that begins now.
fn began() -> u64 {
    let milliseconds = SystemClock::new().now().wall.milliseconds();
    u64::try_from(milliseconds).unwrap_or(0) << 20
}

/// What cannot be removed is in nobody's way.
fn remove_temporaries(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_temporary)) {
        drop(std::fs::remove_file(entry.path()));
    }
}

/// The name under which the blob `name` is written for the `number`th time. A dot in front: no blob has such a name.
fn temporary(name: &str, number: u64) -> String {
    format!(".{name}.{number}")
}

fn is_temporary(file: &str) -> bool {
    let parts = file.strip_prefix('.').and_then(|rest| rest.rsplit_once('.'));
    parts.is_some_and(|(name, number)| is_name(name) && number.parse::<u64>().is_ok())
}

fn told(path: &Path, error: &std::io::Error) -> KeptError {
    KeptError(format!("{}: {error}", path.display()))
}

fn read(path: &Path, forbidden: u32, keeper: Option<u32>) -> Result<Option<Vec<u8>>, KeptError> {
    let file = match regular_file::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| told(path, &error))?,
    };
    let Some(file) = file else {
        return Err(KeptError(format!("{}: this is no regular file", path.display())));
    };
    let facts = file.metadata().map_err(|error| told(path, &error))?;
    if let Some(why) = is_anothers(&facts, forbidden, keeper) {
        return Err(KeptError(format!("{}: {why}", path.display())));
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_BLOB_BYTES + 1).read_to_end(&mut bytes);
    if read.map_err(|error| told(path, &error))? as u64 > MAX_BLOB_BYTES {
        return Err(KeptError(format!("{}: too large", path.display())));
    }
    Ok(Some(bytes))
}

/// What nobody but the owner may do with a blob. Revocation lists are no secret: it is enough that nobody else writes them.
fn forbidden(name: &str) -> u32 {
    if name.starts_with(A_LIST) { 0o022 } else { 0o077 }
}

/// Why a blob is not believed: another user may have written it, or read what is a secret.
fn is_anothers(facts: &Metadata, forbidden: u32, keeper: Option<u32>) -> Option<String> {
    if facts.mode() & forbidden != 0 {
        return Some(match forbidden {
            0o022 => "others than its owner may write it; `chmod go-w` it, if nobody has".to_owned(),
            _ => "others than its owner may read or write it; `chmod go=` it, if nobody has".to_owned(),
        });
    }
    // Root could read what any user has put there.
    let us = std::fs::metadata("/proc/self").ok()?.uid();
    let owner = facts.uid();
    let is_known = [us, 0].contains(&owner) || keeper == Some(owner);
    (!is_known).then(|| format!("it belongs to the user {owner}, and this is {us}"))
}

/// The blobs that are there.
fn list(folder: &Path, prefix: &str) -> Result<Vec<String>, KeptError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| told(folder, &error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| told(folder, &error))?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let kind = entry.file_type();
        // Where a link leads is seen when it is read.
        let is_file = kind.is_ok_and(|kind| kind.is_file() || kind.is_symlink());
        if is_file && name.starts_with(prefix) && is_name(&name) {
            names.push(name);
        }
        if names.len() > MAX_NAMES {
            let folder = folder.display();
            return Err(KeptError(format!(
                "{folder}: more than {MAX_NAMES} files `{prefix}…`"
            )));
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn write(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<(), KeptError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(temporary, path)?;
        // That it is called so now outlives a crash, too.
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| {
        drop(std::fs::remove_file(temporary));
        told(path, &error)
    })
}

async fn off_the_path<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeptError> + Send + 'static,
) -> Result<T, KeptError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(KeptError(error.to_string())))
}

impl Kept for KeptFolder {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        Box::pin(async move {
            let path = self.path(name)?;
            let (forbidden, keeper) = (forbidden(name), self.keeper());
            off_the_path(move || read(&path, forbidden, keeper)).await
        })
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            let (path, bytes) = (self.writable(name)?, bytes.to_vec());
            let number = self.writes.fetch_add(1, Ordering::Relaxed);
            let temporary = self.folder.join(temporary(name, number));
            off_the_path(move || write(&path, &temporary, &bytes)).await
        })
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        Box::pin(async move {
            let (folder, prefix) = (self.folder.clone(), prefix.to_owned());
            off_the_path(move || list(&folder, &prefix)).await
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            let path = self.writable(name)?;
            off_the_path(move || match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(told(&path, &error)),
                Ok(()) | Err(_) => Ok(()),
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Folder;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_secret_that_others_may_read_or_that_is_anothers_is_not_believed() {
        let folder = Folder::new("kept-read-by-others");
        let kept = KeptFolder::new(folder.0.clone());
        kept.save("provider-keys", b"x").await.unwrap();
        let path = folder.0.join("provider-keys");
        for mode in [0o604, 0o640, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = kept.load("provider-keys").await.unwrap_err();
            assert!(refused.0.contains("others than its owner"), "{mode:o}: {refused}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(kept.load("provider-keys").await.unwrap().is_some());
        // Only root can give a file away.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            std::os::unix::fs::chown(&path, Some(4321), None).unwrap();
            let refused = kept.load("provider-keys").await.unwrap_err();
            assert!(refused.0.contains("belongs to the user 4321"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_list_may_be_read_by_all_and_written_by_nobody_else() {
        let folder = Folder::new("kept-public");
        let kept = KeptFolder::new(folder.0.clone());
        kept.save("crl-a", b"x").await.unwrap();
        let path = folder.0.join("crl-a");
        for (mode, is_believed) in [(0o644, true), (0o444, true), (0o664, false), (0o602, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let loaded = kept.load("crl-a").await;
            assert_eq!(loaded.is_ok(), is_believed, "{mode:o}: {loaded:?}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give files away.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            let others = KeptFolder::of_another(folder.0.clone());
            std::os::unix::fs::chown(&path, Some(4321), None).unwrap();
            assert!(kept.load("crl-a").await.is_err() && others.load("crl-a").await.is_err());
            std::os::unix::fs::chown(&folder.0, Some(4321), None).unwrap();
            assert!(kept.load("crl-a").await.is_err());
            assert!(
                others.load("crl-a").await.unwrap().is_some(),
                "whose folder it is"
            );
        }
    }

    #[tokio::test]
    async fn a_pipe_is_not_waited_for_nor_is_one_that_a_link_leads_to() {
        let folder = Folder::new("kept-pipes");
        let kept = KeptFolder::new(folder.0.clone());
        let pipe = folder.0.join("crl-pipe");
        let mkfifo = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(mkfifo.unwrap().success());
        std::os::unix::fs::symlink(&pipe, folder.0.join("crl-link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.0.join("crl-zero")).unwrap();
        std::fs::create_dir(folder.0.join("crl-folder")).unwrap();
        for name in ["crl-pipe", "crl-link", "crl-zero", "crl-folder"] {
            let refused = kept.load(name).await.unwrap_err();
            let named = refused.0.contains(name) && refused.0.contains("no regular file");
            assert!(named, "{refused}");
        }
        // What is written takes its place.
        kept.save("crl-pipe", b"x").await.unwrap();
        assert_eq!(kept.load("crl-link").await.unwrap().as_deref(), Some(&b"x"[..]));
    }

    #[tokio::test]
    async fn blobs_are_listed_in_order_and_nothing_else_is() {
        let folder = Folder::new("kept-listed");
        let kept = KeptFolder::new(folder.0.clone());
        for name in ["crl-b", "crl-a", "crl-a.known", "crls", "keys-a"] {
            kept.save(name, b"x").await.unwrap();
        }
        for name in [".crl-a.7", "crl-A", "crl- "] {
            std::fs::write(folder.0.join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.0.join("crl-folder")).unwrap();
        assert_eq!(
            kept.names("crl-").await.unwrap(),
            ["crl-a", "crl-a.known", "crl-b"]
        );
        assert_eq!(kept.names("none").await.unwrap(), [""; 0]);
        let missing = KeptFolder::new("/nonexistent/countersign".into());
        assert_eq!(missing.names("").await.unwrap(), [""; 0]);
        std::fs::write(folder.0.join("file"), "x").unwrap();
        let file = KeptFolder::new(folder.0.join("file"));
        assert!(file.names("").await.is_err());
    }

    #[tokio::test]
    async fn a_blob_is_written_whole_and_for_this_user_only() {
        let folder = Folder::new("kept");
        let kept = KeptFolder::new(folder.0.clone());
        assert_eq!(kept.load("keys.json").await.unwrap(), None);
        for bytes in [&b"old and long"[..], b"new"] {
            kept.save("keys.json", bytes).await.unwrap();
            assert_eq!(kept.load("keys.json").await.unwrap().as_deref(), Some(bytes));
        }
        // Another process reads, and leaves it as it is.
        let others = KeptFolder::of_another(folder.0.clone());
        assert_eq!(
            others.load("keys.json").await.unwrap().as_deref(),
            Some(&b"new"[..])
        );
        assert!(others.save("keys.json", b"x").await.is_err() && others.remove("keys.json").await.is_err());
        let entries = std::fs::read_dir(&folder.0)
            .unwrap()
            .map(|entry| entry.unwrap())
            .collect::<Vec<_>>();
        assert_eq!(entries.len(), 1, "nothing is left behind");
        assert_eq!(entries[0].metadata().unwrap().mode() & 0o777, 0o600);
        kept.remove("keys.json").await.unwrap();
        kept.remove("keys.json").await.unwrap();
        assert_eq!(kept.load("keys.json").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_a_killed_process_left_half_written_is_removed_and_nothing_else() {
        let folder = Folder::new("kept-killed");
        for name in [
            ".keys-a.0",
            ".keys-a.17",
            "keys-a",
            ".hidden",
            ".a.b.c",
            "admin.sock",
        ] {
            std::fs::write(folder.0.join(name), "x").unwrap();
        }
        let _kept = KeptFolder::new(folder.0.clone());
        let left = std::fs::read_dir(&folder.0).unwrap();
        let mut left = left
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>();
        left.sort_unstable();
        assert_eq!(left, [".a.b.c", ".hidden", "admin.sock", "keys-a"]);
    }

    #[tokio::test]
    async fn names_lead_nowhere_else_and_neighbours_do_not_meet() {
        let folder = Folder::new("kept-names");
        let kept = KeptFolder::new(folder.0.clone());
        for name in ["../x", "/etc/passwd", "a/b", "", ".", "..", "A", "a b"] {
            assert!(
                kept.save(name, b"x").await.is_err() && kept.load(name).await.is_err(),
                "{name:?}"
            );
        }
        tokio::try_join!(
            kept.save("a.one", b"1"),
            kept.save("a.two", b"2"),
            kept.save("a", b"3")
        )
        .unwrap();
        for (name, bytes) in [("a.one", b"1"), ("a.two", b"2"), ("a", b"3")] {
            assert_eq!(kept.load(name).await.unwrap().unwrap(), bytes, "{name}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_told() {
        let kept = KeptFolder::new("/nonexistent/countersign".into());
        assert!(kept.save("a", b"x").await.is_err());
        assert_eq!(kept.load("a").await.unwrap(), None);
        let memory = KeptMemory::default();
        memory.save("a", b"x").await.unwrap();
        assert_eq!(memory.load("a").await.unwrap().as_deref(), Some(&b"x"[..]));
    }
}
