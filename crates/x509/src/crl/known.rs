//! What lists have said, and nobody takes back who only passes on an older one.
//!
//! A list that a known key signed is knowledge about that key's certificates, whoever brought it: it is held until a newer
//! one of the same key, about the same certificates or more, has begun. One that has not begun is held beside those it will
//! outdate. Lists of keys that nobody knows yet are held, too, for their authority may come along with a client: all that
//! are brought now, and a few of those that were brought before, the earliest and the latest.

use super::{Crl, CrlIndex};
use crate::authorities::Authorities;
use crate::name::Name;
use countersign_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

mod bounds;

/// Lists, and where they are.
#[derive(Clone, Debug, Default)]
pub struct KnownLists {
    held: BTreeMap<Name, Vec<Held>>,
    /// What each place holds now, as far as it could be taken; older lists than those that are held among it.
    brought: BTreeMap<Arc<str>, Vec<Crl>>,
    /// The places that were looked at here, and not only by whoever kept what came from there.
    looked_at: BTreeSet<Arc<str>>,
    /// Where those that are held are in memory.
    addresses: BTreeSet<usize>,
    /// How many ever came in.
    came: u64,
    /// When it was last looked at what is outdated, how many were of unknown keys then, and when a list begins or ends next.
    settled: (Timestamp, usize, Option<Timestamp>),
}

/// A list that counts.
#[derive(Clone, Debug)]
struct Held {
    list: Crl,
    /// The place that brought it first.
    place: Arc<str>,
    /// How many came in before it.
    number: u64,
}

/// A list as it outlives the process.
#[derive(Clone, Debug)]
pub struct KeptList {
    /// The list.
    pub list: Crl,
    /// A key that somebody vouched for, and that signed it: `SubjectPublicKeyInfo`, DER.
    pub signer: Option<Box<[u8]>>,
    /// Where it came from.
    pub place: Arc<str>,
    /// Whether it is there still.
    pub is_there: bool,
    /// Whether it ever had begun.
    pub has_begun: bool,
}

impl KnownLists {
    /// These places hold these lists now, and what they held before no more. Whether what counts is another than before.
    pub fn take(&mut self, all: Vec<(String, Vec<Crl>)>, now: Timestamp) -> bool {
        let before = self.numbers();
        for (place, lists) in all {
            let place = Arc::<str>::from(place);
            self.looked_at.insert(Arc::clone(&place));
            let lists = lists.into_iter().map(|list| self.hold(list, &place));
            let lists = lists.collect::<Vec<_>>();
            if lists.is_empty() {
                self.brought.remove(&place);
            } else {
                self.brought.insert(place, lists);
            }
        }
        self.settle(now);
        before != self.numbers()
    }

    /// Only these places are looked at from now on.
    pub fn only(&mut self, places: &BTreeSet<String>, now: Timestamp) {
        self.brought.retain(|place, _| places.contains(&**place));
        self.looked_at.retain(|place| places.contains(&**place));
        self.bound(now);
    }

    /// These authorities are known from now on. Whether what counts is another than before.
    pub fn learn(&mut self, authorities: &Authorities, now: Timestamp) -> bool {
        let before = self.numbers();
        for authority in authorities.all() {
            for held in self.held.get(authority.subject()).into_iter().flatten() {
                held.list.is_signed_by(authority.subject_public_key_info());
            }
        }
        self.settle(now);
        before != self.numbers()
    }

    /// Whether a list has begun or ended since the last time, or the clock was set back.
    pub fn has_turned(&self, now: Timestamp) -> bool {
        let (settled, _, next) = self.settled;
        now < settled || next.is_some_and(|next| next <= now)
    }

    /// Whether a client has shown the key of a list that was of an unknown one.
    pub fn has_learnt(&self) -> bool {
        self.strange() != self.settled.1
    }

    /// Drops what has been outdated, and asks what had no room whether there is now.
    pub fn settle(&mut self, now: Timestamp) {
        for (place, list) in self.not_held() {
            self.push(list, &place);
        }
        for lists in self.held.values_mut() {
            let keys = lists.iter().flat_map(|held| held.list.signers());
            let keys = keys.collect::<BTreeSet<_>>();
            let unknown = lists.iter().filter(|held| !held.list.has_known_signer());
            for held in unknown {
                // Asked of all, whichever says so.
                let _: bool = keys.iter().any(|spki| held.list.is_signed_by(spki));
            }
            let begun = lists.iter().filter(|held| held.list.begins(now));
            let begun = begun.filter(|held| held.list.has_known_signer());
            let begun = begun.map(|held| held.list.clone()).collect::<Vec<_>>();
            lists.retain(|held| !begun.iter().any(|list| list.outdates(&held.list)));
        }
        self.bound(now);
        let waiting = self.not_held();
        let waiting = waiting.iter().map(|(_, list)| list);
        let waiting = waiting.filter(|list| self.outdated_by(list).is_none());
        let turns = self.lists().chain(waiting).filter_map(|list| list.turns(now));
        self.settled = (now, self.strange(), turns.min());
    }

