//! The open file: read by many, written by one, and opened anew after a failure, which the library asks for.

use super::disk::AskedForRoom;
use super::opening::{self, Unopened, is_full};
use super::tables::{Fallible, Tables, View};
use countersign_core::session::StoreError;
use countersign_core::time::Clock;
use redb::{Database, Durability, ReadableDatabase as _};
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
    asked: AskedForRoom,
    open: RwLock<Option<Open>>,
}

struct Open {
    database: Database,
    /// Whether what is written lasts. Where there is no room the file is open to be read.
    writable: bool,
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
        asked: AskedForRoom,
    ) -> Result<(Self, Vec<String>), String> {
        let keeper = Self {
            path,
            max_records,
            clock,
            asked,
            open: RwLock::default(),
        };
        let opened = keeper.open_anew(&mut keeper.open.write().unwrap_or_else(PoisonError::into_inner));
        let warnings = match opened {
            Ok(warnings) => warnings,
            Err(Unopened { why, full: true }) if keeper.open_for(|_| true) => {
                vec![format!(
                    "{why}; sessions are read, and none begins or ends until there is room"
                )]
            }
            Err(Unopened { why, .. }) => return Err(why),
        };
        Ok((keeper, warnings))
    }

    /// Opens the file in place of the one that is open: to be read alone where there is no room. What is to be known.
    fn open_anew(&self, open: &mut Option<Open>) -> Result<Vec<String>, Unopened> {
        // The lock on the file is let go first.
        drop(open.take());
        let opened = opening::open(&self.path, &self.asked, self.clock.now());
        match opened {
            Ok((database, warnings)) => {
                *open = Some(Open {
                    database,
                    writable: true,
                });
                Ok(warnings)
            }
            Err(unopened) => {
                if unopened.full {
                    let database = opening::open_to_read(&self.path).ok();
                    *open = database.map(|database| Open {
                        database,
                        writable: false,
                    });
                }
                Err(unopened)
            }
        }
    }

    fn open_for(&self, what: impl FnOnce(&Open) -> bool) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().is_some_and(what)
    }

    /// The clock of the store.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Looks at what was committed last.
    pub(super) fn read<T>(&self, look: impl FnOnce(&View<'_>) -> Fallible<T>) -> Fallible<T> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        look(&View(&open.database.begin_read()?))
    }

    /// Writes in one transaction, and sweeps. When `lasting`, it is on the disk afterwards, with all before it.
    pub(super) fn write(
        &self,
        lasting: bool,
        writes: usize,
        work: impl FnOnce(&mut Tables<'_>) -> Fallible<()>,
    ) -> Fallible<()> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().filter(|open| open.writable);
        let mut transaction = open.ok_or(redb::Error::DatabaseClosed)?.database.begin_write()?;
        if !lasting {
            transaction.set_durability(Durability::None)?;
        }
        let mut tables = Tables::open(&transaction, self.max_records, self.clock.now().wall)?;
        work(&mut tables)?;
        tables.sweep(SWEPT + SWEPT_PER_WRITE * writes)?;
        drop(tables);
        Ok(transaction.commit()?)
    }

    /// Opens the file to write where it is not open so.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        if self.open_for(|open| open.writable) {
            return Ok(());
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let warnings = self.open_anew(&mut open)?;
        if warnings.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Unavailable(warnings.join("; ")))
        }
    }

    /// Closes the file and opens it anew; one that is damaged is set aside. What those who asked are told.
    pub(super) fn mend(&self, error: &redb::Error) -> StoreError {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        match self.open_anew(&mut open) {
            Ok(warnings) => self.told(error, &warnings),
            Err(unopened) => unopened.into(),
        }
    }

    /// A failure of the file as an answer.
    pub(super) fn told(&self, error: &redb::Error, more: &[String]) -> StoreError {
        let mut words = vec![format!("{}: {error}", self.path.display())];
        words.extend_from_slice(more);
        let words = words.join("; ");
        if let redb::Error::Io(error) = error
            && is_full(error)
        {
            return StoreError::Full(words);
        }
        StoreError::Unavailable(words)
    }
}

impl From<Unopened> for StoreError {
    fn from(unopened: Unopened) -> Self {
        let Unopened { why, full } = unopened;
        if full {
            Self::Full(why)
        } else {
            Self::Unavailable(why)
        }
    }
}
