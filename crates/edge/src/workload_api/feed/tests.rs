//! What is held while a stream tells, breaks off, and comes back; no socket, no waiting.

use super::*;
use crate::log::{Format, Log};
use countersign_core::time::{Now, Timestamp};
use futures_util::stream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> Now {
        Now {
            wall: Timestamp::from_seconds(0),
            monotonic: Monotonic::from_milliseconds(self.0.load(Ordering::Relaxed) * 1000),
        }
    }
}

/// Each attempt gets the next of these; then there are no more, for ever.
type Attempt = Result<Vec<Result<Bundles<u8>, String>>, String>;

struct Script(Mutex<Vec<Attempt>>, Arc<AtomicU64>);

impl Source<u8> for Script {
    fn open(&self) -> BoxFuture<'_, Result<Messages<u8>, String>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let mut left = self.0.lock().unwrap();
        let next = if left.is_empty() {
            Err("nobody there".to_owned())
        } else {
            left.remove(0)
        };
        let opened = next.map(|messages| stream::iter(messages).boxed());
        Box::pin(std::future::ready(opened))
    }
}

fn domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

fn bundles(of: &[(&str, u8)]) -> Bundles<u8> {
    of.iter().map(|(name, told)| (domain(name), *told)).collect()
}

struct Bench {
    feed: Arc<Feed<u8>>,
    clock: Arc<Seconds>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(Seconds::default());
        let (log, lines) = Log::memory(Format::Human);
        let log = Arc::new(OnceLock::from(Arc::new(log)));
        let address = WorkloadApiAddress::parse("unix:/run/agent.sock").unwrap();
        let feed = Feed::new("authorities", &address, &(Arc::clone(&clock) as _), &log);
        Self { feed, clock, lines }
    }

    fn of(&self, name: &str) -> Result<u8, Missing> {
        self.feed.held().of(&domain(name)).copied()
    }

    async fn follow(&self, attempt: Attempt) -> bool {
        self.feed
            .follow(&Script(Mutex::new(vec![attempt]), Arc::default()))
            .await
    }
}

#[tokio::test]
async fn the_last_that_was_told_is_held_whatever_comes_after() {
    let bench = Bench::new();
    assert_eq!(bench.of("a"), Err(Missing::NotAnswered));
    assert!(!bench.follow(Err("refused".to_owned())).await);
    assert_eq!(bench.of("a"), Err(Missing::Everything));
    let why = bench.feed.held().why(Missing::Everything, &domain("a"));
    assert_eq!(&*why, "the Workload API never told any: refused");
    assert!(bench.follow(Ok(vec![Ok(bundles(&[("a", 1), ("b", 2)]))])).await);
    assert_eq!((bench.of("a"), bench.of("b")), (Ok(1), Ok(2)));
    assert_eq!(bench.of("c"), Err(Missing::TrustDomain));
    for attempt in [
        Err("refused".to_owned()),
        Ok(vec![]),
        Ok(vec![Err("unreadable".to_owned())]),
    ] {
        assert!(!bench.follow(attempt).await);
        assert_eq!(bench.of("a"), Ok(1));
    }
    // What is told no more is held no more.
    assert!(
        bench
            .follow(Ok(vec![
                Ok(bundles(&[("a", 3), ("b", 2)])),
                Ok(bundles(&[("a", 4)]))
            ]))
            .await
    );
    assert_eq!((bench.of("a"), bench.of("b")), (Ok(4), Err(Missing::TrustDomain)));
}

#[tokio::test]
async fn a_generation_is_a_change_and_nothing_else() {
    let bench = Bench::new();
    let mut generations = Vec::new();
    for told in [1, 1, 2, 2, 1] {
        bench.follow(Ok(vec![Ok(bundles(&[("a", told)]))])).await;
        bench.follow(Err("refused".to_owned())).await;
        generations.push(bench.feed.held().generation());
    }
    assert_eq!(generations, [1, 1, 2, 2, 3]);
}

#[tokio::test]
async fn silence_has_a_beginning_and_an_end() {
    let bench = Bench::new();
    let fresh = |second: u64| {
        let now = Monotonic::from_milliseconds(second * 1000);
        let held = bench.feed.held();
        held.fresh(&domain("a"), Duration::from_mins(1), now).copied()
    };
    let told = || Ok(vec![Ok(bundles(&[("a", 1)]))]);
    bench.follow(told()).await;
    for failure in ["refused", "refused", "denied"] {
        bench.follow(Err(failure.to_owned())).await;
        bench.clock.0.fetch_add(20, Ordering::Relaxed);
    }
    assert_eq!(
        (fresh(60), fresh(61)),
        (Ok(1), Err(Missing::Stale)),
        "counted from the first failure"
    );
    bench.follow(told()).await;
    assert_eq!(fresh(120), Ok(1), "it was told again at 60");
    assert_eq!(fresh(121), Err(Missing::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_opened_again_and_again_with_pauses_that_grow() {
    let bench = Bench::new();
    let attempts = Arc::<AtomicU64>::default();
    let told = || Ok(vec![Ok(bundles(&[("a", 1)]))]);
    let refused = || Err("refused".to_owned());
    let script = vec![refused(), refused(), told(), refused()];
    let source = Script(Mutex::new(script), Arc::clone(&attempts));
    let task = tokio::spawn(Arc::clone(&bench.feed).keep_open(source));
    let mut at = Vec::new();
    for second in 0..200_u32 {
        let expect = at.len() as u64;
        tokio::task::yield_now().await;
        for _ in expect..attempts.load(Ordering::Relaxed) {
            at.push(second);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    task.abort();
    assert_eq!(at, [0, 1, 3, 4, 6, 10, 18, 34, 64, 94, 124, 154, 184]);
    let lines = bench.lines.lock().unwrap();
    let said = lines
        .iter()
        .map(|line| line.split("unix:").nth(1).unwrap_or(line).trim_end());
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            "/run/agent.sock: refused; what needs them gets 503 until it answers",
            "/run/agent.sock are told again",
            "/run/agent.sock: the stream ended; the last that were told stay in force",
            "/run/agent.sock: refused; the last that were told stay in force",
            "/run/agent.sock: nobody there; the last that were told stay in force",
        ]
    );
}
