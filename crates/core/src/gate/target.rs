//! Request targets, as judged, and the path spellings that have more than one reading.

use super::Unreadable;
use super::ascii::Ascii;
use crate::reason::UnreadableReason;

/// The longest request target that is read, in bytes.
pub const MAX_TARGET_BYTES: usize = 16 * 1024;

/// What needs no second look in a path.
const PLAIN: Ascii = Ascii::alphanumeric_and(b"/-_.~+=,@:");

/// Spellings with more than one reading that a route in proxy mode may let through by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PathOddities(u16);

/// One of them: its bit, the name in the configuration, and the reason it is refused with.
type Oddity = (u16, &'static str, UnreadableReason);

const ENCODED_SLASH: u16 = 1;
const ENCODED_BACKSLASH: u16 = 1 << 1;
const ENCODED_SEMICOLON: u16 = 1 << 2;
const ENCODED_PERCENT: u16 = 1 << 3;
const ENCODED_QUESTION: u16 = 1 << 4;
const ENCODED_HASH: u16 = 1 << 5;
const ENCODED_PLAIN: u16 = 1 << 6;
const PARAMETER: u16 = 1 << 7;
const EMPTY_SEGMENT: u16 = 1 << 8;

const ODDITIES: [Oddity; 9] = [
    (
        ENCODED_SLASH,
        "encoded-slash",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (
        ENCODED_BACKSLASH,
        "encoded-backslash",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (
        ENCODED_SEMICOLON,
        "encoded-semicolon",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (
        ENCODED_PERCENT,
        "encoded-percent",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (
        ENCODED_QUESTION,
        "encoded-question-mark",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (
        ENCODED_HASH,
        "encoded-hash",
        UnreadableReason::PathEscapedDelimiter,
    ),
    (ENCODED_PLAIN, "encoded-plain", UnreadableReason::PathEscapedPlain),
    (PARAMETER, "parameters", UnreadableReason::PathParameter),
    (
        EMPTY_SEGMENT,
        "empty-segments",
        UnreadableReason::PathEmptySegment,
    ),
];

impl PathOddities {
    /// The names a route may list.
    pub const NAMES: &'static [&'static str] = &[
        "encoded-slash",
        "encoded-backslash",
        "encoded-semicolon",
        "encoded-percent",
        "encoded-question-mark",
        "encoded-hash",
        "encoded-plain",
        "parameters",
        "empty-segments",
    ];

    /// None of them.
    pub const NONE: Self = Self(0);

    /// The set of one name; `None` when there is no such name.
    pub fn named(name: &str) -> Option<Self> {
        ODDITIES
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(bit, ..)| Self(*bit))
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first oddity here that `allowed` does not hold, as a refusal.
    pub fn refused_unless(self, allowed: Self) -> Result<(), Unreadable> {
        match ODDITIES.iter().find(|(bit, ..)| self.0 & !allowed.0 & bit != 0) {
            None => Ok(()),
            Some((_, name, reason)) => Err(Unreadable::new(*reason, format!("path: {name}"))),
        }
    }
}

/// A request target in origin form as judged: a path, and what follows the first `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: Box<str>,
    path_end: usize,
    oddities: PathOddities,
}

impl Target {
    /// Judges `text`. Refused for good: what is not a path, control bytes, spaces, backslashes, bytes outside ASCII, a
    /// fragment, broken escapes and escapes of control bytes, dot segments in any spelling. What else has two
    /// readings is noted as an oddity, for the route to refuse or let through.
    pub fn judge(text: &str) -> Result<Self, Unreadable> {
        let refused = |reason, why: &str| Err(Unreadable::new(reason, why));
        if text.len() > MAX_TARGET_BYTES {
            return refused(UnreadableReason::TargetTooLong, "target");
        }
        if !text.starts_with('/') {
            return refused(
                UnreadableReason::TargetMalformed,
                "the target does not begin with a slash",
            );
        }
        let path_end = text.bytes().position(|byte| byte == b'?').unwrap_or(text.len());
        let (path, query) = text.split_at(path_end);
        if is_plain(path) && query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Ok(Self {
                text: text.into(),
                path_end,
                oddities: PathOddities::NONE,
            });
        }
        if text.bytes().any(|byte| byte == b'#') {
            return refused(UnreadableReason::PathFragment, "target");
        }
        let in_path = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let in_query = |byte: u8| byte.is_ascii_graphic();
        if !path.bytes().all(in_path) || !query.bytes().all(in_query) {
            return refused(UnreadableReason::PathByte, "target");
        }
        let oddities = path_oddities(path)?;
        Ok(Self {
            text: text.into(),
            path_end,
            oddities,
        })
    }

    /// The whole target: what is forwarded, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path: what rules see.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_end).unwrap_or("")
    }

    /// The query without its question mark, when there is one.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end + 1..)
    }

    /// What a route must allow by name.
    pub const fn oddities(&self) -> PathOddities {
        self.oddities
    }
}

/// Whether nothing in the path needs a second look: letters, digits and a few marks, no segment that is empty or begins
/// with a dot. Nearly every path is such a one.
fn is_plain(path: &str) -> bool {
    let (mut sound, mut before) = (true, b'x');
    for byte in path.bytes() {
        sound &= PLAIN.holds(byte) && !(before == b'/' && (byte == b'/' || byte == b'.'));
        before = byte;
    }
    sound
}

fn path_oddities(path: &str) -> Result<PathOddities, Unreadable> {
    let mut found = if path.contains(';') { PARAMETER } else { 0 };
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        // A trailing slash ends in an empty segment, and that has one reading.
        if segment.is_empty() && segments.peek().is_some() {
            found |= EMPTY_SEGMENT;
        }
        // `..;x` is a dot segment to a server that drops parameters.
        let bare = segment.split(';').next().unwrap_or("");
        if is_dot_segment(bare) {
            return Err(Unreadable::new(UnreadableReason::PathDotSegment, "path"));
        }
    }
    let mut rest = path;
    while let Some((_, escape)) = rest.split_once('%') {
        let value = escape
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = value.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        found |= match byte {
            None => {
                return Err(Unreadable::new(
                    UnreadableReason::PathEscape,
                    "a percent sign without two hex digits",
                ));
            }
            Some(0..=0x1f | 0x7f) => {
                return Err(Unreadable::new(
                    UnreadableReason::PathEscape,
                    "an escaped control byte",
                ));
            }
            Some(b'/') => ENCODED_SLASH,
            Some(b'\\') => ENCODED_BACKSLASH,
            Some(b';') => ENCODED_SEMICOLON,
            Some(b'%') => ENCODED_PERCENT,
            Some(b'?') => ENCODED_QUESTION,
            Some(b'#') => ENCODED_HASH,
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => ENCODED_PLAIN,
            Some(_) => 0,
        };
        rest = escape;
    }
    Ok(PathOddities(found))
}

/// `.` or `..`, with each dot plain or escaped.
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        let dot = rest
            .strip_prefix('.')
            .or_else(|| rest.strip_prefix("%2e"))
            .or_else(|| rest.strip_prefix("%2E"));
        match dot {
            Some(after) => rest = after,
            None => return false,
        }
        dots += 1;
    }
    dots == 1 || dots == 2
}
