//! What is known of revocations, over restarts: each list as a blob of its own, and one that says which there are.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::kept::{Kept, KeptError};
use countersign_x509::crl::{Crl, KeptList};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The blob that says which lists there are: of each a line with its blob, the key that signed it, whether it is still
/// where it came from, whether it ever had begun, and where it came from. Keys and places in base64, `-` for none.
pub const WHAT_IS_KNOWN: &str = "crls";
/// The most lines of it that are read.
const MAX_LINES: usize = 16 * 1024;

/// Lists in the folder of state.
#[derive(Debug)]
pub(super) struct KeptLists {
    kept: Arc<dyn Kept>,
    /// What is there now: each list, and its line. One writes at a time.
    written: Mutex<Vec<(Crl, String)>>,
}

impl KeptLists {
    pub(super) fn new(kept: &Arc<dyn Kept>) -> Self {
        Self {
            kept: Arc::clone(kept),
            written: Mutex::default(),
        }
    }

    /// What this process, or one before it, has written, and how many of the lists cannot be read.
    pub(super) async fn read(&self) -> Result<(Vec<KeptList>, usize), KeptError> {
        let index = self.kept.load(WHAT_IS_KNOWN).await?.unwrap_or_default();
        let index = String::from_utf8(index).unwrap_or_default();
        let mut lists = Vec::new();
        let mut unread = 0;
        let mut written = self.written.lock().await;
        for line in index.lines().take(MAX_LINES) {
            let Some(read) = Line::read(line) else {
                unread += 1;
                continue;
            };
            let Some(list) = self.list(read.blob).await else {
                unread += 1;
                continue;
            };
            written.push((list.clone(), line.to_owned()));
            lists.push(KeptList {
                list,
                signer: read.signer,
                place: read.place,
                is_there: read.is_there,
                has_begun: read.has_begun,
            });
        }
        drop(written);
        Ok((lists, unread))
    }

    /// Writes what `lists` gives, where that is something else than was written before.
    pub(super) async fn write(&self, lists: impl FnOnce() -> Vec<KeptList>) -> Result<(), KeptError> {
        let mut written = self.written.lock().await;
        let mut now = Vec::new();
        for kept in lists() {
            let before = written.iter().find(|(list, _)| list.is(&kept.list));
            let known = before.and_then(|(_, line)| line.split(' ').next());
            let blob = match known {
                Some(blob) => blob.to_owned(),
                None => self.save(&kept.list).await?,
            };
            now.push((kept.list.clone(), line(&blob, &kept)));
        }
        let lines = |all: &[(Crl, String)]| {
            all.iter()
                .map(|(_, line)| line.clone() + "\n")
                .collect::<String>()
        };
        if lines(&now) == lines(&written) {
            return Ok(());
        }
        self.kept.save(WHAT_IS_KNOWN, lines(&now).as_bytes()).await?;
        let before = std::mem::replace(&mut *written, now);
        let gone = before
            .iter()
            .filter(|(list, _)| !written.iter().any(|(other, _)| other.is(list)));
        for (_, line) in gone {
            self.kept
                .remove(line.split(' ').next().unwrap_or_default())
                .await?;
        }
        drop(written);
        Ok(())
    }
}

impl KeptLists {
    async fn list(&self, blob: &str) -> Option<Crl> {
        let bytes = self.kept.load(blob).await.ok().flatten()?;
        // Large lists take their time.
        let list = tokio::task::spawn_blocking(move || Crl::parse(&bytes).ok());
        list.await.ok().flatten()
    }

    /// Writes one list. What its blob is called.
    async fn save(&self, list: &Crl) -> Result<String, KeptError> {
        let named = list.clone();
        let blob = tokio::task::spawn_blocking(move || blob(&named)).await;
        let blob = blob.map_err(|error| KeptError(error.to_string()))?;
        self.kept.save(&blob, list.der()).await?;
        Ok(blob)
    }
}

/// What the blob of a list is called.
fn blob(list: &Crl) -> String {
    let hash = digest(&SHA256, list.der());
    let mut name = "crl-".to_owned();
    for byte in hash.as_ref().iter().take(16) {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(name, "{byte:02x}");
    }
    name
}

fn line(blob: &str, kept: &KeptList) -> String {
    let signer = kept.signer.as_ref().map(|signer| STANDARD.encode(signer));
    let signer = signer.as_deref().unwrap_or("-");
    let is_there = if kept.is_there { "there" } else { "-" };
    let has_begun = if kept.has_begun { "begun" } else { "-" };
    let place = STANDARD.encode(kept.place.as_bytes());
    format!("{blob} {signer} {is_there} {has_begun} {place}")
}

/// What a line says.
struct Line<'a> {
    blob: &'a str,
    signer: Option<Box<[u8]>>,
    is_there: bool,
    has_begun: bool,
    place: Arc<str>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let blob = words.next()?;
        let signer = match words.next()? {
            "-" => None,
            signer => Some(STANDARD.decode(signer).ok()?.into()),
        };
        let is_there = words.next()? == "there";
        let has_begun = words.next()? == "begun";
        let place = String::from_utf8(STANDARD.decode(words.next()?).ok()?).ok()?;
        Some(Self {
            blob,
            signer,
            is_there,
            has_begun,
            place: place.into(),
        })
    }
}
