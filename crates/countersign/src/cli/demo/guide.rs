//! What the demo says: its configuration, and what to try.

use super::{DemoError, KID};
use countersign_core::time::Clock as _;
use countersign_edge::system::SystemClock;
use countersign_jose::sign::SigningKey;
use std::net::SocketAddr;

/// An hour, in seconds.
const HOUR: i64 = 3600;

/// Who signs.
#[derive(Debug)]
pub(super) struct Party {
    /// The issuer's name.
    pub(super) issuer: String,
    /// The issuer's key.
    pub(super) key: SigningKey,
    /// The key of somebody else.
    pub(super) stranger: SigningKey,
}

impl Party {
    /// A token about ann that ends at `expires`, in seconds since 1970.
    fn token(&self, key: &SigningKey, expires: i64) -> Result<String, DemoError> {
        let payload = serde_json::json!({
            "iss": self.issuer, "aud": "demo", "sub": "ann", "exp": expires, "iat": expires - HOUR,
            "preferred_username": "ann", "groups": ["operators", "staff"],
            "email": "ann@demo.test", "email_verified": true,
        });
        let header = format!(r#""kid":"{KID}","typ":"at+jwt""#);
        Ok(key.sign(&header, payload.to_string().as_bytes())?)
    }
}

/// Everything that is said: each curl line whole on a line of its own, and before it what it will get.
pub(super) fn guide(text: &str, at: SocketAddr, party: &Party) -> Result<Vec<String>, DemoError> {
    let now = SystemClock::new().now().wall.seconds();
    let good = party.token(&party.key, now + HOUR)?;
    let expired = party.token(&party.key, now - HOUR)?;
    let forged = party.token(&party.stranger, now + HOUR)?;
    let with = |token: &str| format!("curl -i -H 'Authorization: Bearer {token}' http://{at}/hello");
    let mut lines = vec![
        "An issuer of tokens and an application now run on this machine, and before the application"
            .to_owned(),
        "stands Countersign, with this configuration:".to_owned(),
        String::new(),
    ];
    lines.extend(text.lines().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!("    {line}")
        }
    }));
    lines.extend(["", "Try, in another terminal:"].map(str::to_owned));
    let tries = [
        (
            "200: a good token. The page shows what the application was told about ann.",
            with(&good),
        ),
        (
            "401 token_expired: the same, but it ended an hour ago",
            with(&expired),
        ),
        (
            "401 signature_invalid: a stranger's signature under the issuer's key id",
            with(&forged),
        ),
        ("401 no_credential", format!("curl -i http://{at}/hello")),
        (
            "200: a good token beside headers that say more; the application still hears of ann only",
            format!(
                "{} -H 'X-Auth-Subject: root' -H 'X-Auth-Groups: wheel'",
                with(&good)
            ),
        ),
        (
            "200: the page for everybody. A browser can go there too, and on to the one that needs a token.",
            format!("curl -i http://{at}/"),
        ),
    ];
    for (promise, line) in tries {
        lines.extend([String::new(), format!("# {promise}"), line]);
    }
    lines.extend(
        [
            "",
            "Each request is one line below. New keys at each start; Ctrl-C ends the demo.",
            "",
        ]
        .map(str::to_owned),
    );
    Ok(lines)
}
