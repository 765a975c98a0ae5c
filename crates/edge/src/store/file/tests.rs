use super::*;
use crate::fakes::Folder;
use countersign_core::session::StoreError;
use countersign_core::time::{Monotonic, Now};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

mod room;

/// When every test begins, in milliseconds; both hands show the same.
const START: i64 = 1_000_000;

#[derive(Debug)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Now {
        let now = self.0.load(Ordering::Relaxed);
        Now {
            wall: at(now),
            monotonic: Monotonic::from_milliseconds(u64::try_from(now).unwrap()),
        }
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn record(number: u8) -> RecordKey {
    RecordKey([number; 32])
}

fn sealed(number: u8) -> Sealed {
    Sealed(vec![number; 600].into())
}

struct Desk {
    path: PathBuf,
    clock: Arc<Moved>,
    _folder: Folder,
}

impl Desk {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        Self {
            path: folder.0.join("sessions.redb"),
            clock: Arc::new(Moved(AtomicI64::new(START))),
            _folder: folder,
        }
    }

    fn open(&self) -> (FileStore, Vec<String>) {
        FileStore::open(&self.path, self.clock.clone()).unwrap()
    }

    /// Opens what is in order.
    fn good(&self) -> FileStore {
        let (store, warnings) = self.open();
        assert_eq!(warnings, [""; 0]);
        store
    }

    fn beside(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.path.parent().unwrap()).unwrap();
        let mut names = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>();
        names.sort_unstable();
        names
    }
}

async fn create(store: &FileStore, number: u8, ends: i64) {
    let index = [IndexKey([255; 32]), IndexKey([number; 32])];
    let made = store
        .create(&record(number), sealed(number), at(ends), &index)
        .await;
    assert_eq!(made, Ok(Version(1)));
}

async fn there(store: &FileStore, number: u8) -> bool {
    let found = store.load(&record(number), at(START)).await.unwrap();
    found.is_some()
}

/// How many records, index entries and ends lie there.
async fn lengths(store: &FileStore) -> (u64, u64, u64) {
    let lengths = store.committer.lasting(|tables| Ok(Ok(tables.lengths()?)));
    lengths.await.unwrap()
}

#[tokio::test]
async fn a_restart_keeps_everything_and_nothing_more() {
    let desk = Desk::new("store-restart");
    let store = desk.good();
    for number in 0..20 {
        create(&store, number, START + 60_000).await;
    }
    assert_eq!(store.remove(&record(3)).await, Ok(true));
    assert_eq!(store.take(&record(4), at(START)).await, Ok(Some(sealed(4))));
    assert_eq!(store.remove_all(&IndexKey([5; 32])).await, Ok(1));
    let ends = at(START + 90_000);
    let written = store.replace(&record(6), sealed(60), Version(1), ends).await;
    assert_eq!(written, Ok(Version(2)));
    assert_eq!(
        store.touch(&record(8), at(START + 90_000), at(START)).await,
        Ok(true)
    );
    drop(store);
    let store = desk.good();
    for number in 0..20 {
        let gone = [3, 4, 5].contains(&number);
        assert_eq!(there(&store, number).await, !gone, "record {number}");
    }
    let later = async |number| store.load(&record(number), at(START + 80_000)).await;
    assert_eq!(later(6).await, Ok(Some((sealed(60), Version(2)))));
    assert_eq!(
        later(8).await,
        Ok(Some((sealed(8), Version(1)))),
        "a store that is closed forgets no touch"
    );
    assert_eq!(lengths(&store).await, (17, 34, 17));
    assert_eq!(desk.beside(), ["sessions.redb"]);
}

#[tokio::test]
async fn what_has_ended_is_swept_from_every_table_and_what_was_moved_stays() {
    let desk = Desk::new("store-sweep");
    let store = desk.good();
    for number in 0..100 {
        create(&store, number, START + 1000 + i64::from(number)).await;
    }
    for number in 0..10 {
        let moved = store.touch(&record(number), at(START + 90_000), at(START)).await;
        assert_eq!(moved, Ok(true));
    }
    desk.clock.0.store(START + 50_000, Ordering::Relaxed);
    // Each write takes some of them.
    for number in 0..10 {
        create(&store, 200 + number, START + 60_000).await;
    }
    assert_eq!(lengths(&store).await, (20, 40, 20));
    desk.clock.0.store(START + 90_000, Ordering::Relaxed);
    for number in 0..3 {
        create(&store, 100 + number, START + 99_000).await;
    }
    assert_eq!(lengths(&store).await, (3, 6, 3));
}

#[tokio::test]
async fn a_full_file_takes_no_more() {
    let desk = Desk::new("store-full");
    let (store, _) = FileStore::with_at_most(3, &desk.path, desk.clock.clone()).unwrap();
    for number in 0..3 {
        create(&store, number, START + 1000).await;
    }
    let ends = at(START + 2000);
    let more = store.create(&record(3), sealed(3), ends, &[]).await;
    let more = more.unwrap_err();
    assert!(
        matches!(&more, StoreError::Full(why) if why.contains("at most 3")),
        "{more:?}"
    );
    desk.clock.0.store(START + 1000, Ordering::Relaxed);
    assert_eq!(
        lengths(&store).await,
        (3, 6, 3),
        "what has ended is swept by the next write"
    );
    let more = store.create(&record(3), sealed(3), ends, &[]).await;
    assert_eq!(more, Ok(Version(1)));
}

