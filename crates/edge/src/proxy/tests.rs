use crate::body::Body;
use crate::fakes;
use countersign_core::peer::Peer;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NOTHING: &str = "HTTP/1.1 204 No Content\r\n\r\n";

async fn ask(service: &crate::serve::Service, text: &str) -> Response<Body> {
    ask_with(service, text, Body::empty()).await
}

async fn ask_with(service: &crate::serve::Service, text: &str, body: Body) -> Response<Body> {
    let peer = Peer::at("198.51.100.7".parse().unwrap());
    service
        .serve(fakes::head::<Option<()>>(text).map(|_| body), &peer)
        .await
}

/// What the client reads: the status and the body.
async fn read(answer: Response<Body>) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The reason in a problem.
async fn reason(answer: Response<Body>) -> (u16, String) {
    let (status, body) = read(answer).await;
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
    (status, problem["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_was_judged_goes_on_with_our_own_word_and_nobody_elses() {
    let (authority, mut asked) = fakes::application(vec![vec![OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let text = "GET /a%20b/?q=%2f&token=secret&r=1\nHost: APP.test:8443\nAuthorization: Bearer bob\nCookie: a=1\nX-Own: 1\n\
                Connection: close, X-Auth-Subject, x-forwarded-for, X-Request-Id, X-Dropped, Host\nX-Dropped: 1\nTE: trailers\n\
                Keep-Alive: timeout=5\nProxy-Authorization: Basic eA==\nX-Auth-Subject: root\nX_Auth_Groups: root\n\
                X-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: https\nForwarded: for=1\nX-Real-IP: 1\nX-Request-Id: theirs";
    let answer = ask(&service, text).await;
    let cookies = answer.headers().get_all("set-cookie").iter().count();
    assert_eq!((cookies, read(answer).await), (2, (200, "ok".to_owned())));
    let request = asked.recv().await.unwrap();
    let mut lines = request.trim_end_matches("\r\n").lines().collect::<Vec<_>>();
    assert_eq!(lines.remove(0), "GET /a%20b/?q=%2f&r=1 HTTP/1.1");
    lines.sort_unstable();
    let id = lines
        .iter()
        .position(|line| line.starts_with("x-request-id: 0102030405060708"))
        .unwrap();
    lines.remove(id);
    assert_eq!(
        lines,
        [
            "authorization: Bearer bob",
            "cookie: a=1",
            "host: app.test:8443",
            "x-auth-audience: ",
            "x-auth-email: ",
            "x-auth-expiresin: ",
            "x-auth-groups: operators,others",
            "x-auth-locale: ",
            "x-auth-subject: bob",
            "x-auth-userid: ",
            "x-auth-username: ",
            "x-forwarded-for: 198.51.100.7",
            "x-forwarded-host: app.test:8443",
            "x-forwarded-proto: http",
            "x-own: 1",
        ]
    );
}

#[tokio::test]
async fn a_route_may_keep_the_credential_and_let_odd_paths_through_byte_for_byte() {
    let (authority, mut asked) = fakes::application(vec![vec![OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let refused = ask(&service, "GET /a%2Fb\nHost: app.test\nAuthorization: Bearer ann").await;
    assert_eq!(reason(refused).await, (400, "path_escaped_delimiter".to_owned()));
    let allowed = ask(
        &service,
        "GET /a%2Fb?token=x\nHost: keep.test\nAuthorization: Bearer ann",
    )
    .await;
    assert_eq!(allowed.status(), StatusCode::OK);
    let request = asked.recv().await.unwrap();
    assert!(
        request.starts_with("GET /a%2Fb HTTP/1.1\r\n")
            && !request.contains("ann\r\nauth")
            && !request.contains("Bearer")
    );
    assert!(request.contains("x-auth-subject: ann"));
}

#[tokio::test]
async fn a_connection_is_used_again_whatever_kind_of_answer_came() {
    let answers = vec![
        OK,
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK,
    ];
    let (authority, mut asked) = fakes::application(vec![answers]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let mut statuses = Vec::new();
    for method in ["GET", "HEAD", "GET", "OPTIONS", "GET", "GET"] {
        let answer = ask(
            &service,
            &format!("{method} /\nHost: app.test\nAuthorization: Bearer ann"),
        )
        .await;
        assert!(!answer.headers().contains_key("transfer-encoding"));
        statuses.push(read(answer).await.0);
        asked.recv().await.unwrap();
        // The connection's own task notes the end of the answer.
        tokio::task::yield_now().await;
    }
    assert_eq!(statuses, [200, 200, 304, 204, 200, 200]);
}

/// As a server does that has written as many bytes as were announced.
#[tokio::test]
async fn a_connection_is_used_again_where_nobody_reads_beyond_the_last_byte() {
    let (authority, mut asked) = fakes::application(vec![vec![OK, OK, OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    for _ in 0..3 {
        let answer = ask(&service, "GET /\nHost: app.test\nAuthorization: Bearer ann").await;
        assert_eq!(answer.status(), StatusCode::OK);
        let mut body = answer.into_body();
        let mut missing = body.size_hint().exact().unwrap();
        while missing > 0 {
            let frame = body.frame().await.unwrap().unwrap();
            missing -= frame.data_ref().map_or(0, bytes::Bytes::len) as u64;
        }
        drop(body);
        asked.recv().await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_and_the_request_sent_once() {
    let (authority, mut asked) = fakes::application(vec![vec![OK], vec![OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    for path in ["/one", "/two"] {
        let answer = ask(
            &service,
            &format!("GET {path}\nHost: app.test\nAuthorization: Bearer ann"),
        )
        .await;
        assert_eq!(read(answer).await.0, 200);
        assert!(asked.recv().await.unwrap().contains(path));
    }
    assert!(asked.recv().await.is_none());
}

/// As uWSGI does at a socket of HTTP: it says nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_closes_after_each_answer_without_a_word_answers_them_all() {
    const TIMES: usize = 400;
    let (authority, mut asked) = fakes::application(vec![vec![OK]; 2 * TIMES]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    for time in 0..TIMES {
        for method in ["GET", "POST"] {
            let answer = ask(
                &service,
                &format!("{method} /{time}\nHost: app.test\nAuthorization: Bearer ann"),
            )
            .await;
            assert_eq!(read(answer).await.0, 200, "{method} {time}");
        }
    }
    for time in 0..TIMES {
        for method in ["GET", "POST"] {
            let request = asked.recv().await.unwrap();
            assert!(
                request.starts_with(&format!("{method} /{time} ")),
                "once and in order: {request}"
            );
        }
    }
}

#[tokio::test]
async fn what_may_be_asked_twice_is_asked_once_more_where_a_kept_connection_breaks_before_an_answer() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        for broken in ["", "HTTP/1.1 20", "SSH-2.0-OpenSSH\r\n\r\n"] {
            let (authority, mut asked) = fakes::application(vec![vec![NOTHING, broken], vec![NOTHING]]).await;
            let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
            for path in ["/one", "/two"] {
                let request = format!("{method} {path}\nHost: app.test\nAuthorization: Bearer ann");
                assert_eq!(
                    read(ask(&service, &request).await).await.0,
                    204,
                    "{method} {broken}"
                );
                tokio::task::yield_now().await;
            }
            assert!(asked.recv().await.unwrap().contains("/one"));
            let (first, second) = (asked.recv().await.unwrap(), asked.recv().await.unwrap());
            assert!(first.starts_with(&format!("{method} /two ")));
            assert_eq!(first, second, "the same, to the byte");
            assert!(asked.recv().await.is_none());
        }
    }
}

/// The second and the third wait for the connection before them, which is kept: nobody asks over it.
#[tokio::test]
async fn an_application_that_serves_one_connection_at_a_time_answers_what_is_asked_at_once() {
    let (authority, mut asked) = fakes::application(vec![vec![OK, OK]; 3]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let one = async || {
        read(ask(&service, "GET /\nHost: app.test\nAuthorization: Bearer ann").await)
            .await
            .0
    };
    assert_eq!(tokio::join!(one(), one(), one()), (200, 200, 200));
    let times = std::iter::from_fn(|| asked.try_recv().ok()).count();
    assert_eq!(times, 3, "each once");
}

/// Nobody waits for the end of a kept connection here, and it is tried a few times alone.
#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_its_time_leaves_the_others_their_connections() {
    let (authority, mut connections) = application_of_many().await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let slow = ask(&service, "POST /slow\nHost: app.test\nAuthorization: Bearer ann");
    let others = async {
        for _ in 0..60 {
            let answer = ask(&service, "GET /\nHost: app.test\nAuthorization: Bearer ann").await;
            assert_eq!(read(answer).await.0, 200);
            tokio::time::advance(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = slow => panic!("it is not answered"),
        () = others => {}
    }
    let times = std::iter::from_fn(|| connections.try_recv().ok()).count();
    assert!(
        (2..=7).contains(&times),
        "{times} connections within three seconds"
    );
}

/// It serves as many connections as there are, and answers all but `/slow`. Each that is made comes out of the channel.
async fn application_of_many() -> (String, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    drop(tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            sender.send(()).unwrap();
            drop(tokio::spawn(async move {
                let mut bytes = Vec::new();
                while stream.read_buf(&mut bytes).await.unwrap() > 0 {
                    if bytes.ends_with(b"\r\n\r\n") && bytes.starts_with(b"GET / ") {
                        stream.write_all(OK.as_bytes()).await.unwrap();
                        bytes.clear();
                    }
                }
            }));
        }
    }));
    (authority, receiver)
}

#[tokio::test]
async fn a_request_is_asked_twice_at_most() {
    let (authority, mut asked) = fakes::application(vec![vec![OK, ""], vec![""], vec![OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let request = "GET /\nHost: app.test\nAuthorization: Bearer ann";
    assert_eq!(read(ask(&service, request).await).await.0, 200);
    tokio::task::yield_now().await;
    assert_eq!(
        reason(ask(&service, request).await).await,
        (502, "upstream_broken".to_owned())
    );
    let times = std::iter::from_fn(|| asked.try_recv().ok()).count();
    assert_eq!(times, 3, "once, and then twice");
}

#[tokio::test]
async fn what_must_not_be_sent_twice_has_a_new_connection_in_the_place_of_a_kept_one() {
    for (method, body) in [
        ("POST", ""),
        ("POST", "x"),
        ("DELETE", ""),
        ("PUT", ""),
        ("GET", "x"),
    ] {
        // One connection at a time: the second is taken once the first is closed. It breaks.
        let (authority, mut asked) = fakes::application(vec![vec![OK, OK], vec![""], vec![OK]]).await;
        let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
        let first = "GET /one\nHost: app.test\nAuthorization: Bearer ann";
        assert_eq!(read(ask(&service, first).await).await.0, 200);
        tokio::task::yield_now().await;
        let text = format!("{method} /two\nHost: app.test\nAuthorization: Bearer ann");
        let answer = ask_with(&service, &text, Body::full(body.into())).await;
        assert_eq!(
            reason(answer).await,
            (502, "upstream_broken".to_owned()),
            "{method} {body}"
        );
        assert!(asked.recv().await.unwrap().contains("/one"));
        let second = asked.recv().await.unwrap();
        assert!(
            second.starts_with(&format!("{method} /two ")),
            "{method} {body:?}: {second:?}"
        );
        assert!(asked.try_recv().is_err(), "{method} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_fails_is_told_apart_from_a_refusal() {
    let check = async |answers: Vec<Vec<&'static str>>, expect: (u16, &str)| {
        let (authority, _asked) = fakes::application(answers).await;
        let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
        let answer = ask(&service, "GET /\nHost: app.test\nAuthorization: Bearer ann").await;
        assert_eq!(reason(answer).await, (expect.0, expect.1.to_owned()));
    };
    check(vec![vec!["SSH-2.0-OpenSSH\r\n\r\n"]], (502, "upstream_broken")).await;
    check(vec![vec![""]], (502, "upstream_broken")).await;
    check(
        vec![vec![
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        ]],
        (502, "upstream_broken"),
    )
    .await;
    check(vec![], (502, "upstream_unreachable")).await;
    let nowhere = fakes::served(Some("127.0.0.1:1")).speaking("reverse-proxy");
    let answer = ask(&nowhere, "GET /\nHost: nowhere.test\nAuthorization: Bearer ann").await;
    assert_eq!(reason(answer).await, (404, "no_upstream".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_says_nothing_is_given_up_after_a_minute() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    let began = tokio::time::Instant::now();
    let answer = ask(&service, "GET /\nHost: app.test\nAuthorization: Bearer ann").await;
    assert_eq!(reason(answer).await, (504, "upstream_timeout".to_owned()));
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn nothing_reaches_the_application_without_a_permit() {
    let (authority, mut asked) = fakes::application(vec![vec![OK]]).await;
    let service = fakes::served(Some(&authority)).speaking("reverse-proxy");
    for text in [
        "GET /\nHost: app.test",
        "GET /\nHost: app.test\nAuthorization: Bearer bad",
        "GET /\nHost: app.test\nAuthorization: Bearer down",
        "GET /\nHost: app.test\nAuthorization: Bearer bug",
        "GET /\nHost: app.test\nAuthorization: Bearer big",
        "GET /admin\nHost: app.test\nAuthorization: Bearer ann",
        "GET /../\nHost: app.test\nAuthorization: Bearer ann",
        "GET /\nHost: other.test\nAuthorization: Bearer ann",
        "GET http://other.test/\nHost: app.test\nAuthorization: Bearer ann",
        "GET /.countersign/x\nHost: app.test\nAuthorization: Bearer ann",
        "CONNECT app.test:80\nHost: app.test:80\nAuthorization: Bearer ann",
    ] {
        let answer = ask(&service, text).await;
        assert!(
            answer.status().is_client_error() || answer.status().is_server_error(),
            "{text}"
        );
        assert!(asked.try_recv().is_err(), "{text}");
    }
    let open = ask(&service, "OPTIONS /open/\nHost: app.test\nX-Auth-Subject: root").await;
    assert_eq!(open.status(), StatusCode::OK);
    assert!(
        asked.recv().await.unwrap().contains("x-auth-subject: \r\n"),
        "a stranger has no identity"
    );
}

#[test]
fn a_request_of_the_tests_is_what_it_says() {
    let request: Request<Option<()>> = fakes::head("GET /a\nHost: x");
    assert_eq!(
        (request.uri().path(), &request.headers()["host"]),
        ("/a", &"x".parse().unwrap())
    );
}
