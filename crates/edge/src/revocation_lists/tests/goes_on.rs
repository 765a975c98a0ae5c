//! What was known goes on counting, whatever happens to where it came from; and what is not in force is told.

use super::known::{USERS, bundle};
use super::*;
use crate::fakes::pki::maker::element;

#[tokio::test(start_paused = true)]
async fn a_url_that_never_answers_holds_up_neither_files_nor_other_urls() {
    let bench = Bench::new("silent");
    bench.write("home.crl", &bench.list(&[7], END));
    bench.answers(bench.list(&[9], END));
    let lists = RevocationLists::new(&bench.ports, Refresh::Background);
    let held = bench.open(&lists, &["home.crl"], &[SILENT, URL]).unwrap();
    bench.write("home.crl", &bench.dated("20291231000001Z", 2, &[7, 8]));
    // The clock stands, and goes on only when everybody waits.
    let looked_at = tokio::time::timeout(LOOKED_AT * 3, std::future::pending::<()>());
    assert!(looked_at.await.is_err());
    assert_eq!(bench.standing(&*held, 8), "certificate_revoked");
    assert_eq!(lists.status().len(), 2, "the file's and the one that came");
}

/// It may hold a token. URLs that are told apart by nothing else are numbered.
#[tokio::test]
async fn the_query_of_a_url_is_shown_nowhere() {
    let bench = Bench::new("query");
    bench.write("new.crl", &bench.dated("20291202000000Z", 6, &[7]));
    let all = lists(&bench);
    let lines = told(&all);
    let with = |query: &str| format!("{URL}?token=SECRET{query}");
    let (one, two) = (with("1"), with("2"));
    let held = bench.open(&all, &["new.crl"], &[URL, &one, &two]).unwrap();
    for answer in [bench.dated("20291201000000Z", 5, &[]), b"garbage".to_vec()] {
        bench.answers(answer);
        bench.later(600);
        all.tick(bench.world.now()).await;
    }
    *bench.world.answer.lock().unwrap() = None;
    bench.later(600);
    all.tick(bench.world.now()).await;
    let status = all.status().into_iter().map(|list| list.source);
    let status = status
        .filter(|source| source.starts_with("http"))
        .collect::<Vec<_>>();
    assert_eq!(
        status,
        [URL.to_owned(), format!("{URL}?… (1)"), format!("{URL}?… (2)")]
    );
    let said = [lines.of(""), held.shortcomings(false)].concat();
    let told = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    assert_eq!(told("SECRET"), 0, "{said:?}");
    let second = "home.crl?… (2)";
    for text in [
        "fetched every",
        "older than one",
        "these bytes are not",
        "unreachable",
    ] {
        let line = said
            .iter()
            .find(|line| line.contains(second) && line.contains(text));
        assert!(line.is_some(), "{text}: {said:?}");
    }
    // Where nobody else is called so, no number is.
    drop(held);
    lines.of("");
    drop(bench.open(&all, &["new.crl"], &[URL, &one]).unwrap());
    assert!(
        lines
            .of("fetched every")
            .iter()
            .any(|line| line.contains("home.crl?…: fetched"))
    );
}

