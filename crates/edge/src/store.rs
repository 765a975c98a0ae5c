//! Where sealed records are kept. None of the stores is here yet: they come with the login.

use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Page, RecordKey, Sealed, SessionStore, StoreError, StoreFuture, Version,
};
use countersign_core::time::Timestamp;
use std::time::Duration;

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

    fn list<'a>(&'a self, _: Option<&'a IndexKey>, _: Page) -> StoreFuture<'a, Vec<RecordKey>> {
        none()
    }

    fn lease<'a>(&'a self, _: &'a RecordKey, _: LeaseToken, _: Duration) -> StoreFuture<'a, Option<Fence>> {
        none()
    }
}
