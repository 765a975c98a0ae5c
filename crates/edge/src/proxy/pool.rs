//! Connections to applications, kept for the next request: last in, first out, per host and port.

use super::ProxyFailure;
use crate::body::Body;
use countersign_core::reason::AnswerReason;
use http::{Request, Response};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A connection unused for longer is not used again.
const IDLE: Duration = Duration::from_mins(1);
/// How many unused connections are kept for one application.
const MAX_IDLE: usize = 64;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
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
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.authority)
    }
}

impl Upstreams {
    /// Sends `request` to `authority`. A kept connection that turns out to be closed hands an unsent request back; only
    /// such a request is sent again, and over a new connection.
    pub(super) async fn send(&self, authority: &str, request: Request<Body>) -> Result<Response<Body>, ProxyFailure> {
        let mut request = request;
        while let Some(mut sender) = self.take(authority) {
            match within(sender.try_send_request(request)).await? {
                Ok(response) => return Ok(self.lend(response, sender, authority)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.error())),
                },
            }
        }
        let mut sender = connect(authority).await?;
        match within(sender.send_request(request)).await? {
            Ok(response) => Ok(self.lend(response, sender, authority)),
            Err(error) => Err(broken(&error)),
        }
    }

    fn take(&self, authority: &str) -> Option<SendRequest<Body>> {
        let mut pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = pool.get_mut(authority)?;
        while let Some(Idle { sender, since }) = idle.pop() {
            if since.elapsed() < IDLE && !sender.is_closed() && sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn lend(
        &self,
        response: Response<hyper::body::Incoming>,
        sender: SendRequest<Body>,
        authority: &str,
    ) -> Response<Body> {
        let lease = Lease { sender, authority: authority.into(), pool: Arc::clone(&self.idle) };
        response.map(|incoming| Body::upstream(incoming, lease))
    }
}

async fn within<T>(answer: impl Future<Output = T>) -> Result<T, ProxyFailure> {
    let late = |_| ProxyFailure::new(AnswerReason::UpstreamTimeout, "no answer within 60 s");
    timeout(FIRST_BYTE, answer).await.map_err(late)
}

async fn connect(authority: &str) -> Result<SendRequest<Body>, ProxyFailure> {
    let unreachable = |why: String| ProxyFailure::new(AnswerReason::UpstreamUnreachable, format!("{authority}: {why}"));
    let stream = timeout(CONNECT, TcpStream::connect(authority)).await;
    let stream = stream.map_err(|_| unreachable("no connection within 5 s".to_owned()))?;
    let stream = stream.map_err(|error| unreachable(error.to_string()))?;
    // Best effort: without it small answers may wait for an acknowledgement.
    drop(stream.set_nodelay(true));
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| broken(&error))?;
    drop(tokio::spawn(async move {
        // How a connection ends is told by the requests on it.
        drop(connection.await);
    }));
    Ok(sender)
}

fn broken(error: &hyper::Error) -> ProxyFailure {
    ProxyFailure::new(AnswerReason::UpstreamBroken, error.to_string())
}
