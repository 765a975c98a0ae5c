//! The file as the library has it. Where there is no room to write, what the library would write is kept in memory, over the
//! file, so that it can be read all the same.

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// In how large pieces is remembered what is over the file.
const PIECE: usize = 4096;

/// Asked before something is written that ends there. In tests somebody stands for a disk without room.
pub(super) trait Room: fmt::Debug + Send + Sync {
    /// Fails where the system would.
    fn for_more(&self, end: u64) -> Result<(), io::Error>;
}

/// Nobody is asked but the system, otherwise.
pub(super) type AskedForRoom = Option<Arc<dyn Room>>;

/// The file, or the file and what is over it.
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    over: Option<Mutex<Over>>,
    asked: AskedForRoom,
}

/// What is over a file.
#[derive(Debug)]
struct Over {
    /// How long it all is.
    length: u64,
    /// How much of the file there is to be seen.
    seen: u64,
    pieces: BTreeMap<u64, Box<[u8; PIECE]>>,
}

impl Disk {
    /// What is written goes to the file.
    pub(super) fn through(file: FileBackend, asked: AskedForRoom) -> Self {
        Self {
            file,
            over: None,
            asked,
        }
    }

    /// The file is left as it is.
    pub(super) fn over(file: FileBackend) -> Result<Self, io::Error> {
        let length = file.len()?;
        let over = Over {
            length,
            seen: length,
            pieces: BTreeMap::new(),
        };
        Ok(Self {
            file,
            over: Some(Mutex::new(over)),
            asked: None,
        })
    }

    fn ask_for_room(&self, end: u64) -> Result<(), io::Error> {
        self.asked.as_ref().map_or(Ok(()), |asked| asked.for_more(end))
    }

    fn what_is_over(&self) -> Option<MutexGuard<'_, Over>> {
        let over = self.over.as_ref()?;
        Some(over.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `bytes` cut where pieces end: the number of the piece, where in it, and how many bytes.
fn cuts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let piece = PIECE as u64;
    let mut left = length;
    let mut at = offset;
    std::iter::from_fn(move || {
        let within = usize::try_from(at % piece).ok()?;
        let taken = left.min(PIECE - within);
        let cut = (at / piece, within, taken);
        at += taken as u64;
        left -= taken;
        (taken > 0).then_some(cut)
    })
}

impl Over {
    /// What is to be seen of the file, and nothing behind it.
    fn below(&self, file: &FileBackend, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let there = self.seen.saturating_sub(offset).min(out.len() as u64);
        let (known, rest) = out.split_at_mut(usize::try_from(there).unwrap_or(0));
        rest.fill(0);
        if known.is_empty() {
            Ok(())
        } else {
            file.read(offset, known)
        }
    }

    fn read(&self, file: &FileBackend, offset: u64, mut out: &mut [u8]) -> Result<(), io::Error> {
        if offset.saturating_add(out.len() as u64) > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.below(file, offset, out)?;
        for (number, within, length) in cuts(offset, out.len()) {
            let (part, rest) = out.split_at_mut(length);
            out = rest;
            if let Some(bytes) = self
                .pieces
                .get(&number)
                .and_then(|piece| piece.get(within..within + length))
            {
                part.copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn write(&mut self, file: &FileBackend, offset: u64, mut data: &[u8]) -> Result<(), io::Error> {
        for (number, within, length) in cuts(offset, data.len()) {
            let (part, rest) = data.split_at(length);
            data = rest;
            let mut below = Box::new([0; PIECE]);
            if !self.pieces.contains_key(&number) {
                self.below(file, number * PIECE as u64, &mut *below)?;
            }
            let piece = match self.pieces.entry(number) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(below),
            };
            if let Some(bytes) = piece.get_mut(within..within + length) {
                bytes.copy_from_slice(part);
            }
        }
        Ok(())
    }

    fn set_length(&mut self, file: &FileBackend, length: u64) -> Result<(), io::Error> {
        if length < self.length {
            // What was cut off is zero when it is there again.
            let (number, within) = (length / PIECE as u64, length % PIECE as u64);
            drop(self.pieces.split_off(&(number + u64::from(within > 0))));
            self.seen = self.seen.min(length);
            if within > 0 && self.pieces.contains_key(&number) {
                let zeros = vec![0; PIECE - usize::try_from(within).unwrap_or(0)];
                self.write(file, length, &zeros)?;
            }
        }
        self.length = length;
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        match self.what_is_over() {
            Some(over) => Ok(over.length),
            None => self.file.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        match self.what_is_over() {
            Some(over) => over.read(&self.file, offset, out),
            None => self.file.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        match self.what_is_over() {
            Some(mut over) => over.set_length(&self.file, len),
            None => self.file.set_len(len),
        }
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.over.is_some() {
            return Ok(());
        }
        self.ask_for_room(0)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        if let Some(mut over) = self.what_is_over() {
            return over.write(&self.file, offset, data);
        }
        self.ask_for_room(offset.saturating_add(data.len() as u64))?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Folder;
    use std::fs::OpenOptions;

    #[test]
    fn what_is_over_a_file_is_read_and_the_file_stays_as_it_was() {
        let folder = Folder::new("store-over");
        let path = folder.0.join("file");
        let below = (0..10_000)
            .map(|number| u8::try_from(number % 251 + 1).unwrap())
            .collect::<Vec<_>>();
        std::fs::write(&path, &below).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let disk = Disk::over(FileBackend::new(file).unwrap()).unwrap();
        let mut expected = below.clone();
        let matches = |expected: &[u8]| {
            let mut found = vec![9; expected.len()];
            disk.read(0, &mut found).unwrap();
            assert!(found == expected);
            assert_eq!(disk.len().unwrap(), expected.len() as u64);
            assert!(disk.read(1, &mut found).is_err(), "nothing is behind the end");
        };
        matches(&expected);
        for (offset, length) in [(0, 10), (4090, 20), (3000, 6000), (9999, 1), (5000, 0)] {
            disk.write(offset as u64, &vec![2; length]).unwrap();
            expected[offset..offset + length].fill(2);
            matches(&expected);
        }
        for length in [9000_usize, 20_000, 4096, 8192, 100, 12_000] {
            disk.set_len(length as u64).unwrap();
            expected.resize(length, 0);
            matches(&expected);
        }
        disk.write(11_000, &[3; 1000]).unwrap();
        expected[11_000..].fill(3);
        matches(&expected);
        disk.sync_data().unwrap();
        assert!(std::fs::read(&path).unwrap() == below);
    }
}
