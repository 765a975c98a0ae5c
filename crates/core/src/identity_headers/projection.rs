//! What one route writes of a principal, and the text of it that the principal keeps.

use super::{Fact, IdentityHeaders, ListFormat, TokenFact};
use crate::certificate::Verdict;
use crate::decide::Permit;
use crate::principal::Principal;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::{Arc, OnceLock, Weak};

/// The headers of an answer to a sub-request stay under this, names and separators included: nginx reads an answer's
/// head into one buffer, which the examples set to 16 KiB.
pub const MAX_IDENTITY_BYTES: usize = 12 * 1024;
/// What a header that carries a whole certificate may add to that. The examples for certificates set 32 KiB, in which one of
/// 8 KB fits that is nothing but names, though each of those is told three times.
const MAX_CERTIFICATE_HEADER_BYTES: usize = 18 * 1024;
/// What a header that carries a token of a session may add: as long as tokens are that are read.
const MAX_TOKEN_HEADER_BYTES: usize = 16 * 1024;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What one route writes.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    lines: Box<[(HeaderName, Option<Fact>)]>,
    format: ListFormat,
    only_groups: Option<Box<[Box<str>]>>,
    /// Tokens of the session that go as cookies, by the names of those.
    cookies: Box<[(Box<str>, TokenFact)]>,
    /// Whether a line tells of the certificate: then the text is not the principal's alone, and not kept with it.
    tells_certificate: bool,
    limit: usize,
    /// The head of an answer that allows, every identity header in it empty and in the order of `lines`: a copy is filled
    /// in without looking up a name.
    answer: HeaderMap,
    is_in_order: bool,
}

