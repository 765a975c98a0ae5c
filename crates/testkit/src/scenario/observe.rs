//! What came of a request, as its client, the application and the operator see it.

use super::expect::Observed;
use super::question::ClientRequest;
use crate::upstream::Seen;
use crate::world::World;
use bytes::Bytes;
use http::Response;

pub(super) fn observe(response: &Response<Bytes>, log: Vec<String>) -> Observed {
    let headers = response.headers().iter();
    Observed {
        status: response.status().as_u16(),
        reason: reason(&log),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: response.body().to_vec(),
        seen: Vec::new(),
        log,
        fetched: Vec::new(),
        hops: Vec::new(),
        told: Vec::new(),
    }
}

/// The reason code of the last line that has one.
fn reason(log: &[String]) -> String {
    let of = |line: &String| {
        let line = serde_json::from_str::<serde_json::Value>(line).ok()?;
        line.get("reason")?.as_str().map(str::to_owned)
    };
    log.iter().rev().find_map(of).unwrap_or_default()
}

/// A header that an answer has twice.
pub(super) fn doubled(headers: &[(String, Vec<u8>)]) -> Option<&str> {
    let again = |at: usize, name: &str| headers.iter().skip(at + 1).any(|(other, _)| other == name);
    headers
        .iter()
        .enumerate()
        .find(|(at, (name, _))| again(*at, name))
        .map(|(_, (name, _))| name.as_str())
}

/// Headers of an answer that a proxy does not hand on to the application.
const NOT_HANDED_ON: [&str; 9] = [
    "content-length",
    "content-type",
    "connection",
    "date",
    "cache-control",
    "vary",
    "set-cookie",
    "retry-after",
    "server",
];

/// What the application sees of `request` once a proxy has set the headers of the allowing answer.
pub(super) fn forwarded(request: &ClientRequest, answer: &Response<Bytes>) -> Seen {
    let hand_on = |name: &str| !NOT_HANDED_ON.contains(&name) && !name.starts_with("x-countersign-");
    let set = answer.headers().iter().filter(|(name, _)| hand_on(name.as_str()));
    let set = set
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect::<Vec<_>>();
    let own = request
        .headers
        .iter()
        .filter(|(name, _)| !set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    let host = ("host".to_owned(), request.host.clone().into_bytes());
    let set = set.iter().filter(|(_, value)| !value.is_empty());
    Seen {
        line: format!("{} {}", request.method, request.target),
        headers: std::iter::once(host)
            .chain(own.cloned())
            .chain(set.cloned())
            .collect(),
        body: request.body.len(),
    }
}

/// A part of a token that is shorter may stand in a text by chance.
const SHORTEST_SECRET: usize = 20;

/// What holds of every exchange of every page: nothing secret is told, and a log line is one line.
pub(super) fn keeps_its_promises(
    observed: &Observed,
    tokens: &[String],
    unlogged: &[String],
    world: &World,
) -> Result<(), String> {
    let parts = || tokens.iter().flat_map(|token| token.split('.'));
    let secret = |text: &str| parts().any(|part| part.len() >= SHORTEST_SECRET && text.contains(part));
    for line in &observed.log {
        let parsed = serde_json::from_str::<serde_json::Value>(line).map_err(|error| error.to_string());
        if line.chars().any(char::is_control) || !parsed?.is_object() {
            return Err(format!("a log line that is not one line of JSON: {line:?}"));
        }
        let stands = |text: &&String| text.len() >= SHORTEST_SECRET && line.contains(text.as_str());
        if unlogged.iter().any(|text| stands(&text)) {
            return Err(format!("a log line holds a cookie, a code or a token: {line}"));
        }
        if secret(line) {
            return Err(format!("a log line holds the token: {line}"));
        }
    }
    if observed.seen.is_empty() {
        let told = observed
            .headers
            .iter()
            .map(|(_, value)| value)
            .chain([&observed.body]);
        if told
            .into_iter()
            .any(|bytes| secret(&String::from_utf8_lossy(bytes)))
        {
            return Err("the answer holds the token".into());
        }
    }
    match world.network.leaks().first() {
        Some(leak) => Err(format!("a client's credential went out: {leak}")),
        None => Ok(()),
    }
}

/// The exchange, for whoever reads the failure.
pub(super) fn said(request: &str, observed: &Observed) -> String {
    let asked = request.trim_end().lines().map(|line| format!("    > {line}\n"));
    let status = format!("    < {} {}\n", observed.status, observed.reason);
    let headers = observed.headers.iter();
    let headers = headers.map(|(name, value)| format!("    < {name}: {}\n", String::from_utf8_lossy(value)));
    let log = observed.log.iter().map(|line| format!("    log {line}\n"));
    asked.chain([status]).chain(headers).chain(log).collect()
}
