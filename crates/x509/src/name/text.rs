//! Distinguished names as text: the string types of X.520, and what must be escaped.

use super::Attribute;
use super::attributes::{rfc4514_name, short_name};
use crate::der::{GENERALIZED_TIME, UTC_TIME, dotted};
use std::fmt::Write as _;

pub(crate) const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// The two ways a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenSSL's of RFC 2253.
    OpenSsl,
    /// RFC 4514 in ASCII.
    Rfc4514,
}

impl Form {
    /// What it calls a type; `None` where that has dots, and its values are written in DER.
    pub(super) fn name_of(self, oid: &[u8]) -> Option<&'static str> {
        match self {
            Self::OpenSsl => short_name(oid),
            Self::Rfc4514 => rfc4514_name(oid),
        }
    }
}

/// A string that is not of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotText;

/// The text of a value: `Ok(None)` when its type is no string. Bytes outside ASCII in the types of one byte are read as
/// Latin-1, as OpenSSL does, whatever the type allows.
pub(super) fn decoded(tag: u8, content: &[u8]) -> Result<Option<String>, NotText> {
    let text = match tag {
        UTF8_STRING => std::str::from_utf8(content).map_err(|_| NotText)?.to_owned(),
        NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING | VISIBLE_STRING | UTC_TIME
        | GENERALIZED_TIME => content.iter().copied().map(char::from).collect(),
        BMP_STRING => wide::<2>(content)?,
        UNIVERSAL_STRING => wide::<4>(content)?,
        _ => return Ok(None),
    };
    Ok(Some(text))
}

/// Characters of `WIDTH` bytes each. Surrogates are not characters.
fn wide<const WIDTH: usize>(content: &[u8]) -> Result<String, NotText> {
    let characters = content.chunks(WIDTH).map(|bytes| {
        let number = bytes
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        (bytes.len() == WIDTH)
            .then(|| char::from_u32(number))
            .flatten()
            .ok_or(NotText)
    });
    characters.collect()
}

/// The text of a value that may be somebody's name: of a string type whose bytes it keeps to, no control characters, and
/// nothing that cannot be seen.
pub(super) fn identity(tag: u8, content: &[u8]) -> Option<String> {
    let text = decoded(tag, content).ok().flatten()?;
    let wider = matches!(tag, UTF8_STRING | BMP_STRING | UNIVERSAL_STRING | T61_STRING);
    let hidden = |character: char| character.is_control() || is_invisible(character);
    let plain = !text.chars().any(hidden) && (wider || text.is_ascii());
    plain.then_some(text)
}

/// Characters that take no place, or turn the others round: two names that look the same would be two people.
pub const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The attributes from the most special on. Those of one relative name are joined by `+`, in reverse too.
pub(super) fn written(attributes: &[Attribute<'_>], form: Form) -> String {
    let mut text = String::new();
    let mut before = None;
    for attribute in attributes.iter().rev() {
        match before {
            None => {}
            Some(relative) if relative == attribute.relative => text.push('+'),
            Some(_) => text.push(','),
        }
        before = Some(attribute.relative);
        write_attribute(&mut text, attribute, form);
    }
    text
}

fn write_attribute(text: &mut String, attribute: &Attribute<'_>, form: Form) {
    let name = form.name_of(attribute.oid);
    let value = decoded(attribute.tag, attribute.content).ok().flatten();
    match name {
        Some(name) => text.push_str(name),
        None => text.push_str(&dotted(attribute.oid).unwrap_or_default()),
    }
    text.push('=');
    if let (Some(_), Some(value)) = (name, value) {
        write_escaped(text, &value, form);
    } else {
        text.push('#');
        write_hexadecimal(text, attribute.whole);
    }
}

pub(super) fn write_escaped(text: &mut String, value: &str, form: Form) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let escaped = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            ' ' => index == 0 || index == last,
            // OpenSSL takes a lone character for the last, not the first.
            '#' => index == 0 && (last > 0 || form == Form::Rfc4514),
            _ => false,
        };
        if escaped {
            text.push('\\');
        }
        if character == ' ' || character.is_ascii_graphic() {
            text.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                text.push('\\');
                write_hexadecimal(text, &[byte]);
            }
        }
    }
}

pub(super) fn write_hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // A String takes whatever it is given.
        let _infallible = write!(text, "{byte:02X}");
    }
}
