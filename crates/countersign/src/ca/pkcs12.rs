//! PKCS#12 (RFC 7292): certificate, key and authorities in one file, as browsers and phones import them.
//!
//! Written here, for the one library that writes it well brings a second set of ciphers and hashes beside AWS-LC, and
//! parts that were never released. `openssl pkcs12` reads both forms in the tests.

use super::der::{element, number, oid, sequence, tag};
use super::derivation::seal_key;
use super::encryption::{Cipher, EncryptionError, lock, lock_key};
use super::key::PrivateKey;
use aws_lc_rs::{digest, hmac};
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use std::num::NonZeroU32;
use zeroize::Zeroize as _;

/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.7.6
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// 1.2.840.113549.1.12.10.1.2
const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
/// 1.2.840.113549.1.12.10.1.3
const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// 1.2.840.113549.1.9.22.1
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.20
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// 1.2.840.113549.1.9.21
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
/// 2.16.840.1.101.3.4.2.1
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 1.3.14.3.2.26
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

const SALT_BYTES: usize = 16;
/// As OpenSSL counts. The password is no person's: it has 120 bits, and more rounds would only make phones slower.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(2047);
/// How many characters a password has, and in what groups.
const PASSWORD: usize = 24;
const GROUP: usize = 6;
/// Letters and digits that are not taken for one another: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Who is to read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundle {
    /// Whatever was made since 2022: PBES2 with AES-256, sealed with SHA-256.
    Modern,
    /// Old phones and keychains: 3DES, sealed with SHA-1.
    Legacy,
}

impl Bundle {
    const fn cipher(self) -> Cipher {
        match self {
            Self::Modern => Cipher::Modern,
            Self::Legacy => Cipher::Legacy,
        }
    }
}

/// A password that nobody guesses, in groups that a person can type: `k3v9m2-…`.
pub fn password(entropy: &dyn Entropy) -> Secret<String> {
    let mut bytes = [0; PASSWORD];
    entropy.fill(&mut bytes);
    let drawn = Secret::new(bytes);
    bytes.zeroize();
    let mut text = String::with_capacity(PASSWORD + PASSWORD / GROUP);
    for (place, byte) in drawn.expose().iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        let letter = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0');
        text.push(char::from(letter));
    }
    Secret::new(text)
}

/// A file with the key, its certificate and the authorities above it (DER, the key's own first).
pub fn bundle(
    form: Bundle,
    key: &PrivateKey,
    certificates: &[Vec<u8>],
    name: &str,
    password: &Secret<String>,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EncryptionError> {
    let (cipher, password) = (form.cipher(), password.expose().as_bytes());
    let id = certificates
        .first()
        .map(|own| digest::digest(&digest::SHA256, own));
    let id = id.as_ref().map_or(&[][..], |id| id.as_ref());
    let attributes = attributes(name, id);
    let bags = certificates.iter().enumerate();
    let bags = bags.map(|(place, der)| certificate_bag(der, if place == 0 { &attributes } else { &[] }));
    let bags = sequence(&[&bags.collect::<Vec<_>>().concat()]);
    let (algorithm, locked) = lock(cipher, &bags, password, ROUNDS, entropy)?;
    let locked = element(tag::CONTEXT_0_BYTES, &[&locked]);
    let encrypted = sequence(&[&oid(DATA), &algorithm, &locked]);
    let encrypted = sequence(&[&number(0), &encrypted]);
    let encrypted = sequence(&[&oid(ENCRYPTED_DATA), &element(tag::CONTEXT_0, &[&encrypted])]);

    let key = lock_key(cipher, key.pkcs8().expose(), password, ROUNDS, entropy)?;
    let key = bag(KEY_BAG, &key, &attributes);
    let contents = sequence(&[&encrypted, &data(&sequence(&[&key]))]);
    let seal = seal(form, &contents, password, entropy);
    Ok(sequence(&[&number(3), &data(&contents), &seal]))
}

/// A ContentInfo of plain data.
fn data(bytes: &[u8]) -> Vec<u8> {
    let bytes = element(tag::OCTET_STRING, &[bytes]);
    sequence(&[&oid(DATA), &element(tag::CONTEXT_0, &[&bytes])])
}

fn certificate_bag(der: &[u8], attributes: &[u8]) -> Vec<u8> {
    let der = element(tag::OCTET_STRING, &[der]);
    let value = sequence(&[&oid(X509_CERTIFICATE), &element(tag::CONTEXT_0, &[&der])]);
    bag(CERTIFICATE_BAG, &value, attributes)
}

fn bag(kind: &[u8], value: &[u8], attributes: &[u8]) -> Vec<u8> {
    let value = element(tag::CONTEXT_0, &[value]);
    if attributes.is_empty() {
        sequence(&[&oid(kind), &value])
    } else {
        sequence(&[&oid(kind), &value, &element(tag::SET, &[attributes])])
    }
}

/// What a person sees, and what joins a key to its certificate; in the order of DER's sets.
fn attributes(name: &str, id: &[u8]) -> Vec<u8> {
    let name = name.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let name = element(tag::BMP_STRING, &[&name]);
    let id = element(tag::OCTET_STRING, &[id]);
    let mut both = [
        sequence(&[&oid(FRIENDLY_NAME), &element(tag::SET, &[&name])]),
        sequence(&[&oid(LOCAL_KEY_ID), &element(tag::SET, &[&id])]),
    ];
    both.sort();
    both.concat()
}

/// The MacData that shows whether the password is right and nothing was changed.
fn seal(form: Bundle, contents: &[u8], password: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    let (name, hash, mac) = match form {
        Bundle::Modern => (SHA256, &digest::SHA256, hmac::HMAC_SHA256),
        Bundle::Legacy => (
            SHA1,
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        ),
    };
    let key = seal_key(hash, password, &salt, ROUNDS);
    let seal = hmac::sign(&hmac::Key::new(mac, key.expose()), contents);
    let algorithm = sequence(&[&oid(name), &element(tag::NULL, &[])]);
    let seal = sequence(&[&algorithm, &element(tag::OCTET_STRING, &[seal.as_ref()])]);
    sequence(&[
        &seal,
        &element(tag::OCTET_STRING, &[&salt]),
        &number(ROUNDS.get()),
    ])
}
