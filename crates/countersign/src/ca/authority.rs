//! The authority in memory: founded, and issuing.

use super::index::{AuthorityRecord, DAY, Index, Record, Status, hex};
use super::key::PrivateKey;
use super::make::{self, Life, Role, Signer};
use super::names::{Kind, Name};
use super::{CaError, days, pem};
use aws_lc_rs::digest;
use countersign_core::entropy::Entropy;
use countersign_core::time::Timestamp;
use rcgen::PublicKeyData;

/// How much earlier than now a certificate begins, for clocks that are late: five minutes.
pub(super) const EARLIER: i64 = 300;
const SERIAL_BYTES: usize = 16;
/// How often a serial number is drawn again that was drawn before.
const DRAWS: u32 = 8;
/// What is left of a common name's 64 characters beside `Issuing CA`.
const MAX_NAME: usize = 48;
const MOST_ROOT_DAYS: u32 = 7300;
pub(super) const MOST_INTERMEDIATE_DAYS: u32 = 3650;

/// What an authority is to be.
#[derive(Clone, Copy, Debug)]
pub struct Foundation<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How long the root holds.
    pub root_days: u32,
    /// How long the intermediate holds.
    pub intermediate_days: u32,
}

impl Foundation<'_> {
    /// Ten years and three.
    pub const fn usual(name: &str) -> Foundation<'_> {
        Foundation {
            name,
            root_days: 3650,
            intermediate_days: 1095,
        }
    }
}

/// A root, an intermediate, and all that is known of what they signed.
#[derive(Debug)]
pub struct Authority {
    /// What is remembered.
    pub index: Index,
    /// The root's certificate (DER).
    pub root: Vec<u8>,
    /// The intermediate's certificate (DER).
    pub intermediate: Vec<u8>,
    /// The root's key, where it is at hand.
    pub root_key: Option<PrivateKey>,
    /// The intermediate's key, where it is at hand.
    pub intermediate_key: Option<PrivateKey>,
}

/// What is to be issued.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What for.
    pub kind: Kind,
    /// For whom.
    pub names: &'a [Name],
    /// For how many days.
    pub days: u32,
    /// What its files are called.
    pub file: &'a str,
    /// The folder of its files, where they are not with the authority's.
    pub folder: Option<&'a str>,
    /// Whether its key is somebody else's, who sent a request.
    pub requested: bool,
}

/// What was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// As it is remembered.
    pub record: Record,
    /// The certificate (DER).
    pub der: Vec<u8>,
    /// The certificate and the intermediate's (PEM): what a server or client sends.
    pub chain: String,
    /// Whether it ends earlier than was asked, with its issuer.
    pub shortened: bool,
}

impl Authority {
    /// A new authority with new keys.
    pub fn found(wish: Foundation<'_>, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, CaError> {
        let seen = |character: char| !character.is_control();
        let length = wish.name.chars().count();
        if wish.name.trim() != wish.name || !(1..=MAX_NAME).contains(&length) || !wish.name.chars().all(seen)
        {
            return Err(CaError::AuthorityName);
        }
        let root_life = life(now, wish.root_days, "root", MOST_ROOT_DAYS)?;
        let mut below = life(
            now,
            wish.intermediate_days,
            "intermediate",
            MOST_INTERMEDIATE_DAYS,
        )?;
        below.not_after = below.not_after.min(root_life.not_after);
        let (root_key, key) = (PrivateKey::generate()?, PrivateKey::generate()?);
        let signer = Signer {
            role: Role::Root,
            name: wish.name,
            key: &root_key,
        };
        let serial = drawn(None, entropy)?;
        let root = make::authority(Role::Root, &root_key, root_life, &serial, &signer)?;
        let root_record = record(&serial, root_life, &root);
        let serial = drawn(None, entropy)?;
        let intermediate = make::authority(Role::Intermediate, &key, below, &serial, &signer)?;
        let index = Index::new(wish.name, root_record, record(&serial, below, &intermediate));
        Ok(Self {
            index,
            root,
            intermediate,
            root_key: Some(root_key),
            intermediate_key: Some(key),
        })
    }

