//! The application behind it all: answers 200 to anything, speaks WebSocket where it is asked to, and remembers what
//! reached it.

use crate::http::{body, head, values};
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The key that a WebSocket is opened with, and its answer, of RFC 6455, section 1.3. What comes then is sent back.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: usize,
}

impl Seen {
    /// The values of one header; a header sent empty says nothing.
    pub(crate) fn said(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// Whether any header's value holds `text`.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.headers.iter().any(|(_, value)| value.contains(text))
    }
}

/// The server. Its threads end with the test process.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let upstream = Self {
            address,
            seen: Arc::clone(&seen),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(&stream, &seen));
            }
        });
        upstream
    }

    /// What has arrived since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// The same: one request, but for those that a browser makes for an icon.
    pub(crate) fn take_one(&self) -> Seen {
        let mut seen = self.take();
        seen.retain(|seen| !seen.line.contains("/favicon.ico"));
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    const PAGE: &str = "the page\n";
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (line, headers) = head(&mut reader)?;
        let body = body(&mut reader, &headers, false)?.len();
        let to_head = line.starts_with("HEAD ");
        let length = PAGE.len();
        let socket = values(&headers, "sec-websocket-key").next().map(str::to_owned);
        seen.lock().unwrap().push(Seen { line, headers, body });
        if socket.as_deref() == Some(KEY) {
            write!(
                writer,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            )?;
            return std::io::copy(&mut reader, &mut writer).map(drop);
        }
        let page = if to_head { "" } else { PAGE };
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-From: upstream\r\n\r\n{page}"
        )?;
    }
}
