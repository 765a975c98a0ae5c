//! Which of two lists is the newer, and whether it speaks in the other's place.

use super::Crl;
use crate::signature::Signed;
use std::sync::Arc;

impl Crl {
    /// Whether its time and its number both say that it is the newer one. Where they disagree (a clock was set back, or
    /// numbers were begun anew) neither of the two is.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let own = (self.number().len(), self.number());
        let others = (other.number().len(), other.number());
        let (time, others_time) = (self.this_update(), other.this_update());
        time >= others_time && own >= others && (time > others_time || own > others)
    }

    /// Whether it speaks in place of `other` from its beginning on: it is the newer one, about the same certificates or
    /// more, and a key that is known to have signed it signed the other, too.
    pub fn outdates(&self, other: &Self) -> bool {
        self.is_newer_than(other)
            && self.issuer() == other.issuer()
            && self.inner.scope.includes(&other.inner.scope)
            && self.signed_as(other)
    }

    /// Whether it is the same list, signed once more by the same key.
    pub fn says_as_much_as(&self, other: &Self) -> bool {
        let said = || Signed::read(&self.inner.der).zip(Signed::read(&other.inner.der));
        self.this_update() == other.this_update()
            && self.number() == other.number()
            && self.inner.scope == other.inner.scope
            && self.issuer() == other.issuer()
            && self.signed_as(other)
            && said().is_some_and(|(own, others)| own.message == others.message)
    }

    /// Whether a key that is known to have signed it signed `other`, too.
    fn signed_as(&self, other: &Self) -> bool {
        self.signers().iter().any(|spki| other.is_signed_by(spki))
    }

    /// Whether it is the very same list.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.der == other.inner.der
    }
}
