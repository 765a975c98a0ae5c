//! How made keys follow one another, as a state machine: no file, no timer, no lock. The edge drives it.
//!
//! - A key is published for [`OVERLAP`] before it signs, so that whoever keeps the JWK Set has read it by then, and as long
//!   after it has signed, so that what it signed goes on holding.
//! - When a key signs is kept by the calendar: nodes and restarts agree on it. A calendar that jumps can make a key sign or
//!   end before its time; so each of these steps waits for [`SETTLES`] of this process's own time, too.
//! - Once a key has signed here, none before it does. With no key whose time has come, the oldest signs: there is always one.
//! - A time that is too far ahead (kept while the clock was wrong) is told anew, once the clock had time to be set.

use super::KeyPlan;
use super::set::{Pair, Published, SigningSet};
use countersign_core::time::{Monotonic, Now, Timestamp};
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long a key is published before it signs, and after it has signed: longer than anybody keeps a JWK Set, and than
/// any token holds.
pub const OVERLAP: Duration = Duration::from_hours(24);
/// The same by a process's own clock, whatever the calendar does: twice the longest life of a token.
pub const SETTLES: Duration = Duration::from_hours(2);
/// The least time that a key signs: it is published twice as long.
pub const LEAST_ROTATION: Duration = Duration::from_hours(48);
/// The longest.
pub const MOST_ROTATION: Duration = Duration::from_hours(366 * 24);

/// The most keys at once. More than three there are only where the calendar does not go on.
const MOST_KEYS: usize = 8;

/// A key that was made, and from when on it signs.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// The key.
    pub pair: Arc<Pair>,
    /// From when on it signs.
    pub signs_from: Timestamp,
}

/// What is to be kept anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing.
    Nothing,
    /// The same keys without those that have ended, or with times told anew.
    Tidying,
    /// One more key.
    Key,
}

#[derive(Clone, Debug)]
struct Held {
    key: MadeKey,
    /// When this process first saw it.
    seen: Monotonic,
    /// Before that it does not sign here.
    settled: Monotonic,
    /// When this process saw that another signs in its place.
    followed: Option<Monotonic>,
}

/// The keys of one provider over time, oldest first.
#[derive(Clone, Debug, Default)]
pub struct KeyLife {
    keys: Vec<Held>,
    /// Which of them signs.
    signing: usize,
}

impl KeyLife {
    /// Takes what is kept, and nothing else. What was there when the process began was published before.
    pub fn take(&mut self, kept: Vec<MadeKey>, now: Now) {
        let is_first = self.keys.is_empty();
        let signed = self.signing().map(|key| Arc::clone(&key.pair));
        let before = std::mem::take(&mut self.keys);
        let held = |key: MadeKey| {
            let known = before.iter().find(|known| is_same(&known.key, &key));
            let settles = if is_first { Duration::ZERO } else { SETTLES };
            Held {
                seen: known.map_or(now.monotonic, |known| known.seen),
                settled: known.map_or_else(|| now.monotonic.plus(settles), |known| known.settled),
                followed: known.and_then(|known| known.followed),
                key,
            }
        };
        self.keys = kept.into_iter().map(held).collect();
        let at = self.keys.iter().position(|held| {
            signed
                .as_ref()
                .is_some_and(|signed| signed.kid() == held.key.pair.kid())
        });
        self.signing = at.unwrap_or(0);
        self.go_on(now);
    }

    /// Lets a key sign whose time has come.
    pub fn go_on(&mut self, now: Now) {
        let has_come = |held: &Held| held.key.signs_from <= now.wall && held.settled <= now.monotonic;
        let last = self.keys.iter().rposition(has_come);
        self.signing = last.unwrap_or(0).max(self.signing);
        for held in self.keys.iter_mut().take(self.signing) {
            held.followed.get_or_insert(now.monotonic);
        }
    }

    /// What is to be kept anew by `plan`.
    pub fn wants(&self, plan: &KeyPlan, now: Now) -> Wants {
        let Some(last) = self.keys.last() else {
            return Wants::Key;
        };
        let signs = self.signing.saturating_add(1) == self.keys.len();
        let other = last.key.pair.algorithm() != plan.algorithm;
        let published = last
            .key
            .signs_from
            .plus(plan.rotate_every.saturating_sub(OVERLAP));
        if signs && (other || published <= now.wall) {
            return Wants::Key;
        }
        let mut odd = self.keys.iter().enumerate();
        if odd.any(|(at, held)| self.has_ended(at, now) || is_ahead(held, now)) {
            return Wants::Tidying;
        }
        Wants::Nothing
    }

    /// What is to be kept then, with the key that was made for it.
    pub fn kept_anew(&self, made: Option<Pair>, now: Now) -> Vec<MadeKey> {
        let told = |(at, held): (usize, &Held)| {
            let mut key = held.key.clone();
            if is_ahead(held, now) {
                let wait = if at > self.signing {
                    OVERLAP
                } else {
                    Duration::ZERO
                };
                key.signs_from = now.wall.plus(wait);
            }
            key
        };
        let stay = self.keys.iter().enumerate();
        let stay = stay.filter(|(at, _)| !self.has_ended(*at, now));
        let wait = if self.keys.is_empty() {
            Duration::ZERO
        } else {
            OVERLAP
        };
        let next = made.map(|pair| MadeKey {
            pair: Arc::new(pair),
            signs_from: now.wall.plus(wait),
        });
        stay.map(told).chain(next).collect()
    }

    /// All there are, oldest first.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &MadeKey> {
        self.keys.iter().map(|held| &held.key)
    }

    /// The key that signs.
    pub fn signing(&self) -> Option<&MadeKey> {
        self.keys.get(self.signing).map(|held| &held.key)
    }

    /// When the next one does.
    pub fn next_signs(&self, plan: &KeyPlan) -> Option<Timestamp> {
        let next = self.keys.get(self.signing.saturating_add(1));
        let planned = || Some(self.signing()?.signs_from.plus(plan.rotate_every));
        next.map(|held| held.key.signs_from).or_else(planned)
    }

    /// What signs and what is published now, `former` among it; `None` while there are no keys.
    pub fn set(&self, former: &[Published]) -> Option<SigningSet> {
        let made = self.keys.iter().map(|held| held.key.pair.published());
        let signs = Arc::clone(&self.signing()?.pair);
        Some(SigningSet::new(signs, made.chain(former.iter().cloned())))
    }

    /// Whether nothing that the key at this place signed can hold any more.
    fn has_ended(&self, at: usize, now: Now) -> bool {
        let next = self.keys.get(at.saturating_add(1));
        let held = self.keys.get(at).filter(|_| at < self.signing);
        let followed = held.and_then(|held| held.followed);
        let too_many = self.keys.len().saturating_sub(at) > MOST_KEYS;
        next.zip(followed).is_some_and(|(next, followed)| {
            let settled = followed.plus(SETTLES) <= now.monotonic;
            too_many || (next.key.signs_from.plus(OVERLAP) <= now.wall && settled)
        })
    }
}

fn is_same(one: &MadeKey, other: &MadeKey) -> bool {
    one.pair.kid() == other.pair.kid()
}

/// Whether no key made by a clock that is right would have this time.
fn is_ahead(held: &Held, now: Now) -> bool {
    held.key.signs_from > now.wall.plus(OVERLAP).plus(OVERLAP) && held.seen.plus(SETTLES) <= now.monotonic
}
