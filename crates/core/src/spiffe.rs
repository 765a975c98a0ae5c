//! SPIFFE IDs (the SPIFFE-ID standard, section 2): the name of a workload, `spiffe://trust-domain/path`.
//!
//! Both parts are types of their own, made only when the whole standard holds, and compared as such: no two spellings
//! name one workload, and nothing is cut out of a URI by hand.

use std::fmt;
use std::sync::Arc;

/// The longest SPIFFE ID, in bytes (section 2.3).
pub const MAX_ID_BYTES: usize = 2048;
/// The longest name of a trust domain, in bytes (section 2.3).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

const SCHEME: &str = "spiffe://";

/// Why a text is no SPIFFE ID, or no name of a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// Longer than [`MAX_ID_BYTES`].
    #[error("longer than 2048 bytes")]
    TooLong,
    /// It does not begin with `spiffe://`, in lower case.
    #[error("it does not begin with `spiffe://`")]
    Scheme,
    /// A whole SPIFFE ID where the name of a trust domain alone is wanted.
    #[error("a trust domain is written by its name alone, without `spiffe://`")]
    NotAName,
    /// There is no trust domain.
    #[error("the trust domain is empty")]
    TrustDomainEmpty,
    /// Its trust domain is longer than [`MAX_TRUST_DOMAIN_BYTES`].
    #[error("the trust domain is longer than 255 bytes")]
    TrustDomainTooLong,
    /// There is a user name (`@`) before the trust domain.
    #[error("a user name is before the trust domain")]
    UserInfo,
    /// There is a port, or at least its colon, behind the trust domain.
    #[error("a port is behind the trust domain")]
    Port,
    /// The trust domain holds an upper-case letter.
    #[error("the trust domain holds an upper-case letter")]
    TrustDomainUpperCase,
    /// The trust domain holds something else than lower-case letters, digits, dots, dashes and underscores.
    #[error("the trust domain holds something else than lower-case letters, digits, `.`, `-` and `_`")]
    TrustDomainCharacter,
    /// There is a query.
    #[error("it holds a query")]
    Query,
    /// There is a fragment.
    #[error("it holds a fragment")]
    Fragment,
    /// Something is percent-encoded.
    #[error("it holds a percent escape")]
    PercentEncoding,
    /// The path ends in `/`.
    #[error("the path ends in `/`")]
    TrailingSlash,
    /// A segment of the path is empty.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A segment of the path is `.` or `..`.
    #[error("the path has a segment that is `.` or `..`")]
    DotSegment,
    /// The path holds something else than letters, digits, dots, dashes and underscores.
    #[error("the path holds something else than letters, digits, `.`, `-` and `_`")]
    PathCharacter,
}

/// The name of a trust domain, such as `example.org`: whoever vouches for the workloads in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(Arc<str>);

/// The name of a workload, or of a trust domain itself when the path is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    path: Box<str>,
}

impl TrustDomain {
    /// The trust domain called `name`, which stands alone, without `spiffe://`.
    pub fn parse(name: &str) -> Result<Self, SpiffeIdError> {
        if name.is_empty() {
            return Err(SpiffeIdError::TrustDomainEmpty);
        }
        if name.starts_with(SCHEME) {
            return Err(SpiffeIdError::NotAName);
        }
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {}
                b'A'..=b'Z' => return Err(SpiffeIdError::TrustDomainUpperCase),
                // Both mean user information: `user@` and `user:password@` (RFC 3986 section 3.2.1).
                b':' if !name.contains('@') => return Err(SpiffeIdError::Port),
                b'@' | b':' => return Err(SpiffeIdError::UserInfo),
                other => return Err(delimiter(other).unwrap_or(SpiffeIdError::TrustDomainCharacter)),
            }
        }
        if name.len() > MAX_TRUST_DOMAIN_BYTES {
            return Err(SpiffeIdError::TrustDomainTooLong);
        }
        Ok(Self(name.into()))
    }

    /// The name, as in `example.org`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The SPIFFE ID of the trust domain itself, which has no path.
    pub fn id(&self) -> SpiffeId {
        SpiffeId {
            trust_domain: self.clone(),
            path: "".into(),
        }
    }
}

impl SpiffeId {
    /// Reads a SPIFFE ID, whole.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_ID_BYTES {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = TrustDomain::parse(name)?;
        check_path(path)?;
        Ok(Self {
            trust_domain,
            path: path.into(),
        })
    }

    /// Whose workload it is.
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path, with the slash it begins with; empty when the ID is the trust domain's own.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A path is empty, or segments that each begin with `/` and are not empty (section 2.2).
fn check_path(path: &str) -> Result<(), SpiffeIdError> {
    let Some(segments) = path.strip_prefix('/') else {
        return Ok(());
    };
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    if let Some(other) = segments.bytes().find(|byte| !allowed(byte)) {
        return Err(delimiter(other).unwrap_or(SpiffeIdError::PathCharacter));
    }
    if segments.is_empty() || segments.ends_with('/') {
        return Err(SpiffeIdError::TrailingSlash);
    }
    for segment in segments.split('/') {
        match segment {
            "" => return Err(SpiffeIdError::EmptySegment),
            "." | ".." => return Err(SpiffeIdError::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// What a byte means that begins another part of a URI, or escapes something.
const fn delimiter(byte: u8) -> Option<SpiffeIdError> {
    match byte {
        b'?' => Some(SpiffeIdError::Query),
        b'#' => Some(SpiffeIdError::Fragment),
        b'%' => Some(SpiffeIdError::PercentEncoding),
        _ => None,
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustDomain({self})")
    }
}

/// The whole ID, `spiffe://` included: exactly the text it was read from.
impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.trust_domain, self.path)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpiffeId({self})")
    }
}

#[cfg(test)]
mod tests;
