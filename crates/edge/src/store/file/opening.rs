//! How the file is opened: for this user alone, by one process, checked to its last page. A damaged one is set aside.

use super::disk::{AskedForRoom, Disk};
use super::tables::{Fallible, Tables, View};
use countersign_core::time::Now;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, StorageError};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How much of the file is held in memory, in bytes. The page cache of the machine has the rest.
const CACHE_BYTES: usize = 64 << 20;
/// The owner alone reads and writes.
const MODE: u32 = 0o600;
/// How many names are tried for a file that is set aside.
const NAMES: i64 = 100;

/// Why the file was not opened.
enum Fault {
    /// Another process has it.
    Taken,
    /// It is no file of ours, or no whole one.
    Damaged(String),
    /// There is no room for what has to be written to open it.
    Full(String),
    /// It could not be looked at. Nothing is done to it.
    Unreachable(String),
}

/// Why there is no file to write to.
#[derive(Debug)]
pub(super) struct Unopened {
    /// What to do.
    pub(super) why: String,
    /// Whether it is for want of room.
    pub(super) full: bool,
}

/// Whether there is no room on the disk.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        if matches!(
            error,
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch
        ) {
            return Self::Taken;
        }
        let damaged = if let DatabaseError::Storage(StorageError::Io(error)) = &error {
            if is_full(error) {
                return Self::Full(error.to_string());
            }
            matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
        } else {
            matches!(
                error,
                DatabaseError::Storage(StorageError::Corrupted(_)) | DatabaseError::UpgradeRequired(_)
            )
        };
        if damaged {
            Self::Damaged(error.to_string())
        } else {
            Self::Unreachable(error.to_string())
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if is_full(&error) {
            return Self::Full(error.to_string());
        }
        Self::Unreachable(error.to_string())
    }
}

/// Opens the file at `path`, or an empty one where there is none or a damaged one; in words what is to be known. An error
/// says what to do.
pub(super) fn open(path: &Path, asked: &AskedForRoom, now: Now) -> Result<(Database, Vec<String>), Unopened> {
    let mut warnings = Vec::new();
    let place = path.display();
    let opened = match attempt(path, asked, now, &mut warnings) {
        Err(Fault::Damaged(why)) => {
            let aside = set_aside(path, now).map_err(|error| Unopened {
                why: format!("{place} is damaged ({why}) and cannot be set aside: {error}"),
                full: is_full(&error),
            })?;
            warnings.push(format!(
                "{place} is damaged ({why}): it is set aside as {}, and no session is known; everybody logs in again",
                aside.display()
            ));
            attempt(path, asked, now, &mut warnings)
        }
        other => other,
    };
    let full = matches!(opened, Err(Fault::Full(_)));
    let why = match opened {
        Ok(database) => return Ok((database, warnings)),
        Err(Fault::Taken) => format!(
            "{place} is in use by another process: a session file is one gateway's. Stop the other, or name another file \
             here; several gateways share their sessions in Redis"
        ),
        Err(Fault::Damaged(why) | Fault::Full(why) | Fault::Unreachable(why)) => format!("{place}: {why}"),
    };
    Err(Unopened { why, full })
}

/// Opens a file that is there without writing to it: what is written is forgotten when it is closed.
pub(super) fn open_to_read(path: &Path) -> Fallible<Database> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let disk = Disk::over(FileBackend::new(file)?)?;
    let database = library().create_with_backend(disk)?;
    View(&database.begin_read()?).tables()?;
    Ok(database)
}

fn library() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_BYTES)
        // Else a file that something else damaged is believed, and met as a panic later.
        .set_check_integrity_on_open(true);
    builder
}

fn attempt(
    path: &Path,
    asked: &AskedForRoom,
    now: Now,
    warnings: &mut Vec<String>,
) -> Result<Database, Fault> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)?;
    if let Some(warning) = close_to_others(path, &file)? {
        warnings.push(warning);
    }
    sync_folder(path)?;
    let disk = Disk::through(FileBackend::new(file)?, asked.clone());
    let database = library().create_with_backend(disk)?;
    make_tables(&database, now)?;
    Ok(database)
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        if let redb::Error::Io(error) = error {
            return error.into();
        }
        if matches!(error, redb::Error::Corrupted(_)) {
            Self::Damaged(error.to_string())
        } else {
            Self::Unreachable(error.to_string())
        }
    }
}

/// The tables are there before anybody reads them.
fn make_tables(database: &Database, now: Now) -> Fallible<()> {
    let transaction = database.begin_write()?;
    drop(Tables::open(&transaction, 0, now.wall)?);
    Ok(transaction.commit()?)
}

/// Takes others' rights to the file from them; a warning when there were any.
fn close_to_others(path: &Path, file: &File) -> Result<Option<String>, io::Error> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let for_others = mode & 0o077;
    if for_others == 0 {
        return Ok(None);
    }
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(Some(format!(
        "{} was open to other users of this machine (mode {mode:o}); it is no longer (mode {MODE:o})",
        path.display()
    )))
}

/// A name that was made is on the disk when its folder is.
fn sync_folder(path: &Path) -> Result<(), io::Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn set_aside(path: &Path, now: Now) -> Result<PathBuf, io::Error> {
    let name = |seconds: i64| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".corrupt-{seconds}"));
        PathBuf::from(name)
    };
    let seconds = now.wall.seconds();
    let names = (seconds..seconds.saturating_add(NAMES)).map(name);
    let free = names.into_iter().find(|name| !name.exists());
    let aside = free.unwrap_or_else(|| name(seconds));
    std::fs::rename(path, &aside)?;
    Ok(aside)
}
