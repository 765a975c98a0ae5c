//! What a client may do to a connection, done without end: each ends the connection within bounds, and the next client
//! is served.

use super::raw::*;
use super::*;

/// Writes what `more` makes, again and again with a counter, until it is not taken any more; then what came back.
async fn flood(running: &Running, times: u32, more: impl Fn(u32) -> Vec<u8>) -> (u32, Came) {
    let mut raw = running.raw().await;
    let mut sent = 0;
    while sent < times && raw.write(&more(sent)).await {
        sent += 1;
    }
    (sent, raw.rest().await)
}

/// The stream of the `count`-th request.
fn stream(count: u32) -> u32 {
    2 * count + 1
}

/// Whether somebody else is served.
async fn serves_others(running: &Running) {
    let mut client = running.over_http2().await;
    assert_eq!(client.ask(request("/admin/")).await.0, StatusCode::FORBIDDEN);
}

/// The head of a request, whole, on the `count`-th stream.
fn whole_head(count: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream(count), &head(&[]))
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    let running = start_tls("reverse-proxy", None);
    let (sent, came) = flood(&running, 100_000, |count| {
        let reset = frame(RST_STREAM, 0, stream(count), &8_u32.to_be_bytes());
        [whole_head(count, END_STREAM), reset].concat()
    })
    .await;
    assert!(sent < 100_000);
    assert_eq!(came.goodbye(), Some(Reason::ENHANCE_YOUR_CALM), "{sent}");
    serves_others(&running).await;
}

#[tokio::test]
async fn a_head_without_an_end_ends_the_connection() {
    let running = start_tls("reverse-proxy", None);
    let mut raw = running.raw().await;
    assert!(raw.write(&frame(HEADERS, END_STREAM, 1, &head(&[]))).await);
    let more = field("x-more", &[b'a'; 16_000]);
    let (mut sent, most) = (0, 64 * 1024 * 1024 / 16_000);
    while sent < most && raw.write(&frame(CONTINUATION, 0, 1, &more)).await {
        sent += 1;
    }
    assert!(sent < most);
    assert_eq!(
        raw.rest().await.goodbye(),
        Some(Reason::ENHANCE_YOUR_CALM),
        "{sent}"
    );
    serves_others(&running).await;
}

#[tokio::test]
async fn parts_of_a_body_that_hold_nothing_end_the_connection() {
    let running = start_tls("reverse-proxy", None);
    let (sent, came) = flood(&running, 1_000_000, |count| match count {
        0 => whole_head(0, 0),
        _ => frame(DATA, 0, 1, &[]).repeat(100),
    })
    .await;
    assert!(sent < 1000);
    assert_eq!(came.goodbye(), Some(Reason::ENHANCE_YOUR_CALM), "{sent}");
    serves_others(&running).await;
}

#[tokio::test]
async fn parts_of_a_body_that_hold_a_byte_end_the_connection() {
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = application.local_addr().unwrap().to_string();
    let running = start_tls("reverse-proxy", Some(&authority));
    let (sent, came) = flood(&running, 1_000_000, |count| match count {
        0 => whole_head(0, 0),
        _ => frame(DATA, 0, 1, b"x").repeat(100),
    })
    .await;
    assert!(sent < 10_000, "{sent}: {came:?}");
    serves_others(&running).await;
}

type Make = fn(u32) -> Vec<u8>;

/// The six ways of making a server end requests itself (CVE-2025-8671).
#[tokio::test]
async fn a_client_that_makes_us_end_its_requests_is_ended_itself() {
    let running = start_tls("reverse-proxy", None);
    let ways: [(&str, Make); 6] = [
        ("a window that grows by nothing", |stream| {
            frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes())
        }),
        ("a window that grows too large", |stream| {
            frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())
        }),
        ("a head after the end", |stream| {
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(&[]))
        }),
        ("a part of a body after the end", |stream| {
            frame(DATA, 0, stream, b"x")
        }),
        ("a priority of the wrong length", |stream| {
            frame(PRIORITY, 0, stream, b"x")
        }),
        ("a request that depends on itself", |stream| {
            let on_itself = [stream.to_be_bytes().as_slice(), &[1]].concat();
            frame(PRIORITY, 0, stream, &on_itself)
        }),
    ];
    for (way, make) in ways {
        let (sent, came) = flood(&running, 100_000, |count| {
            [whole_head(count, END_STREAM), make(stream(count))].concat()
        })
        .await;
        assert!(sent < 100_000 && came.goodbye().is_some(), "{way}: {sent}");
        serves_others(&running).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_answers_without_end_and_reads_none_is_cut() {
    let running = start_tls("reverse-proxy", None);
    for (what, one) in [
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("pings", frame(PING, 0, 0, &[0; 8])),
    ] {
        let mut raw = running.raw().await;
        let many = one.repeat(1000);
        let mut written = 0_u32;
        while raw.write(&many).await {
            written += 1;
            assert!(written < 100_000, "{what}");
        }
    }
    serves_others(&running).await;
}

#[tokio::test]
async fn priorities_without_end_cost_nothing_but_their_bytes() {
    let running = start_tls("reverse-proxy", None);
    let mut raw = running.raw().await;
    for count in 0..1000 {
        let many = (0..100).flat_map(|more| {
            let stream = stream(count * 100 + more);
            frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 7])
        });
        if !raw.write(&many.collect::<Vec<_>>()).await {
            break;
        }
    }
    serves_others(&running).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_in_time_ends_the_connection_whatever_else_is_under_way() {
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = application.local_addr().unwrap().to_string();
    let running = start_tls("reverse-proxy", Some(&authority));
    let mut raw = running.raw().await;
    let authorized = head(&[("authorization", b"Bearer ann")]);
    assert!(
        raw.write(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &authorized))
            .await
    );
    let (mut stream, _) = application.accept().await.unwrap();
    drop(read_until(&mut stream, "\r\n\r\n").await);
    tokio::time::advance(Duration::from_secs(30)).await;
    let began = Instant::now();
    assert!(raw.write(&frame(HEADERS, END_STREAM, 3, &authorized)).await);
    let came = raw.rest().await;
    assert_eq!(began.elapsed().as_secs(), 10, "{came:?}");
}

