//! Names of claims that nobody may add.

/// Claims that we set, or that would change how a token is understood: none of them is anybody's to add. The registered ones of
/// JWT, ID Tokens and access tokens (RFC 7519, OpenID Connect Core section 2, RFC 9068, RFC 8705), and ours.
const OURS: [&str; 29] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "events",
    "typ",
    "token_use",
    "cnf",
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
        if is_in(&OURS) {
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
        for name in OURS {
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
