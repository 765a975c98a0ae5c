//! What is called back, and the lists that say so.

use super::authority::{EARLIER, MOST_INTERMEDIATE_DAYS, drawn, life, record};
use super::index::{DAY, Reason, Revocation, Status, unhex};
use super::make::{self, Life, Revoked, Role};
use super::{Authority, CaError, pem};
use countersign_core::entropy::Entropy;
use countersign_core::time::Timestamp;

/// The days until the next list: the root's key may be far away.
pub const LIST_DAYS: (u32, u32) = (365, 30);
const MOST_LIST_DAYS: u32 = 397;
/// How long after its end a certificate stays in the lists: one list at least has to say so later (RFC 5280, section 3.3).
const KEPT: i64 = (MOST_LIST_DAYS as i64 + 1) * DAY;

impl Authority {
    /// Calls back the certificate at `place` of the index. False when it was called back before.
    pub fn revoke(&mut self, place: usize, reason: Reason, now: Timestamp) -> bool {
        match self.index.certificates.get_mut(place) {
            Some(record) if record.revoked.is_none() => {
                record.revoked = Some(revocation(reason, now));
                true
            }
            Some(_) | None => false,
        }
    }

    /// Calls back the intermediate, whichever of its certificates is shown: nothing it signed holds any more. The serial
    /// numbers that were not called back before.
    pub fn revoke_intermediate(&mut self, reason: Reason, now: Timestamp) -> Vec<String> {
        let mut fresh = Vec::new();
        for record in self
            .index
            .intermediates
            .iter_mut()
            .filter(|record| record.revoked.is_none())
        {
            record.revoked = Some(revocation(reason, now));
            fresh.push(record.serial.clone());
        }
        fresh
    }

    /// A new revocation list (PEM) of one authority, with the next number; and when it was made and the next is due.
    pub fn revocation_list(
        &mut self,
        role: Role,
        days: u32,
        now: Timestamp,
    ) -> Result<(String, Life), CaError> {
        let asked = life(now, days, "revocation list", MOST_LIST_DAYS)?;
        let of_issuer = self.list_life(role, now)?;
        let life = Life {
            not_before: asked.not_before.max(of_issuer.not_before),
            not_after: asked.not_after.min(of_issuer.not_after),
        };
        let number = self.list_number(role).saturating_add(1);
        let serials = self.revoked(role, now);
        let revoked = serials.iter().map(|(serial, revocation)| Revoked {
            serial,
            // A list begins a little earlier than it is made, for clocks that are late, and tells of nothing to come. Each
            // list after it tells the same.
            at: Timestamp::from_seconds(revocation.at.saturating_sub(EARLIER)),
            reason: revocation.reason.code(),
        });
        let der = make::revocation_list(&self.signer(role)?, number, life, &revoked.collect::<Vec<_>>())?;
        match role {
            Role::Root => self.index.root_crl = number,
            Role::Intermediate => self.index.intermediate_crl = number,
        }
        Ok((pem::encode("X509 CRL", &der), life))
    }

    /// The number of an authority's last list.
    pub const fn list_number(&self, role: Role) -> u64 {
        match role {
            Role::Root => self.index.root_crl,
            Role::Intermediate => self.index.intermediate_crl,
        }
    }

    /// A revoked intermediate may still say what else is revoked; one that has ended may not.
    fn list_life(&self, role: Role, now: Timestamp) -> Result<Life, CaError> {
        let record = self
            .index
            .current(role)
            .filter(|record| record.status(now) == Status::Revoked);
        match record {
            Some(record) if record.life().not_after >= now => Ok(record.life()),
            Some(_) | None => self.ready(role, now),
        }
    }

    /// What one authority has called back: serial numbers, when and why.
    fn revoked(&self, role: Role, now: Timestamp) -> Vec<(Vec<u8>, Revocation)> {
        let kept = |not_after: i64| not_after.saturating_add(KEPT) >= now.seconds();
        let found = |serial: &str, not_after, revoked: &Option<Revocation>| {
            let revoked = revoked.clone().filter(|_| kept(not_after))?;
            Some((unhex(serial)?, revoked))
        };
        match role {
            Role::Root => {
                let records = self.index.intermediates.iter();
                let found =
                    records.filter_map(|record| found(&record.serial, record.not_after, &record.revoked));
                found.collect()
            }
            Role::Intermediate => {
                let records = self.index.certificates.iter();
                let found =
                    records.filter_map(|record| found(&record.serial, record.not_after, &record.revoked));
                found.collect()
            }
        }
    }

    /// Lets the intermediate hold for `days` from now: a new certificate for the same key, so that what it signed before
    /// holds as it did.
    pub fn renew_intermediate(
        &mut self,
        days: u32,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), CaError> {
        let root_life = self.ready(Role::Root, now)?;
        let current = self.index.current(Role::Intermediate);
        if current.is_some_and(|record| record.status(now) == Status::Revoked) {
            return Err(CaError::Revoked(Role::Intermediate.word()));
        }
        let mut life = life(now, days, "intermediate", MOST_INTERMEDIATE_DAYS)?;
        life.not_after = life.not_after.min(root_life.not_after);
        let serial = drawn(Some(&self.index), entropy)?;
        let key = self.signer(Role::Intermediate)?.key;
        let root = self.signer(Role::Root)?;
        let der = make::authority(Role::Intermediate, key, life, &serial, &root)?;
        let renewed = record(&serial, life, &der);
        self.index.intermediates.push(renewed);
        self.intermediate = der;
        Ok(())
    }
}

const fn revocation(reason: Reason, now: Timestamp) -> Revocation {
    Revocation {
        at: now.seconds(),
        reason,
    }
}
