//! What a request says about its own way here. A client's word for it is dropped; ours is written.

use countersign_core::peer::{Peer, PeerAddress};
use countersign_core::request::OriginalRequest;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// Names that tell about the way, as they read once `_` and `.` are folded.
const TOLD: [&str; 11] = [
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-cluster-client-ip",
    "x-rewrite-url",
    "x-request-id",
    "x-client-ip",
    "fastly-client-ip",
    "x-appengine-user-ip",
    "x-proxyuser-ip",
];
const TOLD_PREFIXES: [&str; 3] = ["x-forwarded-", "x-original-", "x-envoy-"];

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Removes every header that tells about the way, in any spelling.
pub fn strip(headers: &mut HeaderMap) {
    let tells = |name: &&HeaderName| {
        let folded = match name.as_str() {
            plain if !plain.contains(['_', '.']) => Cow::Borrowed(plain),
            other => Cow::Owned(other.replace(['_', '.'], "-")),
        };
        TOLD.contains(&&*folded) || TOLD_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
    };
    let found = headers.keys().filter(tells).cloned().collect::<Vec<_>>();
    for name in found {
        headers.remove(name);
    }
}

/// Writes who asked, how, and under which name: from what was judged, not from what was sent.
pub(super) fn write(request: &mut OriginalRequest, peer: &Peer) {
    let client = request.client.or(match peer.address {
        PeerAddress::Ip(address) => Some(address),
        PeerAddress::Unix => None,
    });
    let mut put = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            request.headers.insert(name, value);
        }
    };
    if let Some(client) = client {
        put(FOR, &client.to_string());
    }
    put(PROTO, request.scheme.as_str());
    put(HOST, &request.host.to_string());
    put(REQUEST_ID, &request.id.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_forwarded_header_is_dropped() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-forwarded-for",
            "x_forwarded_proto",
            "x.forwarded.host",
            "x-forwarded-foo",
            "forwarded",
            "x-real-ip",
            "x_real_ip",
            "true-client-ip",
            "cf-connecting-ip",
            "x-original-url",
            "x-rewrite-url",
            "x-envoy-original-path",
            "x-request-id",
            "accept",
        ] {
            headers.append(name, "v".parse().unwrap());
        }
        strip(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
    }
}
