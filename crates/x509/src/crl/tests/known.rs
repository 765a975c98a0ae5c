//! What is held of the lists that come, and what speaks when.

use super::*;

const END: &str = "20310101000000Z";
const USERS: u8 = 0x81;

fn dated(made: &str, number: u8, serials: &[&[u8]]) -> Revocations {
    Revocations::of(serials).updated(made, Some(END)).number(number)
}

/// A list by the key of the one authority there is, which is known.
fn genuine(list: &Revocations) -> Crl {
    let crl = parsed(list).unwrap();
    crl.check(&authorities()).unwrap();
    crl
}

fn by(key: usize, list: &Revocations) -> Crl {
    Crl::parse(&Authority::root("Root", Key(key)).revoke(list)).unwrap()
}

/// Puts these lists into a place. Them, as they are held there, and whether anything changed.
fn take(known: &mut KnownLists, place: &str, lists: Vec<Crl>, now: Timestamp) -> (Vec<Crl>, bool) {
    let changed = known.take(vec![(place.to_owned(), lists)], now);
    (known.at(place).to_vec(), changed)
}

fn numbers(known: &KnownLists) -> Vec<u8> {
    let mut numbers = known.lists().map(|list| list.number()[0]).collect::<Vec<_>>();
    numbers.sort_unstable();
    numbers
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() + seconds)
}

#[test]
fn a_verdict_stands_until_the_next_list_begins_or_ends() {
    let list = |made: &str, next: &str, number| Revocations::of(&[]).updated(made, Some(next)).number(number);
    let in_force = list("20290101000000Z", END, 1);
    let to_come = list("20300101000015Z", END, 2);
    assert_eq!(standing(&joe(), &[&in_force, &to_come]), good(NOW.seconds() + 15));
    let ends = list("20290101000000Z", "20300101000010Z", 1);
    assert_eq!(standing(&joe(), &[&ends, &to_come]), good(NOW.seconds() + 10));
    let stale = standing_with(&joe(), &[&ends, &to_come], true);
    assert_eq!(stale, good(NOW.seconds() + 10));
    // Nobody else's beginning matters.
    let forged = by(5, &list("20300101000001Z", END, 9));
    let index = CrlIndex::of([genuine(&in_force), forged]);
    let (name, spki) = (Name::parse(&common("Root")).unwrap(), Key(1).spki());
    let signer = Signer {
        name: &name,
        spki: &spki,
    };
    assert_eq!(index.standing(&joe(), signer, NOW, false), good(END_OF_2030));
}

#[test]
fn an_older_list_about_more_or_others_brings_nobody_back() {
    let old = dated("20290101000000Z", 1, &[]);
    let users = dated("20290601000000Z", 2, &[&[7]]).scope(&[element(USERS, &[0xff])]);
    assert_eq!(standing(&joe(), &[&old, &users]), Standing::Revoked);
    let point = |uri: &str| distribution_point_name(uri);
    let template = Template::client("joe", Key(3)).serial(&[7]);
    let joe = leaf(&template.distribution_points(&[POINT]));
    let one = dated("20290601000000Z", 2, &[&[7]]).scope(&[point(POINT)]);
    assert_eq!(standing(&joe, &[&old, &one]), Standing::Revoked);
    let newer = dated("20290701000000Z", 3, &[]).scope(&[element(USERS, &[0xff])]);
    assert_eq!(
        standing(&joe, &[&old, &one, &newer]),
        good(END_OF_2030),
        "newer, and covers"
    );
    // It ended, and nobody knows what came after it.
    let ended = Revocations::of(&[])
        .updated("20290601000000Z", Some("20291201000000Z"))
        .number(2);
    let ended = ended.scope(&[element(USERS, &[0xff])]);
    assert_eq!(
        standing(&joe, &[&old, &ended]),
        Standing::Unknown(Unknown::Expired)
    );
}

#[test]
fn of_two_lists_that_disagree_which_is_newer_both_count() {
    let begun_anew = dated("20290601000000Z", 1, &[]);
    let before = dated("20290101000000Z", 9, &[&[7]]);
    assert_eq!(standing(&joe(), &[&begun_anew, &before]), Standing::Revoked);
    let before = Revocations::of(&[&[8]])
        .updated("20290101000000Z", Some("20290201000000Z"))
        .number(9);
    assert_eq!(standing(&joe(), &[&begun_anew, &before]), good(END_OF_2030));
    let mut known = KnownLists::default();
    take(&mut known, "a", vec![genuine(&before)], NOW);
    take(&mut known, "a", vec![genuine(&begun_anew)], NOW);
    assert_eq!(numbers(&known), [1, 9]);
    take(
        &mut known,
        "a",
        vec![genuine(&dated("20290701000000Z", 10, &[]))],
        NOW,
    );
    assert_eq!(numbers(&known), [10]);
}

