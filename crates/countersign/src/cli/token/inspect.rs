//! What is in a token, with no word about whether it is true.

use super::shown::{document, harmless, quoted};
use super::tokens::each_token;
use crate::output::Output;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::{Claims, Value};
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::system::SystemClock;
use countersign_jose::json::parse_object;
use countersign_jose::token::{TokenError, UnverifiedToken};

/// How many segments an encrypted token has (RFC 7516 section 7.1).
const ENCRYPTED_SEGMENTS: usize = 5;
/// Claims that are a time, and what happens then.
const TIMES: [(&str, &str); 4] = [
    ("auth_time", "says somebody logged in"),
    ("iat", "says it was issued"),
    ("nbf", "says it is valid from"),
    ("exp", "says it ends"),
];

/// What to look into.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Tokens in compact form; otherwise one a line from standard input.
    tokens: Vec<String>,
    /// One JSON object a line, with `verified`: false.
    #[arg(long)]
    json: bool,
}

/// What a segment holds.
enum Content {
    Object(Claims),
    /// Something else than one strict JSON object: the bytes, as far as they are text.
    Text(String),
    /// Not base64url.
    Nothing,
}

/// Shows each token. Whether all were tokens by their looks.
pub(super) fn run(args: &Args, out: &mut Output) -> Result<bool, String> {
    let mut all = true;
    each_token(&args.tokens, out, |token, out| {
        let seen = Seen::new(token);
        all &= seen.is_token();
        if args.json {
            out.line(&seen.as_json());
        } else {
            seen.lines().iter().for_each(|line| out.line(line));
        }
    })?;
    Ok(all)
}

/// A token as it looks.
struct Seen {
    header: Content,
    /// `None` where it is encrypted, or not there.
    payload: Option<Content>,
    /// Why a gateway refuses it before it asks whose it is.
    refused: Option<TokenError>,
}

impl Seen {
    fn new(token: &str) -> Self {
        let refused = UnverifiedToken::parse(token)
            .and_then(|token| token.issuer_unverified().map(drop))
            .err();
        let encrypted = token.split('.').count() == ENCRYPTED_SEGMENTS;
        let mut segments = token.split('.');
        let header = segments.next().map_or(Content::Nothing, content);
        Self {
            header,
            payload: segments.next().filter(|_| !encrypted).map(content),
            refused,
        }
    }

    fn is_token(&self) -> bool {
        matches!(self.header, Content::Object(_))
    }

    fn as_json(&self) -> String {
        let json = |content: &Content| match content {
            Content::Object(claims) => document(claims, false),
            Content::Text(text) => quoted(text),
            Content::Nothing => "null".to_owned(),
        };
        let payload = self.payload.as_ref().map_or_else(|| "null".to_owned(), json);
        let reason = self
            .refused
            .map(|error| format!(r#","refused_at_sight":"{}""#, error.code()));
        format!(
            r#"{{"verified":false,"header":{},"payload":{payload}{}}}"#,
            json(&self.header),
            reason.unwrap_or_default()
        )
    }

    fn lines(&self) -> Vec<String> {
        let show = |content: &Content| match content {
            Content::Object(claims) => document(claims, true),
            Content::Text(text) => format!("no strict JSON object, but the text {}", quoted(text)),
            Content::Nothing => "no base64url".to_owned(),
        };
        let mut lines = vec!["Nothing here is verified: anybody can write this.".to_owned()];
        lines.push(format!("header: {}", show(&self.header)));
        match &self.payload {
            Some(payload) => lines.push(format!("payload: {}", show(payload))),
            None if self.refused == Some(TokenError::Encrypted) => {
                lines.push("payload: encrypted".to_owned());
            }
            None => lines.push("payload: there is none".to_owned()),
        }
        if let Some(Content::Object(claims)) = &self.payload {
            lines.extend(times(claims));
        }
        if let Some(error) = self.refused {
            lines.push(format!(
                "Any gateway refuses it at sight: {}: {error}",
                error.code()
            ));
        }
        lines.push(String::new());
        lines
    }
}

fn content(segment: &str) -> Content {
    let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(segment) else {
        return Content::Nothing;
    };
    parse_object(&bytes).map_or_else(
        |_| Content::Text(String::from_utf8_lossy(&bytes).into_owned()),
        Content::Object,
    )
}

/// The times a token tells, in a person's spelling.
fn times(claims: &Claims) -> Vec<String> {
    let now = SystemClock::new().now().wall;
    let told = TIMES.into_iter().filter_map(|(name, what)| {
        let number = claims.member(name).and_then(Value::as_number)?;
        let seconds = number
            .as_i64()
            .filter(|seconds| seconds.unsigned_abs() < 1 << 40)?;
        let time = Timestamp::from_seconds(seconds);
        Some(format!(
            "{name} {what}: {}, {}",
            harmless(&time.to_string()),
            distance(time, now)
        ))
    });
    told.collect()
}

fn distance(time: Timestamp, now: Timestamp) -> String {
    let (past, future) = (now.since(time).as_secs(), time.since(now).as_secs());
    let count = match past.max(future) {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    };
    if past > 0 {
        format!("{count} ago")
    } else if future == 0 {
        "now".to_owned()
    } else {
        format!("in {count}")
    }
}
