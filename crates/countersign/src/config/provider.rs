//! `[openid_provider]`: our own, whose login is a certificate that one of our tables accepts.

use super::certificates::judges;
use super::check::{Declared, tell};
use super::lacking;
use super::shape::Document;
use crate::config::diagnostic::Diagnostic;
use countersign_authn::kinds::Parts;
use countersign_authn::provider::{self, OPTIONS, Provider, TABLE};
use countersign_core::options::{Fault, Values};
use std::sync::Arc;

/// Builds the provider, where there is one; what is wrong with it is told.
pub(super) fn provider(
    document: &Document,
    declared: &Declared,
    parts: &Parts,
    told: &mut Vec<Diagnostic>,
) -> Option<Arc<Provider>> {
    let values = document.values.table(TABLE)?;
    let way = [TABLE.to_owned()];
    let build = |values: &Values| {
        let mut faults = Vec::new();
        let judges = judges(values, "certificates", declared, &mut faults);
        match provider::build(values, judges, parts) {
            Ok(provider) if faults.is_empty() => Ok(provider),
            Ok(_) => Err(faults),
            Err(more) => Err(faults.into_iter().chain(more).collect::<Vec<Fault>>()),
        }
    };
    let faults = if document.is_faulty(&[TABLE]) {
        lacking::independent(document, &way, &OPTIONS, values, |values| {
            build(values).err().unwrap_or_default()
        })
    } else {
        match build(values) {
            Ok(provider) => return Some(Arc::new(provider)),
            Err(faults) => faults,
        }
    };
    tell(document, &way, faults, told);
    None
}
