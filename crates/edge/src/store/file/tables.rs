//! What lies in the file: records by name, names by index key, names by end. One transaction at a time writes.

use super::row::{Row, end_key, index_key, listed, record_of};
use crate::store::full_of_passing;
use countersign_core::session::{IndexKey, Listed, MAX_PASSING, RecordKey, Sealed, StoreError, Version};
use countersign_core::time::Timestamp;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

// A file of another layout has other tables: what is not understood is not read.
const RECORDS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("records-1");
/// An index key, and the record it finds.
const INDEX: TableDefinition<&[u8; 64], ()> = TableDefinition::new("index-1");
/// When a record was to end as it was written first, and the record. It may end later by now.
const ENDS: TableDefinition<&[u8; 40], ()> = TableDefinition::new("ends-1");

/// The records that anybody can cause: they are counted apart.
const PASSING: TableDefinition<&[u8; 32], ()> = TableDefinition::new("passing-1");
/// How many ended records are swept at most to make room for one of those.
const SWEPT_FOR_PASSING: usize = 256;

/// What was found or done, or why the file could not say. What a store refuses is within.
pub(super) type Fallible<T> = Result<T, redb::Error>;
/// What a write found or did, or why the store refuses.
pub(super) type Done<T> = Fallible<Result<T, StoreError>>;

/// The names that `key` finds, those after `after`.
fn found<'a, T: ReadableTable<&'static [u8; 64], ()>>(
    index: &'a T,
    key: &IndexKey,
    after: Option<&RecordKey>,
) -> Fallible<impl Iterator<Item = Fallible<RecordKey>> + use<'a, T>> {
    let from = index_key(key, after.unwrap_or(&RecordKey([0; 32])));
    let to = index_key(key, &RecordKey([0xff; 32]));
    let after = after.copied();
    let range = index.range::<&[u8; 64]>(&from..=&to)?;
    let names = range.map(|entry| Ok(record_of(entry?.0.value())));
    Ok(names.filter(move |name: &Fallible<RecordKey>| !name.as_ref().is_ok_and(|name| Some(*name) == after)))
}

/// The tables as they were at one moment.
pub(super) struct View<'a>(pub(super) &'a ReadTransaction);

impl View<'_> {
    /// Fails when they are not there.
    pub(super) fn tables(&self) -> Fallible<()> {
        self.0.open_table(RECORDS)?;
        self.0.open_table(INDEX)?;
        Ok(())
    }

    pub(super) fn load(&self, id: &RecordKey, now: Timestamp) -> Fallible<Option<(Sealed, Version)>> {
        let records = self.0.open_table(RECORDS)?;
        let Some(bytes) = records.get(&id.0)? else {
            return Ok(None);
        };
        let row = Row::from_bytes(bytes.value())?;
        Ok((now < row.ends).then_some((row.sealed, row.version)))
    }

    pub(super) fn list(
        &self,
        key: Option<&IndexKey>,
        after: Option<&RecordKey>,
        length: usize,
        now: Timestamp,
    ) -> Fallible<Vec<Listed>> {
        let records = self.0.open_table(RECORDS)?;
        let living = |id, bytes: &[u8]| listed(id, bytes).filter(|one| now < one.ends);
        let mut list = Vec::new();
        if length == 0 {
            return Ok(list);
        }
        if let Some(key) = key {
            let index = self.0.open_table(INDEX)?;
            for name in found(&index, key, after)? {
                let name = name?;
                let bytes = records.get(&name.0)?;
                list.extend(bytes.and_then(|bytes| living(name, bytes.value())));
                if list.len() == length {
                    break;
                }
            }
            return Ok(list);
        }
        let from = after.map_or([0; 32], |after| after.0);
        for entry in records.range::<&[u8; 32]>(&from..)? {
            let (name, bytes) = entry?;
            let name = RecordKey(*name.value());
            if Some(&name) != after {
                list.extend(living(name, bytes.value()));
            }
            if list.len() == length {
                break;
            }
        }
        Ok(list)
    }
}

/// The tables within a transaction that writes.
pub(super) struct Tables<'a> {
    records: Table<'a, &'static [u8; 32], &'static [u8]>,
    index: Table<'a, &'static [u8; 64], ()>,
    ends: Table<'a, &'static [u8; 40], ()>,
    passing: Table<'a, &'static [u8; 32], ()>,
    max_records: u64,
    /// What time it is where no `now` is given.
    now: Timestamp,
}

