//! What a route asks of a principal.

use crate::claims::{ClaimPath, Value};
use crate::principal::{Principal, strings};
use crate::reason::UnmetReason;
use crate::request::OriginalRequest;
use std::fmt;
use std::sync::Arc;

pub use options::REQUIRE;

mod options;

/// A name (a subject, a group, an e-mail domain) as one authenticator's principals bear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The authenticator that must have proved the principal; `None` for any, written `"*:name"` or, where the route
    /// accepts one issuer only, `"name"`.
    pub authenticator: Option<Arc<str>>,
    /// The name itself.
    pub name: Box<str>,
}

impl Named {
    /// Whether it is the subject of `principal`.
    pub fn is(&self, principal: &Principal) -> bool {
        self.fits(principal) && principal.subject() == &*self.name
    }

    fn fits(&self, principal: &Principal) -> bool {
        self.authenticator
            .as_ref()
            .is_none_or(|wanted| *wanted == principal.authenticator)
    }
}

/// How one claim is compared. Strings compare as they are; numbers and booleans by their JSON spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimTest {
    /// The claim is one of these.
    OneOf(Box<[Box<str>]>),
    /// The claim is an array that holds one of these.
    Contains(Box<[Box<str>]>),
}

/// A condition on one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// Where the claim stands.
    pub path: ClaimPath,
    /// What it must be.
    pub test: ClaimTest,
}

/// What a comparison says; doubt is told apart, so that it can be a no on both sides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    CannotTell,
}

impl ClaimRule {
    fn compare(&self, principal: &Principal) -> Match {
        let Some(value) = principal.claims.at(&self.path) else {
            return Match::No;
        };
        match (&self.test, value) {
            (ClaimTest::OneOf(wanted), value) => one_of(value, wanted),
            (ClaimTest::Contains(wanted), Value::Array(items)) => {
                let mut items = items.map(|item| one_of(item, wanted));
                if items.clone().any(|found| found == Match::Yes) {
                    Match::Yes
                } else if items.any(|found| found == Match::CannotTell) {
                    Match::CannotTell
                } else {
                    Match::No
                }
            }
            (ClaimTest::Contains(_), _) => Match::CannotTell,
        }
    }
}

fn one_of(value: Value<'_>, wanted: &[Box<str>]) -> Match {
    let spelling = match value {
        Value::String(text) => text,
        Value::Number(number) => number.as_str(),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Null | Value::Array(_) | Value::Object(_) => return Match::CannotTell,
    };
    if wanted.iter().any(|one| **one == *spelling) {
        Match::Yes
    } else {
        Match::No
    }
}

/// A rule that looks at principal and request together (`when`). Errors are its own to catch: they are a no.
pub trait Condition: Send + Sync + fmt::Debug {
    /// Whether the condition is met.
    fn judge(&self, principal: &Principal, request: &OriginalRequest) -> Result<(), Unmet>;
}

/// What the principal lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Which kind of requirement, safe to tell.
    pub reason: UnmetReason,
    /// For the log.
    pub detail: String,
    /// The scopes that would have done (RFC 6750 section 3.1), when it is about scopes.
    pub scopes: Box<[Box<str>]>,
}

impl Unmet {
    /// A requirement of this kind is not met.
    pub fn new(reason: UnmetReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            scopes: Box::default(),
        }
    }
}

/// What a route asks: a list is "any of", several lists are "all of", and what is excluded wins. An empty list asks
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    /// In one of these groups.
    pub groups: Vec<Named>,
    /// With one of these scopes.
    pub scopes: Vec<Box<str>>,
    /// One of these subjects.
    pub subjects: Vec<Named>,
    /// With a verified e-mail address in exactly one of these domains.
    pub email_domains: Vec<Named>,
    /// With every one of these claims.
    pub claims: Vec<ClaimRule>,
    /// In none of these groups.
    pub not_groups: Vec<Named>,
    /// With none of these scopes.
    pub not_scopes: Vec<Box<str>>,
    /// None of these subjects.
    pub not_subjects: Vec<Named>,
    /// Without an e-mail address in one of these domains, verified or not.
    pub not_email_domains: Vec<Named>,
    /// With none of these claims.
    pub not_claims: Vec<ClaimRule>,
    /// And this.
    pub condition: Option<Arc<dyn Condition>>,
}

