use super::*;
use crate::fakes;
use crate::integration::DECIDE;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

mod certificates;
mod http2;
mod tls;

/// A server on loopback, stopped by hand.
struct Running {
    address: SocketAddr,
    served: fakes::Served,
    server: Server,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn loopback() -> (Listener, SocketAddr) {
    let any = Address::parse("127.0.0.1:0").unwrap();
    let listener = Listener::bind(&any, &UnixAccess::default(), &mut SystemdSockets::default(), &[]).unwrap();
    let address = listener.tcp_address().unwrap();
    (listener, address)
}

fn start(dialect: &str, limits: Limits, upstream: Option<&str>) -> Running {
    let served = fakes::served(upstream);
    let handler = Handler::Gateway(served.speaking(dialect));
    run(served, handler, limits)
}

fn run(served: fakes::Served, handler: Handler, limits: Limits) -> Running {
    let (listener, address) = loopback();
    let (stop, stopping) = watch::channel(false);
    let server = Server::new(limits, Arc::clone(&served.metrics));
    let all = server.clone();
    let task = tokio::spawn(async move { all.run(listener, handler, stopping).await });
    Running {
        address,
        served,
        server,
        stop,
        task,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// A question of nginx's that is allowed, but for what `more` says.
fn question(line: &str, more: &str) -> String {
    format!(
        "{line}\r\nX-Original-Method: GET\r\nX-Original-URL: http://app.test/\r\nX-Original-Host: app.test\r\n\
         X-Original-Client: 203.0.113.9\r\nAuthorization: Bearer ann\r\n{more}\r\n"
    )
}

fn asked() -> String {
    question(&format!("GET {DECIDE} HTTP/1.1"), "Host: countersign\r\n")
}

/// Reads until `end` has come, or the connection ends.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(end) {
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    read_until(stream, "\r\n\r\n").await
}

/// All there is until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    read_until(stream, "there is no such end").await
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let running = start("auth-request", Limits::default(), None);
    let mut stream = running.connect().await;
    for _ in 0..3 {
        let answer = exchange(&mut stream, &asked()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-auth-subject: ann\r\n"),
            "{answer}"
        );
    }
    stream
        .write_all(format!("{}{}", asked(), asked()).as_bytes())
        .await
        .unwrap();
    let mut both = String::new();
    while both.matches("HTTP/1.1 200 OK").count() < 2 {
        both.push_str(&read_until(&mut stream, "\r\n\r\n").await);
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let running = start("auth-request", Limits::default(), None);
    for version in ["1.0", "1.1"] {
        for announced in [
            "Content-Length: 1000000\r\n",
            "Content-Length: 1000000\r\nExpect: 100-continue\r\n",
        ] {
            let mut stream = running.connect().await;
            let text = question(
                &format!("GET {DECIDE} HTTP/{version}"),
                &format!("Host: x\r\n{announced}"),
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(
                answer.starts_with(&format!("HTTP/{version} 200 OK\r\n")),
                "{answer}"
            );
            assert!(
                answer.to_lowercase().contains("connection: close") || version == "1.0",
                "{answer}"
            );
        }
    }
    let mut old = running.connect().await;
    let answer = exchange(
        &mut old,
        &question(&format!("GET {DECIDE} HTTP/1.0"), "Connection: close\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let running = start("auth-request", Limits::default(), None);
    let began = Instant::now();
    let mut silent = running.connect().await;
    assert_eq!(
        (rest(&mut silent).await.as_str(), began.elapsed().as_secs()),
        ("", 10)
    );
    let mut slow = running.connect().await;
    let began = Instant::now();
    for piece in ["GET /", ".countersign", "/decide HTTP/1.1\r\n", "X-A: 1\r\n"] {
        slow.write_all(piece.as_bytes()).await.unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    assert_eq!(rest(&mut slow).await, "");
    // The first byte may have been read after the clock was first moved.
    assert!((10..=12).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_idle_between_requests_but_not_for_ever() {
    let running = start("auth-request", Limits::default(), None);
    let mut stream = running.connect().await;
    for _ in 0..3 {
        assert!(exchange(&mut stream, &asked()).await.starts_with("HTTP/1.1 200"));
        tokio::time::advance(Duration::from_secs(70)).await;
    }
    assert!(exchange(&mut stream, &asked()).await.starts_with("HTTP/1.1 200"));
    let began = Instant::now();
    assert_eq!(
        (rest(&mut stream).await.as_str(), began.elapsed().as_secs()),
        ("", 75)
    );
}

#[tokio::test]
async fn a_connection_over_the_limit_is_closed_and_a_place_given_back_is_used() {
    let running = start(
        "auth-request",
        Limits {
            connections: 1,
            ..Limits::default()
        },
        None,
    );
    let mut first = running.connect().await;
    assert!(exchange(&mut first, &asked()).await.starts_with("HTTP/1.1 200"));
    let mut second = running.connect().await;
    assert_eq!(rest(&mut second).await, "");
    assert!(
        running
            .served
            .metrics
            .render()
            .contains("countersign_refused_connections_total 1")
    );
    first
        .write_all(
            asked()
                .replace("Host: c", "Connection: close\r\nHost: c")
                .as_bytes(),
        )
        .await
        .unwrap();
    assert!(rest(&mut first).await.contains("200 OK"));
    // The place is given back a moment after the connection has ended.
    loop {
        let mut third = running.connect().await;
        if third.write_all(asked().as_bytes()).await.is_ok()
            && read_until(&mut third, "\r\n\r\n").await.contains("200 OK")
        {
            break;
        }
    }
}

#[tokio::test]
async fn what_the_parser_refuses_is_answered_and_counted() {
    let running = start("auth-request", Limits::default(), None);
    let check = async |text: String, expect: &str| {
        let mut stream = running.connect().await;
        // The rest of what is sent may meet a connection that is closed already.
        drop(stream.write_all(text.as_bytes()).await);
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(expect), "{answer}");
    };
    check("GARBAGE\r\n\r\n".into(), "HTTP/1.1 400").await;
    check("GET / HTTP/1.1\r\nA : b\r\n\r\n".into(), "HTTP/1.1 400").await;
    check("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n".into(), "HTTP/1.1 400").await;
    check(
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
        "HTTP/1.1 400",
    )
    .await;
    check(
        "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n".into(),
        "HTTP/1.1 400",
    )
    .await;
    let many = "X: 1\r\n".repeat(101);
    check(format!("GET / HTTP/1.1\r\n{many}\r\n"), "HTTP/1.1 431").await;
    let metrics = running.served.metrics.render();
    assert!(
        metrics.contains("countersign_malformed_requests_total 6"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_head_is_judged_by_us_up_to_32_kib_and_cut_off_far_beyond() {
    let running = start("forward-auth", Limits::default(), None);
    let sized = |bytes: usize| {
        format!(
            "GET {DECIDE} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            "c".repeat(bytes)
        )
    };
    let check = async |bytes: usize, expect: &str| {
        let mut stream = running.connect().await;
        drop(stream.write_all(sized(bytes).as_bytes()).await);
        let answer = rest(&mut stream).await;
        assert!(answer.contains(expect), "{bytes}: {answer}");
    };
    check(31 * 1024, "header_missing").await;
    check(33 * 1024, "headers_too_large").await;
    check(200 * 1024, "HTTP/1.1 431").await;
}

#[tokio::test]
async fn on_the_order_to_stop_idle_connections_end_and_requests_are_finished() {
    let (authority, mut reached) = tokio::sync::mpsc::unbounded_channel::<TcpStream>();
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = application.local_addr().unwrap().to_string();
    drop(tokio::spawn(async move {
        let (mut stream, _) = application.accept().await.unwrap();
        drop(read_until(&mut stream, "\r\n\r\n").await);
        authority.send(stream).unwrap();
    }));
    let running = start("reverse-proxy", Limits::default(), Some(&upstream));
    let mut idle = running.connect().await;
    assert!(
        exchange(&mut idle, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 401")
    );
    let mut busy = running.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ann\r\n\r\n")
        .await
        .unwrap();
    let mut waiting = reached.recv().await.unwrap();
    running.stop.send(true).unwrap();
    drop(rest(&mut idle).await);
    waiting
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        .await
        .unwrap();
    let answer = rest(&mut busy).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("done"),
        "{answer}"
    );
    running.task.await.unwrap();
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn who_had_connected_before_the_order_to_stop_is_answered_once_more() {
    let running = start("auth-request", Limits::default(), None);
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(running.connect().await);
    }
    running.stop.send(true).unwrap();
    for stream in &mut made {
        stream.write_all(asked().as_bytes()).await.unwrap();
    }
    for stream in &mut made {
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn other_limits_hold_for_connections_made_from_then_on() {
    let running = start("auth-request", Limits::default(), None);
    let mut before = running.connect().await;
    assert!(exchange(&mut before, &asked()).await.starts_with("HTTP/1.1 200"));
    running.server.limit(Limits {
        idle: Duration::from_secs(3),
        ..Limits::default()
    });
    let mut after = running.connect().await;
    assert!(exchange(&mut after, &asked()).await.starts_with("HTTP/1.1 200"));
    let began = Instant::now();
    assert_eq!(
        (rest(&mut after).await.as_str(), began.elapsed().as_secs()),
        ("", 3)
    );
    assert_eq!(
        (rest(&mut before).await.as_str(), began.elapsed().as_secs()),
        ("", 75)
    );
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = start(
        "reverse-proxy",
        Limits::default(),
        Some(&application.local_addr().unwrap().to_string()),
    );
    let mut client = running.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ann\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut stream, _) = application.accept().await.unwrap();
    let begun = read_until(&mut stream, "3\r\none\r\n").await;
    assert!(begun.contains("transfer-encoding: chunked\r\n"), "{begun}");
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n")
        .await
        .unwrap();
    assert!(
        read_until(&mut client, "two\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    );
    client.write_all(b"5\r\nthree\r\n0\r\n\r\n").await.unwrap();
    assert!(read_until(&mut stream, "0\r\n\r\n").await.contains("three"));
    stream.write_all(b"4\r\nfour\r\n0\r\n\r\n").await.unwrap();
    assert!(read_until(&mut client, "0\r\n\r\n").await.contains("four"));
}

#[tokio::test(start_paused = true)]
async fn a_body_takes_its_time_while_it_moves_and_is_given_up_when_it_stands_still() {
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = start(
        "reverse-proxy",
        Limits::default(),
        Some(&application.local_addr().unwrap().to_string()),
    );
    let mut client = running.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ann\r\nContent-Length: 10\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut stream, _) = application.accept().await.unwrap();
    drop(read_until(&mut stream, "\r\n\r\n").await);
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(50)).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(read_until(&mut stream, "x").await, "x");
    }
    let began = Instant::now();
    let answer = read_until(&mut client, "request_id").await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("request_broken"),
        "{answer}"
    );
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(
        rest(&mut stream).await,
        "",
        "the application sees a request that broke off"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    let (authority, _asked) =
        fakes::application(vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"]]).await;
    let running = start("reverse-proxy", Limits::default(), Some(&authority));
    let mut client = running.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ann\r\n\r\n")
        .await
        .unwrap();
    let answer = rest(&mut client).await;
    assert!(
        answer.contains("content-length: 10\r\n") && answer.ends_with("half"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_status_listener_answers_beside_the_others() {
    let metrics = Arc::new(Metrics::new());
    let status = Status::new(Arc::clone(&metrics), Arc::new(AtomicBool::new(true)), true);
    let (listener, address) = loopback();
    let (_stop, stopping) = watch::channel(false);
    let server = Server::new(Limits::default(), metrics);
    drop(tokio::spawn(async move {
        server
            .run(Arc::new(listener), Handler::Status(status), stopping)
            .await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answer = exchange(
        &mut stream,
        &format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("openmetrics"),
        "{answer}"
    );
}
