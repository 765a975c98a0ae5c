//! What the file store does with a million sessions. `cargo xtask bench session` runs it and reads what it prints: a line
//! for each figure, its fields parted by tabs.
//!
//!   cargo bench -p countersign-edge --bench store -- fill FILE ROUNDS
//!   cargo bench -p countersign-edge --bench store -- load FILE ROUNDS
//!   cargo bench -p countersign-edge --bench store -- opened FILE ROUNDS
//!
//! `fill` makes the file: a million records of 600 bytes, each found by two index keys. `opened` kills a writer of that file
//! and opens it, over and over.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on ends"
)]

use countersign_core::session::{IndexKey, RecordKey, Sealed, SessionStore as _};
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::store::file::FileStore;
use countersign_edge::system::SystemClock;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

#[path = "../../authn/benches/decision/clock.rs"]
mod clock;

const RECORDS: u64 = 1_000_000;
const RECORD_BYTES: usize = 600;
/// How many write at once while a round is measured, and while the file is only filled.
const WRITERS: usize = 64;
const FILLERS: usize = 512;
const CREATED_PER_ROUND: u64 = 20_000;
const LOADED_PER_ROUND: u64 = 200_000;
/// How many records are written before a writer is killed.
const UNTIL_KILLED: u64 = 2000;
const SIGKILL: i32 = 9;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only wants to know that it builds
    }
    let words = arguments.iter().map(String::as_str);
    let words = words.filter(|word| *word != "--bench").collect::<Vec<_>>();
    match words.as_slice() {
        ["fill", file, rounds] => fill(Path::new(file), rounds.parse().unwrap()),
        ["load", file, rounds] => load(Path::new(file), rounds.parse().unwrap()),
        ["opened", file, rounds] => opened(file, rounds.parse().unwrap()),
        // What `opened` runs and kills.
        ["write", file, first] => write(Path::new(file), first.parse().unwrap()),
        _ => panic!("fill, load or opened, a FILE, and ROUNDS"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn wall() -> Timestamp {
    SystemClock::new().now().wall
}

fn store(file: &Path) -> Arc<FileStore> {
    let (store, warnings) = FileStore::open(file, Arc::new(SystemClock::new())).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    Arc::new(store)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// 32 bytes that look random: a number stirred four times (SplitMix64).
fn stirred(number: u64, purpose: u64) -> [u8; 32] {
    let mut state = number ^ (purpose << 56);
    let mut bytes = [0; 32];
    for part in bytes.as_chunks_mut::<8>().0 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        *part = (mixed ^ (mixed >> 31)).to_be_bytes();
    }
    bytes
}

fn record(number: u64) -> RecordKey {
    RecordKey(stirred(number, 1))
}

async fn create(store: &FileStore, number: u64) {
    let parts = (0..).flat_map(|part| stirred(number + (part << 32), 4));
    let sealed = Sealed(parts.take(RECORD_BYTES).collect());
    let index = [IndexKey(stirred(number, 2)), IndexKey(stirred(number, 3))];
    let ends = wall().plus(Duration::from_hours(24));
    store.create(&record(number), sealed, ends, &index).await.unwrap();
}

/// Creates the records of these numbers, so many at once; how long it took.
fn created(runtime: &Runtime, store: &Arc<FileStore>, first: u64, end: u64, writers: usize) -> Duration {
    let next = Arc::new(AtomicU64::new(first));
    let begun = now();
    runtime.block_on(async {
        let writers = (0..writers).map(|_| {
            let (store, next) = (Arc::clone(store), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return;
                    }
                    create(&store, number).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
    begun.elapsed()
}

fn per_second(count: u64, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64()
}

fn fill(file: &Path, rounds: u64) {
    let (runtime, store) = (runtime(), store(file));
    let measured = RECORDS.saturating_sub(rounds * CREATED_PER_ROUND);
    created(&runtime, &store, 0, measured, FILLERS);
    for round in 0..rounds {
        let first = measured + round * CREATED_PER_ROUND;
        let took = created(&runtime, &store, first, first + CREATED_PER_ROUND, WRITERS);
        println!("fill\tcreates\t{}", per_second(CREATED_PER_ROUND, took));
    }
    println!("fill\tresident\t{}", peak_mebibytes());
    drop(store);
    let sealed = (measured + rounds * CREATED_PER_ROUND) * RECORD_BYTES as u64;
    let allocated = std::fs::metadata(file).unwrap().blocks() * 512;
    let mebibytes = |bytes: u64| f64::from(u32::try_from(bytes >> 10).unwrap()) / 1024.0;
    println!("fill\tsize\t{}\t{}", mebibytes(allocated), mebibytes(sealed));
}

fn load(file: &Path, rounds: u64) {
    let (runtime, store) = (runtime(), store(file));
    // Once through a part of it, so that the machine has it in memory as it has while a gateway runs.
    runtime.block_on(loaded(&store, u64::MAX));
    for round in 0..rounds {
        // By the processor's time of this thread, which waits for nothing.
        let microseconds = clock::microseconds(1, || runtime.block_on(loaded(&store, round)));
        let took = Duration::from_secs_f64(microseconds / 1_000_000.0);
        println!("load\tloads\t{}", per_second(LOADED_PER_ROUND, took));
    }
    println!("load\tresident\t{}", peak_mebibytes());
}

async fn loaded(store: &FileStore, round: u64) {
    let now = wall();
    for count in 0..LOADED_PER_ROUND {
        let [a, b, c, d, ..] = stirred(count, 5 + round % 200);
        let number = u64::from(u32::from_be_bytes([a, b, c, d])) % RECORDS;
        let (sealed, _) = store.load(&record(number), now).await.unwrap().unwrap();
        assert_eq!(sealed.0.len(), RECORD_BYTES);
    }
}

fn opened(file: &str, rounds: u64) {
    for round in 0..rounds {
        let first = RECORDS * 2 + round * RECORDS;
        let killed = Command::new(std::env::current_exe().unwrap())
            .args(["--bench", "write", file, &first.to_string()])
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(killed.signal(), Some(SIGKILL), "{killed}");
        let begun = now();
        let store = store(Path::new(file));
        println!("opened\tseconds\t{}", begun.elapsed().as_secs_f64());
        let found = runtime().block_on(store.load(&record(first), wall())).unwrap();
        assert!(found.is_some(), "what was acknowledged is there");
    }
}

/// Writes until it is killed, by itself, in the middle of it.
fn write(file: &Path, first: u64) {
    let (runtime, store) = (runtime(), store(file));
    created(&runtime, &store, first, first + UNTIL_KILLED, WRITERS);
    let killer = std::thread::spawn(|| {
        let id = std::process::id().to_string();
        Command::new("kill").args(["-KILL", &id]).status()
    });
    created(&runtime, &store, first + UNTIL_KILLED, first + RECORDS, WRITERS);
    panic!("nobody killed it: {:?}", killer.join());
}

/// The most memory that was resident.
fn peak_mebibytes() -> f64 {
    let status = std::fs::read("/proc/self/status").unwrap();
    let status = String::from_utf8(status).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kibibytes = line.split_whitespace().next().unwrap();
    kibibytes.parse::<f64>().unwrap() / 1024.0
}
