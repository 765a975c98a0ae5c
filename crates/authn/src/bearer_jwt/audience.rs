//! Whom a token may be for: those that are listed, or the one site that it is shown at.

use super::credential::{Candidate, Shown};
use super::{BearerJwt, shortened};
use countersign_core::authn::{Outcome, Presented, Rejection};
use countersign_core::claims::{Claims, Value};
use countersign_core::gate::{Host, PublicPorts, Scheme};
use countersign_core::reason::RejectionReason;
use countersign_jose::claims::Expectation;
use countersign_jose::token::UnverifiedToken;
use countersign_oidc::provider::site::Origin;
use std::borrow::Cow;

/// What no token can be for: less than an origin. It stands in an expectation until it is known where a token is shown.
pub(super) const NOBODY: &str = "https://";

impl BearerJwt {
    /// What is expected of `token`, which was shown as `candidate`.
    pub(super) fn expected(
        &self,
        token: &UnverifiedToken<'_>,
        candidate: Candidate<'_>,
    ) -> Cow<'_, Expectation> {
        let Some(ports) = &self.by_origin else {
            return Cow::Borrowed(&self.expectation);
        };
        let audience = match candidate.shown {
            Shown::At(host) => at(host, ports),
            Shown::InTheClear => NOBODY.to_owned(),
            Shown::Nowhere => of_some_site(token).unwrap_or_else(|| NOBODY.to_owned()),
        };
        Cow::Owned(self.expectation.for_audience(&audience))
    }

    /// What the log says where no token is for anybody.
    pub(super) fn about_the_port(&self, candidate: Candidate<'_>) -> String {
        match (&self.by_origin, candidate.shown) {
            (Some(ports), Shown::At(host)) if !ports.are_of(host) => {
                let port = host.port_for(Scheme::Https);
                format!(
                    ": it was shown at port {port} of {}, which is none of `public_ports`",
                    host.name()
                )
            }
            (Some(_) | None, Shown::At(_) | Shown::Nowhere | Shown::InTheClear) => String::new(),
        }
    }

    /// A token that was verified before, and is shown at a site that it is not for.
    pub(super) fn of_another_site(&self, claims: &Claims, candidate: Candidate<'_>) -> Option<Outcome> {
        let ports = self.by_origin.as_ref()?;
        let origin = match candidate.shown {
            Shown::Nowhere => return None,
            Shown::At(host) => at(host, ports),
            Shown::InTheClear => NOBODY.to_owned(),
        };
        let got = audiences(claims);
        let detail = || {
            let got = got.iter().take(8).map(|one| shortened(one)).collect::<Vec<_>>();
            let port = self.about_the_port(candidate);
            format!("audience is {got:?}, and not {origin:?}{port}")
        };
        (!got.contains(&&*origin))
            .then(|| unclaimed(RejectionReason::AudienceWrong, candidate.presented, detail()))
    }
}

/// The site at `host`; nobody's where clients do not reach us at its port.
fn at(host: &Host, ports: &PublicPorts) -> String {
    if ports.are_of(host) {
        Origin::of(host).as_str().to_owned()
    } else {
        NOBODY.to_owned()
    }
}

/// A token that no request brought: for whichever site it is.
fn of_some_site(token: &UnverifiedToken<'_>) -> Option<String> {
    let mut audiences = token.audiences_unverified("aud").ok()?;
    let origin = audiences.find(|audience| Origin::parse(audience).is_ok());
    origin.map(str::to_owned)
}

fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.member("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

/// It is not ours to judge.
pub(super) fn unclaimed(reason: RejectionReason, presented: Presented, detail: String) -> Outcome {
    Outcome::Unclaimed(Rejection {
        reason,
        presented,
        authenticator: "".into(),
        detail,
    })
}
