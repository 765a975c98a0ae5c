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

/// A stream and what its connection is doing.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    /// When to look at the activity again: never later than its deadline, and often earlier. So a request on a busy
    /// connection sets no timer.
    look: Pin<Box<Sleep>>,
    /// Runs while the far end takes nothing.
    unread: Stall,
    limits: Limits,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, limits: Limits) -> Self {
        let look = Box::pin(sleep(limits.head));
        Self {
            stream,
            activity,
            look,
            unread: Stall::default(),
            limits,
        }
    }

    /// Whether what is waited for has been waited for too long. If not, the task will look again in time.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let deadline = match self.activity.is() {
            Activity::IDLE => self.activity.since() + self.limits.idle,
            Activity::HEAD => self.activity.since() + self.limits.head,
            // When the answer is over nobody asks again before the next byte: look whether there was one.
            _ => now + self.limits.idle,
        };
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

impl<S: Unpin> Watched<S> {
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

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if self.activity.is() == Activity::IDLE && buffer.filled().len() > before {
                    self.activity.set(Activity::HEAD);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.is_late(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
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
        Pin::new(&mut self.stream).poll_shutdown(context)
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
