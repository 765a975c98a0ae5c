//! The port for what outlives the process on this node: last good key sets, signing keys, indexes. Named blobs.

use crate::BoxFuture;
use std::fmt;

/// Why a blob could not be kept or read. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeptError(pub String);

/// A small folder of named blobs. A name is 1 to 120 characters of `a-z 0-9 . - _`.
pub trait Kept: Send + Sync + fmt::Debug {
    /// The blob called `name`, if there is one.
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>>;

    /// Writes the blob called `name` whole: a reader sees the old bytes or the new ones, never a part.
    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>>;

    /// The names of the blobs that begin with `prefix`, in order. Fails where there are more than [`MAX_NAMES`].
    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>>;

    /// Removes the blob called `name`, if there is one.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>>;
}

/// The most names that are listed.
pub const MAX_NAMES: usize = 32 * 1024;

/// Whether `name` may name a blob.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (1..=120).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}
