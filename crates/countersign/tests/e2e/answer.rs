//! The page that nginx's `error_page` asks for: it decides again, and never opens what it was asked to explain.

use crate::fronts::{Front, Kind, change, reason};
use crate::http::{Answer, Request};
use crate::issuer::{API, Issuer};

/// A question as nginx puts it, at `path` of the gateway's listener.
fn question(path: &str, original: &str, token: Option<&str>) -> Request {
    Request::get(path, "countersign")
        .header("X-Original-Method", "GET")
        .header("X-Original-URL", &format!("http://app.test{original}"))
        .header("X-Original-Host", "app.test")
        .header("X-Original-Client", "203.0.113.9")
        .header("Accept", "application/json")
        .bearer(token)
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, reason(answer))
}

#[test]
fn an_answer_that_would_now_allow_says_try_again_or_names_the_proxy() {
    let issuer = Issuer::shared();
    let front = Front::start(Kind::Nginx, issuer);
    let ann = issuer.token("ann", API);
    let ask = |request: Request| request.send(&front.gateway_address);

    let refused = ask(question("/.countersign/decide", "/page", None));
    assert_eq!(refused.status, 401);
    let refusal = refused
        .header("X-Countersign-Refusal")
        .expect("a refusal has an id")
        .to_owned();
    assert_eq!(refused.body, "", "the answer to a sub-request has no body");
    assert_eq!(refused.count("WWW-Authenticate"), 1);

    let answer = "/.countersign/answer";
    let again = ask(question(answer, "/page", None).header("X-Countersign-Refusal", &refusal));
    assert_eq!(told(&again), (401, "no_credential".to_owned()));

    let with_id = ask(question(answer, "/page", Some(&ann)).header("X-Countersign-Refusal", &refusal));
    assert_eq!(told(&with_id), (503, "decided_anew".to_owned()));
    assert_eq!(with_id.header("Retry-After"), Some("1"));

    let without_id = ask(question(answer, "/page", Some(&ann)));
    assert_eq!(told(&without_id), (403, "refused_by_proxy".to_owned()));
    assert_eq!(without_id.header("Location"), None);

    let allowed = ask(question("/.countersign/decide", "/page", Some(&ann)));
    assert_eq!(allowed.status, 200);
    assert_eq!(
        allowed.header("X-Countersign-Refusal"),
        None,
        "only refusals have an id"
    );
}

#[test]
fn what_nginx_itself_refuses_is_said_to_be_refused_by_the_proxy() {
    let issuer = Issuer::shared();
    let front = Front::start_edited(Kind::Nginx, issuer, |folder| {
        let guarded = "include countersign/guard.conf;";
        change(
            &folder.join("app.conf"),
            guarded,
            &format!("{guarded}\n        deny all;"),
        );
    });
    let request = Request::get("/page", "app.test").header("Accept", "application/json");
    let request = request.bearer(Some(&issuer.token("ann", API)));
    // A client that makes up a refusal is not told anything else.
    let made_up = request
        .clone()
        .header("X-Countersign-Refusal", "00000000000000000000000000000000");
    for request in [request, made_up] {
        let refused = front.send(&request);
        assert_eq!(told(&refused), (403, "refused_by_proxy".to_owned()));
        assert!(front.upstream.take().is_empty());
    }
}

#[test]
fn the_true_status_of_a_refusal_reaches_the_client_through_nginx() {
    let issuer = Issuer::shared();
    let front = Front::start(Kind::Nginx, issuer);
    let bob = issuer.token("bob", API);
    let cases = [
        ("GET", "/page", "other.test", None, 404, "no_route"),
        (
            "GET",
            "/admin/page",
            "app.test",
            Some(bob.as_str()),
            403,
            "group_unmet",
        ),
        ("POST", "/page", "app.test", None, 401, "no_credential"),
        ("GET", "/a//b", "app.test", Some(&bob), 400, "path_empty_segment"),
        (
            "GET",
            "/%61dmin",
            "app.test",
            Some(&bob),
            400,
            "path_escaped_plain",
        ),
        (
            "GET",
            "/page;v=1/admin",
            "app.test",
            Some(&bob),
            400,
            "path_parameter",
        ),
        ("BREW", "/page", "app.test", Some(&bob), 400, "method_refused"),
        (
            "GET",
            "/.countersign/answer",
            "app.test",
            Some(&bob),
            400,
            "own_path",
        ),
    ];
    for (method, path, host, token, status, word) in cases {
        let request = Request::new(method, path, host)
            .bearer(token)
            .header("Accept", "application/json");
        let answer = front.send(&request);
        assert_eq!(
            told(&answer),
            (status, word.to_owned()),
            "{method} {path}: {answer:?}"
        );
        assert!(front.upstream.take().is_empty(), "{method} {path}");
    }
    let page = front.send(&Request::get("/page", "app.test").header("Accept", "text/html"));
    assert_eq!(page.status, 401);
    assert!(
        page.header("Content-Type").unwrap().starts_with("text/html"),
        "{page:?}"
    );
}

#[test]
fn only_nginx_itself_can_ask() {
    let front = Front::start(Kind::Nginx, Issuer::shared());
    let asked = front.send(&Request::get("/.countersign/decide", "app.test"));
    assert_eq!(asked.status, 404);
    assert_eq!(asked.header("X-Auth-Subject"), None);
}
