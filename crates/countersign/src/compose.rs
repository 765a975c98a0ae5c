//! A configuration becomes a gateway. Past [`load`] nothing about configuration can fail.

use crate::config::check::{self, check};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::shape::{self, Document};
use crate::config::{Environment, Sources};
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::CacheLimits;

pub use crate::config::check::{Loaded, LogSettings};
pub use crate::config::listen::Listen;

/// Reads and checks `sources` whole. On failure every mistake is in the list, and the warnings too.
pub fn load(sources: &Sources, environment: &Environment, parts: &Parts) -> Result<Loaded, Vec<Diagnostic>> {
    let (document, mut told) = shape::read(sources, environment);
    if document.broken {
        return Err(told);
    }
    let mut loaded = check(&document, parts);
    told.append(&mut loaded.warnings);
    if told.iter().any(|one| one.severity == Severity::Error) {
        return Err(told);
    }
    loaded.warnings = told;
    Ok(loaded)
}

/// How many tokens `sources` wants remembered: read before the rest, for the cache outlives configurations.
pub fn cache_limits(sources: &Sources, environment: &Environment) -> CacheLimits {
    let (document, _) = shape::read(sources, environment);
    check::cache_limits(&document.values)
}

/// The checked shape alone, for commands that look at single tables.
pub fn document(sources: &Sources, environment: &Environment) -> Document {
    shape::read(sources, environment).0
}