impl Requirement {
    /// Whether nothing is asked: any principal will do.
    pub fn is_empty(&self) -> bool {
        let named = [&self.groups, &self.subjects, &self.email_domains];
        let not_named = [&self.not_groups, &self.not_subjects, &self.not_email_domains];
        named.iter().chain(&not_named).all(|list| list.is_empty())
            && self.scopes.is_empty()
            && self.not_scopes.is_empty()
            && self.claims.is_empty()
            && self.not_claims.is_empty()
            && self.condition.is_none()
    }

    /// Checks `principal`, which sent `request`.
    pub fn check(&self, principal: &Principal, request: &OriginalRequest) -> Result<(), Unmet> {
        if self.is_empty() {
            return Ok(());
        }
        self.check_principal(principal)?;
        self.condition
            .as_ref()
            .map_or(Ok(()), |condition| condition.judge(principal, request))
    }

    /// Checks `principal` by everything but the condition, which looks at a request.
    pub fn check_principal(&self, principal: &Principal) -> Result<(), Unmet> {
        self.check_excluded(principal)?;
        let any = |list: &[Named], holds: &dyn Fn(&str) -> bool| {
            list.is_empty()
                || list
                    .iter()
                    .any(|named| named.fits(principal) && holds(&named.name))
        };
        if !any(&self.groups, &|name| {
            principal.groups().any(|group| group == name)
        }) {
            return Err(Unmet::new(UnmetReason::Group, "in none of the groups required"));
        }
        if !any(&self.subjects, &|name| principal.subject() == name) {
            return Err(Unmet::new(UnmetReason::Subject, "not one of the subjects named"));
        }
        if !any(&self.email_domains, &|name| {
            principal.email().is_some_and(|email| domain_is(email, name))
        }) {
            return Err(Unmet::new(
                UnmetReason::EmailDomain,
                "no verified address in the domains named",
            ));
        }
        if !self.scopes.is_empty()
            && !principal
                .scopes()
                .any(|scope| self.scopes.iter().any(|one| **one == *scope))
        {
            let scopes = self.scopes.clone().into_boxed_slice();
            return Err(Unmet {
                reason: UnmetReason::Scope,
                detail: "none of the scopes required".into(),
                scopes,
            });
        }
        if let Some(rule) = self
            .claims
            .iter()
            .find(|rule| rule.compare(principal) != Match::Yes)
        {
            return Err(Unmet::new(UnmetReason::Claim, format!("{:?}", rule.path)));
        }
        Ok(())
    }

    fn check_excluded(&self, principal: &Principal) -> Result<(), Unmet> {
        let email = strings(principal.claims.member("email")).next();
        let named = |list: &[Named], holds: &dyn Fn(&str) -> bool| {
            list.iter()
                .any(|named| named.fits(principal) && holds(&named.name))
        };
        let excluded = named(&self.not_groups, &|name| {
            principal.groups().any(|group| group == name)
        }) || named(&self.not_subjects, &|name| principal.subject() == name)
            || named(&self.not_email_domains, &|name| {
                email.is_some_and(|email| domain_is(email, name))
            })
            || principal
                .scopes()
                .any(|scope| self.not_scopes.iter().any(|one| **one == *scope))
            || self
                .not_claims
                .iter()
                .any(|rule| rule.compare(principal) != Match::No);
        if excluded {
            Err(Unmet::new(UnmetReason::Excluded, "a not_… rule applies"))
        } else {
            Ok(())
        }
    }
}

/// Whether `email` is one plain `local@domain` with exactly this domain, without regard to case. Anything else (a
/// second `@`, quotes, control bytes, bytes outside ASCII in the domain) is in no domain.
fn domain_is(email: &str, domain: &str) -> bool {
    let Some((local, its)) = email.split_once('@') else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"@,;<>\\".contains(&byte);
    !local.is_empty()
        && local.bytes().all(plain)
        && its.bytes().all(plain)
        && its.eq_ignore_ascii_case(domain)
}

#[cfg(test)]
mod tests {
    use super::domain_is;

    #[test]
    fn an_address_is_in_exactly_one_domain_or_in_none() {
        assert!(domain_is("ann@company.com", "company.com"));
        assert!(domain_is("Ann.B+x@COMPANY.com", "company.com"));
        for email in [
            "attacker@evil.com@company.com",
            "a@company.com\0@evil",
            "a@company.com.",
            "a@sub.company.com",
            "a@xcompany.com",
            "\"a@evil\"@company.com",
            "@company.com",
            "a@",
            "company.com",
            "a@c\u{43e}mpany.com",
            "a@company.com, b@evil.com",
            "",
        ] {
            assert!(!domain_is(email, "company.com"), "{email:?}");
        }
    }
}
