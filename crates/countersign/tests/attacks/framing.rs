//! Where a request ends (attacks 165 to 171, 173, 175): what has two readings is refused, and what is taken goes on with
//! one reading. Each payload hides a request for operators where another reading would find it.

use crate::application::Application;
use crate::gateway::{Gateway, LAST, SMUGGLED, sound};

fn world() -> (Gateway, Application) {
    let application = Application::start();
    (Gateway::before(application.address), application)
}

/// A POST to the open corner.
fn post(headers: &str, body: &str) -> String {
    format!("POST /public/p HTTP/1.1\r\nHost: app.test\r\n{headers}\r\n{body}")
}

/// `text` is answered with `status`, nothing of it reaches the application, and the connection ends there.
fn refused(world: &(Gateway, Application), status: u16, text: &str) {
    let (gateway, application) = world;
    let (answers, seen) = sound(gateway, application, format!("{text}{LAST}").as_bytes());
    let shown = text.get(..200).unwrap_or(text);
    assert!(
        answers.text.contains("connection: close"),
        "{shown:?}: {answers:?}"
    );
    assert_eq!(
        (answers.statuses.as_slice(), seen),
        ([status].as_slice(), 0),
        "{shown:?}: {answers:?}"
    );
}

#[test]
fn a_length_is_digits_and_stands_once() {
    let world = world();
    for value in [
        "+5",
        "-5",
        "0x5",
        "5_0",
        "5, 5",
        "5,5",
        "5;",
        "5 5",
        "5.",
        "5e0",
        "",
        " ",
        "\u{0665}",
        "99999999999999999999",
        "18446744073709551616",
    ] {
        refused(
            &world,
            400,
            &post(&format!("Content-Length: {value}\r\n"), SMUGGLED),
        );
    }
    let two = post(
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        &format!("hello{SMUGGLED}"),
    );
    refused(&world, 400, &two);
    // One length said twice is one length (RFC 9110 section 8.6).
    let (gateway, application) = &world;
    let twice = post("Content-Length: 5\r\ncontent-length: 5\r\n", "hello");
    let (answers, seen) = sound(
        gateway,
        application,
        format!("{twice}{SMUGGLED}{LAST}").as_bytes(),
    );
    assert_eq!(
        (answers.statuses.as_slice(), seen),
        ([200, 401, 200].as_slice(), 2),
        "{answers:?}"
    );
}

#[test]
fn a_body_has_one_end() {
    let world = world();
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let length = chunked.len();
    for lines in [
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: identity, chunked\r\n".to_owned(),
        "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, chunked\r\n".to_owned(),
        "Transfer-Encoding: \"chunked\"\r\n".to_owned(),
        "Transfer-Encoding: chunked;a=b\r\n".to_owned(),
        "Transfer-Encoding:\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Transfer-Encoding\t: chunked\r\n".to_owned(),
        " Transfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding:\u{b}chunked\r\n".to_owned(),
        "X: y\rTransfer-Encoding: chunked\r\n".to_owned(),
    ] {
        refused(&world, 400, &post(&lines, &chunked));
    }
    // A coding beside a length: the coding holds, the length goes no further, and the connection ends (RFC 9112
    // section 6.1), whichever stands first.
    let (gateway, application) = &world;
    let (coding, length) = (
        "Transfer-Encoding: chunked\r\n".to_owned(),
        format!("Content-Length: {length}\r\n"),
    );
    for lines in [format!("{coding}{length}"), format!("{length}{coding}")] {
        let answers = gateway.send(format!("{}{LAST}", post(&lines, &chunked)).as_bytes());
        assert_eq!(answers.statuses, [200], "{lines:?}: {answers:?}");
        let seen = application.take();
        assert_eq!((seen.len(), seen[0].body.len()), (1, 0), "{lines:?}: {seen:?}");
    }
}

#[test]
fn http_1_0_has_no_transfer_codings() {
    let world = world();
    for lines in [
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let text = post(lines, &format!("0\r\n\r\n{SMUGGLED}"));
        refused(&world, 400, &text.replacen("HTTP/1.1", "HTTP/1.0", 1));
    }
}

/// A chunked upload that breaks off is told to the client as broken, and the application sees no whole request.
#[test]
fn a_chunk_is_written_by_the_letter() {
    let world = world();
    let long = "x".repeat(64 * 1024);
    for chunks in [
        "5;a\nhello\r\n0\r\n\r\n".to_owned(),
        "5\nhello\r\n0\r\n\r\n".to_owned(),
        "5\rhello\r\n0\r\n\r\n".to_owned(),
        "+5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "-5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "0x5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "0_5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5 5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "ffffffffffffffff1\r\nhello\r\n0\r\n\r\n".to_owned(),
        "10000000000000005\r\nhello\r\n0\r\n\r\n".to_owned(),
        "2\r\r;a\r\nab\r\n0\r\n\r\n".to_owned(),
        "5\r\nhello0\r\n\r\n".to_owned(),
        "5\r\nhelloXX0\r\n\r\n".to_owned(),
        "5\r\nhello\n0\r\n\r\n".to_owned(),
        format!("5;a={long}\r\nhello\r\n0\r\n\r\n"),
        format!("5\r\nhello\r\n0\r\nX: {long}\r\n\r\n"),
    ] {
        let (gateway, application) = &world;
        let text = format!(
            "{}{SMUGGLED}{LAST}",
            post("Transfer-Encoding: chunked\r\n", &chunks)
        );
        let (answers, seen) = sound(gateway, application, text.as_bytes());
        let shown = chunks.get(..100).unwrap_or(&chunks);
        assert_eq!(seen, 0, "{shown:?}: {answers:?}");
        assert!(
            matches!(answers.statuses.as_slice(), [400 | 408]),
            "{shown:?}: {answers:?}"
        );
    }
}

