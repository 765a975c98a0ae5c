//! Escapes and PEM in headers, where nothing but what they hold may be.

use super::ForwardedError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::certificate::MAX_CHAIN;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Undoes percent escapes. Only what RFC 3986 calls unreserved stands for itself, so that `+` is never a space.
pub(super) fn percent_decoded(value: &str) -> Result<Vec<u8>, ForwardedError> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (bytes.next().and_then(digit), bytes.next().and_then(digit));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(ForwardedError::Escape);
                };
                decoded.push(high << 4 | low);
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => decoded.push(byte),
            _ => return Err(ForwardedError::Escape),
        }
    }
    Ok(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The one certificate of a text that is one section of PEM and nothing else.
pub(super) fn one_section(text: &[u8]) -> Result<Vec<u8>, ForwardedError> {
    let (der, rest) = section(text)?;
    if rest.is_empty() {
        Ok(der)
    } else if rest.starts_with(BEGIN) {
        Err(ForwardedError::Several)
    } else {
        Err(ForwardedError::Pem)
    }
}

/// The certificates of a text that is sections of PEM, one after the other, and nothing else.
pub(super) fn sections_alone(text: &[u8]) -> Result<Vec<Vec<u8>>, ForwardedError> {
    let mut rest = text;
    let mut ders = Vec::new();
    while !rest.is_empty() {
        let (der, after) = section(rest)?;
        ders.push(der);
        rest = after;
        if ders.len() > MAX_CHAIN {
            return Err(ForwardedError::TooLarge);
        }
    }
    Ok(ders)
}

/// The first section, and what stands after the white space behind it.
fn section(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ForwardedError> {
    let after_begin = text.strip_prefix(BEGIN).ok_or(ForwardedError::Pem)?;
    let end = after_begin
        .windows(END.len())
        .position(|window| window == END)
        .ok_or(ForwardedError::Pem)?;
    let (body, rest) = after_begin.split_at_checked(end).ok_or(ForwardedError::Pem)?;
    let begins_a_line = body.first().is_some_and(u8::is_ascii_whitespace);
    let ends_a_line = body.last().is_some_and(u8::is_ascii_whitespace);
    if !begins_a_line || !ends_a_line {
        return Err(ForwardedError::Pem);
    }
    let body = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect::<Vec<_>>();
    let der = STANDARD.decode(body).map_err(|_| ForwardedError::Base64)?;
    let rest = rest.strip_prefix(END).unwrap_or_default();
    Ok((der, rest.trim_ascii_start()))
}
