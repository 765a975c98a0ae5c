//! The strict gate: method, authority and target are judged here, once, before any rule, in every dialect.
//!
//! What has two readings is refused. In proxy mode a route may let a few spellings through by name
//! ([`PathOddities`]), because what passed is forwarded byte for byte; in decision mode another program forwards, so
//! only paths with one reading pass.

use crate::reason::UnreadableReason;
use http::Method;

pub use host::Host;
pub use ports::PublicPorts;
pub use target::{MAX_TARGET_BYTES, PathOddities, Target};

mod ascii;
mod host;
mod ports;
mod target;

/// The methods of IANA's registry (RFC 9110 section 16.1), without CONNECT, TRACE, PRI and `*`.
const METHODS: [&str; 38] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "POLL",
];

/// The question cannot be read, and why. The detail is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The reason, safe to tell.
    pub reason: UnreadableReason,
    /// Which header or which part, for the log.
    pub detail: String,
}

impl Unreadable {
    /// A refusal for `reason`.
    pub fn new(reason: UnreadableReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// `http` or `https`, as the client used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Reads the scheme, without regard to case.
    pub fn judge(text: &str) -> Result<Self, Unreadable> {
        match text {
            _ if text.eq_ignore_ascii_case("https") => Ok(Self::Https),
            _ if text.eq_ignore_ascii_case("http") => Ok(Self::Http),
            _ => Err(Unreadable::new(
                UnreadableReason::SchemeUnknown,
                "neither http nor https",
            )),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Reads the method: case counts, and only registered methods pass.
pub fn judge_method(text: &str) -> Result<Method, Unreadable> {
    let refused = || {
        Unreadable::new(
            UnreadableReason::MethodRefused,
            "not a method that is let through",
        )
    };
    match text {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "HEAD" => Ok(Method::HEAD),
        _ if METHODS.contains(&text) => Method::from_bytes(text.as_bytes()).map_err(|_| refused()),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests;
