//! What a list has said stays known, whichever way an older one comes.

use super::*;
use crate::fakes::pki::maker::element;

pub(super) const USERS: u8 = 0x81;
const AUTHORITIES: u8 = 0x82;

impl Bench {
    pub(super) fn scoped(&self, made: &str, number: u8, serials: &[u8], scope: u8) -> Vec<u8> {
        let serials = serials.iter().map(std::slice::from_ref).collect::<Vec<_>>();
        let list = Revoked::of(&serials).updated(made, Some(END)).number(number);
        self.root.revoke(&list.scope(&[element(scope, &[0xff])]))
    }

    pub(super) async fn fetch(&self, all: &RevocationLists, list: Vec<u8>) {
        self.answers(list);
        self.later(600);
        all.tick(self.world.now()).await;
    }

    pub(super) fn old(&self) -> Vec<u8> {
        self.dated("20291101000000Z", 1, &[])
    }

    pub(super) fn new_one(&self) -> Vec<u8> {
        self.dated("20291201000000Z", 2, &[7])
    }
}

pub(super) fn bundle(lists: &[Vec<u8>]) -> Vec<u8> {
    lists
        .iter()
        .map(|list| pem("X509 CRL", list))
        .collect::<String>()
        .into()
}

#[tokio::test]
async fn a_list_that_begins_later_counts_from_then_on_and_the_one_before_until_then() {
    let bench = Bench::new("begins");
    let to_come = || bench.dated("20300101000015Z", 9, &[8]);
    // Beside it, over it, and by a URL in its place.
    for way in ["beside", "over", "url"] {
        let all = lists(&bench);
        *bench.world.seconds.lock().unwrap() = 0;
        bench.write("home.crl", &bench.new_one());
        bench.write("next.crl", &bench.old());
        bench.answers(bench.new_one());
        let held = match way {
            "url" => bench.open(&all, &[], &[URL]),
            _ => bench.open(&all, &["home.crl", "next.crl"], &[]),
        };
        let held = held.unwrap();
        all.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held, 8), "good", "{way}");
        match way {
            "beside" => bench.write("next.crl", &to_come()),
            "over" => bench.write("home.crl", &to_come()),
            _ => bench.answers(to_come()),
        }
        bench.later(14);
        let mut now = bench.world.now();
        now.monotonic = now.monotonic.plus(Duration::from_mins(10));
        all.tick(now).await;
        let generation = held.generation();
        assert_eq!(bench.standing(&*held, 7), REVOKED, "{way}");
        assert_eq!(bench.standing(&*held, 8), "good", "{way}");
        bench.later(1);
        all.tick(bench.world.now()).await;
        assert!(
            held.generation() > generation,
            "{way}: sessions of TLS are begun anew"
        );
        assert_eq!(bench.standing(&*held, 8), REVOKED, "{way}");
        assert_eq!(bench.standing(&*held, 7), "good", "{way}: off the newer list");
    }
}

#[tokio::test]
async fn a_list_that_has_not_begun_forgets_no_revocation() {
    let bench = Bench::new("begins-rollback");
    bench.write("home.crl", &bench.new_one());
    bench.answers(bench.new_one());
    let all = lists(&bench);
    for (paths, urls) in [(&["home.crl"][..], &[][..]), (&[], &[URL])] {
        let held = bench.open(&all, paths, urls).unwrap();
        all.tick(bench.world.now()).await;
        for list in [bench.dated("20300301000000Z", 9, &[]), bench.old()] {
            bench.write("home.crl", &list);
            bench.fetch(&all, list).await;
            assert_eq!(bench.standing(&*held, 7), REVOKED);
            assert_eq!(bench.standing(&*held, 8), "good");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_brings_nobody_back_and_stops_nobody() {
    let bench = Bench::new("clock");
    bench.write("home.crl", &bench.new_one());
    let all = lists(&bench);
    let held = bench.open(&all, &["home.crl"], &[]).unwrap();
    bench.write("home.crl", &bench.dated("20300101000100Z", 9, &[7]));
    all.tick(bench.world.now()).await;
    bench.later(60);
    all.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "good");
    *bench.world.seconds.lock().unwrap() = 0;
    bench.write("home.crl", &bench.old());
    let next = bench.restarted().await;
    for all in [all, next] {
        let held = bench.open(&all, &["home.crl"], &[]).unwrap();
        all.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held, 7), REVOKED);
        assert_eq!(bench.standing(&*held, 8), "good");
    }
}

