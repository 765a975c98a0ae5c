//! A session as bytes: what is sealed and kept.
//!
//! One byte of format, four of the head's length (big-endian), the head as one JSON object, and then the claims as they
//! are, to the end: they are most of a record, and outside the head no quote of theirs is escaped. A format that is not
//! known, and a head with a member that is not, are refused: what a later version writes is not half understood here.

use super::SessionRecord;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// The longest record, in bytes, before it is sealed.
pub const MAX_RECORD_BYTES: usize = 128 * 1024;

/// The format that is written and read.
const FORMAT: u8 = 1;
/// What stands before the head: the format and the head's length.
const BEFORE_HEAD: usize = 5;
/// What a head takes beside its strings, in bytes, at most: so much is had at once, so that no copy with tokens in it
/// is left behind by growing.
const HEAD_BYTES: usize = 320;

/// Why bytes are no session, or a session no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It would be too long.
    #[error("{0} bytes: a session is at most {MAX_RECORD_BYTES}")]
    TooLong(usize),
    /// Another version's format.
    #[error("format {0} is not known")]
    Format(u8),
    /// It ends too early.
    #[error("it ends too early")]
    Cut,
    /// The head is not what a head is.
    #[error("its head cannot be read")]
    Head,
    /// The claims are no text.
    #[error("its claims are no text")]
    Claims,
}

/// Everything but the claims, under short names: there are a million of them.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    #[serde(rename = "l", borrow)]
    login: Cow<'a, str>,
    #[serde(rename = "i", borrow)]
    issuer: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    client_id: Cow<'a, str>,
    #[serde(rename = "h", borrow)]
    host: Cow<'a, str>,
    /// Milliseconds since the epoch, as all times here.
    #[serde(rename = "b")]
    began: i64,
    #[serde(rename = "e")]
    ends: i64,
    /// Milliseconds.
    #[serde(rename = "d")]
    idle: u64,
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    remember: bool,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    sid: Option<Cow<'a, str>>,
    #[serde(rename = "t", borrow, default, skip_serializing_if = "Option::is_none")]
    id_token: Option<Cow<'a, str>>,
    #[serde(rename = "a", borrow, default, skip_serializing_if = "Option::is_none")]
    access_token: Option<Cow<'a, str>>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    access_ends: Option<i64>,
    #[serde(rename = "r", borrow, default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Cow<'a, str>>,
    #[serde(rename = "n")]
    renewed: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

fn token(secret: Option<&Secret<String>>) -> Option<Cow<'_, str>> {
    secret.map(|secret| Cow::Borrowed(secret.expose().as_str()))
}

fn secret(token: Option<Cow<'_, str>>) -> Option<Secret<String>> {
    token.map(|token| Secret::new(token.into_owned()))
}

