//! What a client signs to prove itself (`private_key_jwt`: OpenID Connect Core section 9, RFC 7523 section 3).

use countersign_core::claims::{Claims, Value};
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::TokenTimes;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::{VerifyError, verify_signed};
use std::time::Duration;

/// The most clock skew.
const LEEWAY: Duration = Duration::from_mins(1);
/// How long an assertion may hold: its name is remembered so long.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest name, in bytes.
const MAX_ID_BYTES: usize = 256;
/// The types that it may say it is of; none is one of them.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// An assertion that holds, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its name (`jti`), which is good for one use.
    pub id: Box<str>,
    /// Until when its name is to be remembered.
    pub ends: Timestamp,
}

/// Why it does not hold. The words are for whoever wrote the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JWS, or of another type.
    #[error("client_assertion is not a signed JWT")]
    Malformed,
    /// It is by a key that is none of the client's.
    #[error("client_assertion names a key (kid, alg) that is none of the client's registered keys")]
    Key,
    /// It does not say by which of the client's keys it is.
    #[error("client_assertion names no key (kid), and more than one of the client's fits")]
    WhichKey,
    /// The key that it names has not signed it.
    #[error("client_assertion is not signed with the registered key that it names")]
    Signature,
    /// It is from somebody else, or about somebody else.
    #[error("client_assertion has the client_id as iss and as sub")]
    Name,
    /// It is for somebody else, or for others as well.
    #[error("client_assertion has one aud: the issuer, or its token endpoint")]
    Audience,
    /// It has no end, is over, ends too late, or begins later.
    #[error("client_assertion has an exp at most 5 minutes from now, and is not over")]
    Times,
    /// It has no name.
    #[error("client_assertion has a jti, of at most 256 bytes")]
    Id,
}

/// Who signed it, as it says.
pub fn client_id_unverified(text: &str) -> Option<Box<str>> {
    let token = UnverifiedToken::parse(text).ok()?;
    token.subject_unverified().ok()?.map(Into::into)
}

/// Checks what the client called `client_id` signed with one of `keys`, for one of `audiences`.
pub fn check(
    text: &str,
    keys: &KeySet,
    client_id: &str,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Assertion, AssertionError> {
    let token = UnverifiedToken::parse(text).map_err(|_| AssertionError::Malformed)?;
    let typ = token.typ_unverified();
    if typ.is_some_and(|typ| !TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ))) {
        return Err(AssertionError::Malformed);
    }
    let key = match keys.find(token.kid_unverified(), token.algorithm()) {
        Lookup::Found(key) => key,
        Lookup::Ambiguous => return Err(AssertionError::WhichKey),
        Lookup::Unknown => return Err(AssertionError::Key),
    };
    let signed = verify_signed(token, &key, &Algorithm::ALL).map_err(|error| match error {
        VerifyError::Signature | VerifyError::AlgorithmNotAllowed(_) => AssertionError::Signature,
        VerifyError::Token(_) | VerifyError::Claim(_) => AssertionError::Malformed,
    })?;
    let claims = signed.claims();
    let is_named = |name: &str| text_of(claims, name) == Some(client_id);
    if !is_named("iss") || !is_named("sub") {
        return Err(AssertionError::Name);
    }
    if !audience(claims).is_some_and(|audience| audiences.contains(&audience)) {
        return Err(AssertionError::Audience);
    }
    let times = TokenTimes::read(claims).map_err(|_| AssertionError::Times)?;
    times.check(LEEWAY, now).map_err(|_| AssertionError::Times)?;
    if times.expires > now.plus(LONGEST).plus(LEEWAY) {
        return Err(AssertionError::Times);
    }
    let id = text_of(claims, "jti").filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()));
    Ok(Assertion {
        id: id.ok_or(AssertionError::Id)?.into(),
        ends: times.expires.plus(LEEWAY),
    })
}

fn text_of<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    claims.member(name).and_then(Value::as_str)
}

