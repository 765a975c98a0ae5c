//! The status listener: `/healthz`, `/readyz`, `/metrics`, and nothing else; on its own address and nowhere else.

use crate::body::Body;
use crate::metrics::Metrics;
use crate::page;
use bytes::Bytes;
use countersign_core::gate::Host;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Answers about the program's own state.
#[derive(Clone, Debug)]
pub struct Status {
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    loopback_only: bool,
}

impl Status {
    /// Ready while `ready` is set. With `loopback_only` (the listener is bound to loopback) a Host that is not loopback
    /// is refused, so that no web page can point a name at it.
    pub const fn new(metrics: Arc<Metrics>, ready: Arc<AtomicBool>, loopback_only: bool) -> Self {
        Self {
            metrics,
            ready,
            loopback_only,
        }
    }

    /// Answers one request.
    pub fn answer(&self, head: &Parts) -> Response<Body> {
        if head.headers.contains_key(ORIGIN) || self.loopback_only && !names_loopback(head) {
            return plain(StatusCode::FORBIDDEN, "not for browsers\n");
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        }
        match head.uri.path() {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" if self.ready.load(Ordering::Acquire) => plain(StatusCode::OK, "ready\n"),
            "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => {
                let mut response = plain(StatusCode::OK, self.metrics.render());
                let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static(media));
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n"),
        }
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::full(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(page::retry_after(status).map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

fn names_loopback(head: &Parts) -> bool {
    let named = head
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| Host::judge(host).ok());
    named.is_some_and(|host| {
        let name = host.name().trim_matches(['[', ']']);
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn who_asks_too_early_reads_when_to_ask_again() {
        let answer = |ready| {
            let status = Status::new(Arc::default(), Arc::new(AtomicBool::new(ready)), false);
            status.answer(&Request::get("/readyz").body(()).unwrap().into_parts().0)
        };
        assert_eq!(answer(false).headers()["retry-after"], "5");
        assert!(!answer(true).headers().contains_key("retry-after"));
    }

    fn asked(path: &str, headers: &[(&str, &str)], ready: bool) -> StatusCode {
        let status = Status::new(Arc::default(), Arc::new(AtomicBool::new(ready)), true);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        status.answer(&request.body(()).unwrap().into_parts().0).status()
    }

    #[test]
    fn only_loopback_names_and_no_browser_read_it() {
        assert_eq!(
            asked("/healthz", &[("host", "127.0.0.1:9181")], false),
            StatusCode::OK
        );
        assert_eq!(
            asked("/healthz", &[("host", "[::1]:9181")], false),
            StatusCode::OK
        );
        assert_eq!(asked("/metrics", &[("host", "localhost")], false), StatusCode::OK);
        assert_eq!(
            asked("/readyz", &[("host", "localhost")], false),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(asked("/readyz", &[("host", "localhost")], true), StatusCode::OK);
        assert_eq!(
            asked("/healthz", &[("host", "evil.test")], false),
            StatusCode::FORBIDDEN
        );
        assert_eq!(asked("/healthz", &[], false), StatusCode::FORBIDDEN);
        let origin = [("host", "localhost"), ("origin", "http://localhost")];
        assert_eq!(asked("/metrics", &origin, false), StatusCode::FORBIDDEN);
        assert_eq!(
            asked("/metrics/x", &[("host", "localhost")], false),
            StatusCode::NOT_FOUND
        );
    }
}
