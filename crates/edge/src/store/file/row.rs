//! A record as it lies in the file, and the keys it is found by.

use super::tables::Fallible;
use countersign_core::session::{IndexKey, Listed, RecordKey, Sealed, Version};
use countersign_core::time::Timestamp;

/// A record as it lies there: three numbers, how many index keys, these, and the sealed bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) version: Version,
    pub(super) ends: Timestamp,
    /// Where it is found in the table of ends.
    pub(super) listed: Timestamp,
    pub(super) index: Box<[IndexKey]>,
    pub(super) sealed: Sealed,
}

impl Row {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(25 + self.index.len() * 32 + self.sealed.0.len());
        bytes.extend_from_slice(&self.version.0.to_be_bytes());
        bytes.extend_from_slice(&self.ends.milliseconds().to_be_bytes());
        bytes.extend_from_slice(&self.listed.milliseconds().to_be_bytes());
        // There are no more than MAX_INDEX_KEYS.
        bytes.push(u8::try_from(self.index.len()).unwrap_or(u8::MAX));
        for key in &self.index {
            bytes.extend_from_slice(&key.0);
        }
        bytes.extend_from_slice(&self.sealed.0);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Fallible<Self> {
        let damaged = || redb::Error::Corrupted("a record is cut short".to_owned());
        let read = || {
            let (version, rest) = bytes.split_first_chunk::<8>()?;
            let (ends, rest) = rest.split_first_chunk::<8>()?;
            let (listed, rest) = rest.split_first_chunk::<8>()?;
            let (count, rest) = rest.split_first()?;
            let (index, sealed) = rest.split_at_checked(usize::from(*count) * 32)?;
            let index = index.as_chunks::<32>().0;
            Some(Self {
                version: Version(u64::from_be_bytes(*version)),
                ends: Timestamp::from_milliseconds(i64::from_be_bytes(*ends)),
                listed: Timestamp::from_milliseconds(i64::from_be_bytes(*listed)),
                index: index.iter().map(|key| IndexKey(*key)).collect(),
                sealed: Sealed(sealed.into()),
            })
        };
        read().ok_or_else(damaged)
    }
}

/// The record `id` in `bytes` as a list tells of it, the rest left alone.
pub(super) fn listed(id: RecordKey, bytes: &[u8]) -> Option<Listed> {
    let (version, rest) = bytes.split_first_chunk::<8>()?;
    let (ends, _) = rest.split_first_chunk::<8>()?;
    Some(Listed {
        id,
        version: Version(u64::from_be_bytes(*version)),
        ends: Timestamp::from_milliseconds(i64::from_be_bytes(*ends)),
    })
}

fn joined<const N: usize>(front: &[u8], id: &RecordKey) -> [u8; N] {
    let mut key = [0; N];
    let bytes = front.iter().chain(&id.0);
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}

/// The key of the table of ends, in the order of the calendar: the sign bit turned round.
pub(super) fn end_key(ends: Timestamp, id: &RecordKey) -> [u8; 40] {
    let ordered = ends.milliseconds().cast_unsigned() ^ (1 << 63);
    joined(&ordered.to_be_bytes(), id)
}

pub(super) fn index_key(key: &IndexKey, id: &RecordKey) -> [u8; 64] {
    joined(&key.0, id)
}

/// The record at the end of a key of either table.
pub(super) fn record_of(key: &[u8]) -> RecordKey {
    RecordKey(key.last_chunk().copied().unwrap_or_default())
}
