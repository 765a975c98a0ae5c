//! Which of many make room where there are too many of them.

use super::ages::Age;
use countersign_authn::session::makes_room;
use countersign_core::session::RecordKey;
use countersign_core::time::Timestamp;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// How it stands among the others.
    pub(super) age: Age,
    /// What it is called.
    pub(super) name: RecordKey,
}

/// So many of `held` as are `too_many`. What cannot be read goes first; then, each time, the oldest of whoever has most.
pub(super) fn leaving(mut held: Vec<Held>, too_many: usize) -> Vec<RecordKey> {
    let mut gone = Vec::with_capacity(too_many);
    while gone.len() < too_many {
        let Some(name) = first_to_go(&held) else { break };
        held.retain(|one| one.name != name);
        gone.push(name);
    }
    gone
}

/// Of these, the one that makes room.
fn first_to_go(held: &[Held]) -> Option<RecordKey> {
    let oldest = held.iter().min_by_key(|one| one.since())?;
    let are_all_of_one = || held.iter().all(|one| one.age.whose == oldest.age.whose);
    if oldest.age.began == Timestamp::default() || are_all_of_one() {
        return Some(oldest.name);
    }
    let (_, name) = makes_room(held.iter().map(|one| (&*one.age.whose, one.since())))?;
    Some(name)
}

impl Held {
    /// The least is the oldest.
    fn since(&self) -> (Timestamp, RecordKey) {
        (self.age.began, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_authn::session::Standing;

    /// Whose make room, of these: by when they began.
    fn gone(held: &[(i64, &str)], too_many: usize) -> Vec<i64> {
        let held = held.iter().zip(0..).map(|((began, whose), number)| Held {
            age: Age::standing(Standing {
                began: Timestamp::from_seconds(*began),
                whose: (*whose).into(),
            }),
            name: RecordKey([number; 32]),
        });
        let held = held.collect::<Vec<_>>();
        let names = leaving(held.clone(), too_many);
        let began = names.iter().map(|name| {
            let found = held.iter().find(|one| one.name == *name).unwrap();
            found.age.began.seconds()
        });
        began.collect()
    }

    #[test]
    fn of_one_the_oldest_goes() {
        assert_eq!(gone(&[(3, "a"), (1, "a"), (2, "a")], 2), [1, 2]);
        assert_eq!(gone(&[(3, ""), (1, "")], 9), [1, 3]);
        assert!(gone(&[], 1).is_empty());
    }

    #[test]
    fn whoever_has_most_makes_room_however_young_and_the_oldest_of_those_that_have_as_many() {
        assert_eq!(gone(&[(1, "a"), (2, "b"), (3, "b"), (4, "b")], 3), [2, 3, 1]);
        assert_eq!(gone(&[(2, "b"), (1, "a"), (3, "c")], 1), [1]);
    }

    #[test]
    fn names_below_ones_own_give_no_more_room() {
        let mut held = vec![(1, "test/app"), (2, "test/wiki"), (3, "grafana")];
        let names = (10..20).map(|began| (began, format!("test/evil/{began}")));
        let names = names.collect::<Vec<_>>();
        held.extend(names.iter().map(|(began, whose)| (*began, &**whose)));
        assert_eq!(gone(&held, 9), (10..19).collect::<Vec<_>>());
        // The apex and a port are of it, too.
        let held = [
            (1, "test/app"),
            (2, "test/evil"),
            (3, "test/evil/8443"),
            (4, "test/evil/a"),
        ];
        assert_eq!(gone(&held, 2), [2, 3]);
    }

    #[test]
    fn what_cannot_be_read_goes_first() {
        assert_eq!(gone(&[(5, "a"), (6, "a"), (0, "b")], 1), [0]);
    }
}
