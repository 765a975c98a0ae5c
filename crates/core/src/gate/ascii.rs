//! Sets of ASCII characters, as one number each: every byte of every request is asked about.

/// A set of ASCII characters. Bytes outside ASCII are in none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ascii(u128);

impl Ascii {
    /// Letters, digits, and these.
    pub(super) const fn alphanumeric_and(others: &[u8]) -> Self {
        Self(0)
            .with(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
            .with(others)
    }

    const fn with(self, mut characters: &[u8]) -> Self {
        let mut bits = self.0;
        while let [first, rest @ ..] = characters {
            bits |= 1 << *first;
            characters = rest;
        }
        Self(bits)
    }

    /// Whether it is in the set.
    pub(super) const fn holds(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_made_of_and_nothing_outside_ascii() {
        let set = Ascii::alphanumeric_and(b"-/");
        for byte in 0..=u8::MAX {
            let expect = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'/';
            assert_eq!(set.holds(byte), expect, "{byte}");
        }
    }
}