/// What comes back for a request with this head, after which the client says goodbye.
async fn answered(running: &Running, block: &[u8]) -> Came {
    let mut raw = running.raw().await;
    assert!(
        raw.write(&frame(HEADERS, END_STREAM | END_HEADERS, 1, block))
            .await
    );
    assert!(raw.write(&frame(GOAWAY, 0, 0, &[0; 8])).await);
    raw.rest().await
}

/// Whether the request, or the connection, was ended for being against the protocol.
fn is_refused(came: &Came) -> bool {
    let ended = came.goodbye().is_some_and(|reason| reason != Reason::NO_ERROR);
    came.reset(1).is_some() || ended
}

fn is_answered(came: &Came) -> bool {
    came.frames.iter().any(|(kind, ..)| *kind == HEADERS)
}

#[tokio::test]
async fn a_field_that_would_be_read_otherwise_in_http_1_ends_the_request() {
    let running = start_tls("reverse-proxy", Some("127.0.0.1:1"));
    assert!(is_answered(&answered(&running, &head(&[("x-a", b"1")])).await));
    let hostile: [(&str, &[u8]); 20] = [
        ("x-a", b"1\r\nX-Auth-Subject: bob"),
        ("x-a", b"1\nX-Auth-Subject: bob"),
        ("x-a", b"1\0"),
        ("x-a\r\nx-b", b"1"),
        ("x-a: 1\r\nx-b", b"1"),
        ("x-a:", b"1"),
        ("x a", b"1"),
        ("X-Upper", b"1"),
        ("", b"1"),
        ("cookie", b"a=1\r\nHost: other.test"),
        ("transfer-encoding", b"chunked"),
        ("connection", b"close"),
        ("connection", b"x-auth-subject"),
        ("proxy-connection", b"close"),
        ("keep-alive", b"timeout=5"),
        ("upgrade", b"websocket"),
        ("te", b"gzip"),
        ("te", b"trailers, gzip"),
        (":path", b"/admin/"),
        (":protocol", b"websocket"),
    ];
    for field in hostile {
        let came = answered(&running, &head(&[field])).await;
        assert!(is_refused(&came) && !is_answered(&came), "{field:?}: {came:?}");
    }
}

#[tokio::test]
async fn a_target_that_would_be_read_otherwise_in_http_1_is_refused() {
    let running = start_tls("reverse-proxy", Some("127.0.0.1:1"));
    let hostile: [(&str, &[u8]); 9] = [
        (":path", b"/open/ HTTP/1.1\r\nX-Auth-Subject: bob\r\n"),
        (":path", b"/a b"),
        (":path", b""),
        (":method", b"GET / HTTP/1.1\r\n"),
        (":method", b""),
        (":authority", b"app.test\r\nX-Auth-Subject: bob"),
        (":authority", b"app.test other.test"),
        (":authority", b"ann@app.test"),
        (":scheme", b"https\r\n"),
    ];
    for (name, value) in hostile {
        let came = answered(&running, &head_but(name, value)).await;
        // Told by us, where the library beneath reads it.
        let told = is_answered(&came) && {
            let lines = running.served.lines.lock().unwrap();
            lines.last().unwrap().contains("\"unreadable\"")
        };
        assert!(told != is_refused(&came), "{name}: {value:?}: {came:?}");
    }
    // Host alone is what HTTP/1 would say.
    let fields: [(&str, &[u8]); 4] = [
        (":method", b"GET"),
        (":scheme", b"https"),
        (":path", b"/open/"),
        ("host", b"app.test"),
    ];
    let block = fields.iter().flat_map(|(name, value)| field(name, value));
    assert!(is_answered(&answered(&running, &block.collect::<Vec<_>>()).await));
    let lines = running.served.lines.lock().unwrap();
    assert!(lines.last().unwrap().contains(":authority"), "{lines:?}");
}

#[tokio::test]
async fn nobody_leaves_the_protocol_in_http_2() {
    let running = start_tls("reverse-proxy", Some("127.0.0.1:1"));
    let connect = |more: &[(&str, &[u8])]| {
        let own: [(&str, &[u8]); 2] = [(":method", b"CONNECT"), (":authority", b"app.test:443")];
        let fields = own.iter().chain(more);
        fields
            .flat_map(|(name, value)| field(name, value))
            .collect::<Vec<_>>()
    };
    let plain = answered(&running, &connect(&[])).await;
    assert!(is_answered(&plain), "{plain:?}");
    let lines = running.served.lines.lock().unwrap().clone();
    assert!(lines.last().unwrap().contains("method_refused"), "{lines:?}");
    let websocket: [(&str, &[u8]); 3] = [
        (":protocol", b"websocket"),
        (":scheme", b"https"),
        (":path", b"/open/"),
    ];
    for more in [websocket.as_slice(), &[("content-length", b"5")]] {
        let came = answered(&running, &connect(more)).await;
        assert!(!is_answered(&came), "{more:?}: {came:?}");
    }
}
