//! The JSON Schema (2020-12) of the configuration, for editors: made from the tables of options.

use crate::config::spec;
use countersign_core::options::{Field, Kind, Need};
use serde_json::{Map, Value, json};

/// The schema, as pretty JSON.
pub fn schema() -> String {
    let mut root = object(&spec::root());
    if let Value::Object(members) = &mut root {
        members.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        members.insert("title".into(), "countersign.toml".into());
    }
    format!("{root:#}")
}

fn object(fields: &[Field]) -> Value {
    let properties = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect::<Map<_, _>>();
    let required = fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.name);
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required.collect::<Vec<_>>(),
    })
}

fn property(field: &Field) -> Value {
    let mut schema = kind(field.kind);
    if let Value::Object(members) = &mut schema {
        members.insert("description".into(), field.doc.into());
    }
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::File | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Kind::Bytes(..) => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
        Kind::Url => json!({ "type": "string", "pattern": "^https?://[^/]+" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List(inner) => {
            let one = self::kind(*inner);
            json!({ "anyOf": [{ "type": "array", "items": one }, one] })
        }
        Kind::Secret => {
            let of = |name: &str| json!({ "type": "object", "additionalProperties": false, "required": [name], "properties": { name: { "type": "string" } } });
            json!({ "oneOf": [of("file"), of("env")] })
        }
        Kind::Table(table) => object(table.fields),
        Kind::Tables(table) => json!({ "type": "array", "items": object(table.fields) }),
        Kind::Named(table) => json!({ "type": "object", "additionalProperties": object(table.fields) }),
        Kind::TextMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    }
}
