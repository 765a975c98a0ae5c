//! One thing an identity header can say, and how it is spelt in a header line.

use super::certificate::CertificateFact;
use crate::certificate::Verdict;
use crate::claims::{ClaimPath, Value};
use crate::principal::Principal;
use std::fmt::Write as _;

/// What an identity header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The subject.
    Subject,
    /// Who vouches for the subject.
    Issuer,
    /// The groups, a list.
    Groups,
    /// The scopes, a list.
    Scopes,
    /// The e-mail address, when verified.
    Email,
    /// The authenticator that proved the principal, as the configuration names it.
    Authenticator,
    /// Whatever a claim says.
    Claim(ClaimPath),
    /// A token of the session, as the provider gave it.
    Token(TokenFact),
    /// Something of the client's certificate, whoever was let in.
    Certificate(CertificateFact),
}

/// Which token of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFact {
    /// The access token.
    Access,
    /// The ID Token.
    Id,
    /// The refresh token.
    Refresh,
}

impl TokenFact {
    /// The token of `principal`, if there is one.
    pub(super) fn of(self, principal: &Principal) -> &str {
        let tokens = principal.tokens.as_ref();
        let token = tokens.and_then(|tokens| match self {
            Self::Access => tokens.access.as_ref(),
            Self::Id => tokens.id.as_ref(),
            Self::Refresh => tokens.refresh.as_ref(),
        });
        token.map_or("", |token| token.expose())
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ListFormat {
    /// Joined with `,`; an element that holds `,`, `%`, a control byte or a space at an end is percent-encoded there.
    #[default]
    Comma,
    /// A JSON array in one line.
    Json,
    /// One header line per element. For proxy mode only: nginx keeps the first line alone.
    Lines,
}

impl Fact {
    /// Reads what `[identity_headers.add]` writes: `subject`, `issuer`, `groups`, `scopes`, `email`, `authenticator`,
    /// `access_token`, `id_token`, `refresh_token`, `certificate.` and a word, or `claims.` and a path.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "subject" => Self::Subject,
            "issuer" => Self::Issuer,
            "groups" => Self::Groups,
            "scopes" => Self::Scopes,
            "email" => Self::Email,
            "authenticator" => Self::Authenticator,
            "access_token" => Self::Token(TokenFact::Access),
            "id_token" => Self::Token(TokenFact::Id),
            "refresh_token" => Self::Token(TokenFact::Refresh),
            other => match other.strip_prefix("certificate.") {
                Some(word) => Self::Certificate(CertificateFact::parse(word)?),
                None => Self::Claim(ClaimPath::parse(other.strip_prefix("claims.")?)?),
            },
        })
    }

    /// Hands the lines to write for `principal` to `out`: at least one, empty where there is nothing to say.
    pub(super) fn write(
        &self,
        principal: &Principal,
        certificate: &Verdict,
        format: ListFormat,
        only_groups: Option<&[Box<str>]>,
        out: &mut dyn FnMut(&[u8]),
    ) {
        match self {
            Self::Subject => out(line(principal.subject())),
            Self::Issuer => out(line(&principal.issuer)),
            Self::Email => out(line(principal.email().unwrap_or(""))),
            Self::Authenticator => out(line(&principal.authenticator)),
            Self::Token(token) => out(line(token.of(principal))),
            Self::Scopes => write_list(principal.scopes(), format, out),
            Self::Groups => match only_groups {
                None => write_list(principal.groups(), format, out),
                Some(only) => {
                    let named = principal
                        .groups()
                        .filter(|group| only.iter().any(|one| **one == **group));
                    write_list(named, format, out);
                }
            },
            Self::Certificate(fact) => out(line(&fact.text(certificate))),
            Self::Claim(path) => match principal.claims.at(path) {
                None | Some(Value::Null) => out(b""),
                Some(Value::String(text)) => out(line(text)),
                Some(Value::Number(number)) => out(line(number.as_str())),
                Some(Value::Bool(value)) => {
                    out(if value { b"true" } else { b"false" });
                }
                Some(Value::Array(items)) => match items.map(plain).collect::<Option<Vec<_>>>() {
                    Some(elements) => write_list(elements.iter().map(|element| &**element), format, out),
                    None => out(line(&json(Value::Array(items)))),
                },
                Some(object @ Value::Object(_)) => out(line(&json(object))),
            },
        }
    }
}

/// The text of a scalar.
fn plain(value: Value<'_>) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.as_str().into()),
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One value in one line, as it is, in UTF-8. A value that would read otherwise once it arrived (control bytes, white
/// space at an end) is left out: an empty line grants nothing, an altered name might be somebody else's.
fn line(text: &str) -> &[u8] {
    let padded = text.trim().len() != text.len();
    if padded || text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        b""
    } else {
        text.as_bytes()
    }
}

fn write_list<'a>(elements: impl Iterator<Item = &'a str>, format: ListFormat, out: &mut dyn FnMut(&[u8])) {
    let mut text = String::new();
    match format {
        ListFormat::Comma => {
            for (index, element) in elements.enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                push_encoded(&mut text, element);
            }
            out(line(&text));
        }
        ListFormat::Json => {
            text.push('[');
            for (index, element) in elements.enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                push_json_string(&mut text, element);
            }
            text.push(']');
            out(line(&text));
        }
        ListFormat::Lines => {
            let mut any = false;
            for element in elements {
                any = true;
                text.clear();
                push_encoded(&mut text, element);
                out(line(&text));
            }
            if !any {
                out(b"");
            }
        }
    }
}

fn push_encoded(out: &mut String, element: &str) {
    let odd = |byte: u8| byte <= b' ' || byte == b',' || byte == b'%' || byte >= 0x7f;
    if !element.bytes().any(odd) {
        out.push_str(element);
        return;
    }
    let last = element.chars().count().saturating_sub(1);
    for (index, character) in element.chars().enumerate() {
        let at_an_end = index == 0 || index == last;
        match character {
            ',' | '%' | '\0'..='\x1f' | '\x7f' => push_escape(out, character),
            other if at_an_end && other.is_whitespace() => push_escape(out, other),
            other => out.push(other),
        }
    }
}

fn push_escape(out: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(out, "%{byte:02X}");
    }
}

/// `value` as JSON in one line, without spaces.
fn json(value: Value<'_>) -> String {
    let mut out = String::new();
    push_json(&mut out, value);
    out
}

fn push_json(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => push_json_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                push_json(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, item)) in members.enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                push_json_string(out, key);
                out.push(':');
                push_json(out, item);
            }
            out.push('}');
        }
    }
}

pub(super) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\x1f' | '\x7f' => {
                let _: std::fmt::Result = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
