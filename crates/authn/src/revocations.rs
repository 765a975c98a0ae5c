//! Where revocation lists come from: a port, for files and networks are the edge's.

use countersign_core::options::Fault;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::CrlIndex;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What one `[certificate.NAME]` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevocationSources {
    /// Files, and folders of files.
    pub paths: Vec<PathBuf>,
    /// Where lists are fetched.
    pub urls: Vec<Url>,
    /// How often.
    pub refresh: Duration,
}

/// The revocation lists of one set of authorities, kept up to date.
pub trait Revocations: Send + Sync + fmt::Debug {
    /// The lists there are now.
    fn index(&self) -> Arc<CrlIndex>;

    /// Another number whenever the lists are others.
    fn generation(&self) -> u64;

    /// What the operator should hear of them now, in whole sentences: of whom no list is in force, and whose lists are
    /// nobody's here. With `accept_stale` one that has ended is good enough.
    fn shortcomings(&self, accept_stale: bool) -> Vec<String>;
}

/// Opens them.
pub trait RevocationsFactory: Send + Sync + fmt::Debug {
    /// The lists of `sources`, for certificates of `authorities`. Faults are at `crls` or `crl_urls`: a file that cannot be
    /// read, or holds no list that one of the authorities signed.
    fn open(
        &self,
        sources: RevocationSources,
        authorities: &Arc<Authorities>,
    ) -> Result<Arc<dyn Revocations>, Vec<Fault>>;
}

/// For tests in which nobody names lists.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct NoLists;

#[cfg(test)]
impl RevocationsFactory for NoLists {
    fn open(&self, _: RevocationSources, _: &Arc<Authorities>) -> Result<Arc<dyn Revocations>, Vec<Fault>> {
        Err(Vec::new())
    }
}
