//! What a route asks of a principal, read.

use super::check::Declared;
use super::nearest::nearest;
use super::shape::Document;
use countersign_authn::kinds::KINDS;
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use countersign_core::policy::{ClaimRule, ClaimTest, Named, Requirement};
use countersign_core::route::HostPattern;
use std::sync::Arc;

pub(super) mod spelling;
pub(super) mod unsaid;

/// The lists of `require`, each with its opposite.
const LISTS: [&str; 8] = [
    "groups",
    "scopes",
    "subjects",
    "email_domains",
    "not_groups",
    "not_scopes",
    "not_subjects",
    "not_email_domains",
];

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    /// As messages say it.
    pub(super) who: &'a str,
    /// The names of its authenticators that prove somebody.
    pub(super) accepts: &'a [Arc<str>],
    /// Where they are.
    pub(super) document: &'a Document,
}

/// Reads `require`.
pub(super) fn requirement(
    table: Option<&Values>,
    asker: Asker<'_>,
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Requirement {
    let Some(values) = table else {
        return Requirement::default();
    };
    for name in LISTS {
        if values.has(name) && values.texts(name).next().is_none() {
            let message = "an empty list asks nothing, and might have been meant to keep everybody out";
            let fault = Fault::new(name, message).help("leave it out, or fill it");
            faults.push(fault.within("require"));
        }
    }
    faults.extend(spelling::misspelled(values, asker, declared));
    let whose = |text: &str| whose(text, asker, declared);
    let domain = |text: &str| whose(text).and_then(domain);
    let scope = |text: &str| scope(text).map(Into::into);
    Requirement {
        groups: each(values, "groups", faults, whose),
        scopes: each(values, "scopes", faults, scope),
        subjects: each(values, "subjects", faults, whose),
        email_domains: each(values, "email_domains", faults, domain),
        claims: claims(values, "claims", faults),
        not_groups: each(values, "not_groups", faults, whose),
        not_scopes: each(values, "not_scopes", faults, scope),
        not_subjects: each(values, "not_subjects", faults, whose),
        not_email_domains: each(values, "not_email_domains", faults, domain),
        not_claims: claims(values, "not_claims", faults),
        condition: None,
    }
}

/// Reads each string of the list `name`; faults stand at the string.
fn each<T>(
    values: &Values,
    name: &str,
    faults: &mut Vec<Fault>,
    read: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, text) in values.texts(name).enumerate() {
        match read(text) {
            Ok(value) => all.push(value),
            Err(fault) => faults.push(Fault {
                at: vec!["require".into(), name.into(), index.to_string()],
                ..fault
            }),
        }
    }
    all
}

/// Whom `"token.x:name"` is about, and the name: the authenticator's, `*` for any on purpose, `None` for a bare name.
pub(super) fn owner_and_name<'t>(text: &'t str, declared: &Declared) -> (Option<&'t str>, &'t str) {
    let owner = |length: usize| Some((text.get(..length), text.get(length..)?.strip_prefix(':')?));
    let mut owners = std::iter::once("*").chain(declared.iter().map(|(known, _)| &**known));
    owners
        .find_map(|known| text.starts_with(known).then(|| owner(known.len())).flatten())
        .unwrap_or((None, text))
}

