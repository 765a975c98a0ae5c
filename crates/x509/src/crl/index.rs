//! The lists of a set of authorities, ready to be asked about one certificate after the other.

use super::{Crl, CrlError};
use crate::authorities::Authorities;
use crate::certificate::{Certificate, KeyUsage};
use crate::name::Name;
use crate::signature::SignatureFault;
use countersign_core::time::Timestamp;
use std::collections::BTreeMap;

/// Until when what will not change is known.
const END_OF_TIME: Timestamp = Timestamp::from_milliseconds(i64::MAX);

/// Lists by their issuers' names, the newest first.
#[derive(Clone, Debug, Default)]
pub struct CrlIndex {
    lists: BTreeMap<Name, Vec<Crl>>,
}

/// Who issued a certificate, as the path that was built says.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The issuer's name.
    pub name: &'a Name,
    /// The issuer's key: `SubjectPublicKeyInfo`, DER.
    pub spki: &'a [u8],
}

/// What the lists say about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not revoked; known until that instant.
    Good {
        /// When the next list that covers it begins or ends.
        until: Timestamp,
    },
    /// It is revoked.
    Revoked,
    /// No list in force speaks of it.
    Unknown(Unknown),
}

/// Why nothing is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is no list of its issuer that covers it.
    Missing,
    /// There is one, and it is no longer in force.
    Expired,
    /// There is one, and it is not in force yet.
    NotYetInForce,
    /// There is one of its issuer's name, and its issuer's key did not sign it.
    Signature,
}

/// What is told of one list.
#[derive(Clone, Debug)]
pub struct CrlSummary {
    /// The list.
    pub crl: Crl,
    /// Whether an authority of the set signed it. If not it may be of an intermediate authority that clients bring along.
    pub of_authorities: bool,
}

impl CrlIndex {
    /// An index of `lists`. A list whose issuer has the name of one of `authorities` must be signed by the key of one of
    /// that name; the error says which list is not. Others wait for a client that brings their issuer along.
    pub fn new(
        lists: impl IntoIterator<Item = Crl>,
        authorities: &Authorities,
    ) -> Result<Self, (usize, CrlError)> {
        let lists = lists.into_iter().collect::<Vec<_>>();
        for (position, crl) in lists.iter().enumerate() {
            crl.check(authorities).map_err(|error| (position, error))?;
        }
        Ok(Self::of(lists))
    }

    /// An index of lists that were looked at before.
    pub(super) fn of(all: impl IntoIterator<Item = Crl>) -> Self {
        let mut lists = BTreeMap::<Name, Vec<Crl>>::new();
        for crl in all {
            lists.entry(crl.issuer().clone()).or_default().push(crl);
        }
        for lists in lists.values_mut() {
            lists.sort_by(|one, other| age(other).cmp(&age(one)));
        }
        Self { lists }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Every list, ordered by issuer, the newest first.
    pub fn summaries(&self, authorities: &Authorities) -> Vec<CrlSummary> {
        let all = self.lists.values().flatten();
        all.map(|crl| CrlSummary {
            crl: crl.clone(),
            of_authorities: authorities.all().any(|authority| signs(authority, crl).is_ok()),
        })
        .collect()
    }

    /// The authorities of whose own lists none is in force at `now`, and why: what they issued is refused. Each is known by
    /// its name.
    pub fn lacking<'a>(&self, authorities: &'a Authorities, now: Timestamp) -> Vec<(&'a Name, Unknown)> {
        let mut lacking = Vec::new();
        for authority in authorities.all() {
            let lists = self.lists.get(authority.subject()).map_or(&[][..], Vec::as_slice);
            let mut why = Unknown::Missing;
            let mut any = false;
            for crl in lists.iter().filter(|crl| signs(authority, crl).is_ok()) {
                any |= crl.in_force(now);
                why = if crl.has_begun(now) {
                    Unknown::Expired
                } else {
                    Unknown::NotYetInForce
                };
            }
            if !any {
                lacking.push((authority.subject(), why));
            }
        }
        lacking
    }

    /// What is known of `certificate`, which `signer` issued. Of the lists that cover it and have begun, a newer one speaks
    /// in place of an older one, even when that is longer in force. What any of those that are left lists is revoked, though
    /// the list have ended; one of them in force makes it good.
    pub fn standing(
        &self,
        certificate: &Certificate,
        signer: Signer<'_>,
        now: Timestamp,
        accept_stale: bool,
    ) -> Standing {
        let lists = self.lists.get(signer.name).map_or(&[][..], Vec::as_slice);
        let mut unknown = Unknown::Missing;
        let mut until = END_OF_TIME;
        let (mut good, mut spoken) = (false, Vec::<&Crl>::new());
        // The newest come first.
        for crl in lists.iter().filter(|crl| crl.inner.scope.covers(certificate)) {
            if crl.signed_by(signer.spki).is_err() {
                unknown = Unknown::Signature;
                continue;
            }
            until = crl.turns(now).map_or(until, |turn| until.min(turn));
            if !crl.has_begun(now) {
                unknown = Unknown::NotYetInForce;
                continue;
            }
            if spoken.iter().any(|newer| newer.is_newer_than(crl)) {
                continue;
            }
            spoken.push(crl);
            if crl.lists(certificate.serial()) {
                return Standing::Revoked;
            }
            if crl.next_update() <= now && !accept_stale {
                unknown = Unknown::Expired;
            } else {
                good = true;
            }
        }
        if good {
            Standing::Good { until }
        } else {
            Standing::Unknown(unknown)
        }
    }
}

/// What makes one list newer than another.
fn age(crl: &Crl) -> (Timestamp, usize, &[u8]) {
    (crl.this_update(), crl.number().len(), crl.number())
}

impl Crl {
    /// A list whose issuer has the name of one of `authorities` must be signed by the key of one of that name. Others pass:
    /// they wait for a client that brings their issuer along.
    pub fn check(&self, authorities: &Authorities) -> Result<(), CrlError> {
        let mut fault = None;
        for authority in authorities.all() {
            if authority.subject() != self.issuer() {
                continue;
            }
            match signs(authority, self) {
                Ok(()) => return Ok(()),
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(()), Err)
    }
}

fn signs(authority: &Certificate, crl: &Crl) -> Result<(), CrlError> {
    if authority.subject() != crl.issuer() {
        return Err(CrlError::Signature);
    }
    crl.signed_by(authority.subject_public_key_info())
        .map_err(|fault| match fault {
            SignatureFault::Unsupported => CrlError::SignatureAlgorithm,
            SignatureFault::Invalid => CrlError::Signature,
        })?;
    // What an anchor says of its own use is not judged.
    let may = authority.is_self_issued() || authority.key_usage().is_none_or(KeyUsage::crl_sign);
    may.then_some(()).ok_or(CrlError::NotASigner)
}
