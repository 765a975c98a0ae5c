//! What each dialect understands, and what it refuses to.

use super::*;

const READ: &str = "GET https://app.test/a?b=c for 203.0.113.9";

#[test]
fn nginx_tells_the_original_request_in_four_headers() {
    let asked = format!("GET {DECIDE}\n{NGINX}");
    let check = |text: &str, expect: &str| {
        assert_eq!(understood("auth-request", text, &Peer::unix()), expect, "{text}");
    };
    check(&asked, READ);
    check(
        &asked.replace(DECIDE, "/.countersign/decide?x=/.countersign/answer"),
        READ,
    );
    check(&asked.replace("GET /", "POST /"), READ);
    check(&asked.replace("/decide", "/decide/"), "not_found");
    check(&asked.replace("/.countersign/decide", "/"), "not_found");
    for name in [
        "X-Original-Method",
        "X-Original-URL",
        "X-Original-Host",
        "X-Original-Client",
    ] {
        check(&without(&asked, name), "header_missing");
        check(&format!("{asked}{name}: GET\n"), "header_doubled");
    }
    check(
        &format!("{asked}Authorization: Bearer a\nAuthorization: Bearer b"),
        "header_doubled",
    );
    check(&format!("{asked}Cookie: a=1\nCookie: b=2"), "header_doubled");
}

#[test]
fn what_nginx_tells_is_judged_like_any_request() {
    let asked = format!("GET {DECIDE}\n{NGINX}");
    for (name, value, expect) in [
        (
            "X-Original-Method",
            "POST",
            "POST https://app.test/a?b=c for 203.0.113.9",
        ),
        ("X-Original-Method", "TRACE", "method_refused"),
        ("X-Original-Method", "get", "method_refused"),
        (
            "X-Original-Client",
            "unix:",
            "GET https://app.test/a?b=c for nobody",
        ),
        (
            "X-Original-Client",
            "::ffff:203.0.113.7",
            "GET https://app.test/a?b=c for 203.0.113.7",
        ),
        ("X-Original-Client", "203.0.113.9, 10.0.0.1", "header_malformed"),
        ("X-Original-Client", "203.0.113.9:80", "header_malformed"),
        ("X-Original-Client", "unknown", "header_malformed"),
        ("X-Original-Client", "", "header_malformed"),
        ("X-Original-URL", "/a", "header_malformed"),
        ("X-Original-URL", "ftp://app.test/a", "scheme_unknown"),
        ("X-Original-URL", "https://app.test", "target_malformed"),
        ("X-Original-URL", "https://app.test?a", "target_malformed"),
        ("X-Original-URL", "https:///a", "host_malformed"),
        ("X-Original-URL", "https://ann@app.test/a", "host_malformed"),
        ("X-Original-URL", "https://app.test/a#b", "path_fragment"),
        (
            "X-Original-URL",
            "https://app.test/a/%2e%2E/b",
            "path_dot_segment",
        ),
        ("X-Original-URL", "https://app.test/a\\b", "path_byte"),
        (
            "X-Original-URL",
            "HTTPS://APP.test.:8443/a",
            "GET https://app.test:8443/a for 203.0.113.9",
        ),
        ("X-Original-URL", "https://app.test/.countersign/", "own_path"),
        (
            "X-Original-URL",
            "https://app.test/.countersign/decide?a",
            "own_path",
        ),
        ("X-Original-URL", "https://app.test/.countersign", "own_path"),
        ("X-Original-URL", "https://app.test/.COUNTERSIGN/x", "own_path"),
        (
            "X-Original-URL",
            "https://app.test/.countersigned",
            "GET https://app.test/.countersigned for 203.0.113.9",
        ),
        ("X-Original-Host", "APP.TEST.", READ),
        ("X-Original-Host", "adm.test", "host_mismatch"),
    ] {
        let text = format!("{}{name}: {value}\n", without(&asked, name));
        assert_eq!(understood("auth-request", &text, &Peer::unix()), expect, "{text}");
    }
}