impl SessionRecord {
    /// The record as bytes.
    pub fn to_bytes(&self) -> Result<Secret<Vec<u8>>, RecordError> {
        let head = Head {
            login: Cow::Borrowed(&self.login),
            issuer: Cow::Borrowed(&self.issuer),
            client_id: Cow::Borrowed(&self.client_id),
            host: Cow::Borrowed(&self.host),
            began: self.began.milliseconds(),
            ends: self.ends.milliseconds(),
            idle: u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX),
            remember: self.remember,
            sid: self.sid.as_deref().map(Cow::Borrowed),
            id_token: token(self.id_token.as_ref()),
            access_token: token(self.access_token.as_ref()),
            access_ends: self.access_ends.map(Timestamp::milliseconds),
            refresh_token: token(self.refresh_token.as_ref()),
            renewed: self.renewed.milliseconds(),
        };
        let strings = [&head.login, &head.issuer, &head.client_id, &head.host];
        let tokens = [&head.sid, &head.id_token, &head.access_token, &head.refresh_token];
        let room = strings.iter().map(|text| text.len()).sum::<usize>()
            + tokens
                .iter()
                .filter_map(|text| text.as_ref())
                .map(|text| text.len())
                .sum::<usize>();
        let mut bytes = Vec::with_capacity(room + self.claims.len() + HEAD_BYTES);
        bytes.extend_from_slice(&[FORMAT, 0, 0, 0, 0]);
        serde_json::to_writer(&mut bytes, &head).map_err(|_| RecordError::Head)?;
        let length =
            u32::try_from(bytes.len() - BEFORE_HEAD).map_err(|_| RecordError::TooLong(bytes.len()))?;
        for (place, byte) in bytes.iter_mut().skip(1).zip(length.to_be_bytes()) {
            *place = byte;
        }
        bytes.extend_from_slice(self.claims.as_bytes());
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLong(bytes.len()));
        }
        Ok(Secret::new(bytes))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let (format, rest) = bytes.split_first().ok_or(RecordError::Cut)?;
        if *format != FORMAT {
            return Err(RecordError::Format(*format));
        }
        let (length, rest) = rest.split_first_chunk().ok_or(RecordError::Cut)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| RecordError::Cut)?;
        let (head, claims) = rest.split_at_checked(length).ok_or(RecordError::Cut)?;
        // What serde says of it could quote a token.
        let head: Head<'_> = serde_json::from_slice(head).map_err(|_| RecordError::Head)?;
        Ok(Self {
            login: head.login.into(),
            issuer: head.issuer.into(),
            client_id: head.client_id.into(),
            host: head.host.into(),
            began: Timestamp::from_milliseconds(head.began),
            ends: Timestamp::from_milliseconds(head.ends),
            idle: Duration::from_millis(head.idle),
            remember: head.remember,
            claims: std::str::from_utf8(claims)
                .map_err(|_| RecordError::Claims)?
                .into(),
            sid: head.sid.map(Into::into),
            id_token: secret(head.id_token),
            access_token: secret(head.access_token),
            access_ends: head.access_ends.map(Timestamp::from_milliseconds),
            refresh_token: secret(head.refresh_token),
            renewed: Timestamp::from_milliseconds(head.renewed),
        })
    }

    /// The subject (`sub`) of the claims, by which its sessions are found. `None` when they name none.
    pub fn subject(&self) -> Option<Box<str>> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            sub: Option<Cow<'a, str>>,
        }
        let named: Named<'_> = serde_json::from_str(&self.claims).ok()?;
        named.sub.filter(|sub| !sub.is_empty()).map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures;

    fn told(record: &SessionRecord) -> String {
        let tokens = [&record.id_token, &record.access_token, &record.refresh_token];
        let tokens = tokens.map(|token| token.as_ref().map(|token| token.expose().clone()));
        format!("{record:?} {tokens:?}")
    }

    #[test]
    fn a_record_reads_back_as_what_was_written() {
        let whole = fixtures::with_tokens();
        let plain = fixtures::record();
        let empty = SessionRecord {
            login: "".into(),
            claims: "".into(),
            host: "\"\u{1}\\é".into(),
            remember: false,
            sid: None,
            ..fixtures::record()
        };
        for record in [whole, plain, empty] {
            let bytes = record.to_bytes().unwrap();
            let again = SessionRecord::from_bytes(bytes.expose()).unwrap();
            assert_eq!(told(&again), told(&record));
        }
    }

    #[test]
    fn a_record_without_tokens_is_not_much_more_than_its_claims() {
        let record = fixtures::record();
        let bytes = record.to_bytes().unwrap().expose().len();
        assert!(bytes < record.claims.len() + 260, "{bytes} bytes");
        assert!(bytes < 540, "{bytes} bytes");
    }

    #[test]
    fn what_is_not_wholly_understood_is_refused() {
        let bytes = fixtures::record().to_bytes().unwrap().expose().clone();
        let read = |bytes: &[u8]| SessionRecord::from_bytes(bytes).map(drop);
        for length in 0..BEFORE_HEAD {
            assert_eq!(read(&bytes[..length]), Err(RecordError::Cut));
        }
        assert_eq!(read(&bytes[..60]), Err(RecordError::Cut));
        let mut later = bytes.clone();
        later[0] = 2;
        assert_eq!(read(&later), Err(RecordError::Format(2)));
        let mut latin = bytes.clone();
        latin.push(0xe9);
        assert_eq!(read(&latin), Err(RecordError::Claims));
        assert_eq!(read(&[0; 0]), Err(RecordError::Cut));
        let more = String::from_utf8(bytes[BEFORE_HEAD..].to_vec()).unwrap();
        for head in [
            more.replacen("{\"l\"", "{\"z\":1,\"l\"", 1),
            more.replacen("{\"l\"", "{\"l\":\"x\",\"l\"", 1),
            more.replacen("\"l\"", "\"k\"", 1),
        ] {
            let length = u32::try_from(head.find('}').unwrap() + 1).unwrap();
            let wrong = [&[FORMAT], length.to_be_bytes().as_slice(), head.as_bytes()].concat();
            assert_eq!(read(&wrong), Err(RecordError::Head), "{head}");
        }
    }

    #[test]
    fn a_record_has_a_greatest_length_both_ways() {
        let long = SessionRecord {
            claims: "x".repeat(MAX_RECORD_BYTES).into(),
            ..fixtures::record()
        };
        assert!(matches!(long.to_bytes(), Err(RecordError::TooLong(_))));
        assert_eq!(
            SessionRecord::from_bytes(&vec![1; MAX_RECORD_BYTES + 1]).map(drop),
            Err(RecordError::TooLong(MAX_RECORD_BYTES + 1))
        );
    }

    #[test]
    fn the_subject_is_the_claims() {
        let of = |claims: &str| {
            let claims = claims.into();
            SessionRecord {
                claims,
                ..fixtures::record()
            }
            .subject()
        };
        assert_eq!(of(r#"{"a":{"sub":"no"},"sub":"a\nn"}"#).as_deref(), Some("a\nn"));
        for none in ["{}", r#"{"sub":""}"#, r#"{"sub":7}"#, "", "[]"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
