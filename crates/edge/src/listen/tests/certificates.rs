//! Client certificates: asked for in the handshake, judged with each request.

use super::tls::{face, hosts, start_hosts};
use super::*;
use crate::fakes::judge::FakeJudge;
use crate::fakes::pki::maker::Key;
use crate::fakes::pki::{self, Identity};
use crate::gateway::Gateway;
use crate::tls::{ClientPolicy, Mode, Protocols, TlsHost, TlsHosts};
use countersign_core::certificate::CertificateJudge;
use rustls::{ClientConfig, HandshakeKind};
use tokio_rustls::client::TlsStream;

const WHOAMI: &str = "/.countersign/whoami";

/// Asks `judge` as `mode` says.
fn policy(mode: Mode, judge: &Arc<FakeJudge>) -> ClientPolicy {
    ClientPolicy::new(mode, vec![Arc::clone(judge) as Arc<dyn CertificateJudge>])
}

fn host(policy: ClientPolicy) -> TlsHost {
    pki::identity(&["app.test"], Key(1)).host_asking(Protocols::Both, policy)
}

fn joe() -> Identity {
    pki::identity(&["joe"], Key(2))
}

/// A client with this certificate; its sessions can be taken up again.
fn client(identity: Option<&Identity>) -> Arc<ClientConfig> {
    Arc::new(pki::client_with(&["http/1.1"], identity))
}

impl Running {
    async fn shake(&self, name: &str, client: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
        let client = tokio_rustls::TlsConnector::from(Arc::clone(client));
        let name = name.to_owned().try_into().unwrap();
        client.connect(name, self.connect().await).await.unwrap()
    }
}

/// Asks for `path` of `host`, as ann: the status, and all that was said.
async fn ask(stream: &mut TlsStream<TcpStream>, host: &str, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer ann\r\n\r\n");
    let head = exchange(stream, &request).await;
    let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    let Some((head, begun)) = head.split_once("\r\n\r\n") else {
        return (status, head);
    };
    let length = head.split("content-length: ").nth(1).unwrap_or("0");
    let length = length.lines().next().unwrap().parse::<usize>().unwrap();
    let mut body = vec![0; length - begun.len()];
    stream.read_exact(&mut body).await.unwrap();
    (
        status,
        format!("{head}\r\n\r\n{begun}{}", String::from_utf8(body).unwrap()),
    )
}

/// What became of the certificate, as the page tells it.
async fn verdict(stream: &mut TlsStream<TcpStream>) -> String {
    let (_, said) = ask(stream, "app.test", WHOAMI).await;
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("ssl_client_verify: "));
    line.unwrap_or(&said).to_owned()
}

#[tokio::test]
async fn who_is_asked_goes_on_with_a_good_certificate_a_bad_one_and_none() {
    let joe = joe();
    let judge = FakeJudge::new("certificate.staff");
    judge.take(&joe.der());
    let running = start_hosts(
        "reverse-proxy",
        None,
        hosts([("app.test", host(policy(Mode::Ask, &judge)))]),
    );
    let stranger = pki::identity(&["stranger"], Key(3));
    for (identity, expected) in [
        (None, "NONE"),
        (Some(&joe), "SUCCESS"),
        (Some(&stranger), "FAILED:unable to get local issuer certificate"),
    ] {
        let mut stream = running.shake("app.test", &client(identity)).await;
        for _ in 0..2 {
            assert_eq!(verdict(&mut stream).await, expected);
        }
    }
}

#[tokio::test]
async fn the_first_of_several_judges_by_whom_it_holds_has_the_word() {
    let joe = joe();
    let (one, other) = (
        FakeJudge::new("certificate.one"),
        FakeJudge::new("certificate.other"),
    );
    other.take(&joe.der());
    let judges: [Arc<dyn CertificateJudge>; 2] = [one, other];
    let both = ClientPolicy::new(Mode::Required, judges.to_vec());
    let running = start_hosts("reverse-proxy", None, hosts([("app.test", host(both))]));
    let mut stream = running.shake("app.test", &client(Some(&joe))).await;
    assert_eq!(verdict(&mut stream).await, "SUCCESS");
}

