//! The client against sockets on loopback.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(30);

fn limits() -> FetchLimits {
    FetchLimits {
        deadline: LONG,
        body_bytes: 100,
        as_public_as: None,
        authorities: None,
    }
}

/// Answers every connection with `answer`; says where, and what the first line of each question was.
async fn server(answer: &'static str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    drop(tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            drop(sender.send(text.lines().next().unwrap_or("").to_owned()));
            drop(stream.write_all(answer.as_bytes()).await);
        }
    }));
    (port, receiver)
}

async fn get(settings: ProxySettings, url: &str, limits: FetchLimits) -> Result<Response<Bytes>, HttpError> {
    let client = NetworkClient::new(settings).unwrap();
    client
        .send(Request::get(url).body(Bytes::new()).unwrap(), limits)
        .await
}

#[tokio::test]
async fn an_answer_is_read_whole_and_a_redirect_is_an_answer() {
    let (port, _) =
        server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 4\r\n\r\nbody").await;
    let answer = get(
        ProxySettings::default(),
        &format!("http://127.0.0.1:{port}/a"),
        limits(),
    )
    .await
    .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (302, &b"body"[..])
    );
    assert_eq!(answer.headers()["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn a_body_over_the_limit_is_an_error_announced_or_not() {
    for answer in [
        concat!(
            "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0"
        ),
        concat!(
            "HTTP/1.1 200 OK\r\n\r\n",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0123456789",
            "0"
        ),
    ] {
        let (port, _) = server(answer).await;
        let refused = get(
            ProxySettings::default(),
            &format!("http://127.0.0.1:{port}/"),
            limits(),
        )
        .await;
        assert_eq!(refused.unwrap_err(), HttpError::TooLarge(100));
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let deadline = Duration::from_millis(20);
    let slow = get(
        ProxySettings::default(),
        &url,
        FetchLimits { deadline, ..limits() },
    )
    .await;
    assert_eq!(slow.unwrap_err(), HttpError::TooSlow(deadline));
    drop(listener);
    let gone = get(ProxySettings::default(), &url, limits()).await;
    let gone = gone.unwrap_err();
    assert!(
        matches!(gone, HttpError::InTheWay(Obstacle::NobodyListens, _)),
        "{gone}"
    );
}

#[tokio::test]
async fn what_stood_in_the_way_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // It reads no more than it takes to see that this is no request.
    drop(tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        while stream.read_u8().await.is_ok() {}
    }));
    // No question is sent about a name with so long a label.
    let nobody = format!("http://{}.test/", "x".repeat(64));
    for (url, wanted) in [
        (format!("https://127.0.0.1:{port}/"), Obstacle::NoTls),
        (nobody, Obstacle::NoAddress),
    ] {
        let told = get(ProxySettings::default(), &url, limits()).await.unwrap_err();
        assert!(
            matches!(told, HttpError::InTheWay(obstacle, _) if obstacle == wanted),
            "{url}: {told:?}"
        );
    }
    let certificate = |why| obstacle(&io::Error::other(rustls::Error::InvalidCertificate(why)));
    assert_eq!(
        [CertificateError::UnknownIssuer, CertificateError::Expired].map(certificate),
        [Some(Obstacle::UnknownAuthority), Some(Obstacle::BadCertificate)]
    );
}

#[tokio::test]
async fn a_public_issuer_never_leads_to_a_private_address() {
    let (port, mut asked) = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let public = || FetchLimits {
        as_public_as: Some("203.0.113.1".into()),
        ..limits()
    };
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
    ] {
        let refused = get(
            ProxySettings::default(),
            &format!("http://{host}:{port}/keys"),
            public(),
        )
        .await;
        assert!(
            matches!(refused, Err(HttpError::PrivateAddress(_))),
            "{host}: {refused:?}"
        );
    }
    assert!(asked.try_recv().is_err(), "nobody was asked");
    let private = FetchLimits {
        as_public_as: Some("localhost".into()),
        ..limits()
    };
    assert!(
        get(
            ProxySettings::default(),
            &format!("http://127.0.0.1:{port}/keys"),
            private
        )
        .await
        .is_ok()
    );
}

#[tokio::test]
async fn a_proxy_of_our_own_network_is_used_and_no_proxy_goes_around_it() {
    let (proxy, mut asked) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let settings = ProxySettings {
        http_proxy: Some(format!("http://localhost:{proxy}")),
        no_proxy: Some("direct.test,127.0.0.1".into()),
        https_proxy: None,
    };
    let public = || FetchLimits {
        as_public_as: Some("203.0.113.1".into()),
        ..limits()
    };
    let answer = get(settings.clone(), "http://keys.example.test/set", public())
        .await
        .unwrap();
    assert_eq!(&answer.body()[..], b"ok");
    assert_eq!(
        asked.recv().await.unwrap(),
        "GET http://keys.example.test/set HTTP/1.1"
    );
    let refused = get(settings.clone(), &format!("http://localhost:{proxy}/"), public()).await;
    assert!(
        matches!(refused, Err(HttpError::PrivateAddress(_))),
        "the proxy itself is not public"
    );
    let (port, _) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    let direct = get(settings, &format!("http://127.0.0.1:{port}/"), limits())
        .await
        .unwrap();
    assert_eq!(direct.status().as_u16(), 204);
}

#[test]
fn authorities_that_are_no_certificates_are_refused() {
    assert!(
        tls(Some(&Arc::from(
            &b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"[..]
        )))
        .is_err()
    );
    assert!(tls(None).is_ok());
}
