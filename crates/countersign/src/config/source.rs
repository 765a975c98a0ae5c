//! Where the text comes from: a file, a folder of files, or the places looked in when none is named.

use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::system::SystemClock;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

/// The largest configuration file, and the largest file that one names, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// The most files of a folder.
pub const MAX_FILES: usize = 1000;
/// What the files of a folder may be together, in bytes.
pub const MAX_FOLDER_BYTES: usize = 8 << 20;
/// Where a configuration is looked for when none is named.
pub const PLACES: [&str; 2] = ["./countersign.toml", "/etc/countersign"];

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its folder: relative paths in it begin there.
    pub folder: PathBuf,
    /// Its text.
    pub text: String,
}

/// The files of one configuration, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sources(pub Vec<Source>);

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// None of the places looked in has a configuration.
    #[error(
        "no configuration: looked at $COUNTERSIGN_CONFIG (not set), ./countersign.toml and /etc/countersign; name one with --config FILE-or-folder"
    )]
    Nowhere,
    /// A folder without `*.toml` files.
    #[error("{0} has no *.toml files")]
    EmptyFolder(String),
    /// A file that cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, io::Error),
    /// What `$COUNTERSIGN_CONFIG` names is not there.
    #[error("$COUNTERSIGN_CONFIG names {0}, and that is not there")]
    NotThere(String),
    /// A file that is no text: its name and the line.
    #[error("{0}:{1}: not UTF-8 text{2}")]
    NotText(String, usize, &'static str),
    /// A very large file.
    #[error("{0} is larger than 1 MiB")]
    TooLarge(String),
    /// A folder with very much in it.
    #[error("{0} holds more than 1000 *.toml files, or more than 8 MiB of them")]
    FolderTooLarge(String),
    /// Several files of a folder, each for a reason of its own.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<Self>),
}

/// A question to the world.
pub type Ask<Q, A> = Box<dyn Fn(&Q) -> A + Send + Sync>;

/// What may be asked of the world while reading: tests answer themselves.
pub struct Environment {
    /// The environment variable of a name.
    pub variable: Ask<str, Option<String>>,
    /// The bytes of a file; of one larger than [`MAX_FILE_BYTES`] no more than it takes to see that.
    pub read: Ask<Path, io::Result<Vec<u8>>>,
    /// The permission bits of a file, where it has some.
    pub mode: Ask<Path, Option<u32>>,
    /// What time it is.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Environment {
    /// The bytes of a file that is no configuration; told in words, file first, when it cannot be read or is too large.
    pub fn whole(&self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = (self.read)(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(format!(
                "{}: larger than 1 MiB, and no more is read",
                path.display()
            ));
        }
        Ok(bytes)
    }

    /// The process's own environment and files.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn real() -> Self {
        Self {
            variable: Box::new(|name| std::env::var(name).ok()),
            read: Box::new(read_bounded),
            mode: Box::new(|path| {
                std::fs::metadata(path)
                    .ok()
                    .map(|facts| facts.permissions().mode())
            }),
            now: Box::new(|| SystemClock::new().now().wall),
        }
    }

    /// The same for a process that reads everything again later: what gives its bytes only once, or lets a reader wait
    /// (a pipe, a terminal), is refused.
    pub fn lasting() -> Self {
        Self {
            read: Box::new(|path| {
                let kind = std::fs::metadata(path)?.file_type();
                if kind.is_file() || kind.is_dir() {
                    return read_bounded(path);
                }
                let why =
                    "no file: it is read again with every reload, and a pipe or device can be read only once";
                Err(io::Error::new(io::ErrorKind::InvalidInput, why))
            }),
            ..Self::real()
        }
    }

    /// No variables and no files, at the beginning of time.
    pub fn empty() -> Self {
        Self {
            variable: Box::new(|_| None),
            read: Box::new(|_| Err(io::ErrorKind::NotFound.into())),
            mode: Box::new(|_| None),
            now: Box::new(|| Timestamp::from_seconds(0)),
        }
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let enough = u64::try_from(MAX_FILE_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    File::open(path)?.take(enough).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Sources {
    /// One text, as if it stood in a file of this name.
    pub fn text(name: &str, text: &str) -> Self {
        let folder = Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
        Self(vec![Source {
            name: name.to_owned(),
            folder,
            text: text.to_owned(),
        }])
    }

    /// The path that will be read: the one named, `$COUNTERSIGN_CONFIG`, or the first of [`PLACES`] that exists.
    pub fn locate(named: Option<&Path>, environment: &Environment) -> Result<PathBuf, SourceError> {
        if let Some(path) = named {
            return Ok(path.to_owned());
        }
        let variable = (environment.variable)("COUNTERSIGN_CONFIG").filter(|path| !path.is_empty());
        if let Some(path) = variable {
            let there = Path::new(&path).exists();
            return there
                .then(|| path.clone().into())
                .ok_or(SourceError::NotThere(path));
        }
        let found = PLACES.iter().map(Path::new).find(|place| place.exists());
        found.map(Path::to_owned).ok_or(SourceError::Nowhere)
    }

    /// Reads a file, or the `*.toml` files of a folder in the order of their names.
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, SourceError> {
        let told = |path: &Path, error| SourceError::Unreadable(path.display().to_string(), error);
        if !path.is_dir() {
            return Ok(Self(vec![Self::read_file(path, environment)?]));
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|error| told(path, error))? {
            let file = entry.map_err(|error| told(path, error))?.path();
            let hidden = file
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if file.extension().is_some_and(|extension| extension == "toml") && !hidden {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(SourceError::EmptyFolder(path.display().to_string()));
        }
        files.sort();
        let too_large = || SourceError::FolderTooLarge(path.display().to_string());
        if files.len() > MAX_FILES {
            return Err(too_large());
        }
        let (mut sources, mut faults, mut bytes) = (Vec::new(), Vec::new(), 0);
        for file in &files {
            match Self::read_file(file, environment) {
                Ok(source) => {
                    bytes += source.text.len();
                    sources.push(source);
                }
                Err(fault) => faults.push(fault),
            }
            if bytes > MAX_FOLDER_BYTES {
                return Err(too_large());
            }
        }
        if faults.is_empty() {
            Ok(Self(sources))
        } else {
            Err(SourceError::Several(faults))
        }
    }

    fn read_file(path: &Path, environment: &Environment) -> Result<Source, SourceError> {
        let name = path.display().to_string();
        let bytes = (environment.read)(path).map_err(|error| SourceError::Unreadable(name.clone(), error))?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(SourceError::TooLarge(name));
        }
        let text = String::from_utf8(bytes).map_err(|error| not_text(&name, &error))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Source { name, folder, text })
    }
}

fn not_text(name: &str, error: &FromUtf8Error) -> SourceError {
    let (bytes, sound) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let line = bytes
        .get(..sound)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
        .count();
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let hint = if wide {
        ": it is UTF-16, save it as UTF-8"
    } else {
        ""
    };
    SourceError::NotText(name.to_owned(), line, hint)
}

#[cfg(test)]
mod tests;
