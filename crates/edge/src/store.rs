//! Where sealed records are kept: the one list of stores, and what they have in common.
//!
//! A store does what [`SessionStore`] says and knows nothing of sessions. What one of them does, all do: one suite
//! (`countersign_testkit::store_suite`) is run against each.

use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, MAX_PASSING, MAX_PASSING_BYTES, Page, RecordKey, Sealed,
    SessionStore, StoreError, StoreFuture, Version,
};
use countersign_core::time::{Clock, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub mod file;
mod leases;
pub mod memory;
pub mod redis;

/// The most bytes one sealed record may have.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// The most keys one record may be found by.
pub const MAX_INDEX_KEYS: usize = 16;
/// The most keys of one page of a list, whatever is asked for.
pub const MAX_PAGE: u32 = 1000;
/// How many records `memory` holds unless told otherwise.
pub const DEFAULT_MAX_RECORDS: usize = 100_000;
/// How many bytes `memory` holds unless told otherwise.
pub const DEFAULT_MAX_BYTES: usize = 512 << 20;

/// Which store, and where.
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// In this process, and gone with it.
    Memory(memory::Limits),
    /// In a file of this machine, which outlives the process.
    File {
        /// The file. It is made where there is none; its folder is there.
        path: PathBuf,
    },
    /// In Redis or Valkey, which several gateways may share.
    Redis(Box<redis::Settings>),
}

/// Opens a store. The strings beside it are warnings for whoever starts the gateway; an error says what to do.
pub fn open(kind: &StoreKind, clock: Arc<dyn Clock>) -> Result<(Arc<dyn SessionStore>, Vec<String>), String> {
    match kind {
        StoreKind::Memory(limits) => Ok((Arc::new(memory::MemoryStore::new(*limits, clock)), Vec::new())),
        StoreKind::File { path } => {
            let (store, warnings) = file::FileStore::open(path, clock)?;
            Ok((Arc::new(store), warnings))
        }
        StoreKind::Redis(settings) => {
            let (store, warnings) = redis::RedisStore::open(settings)?;
            Ok((Arc::new(store), warnings))
        }
    }
}

/// Fails for a record no store takes.
fn must_fit(sealed: &Sealed, index: &[IndexKey]) -> Result<(), StoreError> {
    if sealed.0.len() > MAX_RECORD_BYTES {
        let length = sealed.0.len();
        return Err(StoreError::Full(format!(
            "a record of {length} bytes, and at most {MAX_RECORD_BYTES} are kept"
        )));
    }
    if index.len() > MAX_INDEX_KEYS {
        let count = index.len();
        return Err(StoreError::Full(format!(
            "a record found by {count} keys, and at most {MAX_INDEX_KEYS} are kept"
        )));
    }
    Ok(())
}

/// The same of a record that anybody can cause.
fn must_be_small(sealed: &Sealed) -> Result<(), StoreError> {
    let length = sealed.0.len();
    if length <= MAX_PASSING_BYTES {
        return Ok(());
    }
    Err(StoreError::Full(format!(
        "a record of {length} bytes that anybody can cause, and at most {MAX_PASSING_BYTES} are kept"
    )))
}

/// There are as many of those as there may be.
fn full_of_passing() -> StoreError {
    StoreError::Full(format!(
        "of records that anybody can cause there are {MAX_PASSING}, and no more are kept"
    ))
}

/// How many keys a page may have.
fn page_length(page: Page) -> usize {
    usize::try_from(page.limit.min(MAX_PAGE)).unwrap_or(0)
}

/// A store that is not there: every question is answered so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSessions;

fn none<T: Send + 'static>() -> StoreFuture<'static, T> {
    Box::pin(async {
        Err(StoreError::Unavailable(
            "no session store is configured".to_owned(),
        ))
    })
}

impl SessionStore for NoSessions {
    fn create<'a>(
        &'a self,
        _: &'a RecordKey,
        _: Sealed,
        _: Timestamp,
        _: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        none()
    }

    fn create_passing<'a>(&'a self, _: &'a RecordKey, _: Sealed, _: Timestamp) -> StoreFuture<'a, Version> {
        none()
    }

    fn load<'a>(&'a self, _: &'a RecordKey, _: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        none()
    }

    fn replace<'a>(
        &'a self,
        _: &'a RecordKey,
        _: Sealed,
        _: Version,
        _: Timestamp,
    ) -> StoreFuture<'a, Version> {
        none()
    }

    fn touch<'a>(&'a self, _: &'a RecordKey, _: Timestamp, _: Timestamp) -> StoreFuture<'a, bool> {
        none()
    }

    fn take<'a>(&'a self, _: &'a RecordKey, _: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        none()
    }

    fn remove<'a>(&'a self, _: &'a RecordKey) -> StoreFuture<'a, bool> {
        none()
    }

    fn remove_all<'a>(&'a self, _: &'a IndexKey) -> StoreFuture<'a, u64> {
        none()
    }

    fn list<'a>(&'a self, _: Option<&'a IndexKey>, _: Page) -> StoreFuture<'a, Vec<Listed>> {
        none()
    }

    fn lease<'a>(&'a self, _: &'a RecordKey, _: LeaseToken, _: Duration) -> StoreFuture<'a, Option<Fence>> {
        none()
    }
}
