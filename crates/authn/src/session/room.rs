//! How much may be kept of one kind, and whose has to go where there is more.

use super::SessionGroup;
use countersign_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// By what something that is kept is found.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// It is one of this group, and ends with it.
    pub group: SessionGroup<'a>,
    /// How many of them there may be, where no other group bounds them.
    pub bound: Option<Bound>,
}

/// How many of one kind may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// So many of them; whoever has most of them makes room with the oldest of those.
    pub most: usize,
    /// Reads from what is kept how it stands among the others.
    pub standing: fn(&[u8]) -> Standing,
}

impl<'a> SessionGroup<'a> {
    /// Room for `most` of them.
    pub fn most(self, most: usize, standing: fn(&[u8]) -> Standing) -> Room<'a> {
        Room {
            group: self,
            bound: Some(Bound { most, standing }),
        }
    }

    /// Room for as many as other groups have.
    pub const fn unbounded(self) -> Room<'a> {
        Room {
            group: self,
            bound: None,
        }
    }
}

/// How one of many stands among them where one has to make room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When it began. What began at the epoch, as what cannot be read does, goes first.
    pub began: Timestamp,
    /// Whose it is: names from the general to the specific, with a `/` between them. Where they part, those with the most make
    /// room, so that nobody gets more by having many names below one's own.
    pub whose: Box<str>,
}

/// Which of these makes room, each with whose it is and what orders it, the least first. From the general to the specific those are
/// followed that have most, and the first of those that have as many: whoever has any number of names below one's own has no more room
/// by them.
pub fn makes_room<'w, Order: Ord + Copy>(held: impl Iterator<Item = (&'w str, Order)>) -> Option<Order> {
    let part = |whose: &'w str, depth: usize| whose.split('/').nth(depth);
    let (mut among, mut depth) = (held.collect::<Vec<_>>(), 0);
    loop {
        let mut shares = BTreeMap::new();
        for (whose, order) in &among {
            let (many, first) = shares
                .entry(part(whose, depth))
                .or_insert((0_usize, Reverse(*order)));
            *many += 1;
            *first = (*first).max(Reverse(*order));
        }
        let (most, (_, Reverse(first))) = shares.into_iter().max_by_key(|(_, share)| *share)?;
        if most.is_none() {
            return Some(first);
        }
        among.retain(|(whose, _)| part(whose, depth) == most);
        depth += 1;
    }
}
