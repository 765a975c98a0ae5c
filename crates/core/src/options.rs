//! How a part of the gateway says what can be configured about it, in data.
//!
//! One table of fields gives the check of the configuration file, the "did you mean", the JSON Schema and the
//! reference page. The program reads the file, checks the shape against the table, opens secrets and files, and hands
//! the part its [`Values`]; the part answers with what it made or with [`Fault`]s, each at a field.

use crate::secret::Secret;
use std::fmt;
use std::time::Duration;

/// One table of the configuration file.
#[derive(Debug)]
pub struct Table {
    /// What it is for: a sentence or two.
    pub doc: &'static str,
    /// Its keys, in the order of the reference.
    pub fields: &'static [Field],
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub need: Need,
    /// Meaning and unit.
    pub doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The table is refused without it.
    Required,
    /// It may be absent, and means nothing then.
    Optional,
    /// It may be absent, and this is meant then: the text as it would stand in the file.
    Default(&'static str),
}

impl Field {
    /// A key that must be there.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, kind, Need::Required, doc)
    }

    /// A key that may be absent, and means nothing then.
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, kind, Need::Optional, doc)
    }

    /// A key that may be absent; `default` is meant then, as it would stand in the file.
    pub const fn or(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Self {
        Self::new(name, kind, Need::Default(default), doc)
    }

    const fn new(name: &'static str, kind: Kind, need: Need, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            need,
            doc,
        }
    }
}

