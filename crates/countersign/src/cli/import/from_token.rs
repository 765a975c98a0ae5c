//! What a token of the people who move says about its issuer and audience, as a hint and no more.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::claims::Value;
use countersign_core::principal::strings;
use countersign_jose::json::parse_object;

/// What it says.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) issuer: Option<String>,
    pub(super) audiences: Vec<String>,
    /// Claims that are missing and will be wanted.
    missing: Vec<&'static str>,
}

impl Claimed {
    /// Reads the payload; `None` when there is none, or it is no JSON object.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = token.trim().split('.').nth(1)?;
        let claims = parse_object(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let issuer = claims.member("iss").and_then(Value::as_str).map(str::to_owned);
        let audiences = strings(claims.member("aud")).map(str::to_owned).collect();
        let wanted = ["exp", "sub"].into_iter();
        let missing = wanted.filter(|name| claims.member(name).is_none()).collect();
        Some(Self {
            issuer: issuer.filter(|issuer| !issuer.is_empty()),
            audiences,
            missing,
        })
    }

    /// What is to be told about it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "the token says, and nobody has checked it: issuer {:?}, audience {:?}",
            self.issuer.as_deref().unwrap_or(""),
            self.audiences
        )];
        if self.audiences.len() > 1 {
            lines.push("it names several audiences: which one is yours, say with --audience".to_owned());
        }
        for name in &self.missing {
            lines.push(format!(
                "it has no `{name}`: tokens like it are refused from now on"
            ));
        }
        lines
    }
}
