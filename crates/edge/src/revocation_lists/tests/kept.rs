//! What is kept outlives the process, whoever else has been at it.

use super::known::bundle;
use super::*;
use countersign_core::kept::Kept;

impl Bench {
    async fn names(&self) -> Vec<String> {
        self.ports.kept.names("").await.unwrap()
    }

    /// The blob of this list.
    pub(super) async fn blob(&self, list: &[u8]) -> Option<String> {
        for name in self.names().await {
            if self.ports.kept.load(&name).await.unwrap().as_deref() == Some(list) {
                return Some(name);
            }
        }
        None
    }

    /// A gateway that was told `list` by the URL, and wrote it down.
    async fn told(&self, list: Vec<u8>) -> Arc<RevocationLists> {
        let all = self.restarted().await;
        let held = self.open(&all, &[], &[URL]).unwrap();
        self.fetch(&all, list).await;
        drop(held);
        all
    }

    /// What becomes of 7 after a start at which the older list comes by the URL.
    pub(super) async fn after_restart(&self) -> &'static str {
        let all = lists(self);
        drop(all.restore().await);
        let held = self.open(&all, &[], &[URL]).unwrap();
        self.fetch(&all, self.old()).await;
        self.standing(&*held, 7)
    }
}

#[tokio::test]
async fn a_list_that_is_there_counts_whatever_stands_beside_it() {
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len().saturating_sub(by)].to_vec();
    for by in [0, 1, 11, 40, 10_000] {
        let bench = Bench::new(&format!("beside-{by}"));
        let list = bench.new_one();
        drop(bench.told(list.clone()).await);
        let list = bench.blob(&list).await.unwrap();
        let name = format!("{list}.known");
        assert_eq!(bench.names().await, [list, name.clone()]);
        let kept = &bench.ports.kept;
        let beside = kept.load(&name).await.unwrap().unwrap();
        kept.save(&name, &cut(&beside, by)).await.unwrap();
        let told = lists(&bench).restore().await;
        let told = told.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            told.contains(&name),
            by > 0,
            "what is there and says nothing is told: {told}"
        );
        assert_eq!(bench.after_restart().await, REVOKED, "{by}");
        assert!(lists(&bench).restore().await.is_ok(), "it is written anew");
        let beside = kept.load(&name).await.unwrap().unwrap();
        assert!(
            beside.ends_with(
                b"
"
            ),
            "{by}: it is whole again"
        );
        kept.remove(&name).await.unwrap();
        assert_eq!(bench.after_restart().await, REVOKED, "{by}");
    }
}

#[tokio::test]
async fn lists_of_before_are_read_and_their_index_goes_when_all_is_written() {
    let bench = Bench::new("index");
    let kept = &bench.ports.kept;
    kept.save("crls", b"crl-0123 - there begun eA==\ncrl-4")
        .await
        .unwrap();
    kept.save("crl-0123", &bench.new_one()).await.unwrap();
    assert_eq!(bench.after_restart().await, REVOKED);
    assert_eq!(bench.names().await, ["crl-0123", "crl-0123.known"]);
}

