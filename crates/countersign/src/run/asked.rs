//! Whom the program asks of its own accord: issuers for their keys, authorities for their revocation lists, Workload APIs
//! for trust bundles.

use countersign_authn::bundle_file::BundleFiles;
use countersign_authn::kinds::Parts;
use countersign_authn::login::cookies;
use countersign_authn::session::seal::Sealer;
use countersign_authn::token_cache::TokenCache;
use countersign_core::Ports;
use countersign_edge::key_sets::{KeySets, Refresh};
use countersign_edge::log::Log;
use countersign_edge::revocation_lists::RevocationLists;
use countersign_edge::sessions::{SessionKeeper, SessionSettings};
use countersign_edge::store::NoSessions;
#[cfg(feature = "workload-api")]
use countersign_edge::workload_api::WorkloadApis;
use std::sync::Arc;

/// What is asked, whatever configuration wants it. Must live inside a tokio runtime.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The issuers.
    pub(super) key_sets: Arc<KeySets>,
    bundle_files: BundleFiles,
    ports: Ports,
    /// The sessions.
    pub(super) sessions: Arc<SessionKeeper>,
    /// The revocation lists.
    pub(super) revocations: Arc<RevocationLists>,
    #[cfg(feature = "workload-api")]
    workload_apis: Arc<WorkloadApis>,
}

impl Asked {
    /// Nobody is asked yet.
    pub(crate) fn new(ports: &Ports, refresh: Refresh) -> Self {
        Self {
            key_sets: KeySets::new(ports, refresh),
            bundle_files: BundleFiles::default(),
            ports: ports.clone(),
            sessions: SessionKeeper::new(
                ports,
                // The store is opened when it is known which.
                Arc::new(NoSessions),
                SessionSettings::default(),
                Arc::new(Sealer::draw(&*ports.entropy)),
            ),
            revocations: RevocationLists::new(ports, refresh),
            #[cfg(feature = "workload-api")]
            workload_apis: WorkloadApis::new(&ports.clock),
        }
    }

    /// What authenticators are built from.
    pub(crate) fn parts(&self, tokens: Arc<TokenCache>) -> Parts {
        #[cfg(feature = "workload-api")]
        let bundles = Some(Arc::clone(&self.workload_apis) as _);
        #[cfg(not(feature = "workload-api"))]
        let bundles = None;
        Parts {
            keys: Arc::clone(&self.key_sets) as _,
            bundles,
            bundle_files: self.bundle_files.in_force_now(),
            tokens,
            revocations: Arc::clone(&self.revocations) as _,
            sessions: Arc::clone(&self.sessions) as _,
            cookie: cookies::SessionCookie::default(),
            sends_tokens: false,
            http: Arc::clone(&self.ports.http),
            entropy: Arc::clone(&self.ports.entropy),
        }
    }

    /// From now on, what cannot be had has a line in `log`.
    pub(super) fn tell(&self, log: &Arc<Log>) {
        self.key_sets.tell(log);
        self.revocations.tell(log);
        self.sessions.tell(log);
        #[cfg(feature = "workload-api")]
        self.workload_apis.tell(log);
    }
}
