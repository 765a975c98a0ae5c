//! What a passphrase locks: PBES2 (RFC 8018) as OpenSSL writes it today, and 3DES as old phones want it (RFC 7292).

use super::der::{Element, Reader, element, number, oid, sequence, tag};
use super::derivation::{FOR_IV, FOR_KEY, derive};
use aws_lc_rs::cipher::{
    AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, pbkdf2};
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use std::num::NonZeroU32;

/// 1.2.840.113549.1.5.13
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// 1.2.840.113549.1.5.12
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// 1.2.840.113549.2.9
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
/// 2.16.840.1.101.3.4.1.42
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
/// 1.2.840.113549.1.12.1.3
const SHA1_3DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03];

/// Triple DES.
#[expect(
    deprecated,
    reason = "phones of before 2022 read no other PKCS#12; only with --legacy"
)]
static TRIPLE_DES: Algorithm = aws_lc_rs::cipher::DES_EDE3_FOR_LEGACY_USE_ONLY;

const SALT_BYTES: usize = 16;
const AES_KEY_BYTES: usize = 32;
const AES_BLOCK_BYTES: usize = 16;
const DES_KEY_BYTES: usize = 24;
const DES_BLOCK_BYTES: usize = 8;
/// As many rounds as are worked through for a file that asks for them: about three seconds.
const MAX_ROUNDS: u32 = 10_000_000;

/// How something is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// PBES2: PBKDF2 with HMAC-SHA-256, then AES-256-CBC.
    Modern,
    /// pbeWithSHAAnd3-KeyTripleDES-CBC.
    Legacy,
}

/// Why nothing was locked or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// The library refused; it says no more.
    #[error("the library for cryptography refused")]
    Refused,
    /// Locked in a way that is not known here.
    #[error(
        "it is locked in another way than PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC; `openssl pkcs8 -topk8` writes that"
    )]
    UnknownCipher,
    /// Another passphrase locked it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
}

/// `plain` locked by `password`: an AlgorithmIdentifier, and the locked bytes.
pub(super) fn lock(
    cipher: Cipher,
    plain: &[u8],
    password: &[u8],
    rounds: NonZeroU32,
    entropy: &dyn Entropy,
) -> Result<(Vec<u8>, Vec<u8>), EncryptionError> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    match cipher {
        Cipher::Modern => {
            let mut iv = [0; AES_BLOCK_BYTES];
            entropy.fill(&mut iv);
            let key = aes_key(password, &salt, rounds);
            let locked = encrypt(&AES_256, key.expose(), context_128(iv), plain)?;
            let derivation = sequence(&[
                &element(tag::OCTET_STRING, &[&salt]),
                &number(rounds.get()),
                &sequence(&[&oid(HMAC_SHA256), &element(tag::NULL, &[])]),
            ]);
            let parameters = sequence(&[
                &sequence(&[&oid(PBKDF2), &derivation]),
                &sequence(&[&oid(AES_256_CBC), &element(tag::OCTET_STRING, &[&iv])]),
            ]);
            Ok((sequence(&[&oid(PBES2), &parameters]), locked))
        }
        Cipher::Legacy => {
            let derive = |purpose, length| {
                derive(
                    &digest::SHA1_FOR_LEGACY_USE_ONLY,
                    purpose,
                    password,
                    &salt,
                    rounds,
                    length,
                )
            };
            let key = derive(FOR_KEY, DES_KEY_BYTES);
            let iv = derive(FOR_IV, DES_BLOCK_BYTES);
            let iv = <[u8; DES_BLOCK_BYTES]>::try_from(iv.expose().as_slice());
            let iv = iv.map_err(|_| EncryptionError::Refused)?;
            let context = EncryptionContext::Iv64(FixedLength::from(iv));
            let locked = encrypt(&TRIPLE_DES, key.expose(), context, plain)?;
            let parameters = sequence(&[&element(tag::OCTET_STRING, &[&salt]), &number(rounds.get())]);
            Ok((sequence(&[&oid(SHA1_3DES), &parameters]), locked))
        }
    }
}

