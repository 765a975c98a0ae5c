//! Text to checked shapes: every key against the table that knows it. All faults are told at once; what is sound is
//! handed on, so that its meaning can be checked in the same run.

use super::diagnostic::{Diagnostic, Place};
use super::source::{Environment, Sources};
use super::spec;
use countersign_core::options::{Field, Kind, Need, OptionValue, Values};
use countersign_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

mod leaf;
mod tables;

/// What most often is.
const NOT_TOML: &str =
    "strings stand in quotes, names of tables in brackets: [name], and [[name]] where there may be several";

/// The way down to a value: `["route", "0", "accept", "1"]`.
pub type Way = Vec<String>;

/// What a configuration says, its shape checked.
#[derive(Debug, Default)]
pub struct Document {
    /// The keys at the top.
    pub values: Values,
    /// Where everything stands: the key, and the value.
    places: HashMap<Way, (Place, Place)>,
    /// Whether a file is no TOML: then nothing can be said about what is missing.
    pub broken: bool,
    /// Tables with a fault of shape (`["token", "services"]`): their meaning is not checked.
    faulty: BTreeSet<Way>,
    /// When it was read.
    pub now: Timestamp,
}

impl Document {
    /// Where the value at `way` stands, or the nearest table above it.
    pub fn place(&self, way: &[String]) -> Option<Place> {
        (0..=way.len())
            .rev()
            .find_map(|end| self.places.get(way.get(..end)?).map(|(_, value)| value.clone()))
    }

    /// Where the key at `way` stands, or the nearest table above it.
    pub fn key_place(&self, way: &[String]) -> Option<Place> {
        (0..=way.len())
            .rev()
            .find_map(|end| self.places.get(way.get(..end)?).map(|(key, _)| key.clone()))
    }

    /// Where the key at `way` itself stands.
    fn key_place_of(&self, way: &[String]) -> Option<Place> {
        self.places.get(way).map(|(key, _)| key.clone())
    }

    /// Whether something stands at `way`, sound or not; also for a key with a default that stands in no file.
    pub fn stands(&self, way: &[String]) -> bool {
        self.places.contains_key(way)
    }

    /// Whether somebody wrote the key `name` of the table at `way`, and did not leave it to its default.
    pub fn is_written(&self, way: &[String], name: &str) -> bool {
        let own = self.key_place_of(&below(way, name));
        own.is_some() && own != self.key_place_of(way)
    }

    /// Whether the table at `way`, or anything in it, has a fault of shape.
    pub fn is_faulty(&self, way: &[&str]) -> bool {
        let way = way.iter().map(|key| (*key).to_owned()).collect::<Way>();
        // Whatever begins with it stands together, right after it.
        let mut after = self.faulty.range(way.clone()..);
        after.next().is_some_and(|faulty| faulty.starts_with(&way))
    }
}

/// Reads all of `sources`.
pub fn read(sources: &Sources, environment: &Environment) -> (Document, Vec<Diagnostic>) {
    let mut walk = Walk {
        sources,
        environment,
        document: Document {
            now: (environment.now)(),
            ..Document::default()
        },
        diagnostics: Vec::new(),
        file: 0,
    };
    let fields = spec::root();
    let mut merged = Values::default();
    for (file, source) in sources.0.iter().enumerate() {
        walk.file = file;
        let (table, faults) = DeTable::parse_recoverable(&source.text);
        for fault in &faults {
            let place = fault.span().map(|span| Place { file, span });
            walk.diagnostics
                .push(Diagnostic::error(place, format!("not TOML: {}", fault.message())).help(NOT_TOML));
        }
        if faults.is_empty() {
            walk.file_keys(table.get_ref(), &fields, &mut merged);
        } else {
            walk.document.broken = true;
        }
    }
    if !walk.document.broken {
        walk.finish_root(&fields, &merged);
    }
    walk.document.values = merged;
    (walk.document, walk.diagnostics)
}

struct Walk<'s> {
    sources: &'s Sources,
    environment: &'s Environment,
    document: Document,
    diagnostics: Vec<Diagnostic>,
    file: usize,
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

/// The entries of a table in the order of the file.
fn entries<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries = table.iter().collect::<Vec<_>>();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn below(way: &[String], key: &str) -> Way {
    way.iter().cloned().chain([key.to_owned()]).collect()
}

impl Walk<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place {
            file: self.file,
            span,
        }
    }

    fn error(
        &mut self,
        way: &[String],
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.place(span);
        self.diagnostics
            .push(Diagnostic::error(Some(place), message).help(help));
        self.document.faulty.insert(way.to_vec());
    }

    /// One file's keys, put together with those of the files before it: lists of tables grow, named tables join, and
    /// nothing may be said twice.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is treated alike")]
    fn file_keys(&mut self, table: &DeTable<'_>, fields: &[Field], merged: &mut Values) {
        if table.get("config").is_none() {
            let start = Place {
                file: self.file,
                span: 0..0,
            };
            let help = "write `config = 1` at the top of every file: it is the version of this format";
            self.diagnostics
                .push(Diagnostic::error(Some(start), "`config` is missing").help(help));
            self.document.faulty.insert(vec!["config".to_owned()]);
        }
        for (key, value) in entries(table) {
            let Some(field) = self.field(fields, key, value.span(), &[]) else {
                continue;
            };
            let way = vec![field.name.to_owned()];
            // Taken out, not copied: a thousand files may each bring a table.
            let mut before = merged.take(field.name);
            let (count, named) = match &before {
                Some(OptionValue::Tables(tables)) => (tables.len(), [].as_slice()),
                Some(OptionValue::Named(tables)) => (0, tables.as_slice()),
                _ => (0, [].as_slice()),
            };
            let earlier = self.document.key_place_of(&way);
            self.keep(&way, key.span(), value.span());
            let read = match field.kind {
                Kind::Tables(inner) => self.tables(inner.fields, value, &way, count),
                Kind::Named(inner) => self.named(inner.fields, value, &way, named),
                kind => self.value(kind, value, &way),
            };
            match (&mut before, read) {
                (Some(OptionValue::Tables(all)), Some(OptionValue::Tables(more))) => all.extend(more),
                (Some(OptionValue::Named(all)), Some(OptionValue::Named(more))) => all.extend(more),
                (Some(_), Some(_)) if field.name != "config" => self.twice(&way, key.span(), earlier),
                (Some(_), _) => {}
                (None, read) => before = read,
            }
            if let Some(value) = before {
                merged.insert(field.name, value);
            }
        }
    }

    /// What stands at `span` stands in a file before, too.
    fn twice(&mut self, way: &[String], span: Range<usize>, earlier: Option<Place>) {
        let earlier = Diagnostic::error(earlier, "").location(self.sources);
        let message = format!("`{}` is in another file already: {earlier}", way.join("."));
        let help = "the files of a folder are read as one: keep one of the two";
        self.error(way, span, message, help);
    }

    fn finish_root(&mut self, fields: &[Field], merged: &Values) {
        for field in fields {
            if merged.has(field.name) || self.document.is_faulty(&[field.name]) {
                continue;
            }
            match field.need {
                Need::Required => {
                    let message = format!("`{}` is missing", field.name);
                    self.diagnostics
                        .push(Diagnostic::error(None, message).help(field.doc));
                    self.document.faulty.insert(vec![field.name.to_owned()]);
                }
                Need::Optional | Need::Default(_) => {}
            }
        }
    }

    fn keep(&mut self, way: &[String], key: Range<usize>, value: Range<usize>) {
        let places = (self.place(key), self.place(value));
        self.document.places.insert(way.to_vec(), places);
    }
}
