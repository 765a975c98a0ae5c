//! HTTP/2 from clients.

use super::tls::start_tls;
use super::*;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, StatusCode, Version};

mod raw;

mod floods;

/// A client's side of a connection.
struct Client {
    send: SendRequest<Bytes>,
    pings: h2::PingPong,
    ended: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Running {
    async fn over_http2(&self) -> Client {
        let stream = self.over_tls(&["h2"]).await;
        let (send, mut connection) = h2::client::handshake(stream).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let ended = tokio::spawn(connection);
        Client { send, pings, ended }
    }
}

fn request(path: &str) -> http::request::Builder {
    let uri = format!("https://app.test{path}");
    let request = Request::builder().version(Version::HTTP_2).uri(uri);
    request.header("authorization", "Bearer ann")
}

impl Client {
    async fn send(&mut self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut send = self.send.clone().ready().await.unwrap();
        send.send_request(request, end).unwrap()
    }

    /// The status and the body.
    async fn ask(&mut self, request: http::request::Builder) -> (StatusCode, String) {
        let (answer, _) = self.send(request.body(()).unwrap(), true).await;
        let answer = answer.await.unwrap();
        (answer.status(), text(answer.into_body()).await)
    }

    /// Why a request was ended without an answer.
    async fn ends(&mut self, request: Request<()>, body: &[&'static str]) -> Option<Reason> {
        let (answer, mut stream) = self.send(request, body.is_empty()).await;
        for (place, part) in body.iter().enumerate() {
            drop(stream.send_data(Bytes::from_static(part.as_bytes()), place + 1 == body.len()));
        }
        answer.await.unwrap_err().reason()
    }
}

async fn text(mut body: RecvStream) -> String {
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        bytes.extend(part);
    }
    String::from_utf8(bytes).unwrap()
}

/// An application that can be looked at.
async fn application() -> (TcpListener, Running) {
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = application.local_addr().unwrap().to_string();
    let running = start_tls("reverse-proxy", Some(&authority));
    (application, running)
}

#[tokio::test]
async fn requests_of_one_connection_go_on_in_http_1_each_on_its_own() {
    let (application, running) = application().await;
    let mut client = running.over_http2().await;
    let (first, _) = client.send(request("/first").body(()).unwrap(), true).await;
    let (mut one, _) = application.accept().await.unwrap();
    let (second, _) = client.send(request("/second").body(()).unwrap(), true).await;
    let (mut other, _) = application.accept().await.unwrap();
    let asked = read_until(&mut one, "\r\n\r\n").await;
    assert!(asked.starts_with("GET /first HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("host: app.test\r\n"), "{asked}");
    assert!(asked.contains("x-forwarded-proto: https\r\n"), "{asked}");
    assert!(
        read_until(&mut other, "\r\n\r\n")
            .await
            .starts_with("GET /second")
    );
    other
        .write_all(b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\ntwo")
        .await
        .unwrap();
    let second = second.await.unwrap();
    let hop = ["connection", "x-hop", "keep-alive"];
    assert!(
        hop.iter().all(|name| !second.headers().contains_key(*name)),
        "{second:?}"
    );
    assert_eq!(text(second.into_body()).await, "two");
    one.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(text(first.await.unwrap().into_body()).await, "one");
}

#[tokio::test]
async fn what_http_2_writes_otherwise_arrives_as_http_1_writes_it() {
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let (authority, mut asked) = fakes::application(vec![vec![answer; 3]]).await;
    let running = start_tls("reverse-proxy", Some(&authority));
    let mut client = running.over_http2().await;
    let crumbs = request("/?a=1").header("cookie", "a=1").header("te", "trailers");
    let crumbs = crumbs.header("cookie", "b=2; c=3").header("cookie", "d=4");
    assert_eq!(client.ask(crumbs).await.0, StatusCode::NO_CONTENT);
    let seen = asked.recv().await.unwrap();
    assert!(seen.starts_with("GET /?a=1 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("cookie: a=1; b=2; c=3; d=4\r\n"), "{seen}");
    assert!(
        !seen.contains("te: ") && !seen.contains("transfer-encoding"),
        "{seen}"
    );
    for host in ["app.test", "APP.test:443"] {
        assert_eq!(
            client.ask(request("/").header("host", host)).await.0,
            StatusCode::NO_CONTENT
        );
        let seen = asked.recv().await.unwrap();
        assert_eq!(
            seen.to_lowercase().matches("host: app.test").count(),
            2,
            "one of them forwarded: {seen}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_connection_goes_on() {
    let running = start_tls("reverse-proxy", Some("127.0.0.1:1"));
    let mut client = running.over_http2().await;
    let many = (0..101).fold(request("/"), |request, _| request.header("x-many", "1"));
    let crumbs = (0..150).fold(request("/none"), |request, _| request.header("cookie", "a=1"));
    for (request, expected) in [
        (request("/").header("host", "other.test"), "host_mismatch"),
        (
            request("/").header("host", "app.test").header("host", "app.test"),
            "header_doubled",
        ),
        (request("/").uri("http://app.test/"), "scheme_unknown"),
        (request("/a/../b"), "path_dot_segment"),
        (request("/").method("TRACE"), "method_refused"),
        (
            request("/").method("CONNECT").uri("app.test:443"),
            "method_refused",
        ),
        (many, "headers_too_large"),
        (crumbs, "upstream_unreachable"),
        (request("/.countersign/whoever"), "not_found"),
    ] {
        let (_, said) = client.ask(request).await;
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_announced_ends_the_request_and_the_applications_connection() {
    let (application, running) = application().await;
    let mut client = running.over_http2().await;
    let post = |length: &str| request("/").method(Method::POST).header("content-length", length);
    // Less, more, and none at all.
    for body in [["one", ""].as_slice(), &["one", "two", "three"], &[]] {
        let request = post("7").body(()).unwrap();
        let (reason, seen) = tokio::join!(client.ends(request, body), async {
            if body.is_empty() {
                return None;
            }
            let (mut stream, _) = application.accept().await.unwrap();
            Some(rest(&mut stream).await)
        });
        assert_eq!(reason, Some(Reason::PROTOCOL_ERROR), "{body:?}");
        // What arrived is not a whole request, and nothing follows it.
        if let Some(seen) = seen {
            let head = seen.find("\r\n\r\n").map_or(seen.len(), |end| end + 4);
            assert!(seen.len() < head + 7, "{seen}");
        }
    }
    let (answer, mut body) = client.send(post("7").body(()).unwrap(), false).await;
    body.send_data(Bytes::from_static(b"one"), false).unwrap();
    let (mut stream, _) = application.accept().await.unwrap();
    assert!(
        read_until(&mut stream, "one")
            .await
            .contains("content-length: 7\r\n")
    );
    body.send_reset(Reason::CANCEL);
    assert_eq!(
        rest(&mut stream).await,
        "",
        "the application sees a request that broke off"
    );
    drop(answer);
    let (answer, mut body) = client.send(post("7").body(()).unwrap(), false).await;
    body.send_data(Bytes::from_static(b"onetwo7"), true).unwrap();
    let (mut stream, _) = application.accept().await.unwrap();
    assert!(
        read_until(&mut stream, "onetwo7")
            .await
            .contains("content-length: 7\r\n")
    );
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn trailers_end_with_the_body_and_are_not_made_into_headers() {
    let (application, running) = application().await;
    let mut client = running.over_http2().await;
    let (answer, mut body) = client
        .send(request("/").method("POST").body(()).unwrap(), false)
        .await;
    body.send_data(Bytes::from_static(b"one"), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-auth-subject", "bob".parse().unwrap());
    body.send_trailers(trailers).unwrap();
    let (mut stream, _) = application.accept().await.unwrap();
    let seen = read_until(&mut stream, "0\r\n\r\n").await;
    assert!(
        seen.ends_with("3\r\none\r\n0\r\n\r\n") && !seen.contains("bob"),
        "{seen}"
    );
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_ends_and_an_idle_one_later() {
    let running = start_tls("reverse-proxy", None);
    let client = running.over_http2().await;
    let began = Instant::now();
    drop(client.ended.await);
    assert_eq!(began.elapsed().as_secs(), 10);
    let mut client = running.over_http2().await;
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(client.ask(request("/admin/")).await.0, StatusCode::FORBIDDEN);
    }
    let began = Instant::now();
    let pinging = async {
        // Who only says that it is there does not stay for ever.
        while client.pings.ping(h2::Ping::opaque()).await.is_ok() {
            tokio::time::advance(Duration::from_secs(20)).await;
        }
    };
    pinging.await;
    assert!(
        (75..=95).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    drop(client.ended.await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_which_the_client_makes_no_room_is_given_up() {
    let (application, running) = application().await;
    let mut client = running.over_http2().await;
    let (answer, _) = client.send(request("/").body(()).unwrap(), true).await;
    let (mut stream, _) = application.accept().await.unwrap();
    drop(read_until(&mut stream, "\r\n\r\n").await);
    let writing = tokio::spawn(async move {
        drop(
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                .await,
        );
        while stream.write_all(&[b'x'; 8 * 1024]).await.is_ok() {}
    });
    let mut body = answer.await.unwrap().into_body();
    let began = Instant::now();
    let ended = loop {
        match body.data().await {
            // Nothing is given back: the window closes.
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it is not whole"),
        }
    };
    assert_eq!(ended.reason(), Some(Reason::CANCEL), "{ended}");
    assert_eq!(began.elapsed().as_secs(), 60);
    writing.await.unwrap();
    drop(body);
    let (status, _) = client.ask(request("/admin/")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the connection goes on");
}

#[tokio::test]
async fn on_the_order_to_stop_requests_under_way_are_finished_and_no_others_begun() {
    let (application, running) = application().await;
    let mut client = running.over_http2().await;
    let (answer, _) = client.send(request("/").body(()).unwrap(), true).await;
    let (mut stream, _) = application.accept().await.unwrap();
    drop(read_until(&mut stream, "\r\n\r\n").await);
    running.stop.send(true).unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        .await
        .unwrap();
    assert_eq!(text(answer.await.unwrap().into_body()).await, "done");
    running.task.await.unwrap();
    drop(client.ended.await);
}
