//! Identity headers: the closed set we tell the upstream with.
//!
//! [`IdentityHeaders`] is the set: every header any route sends, and a built-in list of names that applications are
//! known to believe. Nothing in it is let through from outside, in any spelling. [`Projection`] is what one route
//! writes: always every configured header, empty where there is no value, so that none of the client's survives.

use crate::decide::Permit;
use crate::gate::Unreadable;
use crate::reason::UnreadableReason;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

pub use fact::{Fact, ListFormat};

mod fact;

/// The headers of an answer to a sub-request stay under this, names and separators included: nginx reads an answer's
/// head into one buffer, which the examples set to 16 KiB.
pub const MAX_IDENTITY_BYTES: usize = 12 * 1024;

/// Names applications are known to believe, whether or not we set them; as they read once folded.
const BUILT_IN: [&str; 13] = [
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-client-san",
    "x-client-cert",
    "client-cert",
];

/// Beginnings of such names.
const BUILT_IN_PREFIXES: [&str; 5] = [
    "x-auth-request-",
    "x-webauth-",
    "x-ssl-",
    "ssl-client-",
    "client-cert-",
];

/// The closed set.
#[derive(Clone, Debug, Default)]
pub struct IdentityHeaders {
    configured: Box<[HeaderName]>,
    folded: Box<[Box<str>]>,
}

impl IdentityHeaders {
    /// The set that holds `configured` and the built-in names.
    pub fn new(configured: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names = Vec::new();
        for name in configured {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let folded = names.iter().map(|name| folded(name.as_str()).into()).collect();
        Self {
            configured: names.into(),
            folded,
        }
    }

    /// Every configured name, each once, in the order of the configuration.
    pub fn configured(&self) -> &[HeaderName] {
        &self.configured
    }

    /// Whether `name` is in the set once case, `_` and `.` are folded: applications that put headers into variables
    /// (CGI, WSGI, PHP) cannot tell the spellings apart.
    pub fn holds(&self, name: &HeaderName) -> bool {
        let folded = folded(name.as_str());
        self.folded.iter().any(|own| **own == *folded) || is_built_in(&folded)
    }

    /// Removes every header of the set, in any spelling. For proxy mode.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let found = headers
            .keys()
            .filter(|name| self.holds(name))
            .cloned()
            .collect::<Vec<_>>();
        for name in found {
            headers.remove(name);
        }
    }

    /// For decision mode, where another program forwards: exact configured names are removed, for the answer
    /// overwrites them; any other spelling, and a built-in name nobody here sets, is refused. `read_here` are headers
    /// this listener reads from its trusted peer.
    pub fn strip_or_refuse(
        &self,
        headers: &mut HeaderMap,
        read_here: &[HeaderName],
    ) -> Result<(), Unreadable> {
        let found = headers
            .keys()
            .filter(|name| self.holds(name))
            .cloned()
            .collect::<Vec<_>>();
        for name in found {
            if self.configured.contains(&name) {
                headers.remove(name);
            } else if !read_here.contains(&name) {
                return Err(Unreadable::new(
                    UnreadableReason::IdentityHeaderForged,
                    name.as_str(),
                ));
            }
        }
        Ok(())
    }
}

fn is_built_in(folded: &str) -> bool {
    BUILT_IN.contains(&folded) || BUILT_IN_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

/// A lower-case header name with `_` and `.` read as `-`.
fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte == b'_' || byte == b'.') {
        Cow::Owned(name.replace(['_', '.'], "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// What one route writes.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    lines: Box<[(HeaderName, Option<Fact>)]>,
    format: ListFormat,
    only_groups: Option<Box<[Box<str>]>>,
}

/// The identity is larger than [`MAX_IDENTITY_BYTES`]: it is refused, never cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityTooLarge;

impl Projection {
    /// Writes `facts`, and every other name of `set` empty. With `only_groups`, other groups are left out.
    pub fn new(
        set: &IdentityHeaders,
        facts: &[(HeaderName, Fact)],
        format: ListFormat,
        only_groups: Option<Box<[Box<str>]>>,
    ) -> Self {
        let fact = |name: &HeaderName| {
            facts
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, fact)| fact.clone())
        };
        let lines = set
            .configured()
            .iter()
            .map(|name| (name.clone(), fact(name)))
            .collect();
        Self {
            lines,
            format,
            only_groups,
        }
    }

    /// The identity headers of `permit`, one line each (or one per element with [`ListFormat::Lines`]), in order.
    pub fn project(&self, permit: &Permit) -> Result<Vec<(HeaderName, HeaderValue)>, IdentityTooLarge> {
        let only = self.only_groups.as_deref();
        let mut headers = Vec::with_capacity(self.lines.len());
        let mut bytes = 0;
        for (name, fact) in &self.lines {
            let mut push = |value: HeaderValue| {
                bytes += name.as_str().len() + value.len() + 4;
                headers.push((name.clone(), value));
            };
            match fact {
                Some(fact) => fact.write(permit.principal(), self.format, only, &mut push),
                None => push(HeaderValue::from_static("")),
            }
        }
        if bytes > MAX_IDENTITY_BYTES {
            Err(IdentityTooLarge)
        } else {
            Ok(headers)
        }
    }
}

/// The presets by name: what each header says. `none` is the empty one.
pub fn preset(name: &str) -> Option<Vec<(HeaderName, Fact)>> {
    use Fact::{Claim, Email, Groups, Subject};
    let claim = |name: &str| {
        Claim(crate::claims::ClaimPath::parse(name).unwrap_or_else(crate::claims::ClaimPath::subject))
    };
    let lines: Vec<(&'static str, Fact)> = match name {
        "x-auth" => vec![
            ("x-auth-audience", claim("aud")),
            ("x-auth-expiresin", claim("exp")),
            ("x-auth-groups", Groups),
            ("x-auth-subject", Subject),
            ("x-auth-userid", claim("preferred_username")),
            ("x-auth-username", claim("preferred_username")),
            ("x-auth-locale", claim("locale")),
            ("x-auth-email", Email),
        ],
        "x-auth-request" => vec![
            ("x-auth-request-user", Subject),
            ("x-auth-request-groups", Groups),
            ("x-auth-request-email", Email),
            ("x-auth-request-preferred-username", claim("preferred_username")),
        ],
        "remote" => vec![
            ("remote-user", claim("preferred_username")),
            ("remote-groups", Groups),
            ("remote-name", claim("name")),
            ("remote-email", Email),
        ],
        "none" => Vec::new(),
        _ => return None,
    };
    Some(
        lines
            .into_iter()
            .map(|(name, fact)| (HeaderName::from_static(name), fact))
            .collect(),
    )
}

/// The names of the presets.
pub const PRESETS: &[&str] = &["x-auth", "x-auth-request", "remote", "none"];

#[cfg(test)]
mod tests;
