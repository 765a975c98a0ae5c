//! A small Workload API server, made from the standard's own words and nothing of the client's: HTTP/2, gRPC frames and
//! protobuf, written by hand.

use bytes::{BufMut as _, Bytes};
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// gRPC's `INVALID_ARGUMENT`.
const INVALID_ARGUMENT: u8 = 3;
/// gRPC's `PERMISSION_DENIED`.
pub(super) const PERMISSION_DENIED: u8 = 7;

/// What the agent tells whoever asks, and tells anew whenever it changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// For each trust domain the certificates, one after the other.
    pub(super) x509: Vec<(&'static str, Vec<u8>)>,
    /// For each trust domain a JWK Set.
    pub(super) jwt: Vec<(&'static str, Vec<u8>)>,
    /// Instead: nothing but this status.
    pub(super) status: Option<u8>,
}

/// An agent at a socket file, until it is dropped.
pub(super) struct Agent {
    told: watch::Sender<Told>,
    streams: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Agent {
    pub(super) fn at(path: &Path, told: Told) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let told = watch::Sender::new(told);
        let (streams, opened) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let service = Service {
            told: told.subscribe(),
            streams: Arc::clone(&streams),
            opened: Arc::clone(&opened),
        };
        let task = tokio::spawn(async move {
            // When this task ends, its connections do.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                let answer = service_fn(move |request| std::future::ready(service.answer(&request)));
                connections.spawn(
                    http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        Self {
            told,
            streams,
            opened,
            path: path.to_owned(),
            task,
        }
    }

    pub(super) fn tell(&self, told: Told) {
        self.told.send_replace(told);
    }

    /// How many streams are open.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// How many were opened ever.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
        drop(std::fs::remove_file(&self.path));
    }
}

#[derive(Clone)]
struct Service {
    told: watch::Receiver<Told>,
    streams: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
}

type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// Counts a stream while it is open.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service {
    #[expect(clippy::unnecessary_wraps, reason = "hyper wants a result")]
    fn answer(&self, request: &Request<Incoming>) -> Result<Response<StreamBody<Frames>>, Infallible> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let frames = if request.headers().get("workload.spiffe.io") == Some(&HeaderValue::from_static("true"))
        {
            match request.uri().path() {
                "/SpiffeWorkloadAPI/FetchX509Bundles" => self.stream(|told| map(2, &told.x509)),
                "/SpiffeWorkloadAPI/FetchJWTBundles" => self.stream(|told| map(1, &told.jwt)),
                other => panic!("asked for {other}"),
            }
        } else {
            stream::iter([Ok(trailers(INVALID_ARGUMENT))]).boxed()
        };
        let response = Response::builder().header("content-type", "application/grpc");
        Ok(response.body(StreamBody::new(frames)).unwrap())
    }

    /// What is told now, and whatever is told later.
    fn stream(&self, message: impl Fn(&Told) -> Vec<u8> + Send + 'static) -> Frames {
        self.streams.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&self.streams));
        let mut told = self.told.clone();
        told.mark_changed();
        let messages = stream::unfold((told, counted), |(mut told, counted)| async move {
            told.changed().await.ok()?;
            let now = told.borrow_and_update().clone();
            Some((now, (told, counted)))
        });
        messages
            .map(move |now| match now.status {
                Some(status) => trailers(status),
                None => Frame::data(framed(&message(&now))),
            })
            .map(Ok)
            .boxed()
    }
}

fn trailers(status: u8) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(u64::from(status)));
    trailers.insert("grpc-message", HeaderValue::from_static("no identity issued"));
    Frame::trailers(trailers)
}

/// A message behind gRPC's prefix: not compressed, so long.
fn framed(message: &[u8]) -> Bytes {
    let mut framed = vec![0];
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.extend(message);
    framed.into()
}

/// `map<string, bytes>`: for each entry a message of key (1) and value (2).
fn map(number: u8, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entry = |(name, value): &(&str, Vec<u8>)| {
        field(number, &[field(1, name.as_bytes()), field(2, value)].concat())
    };
    entries.iter().flat_map(entry).collect()
}

/// A field that has its length before it.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend(value);
    field
}
