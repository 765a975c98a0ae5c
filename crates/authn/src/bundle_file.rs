//! Which trust bundles are in force, and those in files (`bundle_file`), of certificates and of JWT-SVIDs alike: an older one
//! never takes the place of the one in force (SPIFFE Trust Domain and Bundle, section 4.1.1), for an authority withdrawn
//! since would count again. What was in force once says so as long as the process runs, wherever bundles come from now.

use countersign_core::options::{Fault, Values};
use countersign_core::spiffe::TrustDomain;
use countersign_jose::trust_bundle::TrustBundle;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
pub use version::{BundleInForce, Older};
use version::{Floor, Version};

mod version;

/// The bundles in force, as the configuration that is being read finds them, and those that it brings.
#[derive(Clone, Debug, Default)]
pub struct BundleFiles {
    memory: Arc<Mutex<Memory>>,
    /// Where one is in force.
    before: Arc<[Owner]>,
}

/// What the process knows.
#[derive(Debug, Default)]
struct Memory {
    held: Vec<Weak<BundleInForce>>,
    /// What ever was in force.
    known: Vec<(Owner, Floor)>,
}

/// What the entries of a bundle that are believed sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Svid {
    /// Certificates (`x509-svid`).
    X509,
    /// Tokens (`jwt-svid`).
    Jwt,
}

/// Whose bundle: of this table, such as `jwt_svid.mesh`, of this trust domain, and for what.
pub type BundleOf<'a> = (&'a str, &'a TrustDomain, Svid);

/// The same, to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    table: Box<str>,
    trust_domain: TrustDomain,
    svid: Svid,
}

/// A bundle that was read and may be taken.
#[derive(Debug)]
pub(crate) struct BundleFile<'v> {
    pub(crate) path: &'v str,
    pub(crate) bundle: TrustBundle,
    pub(crate) in_force: Arc<BundleInForce>,
}

impl BundleFiles {
    /// For a configuration that is read from now on: what is held now is in force, and will have been.
    #[must_use]
    pub fn in_force_now(&self) -> Self {
        let mut memory = self.memory();
        memory.held.retain(|bundle| bundle.strong_count() > 0);
        let held = memory.held.iter().filter_map(Weak::upgrade);
        let held = held.map(|bundle| (bundle.owner.clone(), bundle.version()));
        let mut held = held.collect::<Vec<_>>();
        held.retain(|(_, version)| version.taken);
        for (owner, version) in &held {
            version.floors.iter().for_each(|floor| memory.note(owner, *floor));
        }
        drop(memory);
        Self {
            memory: Arc::clone(&self.memory),
            before: held.into_iter().map(|(owner, _)| owner).collect(),
        }
    }

    /// The `bundle_file` among `values`; `None` where there is none.
    pub(crate) fn read<'v>(
        &self,
        of: BundleOf<'_>,
        values: &'v Values,
    ) -> Option<Result<BundleFile<'v>, Fault>> {
        let (path, bytes) = values.file("bundle_file")?;
        let fault = |message: String| Fault::new("bundle_file", format!("{path}: {message}"));
        let bundle = match TrustBundle::parse(bytes) {
            Ok(bundle) => bundle,
            Err(error) => return Some(Err(fault(error.to_string()))),
        };
        if let Err(older) = Older::check(bundle.sequence(), &self.floors(of)) {
            let help = "a newer one may have withdrawn what this one lists: bring one that is as new. Only a restart takes a \
                        trust domain that counts anew";
            return Some(Err(fault(older.to_string()).help(help)));
        }
        let floor = bundle.sequence().map(Floor::of_file);
        let version = Version {
            floors: floor.into_iter().collect(),
            taken: true,
        };
        Some(Ok(BundleFile {
            path,
            bundle,
            in_force: self.hold(of, version),
        }))
    }

    /// That of a bundle which is fetched: it is to be none older than what is in force.
    pub fn fetched(&self, of: BundleOf<'_>) -> Arc<BundleInForce> {
        let version = Version {
            floors: self.floors(of),
            taken: false,
        };
        self.hold(of, version)
    }

    fn hold(&self, of: BundleOf<'_>, version: Version) -> Arc<BundleInForce> {
        let in_force = Arc::new(BundleInForce::new(Owner::new(of), version));
        self.memory().held.push(Arc::downgrade(&in_force));
        in_force
    }

    /// What no older one takes the place of: what ever was in force at the table itself, or, where nothing is now, at any of
    /// its trust domain. Two tables may have bundles of different age.
    fn floors(&self, of: BundleOf<'_>) -> Vec<Floor> {
        let new = Owner::new(of);
        let has_own = self.before.contains(&new);
        let memory = self.memory();
        let known = memory.known.iter();
        let known = known.filter(|(owner, _)| *owner == new || !has_own && owner.is_of_the_same(&new));
        known.map(|(_, floor)| *floor).collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn note(&mut self, new: &Owner, floor: Floor) {
        let mut own = self.known.iter().filter(|(owner, _)| owner == new);
        if !own.any(|(_, known)| known.replaces(&floor)) {
            let stays = |(owner, known): &(Owner, Floor)| owner != new || !floor.replaces(known);
            self.known.retain(stays);
            self.known.push((new.clone(), floor));
        }
    }
}

impl Owner {
    fn new((table, trust_domain, svid): BundleOf<'_>) -> Self {
        Self {
            table: table.into(),
            trust_domain: trust_domain.clone(),
            svid,
        }
    }

