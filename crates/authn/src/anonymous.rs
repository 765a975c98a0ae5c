//! Nobody at all, let in on purpose: the one way to open a door.

use countersign_core::BoxFuture;
use countersign_core::authn::{Authenticator, Challenge, Effects, Outcome};
use countersign_core::claims::{ClaimPath, Claims};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::request::OriginalRequest;
use countersign_core::time::Now;
use std::sync::Arc;

/// Proves a principal without issuer, subject or claims, whoever comes. The decision never reaches it past a
/// credential that failed.
#[derive(Debug)]
pub struct Anonymous {
    name: Arc<str>,
    principal: Arc<Principal>,
}

impl Anonymous {
    /// The one of its kind.
    pub fn new() -> Self {
        let name: Arc<str> = "anonymous".into();
        let nowhere = ClaimPath::subject();
        let principal = Principal {
            authenticator: Arc::clone(&name),
            method: AuthenticationMethod::Anonymous,
            issuer: "".into(),
            claims: Claims::empty(),
            written: countersign_core::identity_headers::Written::default(),
            tokens: None,
            facts: Arc::new(FactPaths {
                subject: nowhere.clone(),
                groups: nowhere,
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
        };
        Self {
            name,
            principal: Arc::new(principal),
        }
    }
}

impl Default for Anonymous {
    fn default() -> Self {
        Self::new()
    }
}

impl Authenticator for Anonymous {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn is_anonymous(&self) -> bool {
        true
    }

    fn try_now(&self, _request: &OriginalRequest, _now: Now) -> Option<Outcome> {
        Some(Outcome::Authenticated(
            Arc::clone(&self.principal),
            Effects::none(),
        ))
    }

    fn authenticate<'a>(&'a self, _request: &'a OriginalRequest, _now: Now) -> BoxFuture<'a, Outcome> {
        let outcome = Outcome::Authenticated(Arc::clone(&self.principal), Effects::none());
        Box::pin(std::future::ready(outcome))
    }

    fn challenge(&self, _request: &OriginalRequest) -> Option<Challenge> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_no_issuer_subject_or_groups() {
        let anonymous = Anonymous::new();
        assert!(anonymous.is_anonymous());
        assert_eq!(anonymous.principal.subject(), "");
        assert_eq!(&*anonymous.principal.issuer, "");
        assert_eq!(anonymous.principal.groups().count(), 0);
        assert_eq!(anonymous.principal.email(), None);
    }
}
