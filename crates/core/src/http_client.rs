//! The port through which the gateway asks others: key sets, discovery documents, token endpoints.

use crate::BoxFuture;
use bytes::Bytes;
use http::{Request, Response};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What one outbound request may cost and where it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// The whole exchange ends after this long.
    pub deadline: Duration,
    /// An answer with a longer body is an error.
    pub body_bytes: usize,
    /// Refuse a host that resolves to a loopback, link-local or private address, unless this one does too: the host
    /// the operator named (the issuer's). `None` lifts the rule, for addresses the operator wrote down.
    pub as_public_as: Option<Box<str>>,
    /// The certificate authorities (PEM) believed instead of the system's; `None` for the system's.
    pub authorities: Option<Arc<[u8]>>,
}

/// What stood in the way of a connection, where it is plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The name has no address.
    NoAddress,
    /// Nobody listens there.
    NobodyListens,
    /// Nobody whom we believe vouches for the server's certificate.
    UnknownAuthority,
    /// Its certificate is another host's, has ended, or cannot be read.
    BadCertificate,
    /// It does not speak TLS.
    NoTls,
}

/// Why an exchange gave no answer. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or it broke, or the name did not resolve.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No connection, and why is plain.
    #[error("unreachable: {1}")]
    InTheWay(Obstacle, String),
    /// The deadline passed.
    #[error("no whole answer within {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    /// The body is longer than the limit.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The host resolves to an address it must not have.
    #[error("{0} resolves to a loopback, link-local or private address, and the issuer does not")]
    PrivateAddress(String),
    /// The request itself cannot be sent.
    #[error("not a request that can be sent: {0}")]
    Unsendable(String),
}

/// Sends one request and reads its answer whole. Redirects are never followed: they come back as answers.
pub trait HttpClient: Send + Sync + fmt::Debug {
    /// Sends `request` within `limits`.
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>>;
}