impl<'a> Tables<'a> {
    /// Opens the tables, and makes them in a new file.
    pub(super) fn open(
        transaction: &'a WriteTransaction,
        max_records: u64,
        now: Timestamp,
    ) -> Fallible<Self> {
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            index: transaction.open_table(INDEX)?,
            ends: transaction.open_table(ENDS)?,
            passing: transaction.open_table(PASSING)?,
            max_records,
            now,
        })
    }

    fn row(&self, id: &RecordKey) -> Fallible<Option<Row>> {
        let bytes = self.records.get(&id.0)?;
        bytes.map(|bytes| Row::from_bytes(bytes.value())).transpose()
    }

    fn living(&self, id: &RecordKey, now: Timestamp) -> Fallible<Option<Row>> {
        Ok(self.row(id)?.filter(|row| now < row.ends))
    }

    fn write(&mut self, id: &RecordKey, row: &Row) -> Fallible<()> {
        self.records.insert(&id.0, row.to_bytes().as_slice())?;
        Ok(())
    }

    /// Takes the record out of every table.
    fn drop_row(&mut self, id: &RecordKey, row: &Row) -> Fallible<()> {
        self.records.remove(&id.0)?;
        for key in &row.index {
            self.index.remove(&index_key(key, id))?;
        }
        self.ends.remove(&end_key(row.listed, id))?;
        if row.index.is_empty() {
            self.passing.remove(&id.0)?;
        }
        Ok(())
    }

    pub(super) fn create(
        &mut self,
        id: &RecordKey,
        sealed: &Sealed,
        ends: Timestamp,
        index: &[IndexKey],
    ) -> Done<Version> {
        if !self.is_free(id)? {
            return Ok(Err(StoreError::Changed));
        }
        let held = self.records.len()?.saturating_sub(self.passing.len()?);
        if held >= self.max_records {
            let most = self.max_records;
            return Ok(Err(StoreError::Full(format!(
                "the session file holds {held} records, and at most {most}"
            ))));
        }
        self.insert(id, sealed, ends, index)
    }

    pub(super) fn create_passing(
        &mut self,
        id: &RecordKey,
        sealed: &Sealed,
        ends: Timestamp,
    ) -> Done<Version> {
        if !self.is_free(id)? {
            return Ok(Err(StoreError::Changed));
        }
        if self.passing.len()? >= MAX_PASSING as u64 {
            self.sweep(SWEPT_FOR_PASSING)?;
        }
        if self.passing.len()? >= MAX_PASSING as u64 {
            return Ok(Err(full_of_passing()));
        }
        self.passing.insert(&id.0, ())?;
        self.insert(id, sealed, ends, &[])
    }

    /// Whether no living record has this name. One that has ended is taken out.
    fn is_free(&mut self, id: &RecordKey) -> Fallible<bool> {
        let Some(before) = self.row(id)? else {
            return Ok(true);
        };
        if self.now < before.ends {
            return Ok(false);
        }
        self.drop_row(id, &before)?;
        Ok(true)
    }

    fn insert(
        &mut self,
        id: &RecordKey,
        sealed: &Sealed,
        ends: Timestamp,
        index: &[IndexKey],
    ) -> Done<Version> {
        let row = Row {
            version: Version(1),
            ends,
            listed: ends,
            index: index.into(),
            sealed: sealed.clone(),
        };
        self.write(id, &row)?;
        for key in index {
            self.index.insert(&index_key(key, id), ())?;
        }
        self.ends.insert(&end_key(ends, id), ())?;
        Ok(Ok(row.version))
    }

    pub(super) fn replace(
        &mut self,
        id: &RecordKey,
        sealed: &Sealed,
        if_version: Version,
        ends: Timestamp,
    ) -> Done<Version> {
        let row = self.living(id, self.now)?;
        let Some(row) = row.filter(|row| row.version == if_version) else {
            return Ok(Err(StoreError::Changed));
        };
        let row = Row {
            version: Version(if_version.0.saturating_add(1)),
            ends,
            sealed: sealed.clone(),
            ..row
        };
        self.write(id, &row)?;
        Ok(Ok(row.version))
    }

    pub(super) fn touch(&mut self, id: &RecordKey, ends: Timestamp, now: Timestamp) -> Done<bool> {
        let Some(row) = self.living(id, now)? else {
            return Ok(Ok(false));
        };
        self.write(id, &Row { ends, ..row })?;
        Ok(Ok(true))
    }

    pub(super) fn take(&mut self, id: &RecordKey, now: Timestamp) -> Done<Option<Sealed>> {
        let Some(row) = self.living(id, now)? else {
            return Ok(Ok(None));
        };
        self.drop_row(id, &row)?;
        Ok(Ok(Some(row.sealed)))
    }

    pub(super) fn remove(&mut self, id: &RecordKey) -> Done<bool> {
        let Some(row) = self.row(id)? else {
            return Ok(Ok(false));
        };
        self.drop_row(id, &row)?;
        Ok(Ok(self.now < row.ends))
    }

    pub(super) fn remove_all(&mut self, key: &IndexKey) -> Done<u64> {
        let names = found(&self.index, key, None)?.collect::<Fallible<Vec<_>>>()?;
        let mut removed = 0;
        for name in names {
            if let Ok(true) = self.remove(&name)? {
                removed += 1;
            }
        }
        Ok(Ok(removed))
    }

    /// Removes what has ended, looking at no more than `most` records. One that was moved is listed anew.
    pub(super) fn sweep(&mut self, most: usize) -> Fallible<()> {
        let (from, to) = ([0; 40], end_key(self.now, &RecordKey([0xff; 32])));
        let due = self.ends.range::<&[u8; 40]>(&from..=&to)?.take(most);
        let due = due.map(|entry| Ok(*entry?.0.value()));
        for key in due.collect::<Fallible<Vec<[u8; 40]>>>()? {
            let id = record_of(&key);
            self.ends.remove(&key)?;
            let Some(row) = self.row(&id)? else {
                continue;
            };
            if self.now < row.ends {
                let listed = row.ends;
                self.ends.insert(&end_key(listed, &id), ())?;
                self.write(&id, &Row { listed, ..row })?;
            } else {
                self.drop_row(&id, &row)?;
            }
        }
        Ok(())
    }

    /// How many records, index entries and ends there are.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> Fallible<(u64, u64, u64)> {
        Ok((self.records.len()?, self.index.len()?, self.ends.len()?))
    }
}
