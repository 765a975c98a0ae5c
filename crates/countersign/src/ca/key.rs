//! Private keys: made here, ECDSA on P-256; kept as PKCS#8 in PEM, in the clear or locked by a passphrase.

use super::encryption::{Cipher, EncryptionError, lock_key, open_key};
use super::pem;
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_x509::certificate::Certificate;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::num::NonZeroU32;

const CLEAR: &str = "PRIVATE KEY";
const LOCKED: &str = "ENCRYPTED PRIVATE KEY";
/// How often a passphrase is hashed: what OWASP asks of PBKDF2 with SHA-256.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not the one PEM block that a key file is.
    #[error("it is no PEM file with one private key (PKCS#8)")]
    NotPem,
    /// Locked, and nothing to open it with.
    #[error("it is locked by a passphrase")]
    NeedsPassphrase,
    /// Locked, and not opened.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// A key, and not one of ours.
    #[error("it is no ECDSA key on P-256")]
    NotOurs,
    /// The library made none.
    #[error("the library for cryptography made no key")]
    NotMade,
}

/// A private key.
#[derive(Debug)]
pub struct PrivateKey(Secret<KeyPair>);

impl PrivateKey {
    /// A new key, by the randomness of the library for cryptography.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        pair.map(|pair| Self(Secret::new(pair)))
            .map_err(|_| KeyError::NotMade)
    }

    /// The key in a PEM file; `passphrase` is used only where the file is locked.
    pub fn from_pem(text: &str, passphrase: Option<&Secret<Vec<u8>>>) -> Result<Self, KeyError> {
        let blocks = pem::decode(text).ok_or(KeyError::NotPem)?;
        let Ok([(label, der)]) = <[_; 1]>::try_from(blocks) else {
            return Err(KeyError::NotPem);
        };
        let der = Secret::new(der);
        match label {
            CLEAR => Self::from_pkcs8(der.expose()),
            LOCKED => {
                let passphrase = passphrase.ok_or(KeyError::NeedsPassphrase)?;
                Self::from_pkcs8(open_key(der.expose(), passphrase.expose())?.expose())
            }
            _ => Err(KeyError::NotPem),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from(der);
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256);
        pair.map(|pair| Self(Secret::new(pair)))
            .map_err(|_| KeyError::NotOurs)
    }

    /// As a PEM file in the clear.
    pub fn to_pem(&self) -> Secret<String> {
        Secret::new(pem::encode(CLEAR, self.pkcs8().expose()))
    }

    /// As a PEM file that `passphrase` locks.
    pub fn to_locked_pem(
        &self,
        passphrase: &Secret<Vec<u8>>,
        entropy: &dyn Entropy,
    ) -> Result<Secret<String>, KeyError> {
        let pkcs8 = self.pkcs8();
        let locked = lock_key(
            Cipher::Modern,
            pkcs8.expose(),
            passphrase.expose(),
            ROUNDS,
            entropy,
        )?;
        Ok(Secret::new(pem::encode(LOCKED, &locked)))
    }

    /// As a PrivateKeyInfo (PKCS#8, DER).
    pub(super) fn pkcs8(&self) -> Secret<Vec<u8>> {
        Secret::new(self.0.expose().serialized_der().to_vec())
    }

    /// Its public half, as certificates are made for.
    pub const fn public_half(&self) -> &impl PublicKeyData {
        self.pair()
    }

    /// Whether a certificate (DER) is of this key.
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        let own = self.pair().subject_public_key_info();
        Certificate::parse(certificate).is_ok_and(|certificate| certificate.subject_public_key_info() == own)
    }

    pub(super) const fn pair(&self) -> &KeyPair {
        self.0.expose()
    }
}

/// Whether a PEM file holds a key that a passphrase locks.
pub fn is_locked(text: &str) -> bool {
    text.contains(LOCKED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testkit::entropy::CountedBytes;

    #[test]
    fn a_key_comes_back_from_its_file() {
        let key = PrivateKey::generate().unwrap();
        let same = PrivateKey::from_pem(key.to_pem().expose(), None).unwrap();
        assert_eq!(same.pkcs8().expose(), key.pkcs8().expose());
        let passphrase = Secret::new(b"a passphrase".to_vec());
        let locked = key.to_locked_pem(&passphrase, &CountedBytes::default()).unwrap();
        assert!(is_locked(locked.expose()) && !is_locked(key.to_pem().expose()));
        let same = PrivateKey::from_pem(locked.expose(), Some(&passphrase)).unwrap();
        assert_eq!(same.pkcs8().expose(), key.pkcs8().expose());
        let told = |passphrase| PrivateKey::from_pem(locked.expose(), passphrase).unwrap_err();
        assert!(matches!(told(None), KeyError::NeedsPassphrase));
        let wrong = Secret::new(b"another".to_vec());
        let told = told(Some(&wrong));
        assert!(matches!(
            told,
            KeyError::Encryption(EncryptionError::WrongPassphrase)
        ));
    }

    #[test]
    fn another_file_is_no_key() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.to_pem();
        let twice = format!("{}{}", pem.expose(), pem.expose());
        let certificate = pem::certificate(b"x");
        for text in ["", "nothing", &twice, &certificate] {
            assert!(matches!(PrivateKey::from_pem(text, None), Err(KeyError::NotPem)));
        }
        let other = pem::encode(CLEAR, b"no key");
        assert!(matches!(
            PrivateKey::from_pem(&other, None),
            Err(KeyError::NotOurs)
        ));
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = PrivateKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(***)");
    }
}
