//! Blobs in memory: where there is no folder, or none that can be written to yet.

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
    blobs: Mutex<Blobs>,
}

#[derive(Debug, Default)]
struct Blobs {
    /// What was written since; `None` where it was removed.
    since: BTreeMap<String, Option<Vec<u8>>>,
    /// What was found in the folder, or is ours there.
    found: BTreeSet<String>,
    /// What was left there as it is.
    left: Vec<Left>,
    /// Whether all of it is in the folder, and so is everything from now on.
    is_settled: bool,
}

/// What stays in the folder as somebody else has put it there; what was written in its place since is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What it is called.
    pub name: String,
    /// Why it cannot be believed, where that is so.
    pub why: Option<KeptError>,
}

impl KeptMemory {
    /// What is in `folder` is there, and nothing is changed in it.
    pub fn over(folder: KeptFolder) -> Self {
        Self {
            below: Some(folder),
            blobs: Mutex::default(),
        }
    }

    /// Writes into the folder what was written here since, and everything from then on. Fails where the folder cannot be
    /// written to; what is there by then stays. What somebody else has put there meanwhile counts in place of ours, whether
    /// or not it can be believed: the folder may have come only then, with the keys of before in it. What that is, once.
    pub async fn settle(&self) -> Result<Vec<Left>, KeptError> {
        let Some(folder) = &self.below else {
            return Ok(Vec::new());
        };
        loop {
            let next = {
                let mut blobs = self.blobs();
                // What is new first: what was removed may have been so for its sake.
                let next = blobs.since.iter().min_by_key(|(_, blob)| blob.is_none());
                let next = next.map(|(name, blob)| (name.clone(), blob.clone()));
                blobs.is_settled = next.is_none();
                next.ok_or_else(|| std::mem::take(&mut blobs.left))
            };
            let (name, blob) = match next {
                Ok(next) => next,
                Err(left) => return Ok(left),
            };
            let mut left = None;
            match &blob {
                Some(bytes) => match self.anothers(&name, folder).await {
                    Ok(None) => {
                        folder.save(&name, bytes).await?;
                        // Tried once more, it is not taken for somebody else's.
                        self.blobs().found.insert(name.clone());
                    }
                    Ok(Some(there)) => left = (there != *bytes).then_some(None),
                    Err(why) => left = Some(Some(why)),
                },
                // What was to take its place may not be there.
                None if self.has_unread() => {}
                None => folder.remove(&name).await?,
            }
            let mut blobs = self.blobs();
            if let Some(why) = left
                && blobs.left.iter().all(|left| left.name != name)
            {
                let name = name.clone();
                blobs.left.push(Left { name, why });
            }
            // It may have been written once more.
            if blobs.since.get(&name) == Some(&blob) {
                blobs.since.remove(&name);
            }
        }
    }

    /// Where to write to, or nowhere any more: it is done.
    fn set(&self, name: &str, blob: Option<&[u8]>) -> Option<&KeptFolder> {
        let mut blobs = self.blobs();
        match &self.below {
            Some(folder) if blobs.is_settled => return Some(folder),
            None if blob.is_none() => drop(blobs.since.remove(name)),
            Some(_) | None => drop(blobs.since.insert(name.to_owned(), blob.map(<[u8]>::to_vec))),
        }
        None
    }

    /// What was written since, or removed, and is called so.
    fn begin_with(&self, prefix: &str) -> Vec<(String, bool)> {
        let blobs = self.blobs();
        let since = blobs.since.iter().filter(|(name, _)| name.starts_with(prefix));
        since.map(|(name, blob)| (name.clone(), blob.is_some())).collect()
    }

    /// What somebody else has put into `folder` since, if anything.
    async fn anothers(&self, name: &str, folder: &KeptFolder) -> Result<Option<Vec<u8>>, KeptError> {
        if self.blobs().found.contains(name) {
            return Ok(None);
        }
        folder.load(name).await
    }

