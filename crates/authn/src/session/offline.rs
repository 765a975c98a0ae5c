//! Sessions that nobody finds, for checking a configuration.

use super::{
    Found, Kept, Purpose, Room, Scope, SessionGroup, SessionId, SessionOwner, SessionRecord, Sessions,
};
use crate::keys::Offline;
use countersign_core::BoxFuture;
use countersign_core::http_client::{FetchLimits, HttpClient, HttpError};
use countersign_core::session::{RecordKey, StoreError};
use countersign_core::time::{Now, Timestamp};
use http::{Request, Response};
use std::future::ready;
use std::sync::Arc;

const NOBODY: &str = "nobody is asked here";

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(ready(Err(StoreError::Unavailable(NOBODY.to_owned()))))
}

fn not_found() -> BoxFuture<'static, Found> {
    Box::pin(ready(Found::Unavailable(NOBODY.to_owned())))
}

impl Sessions for Offline {
    fn look_now(&self, _: RecordKey, _: &Arc<dyn SessionOwner>, _: Now) -> Option<Found> {
        Some(Found::Unavailable(NOBODY.to_owned()))
    }

    fn look<'a>(
        &'a self,
        _: RecordKey,
        _: Scope,
        _: &'a Arc<dyn SessionOwner>,
        _: Now,
    ) -> BoxFuture<'a, Found> {
        not_found()
    }

    fn renew<'a>(
        &'a self,
        _: RecordKey,
        _: Scope,
        _: &'a Arc<dyn SessionOwner>,
        _: Now,
    ) -> BoxFuture<'a, Found> {
        not_found()
    }

    fn begin(
        &self,
        _: SessionRecord,
        _: Scope,
        _: Option<RecordKey>,
        _: Now,
    ) -> BoxFuture<'_, Result<(SessionId, Timestamp), StoreError>> {
        refused()
    }

    fn leave(&self, _: RecordKey, _: Scope, _: Timestamp, _: Now) -> BoxFuture<'_, Result<(), StoreError>> {
        refused()
    }

    fn end(
        &self,
        _: RecordKey,
        _: Scope,
        _: Now,
    ) -> BoxFuture<'_, Result<Option<SessionRecord>, StoreError>> {
        refused()
    }

    fn end_all<'a>(&'a self, _: SessionGroup<'a>) -> BoxFuture<'a, Result<u64, StoreError>> {
        refused()
    }

    fn end_under_way<'a>(
        &'a self,
        _: SessionGroup<'a>,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        refused()
    }

    fn put<'a>(
        &'a self,
        _: Purpose,
        _: &'a [u8],
        _: &'a [u8],
        _: Timestamp,
        _: Now,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        refused()
    }

    fn is_kept<'a>(&'a self, _: Purpose, _: &'a [u8], _: Now) -> BoxFuture<'a, Result<bool, StoreError>> {
        refused()
    }

    fn take<'a>(
        &'a self,
        _: Purpose,
        _: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        refused()
    }

    fn keep<'a>(
        &'a self,
        _: Purpose,
        _: &'a [u8],
        _: &'a [u8],
        _: Timestamp,
        _: &'a [Room<'a>],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        refused()
    }

    fn read<'a>(
        &'a self,
        _: Purpose,
        _: &'a [u8],
        _: Now,
    ) -> BoxFuture<'a, Result<Option<Kept>, StoreError>> {
        refused()
    }

    fn write<'a>(
        &'a self,
        _: Purpose,
        _: &'a [u8],
        _: &'a Kept,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        refused()
    }

    fn forget<'a>(&'a self, _: Purpose, _: &'a [u8]) -> BoxFuture<'a, Result<bool, StoreError>> {
        refused()
    }

    fn seal(&self, _: Purpose, _: &[u8], _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn open(&self, _: Purpose, _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl HttpClient for Offline {
    fn send(
        &self,
        _: Request<bytes::Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<bytes::Bytes>, HttpError>> {
        Box::pin(ready(Err(HttpError::Unreachable(NOBODY.to_owned()))))
    }
}
