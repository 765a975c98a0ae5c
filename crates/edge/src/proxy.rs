//! The way to the application: reached with a [`Permit`] in hand, and no other way.

use crate::body::Body;
use crate::integration::Asker;
use crate::page::Words;
use countersign_core::credential_place::{cut_from_headers, cut_from_query};
use countersign_core::decide::Permit;
use countersign_core::peer::Peer;
use countersign_core::reason::AnswerReason;
use countersign_core::request::OriginalRequest;
use countersign_core::route::Route;
use http::header::{COOKIE, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Uri};

pub use pool::{Lease, Upstreams};

pub mod forwarded;
pub mod hop_headers;
mod pool;

/// The application could not be asked, or did not answer. The detail is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyFailure {
    /// Why, safe to tell.
    pub reason: AnswerReason,
    /// The cause.
    pub detail: String,
}

impl ProxyFailure {
    fn new(reason: AnswerReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    /// What the client reads.
    pub(crate) fn words(&self, asker: &Asker) -> Words {
        let status = match self.reason {
            AnswerReason::NoUpstream => StatusCode::NOT_FOUND,
            AnswerReason::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            AnswerReason::IdentityTooLarge => StatusCode::FORBIDDEN,
            AnswerReason::RequestBroken => StatusCode::REQUEST_TIMEOUT,
            AnswerReason::UpstreamUnreachable
            | AnswerReason::UpstreamBroken
            | AnswerReason::Allowed
            | AnswerReason::NoCredential
            | AnswerReason::NoRoute
            | AnswerReason::OverTls
            | AnswerReason::NotFound
            | AnswerReason::MethodNotAllowed
            | AnswerReason::CertificateRequired
            | AnswerReason::RefusedByProxy
            | AnswerReason::DecidedAnew
            | AnswerReason::Whoami
            | AnswerReason::TooManyRequests
            | AnswerReason::Busy => StatusCode::BAD_GATEWAY,
        };
        Words::about(asker, status, self.reason.code(), self.reason.meaning())
    }
}

impl Upstreams {
    /// Sends `request`, which `permit` allows, to where its route says, and gives the application's answer. Bodies
    /// stream both ways.
    pub async fn forward(
        &self,
        permit: Permit,
        request: OriginalRequest,
        body: Body,
        peer: &Peer,
    ) -> Result<Response<Body>, ProxyFailure> {
        let route = permit.route();
        let upstream = route.to.as_ref();
        let upstream = upstream.ok_or_else(|| ProxyFailure::new(AnswerReason::NoUpstream, &*route.name))?;
        let outgoing = outgoing(&permit, route, request, body, peer)?;
        let mut response = self.send(&upstream.authority, outgoing).await?;
        hop_headers::strip(response.headers_mut());
        for cookie in &permit.effects().cookies {
            response
                .headers_mut()
                .append(http::header::SET_COOKIE, cookie.clone());
        }
        Ok(response)
    }
}

/// The request as it goes on: byte for byte as judged, without hop-by-hop headers and without the credentials that
/// stay here, then our own headers, then identity.
fn outgoing(
    permit: &Permit,
    route: &Route,
    mut request: OriginalRequest,
    body: Body,
    peer: &Peer,
) -> Result<Request<Body>, ProxyFailure> {
    let unsendable = |_| {
        ProxyFailure::new(
            AnswerReason::UpstreamBroken,
            "the request cannot be written again",
        )
    };
    let uri = target(route, &request).parse::<Uri>().map_err(unsendable)?;
    let host = HeaderValue::from_str(&request.host.to_string())
        .map_err(|_| ProxyFailure::new(AnswerReason::UpstreamBroken, "host"))?;
    hop_headers::strip(&mut request.headers);
    cut_from_headers(&route.own_cookies, &mut request.headers);
    if !route.forward_credentials {
        for authenticator in &route.accept {
            cut_from_headers(authenticator.credential_places(), &mut request.headers);
        }
    }
    forwarded::write(&mut request, peer);
    let mut headers = request.headers;
    headers.insert(HOST, host);
    if route.identity.tells_by_cookie() {
        let left = headers.remove(COOKIE);
        let line = route.identity.cookies(permit.principal(), left);
        headers.extend(line.map(|line| (COOKIE, line)));
    }
    let written = route.identity.write(permit, &mut headers);
    written.map_err(|_| ProxyFailure::new(AnswerReason::IdentityTooLarge, &*route.name))?;
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers;
    Ok(outgoing)
}

/// The target, without a token in its query: that is cut always.
fn target(route: &Route, request: &OriginalRequest) -> String {
    let Some(query) = request.target.query() else {
        return request.target.as_str().to_owned();
    };
    let mut query = Some(query.to_owned());
    for authenticator in &route.accept {
        query = query.and_then(|query| cut_from_query(authenticator.credential_places(), &query));
    }
    match query {
        Some(query) => format!("{}?{query}", request.target.path()),
        None => request.target.path().to_owned(),
    }
}

#[cfg(test)]
mod tests;
