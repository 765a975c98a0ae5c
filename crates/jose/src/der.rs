//! The little DER that is read by hand: which key a `SubjectPublicKeyInfo` holds, and the two numbers of an RSA key.

use crate::algorithm::{Curve, KeyFamily};

/// The key inside a `SubjectPublicKeyInfo` (RFC 5280 section 4.1), and of which kind it is; `None` for a kind not used here.
pub(crate) fn key_of_spki(spki: &[u8]) -> Option<(KeyFamily, &[u8])> {
    let content = whole(spki, SEQUENCE)?;
    let (algorithm, rest) = element(content, SEQUENCE)?;
    // The first byte of a bit string counts the bits not used in its last.
    let key = whole(rest, BIT_STRING)?.strip_prefix(&[0])?;
    let mut kinds = KeyFamily::PUBLIC.into_iter();
    let family = kinds.find(|family| family.identifier() == Some(algorithm))?;
    Some((family, key))
}

/// The `RSAPublicKey` inside a `SubjectPublicKeyInfo`; `None` when it holds another kind of key.
pub(crate) fn rsa_key_of_spki(spki: &[u8]) -> Option<&[u8]> {
    let (family, key) = key_of_spki(spki)?;
    (family == KeyFamily::Rsa).then_some(key)
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
pub(crate) fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = whole(key, SEQUENCE)?;
    let (n, rest) = element(content, INTEGER)?;
    let e = whole(rest, INTEGER)?;
    Some((
        n.strip_prefix(&[0]).unwrap_or(n),
        e.strip_prefix(&[0]).unwrap_or(e),
    ))
}

impl KeyFamily {
    /// The algorithm of a `SubjectPublicKeyInfo` for keys of this kind: an object identifier and its parameters.
    const fn identifier(self) -> Option<&'static [u8]> {
        match self {
            // rsaEncryption with its NULL (RFC 8017 appendix A.1).
            Self::Rsa => Some(&[
                0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
            ]),
            // id-ecPublicKey with the name of the curve (RFC 5480 section 2.1.1).
            Self::Ec(Curve::P256) => Some(&[
                0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                0x3d, 0x03, 0x01, 0x07,
            ]),
            Self::Ec(Curve::P384) => Some(&[
                0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
                0x22,
            ]),
            Self::Ec(Curve::P521) => Some(&[
                0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
                0x23,
            ]),
            // id-Ed25519 (RFC 8410 section 3).
            Self::Ed25519 => Some(&[0x06, 0x03, 0x2b, 0x65, 0x70]),
            Self::Hmac => None,
        }
    }

    /// Every kind of which there is a public half.
    const PUBLIC: [Self; 5] = [
        Self::Rsa,
        Self::Ec(Curve::P256),
        Self::Ec(Curve::P384),
        Self::Ec(Curve::P521),
        Self::Ed25519,
    ];
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The content of the one element that `der` is.
fn whole(der: &[u8], tag: u8) -> Option<&[u8]> {
    element(der, tag).and_then(|(content, rest)| rest.is_empty().then_some(content))
}

/// The content of the element that begins `der`, when it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        0x80 | 0x85..=0xff => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_both_forms_and_never_past_the_end() {
        assert_eq!(
            element(&[2, 1, 7, 9], INTEGER),
            Some(([7].as_slice(), [9].as_slice()))
        );
        assert_eq!(
            element(&[2, 0x81, 1, 7], INTEGER),
            Some(([7].as_slice(), [].as_slice()))
        );
        for broken in [
            [].as_slice(),
            &[2],
            &[2, 1],
            &[2, 0x80, 7],
            &[2, 0x82, 1],
            &[2, 0x84, 0xff, 0xff, 0xff, 0xff, 7],
            &[2, 0x85, 0, 0, 0, 0, 1, 7],
            &[3, 1, 7],
        ] {
            assert_eq!(element(broken, INTEGER), None, "{broken:?}");
        }
    }

    #[test]
    fn the_numbers_of_an_rsa_key_stand_alone() {
        let key = [0x30, 8, 2, 2, 0, 0x91, 2, 2, 1, 3];
        assert_eq!(rsa_numbers(&key), Some(([0x91].as_slice(), [1, 3].as_slice())));
        assert_eq!(rsa_numbers(&[&key[..], &[0]].concat()), None);
        assert_eq!(rsa_key_of_spki(&key), None);
    }
}
