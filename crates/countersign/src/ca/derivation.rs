//! How PKCS#12 makes keys of passwords (RFC 7292, appendix B): for its own seal, and for the ciphers of old.

use aws_lc_rs::digest;
use countersign_core::secret::Secret;
use std::num::NonZeroU32;

/// What PKCS#12 derives a key with (RFC 7292, appendix B.3).
pub(super) const FOR_KEY: u8 = 1;
pub(super) const FOR_IV: u8 = 2;
const FOR_MAC: u8 = 3;
/// The block of SHA-1 and of SHA-256, in bytes.
const HASH_BLOCK_BYTES: usize = 64;

/// The key for a PKCS#12 file's own seal (RFC 7292, appendix B.2).
pub(super) fn seal_key(
    hash: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    rounds: NonZeroU32,
) -> Secret<Vec<u8>> {
    derive(hash, FOR_MAC, password, salt, rounds, hash.output_len())
}

/// `length` bytes for one `purpose` (RFC 7292, appendix B.2).
pub(super) fn derive(
    hash: &'static digest::Algorithm,
    purpose: u8,
    password: &[u8],
    salt: &[u8],
    rounds: NonZeroU32,
    length: usize,
) -> Secret<Vec<u8>> {
    let mut input = filled(salt);
    input.extend(filled(&bmp_password(password)));
    let mut derived = Vec::new();
    while derived.len() < length {
        let mut block = digest::Context::new(hash);
        block.update(&[purpose; HASH_BLOCK_BYTES]);
        block.update(&input);
        let mut block = block.finish();
        for _ in 1..rounds.get() {
            block = digest::digest(hash, block.as_ref());
        }
        derived.extend_from_slice(block.as_ref());
        let repeated = block.as_ref().iter().copied().cycle().take(HASH_BLOCK_BYTES);
        let repeated = repeated.collect::<Vec<_>>();
        for chunk in input.chunks_mut(HASH_BLOCK_BYTES) {
            add_one_and(chunk, &repeated);
        }
    }
    derived.truncate(length);
    Secret::new(derived)
}

/// `bytes`, repeated until whole blocks are full.
fn filled(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().div_ceil(HASH_BLOCK_BYTES) * HASH_BLOCK_BYTES;
    bytes.iter().copied().cycle().take(length).collect()
}

/// `number + other + 1`, big-endian, without the carry.
fn add_one_and(number: &mut [u8], other: &[u8]) {
    let mut carry = 1;
    for (digit, more) in number.iter_mut().zip(other).rev() {
        let sum = u16::from(*digit) + u16::from(*more) + carry;
        [_, *digit] = sum.to_be_bytes();
        carry = sum >> 8;
    }
}

/// A password as a BMPString with its end (RFC 7292, appendix B.1).
fn bmp_password(password: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(password);
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that RFC 7292's derivation has been tried with since PKCS#12 v1.0.
    #[test]
    fn keys_are_derived_as_pkcs_12_says() {
        let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let key = derive(hash, FOR_KEY, b"smeg", &salt, NonZeroU32::MIN, 24);
        let expect = "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3";
        let shown = key.expose().iter().map(|byte| format!("{byte:02x}"));
        assert_eq!(shown.collect::<String>(), expect);
    }
}
