//! The file under kill -9: what was acknowledged is there afterwards, what was removed is not.

use countersign_core::session::{IndexKey, Page, RecordKey, Sealed, SessionStore as _, Version};
use countersign_core::time::Clock as _;
use countersign_edge::store::file::FileStore;
use countersign_edge::system::SystemClock;
use countersign_testkit::folder::Folder;
use countersign_testkit::mutate::Stir;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How often a writer is killed, unless `$COUNTERSIGN_KILLS` asks for more.
const KILLS: u32 = 5;
/// Where a writer that is to be killed writes, and the first number it uses.
const FOLDER: &str = "COUNTERSIGN_KILLED_FOLDER";
const FIRST: &str = "COUNTERSIGN_KILLED_FIRST";
const WRITERS: usize = 8;
/// How many numbers one writer may use.
const NUMBERS: u32 = 1_000_000;
/// The latest a file has to be open after a kill.
const SLOWEST_OPEN: Duration = Duration::from_secs(5);

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

fn record(number: u32) -> RecordKey {
    let mut key = [0; 32];
    let stirred = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key[..8].copy_from_slice(&stirred.to_be_bytes());
    key[28..].copy_from_slice(&number.to_be_bytes());
    RecordKey(key)
}

fn sealed(number: u32) -> Sealed {
    let length = 100 + (number as usize * 37) % 3000;
    let bytes = number.to_be_bytes().into_iter().cycle();
    Sealed(bytes.take(length).collect())
}

fn index(number: u32) -> [IndexKey; 2] {
    let shared = u8::try_from(number % 5).unwrap();
    [IndexKey([shared; 32]), IndexKey(record(number).0)]
}

fn open(folder: &Path) -> FileStore {
    let path = folder.join("sessions.redb");
    let (store, warnings) = FileStore::open(&path, Arc::new(SystemClock::new())).unwrap();
    assert_eq!(warnings, [""; 0]);
    store
}

/// Writes and removes numbers from `first` on, and says so when it was acknowledged; every third is removed again.
async fn write(store: &FileStore, next: &AtomicU32, end: u32) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return;
        }
        let ends = SystemClock::new().now().wall.plus(Duration::from_hours(1));
        let made = store
            .create(&record(number), sealed(number), ends, &index(number))
            .await;
        assert_eq!(made, Ok(Version(1)));
        println!("created {number}");
        if number.is_multiple_of(3) {
            println!("removing {number}");
            let removed = match number % 2 {
                0 => store.remove(&record(number)).await.unwrap(),
                _ => store.remove_all(&index(number)[1]).await.unwrap() == 1,
            };
            assert!(removed);
            println!("removed {number}");
        }
    }
}

/// What a writer has said.
#[derive(Default)]
struct Said {
    created: BTreeSet<u32>,
    removing: BTreeSet<u32>,
    removed: BTreeSet<u32>,
}

impl Said {
    fn read(&mut self, line: &str) {
        let Some((word, number)) = line.split_once(' ') else {
            return;
        };
        let heard = match word {
            "created" => &mut self.created,
            "removing" => &mut self.removing,
            "removed" => &mut self.removed,
            // What else a test prints.
            _ => return,
        };
        if let Ok(number) = number.parse() {
            heard.insert(number);
        }
    }
}

/// Holds the file against what was said.
async fn check(store: &FileStore, said: &Said) {
    let now = SystemClock::new().now().wall;
    for number in &said.created {
        let found = store.load(&record(*number), now).await.unwrap();
        let removed = said.removed.contains(number);
        if found.is_some() {
            assert!(!removed, "{number} was removed, and is there");
            assert_eq!(found, Some((sealed(*number), Version(1))), "{number}");
        } else {
            assert!(
                said.removing.contains(number),
                "{number} was acknowledged, and is gone"
            );
        }
    }
    let all = listed(store, None).await;
    let mut found = BTreeMap::new();
    for shared in 0..5 {
        let key = IndexKey([shared; 32]);
        for name in listed(store, Some(&key)).await {
            assert_eq!(found.insert(name, shared), None, "a record has one shared key");
        }
    }
    assert_eq!(
        found.into_keys().collect::<Vec<_>>(),
        all,
        "the index finds what is there"
    );
}

async fn listed(store: &FileStore, key: Option<&IndexKey>) -> Vec<RecordKey> {
    let mut found = Vec::<RecordKey>::new();
    loop {
        let page = Page {
            after: found.last().copied(),
            limit: 500,
        };
        let names = store.list(key, page).await.unwrap();
        if names.is_empty() {
            return found;
        }
        found.extend(names.into_iter().map(|one| one.id));
    }
}

/// Alone, a test as any; with a folder of somebody else, it goes on until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_is_told_when_it_is_written() {
    let own = Folder::new();
    let folder = variable(FOLDER).map_or_else(|| own.0.clone(), PathBuf::from);
    let first = variable(FIRST).map_or(0, |first| first.parse().unwrap());
    let end = first + if variable(FOLDER).is_some() { NUMBERS } else { 300 };
    let (store, next) = (Arc::new(open(&folder)), Arc::new(AtomicU32::new(first)));
    let writers = (0..WRITERS).map(|_| {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        tokio::spawn(async move { write(&store, &next, end).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut said = Said::default();
    said.created.extend(first..end);
    said.removed
        .extend((first..end).filter(|number| number.is_multiple_of(3)));
    said.removing.clone_from(&said.removed);
    check(&store, &said).await;
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let kills = variable("COUNTERSIGN_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = Folder::new();
    let (mut said, mut stir) = (Said::default(), Stir::new(5));
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        let lines = 20 + stir.below(400);
        heard_until_killed(&folder.0, kill * NUMBERS, lines, &mut said);
        let begun = now();
        let store = open(&folder.0);
        slowest = slowest.max(begun.elapsed());
        check(&store, &said).await;
    }
    let names = std::fs::read_dir(&folder.0).unwrap();
    assert_eq!(names.count(), 1, "nothing was set aside");
    assert!(slowest < SLOWEST_OPEN, "{slowest:?}");
    println!(
        "{kills} kills: {} acknowledged, {} removed again; the slowest start took {slowest:?}",
        said.created.len(),
        said.removed.len()
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long opening takes is what is asked"
)]
fn now() -> Instant {
    Instant::now()
}

/// Starts this program as the writer, and kills it after it has said so many lines.
fn heard_until_killed(folder: &Path, first: u32, lines: usize, said: &mut Said) {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::a_writer_is_told_when_it_is_written",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(writer.stdout.take().unwrap());
    let (mut heard, mut killed) = (0, false);
    loop {
        let mut line = String::new();
        // What it said last may be half a line, and then half a number.
        if output.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        said.read(line.trim_end());
        heard += 1;
        if heard >= lines && !killed {
            writer.kill().unwrap();
            killed = true;
        }
    }
    let status = writer.wait().unwrap();
    assert!(killed, "it ended by itself: {status}");
}
