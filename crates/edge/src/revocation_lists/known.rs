//! What the process knows of revocations, whichever set of lists it came by.

use super::LateLog;
use super::kept::KeptLists;
use arc_swap::ArcSwap;
use countersign_core::Ports;
use countersign_core::kept::KeptError;
use countersign_core::time::{Clock, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex, KnownLists};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The lists that are known, and the index that is made of them.
pub(super) struct Known {
    clock: Arc<dyn Clock>,
    lists: Mutex<KnownLists>,
    index: ArcSwap<CrlIndex>,
    generation: AtomicU64,
    kept: KeptLists,
    /// Whether something may have changed since it was written down, and why it could not be the last time.
    unwritten: AtomicBool,
    trouble: Mutex<String>,
    log: LateLog,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(ports: &Ports, log: &LateLog) -> Self {
        Self {
            clock: Arc::clone(&ports.clock),
            lists: Mutex::default(),
            index: ArcSwap::default(),
            generation: AtomicU64::new(1),
            kept: KeptLists::new(&ports.kept),
            unwritten: AtomicBool::new(false),
            trouble: Mutex::default(),
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

    /// Takes what was known before, as far as it can be read.
    pub(super) async fn restore(&self) -> Result<(), KeptError> {
        let (kept, unread) = self.kept.read().await?;
        let mut lists = self.lists();
        lists.restore(kept, self.now());
        self.publish(&lists);
        drop(lists);
        match unread {
            0 => Ok(()),
            unread => Err(KeptError(format!(
                "{unread} revocation lists that were kept cannot be read"
            ))),
        }
    }

    /// Writes down what is known.
    pub(super) async fn keep(&self) {
        if !self.unwritten.swap(false, Ordering::AcqRel) {
            return;
        }
        let written = self.kept.write(|| self.lists().kept()).await;
        let why = written.err().map(|why| why.to_string()).unwrap_or_default();
        self.unwritten.fetch_or(!why.is_empty(), Ordering::AcqRel);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *trouble, why.clone());
        drop(trouble);
        if !why.is_empty() && before != why {
            let text = format!("{why}; the next start will not know of every list");
            self.tell("warning", "crl_kept", &text);
        }
    }

    /// These places hold these lists now. Work for a thread that may wait: signatures are looked at.
    pub(super) fn take(&self, all: Vec<(String, Vec<Crl>)>) {
        let now = self.now();
        let mut lists = self.lists();
        let changed = lists.take(all, now);
        self.unwritten.store(true, Ordering::Release);
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
        self.unwritten.store(true, Ordering::Release);
        self.publish(&lists);
    }

    /// Only these places are looked at from now on.
    pub(super) fn only(&self, places: &BTreeSet<String>) {
        self.lists().only(places, self.now());
    }

    /// What has begun or ended since the last time, counts or counts no more.
    pub(super) fn turn(&self) {
        let now = self.now();
        let mut lists = self.lists();
        let turned = lists.has_turned(now);
        if turned || lists.has_learnt() {
            lists.settle(now);
            self.unwritten.store(true, Ordering::Release);
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
