//! DER (X.690): the few shapes that requests, key files and PKCS#12 are made of. What strangers wrote is only looked at
//! within its bounds: no depth, no allocation, no arithmetic that can overflow.

/// The tags that are met here.
pub(super) mod tag {
    pub(in crate::ca) const BOOLEAN: u8 = 0x01;
    pub(in crate::ca) const INTEGER: u8 = 0x02;
    pub(in crate::ca) const BIT_STRING: u8 = 0x03;
    pub(in crate::ca) const OCTET_STRING: u8 = 0x04;
    pub(in crate::ca) const NULL: u8 = 0x05;
    pub(in crate::ca) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in crate::ca) const UTF8_STRING: u8 = 0x0c;
    pub(in crate::ca) const PRINTABLE_STRING: u8 = 0x13;
    pub(in crate::ca) const IA5_STRING: u8 = 0x16;
    pub(in crate::ca) const BMP_STRING: u8 = 0x1e;
    pub(in crate::ca) const SEQUENCE: u8 = 0x30;
    pub(in crate::ca) const SET: u8 = 0x31;
    /// `[0]` around something, as EXPLICIT has it.
    pub(in crate::ca) const CONTEXT_0: u8 = 0xa0;
    /// `[0]` in place of the tag of bytes, as IMPLICIT has it.
    pub(in crate::ca) const CONTEXT_0_BYTES: u8 = 0x80;
}

/// One element: its tag, what is in it, and all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements in it, when its tag is `tag`.
    pub(super) fn open(self, tag: u8) -> Option<Reader<'a>> {
        (self.tag == tag).then_some(Reader { rest: self.content })
    }

    /// What is in it, when its tag is `tag`.
    pub(super) fn bytes(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// Elements, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element; none when there is none, or it is no DER.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, after_tag) = self.rest.split_first()?;
        // Tags of more than one byte are in nothing that is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, body) = length(after_tag)?;
        let (content, rest) = body.split_at_checked(length)?;
        let whole = self.rest.get(..self.rest.len() - rest.len())?;
        self.rest = rest;
        Some(Element { tag, content, whole })
    }

    /// What is in the next element, when its tag is `tag`.
    pub(super) fn bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()?.bytes(tag)
    }

    /// The elements in the next element, when its tag is `tag`.
    pub(super) fn open(&mut self, tag: u8) -> Option<Self> {
        self.next()?.open(tag)
    }

    /// The next element, when its tag is `tag`; nothing is taken otherwise.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The bits of the next element, when they are whole bytes.
    pub(super) fn bits(&mut self) -> Option<&'a [u8]> {
        let (unused, bits) = self.bytes(tag::BIT_STRING)?.split_first()?;
        (*unused == 0).then_some(bits)
    }

    /// A small number.
    pub(super) fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(tag::INTEGER)?;
        let significant = match bytes {
            [0, rest @ ..] if !rest.is_empty() => rest,
            [first, ..] if *first < 0x80 => bytes,
            _ => return None,
        };
        (significant.len() <= 4).then(|| {
            significant
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte))
        })
    }
}

/// The length that `bytes` begin with, in its shortest form, and what follows.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let number = match digits {
        [one] if *one >= 0x80 => usize::from(*one),
        [high, low] if *high > 0 => usize::from(*high) << 8 | usize::from(*low),
        [high, middle, low] if *high > 0 => {
            usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low)
        }
        _ => return None,
    };
    Some((number, rest))
}

/// The element of `tag` that holds the `parts`.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = vec![tag];
    if let (Ok(short), true) = (u8::try_from(length), length < 0x80) {
        bytes.push(short);
    } else {
        let digits = length.to_be_bytes();
        let digits = digits
            .iter()
            .copied()
            .skip_while(|digit| *digit == 0)
            .collect::<Vec<_>>();
        // A usize has at most eight bytes.
        bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        bytes.extend(digits);
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A SEQUENCE of the `parts`.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(tag::SEQUENCE, parts)
}

/// An OBJECT IDENTIFIER by its encoded bytes.
pub(super) fn oid(encoded: &[u8]) -> Vec<u8> {
    element(tag::OBJECT_IDENTIFIER, &[encoded])
}

/// A number that is not negative.
pub(super) fn number(number: u32) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let mut digits = digits
        .iter()
        .copied()
        .skip_while(|digit| *digit == 0)
        .collect::<Vec<_>>();
    if digits.first().is_none_or(|digit| *digit >= 0x80) {
        digits.insert(0, 0);
    }
    element(tag::INTEGER, &[&digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let written = element(tag::OCTET_STRING, &[&content]);
            let mut reader = Reader::new(&written);
            let element = reader.next().unwrap();
            assert_eq!((element.content, element.whole), (&*content, &*written));
            assert!(reader.is_empty());
        }
        for value in [0, 1, 127, 128, 255, 256, 600_000, u32::MAX] {
            assert_eq!(Reader::new(&number(value)).number(), Some(value));
        }
    }

    #[test]
    fn what_is_no_der_is_none() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x01",
            b"\x30\x80\0\0",             // no length at all
            b"\x30\x81\x01\0",           // a length in more bytes than it needs
            b"\x30\x82\0\x80",           // another
            b"\x30\x84\xff\xff\xff\xff", // four gigabytes
            b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x3f\x81\x01\0", // a tag of two bytes
        ] {
            assert_eq!(Reader::new(bytes).next(), None, "{bytes:x?}");
        }
        for bytes in [&b"\x02\0"[..], b"\x02\x01\x80", b"\x02\x05\x01\0\0\0\0"] {
            assert_eq!(Reader::new(bytes).number(), None, "{bytes:x?}");
        }
    }
}
