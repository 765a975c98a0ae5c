//! Named blobs in the state folder, or in memory where there is no folder to write to.

use countersign_core::BoxFuture;
use countersign_core::kept::{Kept, KeptError, is_name};
use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest blob that is read back, in bytes.
const MAX_BLOB_BYTES: u64 = 16 << 20;

/// A folder of files, each written whole: to a temporary name, synced, renamed.
#[derive(Debug)]
pub struct KeptFolder {
    folder: PathBuf,
}

impl KeptFolder {
    /// Keeps blobs in `folder`, which exists.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeptError> {
        if is_name(name) { Ok(self.folder.join(name)) } else { Err(KeptError(format!("{name:?} cannot name a blob"))) }
    }
}

fn told(path: &Path, error: &std::io::Error) -> KeptError {
    KeptError(format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeptError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(path, &error)),
        Ok(facts) if facts.len() > MAX_BLOB_BYTES => return Err(KeptError(format!("{}: too large", path.display()))),
        Ok(_) => {}
    }
    std::fs::read(path).map(Some).map_err(|error| told(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), KeptError> {
    let temporary = path.with_extension("writing");
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|error| told(path, &error))
}

async fn off_the_path<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeptError> + Send + 'static,
) -> Result<T, KeptError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(KeptError(error.to_string())))
}

impl Kept for KeptFolder {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        Box::pin(async move {
            let path = self.path(name)?;
            off_the_path(move || read(&path)).await
        })
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            let (path, bytes) = (self.path(name)?, bytes.to_vec());
            off_the_path(move || write(&path, &bytes)).await
        })
    }
}

/// Blobs that last as long as the process.
#[derive(Debug, Default)]
pub struct KeptMemory {
    blobs: Mutex<HashMap<String, Vec<u8>>>,
}

impl Kept for KeptMemory {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        let found = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        drop(blobs.insert(name.to_owned(), bytes.to_vec()));
        Box::pin(async { Ok(()) })
    }
}
