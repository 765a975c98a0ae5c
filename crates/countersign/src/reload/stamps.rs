//! Whether a file is still the one that was read: told from what the system says of it, without reading it again.

use std::collections::BTreeMap;
use std::fs::metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What files looked like at one time.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

/// What the system says of a file, behind whatever links lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// When its content changed, in seconds and nanoseconds.
    modified: (i64, i64),
    /// When anything about it changed: also who may read it.
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let facts = metadata(path).ok()?;
        Some(Self {
            device: facts.dev(),
            inode: facts.ino(),
            size: facts.size(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        })
    }
}

impl Stamps {
    /// Looks at `path`, unless it was looked at already.
    pub(super) fn look(&mut self, path: &Path) {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Stamp::of(path));
        }
    }

    /// What the same files look like now.
    #[must_use]
    pub fn again(&self) -> Self {
        let now = self.0.keys().map(|path| (path.clone(), Stamp::of(path)));
        Self(now.collect())
    }

    /// The first file that looked otherwise `before`.
    pub fn changed_since(&self, before: &Self) -> Option<&Path> {
        let differs = |(path, stamp): &(&PathBuf, &Option<Stamp>)| before.0.get(*path) != Some(*stamp);
        self.0.iter().find(differs).map(|(path, _)| path.as_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testkit::folder::Folder;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_another_when_anything_about_it_is() {
        let folder = Folder::new();
        let [file, other, link] = ["file", "other", "link"].map(|name| folder.0.join(name));
        folder.write("file", "one");
        folder.write("other", "one");
        symlink(&file, &link).unwrap();
        let mut stamps = Stamps::default();
        stamps.look(&link);
        let mut before = stamps.again();
        assert_eq!(before.changed_since(&stamps), None);
        let mut changed = |what: &str| {
            let now = before.again();
            assert_eq!(now.changed_since(&before), Some(link.as_path()), "{what}");
            before = now;
        };
        folder.write("file", "longer");
        changed("another size");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        changed("other readers");
        std::fs::remove_file(&link).unwrap();
        changed("gone");
        symlink(&other, &link).unwrap();
        changed("a link to another");
        std::fs::remove_file(&other).unwrap();
        changed("a link to nowhere");
        folder.write("other", "one");
        changed("there again");
    }
}
