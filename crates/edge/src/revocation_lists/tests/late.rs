//! What was kept may be there only after the start: the disk came late.

use super::*;

impl Bench {
    /// A gateway that found nothing kept, took the older list, and wrote it down.
    async fn began_without(&self, old: &[u8]) -> (Arc<RevocationLists>, Arc<dyn Revocations>) {
        self.write("home.crl", old);
        let all = self.restarted().await;
        let held = self.open(&all, &["home.crl"], &[]).unwrap();
        drop(told(&all));
        all.tick(self.world.now()).await;
        assert_eq!(self.standing(&*held, 7), "good");
        (all, held)
    }
}

#[tokio::test]
async fn whom_a_list_revokes_that_comes_late_is_refused_from_then_on() {
    // As another gateway left it that looked at the same file, and as nothing is known of it.
    for is_known in [true, false] {
        let bench = Bench::new(&format!("late-{is_known}"));
        let mut before = Bench::new(&format!("late-before-{is_known}"));
        fs::remove_dir(std::mem::replace(&mut before.folder, bench.folder.clone())).unwrap();
        let (old, newer) = (bench.old(), bench.new_one());
        before.write("home.crl", &newer);
        let all = before.restarted().await;
        let held = before.open(&all, &["home.crl"], &[]).unwrap();
        all.tick(before.world.now()).await;
        drop((held, all));
        let (all, held) = bench.began_without(&old).await;
        let generation = held.generation();
        let mut came = before.ports.kept.names("").await.unwrap();
        came.retain(|name| is_known || !name.contains(".known"));
        assert_eq!(came.len(), 1 + usize::from(is_known));
        for name in &came {
            let blob = before.ports.kept.load(name).await.unwrap().unwrap();
            bench.ports.kept.save(name, &blob).await.unwrap();
        }
        assert!(all.restore_late().await.is_ok());
        assert_eq!(bench.standing(&*held, 7), REVOKED, "{is_known}");
        assert!(held.generation() > generation, "verdicts are made anew");
        // What is in the file now is known better.
        let revoked = all.status().iter().map(|list| list.revoked).sum::<usize>();
        assert_eq!(revoked, 1, "{is_known}");
        // The older one, which is in the file still, brings nobody back, and is kept no more.
        all.tick(bench.world.now()).await;
        assert_eq!(bench.standing(&*held, 7), REVOKED, "{is_known}");
        assert_eq!(bench.blob(&old).await, None);
        assert!(bench.blob(&newer).await.is_some());
        drop((held, all));
        assert_eq!(bench.after_restart().await, REVOKED, "{is_known}");
    }
}

#[tokio::test]
async fn an_older_list_that_comes_late_changes_nothing() {
    let bench = Bench::new("late-older");
    let old = bench.old();
    bench.write("home.crl", &bench.new_one());
    let all = bench.restarted().await;
    let held = bench.open(&all, &["home.crl"], &[]).unwrap();
    drop(told(&all));
    all.tick(bench.world.now()).await;
    bench.ports.kept.save("crl-00", &old).await.unwrap();
    assert!(all.restore_late().await.is_ok());
    all.tick(bench.world.now()).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    assert_eq!(bench.blob(&old).await, None);
}