#[test]
fn only_a_trusted_peer_may_tell_and_identity_never_comes_from_outside() {
    for (name, text) in [("auth-request", NGINX), ("forward-auth", CADDY)] {
        let text = format!("GET {DECIDE}\n{text}");
        let from = |address: &str| understood(name, &text, &Peer::at(address.parse::<IpAddr>().unwrap()));
        assert_eq!(from("10.1.2.3"), "GET https://app.test/a?b=c for 203.0.113.9");
        assert_eq!(from("127.0.0.1"), "untrusted_peer");
        let forged = |line: &str| understood(name, &format!("{text}{line}\n"), &Peer::unix());
        for line in [
            "X_Auth_Subject: root",
            "x.auth.subject: root",
            "Remote-User: root",
            "X-Forwarded-User: root",
            "Client-Cert: x",
        ] {
            assert_eq!(forged(line), "identity_header_forged", "{line}");
        }
        let stripped = read(name, &format!("{text}X-Auth-Subject: root\n"), &Peer::unix()).unwrap();
        assert!(!stripped.request.headers.contains_key("x-auth-subject"));
    }
}

#[test]
fn a_shared_secret_makes_a_peer_trusted_and_stays_here() {
    use countersign_core::secret::Secret;
    let secret = (
        "x-gateway-secret".parse().unwrap(),
        Secret::new(b"long enough".to_vec()),
    );
    let trusted = TrustedPeers::default().with_secret(secret.0, secret.1);
    let (gateway, peer) = (fakes::gateway(None), Peer::at("192.0.2.1".parse().unwrap()));
    let context = ReadContext {
        peer: &peer,
        scheme: Scheme::Http,
        certificate: &ClientCertificate::default(),
        id: RequestId(7),
        identity: &gateway.identity,
        routes: &gateway.routes,
        now: NOW,
    };
    for (name, text) in [
        ("auth-request", NGINX),
        ("forward-auth", CADDY),
        ("reverse-proxy", "Host: app.test\n"),
    ] {
        let face = by_name(name, trusted.clone().into()).unwrap();
        let ask = |line: &str| {
            face.read(
                fakes::head::<()>(&format!("GET {DECIDE}\n{text}{line}"))
                    .into_parts()
                    .0,
                &context,
            )
        };
        if name != "reverse-proxy" {
            let question = ask("X-Gateway-Secret: long enough").unwrap();
            assert!(
                !question.request.headers.contains_key("x-gateway-secret"),
                "{name}"
            );
            assert!(matches!(
                ask("X-Gateway-Secret: guessed"),
                Err(Unread::Unreadable(_))
            ));
        }
    }
}

#[test]
fn traefik_and_caddy_tell_the_original_request_in_forwarded_headers() {
    let check = |change: &dyn Fn(String) -> String, expect: &str| {
        let text = change(format!("GET {DECIDE}\n{CADDY}"));
        assert_eq!(understood("forward-auth", &text, &Peer::unix()), expect, "{text}");
    };
    let set = |name: &'static str, value: &'static str| {
        move |text: String| format!("{}{name}: {value}\n", without(&text, name))
    };
    check(&|text| text, "GET https://app.test/a?b=c for 203.0.113.9");
    check(
        &|text| text.replace(DECIDE, "/.countersign/decide?b=c"),
        "GET https://app.test/a?b=c for 203.0.113.9",
    );
    check(&|text| text.replace(DECIDE, ANSWER), "not_found");
    check(
        &set("X-Forwarded-Proto", "wss"),
        "GET https://app.test/a?b=c for 203.0.113.9",
    );
    check(&set("X-Forwarded-Proto", "gopher"), "scheme_unknown");
    check(
        &set("X-Forwarded-For", "127.0.0.1, 203.0.113.8, 10.9.9.9"),
        "GET https://app.test/a?b=c for 203.0.113.8",
    );
    check(
        &|text| without(&text, "X-Forwarded-For"),
        "GET https://app.test/a?b=c for nobody",
    );
    for wrong in [
        "unknown",
        "127.0.0.1\", 10.0.0.1x",
        "[::1]:80",
        "1.2.3.4:99",
        "_hidden",
        "",
    ] {
        check(
            &|text| format!("{}X-Forwarded-For: {wrong}\n", without(&text, "X-Forwarded-For")),
            "header_malformed",
        );
    }
    check(&set("X-Forwarded-Host", "app.test, evil.test"), "host_malformed");
    check(&set("X-Forwarded-Host", "app.test;for=1"), "host_malformed");
    check(&set("X-Forwarded-Uri", "https://app.test/a"), "target_malformed");
    check(&set("X-Forwarded-Uri", "/.countersign/decide"), "own_path");
    for name in [
        "X-Forwarded-Method",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Uri",
    ] {
        check(&|text| without(&text, name), "header_missing");
        check(&|text| format!("{text}{name}: GET\n"), "header_doubled");
    }
}

