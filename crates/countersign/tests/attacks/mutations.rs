//! The smuggler's trade: each odd byte at each odd place of the header that says how a body ends, for both ways in which
//! two readers could differ (attack 165). No expectation but the ones that hold of all: see `sound`.

use crate::application::Application;
use crate::gateway::{Gateway, LAST, SMUGGLED, sound};

/// A header that says `chunked`, with `byte` where it does not belong.
fn headers(byte: u8) -> Vec<Vec<u8>> {
    let around: [(&[u8], &[u8]); 9] = [
        (b"", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding", b": chunked"),
        (b"Transfer-Encoding:", b"chunked"),
        (b"Transfer-Encoding: ", b" chunked"),
        (b"Transfer-Encoding: chunked", b""),
        (b"Transfer-Encoding: chunked", b"x"),
        (b"Transfer-Encoding: chunked,", b"identity"),
        (b"X: y", b"Transfer-Encoding: chunked"),
        (b"Transfer", b"Encoding: chunked"),
    ];
    let whole = around
        .into_iter()
        .map(|(before, after)| [before, &[byte], after].concat());
    whole.collect()
}

fn request(coding: &[u8], length: usize, body: &str) -> Vec<u8> {
    let head = format!("POST /public/p HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n");
    [
        head.as_bytes(),
        coding,
        b"\r\n\r\n",
        body.as_bytes(),
        LAST.as_bytes(),
    ]
    .concat()
}

#[test]
fn no_odd_byte_makes_two_readings() {
    let application = Application::start();
    let gateway = Gateway::before(application.address);
    let hidden_behind = format!("0\r\n\r\n{SMUGGLED}");
    let hidden_within = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let first_line = hidden_within.find('\n').unwrap() + 1;
    let mut refused = 0;
    for byte in 0..=u8::MAX {
        for coding in headers(byte) {
            // Whoever reads the length sees one body; whoever reads the coding sees a request behind it.
            let behind = request(&coding, hidden_behind.len(), &hidden_behind);
            // Whoever reads the coding sees one body; whoever reads the length sees a request in it.
            let within = request(&coding, first_line, &hidden_within);
            for bytes in [behind, within] {
                let (answers, _) = sound(&gateway, &application, &bytes);
                refused += usize::from(answers.statuses.contains(&400));
            }
        }
    }
    assert!(refused > 2000, "{refused}");
}
