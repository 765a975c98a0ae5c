//! HTTP/2 towards clients: many requests on one connection, within bounds for each and for all of them.
//!
//! The library beneath answers floods (resets, empty frames, endless heads) by ending the connection. What it leaves to
//! us: deadlines, for a head that does not end, for a connection on which nothing happens, for a client that opens no
//! window for its answer.

use super::connection::Connection;
use super::watched::Watched;
use super::{LAST_CALL, stopped};
use crate::body::{Body, Stall};
use frames::Frames;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error as _;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use streams::{Open, Streams};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

mod frames;
mod streams;

/// Requests at once on one connection.
const STREAMS: u32 = 128;
/// How much of one request's body may be on its way to us.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all requests of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of one answer waits for a client that reads slowly.
const SEND_BUFFER: usize = 64 * 1024;
/// The longest head, as RFC 9113 section 10.5.1 counts it.
const HEAD_BYTES: u32 = 32 * 1024;
/// How many requests that were taken back may wait to be looked at.
const TAKEN_BACK: usize = 20;
/// How many requests we may have ended for being against the rules.
const ENDED_BY_US: usize = 256;

/// Serves the requests of a connection until it ends.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    connection: Connection,
    stream: S,
    mut stop: watch::Receiver<bool>,
) {
    let streams = Arc::new(Streams::begin());
    let waiting = Frames::of(Arc::clone(&streams));
    let io = TokioIo::new(Watched::new(stream, waiting, connection.limits));
    let connection = Arc::new(connection);
    let service = service_fn(|request: Request<Incoming>| answer(Arc::clone(&connection), request));
    let mut builder = http2::Builder::new(Requests(Arc::clone(&streams)));
    builder
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEAD_BYTES)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(ENDED_BY_US);
    let mut served = pin!(builder.serve_connection(io, service));
    let last_call = async {
        stopped(&mut stop).await;
        if !streams.has_begun() {
            tokio::time::sleep(LAST_CALL).await;
        }
    };
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = last_call => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if ended.is_err_and(|error| is_against_the_rules(&error)) {
        connection.metrics.refused_by_the_parser();
    }
}

async fn answer(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (session, peer) = (connection.session.as_ref(), &connection.peer);
    let mut response = connection.handler.serve(session, request, peer).await;
    if let Some(taken) = response.body_mut().progress() {
        // Outside of a request of ours there is nobody to tell.
        drop(TAKEN.try_with(|cell| cell.set(taken)));
    }
    Ok(response)
}

/// Whether the client did what the protocol does not allow, or too much of what it does.
fn is_against_the_rules(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(h2::Error::is_library)
}

tokio::task_local! {
    /// Counts the parts of the answer that the client had room for: set within the task of one request, once there is an
    /// answer.
    static TAKEN: Arc<OnceLock<Arc<AtomicU64>>>;
}

/// Runs each request of a connection in a task of its own.
#[derive(Clone)]
struct Requests(Arc<Streams>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Requests {
    fn execute(&self, request: F) {
        let taken = Arc::new(OnceLock::new());
        let running = Running {
            request: Box::pin(request),
            taken: Arc::clone(&taken),
            before: 0,
            untaken: Stall::default(),
            _open: self.0.open(),
        };
        drop(tokio::spawn(TAKEN.scope(taken, running)));
    }
}

/// One request. While no part of its answer is taken nobody looks at the answer, so somebody must look at the time.
struct Running<F> {
    request: Pin<Box<F>>,
    taken: Arc<OnceLock<Arc<AtomicU64>>>,
    before: u64,
    untaken: Stall,
    _open: Open,
}

impl<F: Future<Output = ()>> Future for Running<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.request.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let Some(taken) = self.taken.get().map(|taken| taken.load(Ordering::Relaxed)) else {
            return Poll::Pending;
        };
        if taken != self.before {
            self.before = taken;
            self.untaken.moved();
        }
        // Given up, the stream is reset.
        if self.untaken.is_over(context) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