/// The identity is larger than [`Projection::limit`]: it is refused, never cut.
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
        let empty = |name: &HeaderName| (name.clone(), HeaderValue::from_static(""));
        let mut answer = set.configured().iter().map(empty).collect::<HeaderMap>();
        answer.append(CACHE_CONTROL, NO_STORE);
        answer.append(COOKIE, HeaderValue::from_static(""));
        let told = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Certificate(fact) => Some(fact),
            Fact::Subject
            | Fact::Issuer
            | Fact::Groups
            | Fact::Scopes
            | Fact::Email
            | Fact::Authenticator
            | Fact::Token(_)
            | Fact::Claim(_) => None,
        });
        let tokens = facts
            .iter()
            .filter(|(_, fact)| matches!(fact, Fact::Token(_)))
            .count();
        let long = told.clone().filter(|fact| fact.is_long()).count();
        let is_in_order = answer.keys().zip(set.configured()).all(|(own, name)| own == name);
        Self {
            lines,
            format,
            only_groups,
            cookies: Box::default(),
            tells_certificate: told.count() > 0,
            limit: MAX_IDENTITY_BYTES
                + long.min(3) * MAX_CERTIFICATE_HEADER_BYTES
                + tokens.min(3) * MAX_TOKEN_HEADER_BYTES,
            answer,
            is_in_order,
        }
    }

    /// The same, and these tokens of a session as cookies.
    #[must_use]
    pub fn with_cookies(mut self, cookies: Vec<(Box<str>, TokenFact)>) -> Self {
        self.cookies = cookies.into();
        self
    }

    /// The client's own cookies as `left` of those that are ours, and behind them the tokens that go as cookies; `None` where
    /// there is neither. A token that no cookie can hold (RFC 6265 section 4.1.1) is left out.
    pub fn cookies(&self, principal: &Principal, left: Option<HeaderValue>) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return left;
        }
        let tokens = self
            .cookies
            .iter()
            .map(|(name, token)| (name, token.of(principal)));
        let tokens = tokens.filter(|(_, token)| !token.is_empty() && token.bytes().all(is_in_cookies));
        let mut line = left
            .as_ref()
            .map_or_else(Vec::new, |left| left.as_bytes().to_vec());
        for (name, token) in tokens {
            line.extend_from_slice(if line.is_empty() { b"" } else { b"; " });
            line.extend_from_slice(format!("{name}={token}").as_bytes());
        }
        if line.is_empty() {
            return left;
        }
        HeaderValue::from_bytes(&line).ok()
    }

    /// Whether some token goes as a cookie.
    pub const fn tells_by_cookie(&self) -> bool {
        !self.cookies.is_empty()
    }

    /// How large the headers of an answer may be, in bytes, names and separators included.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Writes the identity headers of `permit` into `headers`, one line each (or one per element with
    /// [`ListFormat::Lines`]), in order.
    pub fn write(self: &Arc<Self>, permit: &Permit, headers: &mut HeaderMap) -> Result<(), IdentityTooLarge> {
        self.with_text(permit, |text| text.append(self, headers))
    }

    /// The head of an answer that allows: the identity headers of `permit`, that nobody may keep them, and an empty line for the
    /// client's cookies, to be filled in or taken out. (A line that came later would make the whole head move.)
    pub fn answer(self: &Arc<Self>, permit: &Permit) -> Result<HeaderMap, IdentityTooLarge> {
        self.with_text(permit, |text| {
            if text.count() != Some(self.lines.len()) || !self.is_in_order {
                let mut headers = HeaderMap::new();
                text.append(self, &mut headers)?;
                headers.insert(CACHE_CONTROL, NO_STORE);
                headers.insert(COOKIE, HeaderValue::from_static(""));
                return Ok(headers);
            }
            let mut headers = self.answer.clone();
            for (empty, line) in headers.values_mut().zip(text.lines(self)?) {
                (_, *empty) = line?;
            }
            Ok(headers)
        })
    }

    fn with_text<T>(self: &Arc<Self>, permit: &Permit, then: impl FnOnce(&Text) -> T) -> T {
        let (principal, certificate) = (permit.principal(), permit.certificate());
        if self.tells_certificate {
            return then(&self.text_of(principal, certificate));
        }
        let written = principal
            .written
            .0
            .get_or_init(|| Box::new(self.text_of(principal, certificate)));
        if Weak::as_ptr(&written.projection) == Arc::as_ptr(self) {
            return then(written);
        }
        // Another route's set: the principal keeps the text of the first.
        then(&self.text_of(principal, certificate))
    }

    fn text_of(self: &Arc<Self>, principal: &Principal, certificate: &Verdict) -> Text {
        let only = self.only_groups.as_deref();
        let (mut text, mut lines, mut bytes) = (Vec::new(), Vec::with_capacity(self.lines.len()), 0);
        for (place, (name, fact)) in (0_u16..).zip(&self.lines) {
            let mut push = |value: &[u8]| {
                bytes += name.as_str().len() + value.len() + 4;
                text.extend_from_slice(value);
                lines.push((place, u16::try_from(text.len()).unwrap_or(u16::MAX)));
            };
            match fact {
                Some(fact) => fact.write(principal, certificate, self.format, only, &mut push),
                None => push(b""),
            }
        }
        if bytes > self.limit {
            return Text {
                projection: Arc::downgrade(self),
                lines: None,
                bytes: Bytes::new(),
            };
        }
        // Places and ends stand before the text, so that all of it is one block. Both are below the
        // limit, which two bytes hold.
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

/// Whether a cookie's value can hold it: visible, and no sign that ends one.
const fn is_in_cookies(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
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
    /// Each line's name and value, in order.
    fn lines<'t>(
        &'t self,
        projection: &'t Projection,
    ) -> Result<impl Iterator<Item = Result<(&'t HeaderName, HeaderValue), IdentityTooLarge>>, IdentityTooLarge>
    {
        let first = self.count().ok_or(IdentityTooLarge)? * 4;
        let head = self.bytes.get(..first).ok_or(IdentityTooLarge)?;
        let mut start = first;
        Ok(head.as_chunks::<4>().0.iter().map(move |line| {
            let [place, end] =
                [[line[0], line[1]], [line[2], line[3]]].map(|pair| usize::from(u16::from_le_bytes(pair)));
            let (name, _) = projection.lines.get(place).ok_or(IdentityTooLarge)?;
            let value = HeaderValue::from_maybe_shared(self.bytes.slice(start..first + end));
            start = first + end;
            Ok((name, value.map_err(|_| IdentityTooLarge)?))
        }))
    }

    fn append(&self, projection: &Projection, headers: &mut HeaderMap) -> Result<(), IdentityTooLarge> {
        for line in self.lines(projection)? {
            let (name, value) = line?;
            headers.append(name.clone(), value);
        }
        Ok(())
    }

    /// How many lines there are; `None` when it is all too large.
    fn count(&self) -> Option<usize> {
        self.lines.map(usize::from)
    }
}