#[test]
fn in_proxy_mode_the_request_itself_is_read_and_what_it_says_of_its_way_is_dropped() {
    let check = |text: &str, expect: &str| {
        let peer = Peer::at("198.51.100.1".parse().unwrap());
        assert_eq!(understood("reverse-proxy", text, &peer), expect, "{text}");
    };
    check(
        "GET /a?b=c\nHost: app.test",
        "GET http://app.test/a?b=c for 198.51.100.1",
    );
    check(
        "GET /a\nHost: app.test\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: https",
        "GET http://app.test/a for 198.51.100.1",
    );
    check(
        "GET /admin\nHost: app.test\nX-Original-URL: /open",
        "GET http://app.test/admin for 198.51.100.1",
    );
    check(
        "GET http://app.test/a\nHost: APP.test.:80",
        "GET http://app.test:80/a for 198.51.100.1",
    );
    check("GET http://adm.test/a\nHost: app.test", "host_mismatch");
    check("GET http://app.test:81/a\nHost: app.test", "host_mismatch");
    check("GET https://app.test/a\nHost: app.test", "scheme_unknown");
    check("GET http://ann@app.test/a\nHost: app.test", "host_malformed");
    check("GET /a", "header_missing");
    check("GET /a\nHost: app.test\nHost: app.test", "header_doubled");
    check("GET /a\nHost: app.test, adm.test", "host_malformed");
    check("GET /a\nHost: ", "host_malformed");
    check("CONNECT app.test:443\nHost: app.test:443", "method_refused");
    check("TRACE /a\nHost: app.test", "method_refused");
    check("FOO /a\nHost: app.test", "method_refused");
    check("get /a\nHost: app.test", "method_refused");
    check(
        "PROPFIND /a\nHost: app.test",
        "PROPFIND http://app.test/a for 198.51.100.1",
    );
    check("OPTIONS *\nHost: app.test", "target_malformed");
    check("GET app.test\nHost: app.test", "target_malformed");
    check("GET /a/../b\nHost: app.test", "path_dot_segment");
    check(
        "GET /a\nHost: app.test\nUpgrade: websocket\nConnection: upgrade",
        "upgrade_refused",
    );
    for coding in ["gzip, chunked", "identity", "chunked, chunked", "chunked;a=b", ""] {
        let text = format!("POST /a\nHost: app.test\nTransfer-Encoding: {coding}");
        check(&text, "header_malformed");
    }
    check(
        "POST /a\nHost: app.test\nTransfer-Encoding: Chunked",
        "POST http://app.test/a for 198.51.100.1",
    );
    check("GET /.countersign/decide\nHost: app.test", "not_found");
    check(
        "GET /a\nHost: app.test\nAuthorization: Bearer a\nAuthorization: Bearer b",
        "header_doubled",
    );
    let text = "GET /a\nHost: app.test\nX_Auth_Subject: root\nx.auth.groups: root\nX-Auth-Email: root\nSsl-Client-S-Dn: root\n\
                X_Forwarded_Foo: 1\nForwarded: for=1\nTrue-Client-IP: 1\nX-Envoy-Original-Path: /\nAccept: */*";
    let headers = read("reverse-proxy", text, &Peer::unix())
        .unwrap()
        .request
        .headers;
    assert_eq!(
        headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
        ["accept"]
    );
}

