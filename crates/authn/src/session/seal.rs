//! What leaves this process is sealed: sessions above their store, the state of a login above the browser.
//!
//! A sealed record is its form (one byte), the id of its key (8 bytes), its [`Scope`] (32 bytes, in the clear, so that an
//! operator's command can open what it lists), a salt (16 bytes), the ciphertext and its tag. A sealed message is the same
//! without the scope. The key is HKDF-SHA256 (RFC 5869) of a master key, the salt and the purpose; it seals once, by
//! AES-256-GCM with a nonce of zeros. What is bound to it (the associated data) is form, purpose, key id, scope and the
//! record's name, or the message's context: copied elsewhere, it does not open.
//!
//! The first master key seals, every one opens. A session keeps the key it began under, because the hashes by which a store
//! finds all sessions of one subject are made under it: a key that is taken away takes its sessions with it, whole.

use super::{Purpose, Scope, SessionGroup, Share, hash};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_core::session::{IndexKey, RecordKey, Sealed};
use std::fmt;

#[cfg(test)]
mod tests;

/// The fewest bytes of a master key.
pub const MIN_KEY_BYTES: usize = 32;

/// The first byte of a sealed record.
const RECORD: u8 = 1;
/// The first byte of a sealed message.
const MESSAGE: u8 = 2;
const ID_BYTES: usize = 8;
const SALT_BYTES: usize = 16;
const SCOPE_BYTES: usize = 32;

/// What the key that makes index keys is for.
const INDEX: &[u8] = b"countersign index 1";

/// Which master key: the first bytes of a hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId([u8; ID_BYTES]);

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no key")]
    None,
    /// One is too short; it is the one after so many.
    #[error("a key has at least {MIN_KEY_BYTES} bytes")]
    Short(usize),
    /// One is there twice; it is the one after so many.
    #[error("a key is there twice")]
    Twice(usize),
}

struct MasterKey {
    id: KeyId,
    key: Secret<Vec<u8>>,
    index: hmac::Key,
}

/// A record that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Where it is worth something.
    pub scope: Scope,
    /// The key it is sealed under.
    pub key: KeyId,
    /// What was sealed.
    pub plain: Secret<Vec<u8>>,
}

/// The keys.
pub struct Sealer {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|key| key.id)).finish()
    }
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Session => b"countersign session 1",
            Self::State => b"countersign state 1",
            Self::ReturnTo => b"countersign return-to 1",
            Self::Wish => b"countersign wish 1",
            Self::Handoff => b"countersign handoff 1",
            Self::Cookie => b"countersign cookie 1",
            Self::LogoutToken => b"countersign logout-token 1",
            Self::Ended => b"countersign ended 1",
            Self::Code => b"countersign code 1",
            Self::AccessToken => b"countersign access-token 1",
            Self::Grant => b"countersign grant 1",
            Self::SignOns => b"countersign sign-ons 1",
            Self::Assertion => b"countersign assertion 1",
            Self::ProviderKeys => b"countersign provider-keys 1",
        }
    }

    /// What is kept under `name` for this purpose is called so in the store.
    pub fn record(self, name: &[u8]) -> RecordKey {
        RecordKey(hash(b"kept", &[self.name(), name]))
    }
}

impl MasterKey {
    fn new(key: Secret<Vec<u8>>) -> Self {
        let digest = hash(b"countersign key id 1", &[key.expose()]);
        let mut id = [0; ID_BYTES];
        for (place, byte) in id.iter_mut().zip(digest) {
            *place = byte;
        }
        let mut index = [0; 32];
        // 32 bytes is a length that HKDF has.
        let filled = Salt::none(HKDF_SHA256)
            .extract(key.expose())
            .expand(&[INDEX], HKDF_SHA256)
            .and_then(|bytes| bytes.fill(&mut index));
        debug_assert!(filled.is_ok());
        Self {
            id: KeyId(id),
            index: hmac::Key::new(hmac::HMAC_SHA256, &index),
            key,
        }
    }