#[tokio::test]
async fn where_a_certificate_is_required_nothing_is_served_without_one_that_holds() {
    let joe = joe();
    let judge = FakeJudge::new("certificate.staff");
    judge.take(&joe.der());
    let required = || host(policy(Mode::Required, &judge));
    let running = start_hosts("reverse-proxy", None, hosts([("app.test", required())]));
    let stranger = pki::identity(&["stranger"], Key(3));
    for (identity, reason) in [
        (None, "certificate_required"),
        (Some(&stranger), "certificate_unknown_authority"),
    ] {
        for path in ["/", "/open/", "//", WHOAMI, "/.countersign/decide"] {
            let mut stream = running.shake("app.test", &client(identity)).await;
            let (status, said) = ask(&mut stream, "app.test", path).await;
            assert_eq!(status, 403, "{path}: {said}");
            assert!(
                said.contains(reason) && said.contains("connection: close\r\n"),
                "{path}: {said}"
            );
        }
    }
    let mut stream = running.shake("app.test", &client(Some(&joe))).await;
    let (status, said) = ask(&mut stream, "app.test", "/admin/").await;
    assert!(status == 403 && said.contains("group_unmet"), "{said}");
    let lines = running.served.lines.lock().unwrap().clone();
    assert!(
        lines[0].contains("\"outcome\":\"challenge\"") && lines[0].contains("certificate_required"),
        "{lines:?}"
    );
    let proxy = start_hosts("auth-request", None, hosts([("app.test", required())]));
    let mut stream = proxy.shake("app.test", &client(None)).await;
    let answer = exchange(&mut stream, &asked()).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let mut stream = proxy.shake("app.test", &client(Some(&joe))).await;
    assert!(exchange(&mut stream, &asked()).await.starts_with("HTTP/1.1 200"));
}

/// `off.test` first, then hosts that ask: of one judge, of the same, and of another.
fn several(judge: &Arc<FakeJudge>) -> Arc<TlsHosts> {
    let other = FakeJudge::new("certificate.other");
    hosts([
        ("off.test", host(ClientPolicy::default())),
        ("*.off.test", host(ClientPolicy::default())),
        ("asks.test", host(policy(Mode::Ask, judge))),
        ("app.test", host(policy(Mode::Ask, judge))),
        ("*.wide.test", host(policy(Mode::Required, judge))),
        ("other.test", host(policy(Mode::Ask, &other))),
    ])
}

#[tokio::test]
async fn a_request_for_a_host_that_asks_for_something_else_is_misdirected() {
    let joe = joe();
    let judge = FakeJudge::new("certificate.staff");
    judge.take(&joe.der());
    let running = start_hosts("reverse-proxy", None, several(&judge));
    for (name, host, misdirected) in [
        ("off.test", "off.test", false),
        ("off.test", "a.off.test", false),
        ("off.test", "nobody.test", false),
        ("off.test", "asks.test", true),
        ("off.test", "APP.test.:443", true),
        ("off.test", "a.wide.test", true),
        ("unknown.test", "asks.test", true),
        ("asks.test", "asks.test", false),
        ("asks.test", "app.test", false),
        ("asks.test", "other.test", true),
        ("asks.test", "off.test", true),
        ("asks.test", "nobody.test", true),
        ("a.wide.test", "b.wide.test", false),
        ("a.wide.test", "wide.test", true),
        ("a.wide.test", "app.test", true),
        // Nobody asks for an address by name, so the first host is meant.
        ("127.0.0.1", "asks.test", true),
        ("127.0.0.1", "127.0.0.1", false),
    ] {
        let mut stream = running.shake(name, &client(Some(&joe))).await;
        let absolute = format!("https://{host}/");
        // On every request of the connection, not only the first.
        for path in ["/", &absolute, WHOAMI, "/"] {
            let (status, said) = ask(&mut stream, host, path).await;
            assert_eq!(status == 421, misdirected, "{name}, {host}, {path}: {said}");
            assert_eq!(said.contains("\"misdirected\""), misdirected, "{said}");
        }
    }
}

#[tokio::test]
async fn in_http_2_each_request_is_held_to_the_host_of_its_connection() {
    let judge = FakeJudge::new("certificate.staff");
    let running = start_hosts("reverse-proxy", None, several(&judge));
    let config = Arc::new(pki::client_with(&["h2"], None));
    let stream = running.shake("off.test", &config).await;
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    drop(tokio::spawn(connection));
    for (host, expected) in [
        ("off.test", 404),
        ("asks.test", 421),
        ("a.wide.test", 421),
        ("off.test", 404),
    ] {
        let request = Request::builder()
            .uri(format!("https://{host}/"))
            .body(())
            .unwrap();
        send = send.ready().await.unwrap();
        let (answer, _) = send.send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status().as_u16(), expected, "{host}");
    }
    let stream = running.shake("a.wide.test", &config).await;
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    drop(tokio::spawn(connection));
    let request = Request::builder().uri("https://a.wide.test/").body(()).unwrap();
    let (answer, _) = send.ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(
        answer.await.unwrap().status().as_u16(),
        403,
        "a certificate is required"
    );
}