impl Kind {
    /// A list of strings.
    pub const TEXTS: Self = Self::List(&Self::Text);
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string that is not empty.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Integer(i64, i64),
    /// A string such as `"10m"`, `"30s"`, `"24h"`, `"500ms"`, within bounds given in milliseconds, both included.
    Duration(u64, u64),
    /// A string such as `"16MiB"`, `"32KiB"`, `"512B"`, within bounds in bytes, both included.
    Bytes(u64, u64),
    /// An absolute URL.
    Url,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of one kind. A single value may stand for a list of one.
    List(&'static Kind),
    /// `{ file = "…" }` or `{ env = "…" }`: opened when read, never printed.
    Secret,
    /// A path, relative to the folder of the file that names it; read whole, at most 1 MiB.
    File,
    /// A path, relative to the folder of the file that names it; not read.
    Path,
    /// A table.
    Table(&'static Table),
    /// A list of tables: `[[name]]`.
    Tables(&'static Table),
    /// Tables by a name the operator chooses: `[token.NAME]`.
    Named(&'static Table),
    /// Strings by a name the operator chooses.
    TextMap,
}

/// One value, its shape already checked.
#[derive(Debug, Clone)]
pub enum OptionValue {
    /// For [`Kind::Text`], [`Kind::Url`], [`Kind::Choice`] and [`Kind::Path`] (made absolute).
    Text(String),
    /// For [`Kind::Bool`].
    Bool(bool),
    /// For [`Kind::Integer`] and [`Kind::Bytes`].
    Integer(i64),
    /// For [`Kind::Duration`].
    Duration(Duration),
    /// For [`Kind::List`].
    List(Vec<OptionValue>),
    /// For [`Kind::Secret`].
    Secret(Secret<Vec<u8>>),
    /// For [`Kind::File`]: the path and the bytes.
    File(String, Vec<u8>),
    /// For [`Kind::Table`].
    Table(Values),
    /// For [`Kind::Tables`].
    Tables(Vec<Values>),
    /// For [`Kind::Named`], in the order of the file.
    Named(Vec<(String, Values)>),
    /// For [`Kind::TextMap`], in the order of the file.
    TextMap(Vec<(String, String)>),
}

/// The keys of one table that were there or have a default.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<(String, OptionValue)>);

/// What is wrong with a value, in terms of meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, and for lists and inner tables the way down to it: `["require", "groups", "0"]`.
    pub at: Vec<String>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Values {
    /// Adds a value.
    pub fn insert(&mut self, name: impl Into<String>, value: OptionValue) {
        self.0.push((name.into(), value));
    }

    /// Takes the value of `name` out.
    pub fn take(&mut self, name: &str) -> Option<OptionValue> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// The value of `name`.
    pub fn value(&self, name: &str) -> Option<&OptionValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Whether `name` is there (or has a default).
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The string of `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Some(OptionValue::Text(text)) = self.value(name) {
            Some(text)
        } else {
            None
        }
    }

    /// Whether `name` is `true`.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(OptionValue::Bool(true)))
    }

    /// The number of `name`.
    pub fn integer(&self, name: &str) -> Option<i64> {
        if let Some(OptionValue::Integer(number)) = self.value(name) {
            Some(*number)
        } else {
            None
        }
    }

    /// The duration of `name`.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        if let Some(OptionValue::Duration(duration)) = self.value(name) {
            Some(*duration)
        } else {
            None
        }
    }

    /// The strings of the list `name`; nothing when it is not there.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = if let Some(OptionValue::List(list)) = self.value(name) {
            list.as_slice()
        } else {
            &[]
        };
        list.iter().filter_map(|value| {
            if let OptionValue::Text(text) = value {
                Some(text.as_str())
            } else {
                None
            }
        })
    }

    /// The numbers of the list `name`; nothing when it is not there.
    pub fn integers(&self, name: &str) -> impl Iterator<Item = i64> {
        let list = if let Some(OptionValue::List(list)) = self.value(name) {
            list.as_slice()
        } else {
            &[]
        };
        list.iter().filter_map(|value| {
            if let OptionValue::Integer(number) = value {
                Some(*number)
            } else {
                None
            }
        })
    }

    /// The secret of `name`.
    pub fn secret(&self, name: &str) -> Option<&Secret<Vec<u8>>> {
        if let Some(OptionValue::Secret(secret)) = self.value(name) {
            Some(secret)
        } else {
            None
        }
    }

    /// The path and bytes of the file `name`.
    pub fn file(&self, name: &str) -> Option<(&str, &[u8])> {
        if let Some(OptionValue::File(path, bytes)) = self.value(name) {
            Some((path, bytes))
        } else {
            None
        }
    }

    /// The path and bytes of each file of the list `name`.
    pub fn files(&self, name: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let list = if let Some(OptionValue::List(list)) = self.value(name) {
            list.as_slice()
        } else {
            &[]
        };
        list.iter().filter_map(|value| {
            if let OptionValue::File(path, bytes) = value {
                Some((path.as_str(), bytes.as_slice()))
            } else {
                None
            }
        })
    }

    /// The inner table `name`.
    pub fn table(&self, name: &str) -> Option<&Values> {
        if let Some(OptionValue::Table(table)) = self.value(name) {
            Some(table)
        } else {
            None
        }
    }

    /// The tables of the list `name`.
    pub fn tables(&self, name: &str) -> &[Values] {
        if let Some(OptionValue::Tables(tables)) = self.value(name) {
            tables
        } else {
            &[]
        }
    }

    /// The named tables of `name`.
    pub fn named(&self, name: &str) -> &[(String, Values)] {
        if let Some(OptionValue::Named(tables)) = self.value(name) {
            tables
        } else {
            &[]
        }
    }

    /// The strings by name of `name`.
    pub fn text_map(&self, name: &str) -> &[(String, String)] {
        if let Some(OptionValue::TextMap(map)) = self.value(name) {
            map
        } else {
            &[]
        }
    }
}

impl Fault {
    /// A fault at the key `at`.
    pub fn new(at: &str, message: impl Into<String>) -> Self {
        Self {
            at: vec![at.to_owned()],
            message: message.into(),
            help: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, seen from the table above: `key` leads down to it.
    #[must_use]
    pub fn within(mut self, key: impl Into<String>) -> Self {
        self.at.insert(0, key.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at.join("."), self.message)
    }
}
