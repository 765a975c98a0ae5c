//! The issuer changes its keys, goes away and comes back, while nginx and the gateway go on.

use crate::fronts::{Front, Kind, change, reason};
use crate::http::{Answer, Request};
use crate::issuer::{API, API_ES256, Issuer};
use crate::process::until;

fn ask(front: &Front, token: &str) -> Answer {
    let request = Request::get("/page", "app.test").bearer(Some(token));
    front.send(&request.header("Accept", "application/json"))
}

/// A new key is taken at once, and a removed one dies with it.
fn rotate(kind: Kind) {
    let issuer = Issuer::start("rotating");
    let front = Front::start(kind, &issuer);
    let old = issuer.token("ann", API);
    assert_eq!(ask(&front, &old).status, 200, "{kind:?}");

    issuer.rotate();
    let new = issuer.token("ann", API);
    assert_eq!(
        ask(&front, &new).status,
        200,
        "{kind:?}: the first token of the new key"
    );
    let refused = ask(&front, &old);
    assert_eq!(
        (refused.status, reason(&refused).as_str()),
        (401, "key_unknown"),
        "{kind:?}"
    );
    assert_eq!(ask(&front, &new).status, 200, "{kind:?}");
}

#[test]
fn behind_nginx_a_new_key_is_taken_at_once_and_a_removed_one_dies_with_it() {
    rotate(Kind::Nginx);
}

#[test]
fn behind_caddy_a_new_key_is_taken_at_once_and_a_removed_one_dies_with_it() {
    rotate(Kind::Caddy);
}

#[test]
fn behind_traefik_a_new_key_is_taken_at_once_and_a_removed_one_dies_with_it() {
    rotate(Kind::Traefik);
}

#[test]
fn through_the_gateway_alone_a_new_key_is_taken_at_once_and_a_removed_one_dies_with_it() {
    rotate(Kind::Standalone);
}

#[test]
fn keys_rotate_under_load_and_no_good_token_is_refused() {
    let issuer = Issuer::start("busy");
    let front = Front::start(Kind::Nginx, &issuer);
    assert_eq!(ask(&front, &issuer.token("ann", API)).status, 200);
    std::thread::scope(|scope| {
        let workers = [API, API_ES256].map(|resource| {
            let (issuer, front) = (&issuer, &front);
            scope.spawn(move || {
                let good = issuer.token("bob", resource);
                for _ in 0..100 {
                    assert_eq!(ask(front, &good).status, 200);
                }
            })
        });
        issuer.rotate_keeping();
        assert_eq!(ask(&front, &issuer.token("ann", API)).status, 200);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn unknown_key_ids_do_not_flood_the_issuer() {
    let issuer = Issuer::start("flooded");
    let front = Front::start(Kind::Standalone, &issuer);
    assert_eq!(ask(&front, &issuer.token("ann", API)).status, 200);
    let before = issuer.key_set_requests();
    for number in 0..50 {
        let claims = crate::forge::claims(&issuer.url, "ann");
        let token = issuer.sign_as("RS256", &format!("made-up-{number}"), &claims);
        assert_eq!(ask(&front, &token).status, 401);
    }
    assert!(issuer.key_set_requests() <= before + 1);
}

/// The issuer goes away and comes back; a start without it works from the key set on disk.
fn go_down(kind: Kind) {
    let issuer = Issuer::start("coming-and-going");
    let mut front = Front::start_edited(kind, &issuer, |folder| {
        // So that nobody waits half a minute for the first fetch after a failed one.
        let soon = "danger_allow_http = true\nunknown_kid_interval = \"1s\"";
        change(
            &folder.join(kind.configuration()),
            "danger_allow_http = true",
            soon,
        );
    });
    let ann = issuer.token("ann", API);
    let bob = issuer.token("bob", API_ES256);
    assert_eq!(ask(&front, &ann).status, 200, "{kind:?}");

    issuer.fail();
    assert_eq!(ask(&front, &ann).status, 200, "{kind:?}: remembered");
    assert_eq!(ask(&front, &bob).status, 200, "{kind:?}: the keys are at hand");

    issuer.refuse();
    front.upstream.take();
    front.end_gateway();
    let closed = front.try_send(&Request::get("/page", "app.test").bearer(Some(&ann)));
    assert!(
        closed.is_none_or(|answer| answer.status >= 500),
        "{kind:?}: open without the gateway"
    );
    assert!(
        front.upstream.take().is_empty(),
        "{kind:?}: open without the gateway"
    );
    front.start_gateway();
    assert_eq!(ask(&front, &ann).status, 200, "{kind:?}: the keys are on disk");
    assert_eq!(ask(&front, &bob).status, 200, "{kind:?}: the keys are on disk");

    issuer.come_back();
    issuer.rotate();
    let new = issuer.token("ann", API);
    until("the new key is taken", || ask(&front, &new).status == 200);
}

#[test]
fn behind_nginx_the_issuer_may_be_down_and_come_back() {
    go_down(Kind::Nginx);
}

#[test]
fn behind_nginx_over_a_unix_socket_the_issuer_may_be_down_and_come_back() {
    go_down(Kind::NginxUnix);
}

#[test]
fn behind_caddy_the_issuer_may_be_down_and_come_back() {
    go_down(Kind::Caddy);
}

#[test]
fn behind_traefik_the_issuer_may_be_down_and_come_back() {
    go_down(Kind::Traefik);
}

#[test]
fn through_the_gateway_alone_the_issuer_may_be_down_and_come_back() {
    go_down(Kind::Standalone);
}

#[test]
fn without_any_keys_the_answer_is_to_come_back_later() {
    let issuer = Issuer::start("absent");
    let ann = issuer.token("ann", API);
    issuer.refuse();
    for kind in [Kind::Nginx, Kind::Caddy, Kind::Traefik, Kind::Standalone] {
        let front = Front::start(kind, &issuer);
        let answer = ask(&front, &ann);
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (503, "keys_unreachable"),
            "{kind:?}"
        );
        assert!(answer.header("Retry-After").is_some(), "{kind:?}: {answer:?}");
        assert!(front.upstream.take().is_empty(), "{kind:?}");
        issuer.come_back();
        until("the keys are there", || ask(&front, &ann).status == 200);
        issuer.refuse();
    }
}
