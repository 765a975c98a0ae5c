//! A part of the records: by name, by index key, and by end.

use countersign_core::session::{IndexKey, Listed, RecordKey, Sealed, Version};
use countersign_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// What a record takes beside its sealed bytes and its index keys, in bytes: names, end, and the trees they are in.
pub(super) const RECORD_OVERHEAD: usize = 256;
/// What an index key takes.
pub(super) const INDEX_OVERHEAD: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) records: BTreeMap<RecordKey, Record>,
    pub(super) index: BTreeSet<(IndexKey, RecordKey)>,
    pub(super) ends: BTreeSet<(Timestamp, RecordKey)>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) sealed: Sealed,
    pub(super) version: Version,
    pub(super) ends: Timestamp,
    pub(super) index: Box<[IndexKey]>,
    pub(super) is_passing: bool,
}

impl Record {
    pub(super) fn bytes(&self) -> usize {
        bytes(&self.sealed, &self.index)
    }
}

pub(super) fn bytes(sealed: &Sealed, index: &[IndexKey]) -> usize {
    sealed.0.len() + RECORD_OVERHEAD + index.len() * INDEX_OVERHEAD
}

impl Shard {
    /// The record, unless it has ended.
    pub(super) fn living(&mut self, id: &RecordKey, now: Timestamp) -> Option<&mut Record> {
        self.records.get_mut(id).filter(|record| now < record.ends)
    }

    pub(super) fn insert(&mut self, id: RecordKey, record: Record) {
        self.index.extend(record.index.iter().map(|key| (*key, id)));
        self.ends.insert((record.ends, id));
        self.records.insert(id, record);
    }

    pub(super) fn remove(&mut self, id: &RecordKey) -> Option<Record> {
        let record = self.records.remove(id)?;
        for key in &record.index {
            self.index.remove(&(*key, *id));
        }
        self.ends.remove(&(record.ends, *id));
        Some(record)
    }

    pub(super) fn move_end(&mut self, id: &RecordKey, ends: Timestamp) {
        if let Some(record) = self.records.get_mut(id) {
            self.ends.remove(&(record.ends, *id));
            record.ends = ends;
            self.ends.insert((ends, *id));
        }
    }

    /// The living records after `after`, found by `key` or all of them, in the order of their keys.
    pub(super) fn list(
        &self,
        key: Option<&IndexKey>,
        after: Option<RecordKey>,
        now: Timestamp,
    ) -> Box<dyn Iterator<Item = Listed> + '_> {
        let living = move |id: RecordKey, record: &Record| {
            (now < record.ends).then_some(Listed {
                id,
                version: record.version,
                ends: record.ends,
            })
        };
        let Some(key) = key.copied() else {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let found = self.records.range((from, Bound::Unbounded));
            return Box::new(found.filter_map(move |(id, record)| living(*id, record)));
        };
        let from = after.map_or(Bound::Included((key, RecordKey([0; 32]))), |after| {
            Bound::Excluded((key, after))
        });
        let found = self.index.range((from, Bound::Unbounded));
        let found = found.take_while(move |(found, _)| *found == key);
        Box::new(found.filter_map(move |(_, id)| living(*id, self.records.get(id)?)))
    }
}