#[tokio::test]
async fn the_file_is_its_owners_alone_and_one_process_has_it() {
    let desk = Desk::new("store-owner");
    let mode = || std::fs::metadata(&desk.path).unwrap().permissions().mode() & 0o777;
    let store = desk.good();
    assert_eq!(mode(), 0o600);
    create(&store, 1, START + 1000).await;
    let second = FileStore::open(&desk.path, desk.clock.clone()).unwrap_err();
    assert!(
        second.contains("another process") && second.contains("sessions.redb"),
        "{second}"
    );
    assert!(there(&store, 1).await);
    drop(store);
    std::fs::set_permissions(&desk.path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (store, warnings) = desk.open();
    assert!(
        matches!(warnings.as_slice(), [warning] if warning.contains("644") && warning.contains("600")),
        "{warnings:?}"
    );
    assert_eq!(mode(), 0o600);
    assert!(there(&store, 1).await);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let clock = Arc::new(Moved(AtomicI64::new(START)));
    let told = FileStore::open(Path::new("/nonexistent/sessions.redb"), clock).unwrap_err();
    assert!(
        told.contains("/nonexistent/sessions.redb: No such file"),
        "{told}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_the_store_begins_empty() {
    let desk = Desk::new("store-damaged");
    let store = desk.good();
    for number in 0..200 {
        create(&store, number, START + 1000).await;
    }
    drop(store);
    let whole = std::fs::read(&desk.path).unwrap();
    let mut cases = vec![
        ("text", b"sessions = 1\n".to_vec()),
        ("zeros", vec![0; whole.len()]),
        ("cut short", whole[..whole.len() / 2].to_vec()),
        ("its first page", whole[..4096].to_vec()),
        ("its first bytes", whole[..7].to_vec()),
    ];
    let mut scribbled = whole.clone();
    for byte in scribbled.iter_mut().skip(5000).step_by(97) {
        *byte ^= 0x55;
    }
    cases.push(("scribbled over", scribbled));
    for (number, (what, bytes)) in (0_i64..).zip(cases) {
        std::fs::write(&desk.path, &bytes).unwrap();
        desk.clock.0.store(START + number * 1000, Ordering::Relaxed);
        let (store, warnings) = desk.open();
        let aside = format!("sessions.redb.corrupt-{}", START / 1000 + number);
        assert!(
            matches!(warnings.as_slice(), [warning] if warning.contains(&aside)),
            "{what}: {warnings:?}"
        );
        let kept = std::fs::read(desk.path.with_file_name(&aside)).unwrap();
        assert_eq!(kept.len(), bytes.len(), "{what}: kept as it was");
        assert_eq!(lengths(&store).await, (0, 0, 0), "{what}");
        create(&store, 1, START + 100_000).await;
        assert!(there(&store, 1).await);
    }
    std::fs::write(&desk.path, &whole).unwrap();
    assert_eq!(lengths(&desk.good()).await.0, 200, "the whole one opens");
}

#[tokio::test]
async fn two_files_set_aside_within_a_second_are_both_kept() {
    let desk = Desk::new("store-aside");
    for _ in 0..2 {
        std::fs::write(&desk.path, b"nothing of ours").unwrap();
        drop(desk.open());
    }
    assert_eq!(
        desk.beside(),
        [
            "sessions.redb",
            "sessions.redb.corrupt-1000",
            "sessions.redb.corrupt-1001"
        ]
    );
}

#[tokio::test]
async fn a_file_damaged_while_it_is_open_is_set_aside_once_it_is_noticed() {
    let desk = Desk::new("store-noticed");
    let store = desk.good();
    create(&store, 1, START + 100_000).await;
    // As the library would say it of a page it cannot make sense of.
    let noticed = store
        .committer
        .told::<()>(Err(redb::Error::Corrupted("a page".to_owned())));
    let noticed = noticed.await.unwrap_err();
    assert!(
        matches!(&noticed, StoreError::Unavailable(why) if why.contains("a page")),
        "{noticed:?}"
    );
    assert!(there(&store, 1).await, "the file is whole, and read again");
    let barred = store.remove(&record(1)).await;
    assert_eq!(barred, Err(noticed), "nothing is written for a moment");
    desk.clock.0.store(START + 1000, Ordering::Relaxed);
    assert_eq!(store.remove(&record(1)).await, Ok(true));

    create(&store, 2, START + 100_000).await;
    std::fs::write(&desk.path, vec![0x55; 20_000]).unwrap();
    let noticed = store
        .committer
        .told::<()>(Err(redb::Error::Corrupted("a page".to_owned())));
    let noticed = noticed.await.unwrap_err();
    assert!(
        matches!(&noticed, StoreError::Unavailable(why) if why.contains("set aside")),
        "{noticed:?}"
    );
    assert!(!there(&store, 2).await);
    desk.clock.0.store(START + 2000, Ordering::Relaxed);
    create(&store, 2, START + 100_000).await;
}
