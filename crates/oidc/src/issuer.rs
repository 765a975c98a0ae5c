//! Who an issuer is: one, or, where the operator says so, all the tenants of one provider.

use countersign_core::claims::{Claims, Value};
use countersign_jose::claims::{ClaimError, shown};

/// The longest value that fills a template, in bytes.
const MAX_FILLING_BYTES: usize = 64;

/// Which issuers a login, or an introspection, believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerRule {
    /// This one, character by character (OpenID Connect Core section 3.1.3.7).
    Exact(Box<str>),
    /// Every one that this template gives. Only by the operator's explicit word: whoever has a tenant at the provider can
    /// log people in.
    Template(IssuerTemplate),
}

/// An issuer with one gap, such as `https://login.microsoftonline.com/{tenantid}/v2.0`, and the claim that must fill it in the
/// very token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerTemplate {
    whole: Box<str>,
    before: Box<str>,
    after: Box<str>,
    claim: Box<str>,
}

impl IssuerTemplate {
    /// A template as the provider's discovery document writes it, and the claim that fills the gap (`tid`). `None` unless
    /// there is exactly one gap, in the path of an https or http URL, and a claim.
    pub fn new(template: &str, claim: &str) -> Option<Self> {
        let (before, rest) = template.split_once('{')?;
        let (gap, after) = rest.split_once('}')?;
        let authority = before
            .strip_prefix("https://")
            .or_else(|| before.strip_prefix("http://"))?;
        let sound = authority.find('/').is_some_and(|slash| slash > 0)
            && !gap.is_empty()
            && !claim.is_empty()
            && !format!("{before}{after}{gap}").contains(['{', '}', '?', '#']);
        sound.then(|| Self {
            whole: template.into(),
            before: before.into(),
            after: after.into(),
            claim: claim.into(),
        })
    }

    /// What stands in the gap of `issuer`.
    fn filling<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let filling = issuer.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte == b'.';
        let sound = (1..=MAX_FILLING_BYTES).contains(&filling.len())
            && filling.bytes().all(plain)
            && !filling.bytes().all(|byte| byte == b'.');
        sound.then_some(filling)
    }
}

impl IssuerRule {
    /// Exactly `issuer`.
    pub fn exact(issuer: &str) -> Self {
        Self::Exact(issuer.into())
    }

    /// What the provider's discovery document must give as its `issuer`: the issuer, or the template as it stands.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(issuer) => issuer,
            Self::Template(template) => &template.whole,
        }
    }

    /// Whether `issuer` can be meant, before there are claims to fill a template: the `iss` of an authorization response
    /// (RFC 9207) or of a login that a third party starts.
    pub fn admits(&self, issuer: &str) -> bool {
        match self {
            Self::Exact(wanted) => **wanted == *issuer,
            Self::Template(template) => template.filling(issuer).is_some(),
        }
    }

    /// The issuer that `claims` name in `iss`, when it is the one, or the template filled with the claim that fills it.
    pub fn judge<'c>(&self, claims: &'c Claims) -> Result<&'c str, ClaimError> {
        let issuer = match claims.member("iss") {
            None => return Err(ClaimError::Missing("iss".into())),
            Some(value) => value.as_str().ok_or_else(|| ClaimError::Type("iss".into()))?,
        };
        let wrong = || ClaimError::Issuer {
            got: shown(issuer),
            wanted: self.as_str().into(),
        };
        match self {
            Self::Exact(wanted) if **wanted == *issuer => Ok(issuer),
            Self::Exact(_) => Err(wrong()),
            Self::Template(template) => {
                let claimed = claims.member(&template.claim);
                let claimed = claimed.ok_or_else(|| ClaimError::Missing(template.claim.clone()))?;
                let claimed =
                    Value::as_str(claimed).ok_or_else(|| ClaimError::Type(template.claim.clone()))?;
                if template.filling(issuer) == Some(claimed) {
                    Ok(issuer)
                } else {
                    Err(wrong())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_jose::json::parse_object;

    const TEMPLATE: &str = "https://login.test/{tenantid}/v2.0";

    fn judge(rule: &IssuerRule, claims: &str) -> Result<String, ClaimError> {
        let claims = parse_object(claims.as_bytes()).unwrap();
        rule.judge(&claims).map(str::to_owned)
    }

    #[test]
    fn an_issuer_is_equal_to_the_letter() {
        let rule = IssuerRule::exact("https://op.test");
        assert_eq!(
            judge(&rule, r#"{"iss":"https://op.test"}"#),
            Ok("https://op.test".into())
        );
        for other in ["https://op.test/", "https://OP.test", "http://op.test", ""] {
            let claims = format!(r#"{{"iss":"{other}"}}"#);
            assert!(
                matches!(judge(&rule, &claims), Err(ClaimError::Issuer { .. })),
                "{other}"
            );
            assert!(!rule.admits(other), "{other}");
        }
        assert_eq!(judge(&rule, "{}"), Err(ClaimError::Missing("iss".into())));
        assert_eq!(
            judge(&rule, r#"{"iss":["https://op.test"]}"#),
            Err(ClaimError::Type("iss".into()))
        );
    }

    #[test]
    fn a_template_is_filled_by_the_claim_of_the_very_token() {
        let rule = IssuerRule::Template(IssuerTemplate::new(TEMPLATE, "tid").unwrap());
        assert_eq!(rule.as_str(), TEMPLATE);
        let claims = |iss: &str, tid: &str| format!(r#"{{"iss":"{iss}","tid":{tid}}}"#);
        let good = claims("https://login.test/0a-1/v2.0", r#""0a-1""#);
        assert_eq!(judge(&rule, &good), Ok("https://login.test/0a-1/v2.0".into()));
        let wrong = [
            claims("https://login.test/0a-1/v2.0", r#""0a-2""#),
            claims("https://login.test/{tenantid}/v2.0", r#""{tenantid}""#),
            claims("https://login.test//v2.0", r#""""#),
            claims("https://login.test/../v2.0", r#""..""#),
            claims("https://login.test/a/b/v2.0", r#""a/b""#),
            claims("https://login.test/a%2fb/v2.0", r#""a%2fb""#),
            claims("https://login.test.evil.test/0a-1/v2.0", r#""0a-1""#),
            claims("https://login.test/0a-1/v2.0/", r#""0a-1""#),
        ];
        for claims in wrong {
            assert!(
                matches!(judge(&rule, &claims), Err(ClaimError::Issuer { .. })),
                "{claims}"
            );
        }
        let missing = r#"{"iss":"https://login.test/0a-1/v2.0"}"#;
        assert_eq!(judge(&rule, missing), Err(ClaimError::Missing("tid".into())));
        let number = claims("https://login.test/7/v2.0", "7");
        assert_eq!(judge(&rule, &number), Err(ClaimError::Type("tid".into())));
        assert!(rule.admits("https://login.test/any/v2.0"));
        assert!(!rule.admits("https://evil.test/any/v2.0"));
    }

    #[test]
    fn a_template_has_one_gap_and_it_is_in_the_path() {
        for template in [
            "https://login.test/v2.0",
            "https://{tenant}.login.test/v2.0",
            "https://{tenant}/v2.0",
            "https:///{tenant}/v2.0",
            "https://login.test/{}/v2.0",
            "https://login.test/{a}/{b}",
            "https://login.test/{a",
            "https://login.test/?x={a}",
            "ftp://login.test/{a}/",
            "{a}",
        ] {
            assert_eq!(IssuerTemplate::new(template, "tid"), None, "{template}");
        }
        assert_eq!(IssuerTemplate::new(TEMPLATE, ""), None);
    }
}
