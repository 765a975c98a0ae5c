//! A configuration becomes a gateway. Past [`load`] nothing about configuration can fail.

use crate::config::check::{self, check};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::pages;
use crate::config::shape::{self, Document};
use crate::config::{Environment, Sources};
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::CacheLimits;

pub use crate::config::check::{Loaded, LogSettings};
pub use crate::config::listen::{Listen, StatusListen};

/// Reads and checks `sources` whole. On failure every mistake is in the list, and the warnings too.
pub fn load(sources: &Sources, environment: &Environment, parts: &Parts) -> Result<Loaded, Vec<Diagnostic>> {
    load_with(sources, environment, |_| parts.clone())
}

/// The same, with parts that are made once it is known how many tokens are to be remembered.
pub fn load_with(
    sources: &Sources,
    environment: &Environment,
    parts: impl FnOnce(CacheLimits) -> Parts,
) -> Result<Loaded, Vec<Diagnostic>> {
    let (document, mut told) = shape::read(sources, environment);
    if document.broken {
        return Err(told);
    }
    let mut loaded = check(
        &document,
        environment,
        &parts(check::cache_limits(&document.values)),
    );
    told.append(&mut loaded.warnings);
    if told.iter().any(|one| one.severity == Severity::Error) {
        return Err(told);
    }
    loaded.warnings = told;
    Ok(loaded)
}

/// Reads every file that [`load`] reads, for what is in it alone.
pub fn look(sources: &Sources, environment: &Environment) {
    pages::look(&document(sources, environment), environment);
}

/// The checked shape alone, for commands that look at single tables.
pub fn document(sources: &Sources, environment: &Environment) -> Document {
    shape::read(sources, environment).0
}
