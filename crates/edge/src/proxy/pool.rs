//! Connections to applications, kept for the next request: last in, first out, per host and port.

use super::ProxyFailure;
use crate::body::Body;
use countersign_core::reason::AnswerReason;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A connection unused for longer is not used again.
const IDLE: Duration = Duration::from_mins(1);
/// How many unused connections are kept for one application.
const MAX_IDLE: usize = 64;
/// A new connection on which for so long no answer begins may wait for the end of a kept one: some applications serve one
/// connection at a time, or a few. Twice as long after each that was closed in vain: others take their time.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest head of an answer, and how much of a body is read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long an application may take to begin its answer.
const FIRST_BYTE: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Body>,
    since: Instant,
}

type Pool = Mutex<HashMap<Box<str>, Vec<Idle>>>;

/// All connections to applications.
#[derive(Debug, Default)]
pub struct Upstreams {
    idle: Arc<Pool>,
}

/// A connection in use; it goes back once its answer has been read to the end.
pub struct Lease {
    sender: SendRequest<Body>,
    authority: Box<str>,
    pool: Arc<Pool>,
}

impl Lease {
    /// Keeps the connection for the next request.
    pub(crate) fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = pool.entry(self.authority).or_default();
        if idle.len() < MAX_IDLE {
            idle.push(Idle {
                sender: self.sender,
                since: Instant::now(),
            });
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.authority)
    }
}

impl Upstreams {
    /// Sends `request` to `authority`: over a kept connection only where it may be asked twice, because the application
    /// may be closing just that connection, with or without a word. If the answer does not begin there, for whatever
    /// reason, the request is asked once more, over a new connection. Any other request takes the place of a kept
    /// connection: who serves one connection at a time is free for the new one. Where kept connections came to be while it
    /// waits they are closed in the same way, one by one.
    pub(super) async fn send(
        &self,
        authority: &str,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, ProxyFailure> {
        let progress = request.body_mut().progress();
        let progress = progress.as_deref();
        let kept = self.take(authority).filter(|_| may_be_asked_twice(&request));
        if let Some(mut kept) = kept {
            let (head, body) = request.into_parts();
            let first = Request::from_parts(head.clone(), Body::empty());
            if let Ok(response) = within(progress, kept.send_request(first)).await? {
                return self.lend(response, kept, authority);
            }
            request = Request::from_parts(head, body);
        }
        let mut sender = connect(authority).await?;
        let answer = within(progress, sender.send_request(request));
        match self.making_room(authority, answer).await? {
            Ok(response) => self.lend(response, sender, authority),
            Err(error) => Err(broken(&error)),
        }
    }

    /// The answer over a new connection, which may have to wait for a kept one.
    async fn making_room<T>(&self, authority: &str, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let mut patience = PATIENCE;
        loop {
            match timeout(patience, answer.as_mut()).await {
                Ok(answer) => return answer,
                Err(_) if self.close_one(authority) => patience *= 2,
                Err(_) => {}
            }
        }
    }

    /// Closes the kept connection that is unused for longest, where there is one.
    fn close_one(&self, authority: &str) -> bool {
        let mut pool = self.idle();
        let idle = pool.get_mut(authority).filter(|idle| !idle.is_empty());
        idle.map(|idle| drop(idle.remove(0))).is_some()
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, authority: &str) -> Option<SendRequest<Body>> {
        let mut pool = self.idle();
        let idle = pool.get_mut(authority)?;
        for place in (0..idle.len()).rev() {
            let Some(kept) = idle.get(place) else { continue };
            if kept.sender.is_closed() || kept.since.elapsed() >= IDLE {
                drop(idle.remove(place));
            } else if kept.sender.is_ready() {
                return Some(idle.remove(place).sender);
            }
            // Not ready: its last answer was read to the end a moment ago. It will be.
        }
        None
    }

    /// Closes the connections that are kept: after a reload their applications may not be ours any more.
    pub fn forget(&self) {
        self.idle().clear();
    }

    fn lend(
        &self,
        response: Response<hyper::body::Incoming>,
        sender: SendRequest<Body>,
        authority: &str,
    ) -> Result<Response<Body>, ProxyFailure> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ProxyFailure::new(
                AnswerReason::UpstreamBroken,
                "it switches protocols, unasked",
            ));
        }
        let lease = Lease {
            sender,
            authority: authority.into(),
            pool: Arc::clone(&self.idle),
        };
        Ok(response.map(|incoming| {
            if incoming.is_end_stream() {
                lease.give_back();
                Body::empty()
            } else {
                Body::upstream(incoming, lease)
            }
        }))
    }
}

/// Whether `request` means the same when it is asked again (RFC 9110 section 9.2.1), and can be: a body is read once.
fn may_be_asked_twice(request: &Request<Body>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.body().is_end_stream()
}

/// The answer, unless for [`FIRST_BYTE`] neither it began nor the request's body made progress.
async fn within<T>(progress: Option<&AtomicU64>, answer: impl Future<Output = T>) -> Result<T, ProxyFailure> {
    let sent = || progress.map(|progress| progress.load(Ordering::Relaxed));
    let mut answer = pin!(answer);
    loop {
        let before = sent();
        match timeout(FIRST_BYTE, answer.as_mut()).await {
            Ok(answer) => return Ok(answer),
            Err(_) if sent() != before => {}
            Err(_) => {
                return Err(ProxyFailure::new(
                    AnswerReason::UpstreamTimeout,
                    "no answer within 60 s",
                ));
            }
        }
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Body>, ProxyFailure> {
    let unreachable =
        |why: String| ProxyFailure::new(AnswerReason::UpstreamUnreachable, format!("{authority}: {why}"));
    let stream = timeout(CONNECT, TcpStream::connect(authority)).await;
    let stream = stream.map_err(|_| unreachable("no connection within 5 s".to_owned()))?;
    let stream = stream.map_err(|error| unreachable(error.to_string()))?;
    // Best effort: without it small answers may wait for an acknowledgement.
    drop(stream.set_nodelay(true));
    let handshake = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(|error| broken(&error))?;
    drop(tokio::spawn(async move {
        // How a connection ends is told by the requests on it.
        drop(connection.await);
    }));
    Ok(sender)
}

/// An error of `is_user` comes from the body that we were sending: the client's.
fn broken(error: &hyper::Error) -> ProxyFailure {
    let reason = if error.is_user() {
        AnswerReason::RequestBroken
    } else {
        AnswerReason::UpstreamBroken
    };
    ProxyFailure::new(reason, error.to_string())
}
