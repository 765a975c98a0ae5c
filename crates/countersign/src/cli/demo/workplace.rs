//! The demo's own folder, for as long as it runs.

use countersign_core::entropy::Entropy as _;
use countersign_edge::system::OsEntropy;
use std::fmt::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A new folder that only its owner can enter. What the demo wrote there is gone with it.
#[derive(Debug)]
pub(super) struct Workplace(PathBuf);

impl Workplace {
    /// Makes it. A name nobody can guess, and a folder nobody made before us: the place is everybody's to write to.
    pub(super) fn make() -> std::io::Result<Self> {
        let mut random = [0_u8; 16];
        OsEntropy::new().fill(&mut random);
        let mut name = String::from("countersign-demo-");
        for byte in random {
            // Writing to a String does not fail.
            let _: std::fmt::Result = write!(name, "{byte:02x}");
        }
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What cannot be removed is a temporary folder.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