    fn has_unread(&self) -> bool {
        self.blobs().left.iter().any(|left| left.why.is_some())
    }

    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept for KeptMemory {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        let since = self.blobs().since.get(name).cloned();
        match (since, &self.below) {
            (None, Some(folder)) => Box::pin(async move {
                let loaded = folder.load(name).await;
                if matches!(loaded, Ok(Some(_))) {
                    self.blobs().found.insert(name.to_owned());
                }
                loaded
            }),
            (since, _) => Box::pin(std::future::ready(Ok(since.flatten()))),
        }
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        match self.set(name, Some(bytes)) {
            Some(folder) => folder.save(name, bytes),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        Box::pin(async move {
            // These first: what is written into the folder meanwhile is there then.
            let since = self.begin_with(prefix);
            let mut names = match &self.below {
                Some(folder) => folder.names(prefix).await?.into_iter().collect(),
                None => BTreeSet::new(),
            };
            self.blobs().found.extend(names.iter().cloned());
            for (name, is_there) in since {
                if is_there {
                    names.insert(name);
                } else {
                    names.remove(&name);
                }
            }
            if names.len() > MAX_NAMES {
                return Err(KeptError(format!("more than {MAX_NAMES} blobs `{prefix}…`")));
            }
            Ok(names.into_iter().collect())
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        match self.set(name, None) {
            Some(folder) => folder.remove(name),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Folder;
    use std::os::unix::fs::PermissionsExt as _;

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
        assert!(alone.blobs().since.is_empty());
        assert_eq!(alone.settle().await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn what_was_written_goes_into_the_folder_once_it_can_and_so_does_what_comes_after() {
        let folder = Folder::new("kept-settles");
        let below = KeptFolder::new(folder.0.clone());
        below.save("crl-a", b"a").await.unwrap();
        below.save("crl-c", b"old").await.unwrap();
        let kept = KeptMemory::over(KeptFolder::new(folder.0.clone()));
        assert_eq!(kept.names("").await.unwrap(), ["crl-a", "crl-c"]);
        kept.save("crl-b", b"b").await.unwrap();
        kept.save("crl-c", b"c").await.unwrap();
        kept.remove("crl-a").await.unwrap();
        // There is no room yet for one of them: nothing that it took the place of goes.
        let in_its_way = folder.0.join("crl-c");
        std::fs::remove_file(&in_its_way).unwrap();
        std::fs::create_dir(&in_its_way).unwrap();
        assert!(kept.settle().await.is_err());
        assert_eq!(below.names("").await.unwrap(), ["crl-a", "crl-b"]);
        assert_eq!(kept.load("crl-c").await.unwrap().as_deref(), Some(&b"c"[..]));
        assert_eq!(kept.load("crl-a").await.unwrap(), None);
        // What is there by then is ours, and newer ones go over it.
        kept.save("crl-b", b"newer").await.unwrap();
        std::fs::remove_dir(&in_its_way).unwrap();
        assert_eq!(kept.settle().await, Ok(Vec::new()));
        assert_eq!(below.names("").await.unwrap(), ["crl-b", "crl-c"]);
        assert_eq!(below.load("crl-b").await.unwrap().as_deref(), Some(&b"newer"[..]));
        kept.save("crl-d", b"d").await.unwrap();
        kept.remove("crl-b").await.unwrap();
        assert_eq!(below.names("").await.unwrap(), ["crl-c", "crl-d"]);
        assert!(kept.blobs().since.is_empty());
    }

    /// A disk that is there only after the start, with what was kept on it before.
    #[tokio::test]
    async fn what_somebody_else_has_put_into_the_folder_meanwhile_stays() {
        let folder = Folder::new("kept-comes-late");
        let below = KeptFolder::new(folder.0.clone());
        below.save("keys-a", b"old").await.unwrap();
        let kept = KeptMemory::over(KeptFolder::new(folder.0.clone()));
        for name in ["keys-a", "provider-keys", "session.key"] {
            drop(kept.load(name).await);
            kept.save(name, b"new").await.unwrap();
        }
        below.save("provider-keys", b"theirs").await.unwrap();
        let left = Left {
            name: "provider-keys".to_owned(),
            why: None,
        };
        assert_eq!(kept.settle().await, Ok(vec![left]));
        for (name, bytes) in [
            ("keys-a", "new"),
            ("provider-keys", "theirs"),
            ("session.key", "new"),
        ] {
            for kept in [&below as &dyn Kept, &kept] {
                assert_eq!(
                    kept.load(name).await.unwrap().as_deref(),
                    Some(bytes.as_bytes()),
                    "{name}"
                );
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_believed_there_stays_and_keeps_nothing_else_from_being_written() {
        let folder = Folder::new("kept-comes-late-open");
        let below = KeptFolder::new(folder.0.clone());
        below.save("crl-old", b"old").await.unwrap();
        let kept = KeptMemory::over(KeptFolder::new(folder.0.clone()));
        kept.load("crl-old").await.unwrap();
        for name in ["crl-new", "keys-a", "provider-keys", "session.key"] {
            kept.save(name, b"new").await.unwrap();
        }
        kept.remove("crl-old").await.unwrap();
        below.save("provider-keys", b"theirs").await.unwrap();
        let open = folder.0.join("provider-keys");
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
        let left = kept.settle().await.unwrap();
        let left = left.into_iter().map(|left| (left.name, left.why.unwrap().0));
        let left = left.collect::<Vec<_>>();
        assert!(left.len() == 1 && left[0].0 == "provider-keys", "{left:?}");
        assert!(left[0].1.contains("others than its owner may read"), "{left:?}");
        assert_eq!(kept.settle().await, Ok(Vec::new()), "it is told once");
        for name in ["crl-new", "keys-a", "session.key"] {
            let there = below.load(name).await.unwrap();
            assert_eq!(there.as_deref(), Some(&b"new"[..]), "{name}");
        }
        assert_eq!(std::fs::read(&open).unwrap(), b"theirs");
        // It may be what the old one gave way to.
        assert!(below.load("crl-old").await.unwrap().is_some());
        // Nor is ours believed any more.
        assert!(kept.load("provider-keys").await.is_err());
    }
}
