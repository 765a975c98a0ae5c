use super::*;
use crate::fakes;
use crate::gateway::{Face, Faces};
use crate::integration::{DECIDE, by_name};
use countersign_core::peer::TrustedPeers;
use http_body_util::BodyExt as _;

const NGINX: &str = "X-Original-Method: GET\nX-Original-URL: https://app.test/a?token=secret-in-query\n\
                     X-Original-Host: app.test\nX-Original-Client: 203.0.113.9\n";

async fn ask(service: &Service, more: &str) -> Response<Body> {
    let request = fakes::head::<Option<()>>(&format!("GET {DECIDE}\n{NGINX}{more}"));
    service.serve(request.map(|_| Body::empty()), &Peer::unix()).await
}

#[tokio::test]
async fn a_request_walks_the_whole_path_without_a_socket() {
    let served = fakes::served(None);
    let service = served.speaking("auth-request");
    let allowed = ask(&service, "Authorization: Bearer ann").await;
    assert_eq!(
        (allowed.status(), &allowed.headers()["x-auth-subject"]),
        (StatusCode::OK, &"ann".parse().unwrap())
    );
    assert_eq!(
        ask(&service, "Authorization: Bearer slow").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        ask(&service, "Authorization: Bearer bad").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        ask(&service, "Authorization: Bearer big").await.status(),
        StatusCode::FORBIDDEN
    );
    let lines = served.lines.lock().unwrap().clone();
    let said = |line: &str, name: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line[name].as_str().unwrap_or("").to_owned()
    };
    let reasons = lines.iter().map(|line| said(line, "reason")).collect::<Vec<_>>();
    assert_eq!(
        reasons,
        ["allowed", "allowed", "signature_invalid", "identity_too_large"]
    );
    assert_eq!(said(&lines[0], "subject"), "ann");
    assert_eq!(said(&lines[2], "detail"), "came bad");
    assert_eq!(said(&lines[3], "outcome"), "deny");
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("secret-in-query") && !line.contains("Bearer"))
    );
    let metrics = served.metrics.render();
    assert!(
        metrics.contains("authenticator=\"token.told\",outcome=\"allow\",reason=\"allowed\"} 2"),
        "{metrics}"
    );
    assert!(
        metrics.contains("outcome=\"deny\",reason=\"identity_too_large\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_bug_answers_500_with_the_requests_name_and_takes_nothing_else_down() {
    let served = fakes::served(None);
    let service = served.speaking("auth-request");
    let answer = ask(&service, "Authorization: Bearer bug").await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let line: serde_json::Value = serde_json::from_str(&served.lines.lock().unwrap()[0]).unwrap();
    assert_eq!(
        (&problem["reason"], &problem["request_id"]),
        (&"internal_error".into(), &line["request_id"])
    );
    assert_eq!(
        ask(&service, "Authorization: Bearer ann").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_question_that_announces_a_body_is_answered_and_its_connection_closed() {
    let service = fakes::served(None).speaking("auth-request");
    for more in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let answer = ask(&service, &format!("Authorization: Bearer ann\n{more}")).await;
        assert_eq!(
            (answer.status(), &answer.headers()["connection"]),
            (StatusCode::OK, &"close".parse().unwrap())
        );
    }
    let answer = ask(&service, "Authorization: Bearer ann\nContent-Length: 0").await;
    assert!(!answer.headers().contains_key("connection"));
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused_in_every_dialect() {
    let served = fakes::served(None);
    let long = format!("Host: app.test\nCookie: {}\n", "x".repeat(MAX_HEAD_BYTES));
    for (dialect, status) in [
        ("auth-request", 403),
        ("forward-auth", 431),
        ("reverse-proxy", 431),
        ("check", 403),
    ] {
        let answer = ask(&served.speaking(dialect), &long).await;
        assert_eq!(answer.status().as_u16(), status, "{dialect}");
    }
    assert!(
        served
            .lines
            .lock()
            .unwrap()
            .iter()
            .all(|line| line.contains("headers_too_large") && line.len() < 1000)
    );
}

#[tokio::test]
async fn a_reload_changes_rules_and_whom_a_face_believes_in_one_step() {
    let served = fakes::served(None);
    let service = served.speaking("auth-request").at_face(0);
    assert_eq!(
        ask(&service, "Authorization: Bearer ann").await.status(),
        StatusCode::OK
    );
    let nobody = Face::clear(by_name("auth-request", TrustedPeers::default().into()).unwrap());
    served.shared.swap(Gateway {
        faces: std::iter::once((0, nobody)).collect(),
        ..fakes::gateway(None)
    });
    assert_eq!(
        ask(&service, "Authorization: Bearer ann").await.status(),
        StatusCode::FORBIDDEN
    );
    served.shared.swap(Gateway {
        faces: Faces::default(),
        ..Gateway::default()
    });
    assert_eq!(
        ask(&service, "Authorization: Bearer ann").await.status(),
        StatusCode::FORBIDDEN
    );
    let reasons = served.lines.lock().unwrap().clone();
    assert!(
        reasons[1].contains("untrusted_peer") && reasons[2].contains("no_route"),
        "{reasons:?}"
    );
}

#[test]
fn request_names_differ_and_hold_128_bits() {
    let ids = RequestIds::new(&fakes::Counted);
    let names = (0..1000)
        .map(|_| ids.next().to_string())
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names.len(), 1000);
    assert!(
        names
            .iter()
            .all(|name| name.len() == 32 && name.starts_with("0102030405060708"))
    );
}
