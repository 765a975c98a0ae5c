//! What each dialect answers.

use super::*;

#[test]
fn to_nginx_statuses_are_those_it_passes_on() {
    let check = |more: &str, expect: &str| {
        let text = format!("GET {DECIDE}\n{NGINX}{more}");
        let text = match more.split_once(" /") {
            Some((_, path)) => format!(
                "GET {DECIDE}\n{}{more}",
                NGINX.replace("/a?b=c", &format!("/{path}"))
            ),
            None => text,
        };
        assert_eq!(summary("auth-request", &text), expect, "{text}");
    };
    check("Authorization: Bearer ann", "200");
    check("Authorization: Bearer bob", "200 +set-cookie: one=1");
    check("", "401 +www-authenticate: Bearer");
    check(
        "Authorization: Bearer bad",
        "401 +www-authenticate: Bearer error=\"invalid_token\"",
    );
    check(
        "Authorization: Bearer expired",
        "401 +www-authenticate: Bearer error=\"invalid_token\" +set-cookie: one=1",
    );
    check("Authorization: Bearer down", "503 +retry-after: 5");
    check("Authorization: Bearer big", "403");
    let at = |url: &str, token: &str| {
        let text = format!(
            "GET {DECIDE}\n{}Authorization: Bearer {token}",
            NGINX.replace("/a?b=c", url)
        );
        summary("auth-request", &text)
    };
    assert_eq!(at("/admin", "bob"), "200 +set-cookie: one=1");
    assert_eq!(at("/admin", "ann"), "403");
    assert_eq!(at("/strict/a", "bad"), "403");
    assert_eq!(
        at("/scope/a", "ann"),
        "403 +www-authenticate: Bearer error=\"insufficient_scope\", scope=\"read write\""
    );
    assert_eq!(at("/.countersign/x", "ann"), "403");
    let elsewhere = NGINX.replace("app.test", "other.test");
    assert_eq!(
        summary("auth-request", &format!("GET {DECIDE}\n{elsewhere}")),
        "403"
    );
    assert_eq!(
        summary("auth-request", &format!("GET /\n{NGINX}")),
        "404 not_found"
    );
}

#[test]
fn the_answer_page_says_the_true_status_and_never_lets_in() {
    let at = |url: &str, more: &str| {
        summary(
            "auth-request",
            &format!("GET {ANSWER}\n{}{more}", NGINX.replace("/a?b=c", url)),
        )
    };
    assert_eq!(
        at("/", "Authorization: Bearer ann\nX-Countersign-Refusal: 1"),
        "503 +retry-after: 1 decided_anew"
    );
    assert_eq!(at("/", "Authorization: Bearer ann"), "403 refused_by_proxy");
    assert_eq!(
        at("/", "Authorization: Bearer ann\nX-Countersign-Refusal: "),
        "403 refused_by_proxy"
    );
    assert_eq!(
        at("/", "X-Countersign-Refusal: 1"),
        "401 +www-authenticate: Bearer no_credential"
    );
    assert_eq!(
        at("/", "Authorization: Bearer expired"),
        "401 +www-authenticate: Bearer error=\"invalid_token\" +set-cookie: one=1 +set-cookie: two=2 token_expired"
    );
    assert_eq!(
        at("/", "Authorization: Bearer down"),
        "503 +retry-after: 5 keys_unreachable"
    );
    assert_eq!(at("/admin", "Authorization: Bearer ann"), "403 group_unmet");
    assert_eq!(at("/.countersign/decide", ""), "400 own_path");
    assert_eq!(at("/a%2fb/../c", ""), "400 path_dot_segment");
    let elsewhere = NGINX.replace("app.test", "other.test");
    assert_eq!(
        summary("auth-request", &format!("GET {ANSWER}\n{elsewhere}")),
        "404 no_route"
    );
    let browser = answer(
        "auth-request",
        &format!("GET {ANSWER}\n{NGINX}Accept: text/html,*/*;q=0.1"),
    );
    assert_eq!(
        (browser.status().as_u16(), &browser.headers()["content-type"]),
        (401, &"text/html; charset=utf-8".parse().unwrap())
    );
    let head = answer(
        "auth-request",
        &format!("HEAD {ANSWER}\n{}", NGINX.replace("GET", "HEAD")),
    );
    assert!(head.status() == 401 && head.body().is_end_stream());
}

#[test]
fn traefik_caddy_and_the_proxy_give_true_statuses_with_a_body() {
    let both = |url: &str, more: &str, expect: &str, allowed: &str| {
        let asked = format!("GET {DECIDE}\n{}{more}", CADDY.replace("/a?b=c", url));
        assert_eq!(
            summary("forward-auth", &asked),
            if allowed.is_empty() { expect } else { "200" },
            "{asked}"
        );
        let itself = format!("GET {url}\nHost: app.test\n{more}");
        assert_eq!(
            summary("reverse-proxy", &itself),
            if allowed.is_empty() { expect } else { allowed },
            "{itself}"
        );
    };
    both("/", "Authorization: Bearer ann", "", "200 +x-test-forward: ann");
    both("/", "", "401 +www-authenticate: Bearer no_credential", "");
    both(
        "/",
        "Authorization: Bearer bad",
        "401 +www-authenticate: Bearer error=\"invalid_token\" signature_invalid",
        "",
    );
    both(
        "/",
        "Authorization: Bearer unknown",
        "401 +www-authenticate: Bearer error=\"invalid_token\" unknown_issuer",
        "",
    );
    both(
        "/open/",
        "Authorization: Bearer unknown",
        "401 +www-authenticate: Bearer error=\"invalid_token\" unknown_issuer",
        "",
    );
    both("/admin", "Authorization: Bearer ann", "403 group_unmet", "");
    both("/strict/a", "", "403 no_credential", "");
    both(
        "/",
        "Authorization: Bearer down",
        "503 +retry-after: 5 keys_unreachable",
        "",
    );
    both("/a/./b", "", "400 path_dot_segment", "");
    assert_eq!(
        summary(
            "forward-auth",
            &format!("GET {DECIDE}\n{CADDY}Authorization: Bearer big")
        ),
        "403 identity_too_large"
    );
    assert_eq!(
        summary("forward-auth", &format!("GET {ANSWER}\n{CADDY}")),
        "404 not_found"
    );
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
        let text = format!(
            "GET {DECIDE}\n{told}Authorization: Bearer bob\nCookie: theme=dark; b=\"2\"\nX-Auth-Email: root@x"
        );
        let answer = answer(name, &text);
        let headers = answer.headers();
        for (own, _) in countersign_core::identity_headers::preset("x-auth").unwrap() {
            assert_eq!(headers.get_all(&own).iter().count(), 1, "{own}");
        }
        assert_eq!(
            (&headers["x-auth-subject"], &headers["x-auth-groups"]),
            (&"bob".parse().unwrap(), &"operators,others".parse().unwrap())
        );
        assert_eq!(
            (&headers["x-auth-email"], &headers["cookie"]),
            (&"".parse().unwrap(), &"theme=dark; b=\"2\"".parse().unwrap())
        );
        assert!(answer.body().is_end_stream() && !headers.contains_key(REFUSAL));
        let bytes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum::<usize>();
        assert!(bytes < 12 * 1024);
    }
}