/// An EncryptedPrivateKeyInfo (RFC 5958) of a PrivateKeyInfo.
pub(super) fn lock_key(
    cipher: Cipher,
    pkcs8: &[u8],
    password: &[u8],
    rounds: NonZeroU32,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EncryptionError> {
    let (algorithm, locked) = lock(cipher, pkcs8, password, rounds, entropy)?;
    Ok(sequence(&[&algorithm, &element(tag::OCTET_STRING, &[&locked])]))
}

/// The PrivateKeyInfo of an EncryptedPrivateKeyInfo that [`lock_key`] or OpenSSL wrote.
pub(super) fn open_key(der: &[u8], password: &[u8]) -> Result<Secret<Vec<u8>>, EncryptionError> {
    let locked = Locked::read(der).ok_or(EncryptionError::UnknownCipher)?;
    let key = aes_key(password, locked.salt, locked.rounds);
    let key = UnboundCipherKey::new(&AES_256, key.expose()).map_err(|_| EncryptionError::Refused)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| EncryptionError::Refused)?;
    let context = DecryptionContext::Iv128(FixedLength::from(locked.iv));
    let mut bytes = locked.bytes.to_vec();
    let plain = key.decrypt(&mut bytes, context);
    let plain = plain.map_err(|_| EncryptionError::WrongPassphrase)?.to_vec();
    let plain = Secret::new(plain);
    // One wrong passphrase in 256 leaves a padding that looks right.
    let mut reader = Reader::new(plain.expose());
    let sound = reader.open(tag::SEQUENCE).is_some() && reader.is_empty();
    sound.then_some(plain).ok_or(EncryptionError::WrongPassphrase)
}

/// The parts of an EncryptedPrivateKeyInfo.
struct Locked<'a> {
    salt: &'a [u8],
    rounds: NonZeroU32,
    iv: [u8; AES_BLOCK_BYTES],
    bytes: &'a [u8],
}

impl<'a> Locked<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = Reader::new(der).open(tag::SEQUENCE)?;
        let mut parameters = named(whole.next()?, PBES2)?.open(tag::SEQUENCE)?;
        let mut derivation = named(parameters.next()?, PBKDF2)?.open(tag::SEQUENCE)?;
        let salt = derivation.bytes(tag::OCTET_STRING)?;
        let rounds = derivation.number().filter(|rounds| *rounds <= MAX_ROUNDS)?;
        // The length of the key may stand here; the cipher says it, too.
        let _length = derivation.optional(tag::INTEGER);
        named(derivation.next()?, HMAC_SHA256)?;
        let mut cipher = named(parameters.next()?, AES_256_CBC)?;
        let iv = cipher.bytes(tag::OCTET_STRING)?.try_into().ok()?;
        Some(Self {
            salt,
            rounds: NonZeroU32::new(rounds)?,
            iv,
            bytes: whole.bytes(tag::OCTET_STRING)?,
        })
    }
}

/// What follows the OBJECT IDENTIFIER of an AlgorithmIdentifier, when it is `name`.
fn named<'a>(algorithm: Element<'a>, name: &[u8]) -> Option<Reader<'a>> {
    let mut parts = algorithm.open(tag::SEQUENCE)?;
    let found = parts.bytes(tag::OBJECT_IDENTIFIER)? == name;
    found.then_some(parts)
}

fn aes_key(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Secret<Vec<u8>> {
    let mut key = vec![0; AES_KEY_BYTES];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password, &mut key);
    Secret::new(key)
}

fn context_128(iv: [u8; AES_BLOCK_BYTES]) -> EncryptionContext {
    EncryptionContext::Iv128(FixedLength::from(iv))
}

fn encrypt(
    algorithm: &'static Algorithm,
    key: &[u8],
    context: EncryptionContext,
    plain: &[u8],
) -> Result<Vec<u8>, EncryptionError> {
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| EncryptionError::Refused)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| EncryptionError::Refused)?;
    let mut bytes = plain.to_vec();
    key.less_safe_encrypt(&mut bytes, context)
        .map_err(|_| EncryptionError::Refused)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testkit::entropy::CountedBytes;

    const ROUNDS: NonZeroU32 = NonZeroU32::new(3).unwrap();

    #[test]
    fn a_locked_key_is_opened_by_its_passphrase_alone() {
        let plain = sequence(&[&number(0), &element(tag::OCTET_STRING, &[b"key"])]);
        let locked = lock_key(Cipher::Modern, &plain, b"right", ROUNDS, &CountedBytes::default()).unwrap();
        assert_eq!(open_key(&locked, b"right").unwrap().expose(), &plain);
        for wrong in 0..600_u32 {
            let told = open_key(&locked, &wrong.to_be_bytes()).err();
            assert_eq!(told, Some(EncryptionError::WrongPassphrase));
        }
        let legacy = lock_key(Cipher::Legacy, &plain, b"right", ROUNDS, &CountedBytes::default()).unwrap();
        let told = open_key(&legacy, b"right").err();
        assert_eq!(told, Some(EncryptionError::UnknownCipher));
        assert_eq!(
            open_key(&locked[..locked.len() - 1], b"right").err(),
            Some(EncryptionError::UnknownCipher)
        );
    }
}
