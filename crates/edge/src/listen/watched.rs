//! A stream with deadlines: a request head must arrive in time, a connection may not idle for ever, and who does not
//! read is not waited for. What happens in between (a decision, bodies) has deadlines of its own.

use super::Limits;
use crate::body::{Activity, Stall};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream and what its connection is doing.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    /// What the deadline is set for.
    armed: u8,
    deadline: Pin<Box<Sleep>>,
    /// Runs while the far end takes nothing.
    unread: Stall,
    limits: Limits,
}

/// The deadline is set for nothing.
const UNARMED: u8 = u8::MAX;

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, limits: Limits) -> Self {
        let deadline = Box::pin(sleep(limits.head));
        Self { stream, activity, armed: UNARMED, deadline, unread: Stall::default(), limits }
    }

    /// Whether what is waited for has been waited for too long. Set anew when that changes.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let doing = self.activity.is();
        let allowed: Duration = match doing {
            Activity::IDLE => self.limits.idle,
            Activity::HEAD => self.limits.head,
            _ => return false,
        };
        if doing != self.armed {
            self.armed = doing;
            self.deadline.as_mut().reset(Instant::now() + allowed);
        }
        self.deadline.as_mut().poll(context).is_ready()
    }
}

impl<S: Unpin> Watched<S> {
    fn unless_unread(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
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
                    self.armed = UNARMED;
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
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_unread(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
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
