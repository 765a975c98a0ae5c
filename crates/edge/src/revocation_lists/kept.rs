//! What is known of revocations, over restarts: each list as a blob of its own, and beside it what is known of that list.
//!
//! A list is taken whether or not what stands beside it is whole, so that nothing but the list itself can be lost. Several
//! gateways may keep theirs in one folder: each writes what it holds and is not there, whoever took it away. Of what it has
//! written or read and holds no more it removes what a list that it keeps speaks in place of, and for want of room only what
//! came from a place that it looks at itself and nobody else has said anything of: another may know the authority.

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

/// What is to be kept: lists, and the places that are looked at here.
pub(super) type ToKeep = (Vec<KeptList>, BTreeSet<Arc<str>>);

/// Lists in the folder of state.
#[derive(Debug)]
pub(super) struct KeptLists {
    kept: Arc<dyn Kept>,
    /// What this process has read or written. One writes at a time.
    written: Mutex<Vec<Written>>,
}

/// Why something that is kept cannot be read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Of lists.
    pub(super) lists: Vec<String>,
    /// Of what is known of those that can be.
    pub(super) beside: Vec<String>,
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
    /// Whether something stands there that cannot be read.
    is_broken: bool,
}

impl KeptLists {
    pub(super) fn new(kept: &Arc<dyn Kept>) -> Self {
        Self {
            kept: Arc::clone(kept),
            written: Mutex::default(),
        }
    }

    /// Gives `take` every list that is kept, the earliest first. What cannot be read. Nothing is written or removed before
    /// they are taken.
    pub(super) async fn read(&self, take: impl FnOnce(Vec<KeptList>)) -> Result<Unread, KeptError> {
        let mut written = self.written.lock().await;
        let (mut all, mut unread) = (Vec::new(), Unread::default());
        let mut seen = BTreeSet::new();
        for _ in 0..LOOKS {
            let mut is_whole = true;
            for blob in self.kept.names(A_LIST).await? {
                if blob.ends_with(BESIDE) || !seen.insert(blob.clone()) {
                    continue;
                }
                match self.list(&blob).await {
                    Ok(Some(list)) => {
                        let (one, why) = self.with_beside(list, blob).await;
                        all.push(one);
                        unread.beside.extend(why);
                    }
                    // Another process took it away: for a newer one, which was written before that.
                    Ok(None) => is_whole = false,
                    Err(KeptError(why)) => unread.lists.push(why),
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
        take(lists);
        drop(written);
        Ok(unread)
    }

    /// Writes what of `lists` is not there, and removes after that what is held no more. Why some of them could not be
    /// written or removed: that keeps no other from it.
    pub(super) async fn write(&self, to_keep: impl FnOnce() -> ToKeep) -> Result<Vec<String>, KeptError> {
        let mut written = self.written.lock().await;
        let there = self.kept.names(ALL).await?.into_iter().collect::<BTreeSet<_>>();
        let (lists, own) = to_keep();
        let (mut unwritten, mut why) = (Vec::new(), Vec::new());
        for kept in &lists {
            let done = self.write_one(&mut written, kept, (&there, &own)).await;
            if let Err(KeptError(error)) = done {
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
            let is_outdated = lists.iter().any(|kept| speaks_for(kept, &one.list));
            let removed = if is_outdated || self.is_ours(&one, &own).await {
                self.remove(&one).await
            } else {
                Ok(())
            };
            match removed {
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
    /// Which of `lists` are not written as they are known now.
    pub(super) async fn unwritten<'a>(&self, lists: &'a [KeptList]) -> Vec<&'a Crl> {
        let written = self.written.lock().await;
        let is_written = |kept: &KeptList| {
            let one = written.iter().find(|one| one.list.is(&kept.list));
            one.is_some_and(|one| one.is_kept && one.says(kept))
        };
        let lists = lists.iter().filter(|kept| !is_written(kept));
        lists.map(|kept| &kept.list).collect()
    }

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

    /// The list with what is known of it, and why that cannot be read.
    async fn with_beside(&self, list: Crl, blob: String) -> (Written, Option<String>) {
        let mut one = Written {
            list,
            blob,
            is_kept: true,
            beside: None,
            is_broken: false,
        };
        let name = one.beside_blob();
        if !is_name(&name) {
            return (one, None);
        }
        let why = match self.kept.load(&name).await {
            // It may have been lost: then only the clock says whether the list has begun.
            Ok(None) => None,
            Ok(Some(line)) => {
                one.beside = Beside::read(&line);
                one.beside.is_none().then(|| format!("`{name}` is not whole"))
            }
            Err(KeptError(why)) => Some(why),
        };
        // It is written anew.
        one.is_broken = why.is_some();
        (one, why)
    }

    async fn write_one(
        &self,
        written: &mut Vec<Written>,
        kept: &KeptList,
        (there, own): (&BTreeSet<String>, &BTreeSet<Arc<str>>),
    ) -> Result<(), KeptError> {
        if !written.iter().any(|one| one.list.is(&kept.list)) {
            written.push(Written::new(&kept.list).await?);
        }
        let next = written.iter().filter_map(|one| one.beside.as_ref());
        let next = next.map(|beside| beside.number.saturating_add(1)).max();
        if let Some(one) = written.iter_mut().find(|one| one.list.is(&kept.list)) {
            self.write_list(one, there).await?;
            let now = Beside::of(kept, next.unwrap_or(0));
            self.write_beside(one, now, (there, own)).await?;
        }
        Ok(())
    }

    /// Whether nobody but us has said anything of it, and it came from a place that we look at.
    async fn is_ours(&self, one: &Written, own: &BTreeSet<Arc<str>>) -> bool {
        let Some(beside) = one.beside.as_ref().filter(|beside| own.contains(&beside.place)) else {
            return false;
        };
        let said = self.kept.load(&one.beside_blob()).await;
        said.is_ok_and(|said| said.is_none_or(|said| said == beside.text().as_bytes()))
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
        now: Beside,
        (there, own): (&BTreeSet<String>, &BTreeSet<Arc<str>>),
    ) -> Result<(), KeptError> {
        let name = one.beside_blob();
        let (now, stays) = if let Some(before) = &one.beside {
            let number = before.number;
            let now = Beside { number, ..now }.and(before, own);
            let stays = now == *before;
            (now, stays)
        } else {
            // Another process may know whose key it is.
            let stays = now.signer.is_none() && !one.is_broken;
            (now, stays)
        };
        if !stays || !there.contains(&name) {
            // Another process may have found out more of it since.
            let theirs = self.kept.load(&name).await.ok().flatten();
            let theirs = theirs.as_deref().and_then(Beside::read);
            let now = theirs.iter().fold(now, |now, theirs| now.and(theirs, own));
            self.kept.save(&name, now.text().as_bytes()).await?;
            (one.beside, one.is_broken) = (Some(now), false);
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
            is_broken: false,
        })
    }

    /// Whether what stands beside it says whose key it is and that it has begun, if that is so.
    fn says(&self, kept: &KeptList) -> bool {
        match &self.beside {
            Some(beside) => {
                beside.has_begun >= kept.has_begun && (beside.signer.is_some() || kept.signer.is_none())
            }
            None => kept.signer.is_none() && !self.is_broken,
        }
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

/// Whether `kept` says all that `list` does, or what is to be said in its place.
fn speaks_for(kept: &KeptList, list: &Crl) -> bool {
    kept.list.says_as_much_as(list) || kept.has_begun && kept.list.outdates(list)
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