/// The only one: an assertion for several could be handed on from one to another.
fn audience(claims: &Claims) -> Option<&str> {
    match claims.member("aud")? {
        Value::String(one) => Some(one),
        Value::Array(mut items) => {
            let first = items.next().and_then(Value::as_str);
            first.filter(|_| items.next().is_none())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::secret::Secret;
    use countersign_jose::public_key::PublicKey;
    use countersign_jose::sign::SigningKey;

    const ISSUER: &str = "https://sso.test";
    const TOKEN: &str = "https://sso.test/.countersign/token";
    const NOW: Timestamp = Timestamp::from_seconds(1000);

    const PRIVATE: &[u8] = include_bytes!("../../../testkit/keys/ec-256.pem");
    const PUBLIC: &[u8] = include_bytes!("../../../testkit/keys/ec-256.pub.pem");
    const OTHER: &[u8] = include_bytes!("../../../testkit/keys/rsa-1.pem");
    const PUBLIC_OTHER: &[u8] = include_bytes!("../../../testkit/keys/rsa-1.pub.pem");
    const PUBLIC_THIRD: &[u8] = include_bytes!("../../../testkit/keys/rsa-2.pub.pem");

    fn signed(header: &str, payload: &str) -> String {
        let key = SigningKey::from_any_pem(PRIVATE).unwrap();
        key.sign(header, payload.as_bytes()).unwrap()
    }

    fn judged(text: &str) -> Result<Assertion, AssertionError> {
        let keys = KeySet::from_pem(PUBLIC).unwrap();
        check(text, &keys, "app", &[ISSUER, TOKEN], NOW)
    }

    fn payload(more: &str) -> String {
        let usual = [
            ("iss", r#""app""#),
            ("sub", r#""app""#),
            ("aud", r#""https://sso.test""#),
            ("exp", "1060"),
            ("jti", r#""j-1""#),
        ];
        let name = more.split('"').nth(1).unwrap_or("");
        let kept = usual.into_iter().filter(|(known, _)| *known != name);
        let mut members = kept
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect::<Vec<_>>();
        if !more.ends_with(':') && !more.is_empty() {
            members.push(more.to_owned());
        }
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn a_client_signs_for_itself() {
        let holds = Assertion {
            id: "j-1".into(),
            ends: Timestamp::from_seconds(1120),
        };
        let text = signed("", &payload(""));
        assert_eq!(client_id_unverified(&text).as_deref(), Some("app"));
        assert_eq!(judged(&text), Ok(holds.clone()));
        for more in [
            r#""aud":"https://sso.test/.countersign/token""#,
            r#""aud":["https://sso.test"]"#,
            r#""iat":1000"#,
        ] {
            assert_eq!(
                judged(&signed(r#""typ":"JWT""#, &payload(more))),
                Ok(holds.clone()),
                "{more}"
            );
        }
    }

    #[test]
    fn what_does_not_hold_says_why() {
        use AssertionError::{Audience, Id, Name, Times};
        for (more, why) in [
            (r#""iss":"other""#, Name),
            (r#""iss":"#, Name),
            (r#""sub":"other""#, Name),
            (r#""sub":"#, Name),
            (r#""aud":"#, Audience),
            (r#""aud":"https://other.test""#, Audience),
            (r#""aud":"https://sso.test/""#, Audience),
            (r#""aud":["https://sso.test","https://other.test"]"#, Audience),
            (r#""aud":[]"#, Audience),
            (r#""exp":"#, Times),
            (r#""exp":"1060""#, Times),
            (r#""exp":900"#, Times),
            (r#""exp":1361"#, Times),
            (r#""nbf":1100"#, Times),
            (r#""iat":1100"#, Times),
            (r#""jti":"#, Id),
            (r#""jti":"""#, Id),
            (r#""jti":7"#, Id),
        ] {
            assert_eq!(judged(&signed("", &payload(more))), Err(why), "{more}");
        }
        let long = format!(r#""jti":"{}""#, "j".repeat(257));
        assert_eq!(judged(&signed("", &payload(&long))), Err(Id));
    }

    #[test]
    fn what_is_not_signed_with_its_key_is_no_proof() {
        let (text, later) = (signed("", &payload("")), signed("", &payload(r#""exp":1061"#)));
        let (said, _) = later.rsplit_once('.').unwrap();
        let (_, signature) = text.rsplit_once('.').unwrap();
        let swapped = format!("{said}.{signature}");
        let other = SigningKey::from_any_pem(OTHER).unwrap();
        let foreign = other.sign("", payload("").as_bytes()).unwrap();
        assert_eq!(judged(&swapped), Err(AssertionError::Signature));
        assert_eq!(judged(&foreign), Err(AssertionError::Key));
        let public = Secret::new(PUBLIC.to_vec());
        let secret = SigningKey::hmac(Algorithm::Hs256, &public).unwrap();
        let forged = secret.sign("", payload("").as_bytes()).unwrap();
        assert_eq!(judged(&forged), Err(AssertionError::Key));
        let bad_payload = signed("", "no JSON");
        for bad in [
            "",
            "x.y.z",
            &bad_payload,
            &signed(r#""typ":"at+jwt""#, &payload("")),
        ] {
            assert_eq!(judged(bad), Err(AssertionError::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_told_from_one_that_has_not_signed() {
        let public = PublicKey::from_pem(PUBLIC).unwrap();
        let jwk = |kid: &str| public.jwk(kid, Algorithm::Es256);
        let of = |kids: &[&str], text: &str| {
            let jwks = kids.iter().map(|kid| jwk(kid)).collect::<Vec<_>>().join(",");
            let (keys, _) = KeySet::parse(format!(r#"{{"keys":[{jwks}]}}"#).as_bytes()).unwrap();
            check(text, &keys, "app", &[ISSUER, TOKEN], NOW).map(drop)
        };
        let named = |kid: &str| signed(&format!(r#""kid":"{kid}""#), &payload(""));
        assert_eq!(of(&["now", "next"], &named("now")), Ok(()));
        assert_eq!(of(&["now", "next"], &named("former")), Err(AssertionError::Key));
        assert_eq!(of(&["now"], &signed("", &payload(""))), Ok(()));
    }

    #[test]
    fn of_several_keys_an_assertion_names_its_own() {
        let jwk = |(kid, pem): (&str, &[u8])| PublicKey::from_pem(pem).unwrap().jwk(kid, Algorithm::Rs256);
        let jwks = [("one", PUBLIC_OTHER), ("two", PUBLIC_THIRD)].map(jwk).join(",");
        let (keys, _) = KeySet::parse(format!(r#"{{"keys":[{jwks}]}}"#).as_bytes()).unwrap();
        let key = SigningKey::from_any_pem(OTHER).unwrap();
        let judged = |header: &str| {
            let text = key.sign(header, payload("").as_bytes()).unwrap();
            check(&text, &keys, "app", &[ISSUER, TOKEN], NOW).map(drop)
        };
        assert_eq!(judged(r#""kid":"one""#), Ok(()));
        assert_eq!(judged(""), Err(AssertionError::WhichKey));
        assert_eq!(judged(r#""kid":"two""#), Err(AssertionError::Signature));
    }
}
