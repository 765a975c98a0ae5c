//! Where a browser is sent back to after the errand: a place on the host it came from, and no other.

use crate::gate::Target;
use crate::own_path::{WHOAMI, is_own};

/// The longest that is taken.
pub const MAX_RETURN_BYTES: usize = 8 * 1024;

/// A path and query on the host that the browser is on. Whatever reads it as a reference finds no other host in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(Box<str>);

impl ReturnTo {
    /// Judges `text`, which came from outside. Refused: what is no path; a second slash at the beginning (browsers read a
    /// host there); backslashes, control bytes, fragments and dot segments; the gateway's own pages, the one that tells who
    /// is asking excepted; more than 8 KiB.
    pub fn judge(text: &str) -> Option<Self> {
        if text.len() > MAX_RETURN_BYTES || text.starts_with("//") {
            return None;
        }
        let target = Target::judge(text).ok()?;
        let path = target.path();
        (!is_own(path) || path == WHOAMI).then(|| Self(text.into()))
    }

    /// The place every host has.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same without its query.
    #[must_use]
    pub fn path_alone(&self) -> Self {
        let path = self.0.split('?').next().unwrap_or("/");
        Self(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_this_host_is_taken_and_no_other() {
        for good in [
            "/",
            "/page?a=b&c=%2F",
            "/a//b",
            "/?next=https://evil.test/",
            "/.countersign/whoami",
            "/page?q=//evil.test",
        ] {
            assert_eq!(
                ReturnTo::judge(good).map(|to| to.as_str().to_owned()).as_deref(),
                Some(good)
            );
        }
        for bad in [
            "",
            "page",
            "//evil.test",
            "//evil.test/%2f..",
            "///evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "/\r\nLocation: https://evil.test",
            " /",
            "/ ",
            "https://evil.test/",
            "https:evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "/../..//evil.test",
            "/%2e%2e/x",
            "/page#x",
            "/.countersign/logout",
            "/.Countersign/login?to=/",
            "/.countersign",
            "/\u{2215}evil.test",
            "/%0d%0aSet-Cookie:x",
        ] {
            assert_eq!(ReturnTo::judge(bad), None, "{bad:?}");
        }
        assert_eq!(
            ReturnTo::judge(&format!("/{}", "a".repeat(MAX_RETURN_BYTES))),
            None
        );
        assert_eq!(ReturnTo::judge("/a?b=c").unwrap().path_alone().as_str(), "/a");
    }
}