/// What is counted under one name would be counted twice, or one for the other.
#[tokio::test]
async fn of_two_tables_each_source_has_a_name_of_its_own_and_is_told_once() {
    let bench = Bench::new("names");
    let all = lists(&bench);
    let with = |query: &str| format!("{URL}?token=SECRET{query}");
    bench.write("home.crl", &bench.old());
    let tables = [
        bench.open(&all, &["home.crl"], &[&with("1")]),
        bench.open(&all, &["home.crl"], &[&with("2")]),
        bench.open(&all, &[], &[&with("2")]),
    ];
    bench.answers(bundle(&[
        bench.new_one(),
        bench.scoped("20291202000000Z", 3, &[7, 8], USERS),
    ]));
    all.tick(bench.world.now()).await;
    let status = all.status();
    let told = status.iter().map(|list| (&*list.source, list.revoked));
    let file = bench.folder.join("home.crl").display().to_string();
    let (one, two) = (format!("{URL}?… (1)"), format!("{URL}?… (2)"));
    assert_eq!(told.collect::<Vec<_>>(), [(&*file, 1), (&*one, 3), (&*two, 3)]);
    assert_eq!(tables.map(|table| table.is_ok()), [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_a_fetched_list_counts_before_the_network_answers() {
    let bench = Bench::new("copy");
    bench.answers(bench.list(&[7], END));
    let first = lists(&bench);
    let held = bench.open(&first, &[], &[URL]).unwrap();
    first.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    // Another process, which is told to fetch from the same place, and nothing answers there.
    *bench.world.silent.lock().unwrap() = true;
    let next = bench.restarted().await;
    let held = bench.open(&next, &[], &[URL]).unwrap();
    let ticking = tokio::time::timeout(Duration::from_secs(5), next.tick(bench.world.now()));
    assert!(ticking.await.is_err(), "the fetch hangs");
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    assert_eq!(bench.standing(&*held, 8), "good");
}

#[tokio::test]
async fn a_fetched_list_never_takes_the_place_of_a_newer_one() {
    let bench = Bench::new("rollback");
    let all = lists(&bench);
    let lines = told(&all);
    let held = bench.open(&all, &[], &[URL]).unwrap();
    let fetch = async |list: Vec<u8>| {
        bench.answers(list);
        bench.later(600);
        all.tick(bench.world.now()).await;
        bench.standing(&*held, 7)
    };
    let revoked = "certificate_revoked";
    assert_eq!(fetch(bench.dated("20291201000000Z", 5, &[7])).await, revoked);
    assert_eq!(lines.of("crl_older"), [""; 0]);
    for (made, number) in [
        ("20291130000000Z", 5),
        ("20291201000000Z", 4),
        ("20291130000000Z", 4),
    ] {
        assert_eq!(fetch(bench.dated("20291201000000Z", 5, &[7])).await, revoked);
        lines.of("");
        assert_eq!(fetch(bench.dated(made, number, &[])).await, revoked, "{made}");
        let [line] = &lines.of("crl_older")[..] else {
            panic!()
        };
        assert!(line.contains("older than one that was taken before"), "{line}");
    }
    // Nor is the older one what the next start begins with.
    let next = bench.restarted().await;
    *bench.world.answer.lock().unwrap() = None;
    let again = bench.open(&next, &[], &[URL]).unwrap();
    next.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*again, 7), revoked);
    // The newer takes its place: by its time, or by its number where a clock was set back.
    assert_eq!(fetch(bench.dated("20291202000000Z", 6, &[])).await, "good");
    assert_eq!(fetch(bench.dated("20291201000000Z", 7, &[7])).await, revoked);
}

#[tokio::test]
async fn an_older_list_in_a_file_is_not_taken_while_the_newer_is_in_force() {
    let bench = Bench::new("older");
    bench.write("home.crl", &bench.dated("20291201000000Z", 5, &[7]));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let lines = told(&lists);
    bench.write("home.crl", &bench.dated("20291101000000Z", 4, &[]));
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    let [line] = &lines.of("crl_older")[..] else {
        panic!()
    };
    assert!(line.contains("older than one that was taken before"), "{line}");
}

#[tokio::test]
async fn other_authorities_begin_with_the_lists_that_were_fetched() {
    let mut bench = Bench::new("reload");
    bench.answers(bench.list(&[7], END));
    let all = lists(&bench);
    let before = bench.open(&all, &[], &[URL]).unwrap();
    all.tick(bench.world.now()).await;
    let further = Authority::root("further", Key(4));
    let pems = [bench.root.pem(), further.pem()];
    bench.authorities = Arc::new(Authorities::from_pem(&pems.each_ref().map(String::as_bytes)).unwrap());
    let generation = before.generation();
    let after = bench.open(&all, &[], &[URL]).unwrap();
    assert!(after.generation() > generation, "other authorities are known");
    assert_eq!(bench.standing(&*after, 7), "certificate_revoked");
    assert_eq!(bench.standing(&*after, 8), "good");
    // What another key signed says nothing of those that this one issued.
    let stranger = Authority::root("home", Key(3));
    bench.authorities = Arc::new(Authorities::from_pem(&[stranger.pem().as_bytes()]).unwrap());
    let other = bench.open(&all, &[], &[URL]).unwrap();
    let leaf = stranger.issue(&Template::client("ann", Key(2)).serial(&[8]));
    assert_eq!(bench.judged(&*other, &[&leaf]), "revocation_unknown");
}

#[tokio::test]
async fn a_folder_that_is_gone_keeps_what_was_in_it_and_other_paths_are_looked_at() {
    let bench = Bench::new("gone");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    bench.write("lists/home.crl", &bench.list(&[7], END));
    bench.write("more.crl", &bench.list(&[9], END));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["lists", "more.crl"], &[]).unwrap();
    let lines = told(&lists);
    fs::rename(bench.folder.join("lists"), bench.folder.join("away")).unwrap();
    let look = async || {
        lists.tick(bench.world.now()).await;
        lists.tick(bench.world.now()).await;
    };
    look().await;
    assert_eq!(lines.of("crl_refused").len(), 1, "told once");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    look().await;
    assert_eq!(
        lines.of("crl_refused").len(),
        1,
        "a mount point without its mount is told, too"
    );
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    assert_eq!(bench.standing(&*held, 8), "good");
    bench.write("more.crl", &bench.dated("20291231000001Z", 2, &[7, 8, 9]));
    look().await;
    assert_eq!(bench.standing(&*held, 8), "certificate_revoked");
    // Another folder with lists takes its place.
    bench.write("lists/new.crl", &bench.dated("20291231000002Z", 3, &[]));
    look().await;
    assert_eq!(bench.standing(&*held, 8), "good");
}

