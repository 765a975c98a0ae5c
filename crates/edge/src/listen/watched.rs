//! A stream with deadlines: a request head must arrive in time, a connection may not idle for ever, and who does not
//! read is not waited for. What happens in between (a decision, bodies) has deadlines of its own.

use super::Limits;
use crate::body::{Activity, Stall};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What a connection is waiting for.
pub(super) trait Waiting: Unpin {
    /// These bytes have come.
    fn came(&mut self, bytes: &[u8]);

    /// Until when may be waited for what is waited for now. `None` where others see to that.
    fn deadline(&self, limits: &Limits) -> Option<Instant>;
}

/// One request at a time.
impl Waiting for Arc<Activity> {
    fn came(&mut self, bytes: &[u8]) {
        if self.is() == Activity::IDLE && !bytes.is_empty() {
            self.set(Activity::HEAD);
        }
    }

    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match self.is() {
            Activity::IDLE => Some(self.since() + limits.idle),
            Activity::HEAD => Some(self.since() + limits.head),
            _ => None,
        }
    }
}

/// A stream and what its connection is doing.
#[derive(Debug)]
pub(super) struct Watched<S, W> {
    stream: S,
    waiting: W,
    /// When to look again: never later than the deadline, and often earlier. So a request on a busy connection sets no
    /// timer.
    look: Pin<Box<Sleep>>,
    /// Runs while the far end takes nothing.
    unread: Stall,
    limits: Limits,
}

impl<S, W: Waiting> Watched<S, W> {
    pub(super) fn new(stream: S, waiting: W, limits: Limits) -> Self {
        let look = Box::pin(sleep(limits.head));
        Self {
            stream,
            waiting,
            look,
            unread: Stall::default(),
            limits,
        }
    }

    /// Whether what is waited for has been waited for too long. If not, the task will look again in time.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        // When the answer is over nobody asks again before the next byte: look whether there was one.
        let deadline = self
            .waiting
            .deadline(&self.limits)
            .unwrap_or(now + self.limits.idle);
        if deadline <= now {
            return true;
        }
        if self.look.deadline() > deadline {
            self.look.as_mut().reset(deadline);
        }
        while self.look.as_mut().poll(context).is_ready() {
            self.look.as_mut().reset(deadline);
        }
        false
    }
}

impl<S: Unpin, W> Watched<S, W> {
    fn unless_unread<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.unread.moved();
                Poll::Ready(written)
            }
            Poll::Pending if self.unread.is_over(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin, W: Waiting> AsyncRead for Watched<S, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let came = buffer.filled().get(before..).unwrap_or_default();
                self.waiting.came(came);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.is_late(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin, W: Unpin> AsyncWrite for Watched<S, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_unread(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_unread(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.unless_unread(shut, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.unless_unread(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
