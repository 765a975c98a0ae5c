//! `application/x-www-form-urlencoded` (RFC 6749 appendix B), written, and read strictly: one reading or none.

use bytes::Bytes;
use std::borrow::Cow;
use url::form_urlencoded;

/// The most parameters of one form.
const MAX_PARAMETERS: usize = 64;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// A form being written.
pub(crate) struct Form(form_urlencoded::Serializer<'static, String>);

impl Form {
    pub(crate) fn new() -> Self {
        Self(form_urlencoded::Serializer::new(String::new()))
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.append_pair(name, value);
        self
    }

    pub(crate) fn into_bytes(mut self) -> Bytes {
        Bytes::from(self.0.finish())
    }
}

/// `text` as one value of a form.
pub(crate) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Why a form has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Too long, or too many parameters.
    #[error("too long, or of too many parameters")]
    TooLarge,
    /// A broken percent escape, or bytes that are not UTF-8.
    #[error("with a broken escape, or bytes that are not UTF-8")]
    Malformed,
    /// A parameter occurs twice (RFC 6749 section 3.1 forbids it).
    #[error("with a parameter that occurs twice")]
    Doubled,
}

/// The parameters of a form that was read.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a form of at most so many bytes.
    pub(crate) fn read(form: &[u8], max_bytes: usize) -> Result<Self, FormError> {
        parse(form, max_bytes).map(Self)
    }

    /// One that is there and not empty: an empty one is as none (RFC 6749 sections 3.1 and 3.2).
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// The parameters of a form, each of its own name, in order.
pub(crate) fn parse(form: &[u8], max_bytes: usize) -> Result<Vec<(String, String)>, FormError> {
    if form.len() > max_bytes {
        return Err(FormError::TooLarge);
    }
    let mut parameters: Vec<(String, String)> = Vec::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if parameters.len() >= MAX_PARAMETERS {
            return Err(FormError::TooLarge);
        }
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(equals);
        let (name, value) = (decode(name)?, decode(value.get(1..).unwrap_or_default())?);
        if parameters.iter().any(|(taken, _)| *taken == name) {
            return Err(FormError::Doubled);
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// `bytes` as one name or value of a form.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, FormError> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Cow::Borrowed(bytes);
    if bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter();
        while let Some(byte) = rest.next() {
            out.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = digit(rest.next()).zip(digit(rest.next()));
                    let (high, low) = digits.ok_or(FormError::Malformed)?;
                    u8::try_from(high * 16 + low).map_err(|_| FormError::Malformed)?
                }
                other => *other,
            });
        }
        decoded = Cow::Owned(out);
    }
    String::from_utf8(decoded.into_owned()).map_err(|_| FormError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_as_it_was_written() {
        let form = Form::new().with("a", "x y&=%+é").with("c", "");
        let bytes = form.into_bytes();
        assert_eq!(bytes, "a=x+y%26%3D%25%2B%C3%A9&c=".as_bytes());
        let read = parse(&bytes, 100).unwrap();
        assert_eq!(
            read,
            [("a".into(), "x y&=%+é".into()), ("c".into(), String::new())]
        );
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let check = |form: &[u8], error: FormError| assert_eq!(parse(form, 40), Err(error), "{form:?}");
        check(b"a=1&a=1", FormError::Doubled);
        check(b"a=1&%61=2", FormError::Doubled);
        check(b"a&a", FormError::Doubled);
        check(b"a=%zz", FormError::Malformed);
        check(b"a=%4", FormError::Malformed);
        check(b"a=%", FormError::Malformed);
        check(b"a=%ff", FormError::Malformed);
        check(b"\xff=a", FormError::Malformed);
        check(&[b'a'; 41], FormError::TooLarge);
        let many = (0..65).map(|n| n.to_string()).collect::<Vec<_>>().join("&");
        assert_eq!(parse(many.as_bytes(), 1000), Err(FormError::TooLarge));
        assert_eq!(parse(b"&&a=b=c&", 40).unwrap(), [("a".into(), "b=c".into())]);
    }
}