    /// The key that seals once, under this salt.
    fn once(&self, purpose: Purpose, salt: &[u8]) -> Option<LessSafeKey> {
        let prk = Salt::new(HKDF_SHA256, salt).extract(self.key.expose());
        let info = [purpose.name()];
        let bytes = prk.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(bytes)))
    }

    fn index(&self, group: SessionGroup<'_>) -> Option<IndexKey> {
        let hash = |parts: &[&[u8]]| hash(b"index", parts);
        let hashed = match group {
            SessionGroup::Subject { issuer, subject } => {
                hash(&[b"subject", issuer.as_bytes(), subject.as_bytes()])
            }
            SessionGroup::Sid { issuer, sid } => hash(&[b"sid", issuer.as_bytes(), sid.as_bytes()]),
            SessionGroup::Provided {
                what,
                issuer,
                subject,
                share,
            } => {
                let (what, issuer, subject) = (what.name(), issuer.as_bytes(), subject.as_bytes());
                match share {
                    Share::All => hash(&[b"provided", what, issuer, subject]),
                    Share::Client(id) => hash(&[b"provided at", what, issuer, subject, id.as_bytes()]),
                    Share::SignOn(key) => hash(&[b"provided in", what, issuer, subject, key.as_bytes()]),
                }
            }
            SessionGroup::All => return None,
        };
        let tag = hmac::sign(&self.index, &hashed);
        tag.as_ref().try_into().ok().map(IndexKey)
    }
}

