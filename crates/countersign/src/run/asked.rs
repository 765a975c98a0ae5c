//! Whom the program asks of its own accord: issuers for their keys, authorities for their revocation lists, Workload APIs
//! for trust bundles.

use crate::compose::Loaded;
use crate::config::session::StorePlan;
use countersign_authn::bundle_file::BundleFiles;
use countersign_authn::kinds::Parts;
use countersign_authn::login::cookies;
use countersign_authn::provider::keys::KeyPlan;
use countersign_authn::session::seal::Sealer;
use countersign_authn::token_cache::TokenCache;
use countersign_core::Ports;
use countersign_core::gate::PublicPorts;
use countersign_edge::key_sets::{KeySets, Refresh};
use countersign_edge::log::Log;
use countersign_edge::provider_keys::{Place, ProviderKeys};
use countersign_edge::revocation_lists::RevocationLists;
use countersign_edge::sessions::{SessionKeeper, SessionSettings};
use countersign_edge::store::NoSessions;
#[cfg(feature = "workload-api")]
use countersign_edge::workload_api::WorkloadApis;
use std::sync::Arc;
use std::time::Duration;

/// How long it is waited for the provider's keys before it is answered without them.
const KEYS_WAITED_FOR: Duration = Duration::from_secs(5);

/// Which keys our own OpenID Provider wants made.
#[derive(Debug)]
pub(super) struct WantedKeys {
    /// None where there is no provider, or its keys are given.
    plan: Option<KeyPlan>,
    place: Place,
}

impl WantedKeys {
    /// Whether they are to be kept on this node.
    pub(super) const fn need_a_folder(&self) -> bool {
        self.plan.is_some() && matches!(self.place, Place::Node)
    }

    /// Those of `loaded`.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let keys = loaded.gateway.provider.as_ref().map(|provider| &provider.keys);
        Self {
            plan: keys.and_then(|keys| keys.plan()).cloned(),
            place: match loaded.session.store {
                StorePlan::Redis(_) => Place::Store,
                StorePlan::Memory { .. } | StorePlan::File { .. } | StorePlan::Cookie { .. } => Place::Node,
            },
        }
    }
}

/// What is asked, whatever configuration wants it. Must live inside a tokio runtime.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The issuers.
    pub(super) key_sets: Arc<KeySets>,
    bundle_files: BundleFiles,
    ports: Ports,
    /// The sessions.
    pub(super) sessions: Arc<SessionKeeper>,
    /// What our own OpenID Provider signs with.
    pub(super) provider_keys: Arc<ProviderKeys>,
    /// The revocation lists.
    pub(super) revocations: Arc<RevocationLists>,
    #[cfg(feature = "workload-api")]
    workload_apis: Arc<WorkloadApis>,
}

impl Asked {
    /// Nobody is asked yet.
    pub(crate) fn new(ports: &Ports, refresh: Refresh) -> Self {
        // The store is opened when it is known which.
        let (none, settings) = (Arc::new(NoSessions), SessionSettings::default());
        let sealer = Arc::new(Sealer::draw(&*ports.entropy));
        let sessions = SessionKeeper::new(ports, none, settings, sealer);
        Self {
            key_sets: KeySets::new(ports, refresh),
            bundle_files: BundleFiles::default(),
            ports: ports.clone(),
            provider_keys: ProviderKeys::new(ports, Arc::clone(&sessions) as _, refresh),
            sessions,
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
            signing_keys: Arc::clone(&self.provider_keys) as _,
            sessions: Arc::clone(&self.sessions) as _,
            cookie: cookies::SessionCookie::default(),
            sends_tokens: false,
            public_ports: PublicPorts::default(),
            http: Arc::clone(&self.ports.http),
            entropy: Arc::clone(&self.ports.entropy),
        }
    }

    /// From now on these keys are made and rotated. Waits until they are there, or cannot be had now. The store of sessions
    /// is open by then.
    pub(super) async fn make_keys(&self, wanted: WantedKeys) {
        let keys = &self.provider_keys;
        keys.follow(wanted.plan.as_ref(), wanted.place);
        let looked = keys.tick(self.ports.clock.now());
        // It goes on behind: until then nothing is signed.
        drop(tokio::time::timeout(KEYS_WAITED_FOR, looked).await);
    }

    /// From now on, what cannot be had has a line in `log`.
    pub(super) fn tell(&self, log: &Arc<Log>) {
        self.key_sets.tell(log);
        self.revocations.tell(log);
        self.sessions.tell(log);
        self.provider_keys.tell(log);
        #[cfg(feature = "workload-api")]
        self.workload_apis.tell(log);
    }
}