#[test]
fn one_that_has_not_begun_is_held_beside_until_it_has() {
    let mut known = KnownLists::default();
    let list = |made, number| genuine(&dated(made, number, &[]));
    let (_, changed) = take(&mut known, "a", vec![list("20290601000000Z", 2)], NOW);
    assert!(changed);
    let (_, changed) = take(&mut known, "a", vec![list("20290601000000Z", 2)], NOW);
    assert!(!changed, "the same, signed once more");
    take(&mut known, "a", vec![list("20300101000010Z", 3)], NOW);
    assert_eq!(numbers(&known), [2, 3]);
    let (older, changed) = take(&mut known, "a", vec![list("20290101000000Z", 1)], NOW);
    assert!(!changed);
    assert_eq!(known.outdated_by(&older[0]).unwrap().number(), [2]);
    assert_eq!(numbers(&known), [2, 3]);
    assert!(!known.has_turned(later(9)) && known.has_turned(later(10)) && known.has_turned(later(-1)));
    known.settle(later(10));
    assert_eq!(numbers(&known), [3]);
    assert!(!known.has_turned(later(11)));
    // Nothing brings back what was dropped, a clock that is set back neither, nor a start after that.
    let mut again = KnownLists::default();
    again.restore(known.kept(), NOW);
    for known in [&mut known, &mut again] {
        known.settle(NOW);
        let older = vec![list("20290601000000Z", 2), list("20290101000000Z", 1)];
        take(known, "b", older, NOW);
        assert_eq!(numbers(known), [3]);
    }
}

#[test]
fn one_about_less_takes_no_wider_ones_place_and_one_about_more_does() {
    let mut known = KnownLists::default();
    let point = |made, number, points: &[&str]| {
        let names = points.iter().flat_map(|uri| element(0x86, uri.as_bytes()));
        let names = element(0xa0, &element(0xa0, &names.collect::<Vec<_>>()));
        genuine(&dated(made, number, &[]).scope(&[names]))
    };
    let all = |made, number| genuine(&dated(made, number, &[]));
    take(&mut known, "a", vec![all("20290101000000Z", 1)], NOW);
    take(&mut known, "b", vec![point("20290201000000Z", 2, &[POINT])], NOW);
    assert_eq!(numbers(&known), [1, 2]);
    take(&mut known, "b", vec![point("20290301000000Z", 3, &["x:y"])], NOW);
    assert_eq!(numbers(&known), [1, 2, 3]);
    take(
        &mut known,
        "b",
        vec![point("20290401000000Z", 4, &["x:y", POINT])],
        NOW,
    );
    assert_eq!(numbers(&known), [1, 4]);
    take(&mut known, "b", vec![all("20290501000000Z", 5)], NOW);
    assert_eq!(numbers(&known), [5]);
}

#[test]
fn of_unknown_keys_the_earliest_are_held_and_those_that_are_there() {
    let mut known = KnownLists::default();
    let list = |key, number| by(key, &dated("20290601000000Z", number, &[]));
    take(&mut known, "a", vec![list(1, 1)], NOW);
    for number in 2..40 {
        take(&mut known, "a", vec![list(5, number), list(5, number + 40)], NOW);
    }
    // The first four that were there and the last four, and the two that are.
    assert_eq!(numbers(&known), [1, 2, 3, 37, 38, 39, 42, 77, 78, 79]);
    let again = |known: &KnownLists| {
        let mut again = KnownLists::default();
        let kept = known.kept().into_iter().map(|kept| KeptList {
            list: Crl::parse(kept.list.der()).unwrap(),
            ..kept
        });
        again.restore(kept.collect(), NOW);
        again
    };
    assert_eq!(numbers(&again(&known)), numbers(&known));
    // The key becomes known: by authorities, by a client, or with another list.
    let older = list(1, 0);
    assert!(known.outdated_by(&older).is_none() && !known.has_learnt());
    for held in known.lists() {
        held.is_signed_by(&Key(1).spki());
    }
    assert!(known.has_learnt());
    known.settle(NOW);
    let mut known = again(&known);
    let (older, changed) = take(&mut known, "b", vec![older], NOW);
    assert!(!changed && known.outdated_by(&older[0]).is_some());
    assert!(!known.learn(&authorities(), NOW), "nothing new");
    // What is nowhere any more gives way, but not to more of it.
    known.only(&std::collections::BTreeSet::new(), NOW);
    take(&mut known, "a", vec![list(5, 100)], NOW);
    assert_eq!(numbers(&known), [1, 2, 3, 37, 38, 39, 42, 78, 79, 100]);
}

/// Its authority makes a list each day, and no client comes for weeks.
#[test]
fn of_unknown_keys_the_one_that_was_replaced_last_is_held_too() {
    let mut known = KnownLists::default();
    let list = |number: u8| by(1, &dated(&format!("202906{number:02}000000Z"), number, &[]));
    for number in 1..=20 {
        take(&mut known, "a", vec![list(number)], NOW);
    }
    // Older ones, some of which are held, push it out no sooner.
    for older in [19, 2, 10] {
        let (older, _) = take(&mut known, "a", vec![list(older)], NOW);
        assert!(known.lists().any(|list| list.number() == [20]));
        for held in known.lists().chain(&older) {
            assert!(held.number()[0] <= 20);
        }
    }
    assert_eq!(known.lists().count(), 9, "eight, and the one that is there");
    for held in known.lists() {
        held.is_signed_by(&Key(1).spki());
    }
    known.settle(NOW);
    assert_eq!(numbers(&known), [20]);
}

