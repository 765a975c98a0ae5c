//! `[openid_provider]`: our own, whose login is a certificate that one of our tables accepts.

use super::certificates::judges;
use super::check::{Declared, tell};
use super::lacking;
use super::shape::Document;
use crate::config::diagnostic::Diagnostic;
use crate::config::scalar::show_duration;
use countersign_authn::kinds::Parts;
use countersign_authn::provider::keys::KeyPlan;
use countersign_authn::provider::{self, OPTIONS, Provider, TABLE};
use countersign_core::options::{Fault, Values};
use std::sync::Arc;

mod reach;
mod rules;
mod subjects;

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
        let requirements = rules::requirements(document, values, declared, &mut faults);
        match provider::build(values, judges, requirements, parts) {
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
            Ok(provider) => {
                told.extend(provider.keys.plan().map(|plan| made_keys(document, plan)));
                told.extend(subjects::told(document));
                told.extend(reach::told(document, &provider));
                return Some(Arc::new(provider));
            }
            Err(faults) => faults,
        }
    };
    tell(document, &way, faults, told);
    None
}

/// Where keys are kept that are made, and who has them.
fn made_keys(document: &Document, plan: &KeyPlan) -> Diagnostic {
    let way = |key: &str| [TABLE.to_owned(), key.to_owned()];
    let session = document.values.table("session");
    let is_shared = session.and_then(|session| session.text("store")) == Some("redis");
    let place = if is_shared {
        "sealed with the sessions, so that all nodes have the same"
    } else {
        "in the state folder, for this node alone: without such a folder they end with the process, and so do their tokens"
    };
    let rotates = u64::try_from(plan.rotate_every.as_millis()).unwrap_or(u64::MAX);
    let (algorithm, rotates) = (plan.algorithm.name(), show_duration(rotates));
    let message = format!(
        "keys that the provider signs with ({algorithm}) are made here, rotated every {rotates}, and kept {place}"
    );
    let written = ["key_algorithm", "rotate_every"].into_iter();
    let mut places = written.filter_map(|key| document.place(&way(key)));
    let place = places.next().or_else(|| document.key_place(&[TABLE.to_owned()]));
    let help = if is_shared {
        "`key` names one of your own"
    } else {
        "`key` names one of your own; several nodes need that, or `session.store` = \"redis\""
    };
    Diagnostic::note(place, message).help(help)
}
