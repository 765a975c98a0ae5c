//! Names of claims that nobody may add.

use crate::userinfo::PROTOCOL_CLAIMS;

/// Claims that we set, or that would change how a token is understood, beside those of the protocol: none of them is anybody's to add.
/// Those of access tokens (RFC 9068, RFC 8693, RFC 7800), and ours.
const OURS: [&str; 9] = [
    "act",
    "may_act",
    "client_id",
    "scope",
    "email",
    "email_verified",
    "groups",
    "certificate_serial",
    "sub_jwk",
];

/// What else applications know one person by, or address them with (OpenID Connect Core section 5.1).
const PERSONAL: [&str; 17] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

/// A static claim is a registered one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisteredClaim {
    /// It would replace one of ours, or change how a token is understood.
    #[error("the claim `{0}` is ours to set")]
    Ours(Box<str>),
    /// It would make one person of everybody.
    #[error(
        "the claim `{0}` is one person's (OpenID Connect Core section 5.1), and here everybody would have the same"
    )]
    Personal(Box<str>),
}

impl RegisteredClaim {
    pub(super) fn of(name: &str) -> Option<Self> {
        let is_in = |names: &[&str]| names.contains(&name);
        if is_in(&PROTOCOL_CLAIMS) || is_in(&OURS) {
            return Some(Self::Ours(name.into()));
        }
        is_in(&PERSONAL).then(|| Self::Personal(name.into()))
    }

    /// Its name.
    pub const fn name(&self) -> &str {
        match self {
            Self::Ours(name) | Self::Personal(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::claims::StaticClaims;
    use countersign_jose::json::parse_object;

    #[test]
    fn no_static_claim_is_a_registered_one() {
        let refused = |name: &str| {
            let claims = parse_object(format!(r#"{{"tenant":"home","{name}":"x"}}"#).as_bytes()).unwrap();
            StaticClaims::new(claims).err().unwrap_or_default()
        };
        for name in PROTOCOL_CLAIMS.into_iter().chain(OURS) {
            assert_eq!(refused(name), [RegisteredClaim::Ours(name.into())]);
        }
        for name in PERSONAL {
            assert_eq!(refused(name), [RegisteredClaim::Personal(name.into())]);
        }
        for name in ["Sub", "home_name", "roles"] {
            assert_eq!(refused(name), []);
        }
    }
}
