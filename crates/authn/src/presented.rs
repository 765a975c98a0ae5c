//! What a presented certificate is known by, and the tokens that are bound to one (RFC 8705 section 3).

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::certificate::{Digests, PresentedCertificate};
use countersign_core::claims::{Claims, Value};

/// The digests of `presented`: made once for each chain that arrives.
pub fn digests(presented: &PresentedCertificate) -> &Digests {
    presented.digests(|presented| {
        let mut chain = Context::new(&SHA256);
        for der in presented.chain() {
            chain.update(&(der.len() as u64).to_be_bytes());
            chain.update(der);
        }
        let fixed = |digest: &[u8]| digest.try_into().unwrap_or([0; 32]);
        Digests {
            leaf: fixed(digest(&SHA256, presented.leaf()).as_ref()),
            chain: fixed(chain.finish().as_ref()),
        }
    })
}

/// What a token must be shown with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The certificate with this SHA-256. Boxed: nearly every token that is remembered has none.
    Certificate(Box<[u8; 32]>),
    /// Something that cannot be shown here.
    Unknown,
}

impl Binding {
    /// What `cnf` says; `None` when the token is not bound.
    pub(crate) fn of(claims: &Claims) -> Option<Self> {
        let Value::Object(mut members) = claims.member("cnf")? else {
            return Some(Self::Unknown);
        };
        // Another member is another proof, and each would have to be shown.
        Some(match (members.next(), members.next()) {
            (Some(("x5t#S256", Value::String(text))), None) => {
                let thumbprint = URL_SAFE_NO_PAD.decode(text).ok();
                let thumbprint = thumbprint.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                thumbprint.map_or(Self::Unknown, |digest| Self::Certificate(Box::new(digest)))
            }
            (Some(_) | None, _) => Self::Unknown,
        })
    }

    /// Whether `presented` is what the token is bound to. Possession is all that counts: nobody need vouch for the
    /// certificate.
    pub(crate) fn is_shown(&self, presented: Option<&PresentedCertificate>) -> bool {
        match (self, presented) {
            (Self::Certificate(thumbprint), Some(presented)) => digests(presented).leaf == **thumbprint,
            (Self::Certificate(_), None) | (Self::Unknown, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::claims::ClaimsBuilder;

    fn claims(members: &[(&str, &str)]) -> Claims {
        let mut builder = ClaimsBuilder::default();
        builder.open_object().unwrap();
        builder.key("cnf").unwrap();
        builder.open_object().unwrap();
        for (name, value) in members {
            builder.key(name).unwrap();
            builder.string(value).unwrap();
        }
        builder.close().unwrap();
        builder.close().unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn a_token_is_bound_to_the_certificate_of_its_thumbprint_alone() {
        let presented = PresentedCertificate::new([b"leaf".to_vec(), b"issuer".to_vec()]).unwrap();
        let other = PresentedCertificate::new([b"issuer".to_vec()]).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"leaf"));
        let bound = Binding::of(&claims(&[("x5t#S256", &thumbprint)])).unwrap();
        assert!(bound.is_shown(Some(&presented)));
        assert!(!bound.is_shown(Some(&other)));
        assert!(!bound.is_shown(None));
        for members in [
            &[("x5t#S256", "short")] as &[_],
            &[("x5t#S256", &*thumbprint), ("jkt", "x")],
            &[("jkt", &*thumbprint)],
            &[],
        ] {
            let bound = Binding::of(&claims(members)).unwrap();
            assert!(!bound.is_shown(Some(&presented)), "{members:?}");
        }
        assert_eq!(Binding::of(&Claims::empty()), None);
    }

    #[test]
    fn a_chain_is_known_by_where_its_certificates_end() {
        let one = PresentedCertificate::new([b"ab".to_vec(), b"c".to_vec()]).unwrap();
        let other = PresentedCertificate::new([b"a".to_vec(), b"bc".to_vec()]).unwrap();
        assert_ne!(digests(&one).chain, digests(&other).chain);
    }
}
