//! Bodies as one enum, not as boxes.

use crate::proxy::Lease;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long a body may stand still before it is given up.
pub const STALL: Duration = Duration::from_mins(1);

/// Why a body ended before its end. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Its connection broke, or it was not what its head announced.
    #[error("the body broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// No byte of it came for [`STALL`].
    #[error("the body stood still for {} s", STALL.as_secs())]
    Stalled,
}

/// What a request or an answer carries.
pub struct Body {
    kind: Kind,
    /// Runs while a part of the body is waited for.
    stall: Stall,
    /// Counts the parts that came, for whoever waits behind this body.
    progress: Option<Arc<AtomicU64>>,
    /// Told when the body is over, in whatever way.
    over: Option<Over>,
}

/// A deadline that is set when waiting begins.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    deadline: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Stall {
    /// What was waited for is here.
    pub(crate) const fn moved(&mut self) {
        self.waiting = false;
    }

    /// Still waiting: whether it has been for too long.
    pub(crate) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(STALL)));
        if !self.waiting {
            self.waiting = true;
            deadline.as_mut().reset(Instant::now() + STALL);
        }
        deadline.as_mut().poll(context).is_ready()
    }
}

enum Kind {
    Empty,
    Full(Bytes),
    /// From a client of ours.
    Incoming(Incoming),
    /// From the application: its connection goes back to the pool with the last byte that was announced, or the end where
    /// none was: whoever writes the answer on reads no further.
    Upstream(Incoming, Option<Lease>),
}

/// What a connection is doing, as far as its deadlines go, and since when.
#[derive(Debug)]
pub struct Activity {
    what: AtomicU8,
    began: Instant,
    /// Milliseconds after `began`.
    since: AtomicU64,
}

impl Activity {
    /// A connection that begins now, with the head of its first request.
    pub fn begin() -> Self {
        Self {
            what: AtomicU8::new(Self::HEAD),
            began: Instant::now(),
            since: AtomicU64::new(0),
        }
    }

    /// Nothing is under way: the next request may take its time.
    pub const IDLE: u8 = 0;
    /// A request head is arriving.
    pub const HEAD: u8 = 1;
    /// A request is being answered.
    pub const BUSY: u8 = 2;

    /// What it is doing.
    pub fn is(&self) -> u8 {
        self.what.load(Ordering::Acquire)
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.began + Duration::from_millis(self.since.load(Ordering::Acquire))
    }

    /// Notes what it does from now on.
    pub fn set(&self, what: u8) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(since, Ordering::Release);
        self.what.store(what, Ordering::Release);
    }

    /// Notes that a request is being answered: that has no deadline, so it does not matter since when.
    pub fn set_busy(&self) {
        self.what.store(Self::BUSY, Ordering::Release);
    }
}

/// Marks a connection idle when dropped.
struct Over(Arc<Activity>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.set(Activity::IDLE);
    }
}

impl Body {
    /// Nothing.
    pub const fn empty() -> Self {
        Self::of(Kind::Empty)
    }

    /// These bytes.
    pub const fn full(bytes: Bytes) -> Self {
        Self::of(Kind::Full(bytes))
    }

    /// What a client sends.
    pub const fn incoming(incoming: Incoming) -> Self {
        Self::of(Kind::Incoming(incoming))
    }

    /// What an application answers over a pooled connection.
    pub(crate) const fn upstream(incoming: Incoming, lease: Lease) -> Self {
        Self::of(Kind::Upstream(incoming, Some(lease)))
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            stall: Stall {
                deadline: None,
                waiting: false,
            },
            progress: None,
            over: None,
        }
    }

    /// Counts the parts of this body that are read from now on; `None` when there are none.
    pub(crate) fn progress(&mut self) -> Option<Arc<AtomicU64>> {
        self.progress = (!self.is_end_stream()).then(Arc::default);
        self.progress.clone()
    }

    /// The same, and `activity` is idle when it is over.
    #[must_use]
    pub(crate) fn then_idle(mut self, activity: Arc<Activity>) -> Self {
        self.over = Some(Over(activity));
        self
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (incoming, lease) = match &mut self.kind {
            Kind::Empty => return Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Kind::Incoming(incoming) => (incoming, None),
            Kind::Upstream(incoming, lease) => (incoming, Some(lease)),
        };
        match Pin::new(&mut *incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                match (&frame, lease) {
                    (_, None) => {}
                    (Some(Err(_)), Some(lease)) => drop(lease.take()),
                    (Some(Ok(_)), Some(_)) if !incoming.is_end_stream() => {}
                    (Some(Ok(_)) | None, Some(lease)) => drop(lease.take().map(Lease::give_back)),
                }
                self.stall.moved();
                if let Some(progress) = &self.progress {
                    progress.fetch_add(1, Ordering::Relaxed);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
            }
            Poll::Pending if self.stall.is_over(context) => {
                self.kind = Kind::Empty;
                Poll::Ready(Some(Err(BodyError::Stalled)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            // Read on to the end, so that the connection goes back.
            Kind::Upstream(incoming, lease) => incoming.is_end_stream() && lease.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(incoming) | Kind::Upstream(incoming, _) => incoming.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Empty => "Body(empty)",
            Kind::Full(_) => "Body(full)",
            Kind::Incoming(_) => "Body(incoming)",
            Kind::Upstream(..) => "Body(upstream)",
        })
    }
}
