//! The dialects, driven without sockets.

use super::*;
use crate::fakes::{self, NOW};
use countersign_core::decide::decide;
use futures_util::FutureExt as _;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::fmt::Write as _;
use std::net::IpAddr;

const NGINX: &str = "X-Original-Method: GET\nX-Original-URL: https://app.test/a?b=c\nX-Original-Host: app.test\n\
                     X-Original-Client: 203.0.113.9\n";
const CADDY: &str = "X-Forwarded-Method: GET\nX-Forwarded-Proto: https\nX-Forwarded-Host: app.test\n\
                     X-Forwarded-Uri: /a?b=c\nX-Forwarded-For: 203.0.113.9\n";

fn face(name: &str) -> Arc<dyn Integration> {
    by_name(name, TrustedPeers::parse(["unix", "10.0.0.0/8"]).unwrap().into()).unwrap()
}

/// Reads `text` as `peer` sends it.
fn read(name: &str, text: &str, peer: &Peer) -> Result<Question, Unread> {
    let gateway = fakes::gateway(None);
    let context = ReadContext {
        peer,
        scheme: Scheme::Http,
        certificate: &ClientCertificate::default(),
        id: RequestId(7),
        identity: &gateway.identity,
        routes: &gateway.routes,
        now: NOW,
    };
    face(name).read(fakes::head::<()>(text).into_parts().0, &context)
}

/// What was understood, or the reason code why nothing was.
fn understood(name: &str, text: &str, peer: &Peer) -> String {
    match read(name, text, peer) {
        Ok(question) => {
            let request = question.request;
            let client = request
                .client
                .map_or("nobody".to_owned(), |client| client.to_string());
            format!(
                "{} {}://{}{} for {client}",
                request.method,
                request.scheme.as_str(),
                request.host,
                request.target.as_str()
            )
        }
        Err(Unread::NoCertificate(_)) => "no certificate".to_owned(),
        Err(Unread::Elsewhere(location)) => location.to_str().unwrap().to_owned(),
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
        Reply::Forward(permit) => Response::builder()
            .header("x-test-forward", permit.principal().subject())
            .body(Body::empty())
            .unwrap(),
    }
}

/// The answer in words: the status, then `+` and the names that matter and are there, then the reason in the body.
fn summary(name: &str, text: &str) -> String {
    let response = answer(name, text);
    let (head, body) = response.into_parts();
    let mut words = head.status.as_str().to_owned();
    for (name, value) in &head.headers {
        if ["www-authenticate", "retry-after", "set-cookie", "x-test-forward"].contains(&name.as_str()) {
            write!(words, " +{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    assert!(head.status == 200 || head.headers["cache-control"] == "no-store");
    assert_eq!(
        head.status == 200,
        !head.headers.contains_key(REFUSAL),
        "the id is on refusals only"
    );
    let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    if !body.is_empty() {
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        write!(words, " {}", problem["reason"].as_str().unwrap()).unwrap();
    }
    words
}

fn without(text: &str, name: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with(name))
        .collect()
}

mod answers;
mod reading;

#[test]
fn every_dialect_has_its_name_in_the_one_list() {
    for name in NAMES {
        assert!(by_name(name, TrustedPeers::default().into()).is_some(), "{name}");
    }
    assert_eq!(NAMES.len(), DIALECTS.len());
    assert!(by_name("ext-authz", TrustedPeers::default().into()).is_none());
}