#[test]
fn of_all_places_no_more_than_64_lists_of_unknown_keys_are_held_that_are_there_no_more() {
    let mut known = KnownLists::default();
    for place in 0..20_u8 {
        for number in 0..10 {
            let list = by(5, &dated("20290601000000Z", place * 10 + number, &[]));
            take(&mut known, &format!("place {place}"), vec![list], NOW);
        }
    }
    known.only(&std::collections::BTreeSet::new(), NOW);
    assert_eq!(known.lists().count(), 64);
    // The earliest of each place before the latest of any.
    let earliest = (0..16).flat_map(|place| (0..4).map(move |number| place * 10 + number));
    assert_eq!(numbers(&known), earliest.collect::<Vec<_>>());
}

/// One of users only, which begins in eight seconds, where there is room for no further one.
#[test]
fn what_had_no_room_is_held_once_there_is() {
    let mut known = KnownLists::default();
    let name = |number: u16| {
        element(
            0xa0,
            &element(0xa0, &element(0x86, format!("x:{number}").as_bytes())),
        )
    };
    let point = |number: u16| genuine(&dated("20290101000000Z", 1, &[]).scope(&[name(number)]));
    take(&mut known, "p", (0..1023).map(point).collect(), NOW);
    take(
        &mut known,
        "w",
        vec![genuine(&dated("20290101000000Z", 1, &[]))],
        NOW,
    );
    let to_come = dated("20300101000008Z", 2, &[&[7]]);
    let (to_come, changed) = take(&mut known, "w", vec![genuine(&to_come)], NOW);
    assert!(!changed && !known.holds(&to_come[0]), "1024 are held");
    assert!(!known.has_turned(later(7)) && known.has_turned(later(8)));
    known.settle(later(8));
    assert_eq!(numbers(&known), [2], "and every other gives way to it");
    assert!(known.holds(&to_come[0]));
}

/// A look with the clock ahead makes it count; it goes on when the clock is right again, and after a start.
#[test]
fn a_list_that_ever_had_begun_speaks_whatever_the_clock_says() {
    let mut known = KnownLists::default();
    take(
        &mut known,
        "a",
        vec![genuine(&dated("20290101000000Z", 1, &[]))],
        NOW,
    );
    take(
        &mut known,
        "a",
        vec![genuine(&dated("20300101110000Z", 2, &[&[7]]))],
        NOW,
    );
    let (name, spki) = (Name::parse(&common("Root")).unwrap(), Key(1).spki());
    let signer = Signer {
        name: &name,
        spki: &spki,
    };
    let other = leaf(&Template::client("ann", Key(3)).serial(&[8]));
    let judged = |known: &KnownLists| {
        let index = known.index();
        let standing = |certificate| index.standing(certificate, signer, NOW, false);
        (standing(&joe()), standing(&other))
    };
    let to_come = good(NOW.seconds() + 11 * 3600);
    assert_eq!(judged(&known), (to_come, to_come));
    known.settle(later(14 * 3600));
    known.settle(NOW);
    let mut again = KnownLists::default();
    let kept = known.kept().into_iter().map(|kept| KeptList {
        list: Crl::parse(kept.list.der()).unwrap(),
        ..kept
    });
    again.restore(kept.collect(), NOW);
    for known in [known, again] {
        assert_eq!(numbers(&known), [2]);
        assert_eq!(judged(&known), (Standing::Revoked, good(END_OF_2030)));
        let lists = known.lists().collect::<Vec<_>>();
        assert!(lists[0].in_force(NOW) && known.index().lacking(&authorities(), NOW).is_empty());
        // It ends when it says so, all the same.
        let ended = Timestamp::from_seconds(END_OF_2030);
        let standing = known.index().standing(&other, signer, ended, false);
        assert_eq!(standing, Standing::Unknown(Unknown::Expired));
    }
}

#[test]
fn of_one_authority_no_more_than_a_thousand_are_held_the_ended_go_first() {
    let mut known = KnownLists::default();
    let list = |number: usize| {
        let until = if number < 3 { "20291201000000Z" } else { END };
        let list = Revocations::of(&[]).updated("20290101000000Z", Some(until));
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        let name = element(
            0x86,
            &[
                b'x',
                b':',
                high / 16 + b'a',
                high % 16 + b'a',
                low / 16 + b'a',
                low % 16 + b'a',
            ],
        );
        genuine(&list.scope(&[element(0xa0, &element(0xa0, &name))]))
    };
    let lists = (0..1026).map(list).collect::<Vec<_>>();
    take(&mut known, "a", lists.clone(), NOW);
    assert_eq!(known.lists().count(), 1024);
    assert_eq!(
        lists
            .iter()
            .filter(|list| list.next_update() < NOW && known.holds(list))
            .count(),
        1
    );
    let (more, changed) = take(&mut known, "b", vec![list(2000), list(2001)], NOW);
    assert!(
        changed && !known.holds(&more[1]),
        "in place of the last that has ended"
    );
    assert!(lists[3..].iter().all(|list| known.holds(list)));
}
