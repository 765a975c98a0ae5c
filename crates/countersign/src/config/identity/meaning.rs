//! Names of headers that say something already.

use http::HeaderName;

/// Headers with a meaning of their own, in requests or in answers.
const MEANINGS: [&str; 35] = [
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-countersign-refusal",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
];

/// Beginnings of such names.
const MEANING_PREFIXES: [&str; 7] = [
    "accept",
    "access-control-",
    "content-",
    "if-",
    "sec-",
    "x-original-",
    "x-request-id",
];

/// Forwarding facts that a proxy in front tells, which are no identity.
const FORWARDING: [&str; 10] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-uri",
];

/// Whether a header of this name says something else already, once `_` and `.` are folded to `-`.
pub(in crate::config) fn has_a_meaning(name: &HeaderName) -> bool {
    let folded = fold(name);
    MEANINGS.contains(&folded.as_str())
        || FORWARDING.contains(&folded.as_str())
        || MEANING_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

/// The name as applications read it that do not tell `-`, `_` and `.` apart.
pub(super) fn fold(name: &HeaderName) -> String {
    name.as_str().replace(['_', '.'], "-")
}