#[tokio::test]
async fn what_becomes_of_a_certificate_is_said_anew_on_an_open_connection() {
    let joe = joe();
    let judge = FakeJudge::new("certificate.staff");
    judge.take(&joe.der());
    let asks = || hosts([("app.test", host(policy(Mode::Ask, &judge)))]);
    let running = start_hosts("reverse-proxy", None, asks());
    let mut stream = running.shake("app.test", &client(Some(&joe))).await;
    assert_eq!(verdict(&mut stream).await, "SUCCESS");
    judge.revoke();
    assert!(verdict(&mut stream).await.starts_with("FAILED:"));
    let swap = |hosts: Arc<TlsHosts>| {
        running.served.shared.swap(Gateway {
            faces: std::iter::once((0, face("reverse-proxy", hosts))).collect(),
            ..fakes::gateway(None)
        });
    };
    // By a reload the same authorities have other judges, or are asked about in another way.
    let after = FakeJudge::new("certificate.staff");
    after.take(&joe.der());
    swap(hosts([("app.test", host(policy(Mode::Ask, &after)))]));
    assert_eq!(verdict(&mut stream).await, "SUCCESS");
    swap(hosts([("app.test", host(policy(Mode::Required, &after)))]));
    assert_eq!(
        ask(&mut stream, "app.test", "/").await.0,
        421,
        "asked for by other rules"
    );
    swap(hosts([("app.test", host(ClientPolicy::default()))]));
    assert_eq!(ask(&mut stream, "app.test", "/").await.0, 421);
}

/// Whether the second of two connections goes on with the session of the first, and its verdict.
async fn resumed(running: &Running, client: &Arc<ClientConfig>, name: &str) -> (bool, String) {
    let mut stream = running.shake(name, client).await;
    let verdict = verdict(&mut stream).await;
    let kind = stream.get_ref().1.handshake_kind();
    (kind == Some(HandshakeKind::Resumed), verdict)
}

#[tokio::test]
async fn a_resumed_session_has_the_certificate_and_is_judged_like_any_other() {
    let joe = joe();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let judge = FakeJudge::new("certificate.staff");
        judge.take(&joe.der());
        let running = start_hosts(
            "reverse-proxy",
            None,
            hosts([("app.test", host(policy(Mode::Ask, &judge)))]),
        );
        let client = Arc::new(pki::client_of(&[version], Some(&joe)));
        let success = "SUCCESS".to_owned();
        assert_eq!(
            resumed(&running, &client, "app.test").await,
            (false, success.clone())
        );
        assert_eq!(
            resumed(&running, &client, "app.test").await,
            (true, success.clone())
        );
        let mut open = running.shake("app.test", &client).await;
        judge.revoke();
        let (again, verdict) = resumed(&running, &client, "app.test").await;
        assert!(
            !again && verdict.starts_with("FAILED:"),
            "{version:?}: {again} {verdict}"
        );
        assert!(self::verdict(&mut open).await.starts_with("FAILED:"));
    }
}

#[tokio::test]
async fn a_session_of_one_host_is_not_taken_up_at_another() {
    let joe = joe();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let judge = FakeJudge::new("certificate.staff");
        judge.take(&joe.der());
        let running = start_hosts("reverse-proxy", None, several(&judge));
        let config = pki::client_of(&[version], Some(&joe));
        // A client that takes whatever session it has to whatever name.
        let sessions = Arc::new(pki::AnyName::default());
        let mut hostile = config.clone();
        hostile.resumption = rustls::client::Resumption::store(sessions);
        let hostile = Arc::new(hostile);
        for (from, to) in [
            ("off.test", "app.test"),
            ("asks.test", "app.test"),
            ("app.test", "a.wide.test"),
        ] {
            let mut stream = running.shake(from, &hostile).await;
            drop(ask(&mut stream, from, "/").await);
            let mut stream = running.shake(to, &hostile).await;
            drop(ask(&mut stream, to, "/").await);
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::Full), "{version:?}, {from} to {to}");
        }
        let mut stream = running.shake("a.wide.test", &hostile).await;
        drop(ask(&mut stream, "a.wide.test", "/").await);
        let kind = stream.get_ref().1.handshake_kind();
        assert_eq!(
            kind,
            Some(HandshakeKind::Resumed),
            "{version:?}: at its own it is"
        );
    }
}
