//! The application: writes down what reached it, byte for byte, and answers with a page nobody else may see.
//!
//! Two readers stand in one: *E* sees raw lines, and *E2* folds header names the way CGI, WSGI and PHP do
//! ([`Seen::folded`]), so that `X_Auth_Subject` and `X-Auth-Subject` are one to it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// In every page of the application, and nowhere else: an answer that holds it holds something guarded.
pub const CANARY: &str = "the guarded page of the application";

/// How much of one request is read.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// One request that reached the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Method and target, as they stand in the request line.
    pub line: String,
    /// Header lines in order, as they stand.
    pub headers: Vec<(String, Vec<u8>)>,
    /// How long the body was, once the framing is taken off.
    pub body: usize,
}

impl Seen {
    /// The values of every header line whose name is `name`, whatever its case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let own = self
            .headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.as_slice())
    }

    /// The variables a CGI application has: upper case, everything that is no letter or digit as `_`, every value that
    /// could end up under that name.
    pub fn folded(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut variables = BTreeMap::<String, Vec<Vec<u8>>>::new();
        for (name, value) in &self.headers {
            let fold = |byte: char| {
                if byte.is_ascii_alphanumeric() {
                    byte.to_ascii_uppercase()
                } else {
                    '_'
                }
            };
            let name = format!("HTTP_{}", name.chars().map(fold).collect::<String>());
            variables.entry(name).or_default().push(value.clone());
        }
        variables
    }
}

/// The application, listening on a loopback port of its own.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Upstream {
    /// Starts listening.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(tokio::spawn(serve(stream, Arc::clone(&noted))));
            }
        });
        Ok(Self {
            address,
            seen,
            accepting,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What reached it since this was last called.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut buffer = Vec::new();
    loop {
        let request = loop {
            if let Some((request, used)) = read(&buffer) {
                buffer.drain(..used);
                break request;
            }
            if buffer.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = request.line.starts_with("HEAD ");
        seen.lock().unwrap().push(request);
        let body = if head { "" } else { CANARY };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nx-application: yes\r\n\r\n{body}",
            CANARY.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One whole request at the beginning of `bytes`, and how long it is.
fn read(bytes: &[u8]) -> Option<(Seen, usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = bytes.get(..head)?.split(|byte| *byte == b'\n');
    let line = String::from_utf8_lossy(lines.next()?).trim_end().to_owned();
    let line = line
        .rsplit_once(' ')
        .map(|(line, _)| line.to_owned())
        .unwrap_or(line);
    let headers = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(line.get(..colon)?).into_owned();
        Some((name, line.get(colon + 1..)?.trim_ascii().to_vec()))
    });
    let mut seen = Seen {
        line,
        headers: headers.collect(),
        body: 0,
    };
    let rest = bytes.get(head + 4..)?;
    let header = |name| {
        let value = seen.values(name).next().map(String::from_utf8_lossy);
        value.map(std::borrow::Cow::into_owned)
    };
    let chunked = header("transfer-encoding").is_some();
    let length = header("content-length")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    let (body, used) = if chunked { unchunk(rest)? } else { (length, length) };
    if rest.len() < used {
        return None;
    }
    seen.body = body;
    Some((seen, head + 4 + used))
}

/// The length of the body in chunks at the beginning of `bytes`, without and with its framing.
fn unchunk(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut body, mut at) = (0, 0);
    loop {
        let rest = bytes.get(at..)?;
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        at += end + 2 + size + 2;
        if size == 0 {
            return (bytes.len() >= at).then_some((body, at));
        }
        body += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_whole_and_folded_as_cgi_does() {
        let bytes =
            b"POST /a?b HTTP/1.1\r\nHost: x\r\nX_Auth: 1\r\nx-auth: 2\r\nContent-Length: 3\r\n\r\nabcGET";
        let (seen, used) = read(bytes).unwrap();
        assert_eq!(used, bytes.len() - 3);
        assert_eq!((seen.line.as_str(), seen.body), ("POST /a?b", 3));
        assert_eq!(seen.values("X-AUTH").collect::<Vec<_>>(), [b"2"]);
        assert_eq!(seen.folded()["HTTP_X_AUTH"], [b"1".to_vec(), b"2".to_vec()]);
        assert_eq!(read(&bytes[..used - 1]), None);
    }

    #[test]
    fn a_chunked_body_is_counted_without_its_framing() {
        let bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let (seen, used) = read(bytes).unwrap();
        assert_eq!((seen.body, used), (3, bytes.len()));
    }
}
