//! Single values: what each kind takes, and the files and variables it is read from.

use super::super::diagnostic::Diagnostic;
use super::super::nearest::nearest;
use super::super::scalar;
use super::super::source::MAX_FILE_BYTES;
use super::Walk;
use countersign_core::options::{Kind, OptionValue};
use countersign_core::secret::Secret;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;
use url::Url;

/// Whether a text begins with a byte order mark, of UTF-8 or of UTF-16. Random bytes hardly do.
fn has_mark(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, _, 0, ..] | [0xfe, 0xff, 0, ..]
    )
}

/// What is wanted, and how it is written.
pub(super) const A_STRING: (&str, &str) = ("a string", "write it in quotes: \"…\"");
pub(super) const A_TABLE: (&str, &str) = (
    "a table",
    "write it as a table, `[NAME]`, or in braces: { key = … }",
);
pub(super) const STRINGS_BY_NAME: (&str, &str) =
    ("a table of strings", "write it in braces: { name = \"…\" }");

impl Walk<'_> {
    pub(super) fn value(
        &mut self,
        kind: Kind,
        value: &Spanned<DeValue<'_>>,
        way: &[String],
    ) -> Option<OptionValue> {
        let span = value.span();
        match (kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) if text.is_empty() => {
                self.error(
                    way,
                    span,
                    "an empty string",
                    "write what is meant, or leave it out",
                );
                None
            }
            (Kind::Text, DeValue::String(text)) => Some(OptionValue::Text(text.to_string())),
            (Kind::Bool, DeValue::Boolean(value)) => Some(OptionValue::Bool(*value)),
            (Kind::Integer(least, most), DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                let fits = number.filter(|number| (least..=most).contains(number));
                if fits.is_none() {
                    let (message, help) = if least == most {
                        let message = format!("{least} is the only number this program knows here");
                        (
                            message,
                            format!("write {least}; another number is for another version of it"),
                        )
                    } else {
                        let message = format!("not between {least} and {most}");
                        (message, "a whole number within these, both included".to_owned())
                    };
                    self.error(way, span, message, help);
                }
                fits.map(OptionValue::Integer)
            }
            (Kind::Duration(least, most), DeValue::String(text)) => {
                self.duration(text, least, most, span, way)
            }
            (Kind::Bytes(least, most), DeValue::String(text)) => {
                let read = scalar::bytes(text).filter(|bytes| (least..=most).contains(bytes));
                if read.is_none() {
                    let bounds = format!("{} to {}", scalar::show_bytes(least), scalar::show_bytes(most));
                    let message = format!("not a size such as \"16MiB\" of {bounds}");
                    let help = "write a whole number and one of B, KiB, MiB, GiB";
                    self.error(way, span, message, help);
                }
                read.and_then(|bytes| i64::try_from(bytes).ok())
                    .map(OptionValue::Integer)
            }
            (Kind::Url, DeValue::String(text)) => self.url(text, span, way),
            (Kind::Choice(words), DeValue::String(text)) => self.choice(words, text, span, way),
            (Kind::List(inner), _) => self.list(*inner, value, way),
            (Kind::Secret, value) => self.secret(value, span, way),
            (Kind::File, DeValue::String(path)) => self.file(path, span, way),
            (Kind::Path, DeValue::String(path)) => {
                Some(OptionValue::Text(self.absolute(path).display().to_string()))
            }
            (Kind::Table(inner), DeValue::Table(table)) => {
                Some(OptionValue::Table(self.table(inner.fields, table, span, way)))
            }
            (Kind::Tables(inner), _) => self.tables(inner.fields, value, way, 0),
            (Kind::Named(inner), _) => self.named(inner.fields, value, way, &[]),
            (Kind::TextMap, _) => self.text_map(value, way),
            (kind, got) => {
                self.wrong_type(wanted(kind), got, span, way);
                None
            }
        }
    }

    fn duration(
        &mut self,
        text: &str,
        least: u64,
        most: u64,
        span: Range<usize>,
        way: &[String],
    ) -> Option<OptionValue> {
        let bounds = Duration::from_millis(least)..=Duration::from_millis(most);
        let read = scalar::duration(text);
        if read.is_none_or(|duration| !bounds.contains(&duration)) {
            let (least, most) = (scalar::show_duration(least), scalar::show_duration(most));
            let help = "write a whole number and one of ms, s, m, h, d: \"500ms\", \"30s\", \"10m\"";
            let message = format!("not a duration of {least} to {most}");
            self.error(way, span, message, help);
            return None;
        }
        read.map(OptionValue::Duration)
    }

    fn url(&mut self, text: &str, span: Range<usize>, way: &[String]) -> Option<OptionValue> {
        let sound =
            Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !sound {
            let help = "write it whole: \"https://HOST/PATH\"";
            self.error(way, span, "not an absolute http or https URL", help);
        }
        sound.then(|| OptionValue::Text(text.to_owned()))
    }

    fn choice(
        &mut self,
        words: &[&'static str],
        text: &str,
        span: Range<usize>,
        way: &[String],
    ) -> Option<OptionValue> {
        if words.contains(&text) {
            return Some(OptionValue::Text(text.to_owned()));
        }
        let list = words.join(", ");
        let help = match nearest(text, words.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"? Known are: {list}"),
            None => format!("known are: {list}"),
        };
        let message = format!("{text:?} is not one of the words known here");
        self.error(way, span, message, help);
        None
    }

    /// `{ file = "…" }` or `{ env = "…" }`. What stands there instead may be the secret itself, so it is not shown.
    fn secret(&mut self, value: &DeValue<'_>, span: Range<usize>, way: &[String]) -> Option<OptionValue> {
        let table = value.as_table();
        let of = |name: &str| {
            table
                .and_then(|table| table.get(name))
                .and_then(|value| value.get_ref().as_str())
        };
        let bytes = match (of("file"), of("env"), table.map(toml::map::Map::len)) {
            (Some(path), None, Some(1)) => self.secret_file(path, &span),
            (None, Some(name), Some(1)) => {
                let found = (self.environment.variable)(name).map(String::into_bytes);
                found.ok_or_else(|| format!("the environment variable {name} is not set, or holds no text"))
            }
            _ => Err("a secret is not written here; name where it is".to_owned()),
        };
        let mut help = "write { file = \"/path/to/secret\" } or { env = \"NAME\" }";
        let why = match bytes {
            Ok(bytes) if has_mark(&bytes) => {
                help = "write it without one: an editor's \"UTF-8\", not \"UTF-8 with BOM\" or \"Unicode\"";
                "the secret begins with a byte order mark, which no one else would take for a part of it"
                    .to_owned()
            }
            Ok(bytes) if !bytes.is_empty() => return Some(OptionValue::Secret(Secret::new(bytes))),
            Ok(_) => "the secret is empty".to_owned(),
            Err(why) => why,
        };
        let reference = table.is_some_and(|table| table.len() == 1) && (of("file").or(of("env"))).is_some();
        let hides = (!reference).then(|| span.clone());
        self.error(way, span, why, help);
        if let Some(last) = self.diagnostics.last_mut() {
            last.hides = hides;
        }
        None
    }

    fn secret_file(&mut self, path: &str, span: &Range<usize>) -> Result<Vec<u8>, String> {
        let path = self.absolute(path);
        let mut bytes =
            (self.environment.read)(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(format!("{} is larger than 1 MiB", path.display()));
        }
        if (self.environment.mode)(&path).is_some_and(|mode| mode & 0o004 != 0) {
            let message = format!("every user of this machine can read {}", path.display());
            let help = format!("chmod o= {}", path.display());
            self.diagnostics
                .push(Diagnostic::warning(Some(self.place(span.clone())), message).help(help));
        }
        while bytes.last().is_some_and(|last| *last == b'\n' || *last == b'\r') {
            bytes.pop();
        }
        Ok(bytes)
    }

    fn file(&mut self, path: &str, span: Range<usize>, way: &[String]) -> Option<OptionValue> {
        let path = self.absolute(path);
        let told = path.display().to_string();
        match (self.environment.read)(&path) {
            Ok(bytes) if bytes.len() <= MAX_FILE_BYTES => return Some(OptionValue::File(told, bytes)),
            Ok(_) => {
                let help = "no file that a configuration names is so large: is it another?";
                self.error(way, span, format!("{told} is larger than 1 MiB"), help);
            }
            Err(error) => {
                let help = "a relative path begins at the folder of this file; the gateway's user must be able to read it";
                self.error(way, span, format!("{told}: {error}"), help);
            }
        }
        None
    }

    /// A path as this file means it: relative ones begin at the file's folder.
    fn absolute(&self, path: &str) -> PathBuf {
        self.sources
            .0
            .get(self.file)
            .map_or_else(|| path.into(), |source| source.folder.join(path))
    }
}

/// What is wanted, and how it is written.
const fn wanted(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Text | Kind::Choice(_) => A_STRING,
        Kind::Url => ("a URL (a string)", "write it in quotes: \"https://HOST/PATH\""),
        Kind::Bool => ("true or false", "true or false, without quotes"),
        Kind::Integer(..) => ("a whole number", "write it without quotes"),
        Kind::Duration(..) => (
            "a duration such as \"30s\" (a string)",
            "write it in quotes, with its unit: ms, s, m, h or d",
        ),
        Kind::Bytes(..) => (
            "a size such as \"16MiB\" (a string)",
            "write it in quotes, with its unit: B, KiB, MiB or GiB",
        ),
        Kind::List(_) => ("a list", "write it in brackets: [\"…\", \"…\"]"),
        Kind::Secret => (
            "{ file = \"…\" } or { env = \"…\" }",
            "name the place of the secret, never the secret",
        ),
        Kind::File | Kind::Path => ("a path (a string)", "write it in quotes: \"/path/to/file\""),
        Kind::Table(_) | Kind::Named(_) => A_TABLE,
        Kind::TextMap => STRINGS_BY_NAME,
        Kind::Tables(_) => ("a list of tables", "write it with two brackets: [[NAME]]"),
    }
}
