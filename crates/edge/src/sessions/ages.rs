//! How records stand among others, as they were last read: where one of many makes room, only what was not read before is opened.

use super::InForce;
use countersign_authn::session::{SessionRecord, Standing, life};
use countersign_core::session::{Listed, Sealed, StoreError};
use countersign_core::time::Timestamp;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;

/// Of how many records it is remembered: of those in groups that are full, about 100 bytes each.
const MOST: usize = 65_536;

/// What is asked of a record when one of its group makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Age {
    /// When it began.
    pub(super) began: Timestamp,
    /// Whose it is, of what is kept beside the sessions.
    pub(super) whose: Arc<str>,
    /// When it ends, used or not, where that is said in it.
    ends: Option<Timestamp>,
}

impl Age {
    /// Of what is kept beside the sessions.
    pub(super) fn standing(standing: Standing) -> Self {
        Self {
            began: standing.began,
            whose: standing.whose.into(),
            ends: None,
        }
    }

    /// Of a session.
    pub(super) fn of(record: &SessionRecord) -> Self {
        Self {
            began: record.began,
            whose: Arc::default(),
            ends: Some(record.ends),
        }
    }

    /// Whether it is a session about to end.
    pub(super) fn is_leaving(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| life::is_leaving(ends, now))
    }
}

/// The ages of records, each as it was listed: one that has been written or moved since is another.
pub(super) struct Ages(Cache<Listed, Age>);

impl Default for Ages {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl fmt::Debug for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ages", self.0.len())
    }
}

impl InForce {
    /// How old `listed` is, if that is known.
    pub(super) fn known_age(&self, listed: &Listed) -> Option<Age> {
        self.ages.0.get(listed)
    }

    /// How old `listed` is, by `read` where that is not known yet. One that is gone, or does not open, is older than any.
    pub(super) async fn age(
        &self,
        listed: Listed,
        now: Timestamp,
        read: impl Fn(&Sealed) -> Option<Age>,
    ) -> Result<Age, StoreError> {
        if let Some(age) = self.known_age(&listed) {
            return Ok(age);
        }
        let Some((sealed, version)) = self.store.load(&listed.id, now).await? else {
            return Ok(Age::default());
        };
        let Some(age) = read(&sealed) else {
            return Ok(Age::default());
        };
        if version == listed.version {
            self.ages.0.insert(listed, age.clone());
        }
        Ok(age)
    }
}
