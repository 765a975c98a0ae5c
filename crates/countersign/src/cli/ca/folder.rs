//! The folder of an authority: what is in it, who may change it, and one change at a time.

use super::passphrase::Unlock;
use super::written::{SECRET, is_staged, told, write};
use crate::ca::index::{Index, Record};
use crate::ca::{Authority, PrivateKey, Role, is_locked};
use crate::config::Environment;
use countersign_core::secret::Secret;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The largest index that is read: some 500,000 certificates.
const MAX_INDEX_BYTES: u64 = 256 << 20;
const INDEX: &str = "index.json";
const LOCK: &str = ".lock";
/// What is issued goes here when nobody says otherwise.
const ISSUED: &str = "issued";

/// Where an authority is.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

/// That nobody else changes the folder. It ends with the process, whatever becomes of it.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

impl Folder {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn certificate(&self, role: Role) -> PathBuf {
        self.path(&format!("{}.crt", role.word()))
    }

    pub(super) fn key(&self, role: Role) -> PathBuf {
        self.path(&format!("{}.key", role.word()))
    }

    pub(super) fn authorities(&self) -> PathBuf {
        self.path("authorities.pem")
    }

    pub(super) fn list(&self, role: Role) -> PathBuf {
        self.path(&format!("{}.crl", role.word()))
    }

    pub(super) fn lists(&self) -> PathBuf {
        self.path("crls.pem")
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.path(INDEX)
    }

    pub(super) fn issued(&self) -> PathBuf {
        self.path(ISSUED)
    }

    /// Where the files of a certificate are.
    pub(super) fn of(&self, record: &Record) -> PathBuf {
        record
            .folder
            .as_ref()
            .map_or_else(|| self.issued(), PathBuf::from)
    }

    /// The certificates that `what` means: a file, a serial number, or a name of files. At least one.
    pub(super) fn places(&self, index: &Index, what: &str) -> Result<Vec<usize>, String> {
        let path = Path::new(what);
        let is_file = path.extension().is_some_and(|extension| extension == "crt") && path.is_file();
        let places = if is_file {
            let text = text(&Environment::real(), path)?;
            let der = crate::ca::first_certificate(&text);
            let der = der.ok_or_else(|| format!("{what}: holds no certificate"))?;
            index.find_sha256(&crate::ca::sha256(&der))
        } else {
            index.find(what)
        };
        if places.is_empty() {
            return Err(format!(
                "{what:?} was not issued here: `countersign ca list --all --folder {}` shows what was",
                self.0.display()
            ));
        }
        Ok(places)
    }

    /// Waits until nobody else changes the folder, and keeps others from it.
    pub(super) fn hold(&self) -> Result<Held, String> {
        let path = self.path(LOCK);
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .write(true)
            .truncate(false)
            .mode(SECRET)
            .open(&path);
        let lock = file.map_err(|error| self.unusable(&path, &error))?;
        lock.lock().map_err(|error| told(&path, &error))?;
        for folder in [self.0.clone(), self.issued()] {
            sweep(&folder);
        }
        Ok(Held { _lock: lock })
    }

    fn unusable(&self, path: &Path, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::NotFound {
            self.nothing()
        } else {
            told(path, error)
        }
    }

    fn nothing(&self) -> String {
        format!(
            "{} has no certificate authority: make one with `countersign ca init`, or name its folder with --folder",
            self.0.display()
        )
    }

    /// What is remembered.
    pub(super) fn index(&self) -> Result<Index, String> {
        let path = self.path(INDEX);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_INDEX_BYTES + 1).read_to_end(&mut bytes));
        let read = read.map_err(|error| self.unusable(&path, &error))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > MAX_INDEX_BYTES {
            return Err(format!(
                "{}: larger than 256 MiB, which no index of ours is",
                path.display()
            ));
        }
        Index::from_json(&bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Remembers it.
    pub(super) fn save(&self, index: &Index) -> Result<(), String> {
        let path = self.path(INDEX);
        let text = index
            .to_json()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        write(&path, text.as_bytes(), SECRET).map(drop)
    }

    /// The keys of `roles`; a locked one is opened, by a passphrase that may be asked for.
    pub(super) fn keys(
        &self,
        roles: &[Role],
        unlock: &Unlock,
        environment: &Environment,
    ) -> Result<Vec<(Role, PrivateKey)>, String> {
        // Before anybody is asked for a passphrase.
        if !self.path(INDEX).exists() {
            return Err(self.nothing());
        }
        let mut passphrase = unlock.given(environment)?;
        let mut keys = Vec::new();
        for role in roles {
            let path = self.key(*role);
            let text =
                Secret::new(text(environment, &path).map_err(|why| format!("{why}: {}", away(*role)))?);
            if is_locked(text.expose()) && passphrase.is_none() {
                passphrase = Some(Unlock::asked(&path)?);
            }
            let key = PrivateKey::from_pem(text.expose(), passphrase.as_ref());
            keys.push((
                *role,
                key.map_err(|error| format!("{}: {error}", path.display()))?,
            ));
        }
        Ok(keys)
    }

    /// The authority, with these keys. The folder is held: what is read is what is written again.
    pub(super) fn authority(
        &self,
        keys: Vec<(Role, PrivateKey)>,
        environment: &Environment,
        _held: &Held,
    ) -> Result<Authority, String> {
        let certificate = |role| {
            let path = self.certificate(role);
            let text = text(environment, &path)?;
            crate::ca::first_certificate(&text)
                .ok_or_else(|| format!("{}: holds no certificate", path.display()))
        };
        let mut authority = Authority {
            index: self.index()?,
            root: certificate(Role::Root)?,
            intermediate: certificate(Role::Intermediate)?,
            root_key: None,
            intermediate_key: None,
        };
        for (role, key) in keys {
            match role {
                Role::Root => authority.root_key = Some(key),
                Role::Intermediate => authority.intermediate_key = Some(key),
            }
        }
        authority
            .check()
            .map_err(|error| format!("{}: {error}", self.0.display()))?;
        Ok(authority)
    }
}

/// Removes what a process that was killed had begun to write: nobody else writes now.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_staged(&entry.file_name().to_string_lossy()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// A small file's text.
fn text(environment: &Environment, path: &Path) -> Result<String, String> {
    let bytes = environment.whole(path)?;
    String::from_utf8(bytes).map_err(|_| format!("{}: is no text", path.display()))
}

const fn away(role: Role) -> &'static str {
    match role {
        Role::Root => "bring the root's key back for this",
        Role::Intermediate => "without it nothing can be signed",
    }
}
