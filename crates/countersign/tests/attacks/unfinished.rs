//! Requests that are answered before they are over (attacks 168 and 177): what is left of one is never the next.

use crate::application::Application;
use crate::gateway::{Gateway, LAST, SMUGGLED, sound};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

#[test]
fn a_body_nobody_read_is_no_request() {
    let application = Application::start();
    let gateway = Gateway::before(application.address);
    let body = SMUGGLED.repeat(20_000);
    let length = body.len();
    for line in [
        "POST /admin/x",
        "POST /public/../x",
        "POST /.countersign/answer",
        "BREW /public/x",
    ] {
        let text =
            format!("{line} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n\r\n{body}{LAST}");
        let (answers, _) = sound(&gateway, &application, text.as_bytes());
        let refused = answers.statuses.iter().filter(|status| **status != 200).count();
        assert_eq!(refused, 1, "{line}: {:?}", answers.statuses);
    }
}

/// The application answers before it has read the body: an upload that waits for `100 Continue` may never come.
#[test]
fn an_answer_before_the_body_leaves_no_half_request_behind() {
    for answer in ["417 Expectation Failed", "200 OK"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gateway = Gateway::before(listener.local_addr().unwrap());
        let head = format!(
            "POST /public/p HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            SMUGGLED.len()
        );
        let mut client = gateway.connect();
        client.write_all(head.as_bytes()).unwrap();
        let mut first = listener.accept().unwrap().0;
        let asked = read_until(&mut first, "\r\n\r\n");
        assert!(asked.starts_with("POST /public/p HTTP/1.1\r\n"), "{asked}");
        write!(first, "HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\nok").unwrap();
        let told = read_until(&mut client, "ok");
        assert!(told.contains(&format!("HTTP/1.1 {answer}\r\n")), "{told}");
        // Another client's request goes to a connection on which nothing is owed.
        let mut other = gateway.connect();
        other.write_all(LAST.as_bytes()).unwrap();
        let mut second = listener.accept().unwrap().0;
        let asked = read_until(&mut second, "\r\n\r\n");
        assert!(asked.starts_with("GET /public/last HTTP/1.1\r\n"), "{asked}");
        write!(second, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast").unwrap();
        assert!(read_until(&mut other, "last").starts_with("HTTP/1.1 200 OK\r\n"));
        drop(client);
        // And what the first one owed never becomes a request.
        let mut rest = Vec::new();
        drop(first.read_to_end(&mut rest));
        assert_eq!(String::from_utf8_lossy(&rest), "", "{answer}");
    }
}

fn read_until(stream: &mut std::net::TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(end) && stream.read(&mut byte).unwrap() > 0 {
        text.push(char::from(byte[0]));
    }
    text
}
