//! What outlives the process, in memory: a map instead of a folder.

use countersign_core::BoxFuture;
use countersign_core::kept::{Kept, KeptError, is_name};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Named blobs in memory, with a switch for a folder that cannot be written.
#[derive(Debug, Default)]
pub struct MemoryKept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<String, Vec<u8>>,
    broken: bool,
}

impl MemoryKept {
    /// From now on every load and save fails (or no longer).
    pub fn break_it(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken;
    }

    /// Everything kept is lost, as when a disk is replaced.
    pub fn forget(&self) {
        self.0.lock().unwrap().blobs.clear();
    }

    /// Cuts every blob to half, as a crash or an editor might.
    pub fn truncate(&self) {
        for blob in self.0.lock().unwrap().blobs.values_mut() {
            blob.truncate(blob.len() / 2);
        }
    }

    /// Every blob is replaced by every other one in turn: what was kept for one issuer lies under another's name.
    pub fn swap(&self) {
        let mut state = self.0.lock().unwrap();
        let mut blobs = state.blobs.values().cloned().collect::<Vec<_>>();
        if let Some(last) = blobs.pop() {
            blobs.insert(0, last);
        }
        for (slot, blob) in state.blobs.values_mut().zip(blobs) {
            *slot = blob;
        }
    }

    /// Every blob, by name.
    pub fn blobs(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap().blobs.clone()
    }
}

impl Kept for MemoryKept {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        let state = self.0.lock().unwrap();
        let loaded = if state.broken {
            Err(KeptError("the folder cannot be read".into()))
        } else {
            Ok(state.blobs.get(name).cloned())
        };
        Box::pin(std::future::ready(loaded))
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        let mut state = self.0.lock().unwrap();
        let saved = if state.broken {
            Err(KeptError("the folder cannot be written".into()))
        } else if is_name(name) {
            state.blobs.insert(name.to_owned(), bytes.to_vec());
            Ok(())
        } else {
            Err(KeptError(format!("`{name}` is no name")))
        };
        Box::pin(std::future::ready(saved))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        self.0.lock().unwrap().blobs.remove(name);
        Box::pin(std::future::ready(Ok(())))
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        let state = self.0.lock().unwrap();
        let listed = if state.broken {
            Err(KeptError("the folder cannot be read".into()))
        } else {
            let names = state.blobs.keys().filter(|name| name.starts_with(prefix));
            Ok(names.cloned().collect())
        };
        Box::pin(std::future::ready(listed))
    }
}
