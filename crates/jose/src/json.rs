//! Strict JSON into [`Claims`]: one reading or none.
//!
//! Refused at every depth: two members of one name, trailing data, a byte order mark, bytes that are not UTF-8, lone
//! surrogates, nesting past the bound. Two readers would understand such a document differently.

use countersign_core::claims::{Claims, ClaimsBuilder, ClaimsError, Members, Value};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The document is not strict JSON with an object at the top. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one strict JSON object: {0}")]
pub struct JsonError(String);

/// Reads one JSON object.
pub fn parse_object(bytes: &[u8]) -> Result<Claims, JsonError> {
    let mut builder = ClaimsBuilder::with_capacity(bytes.len());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Fill(&mut builder)
        .deserialize(&mut deserializer)
        .map_err(|error| JsonError(error.to_string()))?;
    deserializer.end().map_err(|error| JsonError(error.to_string()))?;
    builder.finish().map_err(|error| JsonError(error.to_string()))
}

/// `claims` as one JSON object: what [`parse_object`] reads back equal.
pub fn write_object(claims: &Claims) -> String {
    let mut out = String::new();
    write_members(&mut out, claims.root());
    out
}

/// `text` as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_members(out: &mut String, members: Members<'_>) {
    out.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(&quoted(name));
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => write_members(out, members),
    }
}

/// Writes `value` into `builder` where one is expected.
pub fn copy_value(builder: &mut ClaimsBuilder, value: Value<'_>) -> Result<(), ClaimsError> {
    match value {
        Value::Null => builder.null(),
        Value::Bool(value) => builder.bool(value),
        Value::Number(number) => builder.number(number.as_str()),
        Value::String(text) => builder.string(text),
        Value::Array(items) => {
            builder.open_array()?;
            for item in items {
                copy_value(builder, item)?;
            }
            builder.close()
        }
        Value::Object(members) => {
            builder.open_object()?;
            for (name, value) in members {
                builder.key(name)?;
                copy_value(builder, value)?;
            }
            builder.close()
        }
    }
}

/// Writes whatever value comes next into the builder.
struct Fill<'b>(&'b mut ClaimsBuilder);

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn refused<E: Error>(result: Result<(), ClaimsError>) -> Result<(), E> {
    result.map_err(E::custom)
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        refused(self.0.null())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        refused(self.0.bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        refused(self.0.number(&value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        refused(self.0.number(&value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::custom("a number out of range"));
        }
        refused(self.0.number(&format!("{value:?}")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        refused(self.0.string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        refused(self.0.open_array())?;
        while items.next_element_seed(Fill(self.0))?.is_some() {}
        refused(self.0.close())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        refused(self.0.open_object())?;
        while members.next_key_seed(FillKey(self.0))?.is_some() {
            members.next_value_seed(Fill(self.0))?;
        }
        refused(self.0.close())
    }
}

/// Writes the key that comes next.
struct FillKey<'b>(&'b mut ClaimsBuilder);

impl<'de> DeserializeSeed<'de> for FillKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FillKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        refused(self.0.key(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_two_readings_is_refused() {
        let refused: [&[u8]; 16] = [
            br#"{"sub":"a","sub":"admin"}"#,
            br#"{"sub":"a","\u0073ub":"admin"}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"{"a":[{"b":1,"b":2}]}"#,
            b"\xef\xbb\xbf{}",
            b"{} x",
            b"{}{}",
            b"[]",
            b"\"x\"",
            b"",
            b"{\"a\":\"\xff\"}",
            br#"{"a":"\ud800"}"#,
            br#"{"a":01}"#,
            br#"{"a":NaN}"#,
            br#"{"a":1e999}"#,
            br"{'a':1}",
        ];
        for text in refused {
            assert!(parse_object(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(70), "}".repeat(70));
        assert!(parse_object(deep.as_bytes()).is_err());
    }

    #[test]
    fn what_is_written_reads_the_same_again() {
        let text =
            r#"{"a":"x\"\u0007é\\","n":-7,"f":1.5,"o":{"t":true,"u":null,"v":false},"l":[1,[],{}],"":""}"#;
        let claims = parse_object(text.as_bytes()).unwrap();
        assert_eq!(write_object(&claims), text);
        let mut builder = ClaimsBuilder::default();
        copy_value(&mut builder, Value::Object(claims.root())).unwrap();
        assert_eq!(write_object(&builder.finish().unwrap()), text);
        assert_eq!(write_object(&Claims::empty()), "{}");
    }

    #[test]
    fn values_keep_what_they_say() {
        let claims = parse_object(
            br#" {"a":"x\u00e9\n","n":-7,"f":1.5,"e":1e300,"big":18446744073709551615,"o":{"t":true}} "#,
        )
        .unwrap();
        assert_eq!(claims.member("a").and_then(Value::as_str), Some("xé\n"));
        let number = |name: &str| claims.member(name).and_then(Value::as_number).unwrap();
        assert_eq!(number("n").as_i64(), Some(-7));
        assert_eq!(number("f").as_str(), "1.5");
        assert_eq!(number("e").as_f64(), Some(1e300));
        assert_eq!(number("big").as_str(), "18446744073709551615");
    }
}
