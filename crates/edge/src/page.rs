//! What a person or a program reads when refused: a small page, or a problem (RFC 9457), worded from the reason code.

use crate::body::Body;
use crate::integration::Asker;
use bytes::Bytes;
use countersign_core::request::{OriginalRequest, RequestId};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// The page's style, in the page: nothing is loaded.
const STYLE: &str = concat!(
    "*{box-sizing:border-box}:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#f6f8fa;--card:#fff;--line:#d0d7de}",
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--paper:#0d1117;--card:#161b22;--line:#30363d}}",
    "body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--paper);color:var(--ink);",
    "font:1rem/1.5 system-ui,sans-serif}main{width:100%;max-width:34rem;padding:2rem;background:var(--card);",
    "border:1px solid var(--line);border-radius:.75rem}h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:.5rem 0}",
    "dl{margin:1.5rem 0 0;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}",
    "dd{margin:0 0 .5rem;overflow-wrap:anywhere;font-family:ui-monospace,monospace}"
);
/// SHA-256 of [`STYLE`], so that the policy allows this style and no other. A test says what it must be.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-P0NP/3hkG+oBqPPwiFlWHMJYyymG2MIrpThkeN2T6zk='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What there is to say.
#[derive(Clone, Debug)]
pub struct Words {
    /// The true status.
    pub status: StatusCode,
    /// The reason code.
    pub code: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// The name of the request.
    pub id: RequestId,
    /// How to ask better.
    pub www_authenticate: Option<HeaderValue>,
    /// Where to go instead, with a 303.
    pub location: Option<HeaderValue>,
    /// When to ask again, in seconds.
    pub retry_after: Option<u64>,
    /// Cookies to set or clear.
    pub cookies: Vec<HeaderValue>,
    html: bool,
    head: bool,
}

impl Words {
    /// Words about `request`.
    pub fn new(
        request: &OriginalRequest,
        status: StatusCode,
        code: &'static str,
        meaning: &'static str,
    ) -> Self {
        let head = request.method == Method::HEAD;
        Self {
            html: request.accepts_html(),
            head,
            ..Self::plain(request.id, status, code, meaning)
        }
    }

    /// Words to `asker`, whose request could not be read.
    pub fn about(asker: &Asker, status: StatusCode, code: &'static str, meaning: &'static str) -> Self {
        Self {
            html: asker.accepts_html,
            head: asker.head,
            ..Self::plain(asker.id, status, code, meaning)
        }
    }

    fn plain(id: RequestId, status: StatusCode, code: &'static str, meaning: &'static str) -> Self {
        Self {
            status,
            code,
            meaning,
            id,
            www_authenticate: None,
            location: None,
            retry_after: None,
            cookies: Vec::new(),
            html: false,
            head: false,
        }
    }
}

/// The answer's status, type and body.
pub fn render(words: &Words) -> Response<Body> {
    let text = if words.html { html(words) } else { problem(words) };
    let body = if words.head {
        Body::empty()
    } else {
        Body::full(Bytes::from(text))
    };
    let mut response = Response::new(body);
    *response.status_mut() = words.status;
    let headers = response.headers_mut();
    let media = if words.html {
        "text/html; charset=utf-8"
    } else {
        "application/problem+json"
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    harden(headers, words.html);
    response
}

/// What keeps a browser from making more of an answer than it is.
pub(crate) fn harden(headers: &mut HeaderMap, html: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if html {
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
}

fn problem(words: &Words) -> String {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": title(words.status),
        "status": words.status.as_u16(),
        "detail": words.meaning,
        "reason": words.code,
        "request_id": words.id.to_string(),
    });
    format!("{problem}\n")
}

/// Every piece of this page is ours: nothing of the request is repeated in it.
fn html(words: &Words) -> String {
    let (title, meaning, code, id) = (title(words.status), words.meaning, words.code, words.id);
    let body = format!(
        "<p>{meaning}</p><p>{advice}</p><dl><dt>Reason</dt><dd>{code}</dd><dt>Request</dt><dd>{id}</dd></dl>",
        advice = advice(words.status)
    );
    document(title, &body)
}

/// A whole page of ours. `body` is markup, and what it repeats of others is escaped.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

/// Text of others, as it may stand between tags; what changes the direction of text, or is not seen, is shown as a
/// question mark.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('?'),
            other if other.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Please identify yourself",
        403 => "You may not see this",
        404 => "There is nothing here",
        501 => "Not possible yet",
        502..=504 => "Not available just now",
        500 => "Something went wrong here",
        _ => "This request cannot be read",
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Send a credential that this place accepts.",
        403 => "If you think you should, tell whoever runs this site the reason and the request below.",
        404 => "Check the address.",
        500 | 501 => "Tell whoever runs this site the request below.",
        502..=504 => "Try again in a moment. If it stays so, tell whoever runs this site the request below.",
        _ => "If you followed a link, tell whoever runs this site the reason and the request below.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest;

    fn words(html: bool) -> Words {
        let plain = Words::plain(
            RequestId(7),
            StatusCode::FORBIDDEN,
            "group_unmet",
            "In none of the groups.",
        );
        Words { html, ..plain }
    }

    #[test]
    fn the_policy_allows_the_pages_own_style_and_nothing_else() {
        use base64::Engine as _;
        let hash = base64::prelude::BASE64_STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        let policy = POLICY;
        let policy = policy.to_str().unwrap();
        assert!(
            policy.contains(&format!("style-src 'sha256-{hash}'")),
            "write {hash}"
        );
        assert!(policy.starts_with("default-src 'none'"));
    }

    #[test]
    fn a_page_is_small_and_a_problem_is_json() {
        let page = html(&words(true));
        assert!(page.len() < 20_000 && page.contains("group_unmet") && !page.contains("src="));
        let problem: serde_json::Value = serde_json::from_str(&problem(&words(false))).unwrap();
        assert_eq!(problem["reason"], "group_unmet");
        assert_eq!(problem["status"], 403);
        assert_eq!(problem["request_id"], "00000000000000000000000000000007");
    }

    #[test]
    fn text_of_others_is_text_on_a_page() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\u{202e}\u{7}é"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;??é"
        );
    }

    #[test]
    fn the_answer_is_of_the_type_that_was_asked_for() {
        assert_eq!(
            render(&words(true)).headers()["content-type"],
            "text/html; charset=utf-8"
        );
        assert_eq!(
            render(&words(false)).headers()["content-type"],
            "application/problem+json"
        );
    }
}
