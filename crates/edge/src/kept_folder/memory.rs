//! Blobs in memory: where there is no folder, or none that can be written to.

use super::KeptFolder;
use countersign_core::BoxFuture;
use countersign_core::kept::{Kept, KeptError, MAX_NAMES};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blobs that last as long as the process.
#[derive(Debug, Default)]
pub struct KeptMemory {
    /// What was there before.
    below: Option<KeptFolder>,
    /// What was written since; `None` where it was removed.
    blobs: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
}

impl KeptMemory {
    /// What is in `folder` is there, and nothing is changed in it.
    pub fn over(folder: KeptFolder) -> Self {
        Self {
            below: Some(folder),
            blobs: Mutex::default(),
        }
    }

    fn blobs(&self) -> MutexGuard<'_, BTreeMap<String, Option<Vec<u8>>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: &str, blob: Option<Vec<u8>>) {
        drop(self.blobs().insert(name.to_owned(), blob));
    }
}

impl Kept for KeptMemory {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        let since = self.blobs().get(name).cloned();
        match (since, &self.below) {
            (None, Some(folder)) => folder.load(name),
            (since, _) => Box::pin(std::future::ready(Ok(since.flatten()))),
        }
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        self.set(name, Some(bytes.to_vec()));
        Box::pin(std::future::ready(Ok(())))
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        Box::pin(async move {
            let mut names = match &self.below {
                Some(folder) => folder.names(prefix).await?.into_iter().collect(),
                None => BTreeSet::new(),
            };
            for (name, blob) in self.blobs().iter().filter(|(name, _)| name.starts_with(prefix)) {
                if blob.is_some() {
                    names.insert(name.clone());
                } else {
                    names.remove(name);
                }
            }
            if names.len() > MAX_NAMES {
                return Err(KeptError(format!("more than {MAX_NAMES} blobs `{prefix}…`")));
            }
            Ok(names.into_iter().collect())
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        match &self.below {
            Some(_) => self.set(name, None),
            None => drop(self.blobs().remove(name)),
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Folder;

    #[tokio::test]
    async fn over_a_folder_it_has_what_is_there_and_changes_nothing_in_it() {
        let folder = Folder::new("kept-over");
        let below = KeptFolder::new(folder.0.clone());
        below.save("crl-a", b"a").await.unwrap();
        below.save("crl-b", b"b").await.unwrap();
        let kept = KeptMemory::over(KeptFolder::new(folder.0.clone()));
        kept.save("crl-b", b"newer").await.unwrap();
        kept.save("crl-c", b"c").await.unwrap();
        kept.save("other", b"x").await.unwrap();
        kept.remove("crl-a").await.unwrap();
        assert_eq!(kept.names("crl-").await.unwrap(), ["crl-b", "crl-c"]);
        assert_eq!(kept.load("crl-a").await.unwrap(), None);
        assert_eq!(kept.load("crl-b").await.unwrap().as_deref(), Some(&b"newer"[..]));
        assert_eq!(below.names("").await.unwrap(), ["crl-a", "crl-b"]);
        assert_eq!(below.load("crl-b").await.unwrap().as_deref(), Some(&b"b"[..]));
        // Nor is it filled without bound where there is no folder.
        let alone = KeptMemory::default();
        alone.save("a", b"x").await.unwrap();
        alone.remove("a").await.unwrap();
        assert_eq!(alone.names("").await.unwrap(), [""; 0]);
        assert!(alone.blobs().is_empty());
    }
}
