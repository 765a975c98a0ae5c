//! One connection: its handshake, and HTTP/1 on it.

use super::places::Place;
use super::watched::Watched;
use super::{Handler, LAST_CALL, Limits, http2, stopped};
use crate::body::Activity;
use crate::metrics::Metrics;
use crate::tls::{self, Failure, Session, TlsHosts, Told};
use countersign_core::peer::{Peer, PeerAddress};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The parser's own buffer: above our limit for a head, so that we can say what was wrong.
const PARSER_BYTES: usize = 64 * 1024;

/// One connection, and what holds for it to its end.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) handler: Handler,
    pub(super) limits: Limits,
    pub(super) session: Option<Session>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) place: Place,
}

impl Connection {
    /// Shakes hands within the time that a head may take, and serves.
    pub(super) async fn serve_tls<S: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        stream: S,
        hosts: Arc<TlsHosts>,
        told: Arc<Told>,
        mut stop: watch::Receiver<bool>,
    ) {
        // On the heap, like what follows: a handshake takes room that a connection is not to hold to its end.
        let handshake = Box::pin(timeout(self.limits.head, tls::accept(stream, &hosts)));
        let last_call = async {
            stopped(&mut stop).await;
            tokio::time::sleep(LAST_CALL).await;
        };
        let shaken = tokio::select! {
            shaken = handshake => shaken.unwrap_or(Err(Failure::Late)),
            () = last_call => return,
        };
        drop(hosts);
        match shaken {
            Ok((stream, session)) => {
                let http2 = session.http2;
                self.peer.certificate.clone_from(&session.presented);
                self.session = Some(session);
                if http2 {
                    Box::pin(http2::serve(self, stream, stop)).await;
                } else {
                    Box::pin(self.serve(stream, stop)).await;
                }
            }
            Err(failure) => self.tell(&failure, &told),
        }
    }

    fn tell(&self, failure: &Failure, told: &Told) {
        self.metrics.failed_handshake(failure.word());
        let Handler::Gateway(service) = &self.handler else {
            return;
        };
        // Who looks whether the port is open, and says nothing, is only counted.
        if matches!(failure, Failure::Closed) {
            return;
        }
        if let Some(left_out) = told.one_more(Instant::now()) {
            let more = match left_out {
                0 => String::new(),
                more => format!(" ({more} more were not told)"),
            };
            let whose = match self.peer.address {
                PeerAddress::Ip(address) => address.to_string(),
                PeerAddress::Unix => "unix".to_owned(),
            };
            let text = format!("{whose}: {failure}{more}");
            service.log().event("warning", "handshake", &text);
        }
    }

    /// Serves one request after another, over HTTP/1.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
        mut stop: watch::Receiver<bool>,
    ) {
        let activity = Arc::new(Activity::begin());
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity), self.limits));
        let (peer, handler, session) = (&self.peer, &self.handler, self.session.as_ref());
        let service = service_fn(|request: Request<Incoming>| {
            activity.set_busy();
            let activity = Arc::clone(&activity);
            async move {
                let response = handler.serve(session, request, peer).await;
                Ok::<_, Infallible>(response.map(|body| body.then_idle(activity)))
            }
        });
        let mut builder = http1::Builder::new();
        // At most 100 header lines: the parser's own limit, and naming it would cost an allocation per request.
        builder
            .header_read_timeout(None)
            .max_buf_size(PARSER_BYTES)
            .writev(handler.carries_bodies());
        let mut connection = pin!(builder.serve_connection(io, service));
        let last_call = async {
            stopped(&mut stop).await;
            if activity.is() == Activity::HEAD {
                tokio::time::sleep(LAST_CALL).await;
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = last_call => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if ended.is_err_and(|error| error.is_parse()) {
            self.metrics.refused_by_the_parser();
        }
        drop(self.place);
    }
}
