//! The demo's issuer and its application: two small sites.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// How long is waited when a connection could not be taken.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What a site answers.
pub(super) type Site = Arc<dyn Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync>;

/// Serves `site` for as long as the process lives. Needs a runtime around it.
pub(super) fn serve(listener: std::net::TcpListener, site: Site) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    drop(tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // That one went away, or there is no place for it now: the next may be there.
                tokio::time::sleep(BACK_OFF).await;
                continue;
            };
            let site = Arc::clone(&site);
            drop(tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = site(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                // A connection that breaks is the other side's to notice.
                drop(
                    http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await,
                );
            }));
        }
    }));
    Ok(())
}

fn answer(status: StatusCode, media: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(media));
    response
}

/// Discovery and a JWK Set of one key.
pub(super) fn issuer(url: &str, jwk: &str) -> Site {
    let document = format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/jwks"}}"#);
    let keys = format!(r#"{{"keys":[{jwk}]}}"#);
    Arc::new(move |request| match request.uri().path() {
        "/.well-known/openid-configuration" => answer(StatusCode::OK, "application/json", document.clone()),
        "/jwks" => answer(StatusCode::OK, "application/json", keys.clone()),
        _ => answer(StatusCode::NOT_FOUND, "text/plain", "nothing here\n".to_owned()),
    })
}

/// Shows which identity headers arrived.
pub(super) fn application() -> Site {
    Arc::new(|request| {
        let accepts = request
            .headers()
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let told = told(request.headers());
        if accepts.contains("text/html") {
            return answer(StatusCode::OK, "text/html; charset=utf-8", page(&told));
        }
        let told = told
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect::<serde_json::Map<_, _>>();
        answer(
            StatusCode::OK,
            "application/json",
            format!("{:#}\n", serde_json::Value::Object(told)),
        )
    })
}

fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let ours = headers
        .iter()
        .filter(|(name, _)| name.as_str().replace(['_', '.'], "-").starts_with("x-auth-"));
    ours.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    })
    .collect()
}

fn page(told: &[(String, String)]) -> String {
    let mut rows = String::new();
    for (name, value) in told {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write!(
            rows,
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(name),
            escaped(value)
        );
    }
    let heard = if told.iter().all(|(_, value)| value.is_empty()) {
        "<p>The gateway told the application that nobody is known to be there: this page is for everybody. \
         <a href=\"/hello\">Another</a> needs a token, which a browser does not have.</p>"
            .to_owned()
    } else {
        format!("<p>This is what the gateway told the application about you:</p><table>{rows}</table>")
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Hello</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>:root{{color-scheme:light dark}}\
         body{{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
         th{{text-align:left;padding-right:2rem;font-weight:500}}td{{font-family:ui-monospace,monospace}}</style></head>\n\
         <body><h1>Hello</h1>{heard}</body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_text_on_the_page() {
        let told = [(
            "x-auth-name".to_owned(),
            "<script>alert(\"1\")</script>&".to_owned(),
        )];
        let page = page(&told);
        assert!(
            page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"),
            "{page}"
        );
        assert!(!page.contains("<script>"));
    }
}
