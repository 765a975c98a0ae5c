//! What was learnt last outlives the end of the process.

use super::*;
use countersign_core::kept::Kept;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How long the end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A disk that is busy until it is let go.
#[derive(Debug)]
struct Busy(Arc<dyn Kept>, watch::Sender<bool>);

impl Kept for Busy {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeptError>> {
        self.0.load(name)
    }

    fn save<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), KeptError>> {
        Box::pin(async move {
            let mut busy = self.1.subscribe();
            busy.wait_for(|busy| !busy).await.unwrap();
            self.0.save(name, bytes).await
        })
    }

    fn names<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeptError>> {
        self.0.names(prefix)
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeptError>> {
        self.0.remove(name)
    }
}

/// The clock stands, and goes on only when everybody waits.
async fn goes_on(time: Duration) {
    assert!(timeout(time, std::future::pending::<()>()).await.is_err());
}

/// A gateway that has learnt of a revocation while an older list was still being written.
async fn learnt(bench: &mut Bench) -> (Arc<Busy>, Arc<RevocationLists>) {
    let disk = Arc::new(Busy(Arc::clone(&bench.ports.kept), watch::Sender::new(true)));
    bench.ports.kept = Arc::clone(&disk) as _;
    bench.write("home.crl", &bench.old());
    let all = RevocationLists::new(&bench.ports, Refresh::Background);
    let held = bench.open(&all, &["home.crl"], &[]).unwrap();
    goes_on(LOOKED_AT * 3).await;
    bench.write("home.crl", &bench.new_one());
    goes_on(LOOKED_AT * 3).await;
    assert_eq!(bench.standing(&*held, 7), REVOKED);
    (disk, all)
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_until_what_was_learnt_last_is_written() {
    let mut bench = Bench::new("end");
    let (disk, all) = learnt(&mut bench).await;
    let lines = told(&all);
    let free = async {
        goes_on(PATIENCE / 2).await;
        disk.1.send_replace(false);
    };
    tokio::join!(all.end(PATIENCE), free);
    assert_eq!(lines.of("crl_kept"), [""; 0]);
    drop(all);
    assert_eq!(bench.after_restart().await, REVOKED);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_no_disk_for_ever_and_names_what_it_has_not_taken() {
    let mut bench = Bench::new("cut");
    let (disk, all) = learnt(&mut bench).await;
    let lines = told(&all);
    let began = Instant::now();
    all.end(PATIENCE).await;
    assert_eq!(began.elapsed(), PATIENCE);
    let line = lines.of("crl_kept").concat();
    for said in ["CN=home", "2029-12-01", "the next start will not know"] {
        assert!(line.contains(said), "{line}");
    }
    // Nobody goes on writing behind its back.
    disk.1.send_replace(false);
    goes_on(LOOKED_AT * 3).await;
    assert_eq!(bench.ports.kept.names("").await.unwrap(), [""; 0]);
}
