//! Identity headers: the closed set we tell the upstream with.
//!
//! [`IdentityHeaders`] is the set: every header any route sends, and a built-in list of names that applications are
//! known to believe. Nothing in it is let through from outside, in any spelling. [`Projection`] is what one route
//! writes: always every configured header, empty where there is no value, so that none of the client's survives.

use crate::decide::Permit;
use crate::gate::Unreadable;
use crate::principal::Principal;
use crate::reason::UnreadableReason;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock, Weak};

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

    /// Writes the identity headers of `permit` into `headers`, one line each (or one per element with
    /// [`ListFormat::Lines`]), in order.
    pub fn write(self: &Arc<Self>, permit: &Permit, headers: &mut HeaderMap) -> Result<(), IdentityTooLarge> {
        let principal = permit.principal();
        let written = principal
            .written
            .0
            .get_or_init(|| Box::new(self.text_of(principal)));
        if Weak::as_ptr(&written.projection) == Arc::as_ptr(self) {
            return written.put(self, headers);
        }
        // Another route's set: the principal keeps the text of the first.
        self.text_of(principal).put(self, headers)
    }

    fn text_of(self: &Arc<Self>, principal: &Principal) -> Text {
        let only = self.only_groups.as_deref();
        let (mut text, mut lines, mut bytes) = (Vec::new(), Vec::with_capacity(self.lines.len()), 0);
        for (place, (name, fact)) in (0_u16..).zip(&self.lines) {
            let mut push = |value: &[u8]| {
                bytes += name.as_str().len() + value.len() + 4;
                text.extend_from_slice(value);
                lines.push((place, u16::try_from(text.len()).unwrap_or(u16::MAX)));
            };
            match fact {
                Some(fact) => fact.write(principal, self.format, only, &mut push),
                None => push(b""),
            }
        }
        if bytes > MAX_IDENTITY_BYTES {
            return Text {
                projection: Arc::downgrade(self),
                lines: None,
                bytes: Bytes::new(),
            };
        }
        // Places and ends stand before the text, so that all of it is one block. Both are below MAX_IDENTITY_BYTES.
        let head = lines
            .iter()
            .flat_map(|(place, end)| [*place, *end])
            .flat_map(u16::to_le_bytes);
        let whole = head.chain(text).collect::<Vec<u8>>();
        Text {
            projection: Arc::downgrade(self),
            lines: u16::try_from(lines.len()).ok(),
            bytes: whole.into(),
        }
    }
}

/// What a principal's identity headers read, for the route that wrote them first: one text that the values of every
/// further answer are slices of.
#[derive(Debug, Default)]
pub struct Written(OnceLock<Box<Text>>);

#[derive(Debug)]
struct Text {
    projection: Weak<Projection>,
    /// How many lines there are; `None` when it is all too large.
    lines: Option<u16>,
    /// For each line which header it is and where its value ends, each two bytes; then the values.
    bytes: Bytes,
}

/// A copy writes anew.
impl Clone for Written {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Text {
    fn put(&self, projection: &Projection, headers: &mut HeaderMap) -> Result<(), IdentityTooLarge> {
        let lines = usize::from(self.lines.ok_or(IdentityTooLarge)?);
        let (head, mut start) = (self.bytes.get(..lines * 4).ok_or(IdentityTooLarge)?, lines * 4);
        for line in head.as_chunks::<4>().0 {
            let [place, end] =
                [[line[0], line[1]], [line[2], line[3]]].map(|pair| usize::from(u16::from_le_bytes(pair)));
            let (name, _) = projection.lines.get(place).ok_or(IdentityTooLarge)?;
            let value = HeaderValue::from_maybe_shared(self.bytes.slice(start..lines * 4 + end));
            headers.append(name.clone(), value.map_err(|_| IdentityTooLarge)?);
            start = lines * 4 + end;
        }
        Ok(())
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
