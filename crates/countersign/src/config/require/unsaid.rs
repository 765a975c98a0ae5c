//! What no certificate says: where nobody comes by anything else, nobody would be let in by it, or kept out.

use countersign_authn::client_certificate::{CLAIMS, ClaimKind};
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use std::sync::Arc;

/// What is wrong in that way with a route's `require`, where these alone let in.
pub(in crate::config) fn by_any_of(accepts: &[Arc<str>], require: Option<&Values>) -> Vec<Fault> {
    let by_certificate = |name: &Arc<str>| name.starts_with("certificate.");
    let Some(require) = require.filter(|_| !accepts.is_empty() && accepts.iter().all(by_certificate)) else {
        return Vec::new();
    };
    let faults = by_certificates(require, &[]).into_iter();
    faults.map(|fault| fault.within("require")).collect()
}

/// What is wrong in that way with `require`; names in `also` are understood, too, each said once.
pub(in crate::config) fn by_certificates(require: &Values, also: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for list in ["scopes", "not_scopes"] {
        if require.has(list) {
            let message = "certificates have no scopes: nobody would have one of these";
            let help = "groups = [\"staff\"], by the `groups` of [certificate.NAME]";
            faults.push(Fault::new(list, message).help(help));
        }
    }
    for list in ["claims", "not_claims"] {
        let named = require.named(list).iter();
        let unsaid = named.filter_map(|(path, test)| Some(unsaid_claim(path, test, also)?.within(list)));
        faults.extend(unsaid);
    }
    faults
}

/// What is wrong with one claim: no certificate says it, or none says it so.
fn unsaid_claim(path: &str, test: &Values, also: &[&str]) -> Option<Fault> {
    // What is no path at all is told already.
    let asked = ClaimPath::parse(path)?;
    let is = |name: &str| ClaimPath::parse(name).as_ref() == Some(&asked);
    let kind = CLAIMS.iter().find(|(name, _)| is(name)).map(|(_, kind)| *kind);
    let kind = kind.or_else(|| also.iter().any(|name| is(name)).then_some(ClaimKind::One));
    match kind {
        Some(ClaimKind::One) if test.has("contains") => {
            let help = "equals = \"…\", or one_of = [\"…\", \"…\"]";
            Some(Fault::new(path, "a certificate says this once: it is no list").help(help))
        }
        Some(ClaimKind::Many) if test.has("equals") || test.has("one_of") => {
            let help = "contains = [\"…\"]";
            Some(Fault::new(path, "this is a list, and equal to nothing").help(help))
        }
        Some(ClaimKind::One | ClaimKind::Many) => None,
        None => {
            let known = CLAIMS.iter().map(|(name, _)| *name);
            let known = known.chain(also.iter().copied()).collect::<Vec<_>>().join(", ");
            let message = format!("no certificate says `{path}`");
            Some(Fault::new(path, message).help(format!("known are: {known}")))
        }
    }
}
