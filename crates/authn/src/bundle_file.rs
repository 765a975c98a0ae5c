//! Trust bundles in files (`bundle_file`), of certificates and of JWT-SVIDs alike: an older one never takes the place of
//! the one in force (SPIFFE Trust Domain and Bundle, section 4.1.1), for an authority withdrawn since would count again.

use countersign_core::options::{Fault, Values};
use countersign_core::spiffe::TrustDomain;
use countersign_jose::trust_bundle::TrustBundle;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The bundles in force, as the configuration that is being read finds them, and those that it brings.
#[derive(Clone, Debug, Default)]
pub struct BundleFiles {
    held: Arc<Mutex<Vec<Weak<BundleInForce>>>>,
    before: Arc<[BundleInForce]>,
}

/// That a bundle is in force: for as long as somebody holds this.
#[derive(Clone, Debug)]
pub struct BundleInForce {
    table: Box<str>,
    trust_domain: TrustDomain,
    sequence: Option<u64>,
}

/// A bundle that was read and may be taken.
#[derive(Debug)]
pub(crate) struct BundleFile<'v> {
    pub(crate) path: &'v str,
    pub(crate) bundle: TrustBundle,
    pub(crate) in_force: Arc<BundleInForce>,
}

impl BundleFiles {
    /// For a configuration that is read from now on: what is held now is in force.
    #[must_use]
    pub fn in_force_now(&self) -> Self {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|bundle| bundle.strong_count() > 0);
        let before = held.iter().filter_map(Weak::upgrade);
        Self {
            before: before.map(|bundle| BundleInForce::clone(&bundle)).collect(),
            held: Arc::clone(&self.held),
        }
    }

    /// The `bundle_file` of `table`, which is `trust_domain`'s; `None` where there is none.
    pub(crate) fn read<'v>(
        &self,
        table: &str,
        trust_domain: &TrustDomain,
        values: &'v Values,
    ) -> Option<Result<BundleFile<'v>, Fault>> {
        let (path, bytes) = values.file("bundle_file")?;
        let fault = |message: String| Fault::new("bundle_file", format!("{path}: {message}"));
        let bundle = match TrustBundle::parse(bytes) {
            Ok(bundle) => bundle,
            Err(error) => return Some(Err(fault(error.to_string()))),
        };
        let came = BundleInForce {
            table: table.into(),
            trust_domain: trust_domain.clone(),
            sequence: bundle.sequence(),
        };
        if let Some(older) = self.older(&came) {
            let help = "the bundle in force may have withdrawn what this one lists: bring one that is as new. Only a restart \
                        takes a trust domain that counts anew";
            return Some(Err(fault(older).help(help)));
        }
        let in_force = Arc::new(came);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(Arc::downgrade(&in_force));
        Some(Ok(BundleFile {
            path,
            bundle,
            in_force,
        }))
    }

    /// How `came` is older than what is in force: of its own table, or, where that is new, of its trust domain. Two tables
    /// may have files of different age.
    fn older(&self, came: &BundleInForce) -> Option<String> {
        let of_domain = || {
            let before = self.before.iter();
            before.filter(|bundle| bundle.trust_domain == came.trust_domain)
        };
        let own = || of_domain().filter(|bundle| bundle.table == came.table);
        let held = if own().next().is_some() {
            own().filter_map(|bundle| bundle.sequence).max()
        } else {
            of_domain().filter_map(|bundle| bundle.sequence).max()
        }?;
        match came.sequence {
            Some(sequence) if sequence < held => Some(format!(
                "it is an older bundle: its spiffe_sequence is {sequence}, and {held} is in force"
            )),
            Some(_) => None,
            None => Some(format!("it has no spiffe_sequence, and {held} is in force")),
        }
    }
}

impl BundleFile<'_> {
    /// What was left out of it, for a warning each.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = String> {
        let left_out = self.bundle.left_out().iter();
        left_out.map(|entry| format!("{}: left out: {entry}", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::options::OptionValue;

    fn values(more: &str) -> Values {
        let mut values = Values::default();
        let text = format!("{{\"keys\":[]{more}}}");
        values.insert(
            "bundle_file",
            OptionValue::File("b.json".to_owned(), text.into_bytes()),
        );
        values
    }

    /// What `table` is given by this reading of a configuration.
    fn read(
        files: &BundleFiles,
        table: &str,
        domain: &str,
        more: &str,
    ) -> Result<Arc<BundleInForce>, String> {
        let (domain, values) = (TrustDomain::parse(domain).unwrap(), values(more));
        let read = files.read(table, &domain, &values).unwrap();
        read.map(|file| file.in_force).map_err(|fault| fault.to_string())
    }

    fn sequence(number: u64) -> String {
        format!(",\"spiffe_sequence\":{number}")
    }

    #[test]
    fn an_older_bundle_is_refused_while_a_newer_one_is_in_force() {
        let files = BundleFiles::default();
        let first = read(
            &files.in_force_now(),
            "certificate.a",
            "home.example",
            &sequence(4),
        )
        .unwrap();
        let again = |table, domain, more: &str| read(&files.in_force_now(), table, domain, more).map(drop);
        let told = again("certificate.a", "home.example", &sequence(3)).unwrap_err();
        assert!(
            told.contains("b.json: it is an older bundle: its spiffe_sequence is 3, and 4 is in force"),
            "{told}"
        );
        let told = again("certificate.a", "home.example", "").unwrap_err();
        assert!(told.contains("no spiffe_sequence, and 4"), "{told}");
        // Called otherwise, the table is no other trust domain's.
        assert!(again("jwt_svid.b", "home.example", &sequence(3)).is_err());
        for (table, domain, more) in [
            ("certificate.a", "home.example", sequence(4)),
            ("certificate.a", "home.example", sequence(5)),
            ("certificate.a", "other.example", sequence(3)),
            ("certificate.b", "other.example", String::new()),
        ] {
            assert_eq!(again(table, domain, &more), Ok(()), "{table} {domain} {more}");
        }
        // What was read and not taken is not in force.
        assert_eq!(again("certificate.a", "home.example", &sequence(4)), Ok(()));
        drop(first);
        assert_eq!(again("certificate.a", "home.example", &sequence(1)), Ok(()));
    }

    #[test]
    fn of_two_tables_each_goes_on_from_its_own() {
        let files = BundleFiles::default();
        let start = files.in_force_now();
        let newer = read(&start, "certificate.a", "home.example", &sequence(4)).unwrap();
        let older = read(&start, "certificate.b", "home.example", &sequence(2)).unwrap();
        let reload = files.in_force_now();
        assert!(read(&reload, "certificate.a", "home.example", &sequence(3)).is_err());
        assert!(read(&reload, "certificate.b", "home.example", &sequence(1)).is_err());
        let next = read(&reload, "certificate.b", "home.example", &sequence(3)).unwrap();
        // Whoever still has the configuration before holds what was in force then.
        drop(older);
        let reload = files.in_force_now();
        assert!(read(&reload, "certificate.b", "home.example", &sequence(2)).is_err());
        drop((newer, next));
    }

    #[test]
    fn one_that_says_no_sequence_says_nothing_of_its_age() {
        let files = BundleFiles::default();
        let first = read(&files.in_force_now(), "certificate.a", "home.example", "").unwrap();
        let next = files.in_force_now();
        assert!(read(&next, "certificate.a", "home.example", "").is_ok());
        assert!(read(&next, "certificate.a", "home.example", &sequence(1)).is_ok());
        drop(first);
    }
}
