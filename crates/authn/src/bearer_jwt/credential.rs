//! Where the token stands, and the one spelling in which it is taken.

use countersign_core::authn::Presented;
use countersign_core::certificate::PresentedCertificate;
use countersign_core::credential_place::{CredentialPlace, cookie_name, query_name};
use countersign_core::gate::{Host, Scheme};
use countersign_core::reason::RejectionReason;
use countersign_core::request::OriginalRequest;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};

/// Where one authenticator looks.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    header: HeaderName,
    grammar: Grammar,
    cookie: Option<Box<str>>,
    query: Box<[Box<str>]>,
    all: Box<[CredentialPlace]>,
}

/// How the header's value holds the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// `Bearer token` (RFC 6750 section 2.1), the scheme without regard to case.
    Bearer {
        /// Whether the token alone will do.
        allow_bare: bool,
    },
    /// Exactly this text and then the token. Empty for the token alone.
    Prefix(Box<str>),
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Search<'r> {
    /// No credential of this kind.
    Absent,
    /// One candidate, in one place: nobody looked at its characters yet.
    Token(Candidate<'r>),
    /// Something that is meant as a token, or two of them.
    Refused(RejectionReason, Presented, &'static str),
}

/// What stands where a token is expected. A token that was verified a short while ago is known by its bytes; any other
/// is looked at character by character first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate<'r> {
    bytes: &'r [u8],
    pub(crate) presented: Presented,
    /// The certificate that came with it.
    pub(crate) certificate: Option<&'r PresentedCertificate>,
    /// Where it was shown.
    pub(crate) shown: Shown<'r>,
    /// What is said when it is no token.
    otherwise: (RejectionReason, &'static str),
}

/// Where a token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown<'r> {
    /// It did not come with a request.
    Nowhere,
    /// Over plain http.
    InTheClear,
    /// At this host, by https.
    At(&'r Host),
}

impl<'r> Candidate<'r> {
    /// A token that did not come with a request.
    pub(crate) const fn alone(token: &'r str) -> Self {
        Self::of(token.as_bytes(), Presented::Explicit)
    }

    const fn of(bytes: &'r [u8], presented: Presented) -> Self {
        Self {
            bytes,
            presented,
            certificate: None,
            shown: Shown::Nowhere,
            otherwise: (RejectionReason::TokenMalformed, "not made of token characters"),
        }
    }

    /// Every byte of it, unread.
    pub(crate) const fn bytes(&self) -> &'r [u8] {
        self.bytes
    }

    /// The text, when each byte may stand in a token (RFC 6750 section 2.1: `b64token`).
    pub(crate) fn text(&self) -> Result<&'r str, (RejectionReason, &'static str)> {
        let padding = self.bytes.iter().rev().take_while(|byte| **byte == b'=').count();
        let body = self.bytes.get(..self.bytes.len() - padding).unwrap_or(self.bytes);
        if body.is_empty() || !body.iter().all(|byte| is_token_byte(*byte)) {
            return Err(self.otherwise);
        }
        std::str::from_utf8(self.bytes).map_err(|_| self.otherwise)
    }
}

impl Places {
    pub(crate) fn new(header: HeaderName, grammar: Grammar, cookie: Option<&str>, query: &[&str]) -> Self {
        let mut all = vec![CredentialPlace::Header(header.clone())];
        all.extend(cookie.map(|name| CredentialPlace::Cookie(name.into())));
        all.extend(query.iter().map(|name| CredentialPlace::Query((*name).into())));
        Self {
            header,
            grammar,
            cookie: cookie.map(Into::into),
            query: query.iter().map(|name| (*name).into()).collect(),
            all: all.into(),
        }
    }

    pub(crate) fn all(&self) -> &[CredentialPlace] {
        &self.all
    }

