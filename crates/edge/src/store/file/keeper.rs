//! The open file: read by many, written by one, and opened anew after a failure, which the library asks for.

use super::opening;
use super::tables::{Fallible, Tables, View};
use countersign_core::session::StoreError;
use countersign_core::time::Clock;
use redb::{Database, Durability, ReadableDatabase as _};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// How much more than it writes a transaction sweeps: what has ended goes faster than it comes.
const SWEPT_PER_WRITE: usize = 4;
/// How many ended records any transaction sweeps at least.
const SWEPT: usize = 16;

/// The file, open or (after a failure that opening it anew did not mend) closed.
pub(super) struct Keeper {
    path: PathBuf,
    max_records: u64,
    clock: Arc<dyn Clock>,
    database: RwLock<Option<Database>>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// Opens the file; beside it what is to be known.
    pub(super) fn open(
        path: PathBuf,
        max_records: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Vec<String>), String> {
        let (database, warnings) = opening::open(&path, clock.now())?;
        let keeper = Self {
            path,
            max_records,
            clock,
            database: RwLock::new(Some(database)),
        };
        Ok((keeper, warnings))
    }

    /// The clock of the store.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Looks at what was committed last.
    pub(super) fn read<T>(&self, look: impl FnOnce(&View<'_>) -> Fallible<T>) -> Fallible<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        look(&View(&database.begin_read()?))
    }

    /// Writes in one transaction, and sweeps. When `lasting`, it is on the disk afterwards, with all before it.
    pub(super) fn write(
        &self,
        lasting: bool,
        writes: usize,
        work: impl FnOnce(&mut Tables<'_>) -> Fallible<()>,
    ) -> Fallible<()> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let mut transaction = database.begin_write()?;
        if !lasting {
            transaction.set_durability(Durability::None)?;
        }
        let mut tables = Tables::open(&transaction, self.max_records, self.clock.now().wall)?;
        work(&mut tables)?;
        tables.sweep(SWEPT + SWEPT_PER_WRITE * writes)?;
        drop(tables);
        Ok(transaction.commit()?)
    }

    /// Closes the file and opens it anew; one that is damaged is set aside. What those who asked are told.
    pub(super) fn mend(&self, error: &redb::Error) -> StoreError {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The lock on the file is let go first.
        drop(database.take());
        match opening::open(&self.path, self.clock.now()) {
            Ok((opened, warnings)) => {
                *database = Some(opened);
                self.told(error, &warnings)
            }
            Err(why) => StoreError::Unavailable(why),
        }
    }

    /// A failure of the file as an answer.
    pub(super) fn told(&self, error: &redb::Error, more: &[String]) -> StoreError {
        let mut words = vec![format!("{}: {error}", self.path.display())];
        words.extend_from_slice(more);
        let words = words.join("; ");
        if let redb::Error::Io(error) = error
            && matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        {
            return StoreError::Full(words);
        }
        StoreError::Unavailable(words)
    }
}
