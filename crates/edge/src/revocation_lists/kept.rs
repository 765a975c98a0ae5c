//! What is known of revocations, over restarts: each list as a blob of its own, and beside it what is known of that list.
//!
//! A list is taken whether or not what stands beside it is whole, so that nothing but the list itself can be lost. Several
//! gateways may keep theirs in one folder: each writes what it holds and is not there, whoever took it away, and removes
//! only what it has written or read itself and holds no more.

use aws_lc_rs::digest::{SHA256, digest};
use beside::Beside;
use countersign_core::kept::{Kept, KeptError, is_name};
use countersign_x509::crl::{Crl, KeptList};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::Mutex;

mod beside;

/// What the blobs of revocation lists begin with.
pub const A_LIST: &str = "crl-";
/// What is put behind the name of a list for that of what is known of it.
const BESIDE: &str = ".known";
/// What said which lists there are, before each had something beside it.
const INDEX: &str = "crls";
/// What the names of all of them begin with.
const ALL: &str = "crl";
/// How often it is looked what lists there are while another process changes them.
const LOOKS: usize = 4;

/// Lists in the folder of state.
#[derive(Debug)]
pub(super) struct KeptLists {
    kept: Arc<dyn Kept>,
    /// What this process has read or written. One writes at a time.
    written: Mutex<Vec<Written>>,
}

/// A list that is kept.
#[derive(Clone, Debug)]
struct Written {
    list: Crl,
    blob: String,
    /// Whether it was there, or was written.
    is_kept: bool,
    /// What stands beside it, where we have read or written that.
    beside: Option<Beside>,
}

impl KeptLists {
    pub(super) fn new(kept: &Arc<dyn Kept>) -> Self {
        Self {
            kept: Arc::clone(kept),
            written: Mutex::default(),
        }
    }

    /// Every list that is kept, the earliest first, and why some of them cannot be read.
    pub(super) async fn read(&self) -> Result<(Vec<KeptList>, Vec<String>), KeptError> {
        let mut written = self.written.lock().await;
        let (mut all, mut unread) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for _ in 0..LOOKS {
            let mut is_whole = true;
            for blob in self.kept.names(A_LIST).await? {
                if blob.ends_with(BESIDE) || !seen.insert(blob.clone()) {
                    continue;
                }
                match self.list(&blob).await {
                    Ok(Some(list)) => all.push(self.with_beside(list, blob).await),
                    // Another process took it away: for a newer one, which was written before that.
                    Ok(None) => is_whole = false,
                    Err(KeptError(why)) => unread.push(why),
                }
            }
            if is_whole {
                break;
            }
        }
        all.sort_by_key(|one| one.beside.as_ref().map_or(u64::MAX, |beside| beside.number));
        let lists = all.iter().map(Written::kept).collect();
        // Nothing stands beside a name that is too long for it.
        all.retain(|one| is_name(&one.beside_blob()));
        *written = all;
        drop(written);
        Ok((lists, unread))
    }

    /// Writes what of `lists` is not there, and removes after that what is held no more. Why some of them could not be
    /// written or removed: that keeps no other from it.
    pub(super) async fn write(
        &self,
        lists: impl FnOnce() -> Vec<KeptList>,
    ) -> Result<Vec<String>, KeptError> {
        let mut written = self.written.lock().await;
        let there = self.kept.names(ALL).await?.into_iter().collect::<BTreeSet<_>>();
        let lists = lists();
        let (mut unwritten, mut why) = (Vec::new(), Vec::new());
        for kept in &lists {
            if let Err(KeptError(error)) = self.write_one(&mut written, kept, &there).await {
                unwritten.push(&kept.list);
                why.push(error);
            }
        }
        // What speaks in its place may be one that could not be written.
        let stays = |one: &Written| {
            lists.iter().any(|kept| kept.list.is(&one.list))
                || unwritten.iter().any(|list| list.issuer() == one.list.issuer())
        };
        let gone = written.iter().filter(|one| !stays(one)).cloned();
        for one in gone.collect::<Vec<_>>() {
            match self.remove(&one).await {
                Ok(()) => written.retain(|other| other.blob != one.blob),
                Err(KeptError(error)) => why.push(error),
            }
        }
        drop(written);
        if why.is_empty() && there.contains(INDEX) {
            self.kept.remove(INDEX).await?;
        }
        Ok(why)
    }
}