#[test]
fn trailers_and_extensions_go_no_further() {
    let (gateway, application) = world();
    let chunks = "5;a=\"b\";c\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: other.test\r\nAuthorization: Bearer x\r\nX-Auth-Subject: root\r\n\r\n";
    let lines = "Transfer-Encoding: Chunked\r\nTrailer: X-Auth-Subject\r\nTE: trailers\r\n";
    let answers = gateway.send(format!("{}{LAST}", post(lines, chunks)).as_bytes());
    assert_eq!(answers.statuses, [200, 200], "{answers:?}");
    let seen = application.take();
    assert_eq!(seen[0].body, b"hello");
    assert_eq!(
        (seen[0].said("host"), seen[0].said("x-auth-subject")),
        (vec!["app.test"], vec![""])
    );
    assert!(
        seen[0].said("trailer").is_empty() && seen[0].said("te").is_empty(),
        "{seen:?}"
    );
    assert_eq!(seen[1].line, "GET /public/last HTTP/1.1");
}

#[test]
fn a_head_is_written_by_the_letter() {
    let world = world();
    let get = |line: &str, headers: &str| format!("{line}\r\nHost: app.test\r\n{headers}\r\n");
    let ordinary = "GET /public/p HTTP/1.1";
    for headers in [
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        " X: a\r\n",
        "\tX: a\r\n",
        "X : a\r\n",
        "X\t: a\r\n",
        ": a\r\n",
        "X\r\n",
        "X Y: a\r\n",
        "X(: a\r\n",
        "X\u{0}: a\r\n",
        "X: a\u{0}b\r\n",
        "X: a\rb\r\n",
        "\u{e9}: a\r\n",
        "Host: other.test\r\n",
        "Host: app.test\r\n",
        "X: a\u{7f}b\r\n",
        "X: a\u{1b}b\r\n",
    ] {
        refused(&world, 400, &get(ordinary, headers));
    }
    for line in [
        "GET  /public/p HTTP/1.1",
        "GET /public/p  HTTP/1.1",
        "GET\t/public/p\tHTTP/1.1",
        "GET /public/p HTTP/1.1 ",
        "GET /public/p http/1.1",
        "GET /public/p HTTP/1.2",
        "GET /public/p HTTP/2.0",
        "GET /public/p HTTP/01.1",
        "GET /public/p",
        "GET /public/p\u{b}HTTP/1.1",
        "G(T /public/p HTTP/1.1",
        " GET /public/p HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        refused(&world, 400, &get(line, ""));
    }
    refused(&world, 400, "GET /public/p HTTP/1.1\r\n\r\n");
    // A long name is a long name, lines that end bare and empty lines before the first are written anew.
    let (gateway, application) = &world;
    let long = format!("{}: a\r\n", "x".repeat(270));
    for text in [
        get(ordinary, &long),
        get(ordinary, "").replace("\r\n", "\n"),
        format!("\r\n\r\n{}", get(ordinary, "")),
    ] {
        let (answers, seen) = sound(gateway, application, format!("{text}{LAST}").as_bytes());
        assert_eq!(
            (answers.statuses.as_slice(), seen),
            ([200, 200].as_slice(), 2),
            "{text:?}"
        );
    }
}

#[test]
fn nobody_leaves_the_protocol() {
    let (gateway, application) = world();
    let check = |text: &str, expect: &[u16]| {
        let (answers, seen) = sound(
            &gateway,
            &application,
            format!("{text}{SMUGGLED}{LAST}").as_bytes(),
        );
        assert!(answers.statuses.starts_with(expect), "{text:?}: {answers:?}");
        assert!(seen <= 1, "{text:?}: at most the last one");
    };
    let upgrade = |to: &str| {
        format!("GET /public/p HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n\r\n")
    };
    // What stands behind the refused request is a request of its own, and judged as one.
    check(&upgrade("websocket"), &[501]);
    check(&upgrade("h2c"), &[501]);
    check(&upgrade("TLS/1.0"), &[501]);
    check(
        "CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n",
        &[400],
    );
    check(
        "CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\nContent-Length: 5\r\n\r\nhello",
        &[400],
    );
    check("CONNECT /public/p HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]);
    check("TRACE /public/p HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]);
}
