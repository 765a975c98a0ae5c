use super::*;
use crate::fakes::{self, NOW};
use countersign_core::decide::decide;
use futures_util::FutureExt as _;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::net::IpAddr;

const NGINX: &str = "X-Original-Method: GET\nX-Original-URL: https://app.test/a?b=c\nX-Original-Host: app.test\n\
                     X-Original-Client: 203.0.113.9\n";
const CADDY: &str = "X-Forwarded-Method: GET\nX-Forwarded-Proto: https\nX-Forwarded-Host: app.test\n\
                     X-Forwarded-Uri: /a?b=c\nX-Forwarded-For: 203.0.113.9\n";

fn face(name: &str) -> Arc<dyn Integration> {
    by_name(name, TrustedPeers::parse(["unix", "10.0.0.0/8"]).unwrap()).unwrap()
}

/// Reads `text` as `peer` sends it.
fn read(name: &str, text: &str, peer: &Peer) -> Result<Question, Unread> {
    let gateway = fakes::gateway(None);
    let context = ReadContext { peer, id: RequestId(7), identity: &gateway.identity };
    face(name).read(fakes::head::<()>(text).into_parts().0, &context)
}

/// What was understood, or the reason code why nothing was.
fn understood(name: &str, text: &str, peer: &Peer) -> String {
    match read(name, text, peer) {
        Ok(question) => {
            let request = question.request;
            let client = request.client.map_or("nobody".to_owned(), |client| client.to_string());
            format!(
                "{} {}://{}{} for {client}",
                request.method,
                request.scheme.as_str(),
                request.host,
                request.target.as_str()
            )
        }
        Err(Unread::NotFound) => "not_found".to_owned(),
        Err(Unread::Unreadable(unreadable)) => unreadable.reason.code().to_owned(),
    }
}

/// The answer to `text`, asked over a unix socket.
fn answer(name: &str, text: &str) -> Response<Body> {
    let (face, gateway) = (face(name), fakes::gateway(None));
    let question = match read(name, text, &Peer::unix()) {
        Ok(question) => question,
        Err(unread) => {
            let path = fakes::head::<()>(text).uri().path().to_owned();
            let asker = Asker {
                id: RequestId(7),
                accepts_html: false,
                sub_request: face.is_sub_request(&path),
                head: false,
            };
            return face.refuse(&unread, &asker);
        }
    };
    let route = match &question.endpoint {
        Some(endpoint) => gateway.routes.at_endpoint(endpoint),
        None => gateway.routes.find(&question.request).unwrap(),
    };
    let decision = match route {
        Some(route) => decide(route, &question.request, NOW).now_or_never().unwrap(),
        None => Decision::NoRoute,
    };
    match face.write(&question, route.map(|route| &**route), decision) {
        Reply::Respond(response) => response,
        Reply::Forward(permit) => {
            Response::builder().header("x-test-forward", permit.principal().subject()).body(Body::empty()).unwrap()
        }
    }
}

/// The answer in words: the status, then `+` and the names that matter and are there, then the reason in the body.
fn summary(name: &str, text: &str) -> String {
    let response = answer(name, text);
    let (head, body) = response.into_parts();
    let mut words = head.status.as_str().to_owned();
    for (name, value) in &head.headers {
        if ["www-authenticate", "retry-after", "set-cookie", "x-test-forward"].contains(&name.as_str()) {
            words.push_str(&format!(" +{name}: {}", value.to_str().unwrap()));
        }
    }
    assert!(head.status == 200 || head.headers["cache-control"] == "no-store");
    assert_eq!(head.status == 200, !head.headers.contains_key(REFUSAL), "the id is on refusals only");
    let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    if !body.is_empty() {
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        words.push_str(&format!(" {}", problem["reason"].as_str().unwrap()));
    }
    words
}