impl KeptLists {
    async fn list(&self, blob: &str) -> Result<Option<Crl>, KeptError> {
        let Some(bytes) = self.kept.load(blob).await? else {
            return Ok(None);
        };
        // Large lists take their time.
        let list = tokio::task::spawn_blocking(move || Crl::parse(&bytes).map_err(|error| error.to_string()));
        let list = list.await.unwrap_or_else(|error| Err(error.to_string()));
        list.map(Some)
            .map_err(|why| KeptError(format!("`{blob}` is no revocation list: {why}")))
    }

    async fn with_beside(&self, list: Crl, blob: String) -> Written {
        let one = Written {
            list,
            blob,
            is_kept: true,
            beside: None,
        };
        // What is not whole is written anew.
        let beside = self.kept.load(&one.beside_blob()).await.ok().flatten();
        Written {
            beside: beside.as_deref().and_then(Beside::read),
            ..one
        }
    }

    async fn write_one(
        &self,
        written: &mut Vec<Written>,
        kept: &KeptList,
        there: &BTreeSet<String>,
    ) -> Result<(), KeptError> {
        if !written.iter().any(|one| one.list.is(&kept.list)) {
            written.push(Written::new(&kept.list).await?);
        }
        let next = written.iter().filter_map(|one| one.beside.as_ref());
        let next = next.map(|beside| beside.number.saturating_add(1)).max();
        if let Some(one) = written.iter_mut().find(|one| one.list.is(&kept.list)) {
            self.write_list(one, there).await?;
            self.write_beside(one, kept, next.unwrap_or(0), there).await?;
        }
        Ok(())
    }

    async fn remove(&self, one: &Written) -> Result<(), KeptError> {
        self.kept.remove(&one.beside_blob()).await?;
        self.kept.remove(&one.blob).await
    }

    async fn write_list(&self, one: &mut Written, there: &BTreeSet<String>) -> Result<(), KeptError> {
        if !one.is_kept || !there.contains(&one.blob) {
            self.kept.save(&one.blob, one.list.der()).await?;
            one.is_kept = true;
        }
        Ok(())
    }

    async fn write_beside(
        &self,
        one: &mut Written,
        kept: &KeptList,
        next: u64,
        there: &BTreeSet<String>,
    ) -> Result<(), KeptError> {
        let (name, before) = (one.beside_blob(), one.beside.as_ref());
        let now = Beside::of(kept, before.map_or(next, |before| before.number));
        let stays = match before {
            Some(before) => *before == now,
            // Another process may know whose key it is.
            None => now.signer.is_none(),
        };
        if !stays || !there.contains(&name) {
            self.kept.save(&name, now.text().as_bytes()).await?;
            one.beside = Some(now);
        }
        Ok(())
    }
}

impl Written {
    /// One that is not there yet.
    async fn new(list: &Crl) -> Result<Self, KeptError> {
        let named = list.clone();
        let blob = tokio::task::spawn_blocking(move || blob(&named)).await;
        Ok(Self {
            list: list.clone(),
            blob: blob.map_err(|error| KeptError(error.to_string()))?,
            is_kept: false,
            beside: None,
        })
    }

    fn beside_blob(&self) -> String {
        format!("{}{BESIDE}", self.blob)
    }

    /// Where nothing is known of it, it counts as if its own blob had brought it: until it is known which places are
    /// looked at, nobody drops it for want of room.
    fn kept(&self) -> KeptList {
        let beside = self.beside.as_ref();
        KeptList {
            list: self.list.clone(),
            signer: beside.and_then(|beside| beside.signer.clone()),
            place: beside.map_or_else(|| self.blob.as_str().into(), |beside| Arc::clone(&beside.place)),
            is_there: beside.is_none_or(|beside| beside.is_there),
            has_begun: beside.is_some_and(|beside| beside.has_begun),
        }
    }
}

/// What the blob of a list is called.
fn blob(list: &Crl) -> String {
    let hash = digest(&SHA256, list.der());
    let mut name = A_LIST.to_owned();
    for byte in hash.as_ref().iter().take(16) {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(name, "{byte:02x}");
    }
    name
}