    /// Looks in every place; more than one token is none.
    pub(crate) fn search<'r>(&self, request: &'r OriginalRequest) -> Search<'r> {
        let found = [
            self.in_header(request),
            self.in_query(request),
            self.in_cookie(request),
        ];
        let mut found = found.into_iter().filter(|search| *search != Search::Absent);
        match (found.next(), found.next()) {
            (None, _) => Search::Absent,
            (Some(Search::Token(one)), None) => Search::Token(Candidate {
                certificate: request.certificate.presented.as_deref(),
                shown: match request.scheme {
                    Scheme::Https => Shown::At(&request.host),
                    Scheme::Http => Shown::InTheClear,
                },
                ..one
            }),
            (Some(one), None) => one,
            (Some(_), Some(_)) => Search::Refused(
                RejectionReason::CredentialAmbiguous,
                Presented::Explicit,
                "in more than one place",
            ),
        }
    }

    fn in_header<'r>(&self, request: &'r OriginalRequest) -> Search<'r> {
        let mut lines = request.headers.get_all(&self.header).iter();
        let (first, more) = (lines.next(), lines.next().is_some());
        let Some(first) = first else {
            return Search::Absent;
        };
        if more {
            let mut lines = request.headers.get_all(&self.header).iter();
            let ours = lines.any(|line| self.in_line(line) != Search::Absent);
            return if ours {
                malformed("more than one line")
            } else {
                Search::Absent
            };
        }
        self.in_line(first)
    }

    fn in_line<'r>(&self, line: &'r HeaderValue) -> Search<'r> {
        match &self.grammar {
            Grammar::Bearer { allow_bare } => bearer(line, *allow_bare),
            Grammar::Prefix(prefix) => {
                let Some(rest) = line.as_bytes().strip_prefix(prefix.as_bytes()) else {
                    // In Authorization another text is another scheme, and not ours to judge.
                    return if self.header == AUTHORIZATION {
                        Search::Absent
                    } else {
                        malformed("without the prefix")
                    };
                };
                Search::Token(Candidate::of(rest, Presented::Explicit))
            }
        }
    }

    fn in_query<'r>(&self, request: &'r OriginalRequest) -> Search<'r> {
        if self.query.is_empty() {
            return Search::Absent;
        }
        let pairs = request.target.query().unwrap_or("").split('&');
        let mut ours = pairs.filter(|pair| {
            let name = query_name(pair);
            self.query.iter().any(|wanted| **wanted == *name)
        });
        match (ours.next(), ours.next()) {
            (None, _) => Search::Absent,
            (Some(pair), None) => {
                let value = pair.split_once('=').map_or("", |(_, value)| value);
                Search::Token(Candidate::of(value.as_bytes(), Presented::Explicit))
            }
            (Some(_), Some(_)) => Search::Refused(
                RejectionReason::CredentialAmbiguous,
                Presented::Explicit,
                "more than once in the query",
            ),
        }
    }

    fn in_cookie<'r>(&self, request: &'r OriginalRequest) -> Search<'r> {
        let Some(wanted) = &self.cookie else {
            return Search::Absent;
        };
        let lines = request.headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut ours = pairs.filter(|pair| cookie_name(pair) == wanted.as_bytes());
        match (ours.next(), ours.next()) {
            (None, _) => Search::Absent,
            (Some(pair), None) => {
                let value = pair.iter().position(|byte| *byte == b'=');
                let value = value.and_then(|at| pair.get(at + 1..)).unwrap_or(b"");
                Search::Token(Candidate::of(value.trim_ascii(), Presented::Ambient))
            }
            (Some(_), Some(_)) => Search::Refused(
                RejectionReason::CredentialAmbiguous,
                Presented::Ambient,
                "more than once in the cookies",
            ),
        }
    }
}

/// `Bearer`, one space, one token. What does not begin with `Bearer` is another scheme and absent here, but for a bare
/// JWT, which is meant for us.
fn bearer(line: &HeaderValue, allow_bare: bool) -> Search<'_> {
    let value = line.as_bytes();
    let end = value
        .iter()
        .position(|byte| !is_tchar(*byte))
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if scheme.eq_ignore_ascii_case(b"bearer") {
        let wrong = "not `Bearer`, one space, one token";
        return rest.strip_prefix(b" ").map_or(malformed(wrong), |bytes| {
            Search::Token(Candidate {
                certificate: None,
                shown: Shown::Nowhere,
                bytes,
                presented: Presented::Explicit,
                otherwise: (RejectionReason::AuthorizationMalformed, wrong),
            })
        });
    }
    let bare = !value.contains(&b' ') && value.split(|byte| *byte == b'.').count() >= 3;
    match (bare, allow_bare) {
        (true, true) => Search::Token(Candidate::of(value, Presented::Explicit)),
        (true, false) => malformed("a token without its scheme, and `allow_bare` is off"),
        (false, _) if scheme.is_empty() => malformed("it does not begin with a scheme"),
        (false, _) => Search::Absent,
    }
}

fn malformed(detail: &'static str) -> Search<'static> {
    Search::Refused(
        RejectionReason::AuthorizationMalformed,
        Presented::Explicit,
        detail,
    )
}

/// Whether a byte may stand in a token, its padding aside.
const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// Whether a byte may stand in the name of a scheme (RFC 9110 section 5.6.2).
const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests;