    /// Whether it is of the same trust domain and kind.
    fn is_of_the_same(&self, other: &Self) -> bool {
        self.trust_domain == other.trust_domain && self.svid == other.svid
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
    use countersign_core::time::Monotonic;
    use std::time::Duration;

    fn values(more: &str) -> Values {
        let mut values = Values::default();
        let text = format!("{{\"keys\":[]{more}}}");
        values.insert(
            "bundle_file",
            OptionValue::File("b.json".to_owned(), text.into_bytes()),
        );
        values
    }

    /// Whose bundle `table` has.
    fn of<'a>(table: &'a str, domain: &'a TrustDomain) -> BundleOf<'a> {
        let svid = match table.split_once('.') {
            Some(("certificate", _)) => Svid::X509,
            _ => Svid::Jwt,
        };
        (table, domain, svid)
    }

    /// What `table` is given by this reading of a configuration.
    fn read(
        files: &BundleFiles,
        table: &str,
        domain: &str,
        more: &str,
    ) -> Result<Arc<BundleInForce>, String> {
        let (domain, values) = (TrustDomain::parse(domain).unwrap(), values(more));
        let read = files.read(of(table, &domain), &values).unwrap();
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
        assert!(again("certificate.b", "home.example", &sequence(3)).is_err());
        for (table, domain, more) in [
            ("certificate.a", "home.example", sequence(4)),
            ("certificate.a", "home.example", sequence(5)),
            ("certificate.a", "other.example", sequence(3)),
            ("certificate.b", "other.example", String::new()),
            ("jwt_svid.b", "home.example", sequence(3)),
        ] {
            assert_eq!(again(table, domain, &more), Ok(()), "{table} {domain} {more}");
        }
        // What was read and not taken is not in force.
        assert_eq!(again("certificate.a", "home.example", &sequence(4)), Ok(()));
        drop(first);
        let told = again("certificate.a", "home.example", &sequence(3)).unwrap_err();
        assert!(told.contains("3, and 4 is in force or was"), "{told}");
        assert_eq!(again("certificate.a", "home.example", &sequence(4)), Ok(()));
    }

    /// Of one table or another, a file or an endpoint: authorities, or nothing, may come between.
    #[test]
    fn what_was_in_force_is_known_whatever_source_comes_next() {
        let home = TrustDomain::parse("home.example").unwrap();
        let now = Monotonic::from_milliseconds(1000);
        let hour = Duration::from_hours(1);
        let fetched = |files: &BundleFiles, table| files.fetched(of(table, &home));
        let file = |files: &BundleFiles, table, number| read(files, table, "home.example", &sequence(number));

        let files = BundleFiles::default();
        let endpoint = fetched(&files.in_force_now(), "jwt_svid.a");
        assert_eq!(endpoint.allows(None, now), Ok(()));
        endpoint.taken(Some(3), hour, now);
        for table in ["jwt_svid.a", "jwt_svid.b"] {
            assert!(file(&files.in_force_now(), table, 1).is_err(), "{table}");
        }
        assert!(file(&files.in_force_now(), "certificate.a", 1).is_ok());
        drop(endpoint);
        assert!(file(&files.in_force_now(), "jwt_svid.a", 1).is_err());
        let held = file(&files.in_force_now(), "jwt_svid.a", 4).unwrap();
        drop(files.in_force_now());
        drop(held);
        let between = files.in_force_now();
        let endpoint = fetched(&between, "jwt_svid.a");
        assert!(endpoint.allows(Some(3), now).is_err() && endpoint.allows(None, now).is_err());
        assert!(
            endpoint.allows(Some(3), now.plus(hour * 9)).is_err(),
            "a file says not until when"
        );
        assert_eq!(endpoint.allows(Some(4), now), Ok(()));
        // Nor is that forgotten with what comes from there.
        endpoint.taken(Some(5), hour, now);
        assert!(endpoint.allows(Some(4), now).is_err());
        let later = now.plus(hour * 9);
        assert!(endpoint.allows(Some(3), later).is_err() && endpoint.allows(None, later).is_err());
        assert_eq!(endpoint.allows(Some(4), later), Ok(()));
    }

    /// What nobody has fetched yet says nothing of its table.
    #[test]
    fn an_endpoint_goes_on_from_its_own_bundle_and_forgets_one_that_is_too_old() {
        let home = TrustDomain::parse("home.example").unwrap();
        let (now, hour) = (Monotonic::from_milliseconds(1000), Duration::from_hours(1));
        let fetched = |files: &BundleFiles, table| files.fetched(of(table, &home));
        let files = BundleFiles::default();
        let start = files.in_force_now();
        let (newer, older) = (fetched(&start, "jwt_svid.a"), fetched(&start, "jwt_svid.b"));
        newer.taken(Some(5), hour, now);
        let reload = files.in_force_now();
        assert!(fetched(&reload, "jwt_svid.b").allows(Some(2), now).is_err());
        older.taken(Some(2), hour * 2, now);
        let reload = files.in_force_now();
        assert_eq!(fetched(&reload, "jwt_svid.b").allows(Some(2), now), Ok(()));
        assert!(fetched(&reload, "jwt_svid.b").allows(Some(1), now).is_err());
        // Another table's: none that counted once, and when the newer counts no more, the older does.
        drop((newer, older));
        let other = fetched(&files.in_force_now(), "jwt_svid.c");
        let told = other.allows(Some(4), now).unwrap_err().to_string();
        assert!(told.contains("4, and 5"), "{told}");
        let later = now.plus(hour + Duration::from_millis(1));
        assert_eq!(other.allows(Some(2), later), Ok(()));
        let told = other.allows(Some(1), later).unwrap_err().to_string();
        assert!(told.contains("1, and 2"), "{told}");
        assert_eq!(other.allows(None, now.plus(hour * 3)), Ok(()));
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
