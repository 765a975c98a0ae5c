//! Where links of pages lead.

use std::fmt;

/// Where a link of a page leads: a path of this very host, or an `http` or `https` URL. Nothing else can be one, so that
/// no page ever offers `javascript:` to click on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Href(String);

impl Href {
    /// The longest there is, in bytes.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// `place`, when a link may lead there.
    pub fn new(place: impl Into<String>) -> Option<Self> {
        let place = place.into();
        let here = place.starts_with('/') && !place.starts_with("//");
        let there = place.starts_with("https://") || place.starts_with("http://");
        let plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        ((here || there) && plain && place.len() <= Self::MAX_BYTES).then_some(Self(place))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_path_or_an_http_url_and_nowhere_else() {
        for good in ["/", "/a?b=c", "https://op.example/x", "http://a.test/"] {
            assert!(Href::new(good).is_some(), "{good}");
        }
        let long = format!("/{}", "a".repeat(Href::MAX_BYTES));
        for bad in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "/ x",
            "/\r\n",
            "/é",
            &long,
        ] {
            assert!(Href::new(bad).is_none(), "{bad}");
        }
    }
}
