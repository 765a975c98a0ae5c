//! Strict JSON into [`Claims`]: one reading or none.
//!
//! Refused at every depth: two members of one name, trailing data, a byte order mark, bytes that are not UTF-8, lone
//! surrogates, nesting past the bound. Two readers would understand such a document differently.

use countersign_core::claims::{Claims, ClaimsBuilder, ClaimsError};
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
    use countersign_core::claims::Value;

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
