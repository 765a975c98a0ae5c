//! What the rules of the provider ask: of certificates, and of nothing that no certificate says.

use super::super::check::Declared;
use super::super::require::spelling::SERIAL;
use super::super::require::{Asker, requirement, unsaid};
use super::super::shape::Document;
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use countersign_core::policy::Requirement;

/// What each `rule` asks.
pub(super) fn requirements(
    document: &Document,
    values: &Values,
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Vec<Requirement> {
    // Also those whose own tables have faults: what names them is right.
    let names = declared.iter().map(|(name, _)| name);
    let names = names.filter(|name| values.texts("certificates").any(|one| *one == ***name));
    let asker = Asker {
        who: "the provider",
        accepts: &names.cloned().collect::<Vec<_>>(),
        document,
    };
    let mut requirements = Vec::new();
    for (index, rule) in values.tables("rule").iter().enumerate() {
        let mut own = Vec::new();
        let table = rule.table("require");
        let asked = requirement(table, asker, declared, &mut own);
        requirements.push(as_certificates_say(asked));
        if let Some(table) = table {
            own.extend(
                unsaid_by(values, table)
                    .into_iter()
                    .map(|fault| fault.within("require")),
            );
        }
        let within = |fault: Fault| fault.within(index.to_string()).within("rule");
        faults.extend(own.into_iter().map(within));
    }
    requirements
}

/// The same by the names that certificates' claims have. What tokens call otherwise may have either name.
fn as_certificates_say(mut asked: Requirement) -> Requirement {
    let (in_tokens, ours) = (ClaimPath::parse(SERIAL.0), ClaimPath::parse(SERIAL.1));
    for rule in asked.claims.iter_mut().chain(&mut asked.not_claims) {
        if let Some(ours) = ours.as_ref().filter(|_| Some(&rule.path) == in_tokens.as_ref()) {
            rule.path = ours.clone();
        }
    }
    asked
}

/// What is asked of `require` that no certificate says, or none in a place where rules look.
fn unsaid_by(values: &Values, require: &Values) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut by_address = ["email_domains", "not_email_domains"].into_iter();
    let by_address = by_address.find(|list| require.has(list));
    if let Some(list) = by_address.filter(|_| values.text("email") == Some("subject")) {
        let message =
            "rules look at the address among the certificate's names, and `email` says that it is elsewhere";
        let help = "write `subjects` or `groups`, or leave `email = \"subject\"` out";
        faults.push(Fault::new(list, message).help(help));
    }
    faults.extend(unsaid::by_certificates(require, &[SERIAL.0]));
    faults
}
