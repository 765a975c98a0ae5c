//! What the process knows of revocations, whichever set of lists it came by.

use super::LateLog;
use super::kept::{KeptLists, ToKeep};
use super::set::is_url;
use crate::key_sets::Refresh;
use arc_swap::ArcSwap;
use countersign_core::Ports;
use countersign_core::kept::KeptError;
use countersign_core::shown_url::shown_url;
use countersign_core::time::{Clock, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex, KeptList, KnownLists};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;
use url::Url;

mod end;

/// How many of the lists that cannot be read or written are named.
const NAMED: usize = 3;

/// The lists that are known, and the index that is made of them.
pub(super) struct Known {
    clock: Arc<dyn Clock>,
    lists: Mutex<KnownLists>,
    index: ArcSwap<CrlIndex>,
    generation: AtomicU64,
    /// Those that open sets name, in the order in which they came.
    urls: Mutex<Vec<String>>,
    kept: KeptLists,
    /// How often something may have changed, how often it had when it was written down last, and why it could not be since.
    changes: AtomicU64,
    written: AtomicU64,
    trouble: Mutex<String>,
    refresh: Refresh,
    writer: Mutex<Writer>,
    log: LateLog,
}

/// Who writes down what is known, in the background.
#[derive(Default)]
struct Writer {
    task: Option<JoinHandle<()>>,
    /// Whether nobody is to begin any more: the process ends.
    is_over: bool,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(ports: &Ports, refresh: Refresh, log: &LateLog) -> Self {
        Self {
            clock: Arc::clone(&ports.clock),
            lists: Mutex::default(),
            index: ArcSwap::default(),
            generation: AtomicU64::new(1),
            urls: Mutex::default(),
            kept: KeptLists::new(&ports.kept),
            changes: AtomicU64::new(0),
            written: AtomicU64::new(0),
            trouble: Mutex::default(),
            refresh,
            writer: Mutex::default(),
            log: Arc::clone(log),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    pub(super) fn index(&self) -> Arc<CrlIndex> {
        self.index.load_full()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes what was known before, as far as it can be read. How many lists that are.
    pub(super) async fn restore(&self) -> Result<usize, KeptError> {
        let mut count = 0;
        let take = |kept: Vec<KeptList>| {
            count = kept.len();
            let mut lists = self.lists();
            lists.restore(kept, self.now());
            // What is held already may be outdated by what was kept, or more may be known of it.
            self.changed();
            self.publish(&lists);
        };
        let unread = self.kept.read(take).await?;
        let told = |what: &str, why: &[String]| {
            (!why.is_empty()).then(|| format!("{what} {} cannot be read: {}", why.len(), named(why)))
        };
        let told = [
            told("of the revocation lists that are kept", &unread.lists),
            told(
                "of what is kept beside them, which says that a list had begun and whose key signed it,",
                &unread.beside,
            ),
        ];
        let told = told.into_iter().flatten().collect::<Vec<_>>();
        if told.is_empty() {
            return Ok(count);
        }
        Err(KeptError(told.join("; and ")))
    }

    /// Writes down what is known. In the background nobody waits for it: many lists take their time on a disk.
    pub(super) async fn keep(self: &Arc<Self>) {
        match self.refresh {
            Refresh::ByHand => self.write_down().await,
            Refresh::Background => self.begin_to_write(),
        }
    }

    /// One at a time: the next look, or the end, writes down what is new since.
    fn begin_to_write(self: &Arc<Self>) {
        let mut writer = self.writer();
        if !writer.is_over && writer.task.as_ref().is_none_or(JoinHandle::is_finished) {
            let known = Arc::clone(self);
            // It says what becomes of it.
            writer.task = Some(tokio::spawn(async move { known.write_down().await }));
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_down(&self) {
        let changes = self.changes.load(Ordering::Acquire);
        if changes == self.written.load(Ordering::Acquire) {
            return;
        }
        let written = self.kept.write(|| self.to_keep()).await;
        let why = match written {
            Ok(why) if why.is_empty() => String::new(),
            Ok(why) => format!(
                "of the files of revocation lists {} cannot be written or removed: {}",
                why.len(),
                named(&why)
            ),
            Err(why) => why.to_string(),
        };
        if why.is_empty() {
            self.written.fetch_max(changes, Ordering::AcqRel);
        }
        if self.log.get().is_none() {
            // It is told by the next who tries.
            return;
        }
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *trouble, why.clone());
        drop(trouble);
        if !why.is_empty() && before != why {
            let text = format!("{why}; the next start will not know of every list");
            self.tell("warning", "crl_kept", &text);
        }
    }

    fn to_keep(&self) -> ToKeep {
        let lists = self.lists();
        (lists.kept(), lists.looked_at().clone())
    }

    /// These places hold these lists now. Work for a thread that may wait: signatures are looked at.
    pub(super) fn take(&self, all: Vec<(String, Vec<Crl>)>) {
        let now = self.now();
        let mut lists = self.lists();
        let changed = lists.take(all, now);
        self.changed();
        if changed {
            self.publish(&lists);
        }
        drop(lists);
        if changed {
            self.tell_held("crl_taken");
        }
    }

    /// A set with these authorities is there from now on.
    pub(super) fn learn(&self, authorities: &Authorities) {
        let mut lists = self.lists();
        lists.learn(authorities, self.now());
        self.changed();
        self.publish(&lists);
    }

    /// Only these places are looked at from now on.
    pub(super) fn only(&self, places: &BTreeSet<String>) {
        self.lists().only(places, self.now());
        self.urls().retain(|url| places.contains(url));
    }

    /// These URLs are named, too.
    pub(super) fn name(&self, urls: &[Url]) {
        let mut all = self.urls();
        for url in urls {
            if !all.iter().any(|known| known == url.as_str()) {
                all.push(url.to_string());
            }
        }
    }

    /// What a place is called where others read of it: a file by its path, a URL without what may be secret in it. Those
    /// that then look alike are numbered, whichever table names them.
    pub(super) fn shown(&self, place: &str) -> String {
        if !is_url(place) {
            return place.to_owned();
        }
        let (shown, urls) = (shown_url(place), self.urls());
        let alike = urls.iter().filter(|url| shown_url(url) == shown);
        let alike = alike.collect::<Vec<_>>();
        match alike.iter().position(|url| *url == place) {
            Some(index) if alike.len() > 1 => format!("{shown} ({})", index + 1),
            Some(_) | None => shown,
        }
    }

    /// What has begun or ended since the last time, counts or counts no more.
    pub(super) fn turn(&self) {
        let now = self.now();
        let mut lists = self.lists();
        let turned = lists.has_turned(now);
        if turned || lists.has_learnt() {
            lists.settle(now);
            self.changed();
        }
        if turned {
            self.publish(&lists);
        }
        drop(lists);
        if turned {
            self.tell_held("crl_turned");
        }
    }

    /// What is known now.
    pub(super) fn lists(&self) -> MutexGuard<'_, KnownLists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn urls(&self) -> MutexGuard<'_, Vec<String>> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// The index first: a verdict of the new generation is never made by the one before.
    fn publish(&self, lists: &KnownLists) {
        self.index.store(Arc::new(lists.index()));
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn tell_held(&self, event: &'static str) {
        let now = self.now();
        let lists = self.lists();
        let in_force = lists.lists().filter(|list| list.in_force(now)).count();
        let others = lists.lists().count().saturating_sub(in_force);
        drop(lists);
        let text = match others {
            0 => format!("revocation lists in force: {in_force}"),
            others => format!("revocation lists in force: {in_force}; held and not in force: {others}"),
        };
        self.tell("info", event, &text);
    }

    fn tell(&self, level: &'static str, event: &'static str, text: &str) {
        if let Some(log) = self.log.get() {
            log.event(level, event, text);
        }
    }
}

/// The first of them.
fn named(all: &[String]) -> String {
    let first = all.iter().take(NAMED).map(String::as_str);
    first.collect::<Vec<_>>().join("; ")
}