    /// The list that speaks in place of this one, which some place holds.
    pub fn outdated_by(&self, list: &Crl) -> Option<&Crl> {
        if self.holds(list) {
            return None;
        }
        let held = self.held.get(list.issuer()).into_iter().flatten();
        let mut held = held.map(|held| &held.list);
        held.find(|held| held.ever_begun() && held.outdates(list))
    }

    /// Whether this list, which some place holds or held, counts, once it has begun.
    pub fn holds(&self, list: &Crl) -> bool {
        self.addresses.contains(&list.address())
    }

    /// What `place` holds.
    pub fn at(&self, place: &str) -> &[Crl] {
        self.brought.get(place).map_or(&[], Vec::as_slice)
    }

    /// What all places hold.
    pub fn places(&self) -> impl Iterator<Item = (&str, &Crl)> {
        let all = self.brought.iter();
        all.flat_map(|(place, lists)| lists.iter().map(|list| (&**place, list)))
    }

    /// The places that were looked at here. What came from others is known by what was kept alone.
    pub const fn looked_at(&self) -> &BTreeSet<Arc<str>> {
        &self.looked_at
    }

    /// Every list that counts, or will when it has begun.
    pub fn lists(&self) -> impl Iterator<Item = &Crl> {
        self.held.values().flatten().map(|held| &held.list)
    }

    /// The same, ready to be asked.
    pub fn index(&self) -> CrlIndex {
        CrlIndex::of(self.lists().cloned())
    }

    /// What is to outlive the process, the earliest first.
    pub fn kept(&self) -> Vec<KeptList> {
        let mut all = self.held.values().flatten().collect::<Vec<_>>();
        all.sort_by_key(|held| held.number);
        let kept = all.into_iter().map(|held| {
            let mut places = self.brought.iter();
            let there = places.find(|(_, lists)| lists.iter().any(|list| list.is_same(&held.list)));
            KeptList {
                list: held.list.clone(),
                signer: held.list.signers().into_iter().next(),
                place: Arc::clone(there.map_or(&held.place, |(place, _)| place)),
                is_there: there.is_some(),
                has_begun: held.list.ever_begun(),
            }
        });
        kept.collect()
    }

    /// Takes what outlived a process before. What is in a place that was looked at since is known better.
    pub fn restore(&mut self, kept: Vec<KeptList>, now: Timestamp) {
        for kept in kept {
            if let Some(spki) = kept.signer {
                kept.list.is_signed_by(&spki);
            }
            let list = self.hold(kept.list, &kept.place);
            if kept.has_begun {
                list.begin();
            }
            if kept.is_there && !self.looked_at.contains(&kept.place) {
                self.brought.entry(kept.place).or_default().push(list);
            }
        }
        self.settle(now);
    }

    /// Holds `list`, unless it is held already; the one that is held.
    fn hold(&mut self, list: Crl, place: &Arc<str>) -> Crl {
        let held = self.held.entry(list.issuer().clone()).or_default();
        if !list.has_known_signer() {
            let keys = held.iter().flat_map(|held| held.list.signers());
            for spki in keys.collect::<BTreeSet<_>>() {
                list.is_signed_by(&spki);
            }
        }
        let there = self.brought.get(place).into_iter().flatten();
        let mut known = held.iter().map(|held| &held.list).chain(there);
        if let Some(known) = known.find(|known| known.is(&list) || known.says_as_much_as(&list)) {
            for spki in list.signers() {
                known.is_signed_by(&spki);
            }
            return known.clone();
        }
        self.push(list.clone(), place);
        list
    }

    fn push(&mut self, list: Crl, place: &Arc<str>) {
        let held = self.held.entry(list.issuer().clone()).or_default();
        held.push(Held {
            list,
            place: Arc::clone(place),
            number: self.came,
        });
        self.came += 1;
    }

    /// What places hold and nobody counts: it was outdated, or there was no room.
    fn not_held(&self) -> Vec<(Arc<str>, Crl)> {
        let held = self.lists().map(Crl::address).collect::<BTreeSet<_>>();
        let mut seen = held;
        let all = self.brought.iter();
        let all = all.flat_map(|(place, lists)| lists.iter().map(move |list| (place, list)));
        // The same list may be in two places.
        all.filter(|(_, list)| seen.insert(list.address()))
            .map(|(place, list)| (Arc::clone(place), list.clone()))
            .collect()
    }

    fn numbers(&self) -> BTreeSet<u64> {
        self.held.values().flatten().map(|held| held.number).collect()
    }

    fn strange(&self) -> usize {
        self.lists().filter(|list| !list.has_known_signer()).count()
    }
}

impl Crl {
    /// Where it is in memory: the same for copies.
    fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// From now on it has begun, whatever the clock says.
    fn begin(&self) {
        self.inner.begun.store(true, Ordering::Release);
    }

    fn ever_begun(&self) -> bool {
        self.inner.begun.load(Ordering::Acquire)
    }

    /// Whether it has begun, for good then.
    fn begins(&self, now: Timestamp) -> bool {
        let begun = self.has_begun(now);
        if begun {
            self.begin();
        }
        begun
    }
}
