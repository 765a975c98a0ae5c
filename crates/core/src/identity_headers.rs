//! Identity headers: the closed set we tell the upstream with.
//!
//! [`IdentityHeaders`] is the set: every header any route sends, those of every preset, and a built-in list of names that
//! applications are known to believe. Nothing in it is let through from outside, in any spelling. [`Projection`] is what one route
//! writes: always every configured header, empty where there is no value, so that none of the client's survives.

use crate::gate::Unreadable;
use crate::reason::UnreadableReason;
use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

pub use certificate::{CertificateFact, LISTED_SANS};
pub use fact::{Fact, ListFormat, TokenFact};
pub use projection::{IdentityTooLarge, MAX_IDENTITY_BYTES, Projection, Written};

mod certificate;
mod fact;
mod projection;

/// Names applications are known to believe, whether or not we set them; as they read once folded.
const BUILT_IN: [&str; 13] = [
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-client-san",
    "x-client-verify",
    "x-client-dn",
    "x-client-subject",
    "x-arr-clientcert",
    "client-cert",
    "x-original-client-cert",
];

/// Beginnings of such names.
const BUILT_IN_PREFIXES: [&str; 8] = [
    "x-auth-request-",
    "x-webauth-",
    "x-ssl-",
    "ssl-client-",
    "client-cert-",
    // Of Kong and Google's load balancers, and of Apache NiFi.
    "x-client-cert",
    "x-proxiedentit",
    "x-forwarded-tls-client-cert",
];

/// The closed set.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    configured: Box<[HeaderName]>,
    folded: Box<[Box<str>]>,
    initials: Initials,
}

/// The letters names of the set begin with: most headers begin with another, and are looked at no further.
#[derive(Clone, Copy, Debug)]
struct Initials(u32);

impl Initials {
    fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.fold(0, |mask, name| mask | Self::bit(name)))
    }

    /// Whether a name of the set may begin as `name` does.
    fn may_hold(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    /// The bit of a small letter; everything else shares one.
    fn bit(name: &str) -> u32 {
        match name.as_bytes().first() {
            Some(letter @ b'a'..=b'z') => 1 << (letter - b'a'),
            Some(_) | None => 1 << 31,
        }
    }
}

/// Nothing is configured: the built-in names alone.
impl Default for IdentityHeaders {
    fn default() -> Self {
        Self::new([])
    }
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
        // An application that was told by one preset may go on believing it after the configuration names another.
        let presets = PRESETS.iter().filter_map(|name| preset(name)).flatten();
        let folded = names
            .iter()
            .map(|name| folded(name.as_str()).into())
            .chain(presets.map(|(name, _)| name.as_str().into()))
            .collect::<Box<[Box<str>]>>();
        let built_in = BUILT_IN.iter().chain(&BUILT_IN_PREFIXES).copied();
        Self {
            configured: names.into(),
            initials: Initials::of(folded.iter().map(|name| &**name).chain(built_in)),
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
        if !self.initials.may_hold(name.as_str()) {
            return false;
        }
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
    /// this listener reads from its trusted peer: they are left alone.
    pub fn strip_or_refuse(
        &self,
        headers: &mut HeaderMap,
        read_here: &[HeaderName],
    ) -> Result<(), Unreadable> {
        let found = headers
            .keys()
            .filter(|name| !read_here.contains(name) && self.holds(name))
            .cloned()
            .collect::<Vec<_>>();
        for name in found {
            if self.configured.contains(&name) {
                headers.remove(name);
            } else {
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

/// The presets by name: what each header says. `none` is the empty one.
pub fn preset(name: &str) -> Option<Vec<(HeaderName, Fact)>> {
    use CertificateFact as Of;
    use Fact::{Claim, Email, Groups, Subject};
    let of = Fact::Certificate;
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
        "nginx" => vec![
            ("x-ssl-san", of(Of::san())),
            ("x-ssl-client", of(Of::Subject)),
            ("x-ssl-client-issuer", of(Of::Issuer)),
            ("x-ssl-client-verify", of(Of::Verify)),
            ("x-ssl-client-cert", of(Of::EscapedPem)),
            ("x-ssl-san-typed", of(Of::TypedSan)),
            ("x-ssl-client-serial", of(Of::Serial)),
            ("x-ssl-client-fingerprint", of(Of::Fingerprint)),
        ],
        "rfc9440" => vec![
            ("client-cert", of(Of::ClientCert)),
            ("client-cert-chain", of(Of::ClientCertChain)),
        ],
        "xfcc" => vec![("x-forwarded-client-cert", of(Of::Xfcc))],
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
pub const PRESETS: &[&str] = &[
    "x-auth",
    "x-auth-request",
    "remote",
    "nginx",
    "rfc9440",
    "xfcc",
    "none",
];

#[cfg(test)]
mod tests;
