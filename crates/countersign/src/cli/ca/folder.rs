//! The folder of an authority: what is in it, who may change it, and one change at a time.

use super::others;
use super::passphrase::Unlock;
use super::written::{SECRET, is_staged, told, write};
use crate::ca::index::{Index, Record, Status};
use crate::ca::{Authority, PrivateKey, Role, is_locked};
use crate::config::Environment;
use countersign_core::secret::Secret;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The largest index that is read: some 500,000 certificates.
const MAX_INDEX_BYTES: u64 = 256 << 20;
pub(super) const INDEX: &str = "index.json";
const LOCK: &str = ".lock";
/// What is issued goes here when nobody says otherwise.
pub(super) const ISSUED: &str = "issued";

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
        let mut meant = Vec::new();
        if is_file {
            let text = text(&Environment::real(), path)?;
            let der = crate::ca::first_certificate(&text);
            let der = der.ok_or_else(|| format!("{what}: holds no certificate"))?;
            meant.push(index.find_sha256(&crate::ca::sha256(&der)));
        }
        meant.extend([index.find_serial(what), called(index, what)?]);
        meant.retain(|places| !places.is_empty());
        meant.dedup();
        match <[_; 1]>::try_from(meant) {
            Ok([places]) => Ok(places),
            Err(none) if none.is_empty() => Err(format!(
                "{what:?} was not issued here: `countersign ca list --all --folder {}` shows what was",
                self.0.display()
            )),
            Err(several) => Err(ambiguous(what, index, several.into_iter().flatten())),
        }
    }

    /// Refuses the word that means the intermediate itself where a certificate that holds has it for a name, too.
    pub(super) fn means_the_intermediate(index: &Index, what: &str) -> Result<(), String> {
        let named = index.find_file(what).into_iter().filter(|place| {
            let record = index.certificates.get(*place);
            record.is_some_and(|record| record.status(super::now()) == Status::Valid)
        });
        let mut named = named.peekable();
        match named.peek() {
            None => Ok(()),
            Some(_) => Err(ambiguous(what, index, named)),
        }
    }

    /// Waits until nobody else changes the folder, and keeps others from it.
    pub(super) fn hold(&self) -> Result<Held, String> {
        others::refuse_shared(&self.0)?;
        others::refuse_anothers(&self.issued(), &self.0)?;
        others::refuse_anothers_index(&self.path(INDEX), &self.0)?;
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
            others::refuse_open(&path)?;
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

/// The certificates whose files are called `what`: of the newest that holds, and those of the same names in the same folder.
/// Where another holds besides, neither is meant.
fn called(index: &Index, what: &str) -> Result<Vec<usize>, String> {
    let places = index.find_file(what);
    let record = |place: &usize| index.certificates.get(*place);
    let holds = |other: &&Record| other.status(super::now()) == Status::Valid;
    let holding = places.iter().rev().filter_map(record).find(holds);
    let Some(newest) = holding.or_else(|| places.last().and_then(record)) else {
        return Ok(places);
    };
    let (same, others) = places
        .iter()
        .partition::<Vec<usize>, _>(|place| record(place).is_some_and(|other| newest.is_of_the_same(other)));
    if others.iter().filter_map(record).any(|other| holds(&other)) {
        return Err(ambiguous(what, index, places.into_iter()));
    }
    Ok(same)
}

/// That `what` means more than one thing, and how each certificate is meant alone.
fn ambiguous(what: &str, index: &Index, places: impl Iterator<Item = usize>) -> String {
    let serials = places.filter_map(|place| index.certificates.get(place));
    let serials = serials.map(|record| format!("{} ({})", record.serial, record.names.join(", ")));
    format!(
        "{what:?} means more than one thing here: name a certificate by its serial number: {}",
        serials.collect::<Vec<_>>().join("; ")
    )
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
