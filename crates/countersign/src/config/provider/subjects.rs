//! Tables of certificates that may name the same subject. Applications are told the subject, and not by which table it was proved.

use super::super::diagnostic::Diagnostic;
use super::super::shape::Document;
use countersign_authn::provider::TABLE;
use countersign_core::options::Values;

/// How names of a trust domain are told, which are URIs.
const URI: &str = "san.uri";

/// One of the provider's `certificates`.
struct Proves<'d> {
    table: &'d str,
    values: &'d Values,
}

/// What is to be said of tables that prove the same kind of subject.
pub(super) fn told(document: &Document) -> Vec<Diagnostic> {
    let Some(provider) = document.values.table(TABLE) else {
        return Vec::new();
    };
    let tables = provider.texts("certificates").filter_map(|table| {
        let name = table.strip_prefix("certificate.")?;
        let named = document.values.named("certificate").iter();
        let (_, values) = named.into_iter().find(|(known, _)| known == name)?;
        Some(Proves { table, values })
    });
    let tables = tables.collect::<Vec<_>>();
    let mut kinds = tables.iter().flat_map(Proves::kinds).collect::<Vec<_>>();
    kinds.sort();
    kinds.dedup();
    let place = document.place(&[TABLE, "certificates"].map(str::to_owned));
    let told = kinds.into_iter().filter_map(|kind| {
        let meet = |one: &&Proves<'_>| tables.iter().any(|other| one.meets(other, &kind));
        let names = tables.iter().filter(meet).map(|one| format!("`{}`", one.table));
        let names = names.collect::<Vec<_>>();
        let [names @ .., last] = names.as_slice() else {
            return None;
        };
        let names = names.join(", ");
        let message = format!(
            "{names} and {last} each prove a subject by {kind}: to sites and applications whoever is called so by one is whoever is \
             called so by the other"
        );
        let help = "each of their authorities is believed to name anybody, then; or another `subject` for one of them. Rules tell \
                    them apart: \"certificate.NAME:ann\"";
        Some(Diagnostic::warning(place.clone(), message).help(help))
    });
    told.collect()
}

impl Proves<'_> {
    fn has_trust_domain(&self) -> bool {
        self.values.has("trust_domain")
    }

    /// By what it proves subjects, as far as another authority could vouch for the same.
    fn kinds(&self) -> Vec<String> {
        let written = self.values.text("subject").map(str::to_ascii_lowercase);
        let mut kinds = match written {
            // An issuer numbers its own.
            Some(kind) if kind == "issuer_and_serial" => Vec::new(),
            Some(kind) => vec![kind],
            None if self.has_trust_domain() => Vec::new(),
            None => vec!["subject_dn".to_owned()],
        };
        if self.has_trust_domain() && !kinds.iter().any(|kind| kind == URI) {
            kinds.push(URI.to_owned());
        }
        kinds
    }

    /// Whether both may prove the same subject of this kind, by the word of different authorities.
    fn meets(&self, other: &Self, kind: &str) -> bool {
        let both = [self, other];
        let prove = both
            .iter()
            .all(|one| one.kinds().iter().any(|known| known == kind));
        // Within a trust domain there is one of each name, and none of another domain is one of this.
        let apart = kind == URI && both.iter().all(|one| one.has_trust_domain());
        let authorities = both.map(|one| one.values.files("authorities").map(|(_, bytes)| bytes));
        let [own, others] = authorities;
        prove && !apart && self.table != other.table && !own.eq(others)
    }
}
