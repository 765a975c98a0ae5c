//! What every store of sessions does, whichever it is: one check for each promise of [`SessionStore`].
//!
//! A check takes a store that is empty and panics where it does otherwise. Time is moved by hand where the store asks a
//! clock of ours; a store with a clock of its own (a server's) is waited for, by asking it again.

use crate::clock::HandClock;
use countersign_core::session::{
    Fence, IndexKey, LeaseToken, Listed, MAX_PASSING, MAX_PASSING_BYTES, Page, RecordKey, Sealed,
    SessionStore, StoreError, Version,
};
use countersign_core::time::{Clock as _, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How many ask at once.
const CROWD: u8 = 32;
/// How long a store with a clock of its own is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);
/// How soon something runs out that is waited for.
const SOON: Duration = Duration::from_millis(200);

/// A store, and what time it is there.
#[derive(Clone, Debug)]
pub struct Subject {
    /// An empty one.
    pub store: Arc<dyn SessionStore>,
    /// What time it is.
    pub now: Timestamp,
    /// The clock the store asks, unless it has its own.
    pub clock: Option<Arc<HandClock>>,
}

impl Subject {
    /// A store that asks `clock`.
    pub fn by_hand(store: Arc<dyn SessionStore>, clock: Arc<HandClock>) -> Self {
        Self {
            store,
            now: clock.now().wall,
            clock: Some(clock),
        }
    }

    /// A store with a clock of its own, which says about `now`.
    pub fn by_itself(store: Arc<dyn SessionStore>, now: Timestamp) -> Self {
        Self {
            store,
            now,
            clock: None,
        }
    }

    fn later(&self, duration: Duration) -> Timestamp {
        self.now.plus(duration)
    }

    async fn create(&self, number: u8, ends: Timestamp, index: &[IndexKey]) {
        let made = self
            .store
            .create(&record(number), sealed(number), ends, index)
            .await;
        assert_eq!(made, Ok(Version(1)), "record {number} is new");
    }

    async fn load(&self, number: u8, now: Timestamp) -> Option<(Sealed, Version)> {
        self.store.load(&record(number), now).await.unwrap()
    }

    /// Every key found, page by page.
    async fn all(&self, key: Option<&IndexKey>, limit: u32) -> Vec<RecordKey> {
        let mut found = Vec::<RecordKey>::new();
        loop {
            let after = found.last().copied();
            let page = names(self.store.list(key, Page { after, limit }).await.unwrap());
            assert!(page.len() <= limit as usize, "at most {limit} of a page");
            if page.is_empty() {
                return found;
            }
            found.extend(page);
        }
    }

    /// Lets `duration` pass, or waits until `passed` says that it has.
    async fn pass<F: Future<Output = bool>>(&self, duration: Duration, passed: impl Fn() -> F) {
        if let Some(clock) = &self.clock {
            let gone = clock.now().wall.since(self.now);
            clock.move_to(gone + duration).unwrap();
            assert!(passed().await, "after {duration:?} it is over");
            return;
        }
        let wait = async {
            while !passed().await {
                tokio::task::yield_now().await;
            }
        };
        let over = tokio::time::timeout(PATIENCE, wait).await;
        assert!(over.is_ok(), "long after {duration:?} it is not over");
    }
}

/// A name; in the order of its number, and in all parts of the range of names.
pub fn record(number: u8) -> RecordKey {
    let mut key = [0xa5; 32];
    key[0] = number.wrapping_mul(7);
    key[31] = number;
    RecordKey(key)
}

fn names(found: Vec<Listed>) -> Vec<RecordKey> {
    found.into_iter().map(|one| one.id).collect()
}

fn sealed(number: u8) -> Sealed {
    // All bytes there are, so that nothing on the way takes them for text.
    let bytes = (0..=u8::MAX).map(|byte| byte ^ number);
    Sealed(bytes.collect())
}

const fn index(number: u8) -> IndexKey {
    IndexKey([number; 32])
}

const fn holder(number: u8) -> LeaseToken {
    LeaseToken([number; 16])
}

/// The keys of these records, in order.
fn keys(numbers: impl IntoIterator<Item = u8>) -> Vec<RecordKey> {
    let mut keys = numbers.into_iter().map(record).collect::<Vec<_>>();
    keys.sort_unstable();
    keys
}

/// The first write is version 1, and every later one counts on; the record is what was written last.
pub async fn writes_are_counted(subject: &Subject) {
    let (store, ends) = (&subject.store, subject.later(MINUTE));
    assert_eq!(subject.load(1, subject.now).await, None);
    subject.create(1, ends, &[]).await;
    assert_eq!(subject.load(1, subject.now).await, Some((sealed(1), Version(1))));
    for version in 1..4 {
        let number = u8::try_from(version).unwrap() + 100;
        let written = store
            .replace(&record(1), sealed(number), Version(version), ends)
            .await;
        assert_eq!(written, Ok(Version(version + 1)));
        let loaded = subject.load(1, subject.now).await;
        assert_eq!(loaded, Some((sealed(number), Version(version + 1))));
    }
    let empty = store.create(&record(2), Sealed(Box::new([])), ends, &[]).await;
    assert_eq!(empty, Ok(Version(1)));
    assert_eq!(
        subject.load(2, subject.now).await,
        Some((Sealed(Box::new([])), Version(1)))
    );
}

/// A name that is taken is not given twice: what came first stays.
pub async fn a_name_is_given_once(subject: &Subject) {
    let ends = subject.later(MINUTE);
    subject.create(1, ends, &[index(1)]).await;
    let again = subject
        .store
        .create(&record(1), sealed(2), ends, &[index(2)])
        .await;
    assert_eq!(again, Err(StoreError::Changed));
    assert_eq!(subject.load(1, subject.now).await, Some((sealed(1), Version(1))));
    assert_eq!(subject.all(Some(&index(2)), 10).await, []);
    let tried = crowd(|number| {
        let (store, ends) = (subject.store.clone(), ends);
        async move { store.create(&record(9), sealed(number), ends, &[]).await.is_ok() }
    })
    .await;
    assert_eq!(tried.iter().filter(|made| **made).count(), 1, "{tried:?}");
}

/// A record is there until its end, and not at it.
pub async fn a_record_is_there_until_its_end(subject: &Subject) {
    let ends = subject.later(MINUTE);
    let before = Timestamp::from_milliseconds(ends.milliseconds() - 1);
    subject.create(1, ends, &[]).await;
    assert!(subject.load(1, before).await.is_some());
    assert!(subject.load(1, ends).await.is_none());
    let id = record(1);
    assert_eq!(
        subject.store.touch(&id, subject.later(MINUTE * 2), ends).await,
        Ok(false)
    );
    assert_eq!(subject.store.take(&id, ends).await, Ok(None));
    assert_eq!(subject.store.take(&id, before).await, Ok(Some(sealed(1))));
}

/// Of many who take it at once, one has it.
pub async fn what_is_taken_is_taken_once(subject: &Subject) {
    subject.create(1, subject.later(MINUTE), &[index(1)]).await;
    let now = subject.now;
    let taken = crowd(|_| {
        let store = subject.store.clone();
        async move { store.take(&record(1), now).await.unwrap() }
    })
    .await;
    let taken = taken.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(taken, [sealed(1)]);
    assert_eq!(subject.load(1, now).await, None);
    assert_eq!(subject.all(Some(&index(1)), 10).await, []);
    assert_eq!(subject.all(None, 10).await, []);
}

/// Of many who write over one version, one does.
pub async fn one_version_is_written_over_once(subject: &Subject) {
    let ends = subject.later(MINUTE);
    subject.create(1, ends, &[]).await;
    let written = crowd(|number| {
        let store = subject.store.clone();
        async move {
            let written = store.replace(&record(1), sealed(number), Version(1), ends).await;
            (number, written)
        }
    })
    .await;
    let mut winners = Vec::new();
    for (number, written) in written {
        match written {
            Ok(version) => winners.push((number, version)),
            Err(error) => assert_eq!(error, StoreError::Changed),
        }
    }
    assert_eq!(winners.len(), 1, "one writes: {winners:?}");
    let (winner, version) = winners[0];
    assert_eq!(version, Version(2));
    assert_eq!(
        subject.load(1, subject.now).await,
        Some((sealed(winner), version))
    );
}

/// A late write brings nothing back and overwrites nothing newer.
pub async fn a_late_write_changes_nothing(subject: &Subject) {
    let (store, ends, id) = (&subject.store, subject.later(MINUTE), record(1));
    let replace = async |version| store.replace(&id, sealed(9), Version(version), ends).await;
    assert_eq!(replace(1).await, Err(StoreError::Changed), "there never was one");
    subject.create(1, ends, &[index(1)]).await;
    assert_eq!(replace(1).await, Ok(Version(2)));
    for late in [0, 1, 3] {
        assert_eq!(replace(late).await, Err(StoreError::Changed), "version {late}");
    }
    assert_eq!(store.remove(&id).await, Ok(true));
    assert_eq!(store.remove(&id).await, Ok(false));
    for late in [1, 2] {
        assert_eq!(replace(late).await, Err(StoreError::Changed), "it is removed");
    }
    assert_eq!(subject.load(1, subject.now).await, None);
    assert_eq!(subject.all(Some(&index(1)), 10).await, []);
    assert_eq!(store.touch(&id, ends, subject.now).await, Ok(false));
}

/// Records are found by each of their keys, go together with one of them, and no other goes with them.
pub async fn records_go_together(subject: &Subject) {
    let (store, ends) = (&subject.store, subject.later(MINUTE));
    for number in 1..=20 {
        let shared = if number % 2 == 0 { index(200) } else { index(201) };
        subject.create(number, ends, &[shared, index(number)]).await;
    }
    subject.create(30, ends, &[]).await;
    let even = || (1..=20).filter(|number| number % 2 == 0);
    assert_eq!(subject.all(Some(&index(200)), 100).await, keys(even()));
    assert_eq!(subject.all(Some(&index(7)), 100).await, [record(7)]);
    assert_eq!(store.remove_all(&index(200)).await, Ok(10));
    assert_eq!(store.remove_all(&index(200)).await, Ok(0));
    assert_eq!(store.remove_all(&index(99)).await, Ok(0));
    for number in 1..=20 {
        let there = subject.load(number, subject.now).await.is_some();
        assert_eq!(there, number % 2 == 1, "record {number}");
        let found = subject.all(Some(&index(number)), 10).await;
        assert_eq!(found.len(), usize::from(there), "record {number} by its own key");
    }
    assert!(subject.load(30, subject.now).await.is_some());
    let again = store.replace(&record(1), sealed(50), Version(1), ends).await;
    assert_eq!(
        again,
        Ok(Version(2)),
        "a record that is written over keeps its keys"
    );
    assert_eq!(store.remove(&record(3)).await, Ok(true));
    let odd = (1..=20).filter(|number| number % 2 == 1 && *number != 3);
    assert_eq!(subject.all(Some(&index(201)), 100).await, keys(odd));
    assert_eq!(store.remove_all(&index(201)).await, Ok(9));
    assert_eq!(subject.all(None, 100).await, [record(30)]);
}

/// Lists come in the order of their keys, a page at a time, each record once, whatever goes meanwhile.
pub async fn lists_come_page_by_page(subject: &Subject) {
    let (store, ends) = (&subject.store, subject.later(MINUTE));
    for number in 1..=25 {
        let shared = if number <= 20 { index(200) } else { index(201) };
        subject.create(number, ends, &[index(199), shared]).await;
    }
    for limit in [1, 7, 25, u32::MAX] {
        assert_eq!(subject.all(None, limit).await, keys(1..=25), "{limit} at a time");
        assert_eq!(subject.all(Some(&index(200)), limit).await, keys(1..=20));
    }
    let page = |after, limit| Page { after, limit };
    assert_eq!(store.list(None, page(None, 0)).await, Ok(Vec::new()));
    let first = names(store.list(Some(&index(199)), page(None, 10)).await.unwrap());
    assert_eq!(first, keys(1..=25)[..10]);
    let last = *first.last().unwrap();
    assert_eq!(store.remove(&last).await, Ok(true));
    let gone = keys(1..=25)[12];
    assert_eq!(store.remove(&gone).await, Ok(true));
    let rest = store.list(Some(&index(199)), page(Some(last), 100)).await;
    let rest = names(rest.unwrap());
    let expected = keys(1..=25).into_iter().skip(10).filter(|key| *key != gone);
    assert_eq!(rest, expected.collect::<Vec<_>>());
    let end = page(Some(RecordKey([0xff; 32])), 10);
    assert_eq!(store.list(None, end).await, Ok(Vec::new()));
}

/// A record's end is moved, and nothing else; what was touched ends then. A list tells of both.
pub async fn a_touch_moves_the_end_alone(subject: &Subject) {
    let (store, id) = (&subject.store, record(1));
    let (first, second) = (subject.later(MINUTE), subject.later(MINUTE * 2));
    subject.create(1, first, &[index(1)]).await;
    assert_eq!(store.touch(&id, second, subject.now).await, Ok(true));
    assert_eq!(subject.load(1, first).await, Some((sealed(1), Version(1))));
    assert_eq!(subject.load(1, second).await, None);
    assert_eq!(subject.all(Some(&index(1)), 10).await, [id]);
    let listed = async |version, ends| {
        let page = |after, limit| Page { after, limit };
        let everything = page(None, 10);
        let one = Listed { id, version, ends };
        assert_eq!(store.list(Some(&index(1)), everything).await, Ok(vec![one]));
        assert_eq!(store.list(None, everything).await, Ok(vec![one]));
    };
    listed(Version(1), second).await;
    let written = store.replace(&id, sealed(2), Version(1), first).await;
    assert_eq!(written, Ok(Version(2)), "a touch is no write");
    listed(Version(2), first).await;
    assert_eq!(subject.load(1, first).await, None, "a write moves the end too");
    assert_eq!(store.touch(&id, subject.now, subject.now).await, Ok(true));
    assert_eq!(subject.load(1, subject.now).await, None, "an end may come sooner");
    assert_eq!(store.touch(&id, second, subject.now).await, Ok(false));
}

/// What has ended is gone for everybody, and its name may be given again.
pub async fn what_has_ended_is_gone(subject: &Subject) {
    let (store, id) = (&subject.store, record(1));
    subject.create(1, subject.later(SOON), &[index(1)]).await;
    subject.create(2, subject.later(MINUTE * 10), &[index(1)]).await;
    let listed = || async { subject.all(Some(&index(1)), 10).await == [record(2)] };
    subject.pass(SOON, listed).await;
    let late = store
        .replace(&id, sealed(9), Version(1), subject.later(MINUTE))
        .await;
    assert_eq!(late, Err(StoreError::Changed));
    assert_eq!(subject.all(None, 10).await, [record(2)]);
    assert_eq!(store.remove(&id).await, Ok(false));
    let now = subject.later(SOON);
    assert_eq!(store.take(&id, now).await, Ok(None));
    assert_eq!(store.touch(&id, subject.later(MINUTE), now).await, Ok(false));
    subject.create(1, subject.later(MINUTE), &[index(3)]).await;
    assert_eq!(subject.load(1, now).await, Some((sealed(1), Version(1))));
    assert_eq!(
        store.remove_all(&index(1)).await,
        Ok(1),
        "the keys of before find it no more"
    );
    assert_eq!(store.remove_all(&index(3)).await, Ok(1));
}

/// One holds a lease, until it runs out; fences rise; a lease on another record is another.
pub async fn a_lease_has_one_holder(subject: &Subject) {
    let (store, id) = (&subject.store, record(1));
    let lease = async |number, lasts| store.lease(&id, holder(number), lasts).await.unwrap();
    let first = lease(1, MINUTE).await.unwrap();
    assert_eq!(lease(2, MINUTE).await, None);
    let other = store.lease(&record(2), holder(2), MINUTE).await.unwrap();
    assert!(other.is_some());
    let renewed = lease(1, SOON).await.unwrap();
    assert!(renewed > first);
    assert_eq!(lease(2, MINUTE).await, None);
    let had = std::sync::Mutex::new(None::<Fence>);
    let passed = || async {
        let fence = lease(3, MINUTE).await;
        *had.lock().unwrap() = fence;
        fence.is_some()
    };
    subject.pass(SOON, passed).await;
    let last = had.lock().unwrap().unwrap();
    assert!(last > renewed);
    assert_eq!(lease(1, MINUTE).await, None, "who let it run out has it no more");
    let tried = crowd(|number| {
        let store = subject.store.clone();
        async move {
            store
                .lease(&record(5), holder(number), MINUTE)
                .await
                .unwrap()
                .is_some()
        }
    })
    .await;
    assert_eq!(tried.iter().filter(|held| **held).count(), 1, "{tried:?}");
}

/// A record that no store takes is refused, and so is one that is written over so.
pub async fn a_record_has_a_size(subject: &Subject) {
    let ends = subject.later(MINUTE);
    let large = || Sealed(vec![7; countersign_edge::store::MAX_RECORD_BYTES].into());
    let larger = || Sealed(vec![7; countersign_edge::store::MAX_RECORD_BYTES + 1].into());
    let store = &subject.store;
    let made = store.create(&record(1), larger(), ends, &[]).await;
    assert!(matches!(made, Err(StoreError::Full(_))), "{made:?}");
    assert_eq!(store.create(&record(1), large(), ends, &[]).await, Ok(Version(1)));
    let over = store.replace(&record(1), larger(), Version(1), ends).await;
    assert!(matches!(over, Err(StoreError::Full(_))), "{over:?}");
    assert_eq!(subject.load(1, subject.now).await, Some((large(), Version(1))));
}

/// What anybody can cause has a room of its own, which takes so many and no more, until one is taken or has ended.
pub async fn what_anybody_can_cause_has_a_room_of_its_own(subject: &Subject) {
    let (store, ends) = (&subject.store, subject.later(MINUTE));
    let begun = tokio::time::Instant::now();
    let create = async |number: usize, ends| {
        let made = store.create_passing(&passing(number), sealed(1), ends).await;
        assert!(
            !matches!(made, Err(StoreError::Unavailable(_))),
            "{number}: {made:?}"
        );
        made
    };
    for number in 0..MAX_PASSING {
        assert_eq!(create(number, ends).await, Ok(Version(1)), "{number}");
    }
    let full = create(MAX_PASSING, ends).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert!(create(7, ends).await.is_err(), "a name is given once");
    subject.create(1, ends, &[index(1)]).await;
    subject.create(2, ends, &[]).await;
    let taken = store.take(&passing(7), subject.now).await;
    assert_eq!(taken, Ok(Some(sealed(1))));
    assert_eq!(store.take(&record(2), subject.now).await, Ok(Some(sealed(2))));
    // A clock that runs has run meanwhile.
    let meanwhile = subject
        .clock
        .as_ref()
        .map_or_else(|| begun.elapsed(), |_| Duration::ZERO);
    let soon = subject.later(meanwhile + SOON);
    assert_eq!(create(7, soon).await, Ok(Version(1)), "there is room for one");
    let more = create(MAX_PASSING, ends).await;
    assert!(matches!(more, Err(StoreError::Full(_))), "and no more: {more:?}");
    subject
        .pass(SOON, || async { create(MAX_PASSING, ends).await.is_ok() })
        .await;
    let large = Sealed(vec![7; MAX_PASSING_BYTES + 1].into());
    let large = store.create_passing(&passing(7), large, ends).await;
    assert!(matches!(large, Err(StoreError::Full(_))), "{large:?}");
    assert_eq!(subject.load(1, subject.now).await, Some((sealed(1), Version(1))));
}

fn passing(number: usize) -> RecordKey {
    let mut key = [0x5a; 32];
    let bytes = u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key[..8].copy_from_slice(&bytes.to_be_bytes());
    RecordKey(key)
}

/// A store that holds so many records refuses one more, keeps what it has, still writes over it, and takes a new one as
/// soon as one is gone.
pub async fn a_full_store_drops_nothing(subject: &Subject, holds: u8) {
    let (store, ends) = (&subject.store, subject.later(MINUTE));
    for number in 0..holds {
        subject.create(number, ends, &[index(1)]).await;
    }
    let create = async |number| store.create(&record(number), sealed(number), ends, &[]).await;
    let full = create(holds).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert!(create(0).await.is_err(), "nor is one that is there written over");
    assert_eq!(
        subject.all(None, 100).await,
        keys(0..holds),
        "nothing was dropped"
    );
    for number in 0..holds {
        let written = store.replace(&record(number), sealed(99), Version(1), ends).await;
        assert_eq!(written, Ok(Version(2)), "record {number} is still written over");
    }
    assert_eq!(store.remove(&record(0)).await, Ok(true));
    assert_eq!(create(holds).await, Ok(Version(1)), "there is room again");
    assert!(matches!(create(holds + 1).await, Err(StoreError::Full(_))));
}

/// What each of many who ask at once is told.
async fn crowd<T: Send + 'static, F: Future<Output = T> + Send + 'static>(ask: impl Fn(u8) -> F) -> Vec<T> {
    let asking = (0..CROWD).map(|number| tokio::spawn(ask(number)));
    let mut answers = Vec::new();
    for answer in asking.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap());
    }
    answers
}
