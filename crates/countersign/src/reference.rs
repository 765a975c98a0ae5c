//! The reference pages, made from the tables of options and the lists of reason codes.

use crate::config::{scalar, spec};
use countersign_core::options::{Field, Kind, Need, Table};
use countersign_core::reason;
use serde_json::json;
use std::fmt::Write as _;

/// `docs/reference.md`
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration reference\n\n<!-- Generated: cargo run -q -- reference > docs/reference.md -->\n\n\
         One TOML file, or a folder of them. Unknown keys are refused. Durations are written `\"30s\"`, `\"10m\"`, `\"24h\"`; sizes \
         `\"16MiB\"`; a list of one may be written without brackets. Secrets are named, never written: `{ file = \"…\" }` or \
         `{ env = \"…\" }`. `countersign check` tells every mistake at once.\n",
    );
    let root = spec::root();
    section(&mut page, "At the top", "", &root);
    for field in &root {
        inner(&mut page, field.name, field.kind);
    }
    page
}

/// The sections of the tables below `name`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other kind has no section of its own"
)]
fn inner(page: &mut String, name: &str, kind: Kind) {
    let (title, table): (String, &Table) = match kind {
        Kind::Table(table) => (format!("[{name}]"), table),
        Kind::Tables(table) => (format!("[[{name}]]"), table),
        Kind::Named(table) => (format!("[{name}.NAME]"), table),
        _ => return,
    };
    section(page, &title, table.doc, table.fields);
    for field in table.fields {
        inner(page, &format!("{name}.{}", field.name), field.kind);
    }
}

fn section(page: &mut String, title: &str, doc: &str, fields: &[Field]) {
    // Writing to a String does not fail.
    let _: std::fmt::Result = write!(page, "\n## {title}\n\n");
    if !doc.is_empty() {
        let _: std::fmt::Result = write!(page, "{doc}\n\n");
    }
    page.push_str("| key | holds | default | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let default = match field.need {
            Need::Required => "required".to_owned(),
            Need::Optional => String::new(),
            Need::Default(text) => format!("`{text}`"),
        };
        let (holds, doc) = (holds(field.kind), field.doc.replace('|', "\\|"));
        let _: std::fmt::Result = writeln!(page, "| `{}` | {holds} | {default} | {doc} |", field.name);
    }
}

/// What a key of this kind holds, in words.
pub fn holds(kind: Kind) -> String {
    match kind {
        Kind::Text => "string".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(least, most) => format!("{least} to {most}"),
        Kind::Duration(least, most) => {
            format!(
                "duration, {} to {}",
                scalar::show_duration(least),
                scalar::show_duration(most)
            )
        }
        Kind::Bytes(least, most) => format!(
            "size, {} to {}",
            scalar::show_bytes(least),
            scalar::show_bytes(most)
        ),
        Kind::Url => "URL".to_owned(),
        Kind::Choice(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::List(inner) => format!("list of: {}", holds(*inner)),
        Kind::Secret => "secret".to_owned(),
        Kind::File => "file".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Table(_) => "table".to_owned(),
        Kind::Tables(_) => "tables".to_owned(),
        Kind::Named(_) => "tables by name".to_owned(),
        Kind::TextMap => "strings by name".to_owned(),
    }
}

/// `docs/reason-codes.md`
pub fn reason_codes() -> String {
    let mut page = String::from(
        "# Reason codes\n\n<!-- Generated: cargo run -q -- reference --reason-codes > docs/reason-codes.md -->\n\n\
         The one word for what happened: the same in an answer's problem (`reason`), the log and the metrics. A released code is \
         never removed.\n",
    );
    let mut last = "";
    for (family, code, meaning) in reason::all() {
        if family != last {
            let title = match family {
                "answer" => "Answers",
                "unreadable" => "Unreadable: the question cannot be read (400; 403 to a sub-request)",
                "rejection" => "Rejections: the credential does not hold (401)",
                "unavailable" => "Unavailable: it could not be decided (503; a bug 500)",
                _ => "Unmet: the principal may not (403)",
            };
            let _: std::fmt::Result = write!(page, "\n## {title}\n\n| code | meaning |\n|---|---|\n");
            last = family;
        }
        let _: std::fmt::Result = writeln!(page, "| `{code}` | {} |", meaning.replace('|', "\\|"));
    }
    page
}

/// The same for a program: one object a line.
pub fn reason_codes_as_json() -> String {
    let lines = reason::all().map(|(family, code, meaning)| {
        let object = json!({ "family": family, "code": code, "meaning": meaning });
        object.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}
