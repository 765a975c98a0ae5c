//! Records in one file of this machine (redb): for one node that restarts.
//!
//! What was acknowledged is on the disk, but for a moved end, which a crash may lose. Writes go to one thread, which
//! commits for all that wait at once (`committer`); reads are made where they are asked for, from the page cache as a
//! rule. What lies in the file is in `tables`; a file that is damaged is set aside (`opening`).

use super::leases::Leases;
use super::{must_be_small, must_fit, page_length};
use committer::Committer;
use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, Page, RecordKey, Sealed, SessionStore, StoreFuture, Version,
};
use countersign_core::time::{Clock, Timestamp};
use disk::AskedForRoom;
use keeper::Keeper;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

mod committer;
mod disk;
mod keeper;
mod opening;
mod row;
mod tables;

/// How many records a file holds at most.
pub const MAX_RECORDS: u64 = 10_000_000;

/// The store. The file is closed when it is dropped.
#[derive(Debug)]
pub struct FileStore {
    clock: Arc<dyn Clock>,
    // Before the keeper: dropped first, it ends the thread, and then nobody has the file open.
    committer: Committer,
    keeper: Arc<Keeper>,
    leases: Leases,
}

impl FileStore {
    /// Opens the file, makes it where there is none, and sets one aside that is damaged; then the second value says so. An
    /// error says what to do.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<(Self, Vec<String>), String> {
        Self::with_at_most(MAX_RECORDS, path, clock)
    }

    /// The same, for at most `max_records`.
    pub fn with_at_most(
        max_records: u64,
        path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Vec<String>), String> {
        Self::with_room(None, max_records, path, clock)
    }

    fn with_room(
        asked: AskedForRoom,
        max_records: u64,
        path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Vec<String>), String> {
        let (keeper, warnings) = Keeper::open(path.to_owned(), max_records, Arc::clone(&clock), asked)?;
        let keeper = Arc::new(keeper);
        let store = Self {
            committer: Committer::start(Arc::clone(&keeper))?,
            leases: Leases::new(clock.now()),
            clock,
            keeper,
        };
        Ok((store, warnings))
    }
}

impl SessionStore for FileStore {
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        let (id, index) = (*id, Box::<[IndexKey]>::from(index));
        Box::pin(async move {
            must_fit(&sealed, &index)?;
            let work = self
                .committer
                .lasting(move |tables| tables.create(&id, &sealed, ends, &index));
            work.await
        })
    }

    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let id = *id;
        Box::pin(async move {
            must_be_small(&sealed)?;
            // Nobody makes us wait for the disk who has proved nothing.
            let work = self
                .committer
                .passing(move |tables| tables.create_passing(&id, &sealed, ends));
            work.await
        })
    }

    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        Box::pin(async move {
            let found = self.keeper.read(|view| view.load(id, now));
            self.committer.told(found).await
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let id = *id;
        Box::pin(async move {
            must_fit(&sealed, &[])?;
            let work = self
                .committer
                .lasting(move |tables| tables.replace(&id, &sealed, if_version, ends));
            work.await
        })
    }

    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool> {
        let id = *id;
        Box::pin(self.committer.passing(move |tables| tables.touch(&id, ends, now)))
    }

    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        let id = *id;
        Box::pin(self.committer.lasting(move |tables| tables.take(&id, now)))
    }

    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool> {
        let id = *id;
        Box::pin(self.committer.lasting(move |tables| tables.remove(&id)))
    }

    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64> {
        let key = *key;
        Box::pin(self.committer.lasting(move |tables| tables.remove_all(&key)))
    }

    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>> {
        Box::pin(async move {
            let now = self.clock.now().wall;
            let found = self
                .keeper
                .read(|view| view.list(key, page.after.as_ref(), page_length(page), now));
            self.committer.told(found).await
        })
    }

    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>> {
        let fence = self.leases.take(id, holder, lasts, self.clock.monotonic());
        Box::pin(std::future::ready(fence))
    }
}

#[cfg(test)]
mod tests;
