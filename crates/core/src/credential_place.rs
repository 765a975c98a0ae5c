//! Where in a request a credential may stand, and how to take it out again: for the log, and for what goes upstream.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};

/// One place a credential may stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
    /// A header of this name.
    Header(HeaderName),
    /// A cookie of this name (RFC 6265 section 4.2).
    Cookie(Box<str>),
    /// Every cookie whose name begins so: the gateway's own.
    CookiesFrom(Box<str>),
    /// A query parameter of this name, in any spelling that decodes to it.
    Query(Box<str>),
}

/// `query` without the parameters that `places` name; the rest byte for byte. `None` when nothing is left, so that the
/// `?` goes too.
pub fn cut_from_query(places: &[CredentialPlace], query: &str) -> Option<String> {
    let named = |pair: &&str| {
        let name = query_name(pair);
        places.iter().any(|place| match place {
            CredentialPlace::Query(wanted) => **wanted == *name,
            CredentialPlace::Header(_) | CredentialPlace::Cookie(_) | CredentialPlace::CookiesFrom(_) => {
                false
            }
        })
    };
    let kept = query.split('&').filter(|pair| !named(pair)).collect::<Vec<_>>();
    let cut = kept.len() < query.split('&').count();
    (!cut || !kept.is_empty()).then(|| kept.join("&"))
}

/// Takes the headers and cookies that `places` name out of `headers`; other cookies stay byte for byte.
pub fn cut_from_headers(places: &[CredentialPlace], headers: &mut HeaderMap) {
    for place in places {
        if let CredentialPlace::Header(name) = place {
            while headers.remove(name).is_some() {}
        }
    }
    let lines = headers.get_all(COOKIE);
    if !lines.iter().any(|line| has_own(places, line)) {
        return;
    }
    let left = lines
        .iter()
        .filter_map(|line| cookies_left(places, line))
        .collect::<Vec<_>>();
    headers.remove(COOKIE);
    for line in left {
        headers.append(COOKIE, line);
    }
}

/// A line of cookies without those that `places` name, the rest byte for byte; `None` when nothing is left.
pub fn cookies_left(places: &[CredentialPlace], line: &HeaderValue) -> Option<HeaderValue> {
    if !has_own(places, line) {
        return Some(line.clone());
    }
    let kept = pairs(line)
        .filter(|pair| !is_own(places, pair))
        .collect::<Vec<_>>();
    let joined = kept.join(&b';');
    let value = HeaderValue::from_bytes(joined.trim_ascii()).ok()?;
    (!value.is_empty()).then_some(value)
}

/// The name of one `name=value` pair of a query, as a form decodes it: percent escapes and `+`.
pub fn query_name(pair: &str) -> std::borrow::Cow<'_, str> {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    if name.contains(['%', '+']) {
        let decoded = url::form_urlencoded::parse(name.as_bytes()).next();
        decoded.map_or("".into(), |(name, _)| name.into_owned().into())
    } else {
        name.into()
    }
}

/// The name of one `name=value` pair of a Cookie header.
pub fn cookie_name(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    pair.get(..end).unwrap_or(pair).trim_ascii()
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b';')
}

fn has_own(places: &[CredentialPlace], line: &HeaderValue) -> bool {
    pairs(line).any(|pair| is_own(places, pair))
}

/// Whether some place names this cookie.
fn is_own(places: &[CredentialPlace], pair: &[u8]) -> bool {
    let name = cookie_name(pair);
    places.iter().any(|place| match place {
        CredentialPlace::Cookie(own) => name == own.as_bytes(),
        CredentialPlace::CookiesFrom(prefix) => name.starts_with(prefix.as_bytes()),
        CredentialPlace::Header(_) | CredentialPlace::Query(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_cut_from_the_query_in_every_spelling_and_the_rest_stays() {
        let places = [CredentialPlace::Query("token".into())];
        let check = |query: &str, expect: Option<&str>| {
            assert_eq!(cut_from_query(&places, query).as_deref(), expect, "{query:?}");
        };
        check("token=x", None);
        check("a=1&token=x&b=%2f&b", Some("a=1&b=%2f&b"));
        check("%74oken=x&a", Some("a"));
        check("token", None);
        check("token=x&token=y", None);
        check("a=token", Some("a=token"));
        check("Token=x", Some("Token=x"));
        check("", Some(""));
        check("a&&b", Some("a&&b"));
    }

    #[test]
    fn headers_and_cookies_are_cut_and_the_rest_stays() {
        let places = [
            CredentialPlace::Header(http::header::AUTHORIZATION),
            CredentialPlace::Cookie("at".into()),
            CredentialPlace::CookiesFrom("__Host-own".into()),
        ];
        let mut headers = HeaderMap::new();
        headers.append("authorization", HeaderValue::from_static("Bearer x"));
        headers.append("authorization", HeaderValue::from_static("Bearer y"));
        headers.append(
            "cookie",
            HeaderValue::from_static("a=1; at=secret; __Host-own=s;__Host-own-0f=t; b=\"2\""),
        );
        headers.append("cookie", HeaderValue::from_static("at=secret"));
        headers.append("accept", HeaderValue::from_static("*/*"));
        cut_from_headers(&places, &mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["cookie"], "a=1; b=\"2\"");
    }
}
