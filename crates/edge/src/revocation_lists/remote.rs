//! Lists that are fetched, and when.

use bytes::Bytes;
use countersign_core::Ports;
use countersign_core::http_client::FetchLimits;
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_x509::crl::MAX_CRL_BYTES;
use http::{Request, StatusCode};
use std::time::Duration;
use url::Url;

/// How long one fetch may take: a list may be large.
const DEADLINE: Duration = Duration::from_secs(30);
/// After a fetch that failed the next begins this much later, and twice as much after each further one.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
/// A list that is about to end is fetched no more often than this.
const SHORTEST: Duration = Duration::from_secs(10);

/// One URL.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) url: Url,
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

    /// The fetch came to an end at `now`: when the next is due. Where the first list `ends` sooner than `refresh`, that is
    /// after half the time that is left.
    pub(super) fn fetched(&mut self, ends: Option<Timestamp>, refresh: Duration, now: Now) {
        let left = ends.map_or(refresh, |end| end.since(now.wall) / 2);
        (self.failures, self.answered) = (0, true);
        self.due = now.monotonic.plus(left.min(refresh).max(SHORTEST));
    }

    /// It failed, or brought nothing that counts.
    pub(super) fn failed(&mut self, refresh: Duration, now: Monotonic) {
        let wait = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(6));
        (self.failures, self.answered) = (self.failures.saturating_add(1), true);
        self.due = now.plus(wait.min(refresh).max(FIRST_BACK_OFF));
    }
}

/// What comes from there.
pub(super) async fn fetch(url: &Url, ports: &Ports) -> Result<Bytes, String> {
    let request = Request::get(url.as_str()).body(Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    let limits = FetchLimits {
        deadline: DEADLINE,
        body_bytes: MAX_CRL_BYTES,
        as_public_as: None,
        authorities: None,
    };
    let answer = ports.http.send(request, limits).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status()));
    }
    Ok(answer.into_body())
}