/// What is bound to something sealed, each with its length before it.
fn bound(form: u8, purpose: Purpose, key: KeyId, parts: &[&[u8]]) -> Vec<u8> {
    let (form, name) = ([form], purpose.name());
    let first: [&[u8]; 3] = [&form, name, &key.0];
    let mut bytes = Vec::with_capacity(160);
    for part in first.iter().chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Appends salt, ciphertext and tag of `plain` to `out`.
fn seal_onto(
    mut out: Vec<u8>,
    key: &LessSafeKey,
    aad: Vec<u8>,
    salt: [u8; SALT_BYTES],
    plain: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(plain);
    // AES-GCM takes 64 GiB. Were it to refuse, nothing would be sealed, and nothing opens from that.
    if key
        .seal_in_place_append_tag(nonce(), Aad::from(aad), &mut sealed)
        .is_err()
    {
        return Vec::new();
    }
    out.extend_from_slice(&salt);
    out.extend_from_slice(&sealed);
    out
}

fn open(key: &LessSafeKey, aad: Vec<u8>, ciphertext: &[u8]) -> Option<Secret<Vec<u8>>> {
    let mut bytes = ciphertext.to_vec();
    let length = key.open_in_place(nonce(), Aad::from(aad), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(Secret::new(bytes))
}

impl Sealer {
    /// Seals under the first of `keys`, opens under each.
    pub fn new(keys: Vec<Secret<Vec<u8>>>) -> Result<Self, KeyError> {
        let short = |key: &Secret<Vec<u8>>| key.expose().len() < MIN_KEY_BYTES;
        if let Some(at) = keys.iter().position(short) {
            return Err(KeyError::Short(at));
        }
        let mut all = Vec::<MasterKey>::new();
        for (at, key) in keys.into_iter().enumerate() {
            let key = MasterKey::new(key);
            if all.iter().any(|known| known.id == key.id) {
                return Err(KeyError::Twice(at));
            }
            all.push(key);
        }
        let mut all = all.into_iter();
        Ok(Self {
            first: all.next().ok_or(KeyError::None)?,
            others: all.collect(),
        })
    }

    /// Under a fresh key: what is sealed opens in this process only.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut key = vec![0; MIN_KEY_BYTES];
        entropy.fill(&mut key);
        Self {
            first: MasterKey::new(Secret::new(key)),
            others: Vec::new(),
        }
    }

    /// The key that seals what is new.
    pub const fn first(&self) -> KeyId {
        self.first.id
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn key(&self, id: KeyId) -> Option<&MasterKey> {
        self.keys().find(|key| key.id == id)
    }

    /// Seals the record `name` under `key`; under the first where that is gone.
    pub fn seal_record(
        &self,
        (name, scope): (&RecordKey, &Scope),
        key: KeyId,
        plain: &Secret<Vec<u8>>,
        entropy: &dyn Entropy,
    ) -> Sealed {
        let master = self.key(key).unwrap_or(&self.first);
        let salt = salt(entropy);
        let aad = bound(RECORD, Purpose::Session, master.id, &[scope.as_bytes(), &name.0]);
        let Some(once) = master.once(Purpose::Session, &salt) else {
            return Sealed(Box::default());
        };
        let mut out = Vec::with_capacity(1 + ID_BYTES + SCOPE_BYTES + SALT_BYTES + plain.expose().len() + 16);
        out.push(RECORD);
        out.extend_from_slice(&master.id.0);
        out.extend_from_slice(scope.as_bytes());
        Sealed(seal_onto(out, &once, aad, salt, plain.expose()).into())
    }

    /// Whether this looks like a record, and not like a message that is kept beside them.
    pub fn is_record(sealed: &Sealed) -> bool {
        sealed.0.first() == Some(&RECORD)
    }

    /// Opens the record `name`. `None` when it was not sealed here, not as a record, or not under this name.
    pub fn open_record(&self, name: &RecordKey, sealed: &Sealed) -> Option<Opened> {
        let (&form, rest) = sealed.0.split_first()?;
        let (id, rest) = rest.split_first_chunk::<ID_BYTES>()?;
        let (scope, rest) = rest.split_first_chunk::<SCOPE_BYTES>()?;
        let (salt, ciphertext) = rest.split_first_chunk::<SALT_BYTES>()?;
        let master = self.key(KeyId(*id)).filter(|_| form == RECORD)?;
        let once = master.once(Purpose::Session, salt)?;
        let aad = bound(RECORD, Purpose::Session, master.id, &[scope, &name.0]);
        Some(Opened {
            scope: Scope::from_bytes(*scope),
            key: master.id,
            plain: open(&once, aad, ciphertext)?,
        })
    }

    /// Seals a message for `purpose`, bound to `context`.
    pub fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let salt = salt(entropy);
        let aad = bound(MESSAGE, purpose, self.first.id, &[context]);
        let Some(once) = self.first.once(purpose, &salt) else {
            return Vec::new();
        };
        let mut out = Vec::with_capacity(1 + ID_BYTES + SALT_BYTES + plain.len() + 16);
        out.push(MESSAGE);
        out.extend_from_slice(&self.first.id.0);
        seal_onto(out, &once, aad, salt, plain)
    }

    /// Opens a message; `None` when it was not sealed here, or for another purpose or context.
    pub fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (&form, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_first_chunk::<ID_BYTES>()?;
        let (salt, ciphertext) = rest.split_first_chunk::<SALT_BYTES>()?;
        let master = self.key(KeyId(*id)).filter(|_| form == MESSAGE)?;
        let once = master.once(purpose, salt)?;
        let aad = bound(MESSAGE, purpose, master.id, &[context]);
        open(&once, aad, ciphertext).map(|plain| plain.expose().clone())
    }

    /// By what sessions of `group` that began under `key` are found; `None` for [`SessionGroup::All`].
    pub fn index_under(&self, key: KeyId, group: SessionGroup<'_>) -> Option<IndexKey> {
        self.key(key).and_then(|key| key.index(group))
    }

    /// By what sessions of `group` are found, whatever key they began under; nothing for [`SessionGroup::All`].
    pub fn indexes(&self, group: SessionGroup<'_>) -> Vec<IndexKey> {
        self.keys().filter_map(|key| key.index(group)).collect()
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    salt
}
