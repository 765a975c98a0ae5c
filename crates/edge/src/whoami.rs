//! `/.countersign/whoami`: who is asking, as it was proved, and what became of the client certificate. A page for a person,
//! JSON for a program.

use crate::body::Body;
use crate::integration::Said;
use crate::page;
use bytes::Bytes;
use countersign_core::certificate::{CertificateFacts, Verdict};
use countersign_core::decide::Permit;
use countersign_core::identity_headers::CertificateFact;
use countersign_core::principal::Principal;
use countersign_core::reason::AnswerReason;
use countersign_core::request::OriginalRequest;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderName, HeaderValue, Method, Response};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What the demonstration that this page takes the place of told its caller, in the names it used.
const TOLD: [(HeaderName, fn() -> CertificateFact); 4] = [
    (HeaderName::from_static("ssl_client_san"), CertificateFact::san),
    (HeaderName::from_static("ssl_client_issuer"), || {
        CertificateFact::Issuer
    }),
    (HeaderName::from_static("ssl_client"), || CertificateFact::Subject),
    (HeaderName::from_static("ssl_client_verify"), || {
        CertificateFact::Verify
    }),
];

/// The page for whoever was let in by `permit`.
pub(crate) fn render(request: &OriginalRequest, permit: &Permit) -> Response<Body> {
    let facts = facts(permit.principal(), permit.certificate());
    let html = request.accepts_html();
    let (media, text) = if html {
        ("text/html; charset=utf-8", document(&facts))
    } else {
        ("application/json", format!("{}\n", Value::Object(facts)))
    };
    let body = if request.method == Method::HEAD {
        Body::empty()
    } else {
        Body::full(Bytes::from(text))
    };
    let mut response = Response::new(body);
    response
        .extensions_mut()
        .insert(Said(AnswerReason::Whoami.code()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    page::harden(headers, html);
    for (name, fact) in TOLD {
        // What no header can carry is told in the body alone.
        let text = fact().text(permit.certificate());
        let value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        headers.insert(name, value);
    }
    response
}

/// Everything there is to tell: names and values, no credential among them.
fn facts(principal: &Principal, certificate: &Verdict) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut tell = |name: &str, value: Value| drop(facts.insert(name.to_owned(), value));
    tell("subject", json!(principal.subject()));
    tell("issuer", json!(&*principal.issuer));
    tell("authenticator", json!(&*principal.authenticator));
    tell("method", json!(principal.method.name()));
    tell("groups", principal.groups().collect());
    if let Some(email) = principal.email() {
        tell("email", json!(email));
    }
    tell("certificate_verify", json!(certificate.nginx()));
    if let Some(certificate) = certificate.facts() {
        tell("certificate", of_certificate(certificate));
    }
    facts
}

fn of_certificate(facts: &CertificateFacts) -> Value {
    let sans = facts
        .sans
        .iter()
        .map(|name| json!({ name.kind().name(): name.text() }));
    json!({
        "subject": &*facts.subject,
        "issuer": &*facts.issuer,
        "serial": &*facts.serial,
        "fingerprint": &*facts.fingerprint,
        "spki": &*facts.spki,
        "spiffe_id": facts.spiffe_id.as_deref(),
        "not_before": facts.not_before.to_string(),
        "not_after": facts.not_after.to_string(),
        "san": sans.collect::<Vec<_>>(),
    })
}

fn document(facts: &Map<String, Value>) -> String {
    let subject = facts.get("subject").and_then(Value::as_str).unwrap_or("");
    let title = if subject.is_empty() {
        "nobody in particular"
    } else {
        subject
    };
    let mut list = String::new();
    describe(&mut list, "", facts);
    page::document(
        "Who you are here",
        &format!(
            "<p>You are <strong>{}</strong>.</p><dl>{list}</dl>",
            page::escaped(title)
        ),
    )
}

fn describe(list: &mut String, within: &str, facts: &Map<String, Value>) {
    for (name, value) in facts {
        let name = format!("{within}{}", name.replace('_', " "));
        let text = match value {
            Value::Object(inner) => {
                describe(list, &format!("{name} "), inner);
                continue;
            }
            Value::Null => continue,
            Value::Array(items) if items.is_empty() => continue,
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => plain(value),
        };
        if !text.is_empty() {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = write!(
                list,
                "<dt>{}</dt><dd>{}</dd>",
                page::escaped(&name),
                page::escaped(&text)
            );
        }
    }
}

/// One value as a person reads it; a name of a certificate with its kind.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let pairs = members
                .iter()
                .map(|(kind, name)| format!("{kind} {}", plain(name)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
