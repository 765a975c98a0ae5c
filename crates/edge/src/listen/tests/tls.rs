//! Listeners that speak TLS.

use super::*;
use crate::fakes::pki;
use crate::fakes::pki::maker::Key;
use crate::gateway::Face;
use crate::integration::by_name;
use crate::tls::{Protocols, TlsHost, TlsHosts};
use countersign_core::peer::TrustedPeers;
use countersign_core::route::HostPattern;
use tokio_rustls::client::TlsStream;

/// A server for `app.test` over TLS.
pub(super) fn start_tls(dialect: &str, upstream: Option<&str>) -> Running {
    let protocols = if dialect == "reverse-proxy" {
        Protocols::Both
    } else {
        Protocols::Http1
    };
    let host = pki::identity(&["app.test"], Key(1)).host(protocols);
    start_hosts(dialect, upstream, hosts([("app.test", host)]))
}

/// Hosts, each with one name.
pub(super) fn hosts<'a>(hosts: impl IntoIterator<Item = (&'a str, TlsHost)>) -> Arc<TlsHosts> {
    let hosts = hosts
        .into_iter()
        .map(|(name, host)| (vec![HostPattern::parse(name).unwrap()], host));
    Arc::new(TlsHosts::new(hosts).unwrap())
}

/// A face by these hosts.
pub(super) fn face(dialect: &str, hosts: Arc<TlsHosts>) -> Face {
    let trusted = TrustedPeers::parse(["192.0.2.1"]).unwrap();
    let trusted = if dialect == "reverse-proxy" {
        trusted
    } else {
        TrustedPeers::parse(["127.0.0.1"]).unwrap()
    };
    Face {
        integration: by_name(dialect, trusted.into()).unwrap(),
        hosts: Some(hosts),
    }
}

/// A server over TLS with these hosts, whose face has the number 0.
pub(super) fn start_hosts(dialect: &str, upstream: Option<&str>, hosts: Arc<TlsHosts>) -> Running {
    let served = fakes::served(upstream);
    let service = Service::new(Arc::clone(&served.shared), face(dialect, hosts));
    run(served, Handler::Gateway(service.at_face(0)), Limits::default())
}

impl Running {
    pub(super) async fn over_tls(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let client = tokio_rustls::TlsConnector::from(Arc::new(pki::client(protocols)));
        let name = "app.test".try_into().unwrap();
        client.connect(name, self.connect().await).await.unwrap()
    }

    pub(super) fn figures(&self) -> String {
        self.served.metrics.render()
    }
}

#[tokio::test]
async fn a_request_over_tls_is_forwarded_and_the_application_told_so() {
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let (authority, mut asked) = fakes::application(vec![vec![answer, answer]]).await;
    let running = start_tls("reverse-proxy", Some(&authority));
    let mut client = running.over_tls(&["http/1.1"]).await;
    let plain = "GET / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ann\r\n\r\n";
    let absolute = plain.replace("GET /", "GET https://app.test:443/");
    for request in [plain, &absolute] {
        let answer = exchange(&mut client, request).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        let asked = asked.recv().await.unwrap();
        assert!(asked.contains("x-forwarded-proto: https\r\n"), "{asked}");
    }
    let answer = exchange(&mut client, &plain.replace("GET /", "GET http://app.test/")).await;
    let answer = format!("{answer}{}", read_until(&mut client, "no such end").await);
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("scheme_unknown"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_decision_is_given_over_tls_in_http_1_only() {
    let running = start_tls("auth-request", None);
    let mut client = running.over_tls(&["h2", "http/1.1"]).await;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    for _ in 0..2 {
        let answer = exchange(&mut client, &asked()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_done_in_time_ends_and_is_told() {
    let running = start_tls("reverse-proxy", None);
    let began = Instant::now();
    let mut silent = running.connect().await;
    assert_eq!(
        (rest(&mut silent).await.as_str(), began.elapsed().as_secs()),
        ("", 10)
    );
    let mut half = running.connect().await;
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    assert_eq!(
        (rest(&mut half).await.as_str(), began.elapsed().as_secs()),
        ("", 20)
    );
    let figures = running.figures();
    assert!(
        figures.contains("countersign_failed_handshakes_total{reason=\"late\"} 2\n"),
        "{figures}"
    );
    let lines = running.served.lines.lock().unwrap().clone();
    assert!(
        lines
            .iter()
            .all(|line| line.contains("127.0.0.1: it was not done in time")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_is_in_the_clear_is_no_request_where_tls_is_spoken() {
    let running = start_tls("reverse-proxy", None);
    let mut client = running.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    drop(client.read_to_end(&mut bytes).await);
    assert_eq!(bytes.first(), Some(&21), "an alert, and no answer");
    let lines = running.served.lines.lock().unwrap().clone();
    assert!(
        lines[0].contains("127.0.0.1: what was sent is not TLS"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn over_tls_the_deadlines_are_the_same() {
    let running = start_tls("reverse-proxy", None);
    let mut silent = running.over_tls(&["http/1.1"]).await;
    let began = Instant::now();
    assert_eq!(
        (
            read_until(&mut silent, "no end").await.as_str(),
            began.elapsed().as_secs()
        ),
        ("", 10)
    );
    let mut idle = running.over_tls(&["http/1.1"]).await;
    let answer = exchange(&mut idle, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let began = Instant::now();
    drop(read_until(&mut idle, "there is no such end").await);
    assert_eq!(began.elapsed().as_secs(), 75);
}

#[tokio::test]
async fn new_keys_without_end_end_the_connection() {
    let running = start_tls("reverse-proxy", None);
    let mut client = running.over_tls(&["http/1.1"]).await;
    let mut sent = 0;
    let ended = loop {
        assert!(sent < 10_000, "it would go on for ever");
        client.get_mut().1.refresh_traffic_keys().unwrap();
        if let Err(error) = client.flush().await {
            break error;
        }
        sent += 1;
    };
    assert!(sent >= 10, "a few are taken: {sent}, {ended}");
}
