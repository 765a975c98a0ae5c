//! What certificates say, written as they do not say it: whoever is meant would be neither let in nor kept out.

use super::{Asker, owner_and_name};
use crate::config::check::Declared;
use crate::config::public_ports::by_origin;
use countersign_authn::client_certificate::{Misspelled, Spelling};
use countersign_core::options::{Fault, Values};

/// What tokens of our provider call the serial number, and what claims of certificates do.
pub(in crate::config) const SERIAL: (&str, &str) = ("certificate_serial", "certificate.serial");

/// What is wrong in that way with `require`.
pub(super) fn misspelled(require: &Values, asker: Asker<'_>, declared: &Declared) -> Vec<Fault> {
    let mut faults = Vec::new();
    for list in ["claims", "not_claims"] {
        for (path, test) in require.named(list) {
            if let Some(spelling) = of_claim(path, asker) {
                faults.extend(
                    claim(test, spelling)
                        .into_iter()
                        .map(|fault| fault.within(path).within(list)),
                );
            }
        }
    }
    for list in ["subjects", "not_subjects"] {
        for (index, text) in require.texts(list).enumerate() {
            let (owner, name) = owner_and_name(text, declared);
            let only = || match asker.accepts {
                [only] => Some(&**only),
                _ => None,
            };
            let judged = owner
                .or_else(only)
                .and_then(|owner| of_subject(owner, name, asker)?.judge(name).err());
            let fault = judged.map(|wrong| Fault::new(&index.to_string(), wrong.message).help(wrong.help));
            faults.extend(fault.map(|fault| fault.within(list)));
        }
    }
    faults.into_iter().map(|fault| fault.within("require")).collect()
}

/// How the claim is written, where it is a certificate's.
fn of_claim(path: &str, asker: Asker<'_>) -> Option<Spelling> {
    let (in_tokens, in_claims) = SERIAL;
    let path = if path == in_tokens { in_claims } else { path };
    let spelling = Spelling::of_claim(path)?;
    asker
        .accepts
        .iter()
        .any(|name| is_of_certificates(name, asker))
        .then_some(spelling)
}

/// Whether it tells what a certificate said: by the certificate, or by what our kind of provider made for a site.
fn is_of_certificates(name: &str, asker: Asker<'_>) -> bool {
    name.starts_with("certificate.") || by_origin(asker.document).any(|(bound, _)| bound == name)
}

/// What `name` says in the file.
fn values_of<'d>(name: &str, asker: Asker<'d>) -> Option<&'d Values> {
    let (table, own) = name.split_once('.')?;
    let tables = asker.document.values.named(table).iter();
    tables
        .into_iter()
        .find_map(|(name, values)| (name == own).then_some(values))
}

/// What is wrong with what one claim is compared with.
fn claim(test: &Values, spelling: Spelling) -> Vec<Fault> {
    let single = test.text("equals").map(|text| (vec!["equals".to_owned()], text));
    let listed = ["one_of", "contains"].into_iter().flat_map(|list| {
        let texts = test.texts(list).enumerate();
        texts.map(move |(index, text)| (vec![list.to_owned(), index.to_string()], text))
    });
    let all = single.into_iter().chain(listed).collect::<Vec<_>>();
    let texts = all.iter().map(|(_, text)| *text).collect::<Vec<_>>();
    let wrong = all.iter().filter_map(|(at, text)| {
        let wrong = wrong(text, &texts, spelling)?;
        Some(Fault {
            at: at.clone(),
            message: wrong.message,
            help: Some(wrong.help),
        })
    });
    wrong.collect()
}

/// What is wrong with the texts that a condition compares claims with, each with its path.
pub(in crate::config) fn compared(all: &[(String, String)], asker: Asker<'_>) -> Vec<Misspelled> {
    let wrong = all.iter().filter_map(|(path, text)| {
        let same = all.iter().filter(|(other, _)| other == path);
        let beside = same.map(|(_, text)| text.as_str()).collect::<Vec<_>>();
        wrong(text, &beside, of_claim(path, asker)?)
    });
    wrong.collect()
}

/// What is wrong with `text`. Where the right spelling stands beside another one, that one is somebody else's, whose
/// tokens call something so too.
fn wrong(text: &str, beside: &[&str], spelling: Spelling) -> Option<Misspelled> {
    let wrong = spelling.judge(text).err()?;
    let stands = |meant: &str| beside.contains(&meant);
    (!wrong.meant.as_deref().is_some_and(stands)).then_some(wrong)
}

/// How the subjects of `owner` are written, of which `name` is to be one; `None` where any text can be.
fn of_subject(owner: &str, name: &str, asker: Asker<'_>) -> Option<Spelling> {
    if !owner.starts_with("certificate.") {
        return None;
    }
    let values = values_of(owner, asker)?;
    let subject = values.text("subject");
    if values.has("trust_domain") && (subject.is_none() || name.starts_with("spiffe://")) {
        return Some(Spelling::SpiffeId);
    }
    match subject {
        None | Some("subject_dn") => Some(Spelling::Name),
        Some("issuer_and_serial") => Some(Spelling::SerialAndName),
        Some(_) => None,
    }
}
