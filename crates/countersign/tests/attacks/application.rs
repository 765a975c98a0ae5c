//! An application that reads by the letter of RFC 9112, keeps what it read, and takes nothing that has two readings.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The values of one header.
    pub(crate) fn said(&self, name: &str) -> Vec<&str> {
        let own = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.as_str()).collect()
    }
}

/// What became of what came.
#[derive(Debug, Default)]
struct Record {
    requests: Vec<Seen>,
    /// Bytes that are no request by the letter, each with why.
    faults: Vec<String>,
}

/// The application. Its threads end with the test process.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Application {
    /// Answers 200 to every request, when it is whole.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::<Mutex<Record>>::default();
        let application = Self {
            address,
            record: Arc::clone(&record),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let record = Arc::clone(&record);
                std::thread::spawn(move || serve(stream, &record));
            }
        });
        application
    }

    /// The whole requests that arrived since the last call. Fails the test when something else arrived.
    pub(crate) fn take(&self) -> Vec<Seen> {
        let mut record = self.record.lock().unwrap();
        assert!(record.faults.is_empty(), "{:?}", record.faults);
        std::mem::take(&mut record.requests)
    }
}

fn serve(mut stream: TcpStream, record: &Mutex<Record>) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match request(&bytes) {
            Ok(Some((seen, length))) => {
                record.lock().unwrap().requests.push(seen);
                bytes.drain(..length);
                if stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .is_err()
                {
                    return;
                }
            }
            // A request that broke off is none, and nothing can follow it.
            Ok(None) => match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&piece[..read]),
            },
            Err(why) => {
                let what = String::from_utf8_lossy(&bytes).into_owned();
                record.lock().unwrap().faults.push(format!("{why}: {what:?}"));
                return;
            }
        }
    }
}

/// The first request of `bytes` and its length, nothing while it is not whole, or why it is none.
fn request(bytes: &[u8]) -> Result<Option<(Seen, usize)>, &'static str> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > 128 * 1024 {
            Err("an endless head")
        } else {
            Ok(None)
        };
    };
    // Values may hold any byte of a higher kind (`obs-text`).
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    if line.split(' ').count() != 3 || !line.ends_with(" HTTP/1.1") || line.contains(char::is_control) {
        return Err("no request line");
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
            return Err("no header");
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        line,
        headers,
        body: Vec::new(),
    };
    let (lengths, codings) = (seen.said("content-length"), seen.said("transfer-encoding"));
    let after = end + 4;
    let used = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Some(0),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            let length = length.parse::<usize>().map_err(|_| "no length")?;
            let body = bytes.get(after..after + length);
            seen.body = body.unwrap_or_default().to_owned();
            body.map(|_| length)
        }
        ([], ["chunked"]) => chunks(&bytes[after..], &mut seen.body)?,
        _ => return Err("a body with two ends"),
    };
    Ok(used.map(|used| (seen, after + used)))
}

/// The length of the chunked body that `bytes` begin with, its content in `body`; nothing while it is not whole.
fn chunks(bytes: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + end]).map_err(|_| "no size of a chunk")?;
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("no size of a chunk");
        }
        let size = usize::from_str_radix(size, 16).map_err(|_| "no size of a chunk")?;
        at += end + 2;
        let Some(data) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        let (data, end) = data.split_at(size);
        if end != b"\r\n" {
            return Err("a chunk without its end, or a trailer");
        }
        body.extend_from_slice(data);
        at += size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[test]
fn it_reads_by_the_letter() {
    let whole = |text: &str| {
        request(text.as_bytes())
            .unwrap()
            .map(|(seen, length)| (seen.body, length))
    };
    let head = "POST /a HTTP/1.1\r\nHost: b\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(
        whole(&format!("{chunked}GET")),
        Some((b"abc".to_vec(), chunked.len()))
    );
    let sized = format!("{head}Content-Length: 2\r\n\r\nab");
    assert_eq!(whole(&sized), Some((b"ab".to_vec(), sized.len())));
    assert_eq!(whole(&sized[..sized.len() - 1]), None);
    for two in [
        format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab"),
        format!("{head}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
        format!("{head}Transfer-Encoding: x\r\n\r\nab"),
        format!("{head}A : b\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\n\r\n"),
        "GET  /a HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        assert!(request(two.as_bytes()).is_err(), "{two}");
    }
}