#[tokio::test]
async fn a_look_with_the_clock_ahead_stops_nobody_when_it_is_right_again() {
    let bench = Bench::new("ahead");
    bench.write("home.crl", &bench.new_one());
    let all = lists(&bench);
    let lines = told(&all);
    let held = bench.open(&all, &["home.crl"], &[]).unwrap();
    bench.write("home.crl", &bench.dated("20300101110000Z", 9, &[7]));
    all.tick(bench.world.now()).await;
    assert_eq!(lines.of("crl_begins_later").len(), 1);
    bench.later(14 * 3600);
    all.tick(bench.world.now()).await;
    *bench.world.seconds.lock().unwrap() = 2;
    let next = bench.restarted().await;
    for all in [all, next] {
        let held_again = bench.open(&all, &["home.crl"], &[]).unwrap();
        all.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held_again, 7), REVOKED);
        assert_eq!(bench.standing(&*held_again, 8), "good");
        assert_eq!(held_again.shortcomings(false), [""; 0]);
    }
    let mut told = lines.of("");
    told.retain(|line| line.contains("crl_missing") || line.contains("crl_begins_later"));
    assert_eq!(told, [""; 0]);
    drop(held);
}

#[tokio::test]
async fn another_authoritys_list_in_between_is_no_way_back() {
    let mut bench = Bench::new("in-between");
    let other = Authority::root("other", Key(3));
    let pems = [bench.root.pem(), other.pem()];
    bench.authorities = Arc::new(Authorities::from_pem(&pems.each_ref().map(String::as_bytes)).unwrap());
    let all = lists(&bench);
    let lines = told(&all);
    let held = bench.open(&all, &[], &[URL]).unwrap();
    let of_other = || other.revoke(&Revoked::of(&[]).updated("20291201000000Z", Some(END)));
    bench.fetch(&all, bundle(&[bench.new_one(), of_other()])).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    lines.of("");
    bench.fetch(&all, of_other()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(bench.standing(&*held, 8), "good");
    let [line] = &lines.of("crl_left_out")[..] else {
        panic!("the log tells")
    };
    assert!(line.contains("CN=home"), "{line}");
    bench.fetch(&all, bench.old()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(bench.standing(&*held, 8), "good");
    // Nor over a restart, whatever comes first.
    let next = bench.restarted().await;
    let held = bench.open(&next, &[], &[URL]).unwrap();
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    bench.fetch(&next, bench.old()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(bench.standing(&*held, 8), "good");
}

#[tokio::test]
async fn another_place_is_no_way_back() {
    let bench = Bench::new("places");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    bench.write("home.crl", &bench.new_one());
    bench.write("other.crl", &bench.old());
    bench.answers(bench.old());
    // From the first to the second by a reload, and by a restart.
    for (from, to) in [
        ((&["home.crl"][..], &[][..]), (&[][..], &[URL][..])),
        ((&["home.crl"], &[]), (&["other.crl"], &[])),
        ((&["home.crl"], &[]), (&["lists"], &[URL])),
    ] {
        let all = lists(&bench);
        let held = bench.open(&all, from.0, from.1).unwrap();
        all.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held, 7), REVOKED);
        for restart in [false, true] {
            let all = if restart {
                bench.restarted().await
            } else {
                Arc::clone(&all)
            };
            let held = bench.open(&all, to.0, to.1).unwrap();
            bench.later(600);
            all.tick(bench.world.now()).await;
            assert_eq!(bench.standing(&*held, 7), REVOKED, "{to:?}");
            assert_eq!(bench.standing(&*held, 8), "good", "{to:?}");
        }
    }
    // A file that is taken away beside a URL.
    bench.write("lists/home.crl", &bench.new_one());
    let all = lists(&bench);
    let held = bench.open(&all, &["lists"], &[URL]).unwrap();
    bench.fetch(&all, bench.old()).await;
    fs::remove_file(bench.folder.join("lists/home.crl")).unwrap();
    bench.fetch(&all, bench.old()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
}

#[tokio::test]
async fn an_older_list_about_more_is_no_way_back() {
    let bench = Bench::new("wider");
    let narrow = bundle(&[
        bench.scoped("20291201000000Z", 2, &[7], USERS),
        bench.scoped("20291201000000Z", 3, &[], AUTHORITIES),
    ]);
    bench.write("home.crl", &narrow);
    let all = lists(&bench);
    let held = bench.open(&all, &["home.crl"], &[]).unwrap();
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    bench.write("home.crl", &bench.old());
    all.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(bench.standing(&*held, 8), "good");
    // A newer one about all takes their place.
    bench.write("home.crl", &bench.dated("20291202000000Z", 4, &[8]));
    all.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "good");
    assert_eq!(bench.standing(&*held, 8), REVOKED);
}

/// Who issued the client's certificate is known to nobody but the client.
#[tokio::test]
async fn lists_of_unknown_keys_push_out_none_that_was_there_before_them() {
    for way in ["flood-file", "flood-url"] {
        let bench = Bench::new(way);
        bench.write("root.crl", &bench.list(&[], END));
        let between = bench.root.under("between", Key(3));
        let dated = |key: usize, made: &str, number: u8, serials: &[&[u8]]| {
            let list = Revoked::of(serials).updated(made, Some(END)).number(number);
            Authority::root("between", Key(key)).revoke(&list)
        };
        let genuine = || dated(3, "20291201000000Z", 2, &[&[7]]);
        let forged = |from: u8| {
            let forged = (from..from + 40).map(|number| dated(4, "20291202000000Z", number, &[]));
            bundle(&forged.collect::<Vec<_>>())
        };
        let open = |all: &RevocationLists| match way {
            "flood-file" => bench.open(all, &["root.crl", "lists.crl"], &[]).unwrap(),
            _ => bench.open(all, &["root.crl"], &[URL]).unwrap(),
        };
        let comes = async |all: &RevocationLists, list: Vec<u8>| {
            bench.write("lists.crl", &list);
            bench.fetch(all, list).await;
        };
        let standing = |held: &dyn Revocations| {
            let leaf = between.issue(&Template::client("ann", Key(2)).serial(&[7]));
            bench.judged(held, &[&leaf, &between.certificate])
        };
        bench.write("lists.crl", &genuine());
        let all = bench.restarted().await;
        let mut held = open(&all);
        comes(&all, genuine()).await;
        for restart in [false, true] {
            let all = if restart {
                bench.restarted().await
            } else {
                Arc::clone(&all)
            };
            held = open(&all);
            for list in [forged(10), forged(60), forged(110)] {
                comes(&all, list).await;
            }
            comes(&all, dated(3, "20291101000000Z", 1, &[])).await;
            // Nobody but the first client of all has shown the key.
            if restart {
                assert_eq!(standing(&*held), REVOKED, "{way}");
            }
        }
        drop(held);
    }
}

#[tokio::test]
async fn of_two_tables_the_newer_list_counts_for_both_whichever_comes_first() {
    let bench = Bench::new("two-tables");
    bench.write("old.crl", &bench.old());
    bench.write("new.crl", &bench.new_one());
    for order in [["old.crl", "new.crl"], ["new.crl", "old.crl"]] {
        let all = lists(&bench);
        let held = order.map(|name| bench.open(&all, &[name], &[]).unwrap());
        for held in &held {
            assert_eq!(bench.standing(&**held, 7), REVOKED, "{order:?}");
        }
        let said = held[1].shortcomings(false);
        assert_eq!(said.len(), 1, "{order:?}: {said:?}");
        assert!(said[0].contains("old.crl: the list of CN=home"), "{said:?}");
        let lines = told(&all);
        all.tick(bench.world.now()).await;
        all.tick(bench.world.now()).await;
        assert_eq!(lines.of("crl_older").len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn what_is_held_no_more_is_not_said_to_stay_in_force() {
    let bench = Bench::new("truth");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    let all = lists(&bench);
    let held = bench.open(&all, &["lists"], &[]).unwrap();
    let lines = told(&all);
    bench.write("lists/home.crl", b"garbage");
    all.tick(bench.world.now()).await;
    let [line] = &lines.of("crl_refused")[..] else {
        panic!()
    };
    assert!(!line.contains("stays in force"), "{line}");
    bench.write("lists/home.crl", &bench.new_one());
    all.tick(bench.world.now()).await;
    fs::remove_file(bench.folder.join("lists/home.crl")).unwrap();
    all.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "good");
    lines.of("");
    bench.write("lists/other.crl", &bench.old());
    all.tick(bench.world.now()).await;
    let [line] = &lines.of("crl_older")[..] else {
        panic!()
    };
    assert!(line.contains("stays in force"), "{line}");
    assert_eq!(bench.standing(&*held, 7), REVOKED);
}
