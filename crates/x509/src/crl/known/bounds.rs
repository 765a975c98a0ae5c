//! How much is held.

use super::{Held, KnownLists};
use crate::crl::Crl;
use crate::name::Name;
use countersign_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The most lists that are held of known keys.
const MAX_HELD: usize = 4096;
/// The most of them that are of one name.
const MAX_OF_ONE_NAME: usize = 1024;
/// Of unknown keys and there no more: how many are held of the earliest that came from one place, and of the latest; how
/// many of all places, and how many bytes.
const MAX_OF_ONE_PLACE: usize = 4;
const MAX_STRANGE: usize = 64;
const MAX_STRANGE_BYTES: usize = 64 * 1024 * 1024;

impl KnownLists {
    /// Lets go of what is too much: of unknown keys most that are nowhere any more; of known ones those that ended first,
    /// and then the latest.
    pub(super) fn bound(&mut self, now: Timestamp) {
        let there = self.brought.values().flatten().map(Crl::address);
        let there = there.collect::<BTreeSet<_>>();
        let mut all = self.held.values().flatten().collect::<Vec<_>>();
        all.sort_by_key(|held| held.number);
        let (known, mut strange): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|held| held.list.has_known_signer());
        strange.retain(|held| !there.contains(&held.list.address()));
        let mut gone = too_strange(&strange);
        gone.extend(too_many(&known, now));
        if !gone.is_empty() {
            let stays = |held: &Held| !gone.contains(&held.number);
            self.held.values_mut().for_each(|lists| lists.retain(stays));
        }
        self.held.retain(|_, lists| !lists.is_empty());
        self.addresses = self.lists().map(Crl::address).collect();
    }
}

/// The numbers of those of unknown keys that are too many. A flood pushes out none of the earliest; what was replaced last
/// is what its authority said last where nobody floods.
fn too_strange(strange: &[&Held]) -> BTreeSet<u64> {
    let mut of_place = BTreeMap::<&str, Vec<&Held>>::new();
    for held in strange {
        of_place.entry(&held.place).or_default().push(held);
    }
    let (mut order, mut latest) = (Vec::new(), Vec::new());
    for mut lists in of_place.into_values() {
        let later = lists.split_off(lists.len().min(MAX_OF_ONE_PLACE));
        order.extend(lists);
        latest.extend(later.into_iter().rev().take(MAX_OF_ONE_PLACE));
    }
    order.sort_by_key(|held| held.number);
    latest.sort_by_key(|held| Reverse(held.number));
    order.extend(latest);
    let mut gone = strange.iter().map(|held| held.number).collect::<BTreeSet<_>>();
    let (mut count, mut bytes) = (0, 0_usize);
    for held in order {
        let size = bytes.saturating_add(held.list.der().len());
        if count < MAX_STRANGE && size <= MAX_STRANGE_BYTES {
            count += 1;
            bytes = size;
            gone.remove(&held.number);
        }
    }
    gone
}

/// The numbers of those that are too many.
fn too_many(known: &[&Held], now: Timestamp) -> Vec<u64> {
    if known.len() <= MAX_OF_ONE_NAME {
        return Vec::new();
    }
    let mut order = known.to_vec();
    // Whoever has ended is at the end, the earliest last.
    order.sort_by_key(|held| {
        let ended = held.list.next_update() <= now;
        (ended.then_some(Reverse(held.list.next_update())), held.number)
    });
    let (mut of_name, mut count) = (BTreeMap::<&Name, usize>::new(), 0);
    let mut gone = Vec::new();
    for held in order {
        let of_name = of_name.entry(held.list.issuer()).or_default();
        if *of_name < MAX_OF_ONE_NAME && count < MAX_HELD {
            *of_name += 1;
            count += 1;
        } else {
            gone.push(held.number);
        }
    }
    gone
}
