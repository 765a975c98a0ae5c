//! A client that sends exactly the bytes it is told to, and reads one answer.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How long a read may take, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(20);

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// One request, sent as written.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    line: String,
    headers: String,
    body: Vec<u8>,
    closes: bool,
}

impl Request {
    /// `target` may be in absolute form.
    pub(crate) fn new(method: &str, target: &str, host: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: format!("Host: {host}\r\n"),
            body: Vec::new(),
            closes: true,
        }
    }

    pub(crate) fn get(target: &str, host: &str) -> Self {
        Self::new("GET", target, host)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.headers, "{name}: {value}\r\n").unwrap();
        self
    }

    pub(crate) fn bearer(self, token: Option<&str>) -> Self {
        match token {
            Some(token) => self.header("Authorization", &format!("Bearer {token}")),
            None => self,
        }
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self = self.header("Content-Length", &body.len().to_string());
        body.clone_into(&mut self.body);
        self
    }

    /// Says nothing of closing the connection after the answer.
    pub(crate) fn kept_open(mut self) -> Self {
        self.closes = false;
        self
    }

    /// Sends it on a connection of its own.
    pub(crate) fn send(&self, to: &Address) -> Answer {
        self.try_send(to)
            .unwrap_or_else(|error| panic!("no answer from {to:?} to {}: {error}", self.line))
    }

    pub(crate) fn try_send(&self, to: &Address) -> std::io::Result<Answer> {
        let close = if self.closes { "Connection: close\r\n" } else { "" };
        let head = format!("{}\r\n{}{close}\r\n", self.line, self.headers);
        match to {
            Address::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, DEADLINE)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                let writer = stream.try_clone()?;
                self.exchange(writer, stream, head)
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                let writer = stream.try_clone()?;
                self.exchange(writer, stream, head)
            }
        }
    }

    /// Writes in a thread of its own: a server may answer, and hang up, before it has read a large body.
    fn exchange(
        &self,
        mut writer: impl Write + Send + 'static,
        reader: impl Read,
        head: String,
    ) -> std::io::Result<Answer> {
        let body = self.body.clone();
        std::thread::spawn(move || {
            writer
                .write_all(head.as_bytes())
                .and_then(|()| writer.write_all(&body))
        });
        Answer::read(&mut BufReader::new(reader), self.line.starts_with("HEAD "))
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of the first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// How many headers of this name there are.
    pub(crate) fn count(&self, name: &str) -> usize {
        values(&self.headers, name).count()
    }

    pub(crate) fn read(from: &mut impl BufRead, to_head: bool) -> std::io::Result<Self> {
        let (line, headers) = head(from)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("not an answer: {line:?}")))?;
        let body = if to_head || matches!(status, 101 | 204 | 304) {
            Vec::new()
        } else {
            body(from, &headers, true)?
        };
        Ok(Self {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// The values of every header of this name, without regard to case.
pub(crate) fn values<'a>(
    headers: &'a [(String, String)],
    name: &str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let name = name.to_owned();
    let own = headers
        .iter()
        .filter(move |(own, _)| own.eq_ignore_ascii_case(&name));
    own.map(|(_, value)| value.as_str())
}

/// First line and headers.
pub(crate) fn head(from: &mut impl BufRead) -> std::io::Result<(String, Vec<(String, String)>)> {
    let mut line = || {
        let mut text = Vec::new();
        from.read_until(b'\n', &mut text)?;
        if text.pop() != Some(b'\n') {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        match text.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Ok((first, headers)),
        }
    }
}

/// The body as its headers announce it; without announcement nothing, or with `to_end` what comes.
pub(crate) fn body(
    from: &mut impl BufRead,
    headers: &[(String, String)],
    to_end: bool,
) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if values(headers, "transfer-encoding").any(|coding| coding == "chunked") {
        loop {
            let mut size = String::new();
            from.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            from.take(size).read_to_end(&mut body)?;
            from.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match values(headers, "content-length").next().map(str::parse::<usize>) {
        Some(length) => {
            body.resize(length.map_err(std::io::Error::other)?, 0);
            from.read_exact(&mut body)?;
        }
        None if to_end => drop(from.read_to_end(&mut body)?),
        None => {}
    }
    Ok(body)
}
