//! `/.countersign/whoami`: who is asking, as it was proved, and what became of the client certificate. A page for a person,
//! JSON for a program.

use crate::body::Body;
use crate::integration::Said;
use crate::page::{self, Href, Page, Whoami, Words};
use bytes::Bytes;
use countersign_core::certificate::{CertificateFacts, Verdict};
use countersign_core::decide::Permit;
use countersign_core::identity_headers::CertificateFact;
use countersign_core::own_path::LOGOUT;
use countersign_core::principal::{AuthenticationMethod, Principal};
use countersign_core::reason::AnswerReason;
use countersign_core::request::OriginalRequest;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};

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
    let reason = AnswerReason::Whoami;
    let words = Words::new(request, StatusCode::OK, reason.code(), reason.meaning());
    let mut response = page::render(&words.clone().on(Page::Whoami(shown(&facts, permit.principal()))));
    if !words.for_a_person() && request.method != Method::HEAD {
        *response.body_mut() = Body::full(Bytes::from(format!("{}\n", Value::Object(facts))));
    }
    response.extensions_mut().insert(Said(reason.code()));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
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

/// The same for a page.
fn shown(facts: &Map<String, Value>, principal: &Principal) -> Whoami {
    let ends = match principal.method {
        AuthenticationMethod::Session => Href::new(LOGOUT),
        AuthenticationMethod::Token | AuthenticationMethod::Certificate | AuthenticationMethod::Anonymous => {
            None
        }
    };
    let subject = facts.get("subject").and_then(Value::as_str).unwrap_or("");
    let mut list = Vec::new();
    describe(&mut list, "", facts);
    Whoami {
        who: (!subject.is_empty()).then(|| subject.to_owned()),
        facts: list,
        sign_out: ends,
    }
}

fn describe(list: &mut Vec<(String, String)>, within: &str, facts: &Map<String, Value>) {
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
            list.push((name, text));
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