#[tokio::test]
async fn what_is_not_in_force_is_told_at_the_start_and_when_it_ends() {
    let bench = Bench::new("ended");
    bench.write("home.crl", &bench.list(&[7], "20300101000010Z"));
    let other = Authority::root("other", Key(3));
    bench.write("other.crl", &other.revoke(&Revoked::of(&[])));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl", "other.crl"], &[]).unwrap();
    let [stranger] = &held.shortcomings(false)[..] else {
        panic!()
    };
    assert!(stranger.contains("other.crl: the list of CN=other"), "{stranger}");
    let lines = told(&lists);
    lists.tick(bench.world.now()).await;
    assert_eq!(lines.of("crl_missing"), [""; 0]);
    bench.later(10);
    lists.tick(bench.world.now()).await;
    lists.tick(bench.world.now()).await;
    let [line] = &lines.of("crl_missing")[..] else {
        panic!()
    };
    assert!(
        line.contains("no revocation list is in force of CN=home (it has ended)"),
        "{line}"
    );
    let said = held.shortcomings(false);
    assert!(said[0].contains("CN=home (it has ended)"), "{said:?}");
    assert_eq!(held.shortcomings(true).len(), 1, "stale ones are taken");
    bench.write("home.crl", &bench.list(&[7], "20300101000005Z"));
    lists.tick(bench.world.now()).await;
    let [line] = &lines.of("crl_taken")[..] else {
        panic!()
    };
    assert!(line.contains("in force: 1; held and not in force: 2"), "{line}");
    fs::create_dir(bench.folder.join("empty")).unwrap();
    let held = bench.open(&super::lists(&bench), &["empty"], &[]).unwrap();
    let said = held.shortcomings(false);
    assert!(said[0].contains("CN=home (there is none)"), "{said:?}");
}

#[tokio::test]
async fn a_file_that_could_not_be_read_is_read_as_soon_as_it_can_be() {
    let bench = Bench::new("unreadable");
    bench.write("home.crl", &bench.dated("20291231000000Z", 1, &[7]));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let lines = told(&lists);
    let (file, aside) = (bench.folder.join("home.crl"), bench.folder.join("other.crl"));
    bench.write("other.crl", &bench.dated("20291231000001Z", 2, &[7, 8]));
    // A link that leads nowhere.
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("nowhere", &file).unwrap();
    for _ in 0..3 {
        lists.tick(bench.world.now()).await;
    }
    assert_eq!(lines.of("crl_refused").len(), 1, "told once");
    fs::rename(&aside, bench.folder.join("nowhere")).unwrap();
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "certificate_revoked");
    // Written over in place with its time set back: what says so is the time that nobody sets.
    let target = bench.folder.join("nowhere");
    let modified = fs::metadata(&target).unwrap().modified().unwrap();
    fs::write(&target, bench.dated("20291231000002Z", 3, &[7, 9])).unwrap();
    let times = fs::File::options().write(true).open(&target).unwrap();
    times.set_modified(modified).unwrap();
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 9), "certificate_revoked");
}

