//! Tables and lists: every key against the field that knows it.

use super::super::elsewhere;
use super::super::nearest::nearest;
use super::leaf::{A_STRING, A_TABLE, STRINGS_BY_NAME};
use super::{Walk, below, entries};
use countersign_core::options::{Field, Kind, Need, OptionValue, Values};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Walk<'_> {
    pub(super) fn field<'f>(
        &mut self,
        fields: &'f [Field],
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: Range<usize>,
        way: &[String],
    ) -> Option<&'f Field> {
        let name = key.get_ref().as_ref();
        let found = fields.iter().find(|field| field.name == name);
        if found.is_none() {
            let other = elsewhere::find(way, name);
            let near = || nearest(name, fields.iter().map(|field| field.name));
            let meant = other.map_or_else(near, |other| other.ours);
            let help = match (other, meant) {
                (Some(other), _) => other.help(),
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => {
                    let known = fields.iter().map(|field| field.name).collect::<Vec<_>>();
                    format!("known here: {}", known.join(", "))
                }
            };
            self.error(way, key.span(), format!("unknown key `{name}`"), help);
            let meant = fields.iter().find(|field| Some(field.name) == meant);
            // What nobody knows may hold a secret.
            if meant.is_none_or(|meant| matches!(meant.kind, Kind::Secret))
                && let Some(last) = self.diagnostics.last_mut()
            {
                last.hides = Some(value);
            }
        }
        found
    }

    /// The keys of one table.
    pub(super) fn table(
        &mut self,
        fields: &[Field],
        table: &DeTable<'_>,
        span: Range<usize>,
        way: &[String],
    ) -> Values {
        let mut values = Values::default();
        for (key, value) in entries(table) {
            let Some(field) = self.field(fields, key, value.span(), way) else {
                continue;
            };
            let way = below(way, field.name);
            self.keep(&way, key.span(), value.span());
            if let Some(value) = self.value(field.kind, value, &way) {
                values.insert(field.name, value);
            }
        }
        for field in fields.iter().filter(|field| table.get(field.name).is_none()) {
            match field.need {
                Need::Optional => {}
                Need::Required => {
                    let message = format!("`{}` is missing", field.name);
                    self.error(way, span.clone(), message, field.doc);
                }
                Need::Default(text) => {
                    let kept = self.document.places.get(way).cloned();
                    if let Ok(value) = DeValue::parse(text)
                        && let Some(value) = self.value(field.kind, &value, &below(way, field.name))
                    {
                        values.insert(field.name, value);
                    }
                    // What stands in no file has the table's place.
                    if let Some(places) = kept {
                        self.document.places.insert(below(way, field.name), places);
                    }
                }
            }
        }
        values
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is treated alike")]
    pub(super) fn tables(
        &mut self,
        fields: &[Field],
        value: &Spanned<DeValue<'_>>,
        way: &[String],
        count: usize,
    ) -> Option<OptionValue> {
        let DeValue::Array(array) = value.get_ref() else {
            let help = format!(
                "write `[[{}]]`, with two brackets: there may be several",
                way.join(".")
            );
            self.error(way, value.span(), "a list of tables is wanted here", help);
            return None;
        };
        let mut all = Vec::new();
        for (index, item) in array.iter().enumerate() {
            let way = below(way, &(count + index).to_string());
            self.keep(&way, item.span(), item.span());
            match item.get_ref() {
                DeValue::Table(table) => all.push(self.table(fields, table, item.span(), &way)),
                other => self.wrong_type(A_TABLE, other, item.span(), &way),
            }
        }
        Some(OptionValue::Tables(all))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is treated alike")]
    pub(super) fn named(
        &mut self,
        fields: &[Field],
        value: &Spanned<DeValue<'_>>,
        way: &[String],
        taken: &[(String, Values)],
    ) -> Option<OptionValue> {
        let DeValue::Table(table) = value.get_ref() else {
            let wanted = (
                "a table of tables",
                "write a table `[NAME]` below it, with a name of your own",
            );
            self.wrong_type(wanted, value.get_ref(), value.span(), way);
            return None;
        };
        let mut all = Vec::new();
        for (name, item) in entries(table) {
            let key = name.get_ref().as_ref();
            let way = below(way, key);
            if taken.iter().any(|(taken, _)| taken == key) {
                let earlier = self.document.key_place_of(&way);
                self.twice(&way, name.span(), earlier);
                continue;
            }
            self.keep(&way, name.span(), item.span());
            match item.get_ref() {
                DeValue::Table(table) => {
                    all.push((key.to_owned(), self.table(fields, table, name.span(), &way)));
                }
                other => self.wrong_type(A_TABLE, other, item.span(), &way),
            }
        }
        Some(OptionValue::Named(all))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is treated alike")]
    pub(super) fn text_map(&mut self, value: &Spanned<DeValue<'_>>, way: &[String]) -> Option<OptionValue> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(STRINGS_BY_NAME, value.get_ref(), value.span(), way);
            return None;
        };
        let mut all = Vec::new();
        for (name, item) in entries(table) {
            let way = below(way, name.get_ref());
            self.keep(&way, name.span(), item.span());
            match item.get_ref() {
                DeValue::String(text) => all.push((name.get_ref().to_string(), text.to_string())),
                other => self.wrong_type(A_STRING, other, item.span(), &way),
            }
        }
        Some(OptionValue::TextMap(all))
    }

    pub(super) fn list(
        &mut self,
        inner: Kind,
        value: &Spanned<DeValue<'_>>,
        way: &[String],
    ) -> Option<OptionValue> {
        let DeValue::Array(array) = value.get_ref() else {
            // One value stands for a list of one.
            return self
                .value(inner, value, way)
                .map(|one| OptionValue::List(vec![one]));
        };
        let mut all = Vec::new();
        for (index, item) in array.iter().enumerate() {
            let way = below(way, &index.to_string());
            self.keep(&way, item.span(), item.span());
            all.extend(self.value(inner, item, &way).or_else(|| stand_in(inner)));
        }
        (all.len() == array.len()).then_some(OptionValue::List(all))
    }

    /// What is wanted, and how it is written.
    pub(super) fn wrong_type(
        &mut self,
        (wanted, help): (&str, &str),
        got: &DeValue<'_>,
        span: Range<usize>,
        way: &[String],
    ) {
        let message = format!("{wanted} is wanted here, not {}", a(got.type_str()));
        self.error(way, span, message, help);
    }
}

/// Stands in a list for what is no value, so that the others are judged, each at its place.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is treated alike")]
fn stand_in(kind: Kind) -> Option<OptionValue> {
    match kind {
        Kind::Url => Some(OptionValue::Text("https://a.invalid/".to_owned())),
        _ => None,
    }
}

fn a(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
