//! How a URL of the configuration is shown: in lines of the log, metrics, messages and reports.

/// `url` as others may read it: without user, password and fragment, and `?…` for a query, which may hold a token.
pub fn shown_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (place, rest) = url.split_at_checked(end).unwrap_or((url, ""));
    let query = if rest.starts_with('?') { "?…" } else { "" };
    let (scheme, after) = place.split_once("://").unwrap_or(("", place));
    let authority = after.find('/').unwrap_or(after.len());
    let host = after
        .get(..authority)
        .and_then(|authority| authority.rfind('@'))
        .and_then(|at| after.get(at.saturating_add(1)..))
        .unwrap_or(after);
    if scheme.is_empty() {
        return format!("{host}{query}");
    }
    format!("{scheme}://{host}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        for (url, expect) in [
            ("https://op.example/keys", "https://op.example/keys"),
            (
                "https://op.example/a@b:c/keys?token=SECRET",
                "https://op.example/a@b:c/keys?…",
            ),
            ("http://op.example?SECRET", "http://op.example?…"),
            ("http://op.example/?", "http://op.example/?…"),
            (
                "http://op.example:81/a?x=https://SECRET@b/",
                "http://op.example:81/a?…",
            ),
            ("https://ann:SECRET@op.example/#SECRET?x", "https://op.example/"),
            ("https://SECRET@[::1]:8443?SECRET#SECRET", "https://[::1]:8443?…"),
            ("op.example/a?SECRET", "op.example/a?…"),
            ("", ""),
        ] {
            assert_eq!(shown_url(url), expect, "{url}");
        }
    }
}