fn without(text: &str, name: &str) -> String {
    text.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn nginx_tells_the_original_request_in_four_headers() {
    let check = |change: &dyn Fn(String) -> String, expect: &str| {
        let text = change(format!("GET {DECIDE}\n{NGINX}"));
        assert_eq!(understood("auth-request", &text, &Peer::unix()), expect, "{text}");
    };
    let more = |line: &'static str| move |text: String| format!("{text}{line}\n");
    let set = |name: &'static str, value: &'static str| {
        move |text: String| format!("{}{name}: {value}\n", without(&text, name))
    };
    check(&|text| text, "GET https://app.test/a?b=c for 203.0.113.9");
    check(&|text| text.replace(DECIDE, "/.countersign/decide?x=/.countersign/answer"), "GET https://app.test/a?b=c for 203.0.113.9");
    check(&|text| text.replace("GET /", "POST /"), "GET https://app.test/a?b=c for 203.0.113.9");
    check(&|text| text.replace("/decide", "/decide/"), "not_found");
    check(&|text| text.replace("/.countersign/decide", "/"), "not_found");
    check(&set("X-Original-Method", "POST"), "POST https://app.test/a?b=c for 203.0.113.9");
    check(&set("X-Original-Method", "TRACE"), "method_refused");
    check(&set("X-Original-Method", "get"), "method_refused");
    check(&set("X-Original-Client", "unix:"), "GET https://app.test/a?b=c for nobody");
    check(&set("X-Original-Client", "::ffff:203.0.113.7"), "GET https://app.test/a?b=c for 203.0.113.7");
    for wrong in ["203.0.113.9, 10.0.0.1", "203.0.113.9:80", "unknown", ""] {
        check(&|text| format!("{}X-Original-Client: {wrong}\n", without(&text, "X-Original-Client")), "header_malformed");
    }
    for name in ["X-Original-Method", "X-Original-URL", "X-Original-Host", "X-Original-Client"] {
        check(&|text| without(&text, name), "header_missing");
        check(&|text| format!("{text}{name}: GET\n"), "header_doubled");
    }
    check(&set("X-Original-URL", "/a"), "header_malformed");
    check(&set("X-Original-URL", "ftp://app.test/a"), "scheme_unknown");
    check(&set("X-Original-URL", "https://app.test"), "target_malformed");
    check(&set("X-Original-URL", "https://app.test?a"), "target_malformed");
    check(&set("X-Original-URL", "https:///a"), "host_malformed");
    check(&set("X-Original-URL", "https://ann@app.test/a"), "host_malformed");
    check(&set("X-Original-URL", "https://app.test/a#b"), "path_fragment");
    check(&set("X-Original-URL", "https://app.test/a/%2e%2E/b"), "path_dot_segment");
    check(&set("X-Original-URL", "https://app.test/a\\b"), "path_byte");
    check(&set("X-Original-URL", "HTTPS://APP.test.:8443/a"), "GET https://app.test:8443/a for 203.0.113.9");
    check(&set("X-Original-Host", "APP.TEST."), "GET https://app.test/a?b=c for 203.0.113.9");
    check(&set("X-Original-Host", "adm.test"), "host_mismatch");
    for own in ["/.countersign/", "/.countersign/decide?a", "/.countersign", "/.COUNTERSIGN/x"] {
        check(&|text| text.replace("/a?b=c", own), "own_path");
    }
    check(&|text| text.replace("/a?b=c", "/.countersigned"), "GET https://app.test/.countersigned for 203.0.113.9");
    check(&more("Authorization: Bearer a\nAuthorization: Bearer b"), "header_doubled");
    check(&more("Cookie: a=1\nCookie: b=2"), "header_doubled");
}

#[test]
fn only_a_trusted_peer_may_tell_and_identity_never_comes_from_outside() {
    for (name, text) in [("auth-request", NGINX), ("forward-auth", CADDY)] {
        let text = format!("GET {DECIDE}\n{text}");
        let from = |address: &str| understood(name, &text, &Peer::at(address.parse::<IpAddr>().unwrap()));
        assert_eq!(from("10.1.2.3"), "GET https://app.test/a?b=c for 203.0.113.9");
        assert_eq!(from("127.0.0.1"), "untrusted_peer");
        let forged = |line: &str| understood(name, &format!("{text}{line}\n"), &Peer::unix());
        for line in ["X_Auth_Subject: root", "x.auth.subject: root", "Remote-User: root", "X-Forwarded-User: root", "Client-Cert: x"] {
            assert_eq!(forged(line), "identity_header_forged", "{line}");
        }
        let stripped = read(name, &format!("{text}X-Auth-Subject: root\n"), &Peer::unix()).unwrap();
        assert!(!stripped.request.headers.contains_key("x-auth-subject"));
    }
}

#[test]
fn a_shared_secret_makes_a_peer_trusted_and_stays_here() {
    use countersign_core::secret::Secret;
    let secret = ("x-gateway-secret".parse().unwrap(), Secret::new(b"long enough".to_vec()));
    let trusted = TrustedPeers::default().with_secret(secret.0, secret.1);
    let (gateway, peer) = (fakes::gateway(None), Peer::at("192.0.2.1".parse().unwrap()));
    let context = ReadContext { peer: &peer, id: RequestId(7), identity: &gateway.identity };
    for (name, text) in [("auth-request", NGINX), ("forward-auth", CADDY), ("reverse-proxy", "Host: app.test\n")] {
        let face = by_name(name, trusted.clone()).unwrap();
        let ask = |line: &str| face.read(fakes::head::<()>(&format!("GET {DECIDE}\n{text}{line}")).into_parts().0, &context);
        if name != "reverse-proxy" {
            let question = ask("X-Gateway-Secret: long enough").unwrap();
            assert!(!question.request.headers.contains_key("x-gateway-secret"), "{name}");
            assert!(matches!(ask("X-Gateway-Secret: guessed"), Err(Unread::Unreadable(_))));
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
    check(&|text| text.replace(DECIDE, "/.countersign/decide?b=c"), "GET https://app.test/a?b=c for 203.0.113.9");
    check(&|text| text.replace(DECIDE, ANSWER), "not_found");
    check(&set("X-Forwarded-Proto", "wss"), "GET https://app.test/a?b=c for 203.0.113.9");
    check(&set("X-Forwarded-Proto", "gopher"), "scheme_unknown");
    check(&set("X-Forwarded-For", "127.0.0.1, 203.0.113.8, 10.9.9.9"), "GET https://app.test/a?b=c for 203.0.113.8");
    check(&|text| without(&text, "X-Forwarded-For"), "GET https://app.test/a?b=c for nobody");
    for wrong in ["unknown", "127.0.0.1\", 10.0.0.1x", "[::1]:80", "1.2.3.4:99", "_hidden", ""] {
        check(&|text| format!("{}X-Forwarded-For: {wrong}\n", without(&text, "X-Forwarded-For")), "header_malformed");
    }
    check(&set("X-Forwarded-Host", "app.test, evil.test"), "host_malformed");
    check(&set("X-Forwarded-Host", "app.test;for=1"), "host_malformed");
    check(&set("X-Forwarded-Uri", "https://app.test/a"), "target_malformed");
    check(&set("X-Forwarded-Uri", "/.countersign/decide"), "own_path");
    for name in ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"] {
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
    check("GET /a?b=c\nHost: app.test", "GET http://app.test/a?b=c for 198.51.100.1");
    check("GET /a\nHost: app.test\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: https", "GET http://app.test/a for 198.51.100.1");
    check("GET /admin\nHost: app.test\nX-Original-URL: /open", "GET http://app.test/admin for 198.51.100.1");
    check("GET http://app.test/a\nHost: APP.test.:80", "GET http://app.test:80/a for 198.51.100.1");
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
    check("PROPFIND /a\nHost: app.test", "PROPFIND http://app.test/a for 198.51.100.1");
    check("OPTIONS *\nHost: app.test", "target_malformed");
    check("GET app.test\nHost: app.test", "target_malformed");
    check("GET /a/../b\nHost: app.test", "path_dot_segment");
    check("GET /a\nHost: app.test\nUpgrade: websocket\nConnection: upgrade", "upgrade_refused");
    check("GET /.countersign/decide\nHost: app.test", "not_found");
    check("GET /a\nHost: app.test\nAuthorization: Bearer a\nAuthorization: Bearer b", "header_doubled");
    let text = "GET /a\nHost: app.test\nX_Auth_Subject: root\nx.auth.groups: root\nX-Auth-Email: root\nSsl-Client-S-Dn: root\n\
                X_Forwarded_Foo: 1\nForwarded: for=1\nTrue-Client-IP: 1\nX-Envoy-Original-Path: /\nAccept: */*";
    let headers = read("reverse-proxy", text, &Peer::unix()).unwrap().request.headers;
    assert_eq!(headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
}

#[test]
fn a_proxy_in_front_of_the_proxy_may_name_the_client_and_nothing_else() {
    let check = |line: &str, expect: &str| {
        let text = format!("GET /a\nHost: app.test\nX-Forwarded-Proto: https\nX-Forwarded-Host: adm.test\n{line}");
        let peer = Peer::at("10.0.0.1".parse().unwrap());
        assert_eq!(understood("reverse-proxy", &text, &peer), expect);
    };
    check("X-Forwarded-For: 127.0.0.1, 203.0.113.9", "GET http://app.test/a for 203.0.113.9");
    check("X-Forwarded-For: unknown", "header_malformed");
    check("", "GET http://app.test/a for 10.0.0.1");
}

#[test]
fn check_reads_the_very_request_and_trusts_nobody() {
    let check = |text: &str, expect: &str| {
        let peer = Peer::at("127.0.0.1".parse().unwrap());
        assert_eq!(understood("check", text, &peer), expect, "{text}");
    };
    check("GET /auth\nHost: localhost:8081", "GET http://localhost:8081/auth for 127.0.0.1");
    check("HEAD /auth?token=x", "HEAD http://localhost/auth?token=x for 127.0.0.1");
    check("GET /auth\nHost: upstream_name", "GET http://upstream_name/auth for 127.0.0.1");
    check("GET /auth\nX-Original-URL: https://app.test/a\nX-Forwarded-For: 1.1.1.1", "GET http://localhost/auth for 127.0.0.1");
    check("GET /auth\nX_Auth_Subject: root", "identity_header_forged");
    check("DELETE-EVERYTHING /auth", "method_refused");
}

#[test]
fn to_nginx_statuses_are_those_it_passes_on() {
    let check = |more: &str, expect: &str| {
        let text = format!("GET {DECIDE}\n{NGINX}{more}");
        let text = match more.split_once(" /") {
            Some((_, path)) => format!("GET {DECIDE}\n{}{more}", NGINX.replace("/a?b=c", &format!("/{path}"))),
            None => text,
        };
        assert_eq!(summary("auth-request", &text), expect, "{text}");
    };
    check("Authorization: Bearer ann", "200");
    check("Authorization: Bearer bob", "200 +set-cookie: one=1");
    check("", "401 +www-authenticate: Bearer");
    check("Authorization: Bearer bad", "401 +www-authenticate: Bearer error=\"invalid_token\"");
    check("Authorization: Bearer expired", "401 +www-authenticate: Bearer error=\"invalid_token\" +set-cookie: one=1");
    check("Authorization: Bearer down", "503 +retry-after: 5");
    check("Authorization: Bearer big", "403");
    let at = |url: &str, token: &str| {
        let text = format!("GET {DECIDE}\n{}Authorization: Bearer {token}", NGINX.replace("/a?b=c", url));
        summary("auth-request", &text)
    };
    assert_eq!(at("/admin", "bob"), "200 +set-cookie: one=1");
    assert_eq!(at("/admin", "ann"), "403");
    assert_eq!(at("/strict/a", "bad"), "403");
    assert_eq!(at("/scope/a", "ann"), "403 +www-authenticate: Bearer error=\"insufficient_scope\", scope=\"read write\"");
    assert_eq!(at("/.countersign/x", "ann"), "403");
    let elsewhere = NGINX.replace("app.test", "other.test");
    assert_eq!(summary("auth-request", &format!("GET {DECIDE}\n{elsewhere}")), "403");
    assert_eq!(summary("auth-request", &format!("GET /\n{NGINX}")), "404 not_found");
}

#[test]
fn the_answer_page_says_the_true_status_and_never_lets_in() {
    let at = |url: &str, more: &str| {
        summary("auth-request", &format!("GET {ANSWER}\n{}{more}", NGINX.replace("/a?b=c", url)))
    };
    assert_eq!(at("/", "Authorization: Bearer ann\nX-Countersign-Refusal: 1"), "503 +retry-after: 1 decided_anew");
    assert_eq!(at("/", "Authorization: Bearer ann"), "403 refused_by_proxy");
    assert_eq!(at("/", "Authorization: Bearer ann\nX-Countersign-Refusal: "), "403 refused_by_proxy");
    assert_eq!(at("/", "X-Countersign-Refusal: 1"), "401 +www-authenticate: Bearer no_credential");
    assert_eq!(
        at("/", "Authorization: Bearer expired"),
        "401 +www-authenticate: Bearer error=\"invalid_token\" +set-cookie: one=1 +set-cookie: two=2 token_expired"
    );
    assert_eq!(at("/", "Authorization: Bearer down"), "503 +retry-after: 5 keys_unreachable");
    assert_eq!(at("/admin", "Authorization: Bearer ann"), "403 group_unmet");
    assert_eq!(at("/.countersign/decide", ""), "400 own_path");
    assert_eq!(at("/a%2fb/../c", ""), "400 path_dot_segment");
    let elsewhere = NGINX.replace("app.test", "other.test");
    assert_eq!(summary("auth-request", &format!("GET {ANSWER}\n{elsewhere}")), "404 no_route");
    let browser = answer("auth-request", &format!("GET {ANSWER}\n{NGINX}Accept: text/html,*/*;q=0.1"));
    assert_eq!((browser.status().as_u16(), &browser.headers()["content-type"]), (401, &"text/html; charset=utf-8".parse().unwrap()));
    let head = answer("auth-request", &format!("HEAD {ANSWER}\n{}", NGINX.replace("GET", "HEAD")));
    assert!(head.status() == 401 && head.body().is_end_stream());
}

#[test]
fn traefik_caddy_and_the_proxy_give_true_statuses_with_a_body() {
    let both = |url: &str, more: &str, expect: &str, allowed: &str| {
        let asked = format!("GET {DECIDE}\n{}{more}", CADDY.replace("/a?b=c", url));
        assert_eq!(summary("forward-auth", &asked), if allowed.is_empty() { expect } else { "200" }, "{asked}");
        let itself = format!("GET {url}\nHost: app.test\n{more}");
        assert_eq!(summary("reverse-proxy", &itself), if allowed.is_empty() { expect } else { allowed }, "{itself}");
    };
    both("/", "Authorization: Bearer ann", "", "200 +x-test-forward: ann");
    both("/", "", "401 +www-authenticate: Bearer no_credential", "");
    both("/", "Authorization: Bearer bad", "401 +www-authenticate: Bearer error=\"invalid_token\" signature_invalid", "");
    both("/", "Authorization: Bearer unknown", "401 +www-authenticate: Bearer error=\"invalid_token\" unknown_issuer", "");
    both("/open/", "Authorization: Bearer unknown", "401 +www-authenticate: Bearer error=\"invalid_token\" unknown_issuer", "");
    both("/admin", "Authorization: Bearer ann", "403 group_unmet", "");
    both("/strict/a", "", "403 no_credential", "");
    both("/", "Authorization: Bearer down", "503 +retry-after: 5 keys_unreachable", "");
    both("/a/./b", "", "400 path_dot_segment", "");
    assert_eq!(summary("forward-auth", &format!("GET {DECIDE}\n{CADDY}Authorization: Bearer big")), "403 identity_too_large");
    assert_eq!(summary("forward-auth", &format!("GET {ANSWER}\n{CADDY}")), "404 not_found");
}

#[test]
fn check_answers_200_or_403_where_the_route_says_so() {
    let check = |text: &str, expect: &str| assert_eq!(summary("check", text), expect, "{text}");
    check("GET /auth\nAuthorization: Bearer ann", "200");
    check("HEAD /auth\nAuthorization: Bearer ann", "200");
    check("GET /auth?x=1\nAuthorization: Bearer bad", "403");
    check("GET /auth", "403");
    check("GET /auth\nAuthorization: Bearer down", "403 +retry-after: 5");
    check("GET /plain", "401 +www-authenticate: Bearer");
    check("GET /plain\nAuthorization: Bearer down", "503 +retry-after: 5");
    check("GET /other\nAuthorization: Bearer ann", "404");
    check("GET /auth/\nAuthorization: Bearer ann", "404");
    check("TRACE /auth\nAuthorization: Bearer ann", "403");
}

#[test]
fn an_allowed_answer_writes_every_identity_header_once_and_the_cookies_as_they_go_on() {
    for (name, told) in [("auth-request", NGINX), ("forward-auth", CADDY)] {
        let text = format!("GET {DECIDE}\n{told}Authorization: Bearer bob\nCookie: theme=dark; b=\"2\"\nX-Auth-Email: root@x");
        let answer = answer(name, &text);
        let headers = answer.headers();
        for (own, _) in countersign_core::identity_headers::preset("x-auth").unwrap() {
            assert_eq!(headers.get_all(&own).iter().count(), 1, "{own}");
        }
        assert_eq!((&headers["x-auth-subject"], &headers["x-auth-groups"]), (&"bob".parse().unwrap(), &"operators,others".parse().unwrap()));
        assert_eq!((&headers["x-auth-email"], &headers["cookie"]), (&"".parse().unwrap(), &"theme=dark; b=\"2\"".parse().unwrap()));
        assert!(answer.body().is_end_stream() && !headers.contains_key(REFUSAL));
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
        assert!(bytes < 12 * 1024);
    }
}

#[test]
fn every_dialect_has_its_name_in_the_one_list() {
    for name in NAMES {
        assert!(by_name(name, TrustedPeers::default()).is_some(), "{name}");
    }
    assert_eq!(NAMES.len(), DIALECTS.len());
    assert!(by_name("ext-authz", TrustedPeers::default()).is_none());
}
