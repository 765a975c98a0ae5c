//! Faults of a table in which something is wrong already: what is told of it beside, and what is not known.
//!
//! A key with a fault of shape is not there for whoever judges the rest, who may find fault with its absence. So the rest is
//! judged again with some value in its place, and what is told is what is wrong either way.

use super::check::about_what_is_sound;
use super::shape::Document;
use countersign_core::options::{Fault, Field, Kind, Need, OptionValue, Table, Values};
use countersign_core::secret::Secret;
use std::time::Duration;

/// The faults of the sound keys of `values`, and of the table as a whole, that do not come from a key without a sound value.
pub(super) fn independent(
    document: &Document,
    way: &[String],
    table: &Table,
    values: &Values,
    judge: impl Fn(&Values) -> Vec<Fault>,
) -> Vec<Fault> {
    let mut faults = about_what_is_sound(document, way, values, judge(values));
    let lacking = table
        .fields
        .iter()
        .filter(|field| lacks(document, way, field, values));
    let mut every = values.clone();
    for field in lacking {
        for value in possible(field.kind) {
            if faults.is_empty() {
                return faults;
            }
            let mut with = values.clone();
            with.insert(field.name, value.clone());
            retain(&mut faults, &judge(&with));
            if !every.has(field.name) {
                every.insert(field.name, value);
            }
        }
    }
    retain(&mut faults, &judge(&every));
    faults
}

/// Whether the key is meant to be there, and has no sound value.
fn lacks(document: &Document, way: &[String], field: &Field, values: &Values) -> bool {
    let stands = || document.stands(&[way, &[field.name.to_owned()]].concat());
    !values.has(field.name) && (field.need == Need::Required || stands())
}

fn retain(faults: &mut Vec<Fault>, others: &[Fault]) {
    faults.retain(|fault| others.contains(fault));
}

/// Values that a key of this kind may have: the ends, where there are some.
fn possible(kind: Kind) -> Vec<OptionValue> {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let bytes = |bytes: u64| OptionValue::Integer(i64::try_from(bytes).unwrap_or(i64::MAX));
    match kind {
        // An issuer may have a gap.
        Kind::Text => vec![text("a"), text("https://a.invalid/{tenantid}")],
        Kind::Path => vec![text("a")],
        Kind::Url => vec![text("https://a.invalid/")],
        Kind::Bool => vec![OptionValue::Bool(true), OptionValue::Bool(false)],
        Kind::Integer(least, most) => vec![OptionValue::Integer(least), OptionValue::Integer(most)],
        Kind::Duration(least, most) => [least, most]
            .map(|end| OptionValue::Duration(Duration::from_millis(end)))
            .into(),
        Kind::Bytes(least, most) => vec![bytes(least), bytes(most)],
        Kind::Choice(words) => words.iter().map(|word| text(word)).collect(),
        Kind::List(inner) => vec![OptionValue::List(possible(*inner))],
        Kind::Secret => vec![OptionValue::Secret(Secret::new(b"a".to_vec()))],
        Kind::File => vec![OptionValue::File("a".to_owned(), Vec::new())],
        Kind::Table(_) => vec![OptionValue::Table(Values::default())],
        Kind::Tables(_) => vec![OptionValue::Tables(vec![Values::default()])],
        Kind::Named(_) => vec![OptionValue::Named(Vec::new())],
        Kind::TextMap => vec![OptionValue::TextMap(vec![("a".to_owned(), "a".to_owned())])],
    }
}