#[test]
fn a_proxy_in_front_of_the_proxy_may_name_the_client_and_nothing_else() {
    let check = |line: &str, expect: &str| {
        let text =
            format!("GET /a\nHost: app.test\nX-Forwarded-Proto: https\nX-Forwarded-Host: adm.test\n{line}");
        let peer = Peer::at("10.0.0.1".parse().unwrap());
        assert_eq!(understood("reverse-proxy", &text, &peer), expect);
    };
    check(
        "X-Forwarded-For: 127.0.0.1, 203.0.113.9",
        "GET http://app.test/a for 203.0.113.9",
    );
    check("X-Forwarded-For: unknown", "header_malformed");
    check("", "GET http://app.test/a for 10.0.0.1");
}

#[test]
fn check_reads_the_very_request_and_trusts_nobody() {
    let check = |text: &str, expect: &str| {
        let peer = Peer::at("127.0.0.1".parse().unwrap());
        assert_eq!(understood("check", text, &peer), expect, "{text}");
    };
    check(
        "GET /auth\nHost: localhost:8081",
        "GET http://localhost:8081/auth for 127.0.0.1",
    );
    check(
        "HEAD /auth?token=x",
        "HEAD http://localhost/auth?token=x for 127.0.0.1",
    );
    check(
        "GET /auth\nHost: upstream_name",
        "GET http://upstream_name/auth for 127.0.0.1",
    );
    check(
        "GET /auth\nX-Original-URL: https://app.test/a\nX-Forwarded-For: 1.1.1.1",
        "GET http://localhost/auth for 127.0.0.1",
    );
    check("GET /auth\nX_Auth_Subject: root", "identity_header_forged");
    check("DELETE-EVERYTHING /auth", "method_refused");
}

#[test]
fn whoever_is_redirected_asks_for_the_same_over_tls() {
    let peer = Peer::at("203.0.113.9".parse().unwrap());
    let asked = |line: &str, host: &str| understood("redirect", &format!("{line}\nHost: {host}\n"), &peer);
    for (line, host, location) in [
        ("GET /", "app.test", "https://app.test/"),
        (
            "POST /a/b?c=d&e=%2f",
            "APP.test:8080",
            "https://app.test/a/b?c=d&e=%2f",
        ),
        ("GET http://app.test/a", "app.test", "https://app.test/a"),
        ("GET /", "[::1]:80", "https://[::1]/"),
        ("GET //evil.test/", "app.test", "https://app.test//evil.test/"),
        (
            "GET /.countersign/whoami",
            "app.test",
            "https://app.test/.countersign/whoami",
        ),
    ] {
        assert_eq!(asked(line, host), location);
    }
    for (line, host, refused) in [
        ("GET /", "app.test/evil", "host_malformed"),
        ("GET /", "ann@app.test", "host_malformed"),
        ("GET http://other.test/", "app.test", "host_mismatch"),
        ("CONNECT app.test:443", "app.test:443", "method_refused"),
    ] {
        assert_eq!(asked(line, host), refused);
    }
    let ported = to_tls(8443);
    let gateway = fakes::gateway(None);
    let context = ReadContext {
        peer: &peer,
        scheme: Scheme::Http,
        certificate: &ClientCertificate::default(),
        id: RequestId(7),
        identity: &gateway.identity,
        routes: &gateway.routes,
        now: NOW,
    };
    let head = fakes::head::<()>("GET /a\nHost: app.test:8080\n").into_parts().0;
    let unread = ported.read(head, &context).unwrap_err();
    let asker = Asker {
        id: RequestId(7),
        accepts_html: true,
        sub_request: false,
        head: false,
    };
    let response = ported.refuse(&unread, &asker);
    assert_eq!(response.status(), 308);
    assert_eq!(response.headers()["location"], "https://app.test:8443/a");
}
