//! DER (X.690), strictly: definite lengths in their shortest form, tags of one byte, nothing left over.
//!
//! Ours because what is read here is who somebody is. The parsers there are take more than one encoding for the same
//! thing and pass over what they cannot read in a list; both make a certificate with two readings.

use countersign_core::time::Timestamp;
use std::fmt::Write as _;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag `[number]` of a value that is not constructed.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag `[number]` of a constructed value.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its tag, its content, and the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads elements one after the other. `None` from any method means that the bytes are not what was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads the content of the one element with `tag` that `bytes` are.
    pub(crate) fn whole(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let mut reader = Self::new(bytes);
        let content = reader.expect(tag)?;
        reader.end()?;
        Some(Self::new(content))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Nothing must be left.
    pub(crate) const fn end(&self) -> Option<()> {
        if self.rest.is_empty() { Some(()) } else { None }
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (tag, after_tag) = self.rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None; // a tag of several bytes: nothing in a certificate has one
        }
        let (length, after_length) = length(after_tag)?;
        let (content, rest) = after_length.split_at_checked(length)?;
        let whole = self.rest.get(..self.rest.len() - rest.len())?;
        self.rest = rest;
        Some(Element {
            tag: *tag,
            content,
            whole,
        })
    }

    /// The next element, which must have `tag`.
    pub(crate) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|element| element.tag == tag)
    }

    /// The content of the next element, which must have `tag`.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element(tag).map(|element| element.content)
    }

    /// The content of the next element if it has `tag`: `Some(None)` when it has another, or there is none.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether this is DER, as everywhere here"
    )]
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.rest.first() == Some(&tag) {
            self.expect(tag).map(Some)
        } else {
            Some(None)
        }
    }

    /// The content of the next INTEGER, in its shortest form.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        self.expect(INTEGER).filter(|content| is_integer(content))
    }

    /// A BOOLEAN that need not be there when it is false. DER leaves it away then; software that writes it out is in use,
    /// and means the same.
    pub(crate) fn default_false(&mut self) -> Option<bool> {
        match self.optional(BOOLEAN)? {
            None | Some([0]) => Some(false),
            Some([0xff]) => Some(true),
            Some(_) => None,
        }
    }

    /// The next element as a time (RFC 5280 section 4.1.2.5).
    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        let element = self.any()?;
        match element.tag {
            UTC_TIME => utc_time(element.content),
            GENERALIZED_TIME => generalized_time(element.content),
            _ => None,
        }
    }

    /// The bytes of the next BIT STRING, which must be whole bytes.
    pub(crate) fn whole_bits(&mut self) -> Option<&'a [u8]> {
        self.expect(BIT_STRING)?.strip_prefix(&[0])
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(*first), rest)),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            let shortest = length > 0x7f && digits.first() != Some(&0);
            shortest.then_some((length, rest))
        }
        0x80 | 0x85..=0xff => None,
    }
}

fn is_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [_] => true,
        [first, second, ..] => !matches!((first, second & 0x80), (0, 0) | (0xff, 0x80)),
    }
}

/// An object identifier in dots; `None` when it is not one, or has a number past 128 bits.
pub(crate) fn dotted(oid: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut arcs = oid.split_inclusive(|byte| byte & 0x80 == 0);
    let first = arc(arcs.next()?)?;
    let root = (first / 40).min(2);
    write!(text, "{root}.{}", first - root * 40).ok()?;
    for bytes in arcs {
        write!(text, ".{}", arc(bytes)?).ok()?;
    }
    Some(text)
}

/// Whether [`dotted`] can write it: asked of every certificate, so nothing is written.
pub(crate) fn is_oid(oid: &[u8]) -> bool {
    let mut arcs = oid.split_inclusive(|byte| byte & 0x80 == 0);
    !oid.is_empty() && arcs.all(|bytes| arc(bytes).is_some())
}

fn arc(bytes: &[u8]) -> Option<u128> {
    if bytes.first() == Some(&0x80) || bytes.last()? & 0x80 != 0 {
        return None; // padded, or cut off
    }
    bytes.iter().try_fold(0_u128, |number, byte| {
        number.checked_mul(128)?.checked_add(u128::from(byte & 0x7f))
    })
}

/// An object identifier from its dots.
pub(crate) fn oid(dotted: &str) -> Option<Vec<u8>> {
    let mut numbers = dotted.split('.').map(|digits| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let padded = digits.len() > 1 && digits.starts_with('0');
        (plain && !padded).then(|| digits.parse::<u128>().ok()).flatten()
    });
    let (root, second) = (numbers.next()??, numbers.next()??);
    if root > 2 || (root < 2 && second > 39) {
        return None;
    }
    let mut bytes = Vec::new();
    push_arc(&mut bytes, second.checked_add(root * 40)?);
    for number in numbers {
        push_arc(&mut bytes, number?);
    }
    Some(bytes)
}

