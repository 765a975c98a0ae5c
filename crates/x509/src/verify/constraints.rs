//! The one name that constraints hold for and the library that builds paths does not look at: an e-mail address in the
//! subject's distinguished name (RFC 5280 section 4.2.1.10).

use super::VerifyError;
use crate::certificate::Certificate;
use crate::der::{self, Reader, constructed, context};

const NAME_CONSTRAINTS: &str = "2.5.29.30";
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

/// As with every kind of name but DNS names and addresses, a constraint of this kind refuses whoever has such a name:
/// to refuse is what RFC 5280 leaves to those who do not compare.
pub(super) fn check<'a>(
    leaf: &Certificate,
    mut issuers: impl Iterator<Item = &'a Certificate>,
) -> Result<(), VerifyError> {
    let constrained = leaf.subject().has_attribute(EMAIL_ADDRESS)
        && issuers.any(|issuer| {
            let constraints = issuer.extension(NAME_CONSTRAINTS);
            constraints.is_some_and(|value| constrains_email(value).unwrap_or(true))
        });
    if constrained {
        return Err(VerifyError::NameConstraint);
    }
    Ok(())
}

/// Whether any subtree is of e-mail addresses. `None` when the extension cannot be read.
fn constrains_email(value: &[u8]) -> Option<bool> {
    let mut constraints = Reader::whole(value, der::SEQUENCE)?;
    let permitted = constraints.optional(constructed(0))?;
    let excluded = constraints.optional(constructed(1))?;
    constraints.end()?;
    let mut found = false;
    for subtrees in [permitted, excluded].into_iter().flatten() {
        let mut subtrees = Reader::new(subtrees);
        while !subtrees.is_empty() {
            let mut subtree = Reader::new(subtrees.expect(der::SEQUENCE)?);
            found |= subtree.any()?.tag == context(1);
        }
    }
    Some(found)
}
