//! Whom a table believes: authorities that stand in the configuration, or those that a Workload API tells, which change
//! while the gateway runs.

use crate::bundles::{BundleSource, X509Authorities};
use countersign_x509::authorities::Authorities;
use std::sync::{Arc, Mutex, PoisonError};

/// The authorities of one table.
#[derive(Debug)]
pub(super) enum Believed {
    /// Until the configuration changes.
    Fixed(Arc<Authorities>),
    /// Whatever is told of the trust domain now.
    Live(Live),
}

/// The authorities that a Workload API tells.
#[derive(Debug)]
pub(super) struct Live {
    source: Arc<dyn BundleSource>,
    /// What was made of the authorities that were told last.
    made: Mutex<Option<Made>>,
}

/// Authorities, or why there are none, and what they were made of.
#[derive(Debug)]
struct Made {
    told: Result<X509Authorities, Arc<str>>,
    authorities: Result<Arc<Authorities>, Arc<str>>,
}

impl Believed {
    pub(super) fn live(source: Arc<dyn BundleSource>) -> Self {
        Self::Live(Live {
            source,
            made: Mutex::default(),
        })
    }

    /// The authorities now; why there are none, for the log.
    pub(super) fn now(&self) -> Result<Arc<Authorities>, Arc<str>> {
        match self {
            Self::Fixed(authorities) => Ok(Arc::clone(authorities)),
            Self::Live(live) => live.now(),
        }
    }

    /// Why nobody can be judged now, if so.
    pub(super) fn missing(&self) -> Option<Arc<str>> {
        match self {
            Self::Fixed(_) => None,
            Self::Live(live) => live.now().err(),
        }
    }

    /// Changes whenever the authorities do.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Live(live) => live.source.generation(),
        }
    }
}

impl Live {
    /// Certificates are read once for each change.
    fn now(&self) -> Result<Arc<Authorities>, Arc<str>> {
        let told = self.source.x509_authorities();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*made
            && known.told == told
        {
            return known.authorities.clone();
        }
        let authorities = told.clone().and_then(|certificates| {
            let authorities = Authorities::all_anchors(certificates.iter().map(AsRef::as_ref));
            authorities
                .map(Arc::new)
                .map_err(|error| format!("the bundle that the Workload API told: {error}").into())
        });
        let answer = authorities.clone();
        *made = Some(Made { told, authorities });
        drop(made);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Told(Mutex<(u64, Result<X509Authorities, Arc<str>>)>);

    impl BundleSource for Told {
        fn x509_authorities(&self) -> Result<X509Authorities, Arc<str>> {
            self.0.lock().unwrap().1.clone()
        }

        fn generation(&self) -> u64 {
            self.0.lock().unwrap().0
        }
    }

    #[test]
    fn what_is_told_is_read_and_what_cannot_be_read_is_no_authority() {
        let told = Arc::new(Told(Mutex::new((0, Err("nobody answered".into())))));
        let believed = Believed::live(Arc::clone(&told) as _);
        let tell = |generation, ders: &[&[u8]]| {
            let ders = ders.iter().map(|der| Box::from(*der)).collect();
            *told.0.lock().unwrap() = (generation, Ok(ders));
        };
        assert_eq!(believed.missing().as_deref(), Some("nobody answered"));
        tell(1, &[b"no certificate"]);
        let missing = believed.missing().unwrap();
        assert!(
            missing.starts_with("the bundle that the Workload API told: certificate 1: "),
            "{missing}"
        );
        tell(2, &[]);
        assert!(believed.missing().is_some(), "an empty bundle believes nobody");
        assert_eq!(believed.generation(), 2);
    }
}