/// Until the authorities are known, it is not known whose lists they are.
#[tokio::test]
async fn as_many_lists_as_there_are_are_taken_with_nothing_beside_them() {
    let bench = Bench::new("many");
    let authorities = (0..70_u8).map(|number| Authority::root(&format!("of {number}"), Key(3)));
    let authorities = authorities.collect::<Vec<_>>();
    let kept = &bench.ports.kept;
    for (number, authority) in authorities.iter().enumerate() {
        let list = authority.revoke(&Revoked::of(&[&[7]]).updated("20291201000000Z", Some(END)));
        kept.save(&format!("crl-{number:04}"), &list).await.unwrap();
    }
    let mut bench = bench;
    let pems = authorities.iter().map(Authority::pem).collect::<String>();
    bench.authorities = Arc::new(Authorities::from_pem(&[pems.as_bytes()]).unwrap());
    let all = lists(&bench);
    assert_eq!(all.restore().await.unwrap(), 70);
    let held = bench.open(&all, &[], &[URL]).unwrap();
    drop(told(&all));
    all.tick(bench.world.now()).await;
    for authority in &authorities {
        let leaf = authority.issue(&Template::client("ann", Key(2)).serial(&[7]));
        assert_eq!(bench.judged(&*held, &[&leaf]), REVOKED);
    }
    assert_eq!(bench.names().await.len(), 140);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_stays_and_takes_nothing_else_with_it() {
    let bench = Bench::new("kept");
    let other = Authority::root("other", Key(3));
    let of_other = other.revoke(&Revoked::of(&[]).updated("20291201000000Z", Some(END)));
    drop(bench.told(bundle(&[bench.new_one(), of_other.clone()])).await);
    let kept = &bench.ports.kept;
    let broken = bench.blob(&of_other).await.unwrap();
    kept.save(&broken, b"half a list").await.unwrap();
    let next = lists(&bench);
    let told = next.restore().await.unwrap_err().to_string();
    assert!(
        told.contains("1 cannot be read") && told.contains(&broken),
        "{told}"
    );
    let held = bench.open(&next, &[], &[URL]).unwrap();
    bench.fetch(&next, bench.old()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(
        kept.load(&broken).await.unwrap().as_deref(),
        Some(&b"half a list"[..])
    );
    // It comes once more.
    bench.fetch(&next, of_other.clone()).await;
    assert_eq!(kept.load(&broken).await.unwrap(), Some(of_other));
}

#[tokio::test]
async fn what_was_taken_out_of_the_folder_is_written_again() {
    let bench = Bench::new("taken-out");
    let list = bench.new_one();
    let all = bench.told(list.clone()).await;
    let held = bench.open(&all, &[], &[URL]).unwrap();
    let before = bench.names().await;
    for comes in [list, bench.old()] {
        for name in &before {
            bench.ports.kept.remove(name).await.unwrap();
        }
        bench.fetch(&all, comes).await;
        assert_eq!(bench.names().await, before);
    }
    drop(held);
    assert_eq!(bench.after_restart().await, REVOKED);
}

#[tokio::test]
async fn two_gateways_of_one_folder_forget_nothing_of_what_the_other_knows() {
    let bench = Bench::new("two");
    let one = bench.restarted().await;
    let two = bench.restarted().await;
    let helds = [&one, &two].map(|all| bench.open(all, &[], &[URL]).unwrap());
    let list = bench.new_one();
    bench.fetch(&one, list.clone()).await;
    let other = Authority::root("other", Key(3));
    for number in 1..4 {
        let list = Revoked::of(&[])
            .updated("20291201000000Z", Some(END))
            .number(number);
        bench
            .fetch(&two, bundle(&[bench.old(), other.revoke(&list)]))
            .await;
    }
    assert_eq!(bench.standing(&*helds[1], 7), "good", "nobody told it");
    assert_eq!(bench.after_restart().await, REVOKED);
    // What one of them holds no more the other may: it writes it again, and takes nothing newer away.
    bench
        .fetch(&one, bench.dated("20291202000000Z", 3, &[7, 8]))
        .await;
    assert_eq!(bench.blob(&list).await, None);
    bench.fetch(&two, list.clone()).await;
    assert!(bench.blob(&list).await.is_some());
    let next = bench.restarted().await;
    let held = bench.open(&next, &[], &[URL]).unwrap();
    assert_eq!(bench.standing(&*held, 8), REVOKED);
}

/// A folder with no room for blobs that are called so.
#[derive(Debug)]
struct Full(Arc<dyn Kept>, Mutex<Option<String>>);

impl Kept for Full {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        self.0.load(name)
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        let full = self.1.lock().unwrap().clone();
        if full.is_some_and(|full| name.contains(&full)) {
            return Box::pin(async move { Err(KeptError(format!("{name}: no space left on device"))) });
        }
        self.0.save(name, bytes)
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        self.0.names(prefix)
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        self.0.remove(name)
    }
}

#[tokio::test]
async fn what_is_outdated_goes_only_when_the_newer_list_is_written() {
    let mut bench = Bench::new("full");
    let full = Arc::new(Full(Arc::clone(&bench.ports.kept), Mutex::default()));
    bench.ports.kept = Arc::clone(&full) as _;
    let list = bench.new_one();
    let all = bench.told(list.clone()).await;
    let lines = told(&all);
    let held = bench.open(&all, &[], &[URL]).unwrap();
    *full.1.lock().unwrap() = Some(String::new());
    let newer = bench.dated("20291202000000Z", 3, &[7, 8]);
    bench.fetch(&all, newer.clone()).await;
    assert_eq!(bench.standing(&*held, 8), REVOKED);
    let line = lines.of("crl_kept").concat();
    assert!(line.contains("no space left"), "{line}");
    assert!(bench.blob(&list).await.is_some());
    *full.1.lock().unwrap() = None;
    all.tick(bench.world.now()).await;
    assert!(bench.blob(&list).await.is_none() && bench.blob(&newer).await.is_some());
    assert_eq!(bench.names().await.len(), 2);
}

/// The configuration, which opens the lists, says how the log is written.
#[tokio::test]
async fn what_could_not_be_written_before_there_is_a_log_is_told_in_it() {
    let mut bench = Bench::new("full-from-the-start");
    let full = Full(Arc::clone(&bench.ports.kept), Mutex::new(Some(String::new())));
    bench.ports.kept = Arc::new(full);
    bench.write("home.crl", &bench.new_one());
    let all = lists(&bench);
    let _held = bench.open(&all, &["home.crl"], &[]).unwrap();
    all.tick(bench.world.now()).await;
    let lines = told(&all);
    for (look, count) in [("first", 1), ("second", 0)] {
        all.tick(bench.world.now()).await;
        assert_eq!(lines.of("crl_kept").len(), count, "{look}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_written_keeps_no_other_from_it() {
    let mut bench = Bench::new("one-of-two");
    let full = Arc::new(Full(Arc::clone(&bench.ports.kept), Mutex::default()));
    bench.ports.kept = Arc::clone(&full) as _;
    let other = Authority::root("other", Key(3));
    let first = other.revoke(&Revoked::of(&[]).updated("20291201000000Z", Some(END)));
    drop(bench.told(first.clone()).await);
    let name = bench.blob(&first).await.unwrap();
    for cannot in [name.clone(), format!("{name}.known")] {
        for name in bench.names().await {
            bench.ports.kept.remove(&name).await.unwrap();
        }
        let all = bench.restarted().await;
        let lines = told(&all);
        let held = bench.open(&all, &[], &[URL]).unwrap();
        *full.1.lock().unwrap() = Some(cannot.clone());
        let old = bench.old();
        bench.fetch(&all, bundle(&[first.clone(), old.clone()])).await;
        assert!(bench.blob(&old).await.is_some(), "{cannot}");
        let line = lines.of("crl_kept").concat();
        assert!(
            line.contains("1 cannot be written") && line.contains(&cannot),
            "{line}"
        );
        // Nor does it keep anything that is outdated.
        bench.fetch(&all, bundle(&[first.clone(), bench.new_one()])).await;
        assert!(bench.blob(&old).await.is_none(), "{cannot}");
        assert_eq!(bench.after_restart().await, REVOKED);
        *full.1.lock().unwrap() = None;
        all.tick(bench.world.now()).await;
        assert!(bench.names().await.contains(&cannot), "it is written later");
        drop(held);
    }
}

/// A disk that is busy for ever.
#[derive(Debug)]
struct Slow(Arc<dyn Kept>);

impl Kept for Slow {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        self.0.load(name)
    }

    fn save<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(std::future::pending())
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        self.0.names(prefix)
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        self.0.remove(name)
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_holds_up_no_revocation() {
    let mut bench = Bench::new("slow");
    bench.ports.kept = Arc::new(Slow(Arc::clone(&bench.ports.kept)));
    bench.write("home.crl", &bench.list(&[7], END));
    let lists = RevocationLists::new(&bench.ports, Refresh::Background);
    let held = bench.open(&lists, &["home.crl"], &[]).unwrap();
    // The clock stands, and goes on only when everybody waits.
    let look = || tokio::time::timeout(LOOKED_AT * 3, std::future::pending::<()>());
    assert!(look().await.is_err());
    bench.write("home.crl", &bench.dated("20291231000001Z", 2, &[7, 8]));
    assert!(look().await.is_err());
    assert_eq!(bench.standing(&*held, 8), REVOKED);
}