/// `"name"`, `"token.x:name"` or `"*:name"`. A principal is an issuer and a subject: where several issuers are accepted,
/// a bare name would mean whichever of them has somebody of that name.
fn whose(text: &str, asker: Asker<'_>, declared: &Declared) -> Result<Named, Fault> {
    let Asker { who, accepts, .. } = asker;
    let named = |authenticator: Option<Arc<str>>, name: &str| Named {
        authenticator,
        name: name.into(),
    };
    match owner_and_name(text, declared) {
        (Some(_), "") => {
            Err(Fault::new("", "nobody has an empty name").help("write whose, and who: \"token.NAME:ann\""))
        }
        (_, "*") => {
            let help = "leave the list out to let everybody in that the rest lets in";
            Err(Fault::new("", "a star is no wildcard here, but a name like any other").help(help))
        }
        (Some("*"), name) => Ok(named(None, name)),
        (Some(owner), name) => match accepts.iter().find(|known| ***known == *owner) {
            Some(known) => Ok(named(Some(Arc::clone(known)), name)),
            None => Err(Fault::new("", format!("{who} does not accept {owner}"))
                .help("name one that it accepts, or \"*:…\" for any of them")),
        },
        (None, name) => match (unknown_owner(name), accepts.len()) {
            (Some(owner), _) => {
                let known = declared.iter().map(|(known, _)| &**known);
                let help = match nearest(owner, known) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!("for a name that begins like this, write \"*:{name}\""),
                };
                Err(Fault::new("", format!("there is no table [{owner}]")).help(help))
            }
            (None, 0 | 1) => Ok(named(None, name)),
            (None, _) => {
                let qualified = accepts.iter().map(|known| format!("\"{known}:{name}\""));
                let qualified = qualified.collect::<Vec<_>>().join(" or ");
                let message = format!("whose {name:?}? More than one issuer is accepted here");
                Err(Fault::new("", message)
                    .help(format!("write {qualified}, or \"*:{name}\" for any of them")))
            }
        },
    }
}

/// The part before the `:` of a text that looks as if it named an authenticator nobody declared.
fn unknown_owner(text: &str) -> Option<&str> {
    let (owner, _) = text.split_once(':')?;
    let (kind, _) = owner.split_once('.')?;
    KINDS.iter().any(|known| known.table == kind).then_some(owner)
}

/// A domain stands for itself alone. One that no address can have would exclude nobody.
fn domain(named: Named) -> Result<Named, Fault> {
    let plain = |name: &str| match HostPattern::parse(name) {
        Ok(HostPattern::Exact(host)) => host.eq_ignore_ascii_case(name),
        Ok(HostPattern::Suffix(_) | HostPattern::Any) | Err(_) => false,
    };
    if plain(&named.name) {
        return Ok(named);
    }
    let message = format!("{:?} is not the domain of an address", named.name);
    Err(Fault::new("", message).help("what stands after the `@`, written out: \"home.example\""))
}

/// One scope (RFC 6749 section 3.3). One with a space in it would be in no token.
fn scope(text: &str) -> Result<&str, Fault> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
    {
        Ok(text)
    } else {
        let message = format!("{text:?} is not one scope: those are printable ASCII without spaces");
        Err(Fault::new("", message).help("several scopes are several strings of the list"))
    }
}

fn claims(values: &Values, list: &str, faults: &mut Vec<Fault>) -> Vec<ClaimRule> {
    let mut rules = Vec::new();
    for (path, test) in values.named(list) {
        let at = |message: &str| Fault::new(path, message).within(list).within("require");
        let all = |name: &str| test.texts(name).map(Into::into).collect::<Box<[Box<str>]>>();
        let test = match (test.text("equals"), test.has("one_of"), test.has("contains")) {
            (Some(one), false, false) => Some(ClaimTest::OneOf(Box::new([one.into()]))),
            (None, true, false) => Some(ClaimTest::OneOf(all("one_of"))),
            (None, false, true) => Some(ClaimTest::Contains(all("contains"))),
            _ => None,
        };
        // An empty list would ask nothing, or exclude nobody.
        let test = test.filter(|test| match test {
            ClaimTest::OneOf(list) | ClaimTest::Contains(list) => !list.is_empty(),
        });
        match (ClaimPath::parse(path), test) {
            (Some(path), Some(test)) => rules.push(ClaimRule { path, test }),
            (None, _) => faults.push(
                at("not a claim path")
                    .help("names from the top down with dots between: \"realm_access.roles\""),
            ),
            (Some(_), None) => {
                let message =
                    "exactly one of `equals`, `one_of` and `contains` is wanted, and not an empty list";
                faults.push(at(message).help("tier = { one_of = [\"gold\", \"silver\"] }"));
            }
        }
    }
    rules
}
