//! Two gateways that keep what they know in one folder, and do not know the same authorities.

use super::known::bundle;
use super::*;

impl Bench {
    /// Another gateway's, which has the same folder of state, and nothing else in common.
    fn neighbour(&self, name: &str) -> Self {
        let mut bench = Self::new(name);
        bench.root = Authority::root("elsewhere", Key(6));
        let authorities = Authorities::from_pem(&[bench.root.pem().as_bytes()]).unwrap();
        bench.authorities = Arc::new(authorities);
        bench.ports.kept = Arc::clone(&self.ports.kept);
        bench.write("home.crl", &bench.list(&[9], END));
        bench
    }

    /// What it does from its start on.
    async fn runs(&self, all: &RevocationLists) -> Arc<dyn Revocations> {
        let held = self.open(all, &["home.crl"], &[]).unwrap();
        drop(told(all));
        all.tick(self.world.now()).await;
        held
    }
}

/// They issue what clients show, and nobody names them: their lists are those of keys that nobody knows.
fn between(bench: &Bench) -> Vec<Authority> {
    let between = (0..12_u8).map(|number| bench.root.under(&format!("of {number}"), Key(3)));
    between.collect()
}

fn revoked(authority: &Authority) -> Vec<u8> {
    authority.revoke(&Revoked::of(&[&[7]]).updated("20291201000000Z", Some(END)))
}

#[tokio::test]
async fn what_one_needs_stays_whoever_else_has_no_room_for_it() {
    let bench = Bench::new("needs");
    let between = between(&bench);
    let all = bench.restarted().await;
    let held = bench.open(&all, &[], &[URL]).unwrap();
    let lists = between.iter().map(revoked).collect::<Vec<_>>();
    bench.fetch(&all, bundle(&lists)).await;
    drop((held, all));
    let kept = bench.ports.kept.names("").await.unwrap();
    assert_eq!(kept.len(), 24);

    let neighbour = bench.neighbour("needs-not");
    drop(neighbour.runs(&*neighbour.restarted().await).await);
    let with_its_own = bench.ports.kept.names("").await.unwrap();
    let left = kept.iter().filter(|name| with_its_own.contains(name)).count();
    assert_eq!((left, with_its_own.len()), (24, 26));

    // Nothing comes at the next start, and an older list from then on.
    let all = bench.restarted().await;
    bench.write("root.crl", &bench.list(&[], END));
    let held = bench.open(&all, &["root.crl"], &[URL]).unwrap();
    drop(told(&all));
    all.tick(bench.world.now()).await;
    for authority in &between {
        let leaf = authority.issue(&Template::client("ann", Key(2)).serial(&[7]));
        let judged = bench.judged(&*held, &[&leaf, &authority.certificate]);
        assert_eq!(judged, REVOKED);
    }
}

#[tokio::test]
async fn what_one_has_found_out_of_a_list_no_other_takes_back() {
    let bench = Bench::new("found-out");
    bench.write("root.crl", &bench.list(&[], END));
    let all = bench.restarted().await;
    let held = bench.open(&all, &["root.crl"], &[URL]).unwrap();
    let between = bench.root.under("between", Key(3));
    let list = revoked(&between);
    bench.fetch(&all, list.clone()).await;
    let name = format!("{}.known", bench.blob(&list).await.unwrap());
    let known = async || {
        let line = bench.ports.kept.load(&name).await.unwrap().unwrap();
        String::from_utf8(line).unwrap()
    };
    let neighbour = bench.neighbour("finds-nothing");
    let others = neighbour.restarted().await;
    // A client shows whose list it is.
    assert!(known().await.contains(" - there "));
    let leaf = between.issue(&Template::client("ann", Key(2)).serial(&[7]));
    assert_eq!(bench.judged(&*held, &[&leaf, &between.certificate]), REVOKED);
    all.tick(bench.world.now()).await;
    let line = known().await;
    assert!(!line.contains(" - there ") && line.contains(" there "), "{line}");
    // The other knows of no such place, and writes down what it does.
    drop(neighbour.runs(&others).await);
    assert_eq!(known().await, line);
}

/// A flood of lists that nobody knows is no more than before, after a start neither.
#[tokio::test]
async fn what_came_from_a_place_of_its_own_goes_for_want_of_room() {
    let bench = Bench::new("flood");
    let mut number = 0_u8;
    for _ in 0..3 {
        let all = bench.restarted().await;
        let held = bench.open(&all, &[], &[URL]).unwrap();
        drop(told(&all));
        for _ in 0..20 {
            number += 1;
            let stranger = Authority::root("stranger", Key(5));
            let list = stranger.revoke(
                &Revoked::of(&[])
                    .updated("20291201000000Z", Some(END))
                    .number(number),
            );
            bench.fetch(&all, list).await;
        }
        // The first four, the last four, and the one that is there.
        assert_eq!(bench.ports.kept.names("").await.unwrap().len(), 18);
        drop(held);
    }
}