fn push_arc(bytes: &mut Vec<u8>, number: u128) {
    let groups = (128 - number.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let low = u8::try_from(number >> (group * 7) & 0x7f).unwrap_or(0);
        bytes.push(if group == 0 { low } else { low | 0x80 });
    }
}

/// `YYMMDDHHMMSSZ`; years from 50 on are of the last century.
fn utc_time(content: &[u8]) -> Option<Timestamp> {
    let (year, rest) = content.split_at_checked(2)?;
    let year = number(year)?;
    let century = if year < 50 { 2000 } else { 1900 };
    instant(century + year, rest)
}

/// `YYYYMMDDHHMMSSZ`
fn generalized_time(content: &[u8]) -> Option<Timestamp> {
    let (year, rest) = content.split_at_checked(4)?;
    instant(number(year)?, rest)
}

/// `MMDDHHMMSSZ` of a year.
fn instant(year: i64, rest: &[u8]) -> Option<Timestamp> {
    let digits = rest.strip_suffix(b"Z").filter(|digits| digits.len() == 10)?;
    let mut pairs = digits.chunks_exact(2).map(number);
    let (month, day) = (pairs.next()??, pairs.next()??);
    let (hour, minute, second) = (pairs.next()??, pairs.next()??, pairs.next()??);
    let possible = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    possible.then(|| {
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Timestamp::from_seconds(seconds)
    })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, the year begun on the first of March.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_one_encoding() {
        let read = |bytes| Reader::new(bytes).any().map(|element| element.content);
        assert_eq!(read(&[4, 1, 7]), Some([7].as_slice()));
        let long = [&[4, 0x81, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(read(&long).map(<[u8]>::len), Some(0x80));
        for broken in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x85, 0, 0, 0, 0, 1, 7],
            &[0x1f, 1, 7],
            &[0xbf, 0x1f, 1, 7],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn numbers_and_truth_are_in_their_shortest_form() {
        let integer = |bytes: &[u8]| Reader::new(bytes).integer().is_some();
        assert!(integer(&[2, 1, 0]) && integer(&[2, 2, 0, 0x80]) && integer(&[2, 1, 0x80]));
        assert!(!integer(&[2, 0]) && !integer(&[2, 2, 0, 0x7f]) && !integer(&[2, 2, 0xff, 0x80]));
        let truth = |bytes: &[u8]| Reader::new(bytes).default_false();
        assert_eq!(truth(&[]), Some(false));
        assert_eq!(truth(&[1, 1, 0xff]), Some(true));
        assert_eq!(truth(&[1, 1, 1]), None);
        assert_eq!(truth(&[1, 1, 0]), Some(false));
        assert_eq!(truth(&[1, 0]), None);
    }

    #[test]
    fn object_identifiers_go_both_ways() {
        for text in [
            "2.5.4.3",
            "1.2.840.113549.1.9.1",
            "0.9.2342.19200300.100.1.1",
            "2.999.1",
            "2.25.329800735698586629295641978511506172918",
        ] {
            assert_eq!(
                oid(text).and_then(|bytes| dotted(&bytes)).as_deref(),
                Some(text),
                "{text}"
            );
        }
        for broken in ["", "1", "3.1", "1.40", "1..2", "1.2.", "1.02", "1.+2", "a.b"] {
            assert_eq!(oid(broken), None, "{broken}");
        }
        let too_large = [&[0x55][..], &[0xff; 19], &[0x7f]].concat();
        for (none, why) in [
            (&[][..], "empty"),
            (&[0x55, 0x80, 0x04], "padded"),
            (&[0x55, 0x84], "cut off"),
            (&too_large, "too large"),
        ] {
            assert_eq!(dotted(none), None, "{why}");
            assert!(!is_oid(none), "{why}");
        }
        assert!(is_oid(&[0x55, 0x04, 0x03]));
    }

    #[test]
    fn times_are_read_to_the_second_in_utc_and_in_no_other_form() {
        let time = |tag: u8, text: &str| {
            let bytes = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            Reader::new(&bytes).time().map(|time| time.to_string())
        };
        let check = |tag, text, expect: &str| assert_eq!(time(tag, text).as_deref(), Some(expect), "{text}");
        check(UTC_TIME, "491231235959Z", "2049-12-31T23:59:59.000Z");
        check(UTC_TIME, "500101000000Z", "1950-01-01T00:00:00.000Z");
        check(UTC_TIME, "000229000000Z", "2000-02-29T00:00:00.000Z");
        check(GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59.000Z");
        check(GENERALIZED_TIME, "00000101000000Z", "0000-01-01T00:00:00.000Z");
        for broken in [
            "4912312359Z",
            "491231235959",
            "491231235959+0100",
            "491331235959Z",
            "490229000000Z",
            "491231245959Z",
            "491231236059Z",
            "491231235960Z",
            "4912312359 9Z",
            "-91231235959Z",
        ] {
            assert_eq!(time(UTC_TIME, broken), None, "{broken}");
        }
        assert_eq!(time(GENERALIZED_TIME, "20491231235959.5Z"), None);
        assert_eq!(time(OCTET_STRING, "491231235959Z"), None);
    }
}
