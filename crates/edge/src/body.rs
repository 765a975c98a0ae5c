//! Bodies as one enum, not as boxes.

use crate::proxy::Lease;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// Why a body ended before its end. The text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off: {0}")]
pub struct BodyError(#[from] hyper::Error);

/// What a request or an answer carries.
pub struct Body {
    kind: Kind,
    /// Told when the body is over, in whatever way.
    over: Option<Over>,
}

enum Kind {
    Empty,
    Full(Bytes),
    /// From a client of ours.
    Incoming(Incoming),
    /// From the application: its connection goes back to the pool once the body has been read to its end.
    Upstream(Incoming, Option<Lease>),
}

/// What a connection is doing, as far as its deadlines go.
#[derive(Debug, Default)]
pub struct Activity(AtomicU8);

impl Activity {
    /// Nothing is under way: the next request may take its time.
    pub const IDLE: u8 = 0;
    /// A request head is arriving.
    pub const HEAD: u8 = 1;
    /// A request is being answered.
    pub const BUSY: u8 = 2;

    /// What it is doing.
    pub fn is(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Notes what it is doing.
    pub fn set(&self, what: u8) {
        self.0.store(what, Ordering::Release);
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
        Self { kind: Kind::Empty, over: None }
    }

    /// These bytes.
    pub const fn full(bytes: Bytes) -> Self {
        Self { kind: Kind::Full(bytes), over: None }
    }

    /// What a client sends.
    pub const fn incoming(incoming: Incoming) -> Self {
        Self { kind: Kind::Incoming(incoming), over: None }
    }

    /// What an application answers over a pooled connection.
    pub(crate) const fn upstream(incoming: Incoming, lease: Lease) -> Self {
        Self { kind: Kind::Upstream(incoming, Some(lease)), over: None }
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
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Kind::Incoming(incoming) => Pin::new(incoming).poll_frame(context).map_err(BodyError),
            Kind::Upstream(incoming, lease) => {
                let frame = std::task::ready!(Pin::new(incoming).poll_frame(context));
                match &frame {
                    None => drop(lease.take().map(Lease::give_back)),
                    Some(Err(_)) => drop(lease.take()),
                    Some(Ok(_)) => {}
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError)))
            }
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
