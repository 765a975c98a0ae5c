//! Records in Redis (6 or later) or Valkey: for several nodes, and for one that is replaced.
//!
//! Every operation is one command or one script, so that nodes see each other's whole operations and no half ones
//! (`scripts`). What has ended goes by the server's own clock. A server that does not answer within a second is
//! unavailable, and is tried anew with the next question (`link`).

use super::{full_of_passing, must_be_small, must_fit, page_length};
use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, MAX_PASSING, Page, RecordKey, Sealed, SessionStore, StoreError,
    StoreFuture, Version,
};
use countersign_core::time::Timestamp;
use link::Link;
use scripts::Scripts;
use std::time::Duration;

mod address;
mod link;
mod scripts;
mod settings;

pub use address::{Address, AddressError};
pub use settings::{DEFAULT_PREFIX, Settings};

/// The last end a record may have: that of the year 9999, in milliseconds. Redis has no infinite one.
const LAST_END: i64 = 253_402_300_799_999;

/// The store. It connects when it is asked first.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    scripts: Scripts,
}

impl RedisStore {
    /// A store at `settings`. Nothing is sent yet. Beside it warnings; an error says what to do.
    pub fn open(settings: &Settings) -> Result<(Self, Vec<String>), String> {
        let place = settings.place()?;
        let warnings = place.warnings();
        let store = Self {
            scripts: Scripts::new(&settings.prefix),
            link: Link::new(place),
        };
        Ok((store, warnings))
    }
}

/// An end as Redis is told it.
fn milliseconds(ends: Timestamp) -> i64 {
    ends.milliseconds().clamp(0, LAST_END)
}

impl SessionStore for RedisStore {
    fn create<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
        index: &'a [IndexKey],
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            must_fit(&sealed, index)?;
            let keys = index.iter().flat_map(|key| key.0).collect::<Vec<_>>();
            let mut ask = self.scripts.create();
            ask.arg(&id.0).arg(&*sealed.0).arg(milliseconds(ends)).arg(keys);
            let made = self.link.run::<bool>(&ask).await?;
            made.then_some(Version(1)).ok_or(StoreError::Changed)
        })
    }

    fn create_passing<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            must_be_small(&sealed)?;
            let mut ask = self.scripts.create_passing();
            ask.arg(&id.0)
                .arg(&*sealed.0)
                .arg(milliseconds(ends))
                .arg(MAX_PASSING);
            match self.link.run::<u8>(&ask).await? {
                0 => Err(StoreError::Changed),
                1 => Ok(Version(1)),
                _ => Err(full_of_passing()),
            }
        })
    }

    fn load<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<(Sealed, Version)>> {
        Box::pin(async move {
            let load = self.scripts.load(id);
            let found: (Option<u64>, Option<i64>, Option<Vec<u8>>) = self.link.ask(&load).await?;
            let (Some(version), Some(ends), Some(sealed)) = found else {
                return Ok(None);
            };
            let living = milliseconds(now) < ends;
            Ok(living.then(|| (Sealed(sealed.into()), Version(version))))
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a RecordKey,
        sealed: Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            must_fit(&sealed, &[])?;
            let version = Version(if_version.0.saturating_add(1));
            let mut ask = self.scripts.replace();
            ask.arg(&id.0).arg(&*sealed.0).arg(milliseconds(ends));
            ask.arg(if_version.0).arg(version.0);
            let written = self.link.run::<bool>(&ask).await?;
            written.then_some(version).ok_or(StoreError::Changed)
        })
    }

    fn touch<'a>(&'a self, id: &'a RecordKey, ends: Timestamp, now: Timestamp) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut ask = self.scripts.touch();
            ask.arg(&id.0).arg(milliseconds(ends)).arg(milliseconds(now));
            self.link.run(&ask).await
        })
    }

    fn take<'a>(&'a self, id: &'a RecordKey, now: Timestamp) -> StoreFuture<'a, Option<Sealed>> {
        Box::pin(async move {
            let mut ask = self.scripts.take();
            ask.arg(&id.0).arg(milliseconds(now));
            let taken = self.link.run::<Option<Vec<u8>>>(&ask).await?;
            Ok(taken.map(|sealed| Sealed(sealed.into())))
        })
    }

    fn remove<'a>(&'a self, id: &'a RecordKey) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut ask = self.scripts.remove();
            ask.arg(&id.0);
            self.link.run(&ask).await
        })
    }

    fn remove_all<'a>(&'a self, key: &'a IndexKey) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let mut ask = self.scripts.remove_all();
            ask.arg(&key.0);
            self.link.run(&ask).await
        })
    }

    fn list<'a>(&'a self, key: Option<&'a IndexKey>, page: Page) -> StoreFuture<'a, Vec<Listed>> {
        Box::pin(async move {
            let mut ask = self.scripts.list();
            ask.arg(key.map_or(&[][..], |key| &key.0));
            ask.arg(page.after.as_ref().map_or(&[][..], |after| &after.0));
            ask.arg(page_length(page));
            let found = self.link.run::<Vec<(Vec<u8>, u64, i64)>>(&ask).await?;
            let found = found.into_iter().map(|(name, version, ends)| {
                Ok(Listed {
                    id: RecordKey(name.try_into()?),
                    version: Version(version),
                    ends: Timestamp::from_milliseconds(ends),
                })
            });
            let foreign =
                |_: Vec<u8>| StoreError::Unavailable("Redis has other names where ours should be".to_owned());
            found.collect::<Result<_, _>>().map_err(foreign)
        })
    }

    fn lease<'a>(
        &'a self,
        id: &'a RecordKey,
        holder: LeaseToken,
        lasts: Duration,
    ) -> StoreFuture<'a, Option<Fence>> {
        Box::pin(async move {
            let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
            let mut ask = self.scripts.lease();
            ask.arg(&id.0).arg(&holder.0);
            ask.arg(lasts.clamp(1, LAST_END.cast_unsigned()));
            Ok(self.link.run::<Option<u64>>(&ask).await?.map(Fence))
        })
    }
}
