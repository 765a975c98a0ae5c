//! Sockets: accepted within limits, given deadlines, drained on shutdown.

use crate::body::Body;
use crate::metrics::Metrics;
use crate::serve::Service;
use crate::status::Status;
use crate::tls::{Session, TlsHosts, Told};
use arc_swap::ArcSwap;
use countersign_core::peer::Peer;
use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use std::borrow::Borrow;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use address::{Address, AddressError};
pub use bind::{Listener, SystemdSockets};
pub(crate) use unix::bind_unix;
pub use unix::{SocketFile, UnixAccess};

use connection::Connection;
use places::Places;

mod address;
mod bind;
mod connection;
mod http2;
mod places;
mod unix;
mod watched;

#[cfg(test)]
mod tests;

/// How long is waited when nothing can be accepted: no file descriptors, no memory.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How long a request that has begun, or a connection that was just made, is waited for after the order to stop.
const LAST_CALL: Duration = Duration::from_millis(200);

/// What connections may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, over all listeners.
    pub connections: usize,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// From the order to stop until connections are cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            drain: Duration::from_secs(30),
        }
    }
}

/// What is served on a listener.
#[derive(Clone, Debug)]
pub enum Handler {
    /// Decisions, or the way to the application.
    Gateway(Service),
    /// The program's own state.
    Status(Status),
}

impl Handler {
    /// Whether answers may be long: a head alone is written with a plain write, which the kernel does for less.
    fn carries_bodies(&self) -> bool {
        match self {
            Self::Gateway(service) => service.carries_bodies(),
            Self::Status(_) => false,
        }
    }

    /// The hosts that a handshake goes by, where TLS is spoken.
    fn hosts(&self) -> Option<Arc<TlsHosts>> {
        match self {
            Self::Gateway(service) => service.hosts(),
            Self::Status(_) => None,
        }
    }

    async fn serve(
        &self,
        session: Option<&Session>,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<Body> {
        match self {
            Self::Gateway(service) => {
                let request = request.map(Body::incoming);
                service.serve_over(session, request, peer).await
            }
            Self::Status(status) => status.answer(&request.into_parts().0),
        }
    }
}

/// Serves listeners within shared limits.
#[derive(Clone, Debug)]
pub struct Server {
    limits: Arc<ArcSwap<Limits>>,
    places: Arc<Places>,
    metrics: Arc<Metrics>,
    told: Arc<Told>,
}

impl Server {
    /// A server within `limits`.
    pub fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            places: Arc::default(),
            metrics,
            told: Arc::new(Told::new(Instant::now())),
        }
    }

    /// Other limits for all listeners: for connections made from now on, and for how long the next stop waits.
    pub fn limit(&self, limits: Limits) {
        self.limits.store(Arc::new(limits));
    }

    /// Accepts until `stop` is true. Then lets go of `held` and lets the connections there are finish what they are at.
    pub async fn run(&self, held: impl Borrow<Listener>, handler: Handler, mut stop: watch::Receiver<bool>) {
        let listener = held.borrow();
        let mut connections = JoinSet::new();
        let each = stop.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer, &handler, &each, &mut connections),
                    // The connection went away before it was ours: the next one may be there.
                    Err(error) if is_of_the_connection(&error) => {}
                    Err(_) => tokio::time::sleep(BACK_OFF).await,
                },
                Some(_) = connections.join_next() => {}
                () = stopped(&mut stop) => break,
            }
        }
        // Who was let in by the system, and not by us yet, was here before the order.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            self.take(stream, peer, &handler, &each, &mut connections);
        }
        drop(held);
        let drained = async { while connections.join_next().await.is_some() {} };
        let within = self.limits.load().drain;
        drop(tokio::time::timeout(within, drained).await);
    }

    fn take(
        &self,
        stream: bind::Stream,
        peer: Peer,
        handler: &Handler,
        stop: &watch::Receiver<bool>,
        connections: &mut JoinSet<()>,
    ) {
        let limits = **self.limits.load();
        // Closed at once: an answer would cost what there is none of.
        let Some(place) = self.places.take(limits.connections) else {
            self.metrics.refused_connection();
            return;
        };
        let connection = Connection {
            peer,
            handler: handler.clone(),
            limits,
            session: None,
            metrics: Arc::clone(&self.metrics),
            place,
        };
        match stream {
            bind::Stream::Tcp(stream) => {
                drop(stream.set_nodelay(true));
                self.serve(stream, connection, stop, connections);
            }
            bind::Stream::Unix(stream) => self.serve(stream, connection, stop, connections),
        }
    }

    fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        connection: Connection,
        stop: &watch::Receiver<bool>,
        connections: &mut JoinSet<()>,
    ) {
        let stop = stop.clone();
        match connection.handler.hosts() {
            None => connections.spawn(connection.serve(stream, stop)),
            Some(hosts) => {
                let told = Arc::clone(&self.told);
                connections.spawn(connection.serve_tls(stream, hosts, told, stop))
            }
        };
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// Waits for the order to stop; the end of whoever could give it is one.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
