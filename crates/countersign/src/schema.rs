//! The JSON Schema (2020-12) of the configuration, for editors: made from the tables of options.

use crate::config::spec;
use crate::reference::holds;
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
        let bounds = match field.kind {
            Kind::Duration(..) | Kind::Bytes(..) => format!(" ({})", holds(field.kind)),
            Kind::Text
            | Kind::Bool
            | Kind::Integer(..)
            | Kind::Url
            | Kind::Choice(_)
            | Kind::List(_)
            | Kind::Secret
            | Kind::File
            | Kind::Path
            | Kind::Table(_)
            | Kind::Tables(_)
            | Kind::Named(_)
            | Kind::TextMap => String::new(),
        };
        members.insert("description".into(), format!("{}{bounds}", field.doc).into());
        if let Some(default) = default(field) {
            members.insert("default".into(), default);
        }
    }
    schema
}

/// What is meant when the key is absent. The table of options holds it as the file would.
fn default(field: &Field) -> Option<Value> {
    let Need::Default(text) = field.need else {
        return None;
    };
    let written = toml::from_str::<Map<String, Value>>(&format!("value = {text}"));
    written.ok()?.remove("value")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_shown_as_the_file_would_say_it() {
        let mut tables = vec![spec::root()];
        let mut seen = 0;
        while let Some(fields) = tables.pop() {
            for field in fields {
                if let Kind::Table(inner) | Kind::Tables(inner) | Kind::Named(inner) = field.kind {
                    tables.push(inner.fields.to_vec());
                }
                let wanted = matches!(field.need, Need::Default(_));
                assert_eq!(default(&field).is_some(), wanted, "{}", field.name);
                seen += usize::from(wanted);
            }
        }
        assert!(seen > 10);
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let leeway = &schema["properties"]["token"]["additionalProperties"]["properties"]["leeway"];
        assert_eq!(leeway["default"], "60s");
        assert!(
            leeway["description"]
                .as_str()
                .unwrap()
                .ends_with("(duration, 0s to 5m)")
        );
    }
}