    /// Issues a certificate for the public key, and remembers it.
    pub fn issue(
        &mut self,
        wish: Wish<'_>,
        public: &impl PublicKeyData,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Issued, CaError> {
        let (_, most) = days(wish.kind);
        let asked = life(now, wish.days, wish.kind.word(), most)?;
        let issuer = self.ready(Role::Intermediate, now)?;
        let life = Life {
            not_before: asked.not_before.max(issuer.not_before),
            not_after: asked.not_after.min(issuer.not_after),
        };
        let serial = drawn(Some(&self.index), entropy)?;
        let signer = self.signer(Role::Intermediate)?;
        let der = make::leaf(wish.kind, wish.names, public, life, &serial, &signer)?;
        let record = Record {
            file: wish.file.to_owned(),
            folder: wish.folder.map(ToOwned::to_owned),
            requested: wish.requested,
            kind: wish.kind,
            names: wish.names.iter().map(ToString::to_string).collect(),
            serial: hex(&serial),
            not_before: life.not_before.seconds(),
            not_after: life.not_after.seconds(),
            days: wish.days,
            sha256: sha256(&der),
            revoked: None,
        };
        self.index.certificates.push(record.clone());
        Ok(Issued {
            record,
            chain: pem::certificate(&der) + &pem::certificate(&self.intermediate),
            der,
            shortened: life.not_after < asked.not_after,
        })
    }

    /// Both certificates (PEM), the intermediate's first: what a server is given to judge clients by.
    pub fn chain(&self) -> String {
        pem::certificate(&self.intermediate) + &pem::certificate(&self.root)
    }

    /// The common name of one of the two.
    pub fn subject(&self, role: Role) -> String {
        role.common_name(&self.index.name)
    }

    /// Whether the certificates are those of the index, and the keys theirs. A newer one that the index has and nobody ever saw, because its
    /// making was broken off, gives way to the one that is here.
    pub fn check(&mut self) -> Result<(), CaError> {
        let both = [
            (Role::Root, &self.root, &mut self.index.roots),
            (
                Role::Intermediate,
                &self.intermediate,
                &mut self.index.intermediates,
            ),
        ];
        for (role, der, records) in both {
            let here = sha256(der);
            let place = records.iter().rposition(|record| record.sha256 == here);
            let place = place.ok_or(CaError::OtherCertificate(role.word()))?;
            let record = records.remove(place);
            records.push(record);
        }
        let keys = [
            (Role::Root, &self.root, &self.root_key),
            (Role::Intermediate, &self.intermediate, &self.intermediate_key),
        ];
        for (role, der, key) in keys {
            if key.as_ref().is_some_and(|key| !key.is_of(der)) {
                return Err(CaError::OtherKey(role.word()));
            }
        }
        Ok(())
    }

    /// When an authority holds that still does.
    pub(super) fn ready(&self, role: Role, now: Timestamp) -> Result<Life, CaError> {
        let record = self
            .index
            .current(role)
            .ok_or(CaError::OtherCertificate(role.word()))?;
        match record.status(now) {
            Status::Valid => Ok(record.life()),
            Status::Revoked => Err(CaError::Revoked(role.word())),
            Status::Expired => Err(CaError::Ended {
                role: role.word(),
                on: day(record.not_after),
                remedy: match role {
                    Role::Root => {
                        "make a new authority in another folder, and have it trusted in place of this one"
                    }
                    Role::Intermediate => "`countersign ca renew intermediate` makes it hold again",
                },
            }),
        }
    }

    pub(super) fn signer(&self, role: Role) -> Result<Signer<'_>, CaError> {
        let key = match role {
            Role::Root => &self.root_key,
            Role::Intermediate => &self.intermediate_key,
        };
        Ok(Signer {
            role,
            name: &self.index.name,
            key: key.as_ref().ok_or(CaError::KeyAway(role.word()))?,
        })
    }
}

/// `days` from now.
pub(super) fn life(now: Timestamp, days: u32, what: &'static str, most: u32) -> Result<Life, CaError> {
    if days == 0 {
        return Err(CaError::NoDays);
    }
    if days > most {
        return Err(CaError::TooManyDays { days, what, most });
    }
    let now = now.seconds();
    Ok(Life {
        not_before: Timestamp::from_seconds(now - EARLIER),
        not_after: Timestamp::from_seconds(now + i64::from(days) * DAY),
    })
}

/// A serial number that nothing of the index has: positive, 16 bytes, 126 of its bits drawn.
pub(super) fn drawn(index: Option<&Index>, entropy: &dyn Entropy) -> Result<[u8; SERIAL_BYTES], CaError> {
    let mut serial = [0; SERIAL_BYTES];
    for _ in 0..DRAWS {
        entropy.fill(&mut serial);
        let [first, ..] = &mut serial;
        // No sign, and no zero in front that encodings would drop.
        *first = *first & 0x7f | 0x40;
        if index.is_none_or(|index| !index.has(&hex(&serial))) {
            return Ok(serial);
        }
    }
    Err(CaError::Repeated)
}

pub(super) fn record(serial: &[u8], life: Life, der: &[u8]) -> AuthorityRecord {
    AuthorityRecord {
        serial: hex(serial),
        not_before: life.not_before.seconds(),
        not_after: life.not_after.seconds(),
        sha256: sha256(der),
        revoked: None,
    }
}

/// The fingerprint of a certificate: SHA-256, hexadecimal in lower case.
pub fn sha256(der: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, der);
    hex(digest.as_ref()).to_ascii_lowercase()
}

/// The day of a time, as `2030-01-01`.
pub(super) fn day(seconds: i64) -> String {
    let mut text = Timestamp::from_seconds(seconds).to_string();
    text.truncate(10);
    text
}

#[cfg(test)]
mod tests;
