//! What a route asks of the login itself: how long ago, and made how.

use crate::claims::{Number, Value};
use crate::principal::{AuthenticationMethod, Principal};
use crate::reason::RejectionReason;
use crate::time::Now;
use std::time::Duration;

/// The longest `acr_values`, joined, in bytes: they travel in URLs, and in the state of a login.
const MAX_ACR_BYTES: usize = 384;
/// How much later the place may be asked for than the login was measured: the way back from the provider.
const WAY_BACK: Duration = Duration::from_secs(10);

/// What is asked of a login, at the provider (OpenID Connect Core section 3.1.2.1) and of what comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginDemand {
    /// How long ago the user may have been asked for a proof (`max_age`).
    pub max_age: Option<Duration>,
    /// The ways of logging in that will do (`acr_values`); empty for any.
    pub acr_values: Vec<Box<str>>,
    /// What the provider is to ask the user for (`prompt`), instead of what the login says.
    pub prompt: Option<Box<str>>,
}

impl LoginDemand {
    /// What is wrong with so many `acr_values`, where there are too many.
    pub fn too_long<'a>(acr_values: impl Iterator<Item = &'a str>) -> Option<String> {
        let bytes = acr_values.map(|acr| acr.len() + 1).sum::<usize>();
        let too_long = bytes > MAX_ACR_BYTES;
        too_long.then(|| format!("{bytes} bytes: they travel in URLs, where {MAX_ACR_BYTES} of them fit"))
    }

    /// What `principal` lacks. Tokens are measured as sessions are (RFC 9470), with the leeway of their issuer; whoever shows
    /// a certificate has just proved it, and whoever is let in as nobody has nothing to prove.
    pub fn unmet(&self, principal: &Principal, now: Now) -> Option<RejectionReason> {
        let way_back = match principal.method {
            AuthenticationMethod::Certificate | AuthenticationMethod::Anonymous => return None,
            AuthenticationMethod::Token => Duration::ZERO,
            AuthenticationMethod::Session => WAY_BACK,
        };
        if let Some(max_age) = self.max_age {
            let seconds = principal.claims.member("auth_time").and_then(Value::as_number);
            let seconds = seconds.and_then(Number::as_i64);
            let oldest = now.wall.seconds().saturating_sub(in_seconds(max_age));
            let leeway = in_seconds(principal.facts.leeway.saturating_add(way_back));
            if seconds.is_none_or(|seconds| seconds.saturating_add(leeway) < oldest) {
                return Some(RejectionReason::LoginTooOld);
            }
        }
        let acr = principal.claims.member("acr").and_then(Value::as_str);
        let fits = self.acr_values.is_empty()
            || acr.is_some_and(|acr| self.acr_values.iter().any(|wanted| **wanted == *acr));
        (!fits).then_some(RejectionReason::AcrUnmet)
    }
}

fn in_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
