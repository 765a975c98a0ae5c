//! The port for sealed records that end: sessions, transactions, one-time codes. A store sees bytes, hashes and end
//! times, and nothing it could read.

use crate::BoxFuture;
use crate::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// The name of a record: a hash of its handle, so that the store cannot present what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(pub [u8; 32]);

/// A name several records share (all sessions of one subject, say), as a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexKey(pub [u8; 32]);

/// A record's bytes, sealed above the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Box<[u8]>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Counts the writes of one record; a later write has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// Who asks for a lease: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub [u8; 16]);

/// Proof of a lease; a later lease on the same record has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

/// A record as a list tells of it: whoever has read one that was told of so need not read it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// What it is called.
    pub id: RecordKey,
    /// Which writing of it this is.
    pub version: Version,
    /// When it ends. One that is made anew under the same name counts its writings anew, and ends at another time.
    pub ends: Timestamp,
}

/// A part of a long list: what follows `after`, at most `limit` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last key of the page before, or none for the first page.
    pub after: Option<RecordKey>,
    /// How many keys at most; a store may give fewer.
    pub limit: u32,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The record is gone, or newer than the version given.
    #[error("the record has changed")]
    Changed,
    /// There is no room for one more record. What is kept stays.
    #[error("the store is full: {0}")]
    Full(String),
    /// The store could not be asked. The text is for the log.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// What a store answers, some time.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// How many records at most a store keeps of those that anybody can cause: twice what an office of 200 needs that opens 20 tabs
/// each, every one of which logs in.
pub const MAX_PASSING: usize = 10_000;
/// The most bytes one of them may have.
pub const MAX_PASSING_BYTES: usize = 8 * 1024;

/// Where sealed records are kept. Records have versions; a late write never brings back what was ended.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Keeps a new record until `ends`, found again by each key of `index`.
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version>;

    /// Keeps a new record that anybody can cause, who need not have proved anything: in a room of its own, of
    /// [`MAX_PASSING`] records of at most [`MAX_PASSING_BYTES`]. That it is full takes no other record's place, nor the other
    /// way round. It need not outlive a crash.
    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version>;

    /// The record and its version, unless it has ended.
    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>>;

    /// Overwrites the record; fails with [`StoreError::Changed`] when it is gone or newer than `if_version`.
    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version>;

    /// Moves the record's end, and nothing else: bytes, version and index stay. Says whether there was a record that had not
    /// ended. It need not outlive a crash.
    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool>;

    /// Reads and removes in one step: codes and transactions are taken once.
    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>>;

    /// Removes the record; says whether there was one.
    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool>;

    /// Removes every record found by `key`; says how many there were.
    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64>;

    /// The records found by `key`, or all of them, a page at a time.
    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>>;

    /// A lease with a fencing number, counted by the store's own clock; the work done under it is written by
    /// [`SessionStore::replace`]. `None` when another holds it.
    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>>;
}
