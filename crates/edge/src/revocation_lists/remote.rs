//! Lists that are fetched: when, and the copy that outlives the process.

use super::files::{beside, taken};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use countersign_core::Ports;
use countersign_core::http_client::FetchLimits;
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex, MAX_CRL_BYTES};
use http::{Request, StatusCode};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long one fetch may take: a list may be large.
const DEADLINE: Duration = Duration::from_secs(30);
/// After a fetch that failed the next begins this much later, and twice as much after each further one.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
/// A list that is about to end is fetched no more often than this.
const SHORTEST: Duration = Duration::from_secs(10);

/// One URL, and what came from it.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) url: Url,
    pub(super) lists: Vec<Crl>,
    /// When it is to be fetched.
    due: Monotonic,
    failures: u32,
    /// Whether a fetch ever ended, one way or the other.
    answered: bool,
}

impl Remote {
    /// Due at once.
    pub(super) fn new(url: Url) -> Self {
        Self {
            url,
            lists: Vec::new(),
            due: Monotonic::default(),
            failures: 0,
            answered: false,
        }
    }

    pub(super) fn is_due(&self, now: Monotonic) -> bool {
        now >= self.due
    }

    /// Whether nobody knows yet what comes from it.
    pub(super) const fn is_awaited(&self) -> bool {
        !self.answered
    }

    /// A fetch begins. Whatever becomes of it, the next is due when it must have ended.
    pub(super) fn begun(&mut self, now: Monotonic) {
        self.due = now.plus(DEADLINE.saturating_mul(2));
    }

    /// The fetch came to an end at `now`: when the next is due. A list that ends sooner than `refresh` is fetched at half
    /// the time that is left.
    pub(super) fn fetched(&mut self, lists: Vec<Crl>, refresh: Duration, now: Now) {
        let ends = lists.iter().map(Crl::next_update).min();
        let left = ends.map_or(refresh, |end: Timestamp| end.since(now.wall) / 2);
        self.lists = beside(lists, &self.lists);
        (self.failures, self.answered) = (0, true);
        self.due = now.monotonic.plus(left.min(refresh).max(SHORTEST));
    }

    /// What is kept for the next start: `body` as it came, or all that is held besides it.
    pub(super) fn copy(&self, body: Bytes, came: usize) -> Bytes {
        if self.lists.len() == came {
            return body;
        }
        self.lists.iter().map(Crl::to_pem).collect::<String>().into()
    }

    /// It failed.
    pub(super) fn failed(&mut self, refresh: Duration, now: Monotonic) {
        let wait = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(6));
        (self.failures, self.answered) = (self.failures.saturating_add(1), true);
        self.due = now.plus(wait.min(refresh).max(FIRST_BACK_OFF));
    }

    /// What the copy of the last good list is called.
    fn blob(url: &Url) -> String {
        let hash = digest(&SHA256, url.as_str().as_bytes());
        let mut name = "crl-".to_owned();
        for byte in hash.as_ref().iter().take(16) {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Fetches the list: what it holds, and as it came.
pub(super) async fn fetch(
    url: &Url,
    ports: &Ports,
    authorities: &Arc<Authorities>,
) -> Result<(Vec<Crl>, Bytes), String> {
    let request = Request::get(url.as_str()).body(Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    let limits = FetchLimits {
        deadline: DEADLINE,
        body_bytes: MAX_CRL_BYTES,
        as_public_as: None,
        authorities: None,
    };
    let answer = ports
        .http
        .send(request, limits)
        .await
        .map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status()));
    }
    let body = answer.into_body();
    let lists = taken_aside(body.clone(), authorities).await?;
    Ok((lists, body))
}

/// Keeps the list for the next start.
pub(super) async fn keep(url: &Url, body: &Bytes, ports: &Ports) {
    // Without the copy the next start waits for the network, and that is all.
    drop(ports.kept.save(&Remote::blob(url), body).await);
}

/// The copy of the list that was fetched last, by this process or one before it.
pub(super) async fn kept(url: &Url, ports: &Ports, authorities: &Arc<Authorities>) -> Option<Vec<Crl>> {
    let bytes = ports.kept.load(&Remote::blob(url)).await.ok().flatten()?;
    let authorities = Arc::clone(authorities);
    let taken = tokio::task::spawn_blocking(move || {
        // One that does not hold any more takes none of the others with it.
        let mut lists = Crl::parse_all(&bytes).ok()?;
        lists.retain(|list| CrlIndex::new([list.clone()], &authorities).is_ok());
        Some(lists)
    });
    taken.await.ok().flatten()
}

/// Large lists take their time, and requests are served meanwhile.
async fn taken_aside(bytes: Bytes, authorities: &Arc<Authorities>) -> Result<Vec<Crl>, String> {
    let authorities = Arc::clone(authorities);
    let taken = tokio::task::spawn_blocking(move || taken(&bytes, &authorities)).await;
    taken.unwrap_or_else(|error| Err(error.to_string()))
}