#[tokio::test]
async fn a_list_that_has_ended_is_outdone_by_no_older_one_nor_by_one_of_users_only() {
    let mut bench = Bench::new("ended-rollback");
    let newer = Revoked::of(&[&[7]])
        .updated("20291201000000Z", Some("20300101000010Z"))
        .number(5);
    bench.write("home.crl", &bench.root.revoke(&newer));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    let lines = told(&lists);
    let older = || Revoked::of(&[]).updated("20291101000000Z", Some(END)).number(4);
    let of_users = older().scope(&[element(0x81, &[0xff])]);
    bench.write("home.crl", &bench.root.revoke(&of_users));
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    bench.later(20);
    bench.write("home.crl", &bench.root.revoke(&older()));
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    assert_eq!(lines.of("crl_older").len(), 2);
    // With a further authority the files are read anew, and what is known of them stays.
    let further = Authority::root("further", Key(4));
    let pems = [bench.root.pem(), further.pem()];
    bench.authorities = Arc::new(Authorities::from_pem(&pems.each_ref().map(String::as_bytes)).unwrap());
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    let said = held.shortcomings(false);
    assert!(
        said.iter().any(|said| said.contains("older than one")),
        "{said:?}"
    );
}

#[tokio::test]
async fn an_older_list_under_another_name_counts_for_nothing() {
    let bench = Bench::new("other-name");
    fs::create_dir(bench.folder.join("lists")).unwrap();
    bench.write("lists/old.crl", &bench.dated("20291101000000Z", 4, &[]));
    bench.write("lists/new.crl", &bench.dated("20291201000000Z", 5, &[7]));
    let lists = lists(&bench);
    let held = bench.open(&lists, &["lists"], &[]).unwrap();
    let lines = told(&lists);
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    assert_eq!(lines.of("crl_older").len(), 1, "told once");
    fs::rename(
        bench.folder.join("lists/old.crl"),
        bench.folder.join("lists/other.crl"),
    )
    .unwrap();
    fs::remove_file(bench.folder.join("lists/new.crl")).unwrap();
    lists.tick(bench.world.now()).await;
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), "certificate_revoked");
    assert_eq!(bench.standing(&*held, 8), "good");
    let told = lines.of("");
    let events = ["crl_left_out", "crl_older"];
    let of = |event: &str| told.iter().filter(|line| line.contains(event)).count();
    assert_eq!(events.map(of), [0, 1], "told once: {told:?}");
    bench.write("lists/newest.crl", &bench.dated("20291202000000Z", 6, &[7]));
    lists.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 8), "good");
}

/// Nobody but a client knows the authority between.
#[tokio::test]
async fn a_list_of_a_key_that_nobody_knows_takes_no_other_lists_place() {
    let bench = Bench::new("unknown-signer");
    bench.write("home.crl", &bench.list(&[], END));
    let between = bench.root.under("between", Key(3));
    let leaf = between.issue(&Template::client("ann", Key(2)).serial(&[7]));
    let forger = Authority::root("between", Key(4));
    let dated = |authority: &Authority, made: &str, number: u8, serials: &[&[u8]]| {
        let list = Revoked::of(serials).updated(made, Some(END)).number(number);
        authority.revoke(&list)
    };
    let standing = |held: &dyn Revocations| {
        let (now, index) = (bench.world.now().wall, held.index());
        let chain = [leaf.as_slice(), between.certificate.as_slice()];
        match verify(chain, &bench.authorities, Some(&index), Checks::default(), now) {
            Ok(_) => "good",
            Err(error) => error.reason().code(),
        }
    };
    let fetch = async |all: &RevocationLists, list: Vec<u8>| {
        bench.answers(list);
        bench.later(600);
        all.tick(bench.world.now()).await;
    };
    let all = lists(&bench);
    let held = bench.open(&all, &["home.crl"], &[URL]).unwrap();
    fetch(&all, dated(&between, "20291201000000Z", 5, &[&[7]])).await;
    for number in 6..16 {
        fetch(&all, dated(&forger, "20291202000000Z", number, &[])).await;
        assert_eq!(standing(&*held), "certificate_revoked", "{number}");
    }
    // The next start knows of no key, and an older list comes.
    let next = bench.restarted().await;
    let held = bench.open(&next, &["home.crl"], &[URL]).unwrap();
    fetch(&next, dated(&between, "20291101000000Z", 4, &[])).await;
    assert_eq!(standing(&*held), "certificate_revoked");
    let third = bench.restarted().await;
    let held = bench.open(&third, &["home.crl"], &[URL]).unwrap();
    *bench.world.answer.lock().unwrap() = None;
    third.tick(bench.world.now()).await;
    assert_eq!(standing(&*held), "certificate_revoked");
    fetch(&third, dated(&between, "20291203000000Z", 20, &[])).await;
    assert_eq!(standing(&*held), "good", "the authority's own newer list counts");
}
