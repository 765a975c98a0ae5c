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
    /// A cookie of this name in any spelling that some application reads as it, wherever in a line it hides: one that we tell
    /// identity with.
    IdentityCookie(Box<str>),
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
            CredentialPlace::Header(_)
            | CredentialPlace::Cookie(_)
            | CredentialPlace::CookiesFrom(_)
            | CredentialPlace::IdentityCookie(_) => false,
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
        CredentialPlace::IdentityCookie(own) => hides(pair, own),
        CredentialPlace::Header(_) | CredentialPlace::Query(_) => false,
    })
}

/// Whether some application reads a cookie `own` out of `pair`. There are those to which a comma, a quote, a bracket, a space of
/// any script or what only looks like one ends a cookie, too (RFC 2965, Python's `http.cookies` and `str.strip`, WebOb), those to
/// which an `=` in front of it is nothing (Werkzeug before 2.2.3), and those to which spaces and brackets within a name are an
/// underscore (PHP).
fn hides(pair: &[u8], own: &str) -> bool {
    let ends = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b',' | b'"' | b'[' | b']' | b'\\');
    let own = folded_cookie(own.as_bytes());
    let whole = cookie_name(named(pair));
    // What has no `=` behind it may have one after a space.
    let mut pieces = pair.split(ends).map(named).filter(|piece| !piece.is_empty());
    pieces.any(|piece| folded_cookie(cookie_name(piece)) == own)
        || folded_cookie(whole) == own
        || folded(&unescaped(whole)) == own
}

/// What stands behind the `=` that a pair without a name begins with.
fn named(pair: &[u8]) -> &[u8] {
    let unnamed = pair.iter().take_while(|byte| matches!(byte, b'=' | b' ')).count();
    pair.get(unnamed..).unwrap_or_default()
}

/// A cookie's name as the most careless application reads it: unescaped, without the spaces around it and without regard to
/// case, cut at a zero byte or a bracket (PHP), and with one sign for all that names of variables have none for.
pub fn folded_cookie(name: &[u8]) -> Vec<u8> {
    let unescaped = unescaped(name);
    let bracket = unescaped.iter().position(|byte| *byte == b'[');
    folded(bracket.and_then(|end| unescaped.get(..end)).unwrap_or(&unescaped))
}

fn folded(name: &[u8]) -> Vec<u8> {
    let folded = name.trim_ascii().iter().map(|byte| match byte {
        b'-' | b'.' | b' ' | b'[' => b'_',
        byte => byte.to_ascii_lowercase(),
    });
    folded.collect()
}

/// `name` as a form decodes it, up to a zero byte.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let (mut whole, mut rest) = (Vec::with_capacity(name.len()), name);
    loop {
        let unescaped = match rest {
            [b'%', high, low, after @ ..] => escaped([*high, *low]).map(|byte| (byte, after)),
            _ => None,
        };
        let next = unescaped.or_else(|| rest.split_first().map(|(byte, after)| (*byte, after)));
        match next {
            None | Some((0, _)) => return whole,
            Some((byte, after)) => {
                whole.push(if byte == b'+' { b' ' } else { byte });
                rest = after;
            }
        }
    }
}

/// The byte of two hexadecimal digits.
fn escaped(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
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
    fn a_cookie_that_tells_identity_is_cut_in_every_spelling() {
        let places = [CredentialPlace::IdentityCookie("Access-Token".into())];
        let left = |line: &'static str| {
            let left = cookies_left(&places, &HeaderValue::from_static(line));
            left.map(|line| line.to_str().unwrap().to_owned())
        };
        for line in [
            "Access-Token=x",
            "access_token=x",
            " ACCESS.TOKEN =x",
            "Access-Token",
            "%41ccess%2DToken=x",
            "Access+Token=x",
            "Access-Token%00b=x",
            "Access-Token[a]=x",
            "a=1, Access-Token=x",
            "a=1 Access-Token=x",
            "a=1\tAccess-Token =x",
            "a=\"1\"Access-Token=x",
            "\"Access-Token\"=x",
            "=Access-Token=x",
            "== Access-Token=x",
            "%20Access-Token=x",
            "+Access-Token+=x",
            "%09access%5ftoken%20=x",
            "Access Token=x",
            "Access[Token=x",
            "Access%20Token=x",
            "Access%5bToken=x",
            "= Access Token =x",
            "[Access-Token=x",
            "]Access-Token=x",
            "\\Access-Token=x",
            "a=1[Access-Token=x",
            "a=1]Access-Token=x",
            "Access Token[]=x",
        ] {
            assert_eq!(left(line), None, "{line}");
            let whole = format!("theme=dark; {line}; b=2");
            let left = cookies_left(&places, &HeaderValue::from_str(&whole).unwrap());
            assert_eq!(left.unwrap(), "theme=dark; b=2", "{line}");
        }
        // Spaces of other scripts, in Latin-1 and in UTF-8.
        for line in [
            b"\xa0Access-Token=x".as_slice(),
            b"\x85Access-Token\xa0=x",
            b"\xc2\xa0Access-Token\xe2\x80\x83=x",
            b"a=1\xa0Access-Token=x",
        ] {
            assert_eq!(
                cookies_left(&places, &HeaderValue::from_bytes(line).unwrap()),
                None,
                "{line:?}"
            );
        }
        for line in [
            "AccessToken=x",
            "My-Access-Token=x",
            "a=Access-Token=x",
            "Access-Tokens=x",
            "last_page=/access-token/list",
            "return_to=/page?access_token=1",
            "lb=x/access-token/y",
            "tabs=a:access-token:b",
            "campaign=utmctr=(access-token)|utmcmd=none",
            "prefs={access-token:1}",
        ] {
            assert_eq!(left(line).as_deref(), Some(line));
        }
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
