//! As much of HTTP as the chores need: a client that keeps its connection, and a server that publishes one document.

use crate::Failure;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection to a port of this machine.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(port: u16) -> std::io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// A second handle, to write with while another thread reads.
    pub(crate) fn writer(&self) -> std::io::Result<impl Write + use<>> {
        self.0.get_ref().try_clone()
    }

    /// Sends a head that ends with an empty line, and reads the answer.
    pub(crate) fn ask(&mut self, head: &str) -> std::io::Result<Answer> {
        self.0.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> std::io::Result<Answer> {
        let malformed = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.ok_or_else(|| malformed("no status"))?,
            head,
            body: Vec::new(),
        };
        if answer.header("Transfer-Encoding").is_some() {
            self.chunks(&mut answer.body)?;
        } else if let Some(length) = answer.header("Content-Length") {
            let length = length.parse::<u64>().map_err(|_| malformed("no length"))?;
            (&mut self.0).take(length).read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> std::io::Result<()> {
        loop {
            let mut size = String::new();
            self.0.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            (&mut self.0).take(size).read_to_end(body)?;
            self.0.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}

/// Asks once, on a connection of its own.
pub(crate) fn ask(port: u16, head: &str) -> Result<Answer, Failure> {
    Ok(Connection::open(port)?.ask(head)?)
}

/// A server that answers every request with one document. It listens no more once it is dropped.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) port: u16,
    document: Arc<Mutex<Vec<u8>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Publishes at a free port, or at the one that was used before.
    pub(crate) fn start(port: u16, document: impl Into<Vec<u8>>) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        let (document, ends) = (
            Arc::new(Mutex::new(document.into())),
            Arc::<AtomicBool>::default(),
        );
        let (published, ended) = (Arc::clone(&document), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let document = published.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A client that goes away in the middle is its own loss.
                std::thread::spawn(move || drop(publish(stream, &document)));
            }
        });
        Ok(Self {
            port,
            document,
            ends,
            thread: Some(thread),
        })
    }

    /// Publishes another document from now on.
    pub(crate) fn change(&self, document: impl Into<Vec<u8>>) {
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = document.into();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn publish(stream: TcpStream, document: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        document.len()
    );
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(document)
}
