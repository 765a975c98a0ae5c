//! What a stranger wrote, shown on a terminal: as JSON that cannot move the cursor, reorder the line or hide a part of it.

use countersign_core::claims::{Claims, Members, Value};
use std::fmt::Write as _;

/// How far an inner line is moved in.
const STEP: usize = 2;

/// `text` with everything that a terminal would obey instead of showing, escaped as JSON escapes.
pub(in crate::cli) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_formatting(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _: std::fmt::Result = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that are not seen, or that turn the others round.
fn is_formatting(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    harmless(&serde_json::Value::from(text).to_string())
}

/// The document as JSON, in the order it was written: on one line, or `pretty`.
pub(super) fn document(claims: &Claims, pretty: bool) -> String {
    let mut text = String::new();
    object(claims.root(), pretty.then_some(STEP), &mut text);
    text
}

fn object(members: Members<'_>, indent: Option<usize>, text: &mut String) {
    let each = members.map(|(name, value)| (Some(name), value));
    list(each, ['{', '}'], indent, text);
}

fn list<'a>(
    each: impl Iterator<Item = (Option<&'a str>, Value<'a>)>,
    [open, close]: [char; 2],
    indent: Option<usize>,
    text: &mut String,
) {
    text.push(open);
    let mut empty = true;
    for (name, inner) in each {
        if !empty {
            text.push(',');
        }
        empty = false;
        break_line(indent, text);
        if let Some(name) = name {
            text.push_str(&quoted(name));
            text.push_str(if indent.is_some() { ": " } else { ":" });
        }
        value(inner, indent.map(|indent| indent + STEP), text);
    }
    if !empty {
        break_line(indent.map(|indent| indent - STEP), text);
    }
    text.push(close);
}

fn break_line(indent: Option<usize>, text: &mut String) {
    if let Some(indent) = indent {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
    }
}

fn value(value: Value<'_>, indent: Option<usize>, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(number.as_str()),
        Value::String(string) => text.push_str(&quoted(string)),
        Value::Array(items) => list(items.map(|item| (None, item)), ['[', ']'], indent, text),
        Value::Object(members) => object(members, indent, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_jose::json::parse_object;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(
            harmless("a\u{1b}[2J\u{9b}m\u{202e}\n"),
            r"a\u001b[2J\u009bm\u202e\u000a"
        );
        assert_eq!(harmless("Zoë 木 ✓"), "Zoë 木 ✓");
        assert_eq!(harmless("\u{e0041}"), r"\udb40\udc41");
        let quoted = quoted("\"\u{1b}\u{9b}");
        assert_eq!(quoted, r#""\"\u001b\u009b""#);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), "\"\u{1b}\u{9b}");
    }

    #[test]
    fn a_document_is_shown_as_it_was_written() {
        let text = r#"{"a":[1,2.5,{}],"b":{"c":12345678901234567890,"d":null},"e":[],"f":true}"#;
        let claims = parse_object(text.as_bytes()).unwrap();
        assert_eq!(document(&claims, false), text);
        let pretty = "{\n  \"a\": [\n    1,\n    2.5,\n    {}\n  ],\n  \"b\": {\n    \"c\": 12345678901234567890,\n    \
                      \"d\": null\n  },\n  \"e\": [],\n  \"f\": true\n}";
        assert_eq!(document(&claims, true), pretty);
    }
}
