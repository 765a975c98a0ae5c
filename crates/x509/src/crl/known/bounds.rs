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
/// Of unknown keys: how many are held that came from one place and are there no more, how many of all places, and how many
/// bytes.
const MAX_STRANGE: (usize, usize, usize) = (8, 64, 64 * 1024 * 1024);

impl KnownLists {
    /// Lets go of what is too much: of unknown keys the latest that are nowhere any more; of known ones those that ended
    /// first, and then the latest.
    pub(super) fn bound(&mut self, now: Timestamp) {
        let there = self.brought.values().flatten().map(Crl::address);
        let there = there.collect::<BTreeSet<_>>();
        let mut all = self.held.values().flatten().collect::<Vec<_>>();
        all.sort_by_key(|held| held.number);
        let (known, strange): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|held| held.list.has_known_signer());
        let mut gone = BTreeSet::new();
        let (mut of_place, mut count, mut bytes) = (BTreeMap::<&str, usize>::new(), 0, 0_usize);
        for held in strange
            .into_iter()
            .filter(|held| !there.contains(&held.list.address()))
        {
            let of_place = of_place.entry(&held.place).or_default();
            let size = bytes.saturating_add(held.list.der().len());
            if *of_place < MAX_STRANGE.0 && count < MAX_STRANGE.1 && size <= MAX_STRANGE.2 {
                *of_place += 1;
                count += 1;
                bytes = size;
            } else {
                gone.insert(held.number);
            }
        }
        gone.extend(too_many(&known, now));
        if !gone.is_empty() {
            let stays = |held: &Held| !gone.contains(&held.number);
            self.held.values_mut().for_each(|lists| lists.retain(stays));
        }
    }
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
